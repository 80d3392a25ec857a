"""The body of a job that runs a registered component, as flat fields.

A pipeline component is the job's own component; a command component is the one step of a pipeline that hands its inputs
and outputs through (shared facts, azure-ml section 5; `PipelineJob` of the client that azure-ai-ml carries: outer fields
are camelCase, those inside `jobs` and `settings` snake_case).
"""

from __future__ import annotations

from typing import Any

from ...api.azuremlpipelinerun import AzureMLPipelineRunSpec, RunComponent, RunInput, RunOutput
from ...azureml import arm_id

STEP = "run"
"""The one step that a command component is."""
TAGS = "properties.tags"
_TYPES = {
    "UriFile": "uri_file",
    "UriFolder": "uri_folder",
    "MLTable": "mltable",
    "CustomModel": "custom_model",
    "MLflowModel": "mlflow_model",
    "TritonModel": "triton_model",
}


def wish(spec: AzureMLPipelineRunSpec, workspace: str, compute: str | None) -> dict[str, Any]:
    """What the manifest asks for, by place in the body. `workspace` and `compute` are ARM ids."""
    component = component_id(spec.component, workspace)
    inputs, outputs = spec.inputs or {}, spec.outputs or {}
    wanted: dict[str, Any] = {
        TAGS: dict(spec.tags or {}),
        "properties.jobType": "Pipeline",
        "properties.inputs": {name: _input(given) for name, given in inputs.items()},
        "properties.outputs": {name: _output(given) for name, given in outputs.items()},
        "properties.settings": _settings(spec, compute),
    }
    if spec.component.type == "Pipeline":
        wanted["properties.componentId"] = component
    else:
        wanted["properties.jobs"] = {STEP: _step(component, inputs, outputs)}
    said = {
        "properties.experimentName": spec.experiment_name,
        "properties.displayName": spec.display_name,
        "properties.description": spec.description,
        "properties.computeId": compute,
    }
    return wanted | {path: value for path, value in said.items() if value is not None}


def component_id(component: RunComponent, workspace: str) -> str:
    """The id of the component's version. Raises Terminal for impossible names."""
    if component.id is not None:
        return component.id
    return arm_id.version_id(workspace, "components", str(component.name), str(component.version))


def _settings(spec: AzureMLPipelineRunSpec, compute: str | None) -> dict[str, Any]:
    said = {
        "default_compute": compute,
        "continue_on_step_failure": spec.continue_on_step_failure,
        "force_rerun": spec.force_rerun,
    }
    return {"_source": "REMOTE.WORKSPACE.JOB"} | {name: value for name, value in said.items() if value is not None}


def _input(given: RunInput) -> dict[str, Any]:
    if given.uri is None:
        return {"jobInputType": "literal", "value": given.value}
    mode = {} if given.mode is None else {"mode": given.mode}
    return {"jobInputType": _TYPES[str(given.type)], "uri": given.uri, **mode}


def _output(given: RunOutput) -> dict[str, Any]:
    more = {name: value for name, value in (("uri", given.uri), ("mode", given.mode)) if value is not None}
    return {"jobOutputType": _TYPES[given.type], **more}


def _step(component: str, inputs: dict[str, RunInput], outputs: dict[str, RunOutput]) -> dict[str, Any]:
    return {
        "name": STEP,
        "type": "command",
        "componentId": component,
        "_source": "REMOTE.REGISTRY" if component.startswith("azureml://registries/") else "REMOTE.WORKSPACE.COMPONENT",
        "inputs": {name: _bound(f"parent.inputs.{name}", "job_input_type") for name in inputs},
        "outputs": {name: _bound(f"parent.outputs.{name}", "type") for name in outputs},
    }


def _bound(to: str, kind: str) -> dict[str, str]:
    return {kind: "literal", "value": f"${{{{{to}}}}}"}
