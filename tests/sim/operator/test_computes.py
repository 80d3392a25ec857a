"""A cluster's life at Azure: every field, nodes by the short way, nothing seen as changed that nobody changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mlgate.engine import objects
from mlgate.store.protocol import Object
from mlgate_sim.azure.arm_message import Json

from .manifests import azure_side
from .world import World

EXAMPLE = Path(__file__).parents[3] / "examples" / "kinds" / "AzureMLCompute.yaml"
NIGHTLY = ("AzureMLCompute", "nightly")
HOUR = 3600.0


def example(**spec: Any) -> Object:
    manifest: Object = yaml.safe_load(EXAMPLE.read_text())
    manifest["metadata"]["namespace"] = "ml"
    manifest["spec"] |= spec
    return manifest


def at_azure(world: World) -> Json | None:
    return world.azure.resource("computes", "ml-workspace", "nightly")


def sent(world: World, method: str) -> list[Json]:
    return [found.body for found in world.azure.requests.matching(method, "/computes/[^/]+$")]


async def test_every_field_is_sent_once_and_never_seen_as_changed(world: World) -> None:
    await world.apply(azure_side(), example())
    await world.ready(NIGHTLY)
    (body,) = sent(world, "PUT")
    assert body["identity"] == {"type": "SystemAssigned"}
    assert body["properties"]["properties"] == {
        "vmSize": "Standard_DS3_v2",
        "vmPriority": "LowPriority",
        "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT300S"},
        "subnet": {"id": example()["spec"]["subnetId"]},
        "enableNodePublicIp": False,
        "osType": "Linux",
        "remoteLoginPortPublicAccess": "Disabled",
    }
    status = objects.status(await world.get(*NIGHTLY))
    assert (status["provisioningState"], status["allocationState"], status["nodes"]) == ("Succeeded", "Steady", 0)
    found = at_azure(world)
    assert found is not None
    found["properties"]["properties"] |= {"currentNodeCount": 3, "vmSize": "STANDARD_DS3_V2"}
    found["properties"]["properties"]["scaleSettings"]["nodeIdleTimeBeforeScaleDown"] = "PT5M"
    await world.passes(2 * HOUR)
    assert (len(sent(world, "PUT")), len(sent(world, "PATCH"))) == (1, 0)
    assert objects.status(await world.get(*NIGHTLY))["nodes"] == 3


async def test_nodes_go_by_patch_and_the_rest_by_put(world: World) -> None:
    await world.apply(azure_side(), example())
    await world.ready(NIGHTLY)
    await world.apply(example(minNodes=1, maxNodes=8))
    await world.until(lambda: sent(world, "PATCH"), "the PATCH")
    await world.ready(NIGHTLY)
    (patch,) = sent(world, "PATCH")
    scale = {"minNodeCount": 1, "maxNodeCount": 8, "nodeIdleTimeBeforeScaleDown": "PT300S"}
    assert patch == {"properties": {"properties": {"scaleSettings": scale}}}
    await world.apply(example(minNodes=1, maxNodes=8, tags={"team": "ops"}))
    await world.until(lambda: len(sent(world, "PUT")) == 2, "the PUT")
    await world.ready(NIGHTLY)
    body = sent(world, "PUT")[-1]
    assert body["tags"]["team"] == "ops"
    assert {"currentNodeCount", "allocationState", "errors"}.isdisjoint(body["properties"]["properties"])


async def test_nodes_that_somebody_adds_are_taken_away_again(world: World) -> None:
    await world.apply(azure_side(), example())
    await world.ready(NIGHTLY)
    found = at_azure(world)
    assert found is not None
    scale = found["properties"]["properties"]["scaleSettings"]
    scale["maxNodeCount"] = 100
    await world.until(
        lambda: (at_azure(world) or {})["properties"]["properties"]["scaleSettings"]["maxNodeCount"] == 4, "4"
    )
    assert len(sent(world, "PATCH")) == 1


async def test_it_leaves_with_its_object(world: World) -> None:
    await world.apply(azure_side(), example())
    await world.ready(NIGHTLY)
    await world.delete(example())
    await world.gone(NIGHTLY)
    assert at_azure(world) is None
    assert len(sent(world, "DELETE")) == 1


async def test_a_cluster_of_somebody_else_is_not_taken(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    theirs = {"location": "westeurope", "properties": {"properties": {"scaleSettings": {"maxNodeCount": 2}}}}
    world.azure.arm("PUT", f"{world.azure.workspace_id('ml-workspace')}/computes/nightly", theirs)
    await world.apply(example())
    await world.says(*NIGHTLY, "ExternalConflict", "nightly")
    assert not sent(world, "PUT")
