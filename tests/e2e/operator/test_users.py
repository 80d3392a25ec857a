"""A user and a role for a while, on a real API server: made, told by kubectl, ended at its moment, and gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgate.store.protocol import Object

from .waiting import eventually
from .world import World

PASSWORD = "Analytical-Engine-1"
TENANT = {"tenantRef": {"name": "main"}}


@pytest.fixture
def world(quickstart: World) -> Iterator[World]:
    """The quickstart, with nothing of this module's own in it."""
    yield quickstart
    for which in ("auth0roleassignment/ada", "auth0user/ada", "auth0role/judge"):
        quickstart.kubectl("delete", which, "-n", "ml", "--ignore-not-found", "--timeout=30s")


def ours(kind: str, name: str, spec: dict[str, Any]) -> Object:
    metadata = {"name": name, "namespace": "ml"}
    return {"apiVersion": "mlgate.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": {**TENANT, **spec}}


def password(value: str) -> Object:
    metadata = {"name": "ada-password", "namespace": "ml"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"password": value}}


def apply(world: World, folder: Path, *objects: Object) -> None:
    file = folder / "users.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    world.kubectl("apply", "--validate=strict", "-f", str(file))


def users(world: World) -> list[dict[str, Any]]:
    return world.outside.do(lambda: [dict(user) for user in world.outside.auth0.state.users.values()])


def test_a_user_has_a_role_until_it_ends_and_leaves_nothing_behind(world: World, tmp_path: Path) -> None:
    user = {
        "email": "ada@example.com",
        "passwordSecretRef": {"name": "ada-password", "key": "password"},
        "appMetadata": {"team": "fraud", "limits": {"requests": 100}},
    }
    pair = {"userRef": {"name": "ada"}, "roleRef": {"name": "judge"}}
    apply(
        world,
        tmp_path,
        password(PASSWORD),
        ours("Auth0User", "ada", user),
        ours("Auth0Role", "judge", {}),
        ours("Auth0RoleAssignment", "ada", pair),
    )
    world.wait_ready()
    (made,) = users(world)
    assert made["password"] == PASSWORD
    assert {"team": "fraud", "limits": {"requests": 100}}.items() <= made["app_metadata"].items()
    assigned = world.get("Auth0RoleAssignment", "ada")
    assert assigned is not None
    role, has = assigned["status"]["roleId"], world.outside.auth0.state.role_users
    assert world.outside.do(lambda: list(has[role])) == [made["user_id"]]
    told = json.dumps([world.get("Auth0User", "ada"), world.events_of("Auth0User", "ada")])
    assert PASSWORD not in told

    apply(world, tmp_path, password("Difference-Engine-2"))
    eventually(lambda: users(world)[0]["password"] == "Difference-Engine-2", "the new password")

    ends = (datetime.now(UTC) + timedelta(seconds=2)).isoformat(timespec="seconds")
    apply(world, tmp_path, ours("Auth0RoleAssignment", "ada", {**pair, "expiresAt": ends}))
    world.wait_reason("Auth0RoleAssignment", "ada", "Expired")
    assert world.outside.do(lambda: list(has[role])) == []

    world.kubectl("delete", "auth0roleassignment/ada", "auth0user/ada", "-n", "ml", "--timeout=30s")
    assert users(world) == []
