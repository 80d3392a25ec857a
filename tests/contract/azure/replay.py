"""Replays recorded exchanges against the simulator: seeds what a recording presumes, sends, hands back the answer."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from mlgate_sim.azure import AzureSimulator
from mlgate_sim.azure.arm_message import parse_path

OPERATION_SECONDS = 540.0  # a deployment in TestOnlineDeployment took 9 min 11 s
ELIDED = "…"
SCORING = re.compile(r"https://([^/]+?)\.([^./]+)\.inference\.ml\.azure\.com(/.*)")
OPERATION = re.compile(r"/(?:mfe|workspace|compute)Operations(?:Status|Results?)/([^?]+)")
# The request body of the recorded workspace PATCH is described, not transcribed.
DESCRIBED_BODY = {"tags": {"a": "b"}, "properties": {"description": "changed", "friendlyName": "changed"}}


class Clock:
    def __init__(self) -> None:
        self.time = time.time()

    def __call__(self) -> float:
        return self.time


@dataclass
class Answered:
    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class Replay:
    """One recording (one `source`) against one simulator."""

    azure: AzureSimulator
    clock: Clock
    session: aiohttp.ClientSession
    prefix: str  # what an elided URL starts with
    location: str
    operations: dict[str, str] = field(default_factory=dict)  # recorded URL path -> ours
    endpoint_token: str = ""

    async def send(self, exchange: dict[str, Any]) -> Answered:
        """Seed what the exchange presumes, send its request, remember operations and tokens."""
        request, response = exchange["request"], exchange["response"]
        scoring = SCORING.fullmatch(request["url"])
        if scoring:
            if scoring[3] == "/jobs":
                return await self._call_batch(scoring[1], exchange)
            url = f"{self.azure.url}/scoring/{scoring[1]}.{scoring[2]}{scoring[3]}"
            return await self._http(request["method"], url, request["body"], self.endpoint_token)
        url = self._completed(request["url"])
        self._presume(request["method"], url, request["body"], response)
        if _is_final(response["body"]) or request["method"] not in ("GET", "POST"):
            # What the recorded caller had started before had ended by then.
            self.clock.time += OPERATION_SECONDS
        body = DESCRIBED_BODY if isinstance(request["body"], str) else request["body"]
        token = self.azure.signer.sign({**self.azure.entra.claims("https://management.azure.com")})
        answered = await self._http(request["method"], self.azure.url + url, body, token)
        recorded_operation = _header(response["headers"], "Azure-AsyncOperation")
        if recorded_operation:
            self.operations[_operation_id(recorded_operation)] = _operation_path(
                _header(answered.headers, "Azure-AsyncOperation")
            )
        if url.partition("?")[0].endswith("/token") and isinstance(answered.body, dict):
            self.endpoint_token = str(answered.body.get("accessToken", ""))
        return answered

    async def _call_batch(self, name: str, exchange: dict[str, Any]) -> Answered:
        """A call of a batch endpoint: on a deployment that stands, with a token of Entra. The recorded host is a test host
        of another region than the endpoint's."""
        deployment = _header(exchange["response"]["headers"], "azureml-model-deployment")
        found = self.azure.memory.endpoint_named(name, self.location, "batchendpoints")
        endpoint = found["id"] if found else f"{self.azure.workspace_id('00000')}/batchEndpoints/{name}"
        self._seed(endpoint.partition("/batchEndpoints/")[0], {"location": self.location})
        self._seed(endpoint, {"location": self.location, "properties": {"authMode": "aadToken"}})
        self.clock.time += OPERATION_SECONDS
        model = {"referenceType": "Id", "assetId": "azureml:mnist:1"}
        self._seed(f"{endpoint}/deployments/{deployment}", {"location": self.location, "properties": {"model": model}})
        asked = {
            "location": self.location,
            "properties": {"authMode": "aadToken", "defaults": {"deploymentName": deployment}},
        }
        self.azure.arm("PUT", endpoint, asked)
        self.clock.time += OPERATION_SECONDS
        token = self.azure.signer.sign({**self.azure.entra.claims(self.azure.entra.ml_audience)})
        request = exchange["request"]
        url = f"{self.azure.url}/scoring/{name}.{self.location}/jobs"
        return await self._http(request["method"], url, request["body"], token)

    async def _http(self, method: str, url: str, body: Any, token: str) -> Answered:
        headers = {"Authorization": f"Bearer {token}"}
        async with self.session.request(method, url, json=body, headers=headers) as answer:
            text = await answer.text()
            if not text:
                parsed: Any = None
            elif text == "null":
                parsed = "null"  # recorded as the four bytes
            else:
                parsed = await answer.json() if answer.content_type == "application/json" else text
            return Answered(answer.status, dict(answer.headers), parsed)

    def _completed(self, url: str) -> str:
        """The URL's path and query, with elided parts written out and operation ids of ours."""
        operation = OPERATION.search(url)
        if operation and operation[1] in self.operations:
            parts = urlsplit(url.replace(ELIDED, ""))
            return f"{self.operations[operation[1]]}?{parts.query}"
        if url.startswith(ELIDED):
            return self.prefix + url.removeprefix(ELIDED)
        parts = urlsplit(url)
        return f"{parts.path}?{parts.query}"

    def _presume(self, method: str, url: str, body: Any, response: dict[str, Any]) -> None:
        path = parse_path(urlsplit(url).path)
        if path.types[:1] != ("workspaces",) or response["status"] == 404:
            return
        is_create = method == "PUT" and path.trailing is None
        if not (is_create and len(path.types) == 1):
            self._seed(path.resource_id(1), {"location": self.location})
        if path.types[1:2] == ("computes",) and not is_create:
            cluster = {"vmSize": "STANDARD_DS1_V2", "scaleSettings": {"maxNodeCount": 1}}
            self._seed(path.resource_id(2), {"location": self.location, "properties": {"properties": cluster}})
        if path.types[1:2] != ("onlineendpoints",):
            return
        endpoint = path.resource_id(2)
        answered = response["body"] if isinstance(response["body"], dict) else {}
        is_update = answered.get("properties", {}).get("provisioningState") == "Updating"
        if is_create and len(path.types) == 2 and not is_update:
            return
        properties = body["properties"] if is_update and len(path.types) == 2 else {}
        self._seed(endpoint, {"location": self.location, "properties": {"authMode": properties.get("authMode", "Key")}})
        for name in properties.get("traffic") or {}:
            deployment = {"endpointComputeType": "Managed", "instanceType": "Standard_F4s_v2"}
            self._seed(f"{endpoint}/deployments/{name}", {"location": self.location, "properties": deployment})

    def _seed(self, resource_id: str, body: dict[str, Any]) -> None:
        if resource_id.lower() not in self.azure.state:
            self.azure.arm("PUT", resource_id, body)
            self.clock.time += OPERATION_SECONDS


def scope_of(exchanges: list[dict[str, Any]]) -> tuple[str, str, str]:
    """Subscription, resource group and region that one recording is about."""
    text = str(exchanges)
    path = re.search(r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/", text)
    location = re.search(r"'location': '(\w+)'|/locations/(\w+)/", text)
    region = next((group for group in location.groups() if group), "eastus2") if location else "eastus2"
    return (path[1], path[2], region) if path else ("none", "none", region)


def _is_final(body: Any) -> bool:
    if not isinstance(body, dict):
        return False
    is_asset = "modelUri" in str(body)
    state = body.get("status") or (body.get("properties") or {}).get("provisioningState")
    return state == "Succeeded" and not is_asset


def _header(headers: dict[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")


def _operation_id(url: str) -> str:
    found = OPERATION.search(url)
    return found[1] if found else url


def _operation_path(url: str) -> str:
    return urlsplit(url).path
