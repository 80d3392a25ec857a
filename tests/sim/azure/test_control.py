"""The simulator's own routes, and the simulator as a process of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mlgate_sim.azure import AzureSimulator
from sim.azure.arm_caller import Arm, Caller, ManualClock, deployment_body, endpoint_body

ENDPOINT = "onlineEndpoints/fraud"


async def ask(caller: Caller, method: str, url: str, body: Any = None) -> tuple[int, Any]:
    async with caller.session.request(method, url, json=body) as answer:
        return answer.status, await answer.json() if answer.content_type == "application/json" else None


async def test_a_deployment_is_scripted_to_fail_over_http(
    azure: AzureSimulator, arm: Arm, caller: Caller, clock: ManualClock
) -> None:
    await arm("PUT", ENDPOINT, endpoint_body())
    clock.forward(540)
    script = {
        "endpoint": "fraud",
        "deployment": "blue",
        "code": "ImageBuildFailure",
        "message": "no",
        "logs": ["a", "b"],
    }
    assert (await ask(caller, "POST", f"{azure.url}/_sim/fail-deployment", script))[0] == 201
    await arm("PUT", f"{ENDPOINT}/deployments/blue", deployment_body())
    clock.forward(540)
    assert (await arm("GET", f"{ENDPOINT}/deployments/blue")).json()["properties"]["provisioningState"] == "Failed"
    assert (await arm("POST", f"{ENDPOINT}/deployments/blue/getLogs", {})).json() == {"content": "a\nb\n"}
    assert (await ask(caller, "DELETE", f"{azure.url}/_sim/fail-deployment"))[0] == 204
    assert azure.memory.failures.failures == []


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("fail-deployment", {"endpoint": "fraud"}),
        ("fail-deployment", {"endpoint": "fraud", "code": "x", "typo": 1}),
        ("scoring", {"typo": 1}),
        ("throttle", {"bucket": "none"}),
        ("forbid", {}),
        ("state", None),
    ],
)
async def test_a_script_that_cannot_be_meant_is_refused(
    azure: AzureSimulator, caller: Caller, route: str, body: Any
) -> None:
    method = "PUT" if route == "state" else "POST"
    sent = {"nonsense": 1} if body is None else body
    assert (await ask(caller, method, f"{azure.url}/_sim/{route}", sent))[0] == 400


async def test_the_state_goes_out_and_in_over_http(azure: AzureSimulator, caller: Caller, serving: str) -> None:
    _, saved = await ask(caller, "GET", f"{azure.url}/_sim/state")
    await ask(caller, "POST", f"{azure.url}/_sim/reset")
    assert len(azure.state) == 1
    assert (await ask(caller, "PUT", f"{azure.url}/_sim/state", saved))[0] == 204
    assert len(azure.state) == 3


async def test_scoring_throttling_and_permissions_are_scripted_over_http(
    azure: AzureSimulator, arm: Arm, caller: Caller, serving: str
) -> None:
    for route, body in (
        ("scoring", {"endpoint": "fraud", "status": 429, "times": 1}),
        ("throttle", {"bucket": "deletes", "remaining": 0, "per_second": 0.5}),
        ("forbid", {"actions": ["*/listKeys/action"]}),
    ):
        assert (await ask(caller, "POST", f"{azure.url}/_sim/{route}", body))[0] == 204
    assert (await caller.post(serving, azure.memory.keys[f"{arm.workspace}/{ENDPOINT}".lower()]["primaryKey"]))[
        0
    ] == 429
    throttled = await arm("DELETE", ENDPOINT)
    assert (throttled.status_code, throttled.headers["Retry-After"]) == (429, "2")
    assert (await arm("POST", f"{ENDPOINT}/listKeys")).status_code == 403


async def test_a_token_with_any_claims_can_be_had(azure: AzureSimulator, caller: Caller) -> None:
    _, body = await ask(caller, "POST", f"{azure.url}/_sim/token", {"claims": {"aud": "elsewhere"}})
    claims = azure.signer.claims(body["access_token"])
    assert (claims["aud"], claims["appid"]) == ("elsewhere", azure.client_id)


async def test_it_runs_alone_until_it_is_told_to_stop(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    arguments = ["azure", "--port", "0", "--ca-out", str(ca_file), "--operation-seconds", "0", "--location", "eastus"]
    given = {"tenant": "t", "client-id": "c", "client-secret": "s", "subscription": "sub", "resource-group": "rg"}
    options = [part for name, value in given.items() for part in (f"--{name}", value)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mlgate_sim", *arguments, *options,
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3] / "operator",
    )  # fmt: skip
    try:
        assert process.stdout is not None
        facts = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        assert set(facts) == {
            "url", "ca_file", "tenant", "client_id", "client_secret", "subscription", "resource_group", "location",
        }  # fmt: skip
        assert (facts["tenant"], facts["resource_group"], facts["location"]) == ("t", "rg", "eastus")
        context = ssl.create_default_context(cafile=facts["ca_file"])
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{facts['url']}/t/v2.0/.well-known/openid-configuration", ssl=context) as answer,
        ):
            assert (await answer.json())["token_endpoint"] == f"{facts['url']}/t/oauth2/v2.0/token"
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
