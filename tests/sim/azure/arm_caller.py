"""How the tests call the Azure simulator: the libraries the operator uses, pointed at it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import Any

import aiohttp
from azure.core.pipeline.policies import AsyncRetryPolicy, RequestIdPolicy
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.identity.aio import ClientSecretCredential
from azure.mgmt.core import AsyncARMPipelineClient
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy

from mlgate_sim.azure import AzureSimulator

API_VERSION = "2025-12-01"
DEADLINE = 20.0  # seconds


class ManualClock:
    """A clock that moves when told to; starts at the real time because azure-identity looks at that."""

    def __init__(self) -> None:
        self.time = time.time()

    def __call__(self) -> float:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += seconds


class Arm:
    """ARM through azure-mgmt-core, with a real credential, inside one workspace."""

    def __init__(self, azure: AzureSimulator, workspace: str = "ws1") -> None:
        self.azure = azure
        self.workspace = azure.workspace_id(workspace)
        self.credential = ClientSecretCredential(
            azure.tenant,
            azure.client_id,
            azure.client_secret,
            authority=azure.url,
            disable_instance_discovery=True,
            connection_verify=str(azure.ca_file),
        )
        policies = [
            RequestIdPolicy(),
            AsyncRetryPolicy(retry_total=0),
            AsyncARMChallengeAuthenticationPolicy(self.credential, "https://management.azure.com/.default"),
        ]
        self.client: Any = AsyncARMPipelineClient(
            base_url=azure.url, policies=policies, connection_verify=str(azure.ca_file)
        )

    async def __call__(self, method: str, path: str = "", body: Any = None, **query: str) -> AsyncHttpResponse:
        """`path` is below the workspace, or whole when it starts with `/`, or a URL."""
        if path.startswith("https://"):
            url = path
        else:
            url = self.azure.url + (path if path.startswith("/") else f"{self.workspace}/{path}".rstrip("/"))
        params = {} if "api-version=" in url else {"api-version": API_VERSION, **query}
        request = HttpRequest(method, url, params=params, json=body)
        response: AsyncHttpResponse = await self.client.send_request(request)
        return response

    async def settled(self, path: str = "") -> dict[str, Any]:
        """The resource once its provisioningState is final."""
        found: dict[str, Any] = {}

        async def final() -> bool:
            nonlocal found
            found = (await self("GET", path)).json()
            return found["properties"]["provisioningState"] in ("Succeeded", "Failed")

        await until(final)
        return found

    async def close(self) -> None:
        await self.client.close()
        await self.credential.close()


async def until(condition: Callable[[], Any]) -> None:
    """Waits for a condition, with a deadline."""
    end = asyncio.get_running_loop().time() + DEADLINE
    while True:
        outcome = condition()
        if asyncio.iscoroutine(outcome):
            outcome = await outcome
        if outcome:
            return
        assert asyncio.get_running_loop().time() < end, "the condition was not met in time"
        await asyncio.sleep(0.02)


class Caller:
    """A caller of the scoring URI, as the gateway is one."""

    def __init__(self, azure: AzureSimulator) -> None:
        context = ssl.create_default_context(cafile=str(azure.ca_file))
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))

    async def post(
        self, url: str, credential: str | None, payload: Any = None, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if credential is not None:
            sent["Authorization"] = f"Bearer {credential}"
        async with self.session.post(
            url, json=payload if payload is not None else {"amount": 120}, headers=sent
        ) as got:
            body = await got.json() if got.content_type == "application/json" else await got.text()
            return got.status, body, {name.lower(): value for name, value in got.headers.items()}

    async def close(self) -> None:
        await self.session.close()


def endpoint_body(location: str = "westeurope", auth_mode: str = "Key", **properties: Any) -> dict[str, Any]:
    return {
        "location": location,
        "identity": {"type": "SystemAssigned"},
        "tags": {"owner": "mlgate"},
        "properties": {"authMode": auth_mode, **properties},
    }


def deployment_body(location: str = "westeurope", **properties: Any) -> dict[str, Any]:
    return {
        "location": location,
        "sku": {"name": "Default", "capacity": 1},
        "properties": {"endpointComputeType": "Managed", "instanceType": "Standard_DS3_v2", **properties},
    }
