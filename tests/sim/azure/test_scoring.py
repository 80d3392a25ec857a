"""The scoring URI: credentials per authMode, traffic, scripted trouble, and what the request log shows."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from typing import Any

import pytest

from mlgate_sim.azure import AzureSimulator
from mlgate_sim.azure import scoring as scoring_rules
from sim.azure.arm_caller import Arm, Caller, ManualClock, deployment_body, endpoint_body

ENDPOINT = "onlineEndpoints/fraud"


async def key_of(arm: Arm, which: str = "primaryKey") -> str:
    key: str = (await arm("POST", f"{ENDPOINT}/listKeys")).json()[which]
    return key


async def test_both_keys_open_the_endpoint_and_the_answer_says_who_answered(
    azure: AzureSimulator, arm: Arm, caller: Caller, serving: str
) -> None:
    for which in ("primaryKey", "secondaryKey"):
        status, body, headers = await caller.post(serving, await key_of(arm, which), {"amount": 5000})
        assert (status, body) == (200, {"prediction": {"fraud_probability": 0.6321}, "deployment": "blue"})
        assert headers["azureml-model-deployment"] == "blue"
        assert headers["server"] == "azureml-frontdoor"
        assert {"x-request-id", "x-ms-run-fn-exec-ms"} <= set(headers)


async def test_a_key_that_was_replaced_is_refused(arm: Arm, caller: Caller, clock: ManualClock, serving: str) -> None:
    old = await key_of(arm)
    await arm("POST", f"{ENDPOINT}/regenerateKeys", {"keyType": "Primary"})
    clock.forward(540)
    assert (await caller.post(serving, old))[0] == 401
    assert (await caller.post(serving, await key_of(arm)))[0] == 200


async def test_every_mode_takes_its_own_credential_and_no_other(azure: AzureSimulator, caller: Caller) -> None:
    azure.operation_seconds = 0
    base = azure.workspace_id("ws1")
    sign, entra = azure.signer.sign, azure.entra
    for name, mode in (("with-key", "Key"), ("with-token", "AMLToken"), ("with-aad", "AADToken")):
        for path, body in (
            (f"{base}/onlineEndpoints/{name}", endpoint_body(auth_mode=mode)),
            (f"{base}/onlineEndpoints/{name}/deployments/blue", deployment_body()),
            (f"{base}/onlineEndpoints/{name}", endpoint_body(auth_mode=mode, traffic={"blue": 100})),
        ):
            assert azure.arm("PUT", path, body).status == 201
    keys: Any = azure.arm("POST", f"{base}/onlineEndpoints/with-key/listKeys").body
    token: Any = azure.arm("POST", f"{base}/onlineEndpoints/with-token/token").body
    expired = {**azure.signer.claims(token["accessToken"]), "exp": 1_000_000_000}
    foreign = {**azure.signer.claims(token["accessToken"]), "serviceId": "another"}
    credentials = {
        "key": keys["primaryKey"],
        "endpoint token": token["accessToken"],
        "expired endpoint token": sign(expired),
        "token of another endpoint": sign(foreign),
        "Entra token for scoring": sign(entra.claims("https://ml.azure.com")),
        "Entra token for ARM": sign(entra.claims("https://management.azure.com")),
        "nothing": None,
    }
    opens = {("with-key", "key"), ("with-token", "endpoint token"), ("with-aad", "Entra token for scoring")}
    for endpoint in ("with-key", "with-token", "with-aad"):
        for what, credential in credentials.items():
            status, _, _ = await caller.post(f"{azure.url}/scoring/{endpoint}.westeurope/score", credential)
            assert status == (200 if (endpoint, what) in opens else 401), (endpoint, what)


async def test_traffic_is_divided_by_weight(azure: AzureSimulator, arm: Arm, clock: ManualClock, serving: str) -> None:
    await arm("PUT", f"{ENDPOINT}/deployments/green", deployment_body())
    clock.forward(540)
    await arm("PUT", ENDPOINT, endpoint_body(traffic={"blue": 90, "green": 10}))
    clock.forward(540)
    endpoint = azure.resource("onlineEndpoints", "ws1", "fraud")
    assert endpoint is not None
    draws = [index / 100 for index in range(100)]
    answered = Counter(
        scoring_rules.choose_deployment(azure.memory, endpoint, None, lambda draw=draw: draw)["name"] for draw in draws
    )
    assert answered == {"blue": 90, "green": 10}


async def test_a_pinned_deployment_answers_without_regard_to_traffic(
    arm: Arm, caller: Caller, clock: ManualClock, serving: str
) -> None:
    await arm("PUT", f"{ENDPOINT}/deployments/green", deployment_body())
    clock.forward(540)
    key = await key_of(arm)
    assert (await caller.post(serving, key, azureml_model_deployment="green"))[1]["deployment"] == "green"
    assert (await caller.post(serving, key, azureml_model_deployment="red"))[0] == 404


async def test_an_endpoint_without_traffic_answers_404(
    arm: Arm, caller: Caller, clock: ManualClock, serving: str
) -> None:
    await arm("PUT", ENDPOINT, endpoint_body())
    clock.forward(540)
    assert (await caller.post(serving, await key_of(arm)))[0] == 404


async def test_a_deployment_goes_on_serving_while_it_is_updated(
    arm: Arm, caller: Caller, clock: ManualClock, serving: str
) -> None:
    await arm("PUT", f"{ENDPOINT}/deployments/blue", deployment_body(instanceType="Standard_F4s_v2"))
    assert (await caller.post(serving, await key_of(arm)))[0] == 200


async def test_a_deleted_endpoint_is_gone(arm: Arm, caller: Caller, clock: ManualClock, serving: str) -> None:
    key = await key_of(arm)
    await arm("DELETE", ENDPOINT)
    clock.forward(540)
    assert (await caller.post(serving, key))[0] == 404


@pytest.mark.parametrize("status", [424, 429, 500])
async def test_scripted_answers(azure: AzureSimulator, arm: Arm, caller: Caller, serving: str, status: int) -> None:
    azure.script_scoring("fraud", status=status, times=1)
    key = await key_of(arm)
    seen, _, headers = await caller.post(serving, key)
    assert (seen, headers["azureml-model-deployment"]) == (status, "blue")
    assert ("ms-azureml-model-error-statuscode" in headers) == (status == 424)
    assert (await caller.post(serving, key))[0] == 200


async def test_a_model_slower_than_its_request_timeout_answers_408() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    async with AzureSimulator(operation_seconds=0, seed_workspace="ws1", sleep=sleep) as azure:
        base = azure.workspace_id("ws1")
        settings = {"requestTimeout": "PT3S"}
        azure.arm("PUT", f"{base}/{ENDPOINT}", endpoint_body())
        azure.arm("PUT", f"{base}/{ENDPOINT}/deployments/blue", deployment_body(requestSettings=settings))
        azure.arm("PUT", f"{base}/{ENDPOINT}", endpoint_body(traffic={"blue": 100}))
        keys: Any = azure.arm("POST", f"{base}/{ENDPOINT}/listKeys").body
        caller = Caller(azure)
        for latency, expected in ((2.5, 200), (60.0, 408)):
            azure.script_scoring("fraud", latency_seconds=latency, times=1)
            status, _, _ = await caller.post(f"{azure.url}/scoring/fraud.westeurope/score", keys["primaryKey"])
            assert status == expected
        await caller.close()
    assert slept == [2.5, 3.0]


async def test_input_that_is_not_json_makes_the_model_fail(
    azure: AzureSimulator, arm: Arm, caller: Caller, serving: str
) -> None:
    headers = {"Authorization": f"Bearer {await key_of(arm)}"}
    async with caller.session.post(serving, data=b"not json", headers=headers) as answer:
        assert answer.status == 424


async def test_the_log_shows_which_headers_arrived_and_only_a_hash_of_the_credential(
    azure: AzureSimulator, arm: Arm, caller: Caller, serving: str
) -> None:
    key = await key_of(arm)
    await caller.post(serving, key, X_Trace="1", Cookie="session=secret")
    seen = azure.requests.matching("POST", "/scoring/")[-1]
    assert seen.notes["credential"] == f"Bearer sha256:{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    assert seen.notes["deployment"] == "blue"
    assert seen.headers["x-trace"] == "1"
    assert "cookie" in seen.headers
    assert "azureml-model-deployment" not in seen.headers
    assert key not in str(seen.as_json())
    assert "session=secret" not in str(seen.as_json())


async def test_the_swagger_of_an_endpoint_wants_the_same_credential(
    azure: AzureSimulator, arm: Arm, caller: Caller, serving: str
) -> None:
    url = serving.removesuffix("/score") + "/swagger.json"
    headers = {"Authorization": f"Bearer {await key_of(arm)}"}
    async with caller.session.get(url, headers=headers) as answer:
        assert "/score" in (await answer.json())["paths"]
    async with caller.session.get(url) as answer:
        assert answer.status == 401


@pytest.mark.parametrize(
    ("duration", "expected"), [("PT5S", 5), ("PT1M30S", 90), ("PT0.5S", 0.5), ("P1DT1H", 90_000), ("PT0S", 0)]
)
def test_durations_are_read(duration: str, expected: float) -> None:
    assert scoring_rules.seconds(duration) == expected


async def test_a_share_of_the_calls_is_copied_to_a_shadow_and_only_noted(
    azure: AzureSimulator, arm: Arm, caller: Caller, clock: ManualClock, serving: str
) -> None:
    await arm("PUT", f"{ENDPOINT}/deployments/green", deployment_body())
    clock.forward(540)
    await arm("PUT", ENDPOINT, endpoint_body(traffic={"blue": 100}, mirrorTraffic={"green": 20}))
    clock.forward(540)
    endpoint = azure.resource("onlineEndpoints", "ws1", "fraud")
    assert endpoint is not None
    draws = [index / 100 for index in range(100)]
    copied = [scoring_rules.choose_mirror(azure.memory, endpoint, None, lambda draw=draw: draw) for draw in draws]
    assert Counter(copied) == {"green": 20, None: 80}
    assert scoring_rules.choose_mirror(azure.memory, endpoint, "blue", lambda: 0.0) is None
    azure.memory.serving.clear()
    assert scoring_rules.choose_mirror(azure.memory, endpoint, None, lambda: 0.0) is None


async def test_whoever_accepts_events_gets_the_answer_piece_by_piece() -> None:
    goes_on = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await goes_on.wait()

    async with AzureSimulator(operation_seconds=0, seed_workspace="ws1", sleep=sleep) as azure:
        base = azure.workspace_id("ws1")
        azure.arm("PUT", f"{base}/{ENDPOINT}", endpoint_body())
        azure.arm("PUT", f"{base}/{ENDPOINT}/deployments/blue", deployment_body())
        azure.arm("PUT", f"{base}/{ENDPOINT}", endpoint_body(traffic={"blue": 100}))
        keys: Any = azure.arm("POST", f"{base}/{ENDPOINT}/listKeys").body
        azure.script_scoring("fraud", events=2, pause_seconds=1.0)
        caller = Caller(azure)
        headers = {"Authorization": f"Bearer {keys['primaryKey']}", "Accept": "text/event-stream"}
        url = f"{azure.url}/scoring/fraud.westeurope/score"
        async with caller.session.post(url, json={"amount": 5000}, headers=headers) as answer:
            assert answer.headers["Content-Type"] == "text/event-stream"
            assert answer.headers["azureml-model-deployment"] == "blue"
            first = await answer.content.readuntil(b"\n\n")
            assert json.loads(first.removeprefix(b"data: "))["part"] == 1
            goes_on.set()
            rest = (await answer.content.read()).decode().split("\n\n")
        await caller.close()
    assert len(rest) == 3 and rest[-2] == "data: [DONE]"
