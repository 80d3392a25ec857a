"""The jobs we ask for are those of azure-ai-ml: what it sends for the same pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlgate.api import AzureMLPipelineRunSpec
from mlgate.kinds.azure import arm_body, run_body

pytest.importorskip("azure.ai.ml", reason="azure-ai-ml is an extra")
# azure-ai-ml's own use of marshmallow
pytestmark = pytest.mark.filterwarnings("ignore:The `context` parameter is deprecated")

WITHIN = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
NIGHTLY = f"{WITHIN}/computes/nightly"
INPUTS = {
    "data": {"type": "UriFolder", "uri": "azureml://datastores/landing/paths/11/", "mode": "ReadOnlyMount"},
    "rate": {"value": "0.1"},
}
ASSUMED = {"properties": {}, "isArchived": False, "jobs": {}, "tags": {}}
"""What azure-ai-ml says though it means nothing."""


def ours(**spec: Any) -> dict[str, Any]:
    said = {"workspaceRef": {"name": "w"}, "inputs": INPUTS, "outputs": {"model": {"type": "MLflowModel"}}, **spec}
    wanted = run_body.wish(AzureMLPipelineRunSpec.model_validate(said), WITHIN, NIGHTLY)
    return _meant(arm_body.body(wanted, {}, None))


def theirs(job: Any) -> dict[str, Any]:
    from azure.ai.ml._restclient.arm_ml_service._utils.model_base import SdkJSONEncoder

    return _meant(json.loads(json.dumps(job._to_rest_object(), cls=SdkJSONEncoder, exclude_readonly=True)))


def _meant(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body["properties"].items() if ASSUMED.get(name, ...) != value}


def test_a_pipeline_component_is_asked_for_as_azure_ai_ml_asks_for_it() -> None:
    from azure.ai.ml import Input, Output
    from azure.ai.ml.entities import PipelineJob

    sdk = PipelineJob(
        component=f"{WITHIN}/components/train/versions/4",
        inputs={"data": Input(type="uri_folder", path=INPUTS["data"]["uri"], mode="ro_mount"), "rate": 0.1},
        outputs={"model": Output(type="mlflow_model")},
        compute=NIGHTLY,
        display_name="Retrain",
        description="For November",
        experiment_name="fraud",
        tags={"team": "ml"},
        settings={"default_compute": NIGHTLY, "continue_on_step_failure": False, "force_rerun": True},
    )
    component = {"type": "Pipeline", "name": "train", "version": "4"}
    said = {"displayName": "Retrain", "description": "For November", "experimentName": "fraud", "tags": {"team": "ml"}}
    found = ours(component=component, continueOnStepFailure=False, forceRerun=True, **said)
    assert found == theirs(sdk)


def test_a_command_component_is_the_step_that_azure_ai_ml_makes_of_it(tmp_path: Path) -> None:
    from azure.ai.ml import load_job

    file = tmp_path / "job.yml"
    bound = {name: f"${{{{parent.inputs.{name}}}}}" for name in INPUTS}
    step = {
        "type": "command",
        "component": "azureml:train:2",
        "inputs": bound,
        "outputs": {"model": "${{parent.outputs.model}}"},
    }
    data = {"type": "uri_folder", "path": INPUTS["data"]["uri"], "mode": "ro_mount"}
    job = {
        "type": "pipeline",
        "inputs": {"data": data, "rate": 0.1},
        "outputs": {"model": {"type": "mlflow_model"}},
        "jobs": {run_body.STEP: step},
    }
    file.write_text(json.dumps(job))
    sdk = theirs(load_job(str(file)))
    found = ours(component={"type": "Command", "name": "train", "version": "2"})
    sdk["jobs"][run_body.STEP]["componentId"] = f"{WITHIN}/components/train/versions/2"  # it resolves it with a client
    assert found["jobs"] == sdk["jobs"]
    assert found["inputs"] == sdk["inputs"]
    assert found["outputs"] == sdk["outputs"]
