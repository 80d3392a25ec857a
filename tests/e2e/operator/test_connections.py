"""A database of users on a real API server: made with its secret and its application, merged, and gone when Auth0 says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgate.store.protocol import Object

from .waiting import eventually
from .world import World

API_KEY = "k3y-of-the-legacy-database"
TENANT = {"tenantRef": {"name": "main"}}
KEY = {"path": "configuration.API_KEY", "valueFrom": {"secretKeyRef": {"name": "legacy-users", "key": "api-key"}}}


@pytest.fixture
def world(quickstart: World) -> Iterator[World]:
    """The quickstart, with nothing of this module's own in it."""
    yield quickstart
    for which in ("auth0connection/legacy", "auth0client/desk"):
        quickstart.kubectl("delete", which, "-n", "ml", "--ignore-not-found", "--timeout=30s")


def ours(kind: str, name: str, spec: dict[str, Any]) -> Object:
    metadata = {"name": name, "namespace": "ml"}
    return {"apiVersion": "mlgate.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": {**TENANT, **spec}}


def database(**options: Any) -> Object:
    spec = {"strategy": "auth0", "options": options, "optionSecrets": [KEY], "enabledClients": [{"name": "desk"}]}
    return ours("Auth0Connection", "legacy", spec)


def apply(world: World, folder: Path, *objects: Object) -> None:
    file = folder / "connections.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    world.kubectl("apply", "--validate=strict", "-f", str(file))


def legacy(world: World) -> dict[str, Any] | None:
    def find() -> dict[str, Any] | None:
        return next(
            (dict(each) for each in world.outside.auth0.state.connections.values() if each["name"] == "legacy"), None
        )

    return world.outside.do(find)


def test_a_database_keeps_its_secret_and_the_options_of_others_and_leaves_nothing_behind(
    world: World, tmp_path: Path
) -> None:
    metadata = {"name": "legacy-users", "namespace": "ml"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"api-key": API_KEY}}
    desk = ours("Auth0Client", "desk", {"appType": "regular_web"})
    apply(world, tmp_path, secret, desk, database(disable_signup=True, password_complexity_options={"min_length": 10}))
    world.wait_ready()
    made = legacy(world)
    assert made is not None
    assert made["options"]["configuration"]["API_KEY"].startswith("2.0$"), "encrypted by the service"
    client = world.get("Auth0Client", "desk")
    assert client is not None
    enabled = world.outside.auth0.state.connection_clients
    assert world.outside.do(lambda: list(enabled[made["id"]])) == [client["status"]["clientId"]]

    apply(world, tmp_path, database(disable_signup=True, password_complexity_options={"min_length": 12}))
    now = eventually(
        lambda: (
            (found := legacy(world)) and found["options"]["password_complexity_options"] == {"min_length": 12} and found
        ),
        "the new length",
    )
    assert (now["options"]["mfa"]["active"], now["options"]["disable_signup"]) == (True, True), "what was there stays"
    told = json.dumps([world.get("Auth0Connection", "legacy"), world.events_of("Auth0Connection", "legacy")])
    assert API_KEY not in told

    world.kubectl("delete", "auth0connection/legacy", "-n", "ml", "--timeout=30s")
    assert legacy(world) is None
