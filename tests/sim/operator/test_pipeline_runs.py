"""A run's life at Azure: started exactly once whatever dies, watched to its end, canceled when its object goes, and kept no
longer than asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgate.engine import objects
from mlgate.store.protocol import Object
from mlgate_sim.azure.arm_message import Json

from .killer import Killer
from .manifests import azure_side, ours
from .world import World
from .writes import Write

EXAMPLES = Path(__file__).parents[3] / "examples" / "kinds"
KIND = "AzureMLPipelineRun"
NIGHT = (KIND, "night")
HOUR = 3600.0


def run(name: str = "night", **spec: Any) -> Object:
    said = {
        "workspaceRef": {"name": "ml-workspace"},
        "azureName": f"{name}-1",
        "component": {"type": "Pipeline", "id": "azureml://registries/shared/components/train/versions/1"},
        **spec,
    }
    return ours(KIND, name, said)


def jobs(world: World) -> list[Json]:
    return [found for key, found in world.azure.state.items() if key.split("/")[-2] == "jobs"]


def job(world: World, name: str = "night-1") -> Json | None:
    return world.azure.resource("jobs", "ml-workspace", name)


def sent(world: World, method: str, what: str = "[^/]+") -> list[Json]:
    return [found.body for found in world.azure.requests.matching(method, f"/jobs/{what}$")]


async def status(world: World, name: str = "night") -> dict[str, Any]:
    return dict(objects.status(await world.get(KIND, name)))


def register(world: World, name: str, version: str) -> None:
    path = f"{world.azure.workspace_id('ml-workspace')}/components/{name}/versions/{version}"
    query = {"api-version": "2025-12-01"}
    assert world.azure.arm("PUT", path, {"properties": {"componentSpec": {}}}, query).status == 201


async def test_a_run_goes_through_its_states_and_is_ready_when_it_is_completed(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    world.azure.operation_seconds = 40.0
    await world.apply(run())
    seen: list[str] = []

    async def ended() -> bool:
        found = await world.find(*NIGHT)
        state = objects.status(found).get("state") if found else None
        if state and (not seen or seen[-1] != state):
            seen.append(state)
        return state == "Completed"

    await world.until(ended, "the end of the run")
    await world.ready(NIGHT)
    found = await status(world)
    assert "Running" in seen
    assert found["startedAt"] <= found["finishedAt"]
    assert found["studioUrl"].startswith("https://ml.azure.com/runs/night-1?")
    assert len(sent(world, "PUT")) == 1


async def test_a_run_that_is_over_is_never_asked_about_again(world: World) -> None:
    await world.apply(azure_side(), run())
    await world.ready(NIGHT)
    asked = len(sent(world, "GET"))
    await world.passes(6 * HOUR)
    await world.restart()
    await world.passes(6 * HOUR)
    assert len(sent(world, "GET")) == asked


@pytest.mark.parametrize("answered", [False, True], ids=["before the answer arrives", "before it is written down"])
async def test_an_operator_that_dies_at_the_start_of_a_run_starts_no_second_one(world: World, answered: bool) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    killer = Killer(world, Write("PUT", "/jobs/night-1$", 1, KIND), answered=answered)
    await world.apply(run())
    await world.ready(NIGHT)
    assert killer.struck
    assert [found["name"] for found in jobs(world)] == ["night-1"]


async def test_a_name_that_another_run_holds_is_a_conflict_and_stays_as_it_is(world: World) -> None:
    await world.apply(azure_side(), run())
    await world.ready(NIGHT)
    await world.apply(run("again", azureName="night-1"))
    await world.says(KIND, "again", "ExternalConflict", "night-1")
    assert len(jobs(world)) == 1


async def test_the_name_of_the_job_is_the_objects_own_where_the_manifest_names_none(world: World) -> None:
    manifest = run("by.night")
    del manifest["spec"]["azureName"]
    await world.apply(azure_side(), manifest)
    await world.ready((KIND, "by.night"))
    uid = (await world.get(KIND, "by.night"))["metadata"]["uid"].replace("-", "")
    assert (await status(world, "by.night"))["azureName"] == f"by-night-{uid[:8]}"


async def test_a_failed_run_says_so_and_is_not_tried_again_even_when_asked(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    world.azure.fail_operation("jobs/night-1", code="BadArgument")
    await world.apply(run())
    await world.says(*NIGHT, "RunFailed", "https://ml.azure.com/runs/night-1", "apply another")
    await world.event(*NIGHT, "RunFailed")
    await world.patch(*NIGHT, {"metadata": {"annotations": {"mlgate.dev/reconcile-requested-at": "now"}}})
    await world.passes(2 * HOUR)
    assert len(sent(world, "PUT")) == 1


async def test_a_component_that_does_not_exist_is_told(world: World) -> None:
    await world.apply(azure_side(), run(component={"type": "Pipeline", "name": "nowhere", "version": "1"}))
    await world.says(*NIGHT, "InvalidSpec", "nowhere", "was not found")
    assert jobs(world) == []


async def test_deleting_the_object_of_a_run_under_way_cancels_it_and_keeps_its_record(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    world.azure.operation_seconds = 20.0
    await world.apply(run())
    await world.until(lambda: job(world), "the job")
    await world.delete(run())
    await world.gone(NIGHT)
    assert len(sent(world, "POST", "night-1/cancel")) == 1
    found = job(world)
    assert found is not None and found["properties"]["status"] == "Canceled"


async def test_deletion_policy_orphan_lets_the_run_go_on(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    world.azure.operation_seconds = HOUR
    await world.apply(run(deletionPolicy="Orphan"))
    await world.until(lambda: job(world), "the job")
    await world.settled()
    await world.delete(run())
    await world.gone(NIGHT)
    assert sent(world, "POST", "night-1/cancel") == []


async def test_a_run_that_takes_longer_than_its_deadline_is_canceled(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    world.azure.operation_seconds = 60.0
    await world.apply(run(deadline="2m"))
    await world.until(lambda: job(world), "the job")
    await world.passes(90)
    assert sent(world, "POST", "night-1/cancel") == []
    await world.passes(60)
    assert len(sent(world, "POST", "night-1/cancel")) == 1
    assert "deadlinePassedAt" in await status(world)
    await world.says(*NIGHT, "RunCanceled", "deadline")


async def test_the_object_goes_when_its_time_after_the_end_is_over_and_the_record_stays(world: World) -> None:
    await world.apply(azure_side(), run(ttlAfterFinished="1h"))
    await world.ready(NIGHT)
    await world.passes(1800)
    assert await world.find(*NIGHT) is not None
    await world.gone(NIGHT)
    assert job(world) is not None
    assert sent(world, "DELETE") == [] and sent(world, "POST", "night-1/cancel") == []


async def test_a_time_to_live_that_is_written_after_the_end_counts_from_the_end(world: World) -> None:
    await world.apply(azure_side(), run())
    await world.ready(NIGHT)
    await world.apply(run(ttlAfterFinished="1h"))
    await world.gone(NIGHT)


async def test_a_job_that_vanished_is_not_started_again(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    world.azure.operation_seconds = HOUR
    await world.apply(run())
    await world.until(lambda: job(world), "the job")
    await world.settled()
    state = world.azure.save_state()
    key = next(key for key in state["resources"] if key.endswith("/jobs/night-1"))
    del state["resources"][key], state["jobs"][key]
    world.azure.load_state(state)
    await world.says(*NIGHT, "ExternalGone", "not started a second time")
    await world.passes(2 * HOUR)
    assert len(sent(world, "PUT")) == 1
    await world.delete(run())
    await world.gone(NIGHT)


async def test_a_workspace_may_go_while_runs_that_are_over_are_still_listed(world: World) -> None:
    await world.apply(azure_side(), run())
    await world.ready(NIGHT)
    await world.delete(ours("AzureMLWorkspace", "ml-workspace", {}))
    await world.gone(("AzureMLWorkspace", "ml-workspace"))
    await world.delete(run())
    await world.gone(NIGHT)


async def test_a_command_component_is_the_one_step_of_a_pipeline(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    register(world, "train", "2")
    component = {"type": "Command", "name": "train", "version": "2"}
    await world.apply(run(component=component, inputs={"rate": {"value": "0.1"}}))
    await world.ready(NIGHT)
    (body,) = sent(world, "PUT")
    within = world.azure.workspace_id("ml-workspace")
    step = body["properties"]["jobs"]["run"]
    assert step["componentId"] == f"{within}/components/train/versions/2"
    assert step["inputs"] == {"rate": {"job_input_type": "literal", "value": "${{parent.inputs.rate}}"}}
    assert body["properties"]["inputs"] == {"rate": {"jobInputType": "literal", "value": "0.1"}}


async def test_every_field_of_the_example_reaches_the_job(world: World) -> None:
    manifest: Object = yaml.safe_load((EXAMPLES / "AzureMLPipelineRun.yaml").read_text())
    manifest["metadata"]["namespace"] = "ml"
    cluster: Object = yaml.safe_load((EXAMPLES / "AzureMLCompute.yaml").read_text())
    cluster["metadata"]["namespace"] = "ml"
    await world.apply(azure_side(), cluster)
    await world.ready(("AzureMLCompute", "nightly"))
    register(world, "retrain-fraud", "4")
    await world.apply(manifest)
    await world.ready((KIND, "retrain-fraud-1"))
    (body,) = sent(world, "PUT")
    within = world.azure.workspace_id("ml-workspace")
    tags = body["properties"].pop("tags")
    assert tags["team"] == "ml" and tags["mlgate-owner"].endswith("ml/retrain-fraud-1")
    assert body["properties"] == {
        "jobType": "Pipeline",
        "componentId": f"{within}/components/retrain-fraud/versions/4",
        "computeId": f"{within}/computes/nightly",
        "experimentName": "fraud",
        "displayName": "Retrain fraud on November",
        "description": "Asked for by the data team",
        "inputs": {
            "training_data": {
                "jobInputType": "uri_folder",
                "uri": "azureml://datastores/landing/paths/2026-11/",
                "mode": "ReadOnlyMount",
            },
            "learning_rate": {"jobInputType": "literal", "value": "0.1"},
        },
        "outputs": {"model": {"jobOutputType": "mlflow_model"}},
        "settings": {
            "_source": "REMOTE.WORKSPACE.JOB",
            "default_compute": f"{within}/computes/nightly",
            "continue_on_step_failure": False,
        },
    }


async def test_steps_and_the_metrics_that_the_manifest_names_are_shown(world: World) -> None:
    world.azure.script_job("night-1", steps=["prepare", "train"], metrics={"auc": 0.93125, "rows": 1e6, "loss": 0.2})
    await world.apply(azure_side(), run(metrics=["auc", "rows", "absent"]))
    await world.ready(NIGHT)
    found = await status(world)
    assert [(step["name"], step["state"]) for step in found["steps"]] == [
        ("prepare", "Completed"),
        ("train", "Completed"),
    ]
    assert all(step["startedAt"] <= step["finishedAt"] for step in found["steps"])
    assert found["metrics"] == {"auc": "0.93125", "rows": "1e+06"}


async def test_why_a_run_failed_is_said_in_azures_words_without_secrets(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    world.azure.fail_operation("jobs/night-1", code="BadArgument")
    error = {"code": "UserError", "message": "train.py: no column amount in data; password=hunter2-canary"}
    world.azure.script_job("night-1", error=error)
    await world.apply(run())
    message = await world.says(*NIGHT, "RunFailed", "UserError: train.py: no column amount in data")
    found = await status(world)
    assert found["failure"]["code"] == "UserError"
    assert "hunter2-canary" not in message + found["failure"]["message"]


async def test_records_that_cannot_be_read_are_asked_for_again_after_the_end(world: World) -> None:
    world.azure.faults.add(path="^/history/", status=503, body={}, times=None)
    await world.apply(azure_side(), run())
    await world.until(lambda: job(world) and job(world)["properties"]["status"] == "Completed", "the end")  # type: ignore[index]
    await world.passes(60)
    found = await world.get(*NIGHT)
    assert objects.says(found, "Ready") and not objects.says(found, "Synced")
    world.azure.faults.clear()
    await world.ready(NIGHT)
    assert (await status(world))["steps"]
