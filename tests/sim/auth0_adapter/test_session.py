"""The adapter against the simulated tenant: the promises that need both sides."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mlgate.auth0 import Plan, Session, Sessions, TenantAccess
from mlgate.errors import (
    AlreadyHeld,
    CredentialsRejected,
    Denied,
    Gone,
    LostAnswer,
    Quota,
    Retry,
    Terminal,
    WriteRefused,
)
from mlgate.outbound import Permit, Unfenced, Urgency, permitting
from mlgate.reasons import Reason
from mlgate.sensitive import Sensitive
from mlgate_sim.auth0 import Auth0Simulator

USER = Permit(Urgency.USER, Unfenced())
DRIFT = Permit(Urgency.DRIFT, Unfenced())


def requests(tenant: Auth0Simulator, since: int = 0) -> list[str]:
    return [f"{r.method} {r.path}" for r in list(tenant.requests)[since:] if r.path.startswith("/api/")]


def named(items: Iterable[Any], name: str) -> list[Any]:
    return [each for each in items if each["name"] == name]


async def test_the_token_tells_what_we_may_and_costs_one_request(tenant: Auth0Simulator, session: Session) -> None:
    granted = await asyncio.gather(*(session.verify() for _ in range(50)))
    assert {"read:clients", "create:resource_servers", "update:tenant_settings"} <= granted[0].scopes
    assert [r.path for r in tenant.requests] == ["/oauth/token"]


async def test_issuer_and_keys_are_the_tenants(tenant: Auth0Simulator, session: Session) -> None:
    assert session.issuer == tenant.issuer
    assert (await session.jwks())["keys"][0]["kid"]


async def test_a_client_from_its_creation_to_its_end(session: Session) -> None:
    with permitting(USER):
        made = await session.clients.create(
            {"name": "shop", "app_type": "non_interactive", "client_metadata": {"a": "b"}}
        )
        client_id = made["client_id"]
        assert made["client_secret"]
        updated = await session.clients.update(client_id, {"client_metadata": {"a": None, "c": "d"}})
        assert updated["client_metadata"] == {"c": "d"}
        rotated = await session.clients.rotate_secret(client_id)
        assert rotated["client_secret"] != made["client_secret"]
        assert await session.clients.find(lambda each: each["name"] == "shop") == [await session.clients.get(client_id)]
        await session.clients.delete(client_id)
        await session.clients.delete(client_id)
        assert await session.clients.get(client_id) is None
        with pytest.raises(Gone):
            await session.clients.update(client_id, {"name": "x"})


async def test_an_api_its_grant_and_a_role_on_it(session: Session) -> None:
    with permitting(USER):
        client = await session.clients.create({"name": "caller", "app_type": "non_interactive"})
        scopes = [{"value": "predict:fraud", "description": "Score"}]
        api = await session.resource_servers.create(
            {"identifier": "https://fraud.example.com/", "name": "F", "scopes": scopes}
        )
        assert await session.resource_servers.by_identifier(
            "https://fraud.example.com/"
        ) == await session.resource_servers.get(api["id"])
        assert await session.resource_servers.by_identifier("https://other.example.com/") is None

        pair = (client["client_id"], api["identifier"])
        assert await session.client_grants.by_key(*pair, subject_type="client") is None
        grant = await session.client_grants.create(
            {"client_id": pair[0], "audience": pair[1], "scope": ["predict:fraud"]}
        )
        assert await session.client_grants.by_key(*pair, subject_type="client") == await session.client_grants.get(
            grant["id"]
        )
        assert (await session.client_grants.update(grant["id"], {"scope": []}))["scope"] == []

        role = await session.roles.create({"name": "Analyst"})
        assert await session.roles.by_name("analyst") is None  # the service's filter ignores case
        found = await session.roles.by_name("Analyst")
        assert found
        assert found["id"] == role["id"]
        permission = {"resource_server_identifier": api["identifier"], "permission_name": "predict:fraud"}
        await session.roles.add_permissions(role["id"], [permission])
        assert [p["permission_name"] for p in await session.roles.permissions(role["id"])] == ["predict:fraud"]
        await session.roles.remove_permissions(role["id"], [permission])
        assert await session.roles.permissions(role["id"]) == []
        for _ in range(2):  # the service says 404 to the second delete of a role
            await session.roles.delete(role["id"])
            await session.client_grants.delete(grant["id"])
            await session.resource_servers.delete(api["id"])


async def test_the_tenants_settings(session: Session) -> None:
    with permitting(USER):
        await session.tenant.update(
            {"friendly_name": "Models", "flags": {"disable_clickjack_protection_headers": True}}
        )
        settings = await session.tenant.settings()
    assert settings["friendly_name"] == "Models"
    assert settings["flags"]["disable_clickjack_protection_headers"] is True


async def test_a_taken_name_is_already_held(session: Session) -> None:
    with permitting(USER):
        await session.roles.create({"name": "Analyst"})
        with pytest.raises(AlreadyHeld):
            await session.roles.create({"name": "Analyst"})


async def test_a_name_that_the_service_refuses_is_told_by_its_field(session: Session) -> None:
    with permitting(USER), pytest.raises(Terminal) as caught:
        await session.clients.create({"name": "<shop>"})
    assert caught.value.reason is Reason.INVALID_SPEC
    assert "`name`" in caught.value.message


async def test_a_dropped_answer_is_lost_and_the_client_is_made_once(tenant: Auth0Simulator, session: Session) -> None:
    await session.verify()
    tenant.faults.add(method="POST", path="/api/v2/clients", drop="after")
    with permitting(USER):
        with pytest.raises(LostAnswer):
            await session.clients.create({"name": "shop"})
        found = await session.clients.find(lambda each: each["name"] == "shop")
    assert len(found) == 1
    assert requests(tenant).count("POST /api/v2/clients") == 1


async def test_a_gateways_502_after_a_create_is_lost_and_the_client_is_made_once(
    tenant: Auth0Simulator, session: Session
) -> None:
    tenant.faults.add(method="POST", path="/api/v2/clients", status=502, body="<html>", applies=True)
    with permitting(USER):
        with pytest.raises(LostAnswer):
            await session.clients.create({"name": "shop"})
        assert len(await session.clients.find(lambda each: each["name"] == "shop")) == 1
    assert requests(tenant).count("POST /api/v2/clients") == 1


async def test_a_read_whose_answer_is_dropped_can_simply_be_asked_again(
    tenant: Auth0Simulator, session: Session
) -> None:
    tenant.faults.add(method="GET", path="/api/v2/tenants/settings", drop="before")
    with pytest.raises(Retry) as caught:
        await session.tenant.settings()
    assert type(caught.value) is Retry
    assert await session.tenant.settings()


async def test_a_token_that_the_tenant_stops_taking_is_replaced_once(tenant: Auth0Simulator, session: Session) -> None:
    await session.verify()
    tenant.rotate_keys(revoke_previous=True)
    with permitting(USER):
        await session.clients.create({"name": "shop"})
    assert [r.path for r in tenant.requests].count("/oauth/token") == 2
    assert len(named(tenant.state.clients.values(), "shop")) == 1


async def test_wrong_credentials_are_rejected_with_what_to_do(sessions: Sessions, access: TenantAccess) -> None:
    wrong = TenantAccess(
        domain=access.domain,
        client_id=access.client_id,
        client_secret=Sensitive("canary-wrong-secret"),
        name=access.name,
        secret_name=access.secret_name,
    )
    with pytest.raises(CredentialsRejected) as caught:
        await sessions.session(wrong).verify()
    assert caught.value.gate == wrong.gate
    assert caught.value.message.startswith("Auth0 refused the client credentials of Auth0Tenant ml/main (401")
    assert "Secret ml/auth0-management" in caught.value.message
    assert "canary" not in caught.value.message


async def test_a_missing_scope_is_named(tenant: Auth0Simulator, session: Session) -> None:
    tenant.faults.add(
        path="/api/v2/roles",
        status=403,
        body={
            "statusCode": 403,
            "message": "Insufficient scope, expected any of: read:roles",
            "errorCode": "insufficient_scope",
        },
    )
    with pytest.raises(Denied, match="read:roles"):
        await session.roles.by_name("x")


async def test_nobody_listening_is_unreachable_and_a_write_never_left(
    access: TenantAccess, tenant: Auth0Simulator
) -> None:
    token = Sessions(endpoint=tenant.url)
    session = token.session(access)
    await session.verify()
    await tenant.stop()
    with permitting(USER), pytest.raises(Retry) as caught:
        for _ in range(2):  # the first one may find the old connection cut
            try:
                await session.clients.create({"name": "shop"})
            except LostAnswer:
                continue
    assert "refused the connection" in caught.value.message
    await token.close()


async def test_outside_a_permit_nothing_is_written(tenant: Auth0Simulator, session: Session) -> None:
    await session.verify()
    before = len(list(tenant.requests))
    with pytest.raises(WriteRefused):
        await session.clients.create({"name": "shop"})
    assert len(list(tenant.requests)) == before


async def test_250_clients_are_checked_for_drift_with_3_requests(tenant: Auth0Simulator, session: Session) -> None:
    with permitting(USER):
        made = await asyncio.gather(*(session.clients.create({"name": f"client {n}"}) for n in range(249)))
    ids = [each["client_id"] for each in made] + [tenant.client_id]
    since = len(list(tenant.requests))
    with permitting(DRIFT):
        found = await asyncio.gather(*(session.clients.get(each) for each in ids))
    assert [each and each["client_id"] for each in found] == ids
    assert requests(tenant, since) == ["GET /api/v2/clients"] * 3


async def test_a_full_last_page_is_not_followed_by_an_empty_one(tenant: Auth0Simulator, session: Session) -> None:
    with permitting(USER):
        await asyncio.gather(*(session.roles.create({"name": f"role {n}"}) for n in range(100)))
        since = len(list(tenant.requests))
        assert len(await session.roles.find(lambda _: True)) == 100
    assert requests(tenant, since) == ["GET /api/v2/roles"]


async def test_our_own_write_is_seen_by_the_next_drift_check(tenant: Auth0Simulator, session: Session) -> None:
    with permitting(USER):
        client_id = (await session.clients.create({"name": "old"}))["client_id"]
    with permitting(DRIFT):
        assert (await session.clients.get(client_id) or {})["name"] == "old"
        await session.clients.update(client_id, {"name": "new"})
        assert (await session.clients.get(client_id) or {})["name"] == "new"
        since = len(list(tenant.requests))
        assert (await session.clients.get(client_id) or {})["name"] == "new"
        assert requests(tenant, since) == []  # the read after the write is evidence by now
        await session.clients.delete(client_id)
        assert await session.clients.get(client_id) is None


async def test_an_object_that_a_listing_does_not_show_yet_is_asked_for_by_its_id(
    tenant: Auth0Simulator, session: Session
) -> None:
    tenant.state.visibility_delay = 3600
    with permitting(USER):
        client_id = (await session.clients.create({"name": "young"}))["client_id"]
    with permitting(DRIFT):
        assert await session.clients.get(client_id)


async def test_a_user_does_not_wait_for_a_snapshot(tenant: Auth0Simulator, session: Session) -> None:
    with permitting(USER):
        role = await session.roles.create({"name": "Analyst"})
        since = len(list(tenant.requests))
        await session.roles.get(role["id"])
        await session.roles.get(role["id"])
    assert requests(tenant, since) == [f"GET /api/v2/roles/{role['id']}"] * 2


async def signing(tenant: Auth0Simulator) -> TenantAccess:
    """The tenant's own client, proving itself by a key from now on."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    client = f"{tenant.url}/api/v2/clients/{tenant.client_id}"
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {tenant.management_token()}"}) as http:
        credential = {"credential_type": "public_key", "name": "k", "pem": public.decode(), "alg": "RS256"}
        made = await http.post(f"{client}/credentials", json=credential)
        methods = {"private_key_jwt": {"credentials": [{"id": made.json()["id"]}]}}
        used = await http.patch(
            client, json={"client_authentication_methods": methods, "token_endpoint_auth_method": None}
        )
        assert used.status_code == 200
    return TenantAccess(domain=tenant.domain, client_id=tenant.client_id, private_key_pem=Sensitive(private))


