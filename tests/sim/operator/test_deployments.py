"""An online deployment's life at Azure: every field, the cheap way for the count, failures told and got over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from mlgate.engine import objects
from mlgate.store.protocol import Object
from mlgate_sim.azure.arm_message import Json

from .manifests import azure_side, deployment, endpoint, secret
from .world import World

EXAMPLE = Path(__file__).parents[3] / "examples" / "kinds" / "AzureMLOnlineDeployment.yaml"
BLUE = ("AzureMLOnlineDeployment", "blue")
FRAUD = ("AzureMLOnlineEndpoint", "fraud")
HOUR = 3600.0


async def standing(world: World, **weights: int) -> None:
    """An endpoint in a workspace."""
    await world.apply(azure_side())
    await world.apply(endpoint("fraud", traffic=weights) if weights else endpoint("fraud"))


def at_azure(world: World, name: str = "blue") -> Json:
    found = world.azure.resource("onlineEndpoints/deployments", "ml-workspace", "fraud", name)
    assert found is not None
    return found


def sent(world: World, method: str) -> list[Any]:
    return [e.body for e in world.azure.requests.matching(method, "/deployments/blue$")]


async def asked_again(world: World, value: str) -> None:
    note = {"metadata": {"annotations": {"mlgate.dev/reconcile-requested-at": value}}}
    await world.patch(*BLUE, note)


def example() -> Object:
    """The example of the reference, behind this endpoint."""
    manifest: Object = yaml.safe_load(EXAMPLE.read_text())
    manifest["metadata"] |= {"name": "blue", "namespace": "ml"}
    manifest["spec"]["endpointRef"] = {"name": "fraud"}
    for asset in ("model", "environment"):
        manifest["spec"][asset].pop("ref", None)
    return manifest


async def test_every_field_is_sent_once_and_never_seen_as_changed(world: World) -> None:
    await standing(world)
    await world.apply(secret("feature-store", {"token": "s3cr3t-token"}), example())
    await world.ready(BLUE)
    properties = at_azure(world)["properties"]
    assert properties["requestSettings"] == {
        "requestTimeout": "PT10S",
        "maxConcurrentRequestsPerInstance": 4,
        "maxQueueWait": "PT0.5S",
    }
    assert properties["livenessProbe"]["initialDelay"] == "PT30S"
    assert properties["startupProbe"] == {"period": "PT10S", "failureThreshold": 60}
    assert properties["environmentVariables"] == {"LOG_LEVEL": "info", "FEATURE_STORE_TOKEN": "s3cr3t-token"}
    assert properties["codeConfiguration"]["scoringScript"] == "score.py"
    assert properties["egressPublicNetworkAccess"] == "Disabled"
    assert properties["modelMountPath"] == "/var/model"
    assert properties["dataCollector"] == {
        "collections": {
            "model_inputs": {"dataCollectionMode": "Enabled", "samplingRate": 0.5},
            "request": {"dataCollectionMode": "Enabled"},
        },
        "rollingRate": "Hour",
        "requestLogging": {"captureHeaders": ["x-request-id"]},
    }
    body = sent(world, "PUT")[0]
    assert {"failurePolicy", "preflight", "mlgate"}.isdisjoint(body)
    told = json.dumps([await world.get(*BLUE), *await world.events(*BLUE)])
    assert "s3cr3t-token" not in told
    await world.passes(2 * HOUR)
    assert len(sent(world, "PUT")) == 1
    assert not sent(world, "PATCH")


async def test_what_azure_answers_in_other_words_is_no_change(world: World) -> None:
    """Durations in minutes, words in another casing, defaults added."""
    await standing(world)
    await world.apply(secret("feature-store", {"token": "s3cr3t-token"}), example())
    await world.ready(BLUE)
    properties = at_azure(world)["properties"]
    properties["requestSettings"] |= {"requestTimeout": "PT0H0M10S", "maxQueueWait": "PT0.5000000S"}
    properties["egressPublicNetworkAccess"] = "disabled"
    properties["dataCollector"]["collections"]["request"] |= {"dataId": "azureml:request:1", "samplingRate": 1.0}
    properties["model"] = properties["model"].replace("resourceGroups", "resourcegroups")
    await world.passes(HOUR)
    assert len(sent(world, "PUT")) == 1


async def test_the_count_and_tags_go_by_patch_and_the_rest_by_put(world: World) -> None:
    await standing(world)
    await world.apply(deployment("blue", "fraud", tags={"team": "a"}))
    await world.ready(BLUE)
    await world.apply(deployment("blue", "fraud", tags={"team": "b"}, instanceCount=4))
    await world.until(lambda: at_azure(world)["sku"]["capacity"] == 4, "four instances")
    await world.ready(BLUE)
    (patch,) = sent(world, "PATCH")
    assert patch["sku"] == {"capacity": 4}
    assert patch["tags"]["team"] == "b"
    assert "mlgate-owner" in patch["tags"]
    assert len(sent(world, "PUT")) == 1
    await world.apply(deployment("blue", "fraud", tags={"team": "b"}, instanceCount=5, appInsightsEnabled=True))
    await world.until(lambda: at_azure(world)["properties"]["appInsightsEnabled"], "application insights")
    assert len(sent(world, "PATCH")) == 1


async def test_somebody_who_scales_where_the_manifest_is_silent_is_left_alone(world: World) -> None:
    await standing(world)
    manifest = deployment("blue", "fraud")
    del manifest["spec"]["instanceCount"]
    await world.apply(manifest)
    await world.ready(BLUE)
    at_azure(world)["sku"]["capacity"] = 7
    await world.passes(HOUR)
    manifest["spec"]["description"] = "new"
    await world.apply(manifest)
    await world.until(lambda: at_azure(world)["properties"]["description"] == "new", "the description")
    assert at_azure(world)["sku"]["capacity"] == 7


async def test_a_failure_is_told_with_the_end_of_the_log_without_secrets(world: World) -> None:
    await standing(world)
    lines = [f"line {number}" for number in range(30)]
    lines += ["connecting with AccountKey=abcdEFGH1234567890abcdEFGH1234567890abcdEFGH12==", "ValueError: bad weights"]
    world.azure.fail_deployment("fraud", "blue", code="ResourceNotReady", logs=lines)
    await world.apply(deployment("blue", "fraud"))
    words = ("scoring script", "ValueError: bad weights", "mlgate.dev/reconcile-requested-at")
    await world.says("AzureMLOnlineDeployment", "blue", "ProvisioningFailed", *words)
    failure = objects.status(await world.get(*BLUE))["failure"]
    assert failure["log"][-1] == "ValueError: bad weights"
    assert len(failure["log"]) == 20
    assert "abcdEFGH" not in json.dumps(await world.get(*BLUE))


async def test_a_failed_one_is_tried_again_when_it_is_asked_for(world: World) -> None:
    await standing(world)
    world.azure.fail_deployment("fraud", "blue", code="BadArgument", times=1)
    await world.apply(deployment("blue", "fraud"))
    await world.says("AzureMLOnlineDeployment", "blue", "ProvisioningFailed")
    await asked_again(world, "1")
    await world.ready(BLUE)
    assert len(sent(world, "PUT")) == 2
    assert not world.azure.requests.matching("DELETE", "/deployments/")


async def test_a_failure_of_azures_own_is_tried_again_by_itself_but_not_at_once(world: World) -> None:
    await standing(world)
    world.azure.fail_deployment("fraud", "blue", code="InternalServerError", times=2)
    await world.apply(deployment("blue", "fraud"))
    await world.says("AzureMLOnlineDeployment", "blue", "ProvisioningFailed", "tries again")
    begun = world.timeline.monotonic()
    await world.ready(BLUE)
    assert len(sent(world, "PUT")) == 3
    assert world.timeline.monotonic() - begun > 0.4 * HOUR


async def test_a_failed_one_is_removed_and_made_anew_only_with_leave(world: World) -> None:
    await standing(world)
    world.azure.fail_deployment("fraud", "blue", times=1)
    await world.apply(deployment("blue", "fraud", failurePolicy="Recreate"))
    await world.says("AzureMLOnlineDeployment", "blue", "ProvisioningFailed")
    await world.passes(HOUR)
    assert not world.azure.requests.matching("DELETE", "/deployments/")
    await asked_again(world, "1")
    await world.ready(BLUE)
    assert len(world.azure.requests.matching("DELETE", "/deployments/blue$")) == 1
    assert len(sent(world, "PUT")) == 2
    refused = [e for e in world.azure.requests if e.status in (400, 409)]
    assert refused == []


async def test_one_that_answers_calls_is_not_removed_even_with_leave(world: World) -> None:
    await standing(world, blue=100)
    await world.apply(deployment("blue", "fraud", failurePolicy="Recreate"))
    await world.ready(FRAUD, BLUE)
    world.azure.fail_deployment("fraud", "blue", times=1)
    await world.apply(deployment("blue", "fraud", failurePolicy="Recreate", appInsightsEnabled=True))
    await world.says("AzureMLOnlineDeployment", "blue", "ProvisioningFailed", "never becomes ready")
    await asked_again(world, "1")
    await world.says("AzureMLOnlineDeployment", "blue", "ProvisioningFailed", "still has 100 % of the calls")
    assert not world.azure.requests.matching("DELETE", "/deployments/")
    await world.apply(deployment("blue", "fraud", failurePolicy="Update", appInsightsEnabled=True))
    await world.ready(BLUE)
    assert not world.azure.requests.matching("DELETE", "/deployments/")


async def test_one_that_was_removed_behind_our_back_is_made_anew(world: World) -> None:
    await standing(world)
    await world.apply(deployment("blue", "fraud"))
    await world.ready(FRAUD, BLUE)
    answer = world.azure.arm("DELETE", at_azure(world)["id"])
    assert answer.status == 202
    await world.until(lambda: len(sent(world, "PUT")) == 2, "a second PUT")
    await world.ready(BLUE)
    await world.event(*BLUE, "ExternalGone", "made anew")


async def test_an_operation_that_does_not_end_is_told_and_still_watched(world: World) -> None:
    await standing(world)
    await world.ready(FRAUD)
    world.azure.operation_seconds = 0.75 * HOUR
    await world.apply(deployment("blue", "fraud"))
    await world.until(lambda: sent(world, "PUT"), "the PUT")
    await world.settled()
    since = objects.status(await world.get(*BLUE))["operationSince"]
    await world.operator.stop()
    world.timeline.push(0.49 * HOUR)
    await world.restart()
    await world.says("AzureMLOnlineDeployment", "blue", "ProvisioningTimeout", "30 minutes", since, "goes on watching")
    await world.ready(BLUE)
    assert "operationSince" not in objects.status(await world.get(*BLUE))
    assert len(sent(world, "PUT")) == 1


async def test_an_open_version_is_the_newest_when_the_deployment_is_made_and_stays(world: World) -> None:
    await standing(world)
    models = f"{world.azure.workspace_id('ml-workspace')}/models/fraud/versions"
    await world.ready(FRAUD)
    for version in ("7", "8"):
        world.azure.arm("PUT", f"{models}/{version}", {"properties": {"modelUri": f"azureml://jobs/j/{version}"}})
    manifest = deployment("blue", "fraud", model={"name": "fraud", "version": "@latest"})
    await world.apply(manifest)
    await world.ready(BLUE)
    assert at_azure(world)["properties"]["model"] == f"{models}/8"
    assert objects.status(await world.get(*BLUE))["modelId"].endswith("/8")
    world.azure.arm("PUT", f"{models}/9", {"properties": {"modelUri": "azureml://jobs/j/9"}})
    await world.passes(HOUR)
    manifest["spec"]["appInsightsEnabled"] = True
    await world.apply(manifest)
    await world.until(lambda: len(sent(world, "PUT")) == 2, "the second PUT")
    assert at_azure(world)["properties"]["model"] == f"{models}/8"
