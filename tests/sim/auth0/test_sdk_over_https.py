"""auth0-python as its own users run it: over https, with its own token handling, retries and pagination.

The other tests hand it a transport and a token; here it gets a domain and credentials only. It opens HTTP clients of
its own that take the CA from the environment alone (SSL_CERT_FILE, REQUESTS_CA_BUNDLE). Even the async client asks for
its token with a blocking call, so the tenant runs on another thread than the client.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import jwt
import pytest
from auth0.authentication import GetToken
from auth0.management import AsyncManagementClient, ManagementClient
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mlgate_sim.auth0 import Auth0Simulator

ROLES = 23


@pytest.fixture
def tenant(monkeypatch: pytest.MonkeyPatch) -> Iterator[Auth0Simulator]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    auth0 = Auth0Simulator(tls=True, host="localhost")
    asyncio.run_coroutine_threadsafe(auth0.start(), loop).result(30)
    monkeypatch.setenv("SSL_CERT_FILE", str(auth0.ca_file))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(auth0.ca_file))
    try:
        yield auth0
    finally:
        asyncio.run_coroutine_threadsafe(auth0.stop(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


@pytest.fixture
async def http(tenant: Auth0Simulator) -> AsyncIterator[httpx.AsyncClient]:
    """What the async client would open itself and never close."""
    async with httpx.AsyncClient() as client:
        yield client


def by_secret(tenant: Auth0Simulator) -> dict[str, Any]:
    return {"domain": tenant.domain, "client_id": tenant.client_id, "client_secret": tenant.client_secret}


async def test_the_async_client_needs_only_a_domain_and_credentials(
    tenant: Auth0Simulator, http: httpx.AsyncClient
) -> None:
    management = AsyncManagementClient(**by_secret(tenant), httpx_client=http)
    for number in range(ROLES):
        await management.roles.create(name=f"role-{number:02}")
    names = [role.name async for role in await management.roles.list(per_page=10)]
    assert names == [f"role-{number:02}" for number in range(ROLES)]
    assert len(tenant.requests.matching("POST", "/oauth/token")) == 1


async def test_the_sync_client_pages_and_changes_as_well(tenant: Auth0Simulator) -> None:
    def work() -> list[str]:
        management = ManagementClient(**by_secret(tenant))
        made = [management.clients.create(name=f"app-{number}", app_type="non_interactive") for number in range(7)]
        management.clients.update(made[0].client_id, description="first")
        management.clients.delete(made[6].client_id)
        return [client.name for client in management.clients.list(per_page=3, is_global=False)]

    names = await asyncio.to_thread(work)
    assert [name for name in names if name.startswith("app-")] == [f"app-{number}" for number in range(6)]


async def test_checkpoint_pagination_ends(tenant: Auth0Simulator, http: httpx.AsyncClient) -> None:
    management = AsyncManagementClient(**by_secret(tenant), httpx_client=http)
    for number in range(5):
        api = f"https://model-{number}.example.com"
        await management.resource_servers.create(identifier=api)
        await management.client_grants.create(client_id=tenant.client_id, audience=api, scope=[])
    pager = await management.client_grants.list(take=2)
    audiences = {grant.audience async for grant in pager}
    assert {f"https://model-{number}.example.com" for number in range(5)} <= audiences


async def test_a_429_is_waited_out_by_the_headers(tenant: Auth0Simulator, http: httpx.AsyncClient) -> None:
    management = AsyncManagementClient(**by_secret(tenant), httpx_client=http)
    refusal = {
        "statusCode": 429,
        "error": "Too Many Requests",
        "message": "Global limit has been reached",
        "errorCode": "too_many_requests",
    }
    tenant.faults.add(method="POST", path="/api/v2/roles", status=429, body=refusal, headers={"Retry-After": "1"})
    role = await management.roles.create(name="after the wait")
    assert [request.status for request in tenant.requests.matching("POST", "/api/v2/roles")] == [429, 200]
    assert list(tenant.state.roles) == [role.id]


async def test_a_private_key_gets_a_token_that_works(tenant: Auth0Simulator, http: httpx.AsyncClient) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    own = AsyncManagementClient(**by_secret(tenant), httpx_client=http)
    client = await own.clients.create(
        name="keyed",
        app_type="non_interactive",
        grant_types=["client_credentials"],
        client_authentication_methods={
            "private_key_jwt": {
                "credentials": [{"name": "first", "credential_type": "public_key", "pem": public.decode()}]
            }
        },
    )
    await own.client_grants.create(
        client_id=client.client_id, audience=tenant.management_audience, scope=["read:roles", "create:roles"]
    )

    def token() -> str:
        tokens = GetToken(
            tenant.domain,
            client.client_id,
            client_assertion_signing_key=pem,
            client_assertion_signing_alg="RS256",
        )
        answer: dict[str, str] = tokens.client_credentials(tenant.management_audience)
        return answer["access_token"]

    access_token = await asyncio.to_thread(token)
    claims = jwt.decode(access_token, options={"verify_signature": False})
    assert claims["scope"].split() == ["read:roles", "create:roles"]
    keyed = AsyncManagementClient(domain=tenant.domain, token=access_token, httpx_client=http)
    assert (await keyed.roles.create(name="by key")).name == "by key"
