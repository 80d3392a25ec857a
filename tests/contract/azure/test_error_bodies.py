"""The refusals and failures quoted in public issues: the simulator can be brought to say each of them."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from contract.azure.comparison import embedded, table
from contract.azure.replay import OPERATION_SECONDS, Clock
from mlgate_sim.azure import AzureSimulator
from mlgate_sim.azure.arm_message import Answer

FLOOR = 10
"""How many of the quoted errors match today."""

LOCATION = {"location": "westeurope"}
ENDPOINT = {**LOCATION, "properties": {"authMode": "Key"}}
DEPLOYMENT = {**LOCATION, "properties": {"endpointComputeType": "Managed", "instanceType": "Standard_F4s_v2"}}


@dataclass
class Scene:
    """A workspace `ws1` with an endpoint `fraud`, and what a provocation needs."""

    azure: AzureSimulator
    clock: Clock

    def call(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        """`path` is below the workspace."""
        return self.azure.arm(method, f"{self.azure.workspace_id('ws1')}/{path}".rstrip("/"), body, query)

    def settle(self) -> None:
        self.clock.time += OPERATION_SECONDS
        self.azure.memory.advance()

    def ended(self, started: Answer) -> Answer:
        """The operation status of what was started, once it has ended."""
        self.settle()
        path = started.headers["Azure-AsyncOperation"].removeprefix(self.azure.url).partition("?")[0]
        return self.azure.arm("GET", path)


def quota(scene: Scene) -> Answer:
    scene.azure.fail_deployment("fraud", "blue", code="OutOfQuota", at="request")
    return scene.call("PUT", "onlineEndpoints/fraud/deployments/blue", DEPLOYMENT)


def name_taken(scene: Scene) -> Answer:
    scene.azure.memory.taken_names.add("theirs")
    return scene.call("PUT", "onlineEndpoints/theirs", ENDPOINT)


def busy(scene: Scene) -> Answer:
    scene.call("PUT", "onlineEndpoints/fraud", ENDPOINT)
    return scene.call("PUT", "onlineEndpoints/fraud/deployments/blue", DEPLOYMENT)


def soft_deleted(scene: Scene) -> Answer:
    scene.call("DELETE", "")
    scene.settle()
    return scene.call("PUT", "", LOCATION)


def storage_not_ready(scene: Scene) -> Answer:
    scene.azure.fail_operation(
        "workspaces/ws1", code="BadRequest", message="StorageAccountIsNotProvisioned", at="request"
    )
    return scene.call("PUT", "", LOCATION)


def asset_not_found(scene: Scene) -> Answer:
    return scene.call("GET", "models/none/versions/1")


def endpoint_not_found(scene: Scene) -> Answer:
    return scene.call("GET", "onlineEndpoints/none")


def cannot_pull(scene: Scene) -> Answer:
    scene.azure.fail_deployment("fraud", "blue", code="BadArgument")
    return scene.ended(scene.call("PUT", "onlineEndpoints/fraud/deployments/blue", DEPLOYMENT))


def operation_failed(scene: Scene) -> Answer:
    scene.azure.fail_deployment("fraud", "blue", code="InternalServerError")
    return scene.ended(scene.call("PUT", "onlineEndpoints/fraud/deployments/blue", DEPLOYMENT))


async def throttled(scene: Scene) -> Answer:
    """The bucket is in front of the state machine, so this one goes through HTTP."""
    scene.azure.throttle.set("reads", remaining=0, per_second=0.1)
    token = scene.azure.signer.sign(scene.azure.entra.claims("https://management.azure.com"))
    url = f"{scene.azure.url}{scene.azure.workspace_id('ws1')}?api-version=2025-12-01"
    context = ssl.create_default_context(cafile=str(scene.azure.ca_file))
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers, ssl=context) as answer:
        return Answer(answer.status, await answer.json(), dict(answer.headers))


PROVOCATIONS: dict[str, Callable[[Scene], Answer | Awaitable[Answer]]] = {
    "quota at deployment PUT": quota,
    "endpoint name taken in region": name_taken,
    "endpoint busy": busy,
    "soft-deleted workspace exists": soft_deleted,
    "storage not ready at workspace PUT (retryable)": storage_not_ready,
    "MFE not found": asset_not_found,
    "MFE->inferencing not found": endpoint_not_found,
    "identity cannot pull": cannot_pull,
    "ARM throttle": throttled,
    "LRO failed (HTTP 200!)": operation_failed,
}


def compare(quoted: dict[str, Any], answer: Answer) -> list[str]:
    """Status, error code, fields, the codes in `details` and the fields of the JSON inside their messages."""
    body: Any = answer.body
    error, said = quoted["body"]["error"], body.get("error", {})
    wrong: list[str] = []
    if quoted.get("status") not in (None, answer.status):
        wrong.append(f"status {quoted['status']} was quoted, {answer.status} came")
    if "status" in quoted["body"] and quoted["body"]["status"] != body.get("status"):
        wrong.append(f"status field {body.get('status')!r}")
    if error["code"] not in ("?", said.get("code")):
        wrong.append(f"code {error['code']} was quoted, {said.get('code')} came")
    wrong += [f"error.{name} is missing" for name in error if name not in said]
    for theirs, ours in zip(error.get("details", []), said.get("details", []), strict=False):
        if theirs["code"] != ours["code"]:
            wrong.append(f"details code {theirs['code']} was quoted, {ours['code']} came")
        inner, our_inner = embedded(theirs["message"]), embedded(ours["message"])
        if inner is not None and "errors" in inner:
            if inner["errors"].keys() != (our_inner or {}).get("errors", {}).keys():
                wrong.append(f"inner errors {list(inner['errors'])} were quoted, {our_inner} came")
        elif theirs["message"] != ours["message"]:
            wrong.append(f"details message {ours['message']!r}")
    quoted_info = {one["type"] for one in error.get("additionalInfo", [])}
    wrong += [
        f"additionalInfo {one} is missing" for one in quoted_info - {i["type"] for i in said.get("additionalInfo", [])}
    ]
    wrong += [f"header {name} is missing" for name in quoted.get("headers", {}) if name not in answer.headers]
    return wrong


async def scene_after(quoted: dict[str, Any]) -> list[str]:
    """What differs when the quoted error is provoked; the reason when nobody knows how to provoke it."""
    provoke = PROVOCATIONS.get(quoted["what"])
    if provoke is None:
        return ["nothing provokes it"]
    clock = Clock()
    async with AzureSimulator(clock=clock, operation_seconds=OPERATION_SECONDS, seed_workspace="ws1") as azure:
        scene = Scene(azure, clock)
        scene.call("PUT", "onlineEndpoints/fraud", ENDPOINT)
        scene.settle()
        answer = provoke(scene)
        return compare(quoted, answer if isinstance(answer, Answer) else await answer)


async def test_quoted_errors_can_be_provoked(
    error_bodies: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[tuple[str, str, str]] = []
    for quoted in error_bodies:
        wrong = await scene_after(quoted)
        rows.append((quoted["what"], "NOT matched" if wrong else "matched", "; ".join(wrong)))
    matched = sum(row[1] == "matched" for row in rows)
    with capsys.disabled():
        print(f"\nAzure: {matched} of {len(rows)} quoted errors match (floor {FLOOR})\n{table(rows)}")
    assert matched >= FLOOR
