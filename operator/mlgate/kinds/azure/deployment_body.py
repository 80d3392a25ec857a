"""A deployment's manifest in the words of its ARM body, field by field, and the rules by which these compare.

Durations are written `30s` and sent as ISO 8601; a list of collections is a map in the body, of which only the written
fields are ours. Facts: shared facts, azure-ml section 2; recording TestOnlineDeployment; the client that azure-ai-ml
carries (api-version 2025-12-01).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ...api.azuremlonlinedeployment import AzureMLOnlineDeploymentSpec, DataCollector
from ...api.meta import parse_duration
from ...azureml import compare
from ...engine.fields import Alike, Fields, Nested, Unseen
from ...errors import Terminal
from ...sensitive import Sensitive
from . import arm_body

CAPACITY, VARIABLES, TAGS = "sku.capacity", "properties.environmentVariables", "tags"
MODEL, INSTANCE_TYPE = "properties.model", "properties.instanceType"
COLLECTIONS = "properties.dataCollector.collections"
FAILURE_POLICY, PREFLIGHT = "failurePolicy", "preflight"
"""How a wish is carried out, not what is there: no part of the body."""
CHEAP = {CAPACITY, TAGS}
"""What has a way of its own: PATCH, without a new rollout of the instances."""
_WRITTEN = {
    "instance_type": INSTANCE_TYPE,
    "app_insights_enabled": "properties.appInsightsEnabled",
    "egress_public_network_access": "properties.egressPublicNetworkAccess",
    "model_mount_path": "properties.modelMountPath",
    "description": "properties.description",
    "failure_policy": FAILURE_POLICY,
    "preflight": PREFLIGHT,
}
_PROBES = {
    "livenessProbe": "liveness_probe",
    "readinessProbe": "readiness_probe",
    "startupProbe": "startup_probe",
}
_DURATIONS = {"initialDelay", "period", "timeout", "requestTimeout", "maxQueueWait"}
DEFAULTS: Mapping[str, Any] = {
    CAPACITY: 1,
    "sku.name": "Default",
    "kind": "Managed",
    "properties.endpointComputeType": "Managed",
    "properties.scaleSettings.scaleType": "Default",
}
"""What a new one gets where the manifest is silent."""


def rules() -> Fields:
    """How a deployment's fields compare."""
    fields = arm_body.rules(compare.DEPLOYMENT)
    fields.rules["location"] = Alike(compare.location)
    fields.rules[MODEL] = Alike(same_model)
    fields.rules[FAILURE_POLICY] = fields.rules[PREFLIGHT] = Unseen()
    collection = Nested(
        merges=False,
        fields={
            "dataCollectionMode": Alike(compare.any_case),
            "samplingRate": Alike(compare.number),
            "dataId": Alike(compare.asset),
            "clientId": Alike(compare.any_case),
        },
    )
    fields.rules[COLLECTIONS] = Nested(merges=False, otherwise=collection)
    return fields


def wish(
    spec: AzureMLOnlineDeploymentSpec, workspace: str | None, location: Any, registered: Mapping[str, str]
) -> dict[str, Any]:
    """What the manifest says, but for environment variables. `workspace`: the ARM id of the endpoint's workspace;
    `registered`: of the model and the environment that it refers to, by field."""
    wanted = arm_body.wish(spec, _WRITTEN, location=location, tags=dict(spec.tags or {}))
    if spec.instance_count is not None:
        wanted[CAPACITY] = spec.instance_count
    if "model" in registered:
        wanted[MODEL] = registered["model"]
    elif spec.model:
        wanted[MODEL] = asset(workspace, "models", spec.model.id, spec.model.name, spec.model.version)
    if "environment" in registered:
        wanted["properties.environmentId"] = registered["environment"]
    elif spec.environment:
        chosen = spec.environment
        wanted["properties.environmentId"] = asset(workspace, "environments", chosen.id, chosen.name, chosen.version)
    if spec.code:
        wanted["properties.codeConfiguration.codeId"] = spec.code.id
        wanted["properties.codeConfiguration.scoringScript"] = spec.code.scoring_script
    for name, value in _said(spec.scale).items():
        wanted[f"properties.scaleSettings.{'scaleType' if name == 'type' else name}"] = value
    for place, field in _PROBES.items():
        wanted |= {f"properties.{place}.{name}": value for name, value in _said(getattr(spec, field)).items()}
    wanted |= {f"properties.requestSettings.{name}": value for name, value in _said(spec.request_settings).items()}
    if spec.data_collector:
        wanted |= _collector(spec.data_collector)
    return wanted


