"""As whom mlgate acts: each cloud has audiences of its own, a managed identity asks the machine, and a projected token that
Kubernetes replaced is read anew."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web

from mlgate.azureml import AzureAccess, ClientSecret, Elsewhere, ManagedIdentity, Sessions, WorkloadIdentity
from mlgate.azureml.access import CLOUDS
from mlgate.errors import CredentialsRejected, Terminal
from mlgate.reasons import Reason
from mlgate.sensitive import Sensitive
from mlgate_sim.azure import AzureSimulator

pytestmark = pytest.mark.usefixtures("permit")

DOCUMENTED = {
    "Public": ("management.azure.com", "login.microsoftonline.com"),
    "China": ("management.chinacloudapi.cn", "login.chinacloudapi.cn"),
    "USGovernment": ("management.usgovcloudapi.net", "login.microsoftonline.us"),
}
"""Azure Resource Manager and Entra: Azure's own pages about each cloud."""


@asynccontextmanager
async def reached(azure: AzureSimulator) -> AsyncIterator[Sessions]:
    sessions = Sessions(resource_manager=azure.url, authority=azure.url, ca_file=str(azure.ca_file))
    try:
        yield sessions
    finally:
        await sessions.close()


def access(azure: AzureSimulator, auth: Any, cloud: str = "Public") -> AzureAccess:
    return AzureAccess(cloud, azure.tenant, azure.subscription, auth, "AzureConnection ml/azure")


@pytest.mark.parametrize("cloud", DOCUMENTED)
def test_a_cloud_is_reached_where_azure_says(cloud: str) -> None:
    manager, authority = DOCUMENTED[cloud]
    assert (CLOUDS[cloud].resource_manager, CLOUDS[cloud].authority) == (f"https://{manager}", f"https://{authority}")


@pytest.mark.parametrize("cloud", DOCUMENTED)
async def test_tokens_are_meant_for_the_cloud_they_are_used_in(cloud: str) -> None:
    async with AzureSimulator(cloud=cloud, client_secret="right") as azure, reached(azure) as sessions:
        session = sessions.session(access(azure, ClientSecret(azure.client_id, Sensitive("right")), cloud))
        assert await session.workspaces.get(session.workspaces.id(azure.resource_group, "models")) is None
        scoring = jwt.decode((await session.scoring_token()).value.reveal(), options={"verify_signature": False})
        assert scoring["aud"] == azure.entra.ml_audience


async def test_the_wrong_cloud_is_refused_with_a_remedy() -> None:
    async with AzureSimulator(cloud="China", client_secret="right") as azure, reached(azure) as sessions:
        session = sessions.session(access(azure, ClientSecret(azure.client_id, Sensitive("right"))))
        with pytest.raises(CredentialsRejected, match="AzureConnection ml/azure"):
            await session.verify()


@dataclass
class Machine:
    """The metadata service of a machine: gives the tokens of its identities."""

    azure: AzureSimulator
    identities: tuple[str, ...] = ("",)
    asked: list[dict[str, str]] = field(default_factory=list)

    async def token(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        wanted = request.query.get("client_id", "")
        if request.headers.get("Metadata") != "true" or wanted not in self.identities:
            return web.json_response(
                {"error": "invalid_request", "error_description": "Identity not found"}, status=400
            )
        claims = self.azure.entra.claims(request.query["resource"])
        return web.json_response(
            {
                "access_token": self.azure.signer.sign(claims),
                "expires_in": "86399",
                "expires_on": str(claims["exp"]),
                "resource": request.query["resource"],
                "token_type": "Bearer",
            }
        )


@asynccontextmanager
async def machine(azure: AzureSimulator, monkeypatch: pytest.MonkeyPatch, *identities: str) -> AsyncIterator[Machine]:
    made = Machine(azure, identities or ("",))
    app = web.Application()
    app.router.add_get("/metadata/identity/oauth2/token", made.token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://127.0.0.1:{port}")
    try:
        yield made
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "named", [None, "11111111-1111-1111-1111-111111111111"], ids=["the machine's own", "a named one"]
)
async def test_a_managed_identity_asks_the_machine_once(named: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    async with AzureSimulator() as azure, machine(azure, monkeypatch, named or "") as imds, reached(azure) as sessions:
        session = sessions.session(access(azure, ManagedIdentity(named)))
        for name in ("models", "others"):
            assert await session.workspaces.get(session.workspaces.id(azure.resource_group, name)) is None
        (asked,) = imds.asked
        assert asked["resource"] == "https://management.azure.com"
        assert asked.get("client_id") == named
        assert len(azure.requests.matching("POST", "/oauth2/v2.0/token")) == 0


async def test_an_identity_that_the_machine_does_not_have_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async with AzureSimulator() as azure, machine(azure, monkeypatch, "") as imds, reached(azure) as sessions:
        with pytest.raises(CredentialsRejected, match="the managed identity 22222222"):
            await sessions.session(access(azure, ManagedIdentity("22222222-2222-2222-2222-222222222222"))).verify()
        assert len(imds.asked) == 1


async def test_a_projected_token_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(assertion(expires=-60))
    async with AzureSimulator() as azure, reached(azure) as sessions:
        session = sessions.session(access(azure, WorkloadIdentity(azure.client_id, str(token))))
        with pytest.raises(CredentialsRejected, match="outside of the time in which it is valid"):
            await session.verify()
        token.write_text(assertion(expires=3600))
        await session.verify()


def assertion(*, expires: int) -> str:
    """A service account's token, as a projected volume holds it."""
    now = int(time.time())
    claims = {"iss": "https://cluster.example", "sub": "system:serviceaccount:mlgate-system:mlgate"}
    return jwt.encode(
        {**claims, "aud": "api://AzureADTokenExchange", "iat": now - 7200, "exp": now + expires}, "x" * 32
    )


async def test_a_connection_names_its_endpoints_where_whoever_runs_mlgate_allows_them() -> None:
    async with AzureSimulator(client_secret="right") as azure:
        host = azure.url.removeprefix("https://")
        sessions = Sessions(endpoint_hosts=[host], ca_file=str(azure.ca_file))
        there = Elsewhere(azure.url, azure.url, arm_audience="https://management.core.windows.net/")
        known = access(azure, ClientSecret(azure.client_id, Sensitive("right")))
        session = sessions.session(replace(known, elsewhere=there))
        assert await session.workspaces.get(session.workspaces.id(azure.resource_group, "models")) is None
        await sessions.close()


@pytest.mark.parametrize("named", ["resource_manager", "authority"])
async def test_nothing_is_presented_at_a_host_that_is_not_allowed(named: str) -> None:
    async with AzureSimulator(client_secret="right") as azure:
        sessions = Sessions(endpoint_hosts=["allowed.example"], ca_file=str(azure.ca_file))
        there = Elsewhere(**{named: azure.url})
        known = access(azure, ClientSecret(azure.client_id, Sensitive("right")))
        with pytest.raises(Terminal, match="may not sign in") as caught:
            sessions.session(replace(known, elsewhere=there))
        assert caught.value.reason is Reason.ACCESS_DENIED
        assert "allowed.example" in caught.value.message
        assert len(azure.requests) == 0
        await sessions.close()
