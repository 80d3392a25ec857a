"""A batch deployment's life at Azure: every field, the default of its endpoint, failures, the order of leaving."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgate.engine import objects
from mlgate.store.protocol import Object
from mlgate_sim.azure.arm_message import Json

from .killer import Killer
from .manifests import azure_side, ours, secret
from .world import World
from .writes import Write

EXAMPLES = Path(__file__).parents[3] / "examples" / "kinds"
MONTHLY = ("AzureMLBatchEndpoint", "monthly")
FOREST = ("AzureMLBatchDeployment", "forest")
TREE = ("AzureMLBatchDeployment", "tree")
HOUR = 3600.0


def batch_endpoint(default: str | None = None) -> Object:
    said: dict[str, Any] = {"workspaceRef": {"name": "ml-workspace"}}
    return ours(*MONTHLY, said if default is None else {**said, "defaults": {"deploymentName": default}})


def batch_deployment(name: str = "forest", **spec: Any) -> Object:
    said = {"endpointRef": {"name": "monthly"}, "model": {"name": "churn", "version": "3"}, **spec}
    return ours("AzureMLBatchDeployment", name, said)


def example() -> Object:
    """The example of the reference, behind this endpoint."""
    manifest: Object = yaml.safe_load((EXAMPLES / "AzureMLBatchDeployment.yaml").read_text())
    manifest["metadata"] |= {"name": "forest", "namespace": "ml"}
    manifest["spec"] |= {"endpointRef": {"name": "monthly"}}
    return manifest


def nightly() -> Object:
    manifest: Object = yaml.safe_load((EXAMPLES / "AzureMLCompute.yaml").read_text())
    manifest["metadata"]["namespace"] = "ml"
    return manifest


def at_azure(world: World, name: str = "forest") -> Json | None:
    return world.azure.resource("batchEndpoints/deployments", "ml-workspace", "monthly", name)


def there(world: World, name: str = "forest") -> Json:
    found = at_azure(world, name)
    assert found is not None
    return found


def default(world: World) -> str | None:
    found = world.azure.resource("batchEndpoints", "ml-workspace", "monthly")
    return found["properties"]["defaults"]["deploymentName"] if found else None


def sent(world: World, method: str, name: str = "forest") -> list[Json]:
    return [e.body for e in world.azure.requests.matching(method, f"/batchEndpoints/monthly/deployments/{name}$")]


async def standing(world: World, *more: Object, chosen: str | None = None) -> None:
    await world.apply(azure_side(), batch_endpoint(chosen), *more)


async def test_every_field_is_sent_once_and_never_seen_as_changed(world: World) -> None:
    await standing(world, nightly(), secret("feature-store", {"token": "s3cr3t-token"}), example())
    await world.ready(FOREST)
    (body,) = sent(world, "PUT")
    workspace = world.azure.workspace_id("ml-workspace")
    assert body["properties"] == {
        "model": {"referenceType": "Id", "assetId": f"{workspace}/models/churn/versions/3"},
        "environmentId": f"{workspace}/environments/sklearn/versions/12",
        "codeConfiguration": {"codeId": example()["spec"]["code"]["id"], "scoringScript": "batch.py"},
        "compute": f"{workspace}/computes/nightly",
        "resources": {"instanceCount": 2},
        "miniBatchSize": 100,
        "maxConcurrencyPerInstance": 4,
        "errorThreshold": 5,
        "outputAction": "AppendRow",
        "outputFileName": "churn.csv",
        "retrySettings": {"maxRetries": 2, "timeout": "PT300S"},
        "loggingLevel": "Warning",
        "environmentVariables": {"LOG_LEVEL": "info", "FEATURE_STORE_TOKEN": "s3cr3t-token"},
        "description": "The forest of last spring",
    }
    assert "s3cr3t-token" not in json.dumps([await world.get(*FOREST), *await world.events(*FOREST)])
    status = objects.status(await world.get(*FOREST))
    assert (status["provisioningState"], status["computeId"]) == ("Succeeded", f"{workspace}/computes/nightly")
    await world.passes(2 * HOUR)
    assert len(sent(world, "PUT")) == 1


async def test_what_azure_answers_in_other_words_is_no_change(world: World) -> None:
    await standing(world, nightly(), secret("feature-store", {"token": "s3cr3t-token"}), example())
    await world.ready(FOREST)
    properties = there(world)["properties"]
    properties["retrySettings"]["timeout"] = "PT5M"
    properties |= {"outputAction": "appendRow", "loggingLevel": "warning", "compute": properties["compute"].lower()}
    properties["model"]["assetId"] = properties["model"]["assetId"].replace("resourceGroups", "resourcegroups")
    await world.passes(HOUR)
    assert len(sent(world, "PUT")) == 1


async def test_what_somebody_changes_is_set_back_and_what_nobody_wrote_is_left_alone(world: World) -> None:
    await standing(world, batch_deployment(miniBatchSize=5))
    await world.ready(FOREST)
    there(world)["properties"] |= {"miniBatchSize": 50, "errorThreshold": 7}
    await world.until(lambda: there(world)["properties"]["miniBatchSize"] == 5, "the size set back")
    assert there(world)["properties"]["errorThreshold"] == 7


async def test_rows_are_appended_no_more(world: World) -> None:
    await standing(world, batch_deployment(outputAction="AppendRow", outputFileName="churn.csv"))
    await world.ready(FOREST)
    await world.apply(batch_deployment(outputAction="SummaryOnly"))
    await world.until(lambda: there(world)["properties"]["outputAction"] == "SummaryOnly", "only the summary")
    assert "outputFileName" not in sent(world, "PUT")[-1]["properties"]


async def test_a_pipeline_component_is_run_by_every_call(world: World) -> None:
    component = f"{world.azure.workspace_id('ml-workspace')}/components/train/versions/4"
    settings = {"default_compute": "nightly", "continue_on_step_failure": "false"}
    pipeline = {"componentId": component, "settings": settings}
    manifest = batch_deployment(pipeline=pipeline)
    del manifest["spec"]["model"]
    await standing(world, manifest, chosen="forest")
    await world.ready(FOREST, MONTHLY)
    (body,) = sent(world, "PUT")
    assert body["properties"]["deploymentConfiguration"] == {
        "deploymentConfigurationType": "PipelineComponent",
        "componentId": {"referenceType": "Id", "assetId": component},
        "settings": settings,
    }
    shown = {"ComponentDeployment.Settings.continue_on_step_failure": "False", "default_compute": "nightly"}
    there(world)["properties"]["deploymentConfiguration"]["settings"] = shown
    await world.passes(HOUR)
    assert len(sent(world, "PUT")) == 1


async def test_only_a_deployment_that_stands_becomes_the_default(world: World) -> None:
    world.azure.operation_seconds = 3.0
    await standing(world, chosen="forest")
    await world.says(*MONTHLY, "DependencyNotReady", "The default waits for deployment forest to be ready.")
    assert default(world) is None
    await world.apply(batch_deployment())
    await world.until(lambda: default(world) == "forest", "the default")
    puts = world.azure.requests.matching("PUT", "/batchEndpoints/monthly$")
    assert len(puts) == 2
    await world.ready(MONTHLY, FOREST)
    assert objects.status(await world.get(*MONTHLY))["defaultDeployment"] == "forest"


async def test_the_default_stays_until_the_endpoint_names_another(world: World) -> None:
    await standing(world, batch_deployment(), batch_deployment("tree"), chosen="forest")
    await world.ready(MONTHLY, FOREST, TREE)
    await world.delete(batch_deployment())
    await world.says(*FOREST, "Deleting", "Is the default of its endpoint")
    assert not sent(world, "DELETE")
    await world.apply(batch_endpoint("tree"))
    await world.gone(FOREST)
    assert default(world) == "tree"
    await world.apply(batch_endpoint(""))
    await world.until(lambda: default(world) is None, "no default")
    await world.delete(batch_deployment("tree"))
    await world.gone(TREE)


async def test_they_leave_with_their_endpoint(world: World) -> None:
    await standing(world, batch_deployment(), chosen="forest")
    await world.ready(MONTHLY, FOREST)
    await world.delete(batch_endpoint(), batch_deployment())
    await world.gone(MONTHLY, FOREST)
    assert at_azure(world) is None
    assert not sent(world, "DELETE")


async def test_a_failure_is_explained_and_left_alone_until_the_manifest_changes(world: World) -> None:
    words = "The specified environment was not found."
    world.azure.fail_operation(
        "batchEndpoints/monthly/deployments/forest", code="ResourceNotFound", message=words, times=1
    )
    await standing(world, batch_deployment())
    await world.says(
        *FOREST, "ProvisioningFailed", "batch deployment forest", words, "mlgate.dev/reconcile-requested-at"
    )
    assert objects.status(await world.get(*FOREST))["failure"]["code"] == "ResourceNotFound"
    await world.passes(HOUR)
    assert len(sent(world, "PUT")) == 1
    assert not world.azure.requests.matching("POST", "getLogs")
    await world.apply(batch_deployment(description="again"))
    await world.ready(FOREST)


async def test_two_changes_of_one_endpoint_queue_here_and_are_never_refused(world: World) -> None:
    world.azure.operation_seconds = 1.0
    names = [f"model-{number}" for number in range(4)]
    await standing(world, *(batch_deployment(name) for name in names), chosen="model-2")
    await world.ready(MONTHLY, *(("AzureMLBatchDeployment", name) for name in names))
    assert [e.path for e in world.azure.requests if e.status == 409] == []


async def test_one_whose_answer_was_lost_is_found_again_and_one_of_others_is_not_taken(world: World) -> None:
    world.azure.faults.add(method="PUT", path="/deployments/forest", drop="after", times=1)
    await standing(world, batch_deployment())
    await world.ready(FOREST)
    assert len(sent(world, "PUT")) == 1
    theirs = {"location": "westeurope", "properties": {"model": {"referenceType": "Id", "assetId": "azureml:m:1"}}}
    await world.settled()
    endpoint = there(world)["id"].rpartition("/deployments/")[0]
    world.azure.arm("PUT", f"{endpoint}/deployments/tree", theirs)
    await world.apply(batch_deployment("tree"))
    await world.says(*TREE, "ExternalConflict", "tree")
    assert not sent(world, "PUT", "tree")


async def test_a_cluster_is_waited_for_and_stays_while_it_is_needed(world: World) -> None:
    await standing(world, batch_deployment(compute={"ref": {"name": "nightly"}}))
    await world.says(*FOREST, "DependencyNotFound", "AzureMLCompute", "nightly")
    await world.apply(nightly())
    await world.ready(FOREST)
    await world.delete(nightly())
    await world.says("AzureMLCompute", "nightly", "DeletionBlocked", "AzureMLBatchDeployment ml/forest")
    await world.delete(batch_deployment())
    await world.gone(FOREST, ("AzureMLCompute", "nightly"))


async def test_the_newest_model_is_the_one_it_is_made_with(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    models = f"{world.azure.workspace_id('ml-workspace')}/models/churn/versions"
    world.azure.arm("PUT", f"{models}/4", {"properties": {"modelUri": "azureml://datastores/d/paths/4"}})
    await world.apply(batch_endpoint(), batch_deployment(model={"name": "churn", "version": "@latest"}))
    await world.ready(FOREST)
    assert there(world)["properties"]["model"]["assetId"] == f"{models}/4"
    world.azure.arm("PUT", f"{models}/5", {"properties": {"modelUri": "azureml://datastores/d/paths/5"}})
    await world.passes(HOUR)
    assert len(sent(world, "PUT")) == 1


async def test_another_value_in_a_secret_is_sent_once(world: World) -> None:
    variables = [{"name": "TOKEN", "secretRef": {"name": "store", "key": "token"}}]
    await standing(world, secret("store", {"token": "first"}), batch_deployment(environmentVariables=variables))
    await world.ready(FOREST)
    await world.apply(secret("store", {"token": "second"}))
    await world.until(lambda: there(world)["properties"]["environmentVariables"] == {"TOKEN": "second"}, "the new one")
    await world.ready(FOREST)
    assert len(sent(world, "PUT")) == 2


async def test_what_was_deleted_by_hand_is_made_anew_and_is_the_default_again(world: World) -> None:
    await standing(world, batch_deployment(), chosen="forest")
    await world.ready(MONTHLY, FOREST)
    world.azure.memory.remove(there(world)["id"].rpartition("/deployments/")[0])
    await world.event(*MONTHLY, "ExternalGone", "made anew")
    await world.until(lambda: default(world) == "forest", "the endpoint, its deployment and the default again")


async def test_a_plan_is_told_and_an_observer_writes_nothing(world: World) -> None:
    await standing(world)
    await world.ready(MONTHLY)
    await world.apply(batch_deployment(managementPolicy="Plan"))
    await world.says(*FOREST, "PlanPending", condition="Synced")
    assert objects.status(await world.get(*FOREST))["plan"]["changes"]
    assert not sent(world, "PUT")
    endpoint = world.azure.resource("batchEndpoints", "ml-workspace", "monthly")
    assert endpoint is not None
    theirs = {"location": "westeurope", "properties": {"model": {"referenceType": "Id", "assetId": "azureml:m:1"}}}
    world.azure.arm("PUT", f"{endpoint['id']}/deployments/tree", theirs)
    seen = {"managementPolicy": "Observe", "import": {"id": f"{endpoint['id']}/deployments/tree"}}
    observer = batch_deployment("tree", **seen)
    del observer["spec"]["model"]
    await world.apply(observer)
    await world.ready(TREE)
    assert objects.status(await world.get(*TREE))["modelId"] == "azureml:m:1"
    assert not sent(world, "PUT", "tree")


async def test_what_was_there_is_taken_over_by_its_id(world: World) -> None:
    await standing(world)
    await world.ready(MONTHLY)
    endpoint = world.azure.resource("batchEndpoints", "ml-workspace", "monthly")
    assert endpoint is not None
    model = {"referenceType": "Id", "assetId": "azureml:churn:3"}
    theirs = {"location": "westeurope", "tags": {"a": "b"}, "properties": {"model": model, "errorThreshold": 9}}
    world.azure.arm("PUT", f"{endpoint['id']}/deployments/forest", theirs)
    await world.apply(batch_deployment(**{"import": {"id": f"{endpoint['id']}/deployments/forest"}}))
    await world.ready(FOREST)
    found = there(world)
    assert (found["tags"]["a"], found["properties"]["errorThreshold"]) == ("b", 9)
    assert "mlgate-uid" in found["tags"]


@pytest.mark.parametrize("answered", [False, True], ids=["before the answer arrives", "before it is written down"])
@pytest.mark.parametrize(
    "write",
    [
        Write("PUT", "/batchEndpoints/[^/]+$", 1, "AzureMLBatchEndpoint"),
        Write("PUT", "/batchEndpoints/[^/]+/deployments/[^/]+$", 1, "AzureMLBatchDeployment"),
        Write("PUT", "/batchEndpoints/[^/]+$", 2, "AzureMLBatchEndpoint"),
    ],
    ids=["the endpoint", "its deployment", "the default"],
)
async def test_dying_right_after_a_write_makes_nothing_twice(world: World, write: Write, answered: bool) -> None:
    killer = Killer(world, write, answered=answered)
    await standing(world, batch_deployment(), chosen="forest")
    await world.ready(MONTHLY, FOREST)
    await world.until(lambda: default(world) == "forest", "the default")
    await world.settled()
    assert killer.struck
    assert (len(sent(world, "PUT")), len(world.azure.requests.matching("PUT", "/batchEndpoints/monthly$"))) == (1, 2)


async def test_a_missing_role_is_named(world: World) -> None:
    world.azure.forbid("Microsoft.MachineLearningServices/workspaces/batchEndpoints/deployments/write")
    await standing(world, batch_deployment())
    await world.says(*FOREST, "AccessDenied", "batchEndpoints/deployments/write")