def left_open(model: str) -> tuple[str, str, str] | None:
    """(workspace's id, model, label) of a version that the manifest leaves open: `@latest`, or a stage."""
    container, _, version = model.rpartition("/versions/")
    workspace, _, name = container.rpartition("/models/")
    return (workspace, name, version[1:]) if version.startswith("@") else None


def same_model(wanted: Any, seen: Any) -> bool:
    """An open version is settled when the deployment is made; any version of the model will do from then on."""
    if left_open(str(wanted)) is None or not isinstance(seen, str):
        return compare.asset(wanted, seen)
    version = seen.rpartition("/versions/")[2]
    return compare.asset(f"{str(wanted).rpartition('/versions/')[0]}/versions/{version}", seen)


def body(wanted: Mapping[str, Any], sent: Mapping[str, Any], raw: Mapping[str, Any] | None) -> dict[str, Any]:
    """The whole body of a PUT."""
    there = {name: value for name, value in wanted.items() if name not in (FAILURE_POLICY, PREFLIGHT)}
    return arm_body.body(there, sent, raw)


def seen(raw: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What is there for every wished field. Azure shows environment variables in the clear; those that are secret in
    the manifest stay so here."""
    values = arm_body.values(raw, wanted)
    if VARIABLES in wanted:
        hidden = {name for name, value in wanted[VARIABLES].items() if isinstance(value, Sensitive)}
        values[VARIABLES] = {n: Sensitive(v) if n in hidden else v for n, v in (values[VARIABLES] or {}).items()}
    return values


def iso(duration: str) -> str:
    """`1m30s` as Azure writes it: `PT90S`."""
    seconds = parse_duration(duration).total_seconds()
    return f"PT{seconds:g}S"


def _said(part: BaseModel | None) -> dict[str, Any]:
    said = part.model_dump(by_alias=True, exclude_unset=True, exclude_none=True) if part else {}
    return {name: iso(value) if name in _DURATIONS else value for name, value in said.items()}


def _collector(collector: DataCollector) -> dict[str, Any]:
    collections: dict[str, dict[str, Any]] = {}
    for each in collector.collections:
        said: dict[str, Any] = {"dataCollectionMode": "Disabled" if each.enabled is False else "Enabled"}
        if each.data_id is not None:
            said["dataId"] = each.data_id
        if each.client_id is not None:
            said["clientId"] = each.client_id
        if each.sampling_percentage is not None:
            said["samplingRate"] = each.sampling_percentage / 100
        collections[each.name] = said
    wanted: dict[str, Any] = {COLLECTIONS: collections}
    if collector.rolling_rate is not None:
        wanted["properties.dataCollector.rollingRate"] = collector.rolling_rate
    if collector.capture_headers is not None:
        wanted["properties.dataCollector.requestLogging.captureHeaders"] = list(collector.capture_headers)
    return wanted


def asset(workspace: str | None, kind: str, id_: str | None, name: str | None, version: str | None) -> str:
    if id_:
        return id_
    if kind != "models" and version and version.startswith("@"):
        raise Terminal(f"Version {version} of {kind} is not carried out by this version of mlgate. Write the version.")
    return f"{workspace}/{kind}/{name}/versions/{version}"