async def test_a_private_key_is_as_good_as_a_secret(tenant: Auth0Simulator, sessions: Sessions) -> None:
    assert "read:clients" in (await sessions.session(await signing(tenant)).verify()).scopes


@pytest.mark.parametrize("off", [-55.0, 55.0], ids=["behind", "ahead"])
async def test_a_clock_that_is_off_by_less_than_a_minute_does_not_matter(tenant: Auth0Simulator, off: float) -> None:
    sessions = Sessions(endpoint=tenant.url, wall=lambda: time.time() + off)
    assert (await sessions.session(await signing(tenant)).verify()).scopes
    await sessions.close()


@pytest.mark.parametrize(
    ("off", "words"),
    [
        pytest.param(-900.0, r"The client_assertion has expired.* \d+ s behind Auth0's", id="behind"),
        pytest.param(900.0, r"The client_assertion is valid for too long.* \d+ s ahead of Auth0's", id="ahead"),
    ],
)
async def test_a_clock_that_is_far_off_is_told_as_the_reason(tenant: Auth0Simulator, off: float, words: str) -> None:
    sessions = Sessions(endpoint=tenant.url, wall=lambda: time.time() + off)
    with pytest.raises(CredentialsRejected, match=words):
        await sessions.session(await signing(tenant)).verify()
    await sessions.close()


