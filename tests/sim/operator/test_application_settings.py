"""Settings of an application that name its keys and certificates, as recorded (TestAccClientAuthenticationMethods*,
TestAccClientCredentialsTokenVaultPrivilegedAccess): written once, left alone when the order changes, removed by `unset`."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mlgate.kinds.auth0.application_keys import new_key
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
    return next((c for c in world.auth0.state.clients.values() if c["name"] == "shop"), {})


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


def certificate(name: str) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.datetime(2020, 1, 1))
        .not_valid_after(datetime.datetime(2040, 1, 1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def held(world: World) -> dict[str, str]:
    """The credentials of the application: type by name."""
    found = world.auth0.state.credentials.get(shop(world)["client_id"], {})
    return {each["name"]: each["credential_type"] for each in found.values()}


async def test_a_certificate_in_the_manifest_is_registered_accepted_replaced_and_removed(world: World) -> None:
    def given(name: str, pem: str) -> dict[str, Any]:
        return {"selfSignedTlsClientAuth": {"credentials": [{"name": name, "pem": pem}]}}

    first, second = certificate("first"), certificate("second")
    await world.apply(client("shop", clientAuthenticationMethods=given("a", first)))
    await world.ready(("Auth0Client", "shop"))
    assert held(world) == {"a": "x509_cert"}
    assert "token_endpoint_auth_method" not in shop(world)
    writes = len(world.writes())
    await world.passes(1300.0)
    await world.restart()
    await world.passes(1300.0)
    assert len(world.writes()) == writes

    await world.apply(client("shop", clientAuthenticationMethods=given("b", second)))
    await world.until(lambda: held(world) == {"b": "x509_cert"}, "the second certificate alone")
    await world.ready(("Auth0Client", "shop"))
    assert [w.method for w in world.writes()[writes:]] == ["POST", "PATCH", "DELETE"]
    (id_,) = world.auth0.state.credentials[shop(world)["client_id"]]
    assert shop(world)["client_authentication_methods"] == {
        "self_signed_tls_client_auth": {"credentials": [{"id": id_}]}
    }


@pytest.mark.parametrize("lost", ["POST .*/clients$", "POST .*/credentials$", "PATCH .*/clients/[^/]*$"])
async def test_a_key_in_the_manifest_is_registered_once_whatever_answer_is_lost(world: World, lost: str) -> None:
    method, path = lost.split(" ")
    world.auth0.faults.add(method=method, path=path, drop="after", times=1)
    key = {"name": "partner", "pem": new_key().public_pem}
    await world.apply(client("shop", signedRequestObject={"required": True, "credentials": [key]}))
    await world.until(lambda: (shop(world).get("signed_request_object") or {}).get("credentials"), "a key")
    await world.ready(("Auth0Client", "shop"))
    assert held(world) == {"partner": "public_key"}
    assert len([c for c in world.auth0.state.clients.values() if c["name"] == "shop"]) == 1

    await world.apply(client("shop", unset=["signedRequestObject"]))
    await world.until(lambda: held(world) == {}, "the key gone with what it was for")
    assert "signed_request_object" not in shop(world)
    await world.ready(("Auth0Client", "shop"))


async def test_a_pem_that_is_none_is_told_and_nothing_is_made(world: World) -> None:
    bad = {"name": "partner", "pem": "-----BEGIN PUBLIC KEY-----\nno\n-----END PUBLIC KEY-----"}
    await world.apply(client("shop", signedRequestObject={"credentials": [bad]}))
    await world.says("Auth0Client", "shop", "InvalidSpec", "is not an RSA public key")
    assert bodies(world) == []


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
