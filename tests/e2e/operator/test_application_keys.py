"""An application that proves itself with a key, on a real API server: settings kept as written, the key in its Secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .waiting import eventually
from .world import World


@pytest.fixture
def world(quickstart: World) -> Iterator[World]:
    """The quickstart, with nothing of this module's own in it."""
    yield quickstart
    quickstart.kubectl("delete", "a0c/signer", "-n", "ml", "--ignore-not-found", "--timeout=30s")


def application(world: World) -> dict[str, Any]:
    clients = world.outside.do(lambda: [dict(each) for each in world.outside.auth0.state.clients.values()])
    return next((each for each in clients if each["name"] == "signer"), {})


def test_an_application_signs_with_the_key_in_its_secret_and_keeps_free_form_settings(
    world: World, tmp_path: Path
) -> None:
    spec = {
        "tenantRef": {"name": "main"},
        "tokenEndpointAuthMethod": "private_key_jwt",
        "credentialsSecret": {"name": "signer", "rotateEvery": "720h", "overlap": "24h"},
        "addons": {"samlp": {"audience": "urn:shop", "mappings": {"email": ["a", "b"]}}},
        "refreshToken": {"policies": [{"audience": "https://orders", "scope": ["read:orders"]}]},
    }
    metadata = {"name": "signer", "namespace": "ml"}
    file = tmp_path / "signer.yaml"
    file.write_text(
        yaml.safe_dump({"apiVersion": "mlgate.dev/v1alpha1", "kind": "Auth0Client", "metadata": metadata, "spec": spec})
    )
    world.kubectl("apply", "--validate=strict", "-f", str(file))
    world.wait_ready()
    made = application(world)
    assert made["addons"] == spec["addons"]
    assert made["refresh_token"]["policies"] == [{"audience": "https://orders", "scope": ["read:orders"]}]
    accepted = made["client_authentication_methods"]["private_key_jwt"]["credentials"]
    held = world.outside.do(lambda: dict(world.outside.auth0.state.credentials[made["client_id"]]))
    secret = world.secret("signer", "ml")
    assert [held[each["id"]]["kid"] for each in accepted] == [secret["kid"]]
    assert secret["private-key"].startswith("-----BEGIN PRIVATE KEY-----")
    world.kubectl("delete", "a0c/signer", "-n", "ml", "--timeout=30s")
    eventually(lambda: not application(world), "the application gone")
