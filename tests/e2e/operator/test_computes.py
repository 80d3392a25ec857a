"""A cluster on a real API server: made, told by kubectl, scaled by one PATCH, and gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .waiting import eventually
from .world import World

EXAMPLE = Path(__file__).parents[3] / "examples" / "kinds" / "AzureMLCompute.yaml"
NIGHTLY = "azuremlcompute/nightly"


@pytest.fixture
def world(quickstart: World) -> Iterator[World]:
    """The quickstart, with nothing of this module's own in it."""
    yield quickstart
    quickstart.kubectl("delete", NIGHTLY, "-n", "ml", "--ignore-not-found", "--timeout=30s")


def most_nodes(world: World) -> int | None:
    found = world.outside.do(lambda: world.outside.azure.resource("computes", "ml-workspace", "nightly"))
    return found["properties"]["properties"]["scaleSettings"]["maxNodeCount"] if found else None


def test_a_cluster_is_made_scaled_and_leaves_with_its_object(world: World) -> None:
    world.kubectl("apply", "--validate=strict", "-n", "ml", "-f", str(EXAMPLE))
    world.wait_ready()
    assert most_nodes(world) == 4
    world.kubectl("patch", NIGHTLY, "-n", "ml", "--type=merge", "-p", '{"spec": {"maxNodes": 6}}')
    eventually(lambda: most_nodes(world) == 6, "six nodes at most")
    world.wait_ready()
    world.kubectl("delete", NIGHTLY, "-n", "ml", "--timeout=30s")
    eventually(lambda: most_nodes(world) is None, "the cluster is gone")