async def test_a_certificate_is_trusted_by_its_authority_and_else_the_message_says_tls() -> None:
    async with Auth0Simulator(tls=True) as tenant:
        access = TenantAccess(
            domain=tenant.domain, client_id=tenant.client_id, client_secret=Sensitive(tenant.client_secret)
        )
        trusting, doubting = Sessions(endpoint=tenant.url, ca_file=str(tenant.ca_file)), Sessions(endpoint=tenant.url)
        assert (await trusting.session(access).verify()).scopes
        with pytest.raises(Retry, match="is not trusted \\(TLS: "):
            await doubting.session(access).verify()
        await trusting.close()
        await doubting.close()


async def test_a_name_that_does_not_resolve_is_told_as_dns() -> None:
    sessions = Sessions()
    access = TenantAccess(domain="no-such-tenant.invalid", client_id="c", client_secret=Sensitive("s"))
    with pytest.raises(Retry, match=r"no-such-tenant\.invalid cannot be resolved \(DNS"):
        await sessions.session(access).verify()
    await sessions.close()


SPEED = 20
"""Seconds of the test's clock in a second."""


def fast() -> float:
    return time.monotonic() * SPEED


async def sleep_fast(seconds: float) -> None:
    await asyncio.sleep(seconds / SPEED)


async def test_a_free_tenant_never_says_429() -> None:
    async with Auth0Simulator(tls=False, plan="free", clock=lambda: 1.8e9 + fast()) as tenant:
        access = TenantAccess(
            domain=tenant.domain,
            client_id=tenant.client_id,
            client_secret=Sensitive(tenant.client_secret),
            plan=Plan.FREE,
        )
        sessions = Sessions(endpoint=tenant.url, clock=fast, sleep=sleep_fast, longest_wait=1e6)
        session = sessions.session(access)
        with permitting(USER):
            await asyncio.gather(*(session.tenant.settings() for _ in range(40)))
        await sessions.close()
        statuses = [r.status for r in tenant.requests if r.path.startswith("/api/")]
    assert statuses == [200] * 40


async def test_a_tenant_whose_plan_is_not_told_says_429_and_is_believed() -> None:
    async with Auth0Simulator(tls=False, plan="free") as tenant:
        access = TenantAccess(
            domain=tenant.domain,
            client_id=tenant.client_id,
            client_secret=Sensitive(tenant.client_secret),
            plan=Plan.AUTO,
        )
        sessions = Sessions(endpoint=tenant.url)
        session = sessions.session(access)
        with permitting(USER):
            results = await asyncio.gather(*(session.tenant.settings() for _ in range(6)), return_exceptions=True)
        await sessions.close()
    quotas = [each for each in results if isinstance(each, Quota)]
    assert quotas
    assert all(each.after >= 0.5 and each.gate == "" for each in quotas)
