"""A model and an environment on a real API server: registered, told by kubectl, fixed once they are there, and gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.kubectl import KubectlError

from .waiting import eventually
from .world import World

EXAMPLES = Path(__file__).parents[3] / "examples" / "kinds"
OWN = ("azuremlmodel/churn-3", "azuremlenvironment/sklearn-12")


@pytest.fixture
def world(quickstart: World) -> Iterator[World]:
    """The quickstart, with nothing of this module's own in it."""
    yield quickstart
    for which in OWN:
        quickstart.kubectl("delete", which, "-n", "ml", "--ignore-not-found", "--timeout=30s")


def registered(world: World) -> list[str]:
    found = world.outside.do(lambda: list(world.outside.azure.state))
    return sorted(key.partition("/workspaces/ml-workspace/")[2] for key in found if "/versions/" in key)


def test_versions_are_registered_and_leave_with_their_objects(world: World) -> None:
    before = registered(world)
    for kind in ("AzureMLModel", "AzureMLEnvironment"):
        world.kubectl("apply", "--validate=strict", "-n", "ml", "-f", str(EXAMPLES / f"{kind}.yaml"))
    world.wait_ready()
    assert set(registered(world)) - set(before) == {"models/churn/versions/3", "environments/sklearn/versions/12"}
    told = world.get("AzureMLModel", "churn-3")
    assert told is not None
    assert told["status"]["assetId"].endswith("/workspaces/ml-workspace/models/churn/versions/3")
    with pytest.raises(KubectlError, match="create another object for another version"):
        world.kubectl("patch", OWN[0], "-n", "ml", "--type=merge", "-p", '{"spec": {"version": "4"}}')
    world.kubectl("delete", *OWN, "-n", "ml", "--timeout=30s")
    eventually(lambda: registered(world) == before, "the versions are gone")
