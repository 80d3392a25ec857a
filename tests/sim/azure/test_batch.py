"""Batch endpoints, their deployments and their default through azure-mgmt-core, and calls of them."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_sim.azure import AzureSimulator
from sim.azure.arm_caller import Arm, Caller, ManualClock

MONTHLY = "batchEndpoints/monthly"
FOREST = f"{MONTHLY}/deployments/forest"
INPUT = {"properties": {"inputData": {"data": {"jobInputType": "UriFolder", "uri": "https://store.example/data"}}}}


def endpoint(default: str | None = None, **properties: Any) -> dict[str, Any]:
    said = {"defaults": {"deploymentName": default}} if default else {}
    return {"location": "westeurope", "properties": {"authMode": "aadToken", **said, **properties}}


def deployment(**properties: Any) -> dict[str, Any]:
    model = {"referenceType": "Id", "assetId": "azureml:churn:3"}
    return {"location": "westeurope", "properties": {"model": model, **properties}}


@pytest.fixture
async def monthly(arm: Arm, clock: ManualClock) -> str:
    """A batch endpoint whose default is the deployment `forest`; its scoring URI."""
    for path, body in ((MONTHLY, endpoint()), (FOREST, deployment()), (MONTHLY, endpoint("forest"))):
        assert (await arm("PUT", path, body)).status_code == 201
        clock.forward(540)
    uri: str = (await arm("GET", MONTHLY)).json()["properties"]["scoringUri"]
    return uri


async def test_defaults_appear_when_a_creation_has_ended(arm: Arm, clock: ManualClock) -> None:
    await arm("PUT", MONTHLY, endpoint())
    clock.forward(540)
    made = await arm("PUT", FOREST, deployment(miniBatchSize=5, loggingLevel="debug"))
    at_once = made.json()["properties"]
    assert (made.status_code, at_once["provisioningState"], at_once["errorThreshold"]) == (201, "Creating", None)
    clock.forward(540)
    later = (await arm("GET", FOREST)).json()["properties"]
    assert (later["miniBatchSize"], later["errorThreshold"], later["outputFileName"]) == (5, -1, "predictions.csv")
    assert later["loggingLevel"] == "Debug"
    assert later["retrySettings"] == {"maxRetries": 3, "timeout": "PT30S"}


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        pytest.param("PUT", MONTHLY, endpoint("tree"), "does not exist", id="a default that is not there"),
        pytest.param("PUT", MONTHLY, endpoint(authMode="Key"), "AADToken", id="a mode other than Entra"),
        pytest.param("PUT", FOREST, {"location": "westeurope", "properties": {}}, "Model", id="no model"),
        pytest.param("PUT", FOREST, deployment(outputAction="Print"), "SummaryOnly", id="an unknown word"),
        pytest.param("DELETE", FOREST, None, "while it is the default", id="removing the default"),
        pytest.param("POST", f"{MONTHLY}/listKeys", None, "AADToken", id="keys, which there are not"),
    ],
)
async def test_what_is_refused(arm: Arm, monthly: str, method: str, path: str, body: Any, words: str) -> None:
    answer = await arm(method, path, body)
    assert (answer.status_code, words in answer.text()) == (400, True), answer.text()


async def test_a_cluster_that_is_not_there_is_refused(azure: AzureSimulator, arm: Arm, monthly: str) -> None:
    answer = await arm("PUT", FOREST, deployment(compute=f"{azure.workspace_id('ws1')}/computes/nightly"))
    assert (answer.status_code, "nightly" in answer.text()) == (400, True)


async def test_one_change_at_a_time_and_patches_that_are_cheap(arm: Arm, clock: ManualClock, monthly: str) -> None:
    patched = await arm("PATCH", FOREST, {"tags": {"a": "b"}, "properties": {"description": "new"}})
    assert (patched.json()["tags"], patched.json()["properties"]["description"]) == ({"a": "b"}, "new")
    await arm("PUT", FOREST, deployment())
    assert (await arm("PUT", MONTHLY, endpoint("forest"))).status_code == 409
    clock.forward(540)
    assert (await arm("PUT", MONTHLY, endpoint())).status_code == 201
    clock.forward(540)
    assert (await arm("GET", MONTHLY)).json()["properties"]["defaults"] == {"deploymentName": None}
    assert (await arm("DELETE", FOREST)).status_code == 202
    clock.forward(540)
    assert (await arm("GET", FOREST)).status_code == 404


async def test_a_call_starts_a_job_on_the_default_or_on_who_is_named(
    azure: AzureSimulator, arm: Arm, clock: ManualClock, caller: Caller, monthly: str
) -> None:
    await arm("PUT", f"{MONTHLY}/deployments/tree", deployment())
    clock.forward(540)
    token = azure.signer.sign({**azure.entra.claims("https://ml.azure.com")})
    status, body, headers = await caller.post(monthly, token, INPUT)
    assert (status, headers["azureml-model-deployment"]) == (201, "forest")
    assert body["name"].startswith("batchjob-")
    _, _, headers = await caller.post(monthly, token, INPUT, azureml_model_deployment="tree")
    assert headers["azureml-model-deployment"] == "tree"
    assert (await caller.post(monthly, "none", INPUT))[0] == 401
    unknown = {"properties": {"inputData": {"data": {"jobInputType": "Table"}}}}
    assert (await caller.post(monthly, token, unknown))[0] == 400
    assert (await caller.post(monthly, token, INPUT, azureml_model_deployment="oak"))[0] == 404
