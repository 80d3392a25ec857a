"""A batch deployment's manifest in the words of its ARM body, and the rules by which these compare.

Facts: the client that azure-ai-ml carries (`BatchDeploymentProperties`, api-version 2025-12-01), its `_to_rest_object`, and
the example of the published specification (2023-10-01). Defaults that Azure adds are in no wish, so they are no difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...api.azuremlbatchdeployment import AzureMLBatchDeploymentSpec
from ...azureml import compare
from ...engine.fields import Alike, Fields
from . import arm_body, deployment_body
from .deployment_body import asset, iso, same_model

MODEL, MODEL_KIND = "properties.model.assetId", "properties.model.referenceType"
ENVIRONMENT, COMPUTE = "properties.environmentId", "properties.compute"
PIPELINE = "properties.deploymentConfiguration"
COMPONENT, PIPELINE_SETTINGS = f"{PIPELINE}.componentId.assetId", f"{PIPELINE}.settings"
WRITTEN = {
    "mini_batch_size": "properties.miniBatchSize",
    "max_concurrency_per_instance": "properties.maxConcurrencyPerInstance",
    "error_threshold": "properties.errorThreshold",
    "output_action": "properties.outputAction",
    "output_file_name": "properties.outputFileName",
    "logging_level": "properties.loggingLevel",
    "instance_count": "properties.resources.instanceCount",
    "description": "properties.description",
}


def rules() -> Fields:
    """How a deployment's fields compare."""
    fields = arm_body.rules(compare.BATCH_DEPLOYMENT)
    fields.rules[MODEL] = Alike(same_model)
    return fields


def wish(
    spec: AzureMLBatchDeploymentSpec, workspace: str, location: str, registered: Mapping[str, str], compute: str | None
) -> dict[str, Any]:
    """What the manifest says, but for environment variables. `workspace`: the ARM id of the endpoint's workspace;
    `registered`: of the model and the environment that it refers to, by field; `compute`: of the machines."""
    wanted = arm_body.wish(spec, WRITTEN, location=location, tags=dict(spec.tags or {}))
    model = registered.get("model")
    if model is None and spec.model:
        model = asset(workspace, "models", spec.model.id, spec.model.name, spec.model.version)
    if model is not None:
        wanted |= {MODEL_KIND: "Id", MODEL: model}
    if "environment" in registered:
        wanted[ENVIRONMENT] = registered["environment"]
    elif spec.environment:
        chosen = spec.environment
        wanted[ENVIRONMENT] = asset(workspace, "environments", chosen.id, chosen.name, chosen.version)
    if spec.code:
        wanted["properties.codeConfiguration.codeId"] = spec.code.id
        wanted["properties.codeConfiguration.scoringScript"] = spec.code.scoring_script
    if compute is not None:
        wanted[COMPUTE] = compute
    if spec.retry_settings and spec.retry_settings.max_retries is not None:
        wanted["properties.retrySettings.maxRetries"] = spec.retry_settings.max_retries
    if spec.retry_settings and spec.retry_settings.timeout is not None:
        wanted["properties.retrySettings.timeout"] = iso(spec.retry_settings.timeout)
    if spec.pipeline:
        wanted |= {
            f"{PIPELINE}.deploymentConfigurationType": "PipelineComponent",
            f"{PIPELINE}.componentId.referenceType": "Id",
            COMPONENT: spec.pipeline.component_id,
        }
        if spec.pipeline.settings is not None:
            wanted[PIPELINE_SETTINGS] = dict(spec.pipeline.settings)
    return wanted


seen = deployment_body.seen
"""What is there for every wished field; what is secret in the manifest stays so."""
