"""A batch endpoint's life at Azure: every field, nothing seen as changed that nobody changed, names of others, lost
answers, failures, its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mlgate.engine import objects
from mlgate.store.protocol import Object
from mlgate_sim.azure.arm_message import Json

from .manifests import azure_side
from .world import World

EXAMPLE = Path(__file__).parents[3] / "examples" / "kinds" / "AzureMLBatchEndpoint.yaml"
MONTHLY = ("AzureMLBatchEndpoint", "churn-monthly")
HOUR = 3600.0


def example(**spec: Any) -> Object:
    """The example, without a default unless it is asked for: this module has no deployments."""
    manifest: Object = yaml.safe_load(EXAMPLE.read_text())
    manifest["metadata"]["namespace"] = "ml"
    manifest["spec"] = {**manifest["spec"], "defaults": None, **spec}
    manifest["spec"] = {name: value for name, value in manifest["spec"].items() if value is not None}
    return manifest


def at_azure(world: World) -> Json | None:
    return world.azure.resource("batchEndpoints", "ml-workspace", "churn-monthly")


def sent(world: World, method: str) -> list[Json]:
    return [found.body for found in world.azure.requests.matching(method, "/batchEndpoints/[^/]+$")]


async def test_every_field_is_sent_once_and_never_seen_as_changed(world: World) -> None:
    await world.apply(azure_side(), example())
    await world.ready(MONTHLY)
    (body,) = sent(world, "PUT")
    assert body["properties"] == {
        "description": "Says at the end of a month who is about to leave",
        "properties": {"cost-centre": "4711"},
        "authMode": "AADToken",
    }
    status = objects.status(await world.get(*MONTHLY))
    assert (status["provisioningState"], status["authMode"]) == ("Succeeded", "AADToken")
    assert status["scoringUri"].endswith("/jobs")
    await world.passes(2 * HOUR)
    assert len(sent(world, "PUT")) == 1


async def test_what_somebody_changes_by_hand_is_set_back_and_the_default_of_others_is_kept(world: World) -> None:
    await world.apply(azure_side(), example())
    await world.ready(MONTHLY)
    found = at_azure(world)
    assert found is not None
    model = {"model": {"referenceType": "Id", "assetId": "azureml:forest:1"}}
    deployment = f"{found['id']}/deployments/forest"
    world.azure.arm("PUT", deployment, {"location": "westeurope", "properties": model})
    found["properties"] |= {"description": "by hand", "defaults": {"deploymentName": "forest"}}
    await world.until(lambda: found["properties"]["description"] != "by hand", "the description set back")
    await world.ready(MONTHLY)
    assert found["properties"]["defaults"] == {"deploymentName": "forest"}


async def test_an_endpoint_of_somebody_else_is_not_taken(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    theirs = {"location": "westeurope", "properties": {"authMode": "AADToken"}}
    world.azure.arm("PUT", f"{world.azure.workspace_id('ml-workspace')}/batchEndpoints/churn-monthly", theirs)
    await world.apply(example())
    await world.says(*MONTHLY, "ExternalConflict", "churn-monthly")
    assert not sent(world, "PUT")


async def test_a_name_that_is_taken_in_the_region_is_told(world: World) -> None:
    world.azure.memory.taken_names.add("churn-monthly")
    await world.apply(azure_side(), example())
    await world.says(*MONTHLY, "ExternalConflict", "batch endpoint churn-monthly", "is taken", "Choose another name")


async def test_one_whose_answer_was_lost_is_found_again(world: World) -> None:
    world.azure.faults.add(method="PUT", path="/batchEndpoints/", drop="after", times=1)
    await world.apply(azure_side(), example())
    await world.ready(MONTHLY)
    assert len(sent(world, "PUT")) == 1


async def test_a_failed_one_says_why_and_another_put_mends_it(world: World) -> None:
    world.azure.fail_operation("batchEndpoints/churn-monthly", code="InternalServerError", times=1)
    await world.apply(azure_side(), example())
    await world.says(*MONTHLY, "ProvisioningFailed")
    await world.ready(MONTHLY)
    assert len(sent(world, "PUT")) == 2


async def test_it_leaves_with_its_object(world: World) -> None:
    await world.apply(azure_side(), example())
    await world.ready(MONTHLY)
    await world.delete(example())
    await world.gone(MONTHLY)
    assert at_azure(world) is None
    assert len(sent(world, "DELETE")) == 1
