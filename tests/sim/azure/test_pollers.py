"""Azure's own pollers follow the simulator's operations to their end, good or bad."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.polling import AsyncLROPoller
from azure.core.rest import HttpRequest
from azure.mgmt.core.polling.async_arm_polling import AsyncARMPolling

from mlgate_sim.azure import AzureSimulator
from sim.azure.arm_caller import API_VERSION, Arm, deployment_body, endpoint_body

ENDPOINT = "onlineEndpoints/fraud"


@pytest.fixture
async def quick() -> AsyncIterator[Arm]:
    """Operations of a tenth of a second on the real clock, so that polls see them running and ended."""
    async with AzureSimulator(operation_seconds=0.1) as azure:
        arm = Arm(azure)
        yield arm
        await arm.close()


async def run(arm: Arm, method: str, path: str, body: Any = None) -> Any:
    """Starts an operation and lets Azure's poller wait for it; what the poller makes of it."""
    url = f"{arm.workspace}/{path}".rstrip("/")
    request = HttpRequest(method, arm.azure.url + url, params={"api-version": API_VERSION}, json=body)
    started = await arm.client.send_request(request, _return_pipeline_response=True)

    def outcome(response: Any) -> Any:
        text = response.http_response.text()
        return response.http_response.json() if text and text != "null" else None

    return await AsyncLROPoller(arm.client, started, outcome, AsyncARMPolling(timeout=0.03)).result()


async def test_a_poller_sees_every_resource_through(quick: Arm) -> None:
    assert (await run(quick, "PUT", "", {"location": "westeurope"}))["name"] == "ws1"
    endpoint = await run(quick, "PUT", ENDPOINT, endpoint_body())
    assert endpoint["properties"]["provisioningState"] == "Succeeded"
    deployment = await run(quick, "PUT", f"{ENDPOINT}/deployments/blue", deployment_body())
    assert deployment["properties"]["requestSettings"]["requestTimeout"] == "PT5S"
    scaled = await run(quick, "PATCH", f"{ENDPOINT}/deployments/blue", {"sku": {"capacity": 2}})
    assert scaled["sku"]["capacity"] == 2
    routed = await run(quick, "PUT", ENDPOINT, endpoint_body(traffic={"blue": 100}))
    assert routed["properties"]["traffic"] == {"blue": 100}
    await run(quick, "POST", f"{ENDPOINT}/regenerateKeys", {"keyType": "Primary"})
    await run(quick, "DELETE", ENDPOINT)
    await run(quick, "DELETE", "")
    assert quick.azure.state == {}


async def test_a_poller_raises_what_a_failed_operation_says(quick: Arm) -> None:
    await run(quick, "PUT", "", {"location": "westeurope"})
    await run(quick, "PUT", ENDPOINT, endpoint_body())
    quick.azure.fail_deployment("fraud", "blue", code="ImageBuildFailure", message="pip found nothing")
    with pytest.raises(HttpResponseError) as raised:
        await run(quick, "PUT", f"{ENDPOINT}/deployments/blue", deployment_body())
    assert raised.value.status_code == 200, "a failed operation is an ordinary answer"
    assert raised.value.error is not None
    assert "pip found nothing" in str(raised.value.error.details[0].message)
