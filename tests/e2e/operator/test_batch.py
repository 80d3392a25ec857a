"""Batch scoring on a real API server: an endpoint, its machines and a deployment applied at once; the deployment becomes the
default when it stands, holds its cluster while it is there, and all of it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .waiting import eventually
from .world import World

EXAMPLES = Path(__file__).parents[3] / "examples" / "kinds"
KINDS = ("AzureMLBatchEndpoint", "AzureMLCompute", "AzureMLBatchDeployment")
OBJECTS = ("azuremlbatchdeployment/churn-forest", "azuremlbatchendpoint/churn-monthly", "azuremlcompute/nightly")


@pytest.fixture
def world(quickstart: World) -> Iterator[World]:
    """The quickstart, with nothing of this module's own in it."""
    yield quickstart
    quickstart.kubectl("delete", *OBJECTS, "-n", "ml", "--ignore-not-found", "--timeout=30s")
    quickstart.kubectl("delete", "secret/feature-store", "-n", "ml", "--ignore-not-found")


def default(world: World) -> str | None:
    found = world.outside.do(lambda: world.outside.azure.resource("batchEndpoints", "ml-workspace", "churn-monthly"))
    return found["properties"]["defaults"]["deploymentName"] if found else None


def test_batch_scoring_is_set_up_changed_and_leaves(world: World) -> None:
    world.kubectl("create", "secret", "generic", "feature-store", "-n", "ml", "--from-literal=token=s3cr3t")
    for kind in KINDS:
        world.kubectl("apply", "--validate=strict", "-n", "ml", "-f", str(EXAMPLES / f"{kind}.yaml"))
    eventually(lambda: default(world) == "forest", "the deployment as the default")
    world.wait_ready()
    shown = world.kubectl("get", "amlbe,amlbd", "-n", "ml")
    assert "forest" in shown and "Succeeded" in shown
    nothing = '{"spec": {"defaults": {"deploymentName": ""}}}'
    world.kubectl("patch", OBJECTS[1], "-n", "ml", "--type=merge", "-p", nothing)
    eventually(lambda: default(world) is None, "no default")
    world.kubectl("delete", *OBJECTS, "-n", "ml", "--timeout=30s")
    gone = world.outside.do(lambda: world.outside.azure.resource("computes", "ml-workspace", "nightly"))
    assert gone is None
