"""Settings of an application that name its keys and certificates, as recorded (TestAccClientAuthenticationMethods*,
TestAccClientCredentialsTokenVaultPrivilegedAccess): written once, left alone when the order changes, removed by `unset`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from mlgate.kinds.application_keys import new_key
from mlgate_sim.auth0.credentials import new_credential

from .manifests import client, tenant_side
from .world import World, a_world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as made:
        await made.apply(tenant_side())
        await made.ready(("Auth0Tenant", "main"))
        yield made


def shop(world: World) -> dict[str, Any]:
    return next(c for c in world.auth0.state.clients.values() if c["name"] == "shop")


def bodies(world: World) -> list[Any]:
    return [w.body for w in world.writes() if w.path.startswith("/api/v2/clients") and w.method == "PATCH"]


def registered(world: World) -> str:
    """A key of the application, put there by its owner."""
    body = {"credential_type": "public_key", "name": "theirs", "pem": new_key().public_pem}
    made = new_credential(body, world.timeline.wall())
    world.auth0.state.credentials.setdefault(shop(world)["client_id"], {})[made["id"]] = made
    return str(made["id"])


async def test_a_certificate_replaces_the_client_secret(world: World) -> None:
    await world.apply(client("shop"))
    await world.ready(("Auth0Client", "shop"))
    named = {"selfSignedTlsClientAuth": {"credentials": [{"id": registered(world)}]}}
    await world.apply(client("shop", clientAuthenticationMethods=named))
    await world.until(lambda: shop(world).get("client_authentication_methods"), "a certificate")
    await world.ready(("Auth0Client", "shop"))
    wire = {"self_signed_tls_client_auth": named["selfSignedTlsClientAuth"]}
    assert bodies(world) == [{"client_authentication_methods": wire, "token_endpoint_auth_method": None}]
    await world.passes(1300.0)
    assert len(bodies(world)) == 1


async def test_signed_requests_and_the_token_vault_are_set_and_removed(world: World) -> None:
    await world.apply(client("shop"))
    await world.ready(("Auth0Client", "shop"))
    key = {"id": registered(world)}
    grants = [{"connection": "github", "scopes": ["repo", "user"]}, {"connection": "google", "scopes": ["mail"]}]
    settings: dict[str, Any] = {
        "signedRequestObject": {"required": True, "credentials": [key]},
        "tokenVaultPrivilegedAccess": {"credentials": [key], "grants": grants, "ipAllowlist": ["10.0.0.1"]},
        "jwtConfiguration": {"alg": "RS256", "secretEncoded": False},
        "sso": True,
    }
    await world.apply(client("shop", **settings))
    await world.until(lambda: "token_vault_privileged_access" in shop(world), "the settings")
    await world.ready(("Auth0Client", "shop"))
    assert shop(world)["signed_request_object"] == {"required": True, "credentials": [key]}
    assert shop(world)["token_vault_privileged_access"]["grants"] == grants
    shop(world)["token_vault_privileged_access"]["grants"] = [grants[1], {**grants[0], "scopes": ["user", "repo"]}]
    await world.passes(1300.0)
    assert len(bodies(world)) == 1, "another order is no drift"

    await world.apply(client("shop", unset=["signedRequestObject", "tokenVaultPrivilegedAccess"]))
    await world.until(lambda: "signed_request_object" not in shop(world), "the settings gone")
    assert bodies(world)[1] == {"signed_request_object": None, "token_vault_privileged_access": None}
    await world.ready(("Auth0Client", "shop"))
