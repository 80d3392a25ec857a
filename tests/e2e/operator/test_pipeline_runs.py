"""A run on a real API server: read like a list of runs, watched to its end, and removed when its time is over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlgate.api import KINDS

from .waiting import eventually
from .world import World

RUN = "azuremlpipelinerun/night"
MANIFEST = """
apiVersion: mlgate.dev/v1alpha1
kind: AzureMLPipelineRun
metadata: {name: night, namespace: ml}
spec:
  workspaceRef: {name: ml-workspace}
  azureName: night-1
  component: {type: Pipeline, id: "azureml://registries/shared/components/train/versions/1"}
  inputs: {rate: {value: "0.1"}}
"""


@pytest.fixture
def world(quickstart: World) -> Iterator[World]:
    """The quickstart, with nothing of this module's own in it."""
    yield quickstart
    quickstart.kubectl("delete", RUN, "-n", "ml", "--ignore-not-found", "--timeout=30s")


def state(world: World) -> str | None:
    found = world.outside.do(lambda: world.outside.azure.resource("jobs", "ml-workspace", "night-1"))
    return str(found["properties"]["status"]) if found else None


def test_a_run_is_watched_to_its_end_and_leaves_when_its_time_is_over(world: World) -> None:
    world.kubectl("apply", "--validate=strict", "-f", "-", stdin=MANIFEST)
    world.kubectl("wait", RUN, "-n", "ml", "--for=condition=Ready", "--timeout=45s")
    shown = world.kubectl("get", "amlrun", "-n", "ml")
    assert "Completed" in shown
    world.kubectl("patch", RUN, "-n", "ml", "--type=merge", "-p", '{"spec": {"ttlAfterFinished": "0s"}}')
    resource = KINDS["AzureMLPipelineRun"].resource
    eventually(lambda: world.api.get(resource, "ml", "night") is None, "the end of the object")
    assert state(world) == "Completed"
