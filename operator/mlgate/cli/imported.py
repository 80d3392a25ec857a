"""Bodies of Azure ML as manifests of ours: the way back from what azure-ai-ml would send. Pure.

Every field that is understood is taken out of the body; what remains at the end is told as not carried.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ..api import KINDS
from ..api.meta import API_VERSION
from ..azureml import compare
from ..azureml.cli_v2 import Described, Sort
from ..errors import Terminal
from ..store.protocol import Object

UNSAID = {
    "location",
    "kind",
    "name",
    "sku.name",
    "properties.isAnonymous",
    "properties.computeType",
    "properties.disableLocalAuth",
    "properties.properties.osType",
    "properties.endpointComputeType",
    "properties.enableDataIsolation",
}
"""What azure-ai-ml always sends, and what a manifest has elsewhere or need not say."""
_SHORT = re.compile(r"^(?:azureml:)?([^:/@\s]+)([:@])([^:/@\s]+)$")


@dataclass(frozen=True, slots=True)
class Around:
    """The names that a file does not say."""

    workspace: str
    connection: str
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """A manifest, and what of the file is not in it, as sentences."""

    manifest: Object
    left: tuple[str, ...]


class Body:
    """A body from which fields are taken."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._left: dict[str, Any] = copy.deepcopy(dict(body))

    def take(self, path: str) -> Any:
        """The value at a dotted path, which is understood from now on; None for what is not set."""
        *parents, last = path.split(".")
        place: Any = self._left
        for name in parents:
            place = place.get(name) if isinstance(place, Mapping) else None
        value = place.pop(last, None) if isinstance(place, dict) else None
        return None if value in ("", {}, []) else value

    def rest(self) -> list[tuple[str, Any]]:
        """What nobody took."""
        return [(path, value) for path, value in _leaves(self._left) if path not in UNSAID]


def manifest(described: Described, around: Around) -> Imported:
    """The manifest of what a file describes. Raises Terminal for what Azure would take and the CRD would not."""
    body = Body(described.body)
    kind, name, spec, told = _MAKE[described.sort](described, body, around)
    spec = {field: value for field, value in spec.items() if value is not None}
    try:
        KINDS[kind].spec.model_validate(spec)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise Terminal(f"{described.sort} {described.name} does not fit {kind}: {wrong}") from error
    metadata = {"name": name, **({"namespace": around.namespace} if around.namespace else {})}
    left = [*described.left, *told, *(f"{path}: {value!r}" for path, value in body.rest())]
    return Imported({"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}, tuple(left))


Made = tuple[str, str, dict[str, Any], list[str]]


def _workspace(described: Described, body: Body, around: Around) -> Made:
    spec = {
        "connectionRef": {"name": around.connection},
        "azureName": described.name,
        "location": described.body.get("location"),
        "friendlyName": body.take("properties.friendlyName"),
        "description": body.take("properties.description"),
        "storageAccountId": body.take("properties.storageAccount"),
        "keyVaultId": body.take("properties.keyVault"),
        "applicationInsightsId": body.take("properties.applicationInsights"),
        "containerRegistryId": body.take("properties.containerRegistry"),
        "publicNetworkAccess": _capital(body.take("properties.publicNetworkAccess")),
        "hbiWorkspace": body.take("properties.hbiWorkspace"),
        "identity": _identity(body.take("identity")),
        "tags": body.take("tags"),
    }
    told = []
    if spec["storageAccountId"] is None:
        told.append(
            "az ml makes a storage account, a key vault and more along with a workspace; mlgate makes the workspace "
            "only. Write storageAccountId and keyVaultId."
        )
    return "AzureMLWorkspace", _object_name(described.name), spec, told


def _compute(described: Described, body: Body, around: Around) -> Made:
    scale, cluster = "properties.properties.scaleSettings", "properties.properties"
    login, told = body.take(f"{cluster}.remoteLoginPortPublicAccess"), []
    if login == "Enabled" or body.take(f"{cluster}.userAccountCredentials"):
        told.append("ssh_settings: nobody signs in to a node of a cluster that mlgate makes.")
    spec = {
        "workspaceRef": {"name": around.workspace},
        "azureName": described.name,
        "location": described.body.get("location"),
        "size": body.take(f"{cluster}.vmSize"),
        "priority": body.take(f"{cluster}.vmPriority"),
        "minNodes": body.take(f"{scale}.minNodeCount"),
        "maxNodes": body.take(f"{scale}.maxNodeCount"),
        "idleTime": _duration(body.take(f"{scale}.nodeIdleTimeBeforeScaleDown")),
        "subnetId": body.take(f"{cluster}.subnet.id"),
        "publicNodeIps": body.take(f"{cluster}.enableNodePublicIp"),
        "identity": _identity(body.take("identity")),
        "description": body.take("properties.description"),
        "tags": body.take("tags"),
    }
    return "AzureMLCompute", _object_name(described.name), spec, told


def _endpoint(described: Described, body: Body, around: Around) -> Made:
    spec = {
        "workspaceRef": {"name": around.workspace},
        "azureName": described.name,
        "authMode": body.take("properties.authMode"),
        "identity": _identity(body.take("identity")),
        "description": body.take("properties.description"),
        "traffic": body.take("properties.traffic"),
        "mirrorTraffic": body.take("properties.mirrorTraffic"),
        "publicNetworkAccess": _capital(body.take("properties.publicNetworkAccess")),
        "tags": body.take("tags"),
        "properties": body.take("properties.properties"),
    }
    return "AzureMLOnlineEndpoint", _object_name(described.name), spec, []


def _deployment(described: Described, body: Body, around: Around) -> Made:
    spec: dict[str, Any] = {
        "endpointRef": {"name": _object_name(described.within or "")},
        "azureName": described.name,
        "model": _asset(body.take("properties.model")),
        "environment": _asset(body.take("properties.environmentId")),
        "instanceType": body.take("properties.instanceType"),
        "instanceCount": body.take("sku.capacity"),
        "scale": _settings(body.take("properties.scaleSettings"), scaleType="type"),
        "livenessProbe": _settings(body.take("properties.livenessProbe")),
        "readinessProbe": _settings(body.take("properties.readinessProbe")),
        "startupProbe": _settings(body.take("properties.startupProbe")),
        "requestSettings": _settings(body.take("properties.requestSettings")),
        "appInsightsEnabled": body.take("properties.appInsightsEnabled"),
        "egressPublicNetworkAccess": _capital(body.take("properties.egressPublicNetworkAccess")),
        "modelMountPath": body.take("properties.modelMountPath"),
        "description": body.take("properties.description"),
        "tags": body.take("tags"),
    }
    told = _code_and_variables(body, spec)
    if collector := body.take("properties.dataCollector"):
        spec["dataCollector"] = _collector(collector)
    return "AzureMLOnlineDeployment", _object_name(f"{described.within}-{described.name}"), spec, told


def _batch_endpoint(described: Described, body: Body, around: Around) -> Made:
    default = body.take("properties.defaults.deploymentName")
    mode, told = str(body.take("properties.authMode") or "aadToken"), []
    if mode.lower() != "aadtoken":
        told.append(f"auth_mode: {mode}: callers of a batch endpoint present a Microsoft Entra token.")
    spec = {
        "workspaceRef": {"name": around.workspace},
        "azureName": described.name,
        "description": body.take("properties.description"),
        "defaults": {"deploymentName": default} if default else None,
        "tags": body.take("tags"),
        "properties": body.take("properties.properties"),
    }
    return "AzureMLBatchEndpoint", _object_name(described.name), spec, told


def _batch_deployment(described: Described, body: Body, around: Around) -> Made:
    pipeline = body.take("properties.deploymentConfiguration")
    said = {
        "instanceCount": body.take("properties.resources.instanceCount"),
        "miniBatchSize": body.take("properties.miniBatchSize"),
        "maxConcurrencyPerInstance": body.take("properties.maxConcurrencyPerInstance"),
        "errorThreshold": body.take("properties.errorThreshold"),
        "outputAction": body.take("properties.outputAction"),
        "outputFileName": body.take("properties.outputFileName"),
        "retrySettings": _settings(body.take("properties.retrySettings")),
        "loggingLevel": _capital(body.take("properties.loggingLevel")),
    }
    compute = body.take("properties.compute")
    spec: dict[str, Any] = {
        "endpointRef": {"name": _object_name(described.within or "")},
        "azureName": described.name,
        "model": _asset(body.take("properties.model.assetId")),
        "environment": _asset(body.take("properties.environmentId")),
        "compute": {"name": compute.removeprefix("azureml:").rsplit("/", 1)[-1]} if compute else None,
        **({} if pipeline else said),  # azure-ai-ml fills them in for a pipeline too, which has no use for them
        "description": body.take("properties.description"),
        "tags": body.take("tags"),
    }
    body.take("properties.model.referenceType")
    told = _code_and_variables(body, spec)
    if pipeline:
        component = str(pipeline["componentId"]["assetId"])
        if not component.startswith(("/subscriptions/", "azureml:")):
            component = f"azureml:{component}"
        if not component.startswith(("/subscriptions/", "azureml://")):
            told.append(f"pipeline.componentId: Azure wants the ARM id of {component}; write it.")
        settings = {name: _plain(value) for name, value in (pipeline.get("settings") or {}).items()}
        spec["pipeline"] = {"componentId": component, **({"settings": settings} if settings else {})}
        if pipeline.get("description") or pipeline.get("tags"):
            told.append("description and tags of the component's runs: those of the component are used.")
    return "AzureMLBatchDeployment", _object_name(f"{described.within}-{described.name}"), spec, told


def _plain(value: Any) -> str:
    """A setting as text, in JSON's words for truth."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _code_and_variables(body: Body, spec: dict[str, Any]) -> list[str]:
    """Puts them into a deployment's spec; says what cannot be used as it is."""
    told = []
    if code := body.take("properties.codeConfiguration"):
        spec["code"] = {"id": code["codeId"], "scoringScript": code["scoringScript"]}
        if not str(code["codeId"]).startswith("/subscriptions/"):
            told.append(f"code.id: Azure wants the ARM id of {code['codeId']}; write it.")
    if variables := body.take("properties.environmentVariables"):
        spec["environmentVariables"] = [{"name": name, "value": str(value)} for name, value in variables.items()]
    return told


def _registered(described: Described, body: Body, around: Around) -> tuple[dict[str, Any], list[str]]:
    told = []
    if described.version is None:
        told.append("version: the file names none, and az ml would count up; mlgate registers the one that is written.")
    spec = {
        "workspaceRef": {"name": around.workspace},
        "azureName": described.name,
        "version": described.version or "1",
        "description": body.take("properties.description"),
        "tags": body.take("properties.tags"),
        "properties": body.take("properties.properties"),
        "stage": body.take("properties.stage"),
    }
    body.take("properties.isArchived")
    return spec, told


def _model(described: Described, body: Body, around: Around) -> Made:
    spec, told = _registered(described, body, around)
    spec |= {
        "path": body.take("properties.modelUri"),
        "type": body.take("properties.modelType"),
        "flavors": body.take("properties.flavors"),
    }
    return "AzureMLModel", _object_name(f"{described.name}-{spec['version']}"), spec, told


def _environment(described: Described, body: Body, around: Around) -> Made:
    spec, told = _registered(described, body, around)
    spec |= {
        "image": body.take("properties.image"),
        "condaFile": body.take("properties.condaFile"),
        "build": body.take("properties.build"),
        "inferenceConfig": body.take("properties.inferenceConfig"),
        "osType": _capital(body.take("properties.osType")),
    }
    return "AzureMLEnvironment", _object_name(f"{described.name}-{spec['version']}"), spec, told


_MAKE: Mapping[Sort, Callable[[Described, Body, Around], Made]] = {
    Sort.WORKSPACE: _workspace,
    Sort.ENDPOINT: _endpoint,
    Sort.DEPLOYMENT: _deployment,
    Sort.BATCH_ENDPOINT: _batch_endpoint,
    Sort.BATCH_DEPLOYMENT: _batch_deployment,
    Sort.MODEL: _model,
    Sort.ENVIRONMENT: _environment,
    Sort.COMPUTE: _compute,
}


def _leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [leaf for name, inner in value.items() for leaf in _leaves(inner, f"{path}.{name}" if path else name)]
    return [] if value in (None, "", []) else [(path, value)]


def _object_name(name: str) -> str:
    """What Kubernetes takes for a name."""
    return re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")


def _capital(word: Any) -> Any:
    return word[:1].upper() + word[1:] if isinstance(word, str) else word


def _identity(identity: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not identity:
        return None
    assigned = list(identity.get("userAssignedIdentities") or {})
    return {"type": identity["type"], **({"userAssignedIdentities": assigned} if assigned else {})}


def _asset(reference: str | None) -> dict[str, str] | None:
    if reference is None:
        return None
    if found := _SHORT.match(reference):
        return {"name": found[1], "version": found[3] if found[2] == ":" else f"@{found[3]}"}
    return {"id": reference}


def _settings(part: Mapping[str, Any] | None, **renamed: str) -> dict[str, Any] | None:
    """An object whose durations are ISO 8601 there and `30s` here."""
    if not part:
        return None
    return {renamed.get(name, name): _duration(value) for name, value in part.items() if value is not None}


def _duration(value: Any) -> Any:
    seconds = compare.seconds(value) if isinstance(value, str) else None
    if seconds is None:
        return value
    return f"{seconds:.0f}s" if seconds == int(seconds) else f"{seconds * 1000:.0f}ms"


def _collector(collector: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"collections": []}
    for name, said in (collector.get("collections") or {}).items():
        one: dict[str, Any] = {"name": name}
        if said.get("dataCollectionMode"):
            one["enabled"] = said["dataCollectionMode"].lower() == "enabled"
        if said.get("samplingRate") is not None:
            one["samplingPercentage"] = round(float(said["samplingRate"]) * 100)
        one |= {field: said[field] for field in ("dataId", "clientId") if said.get(field)}
        found["collections"].append(one)
    if collector.get("rollingRate"):
        found["rollingRate"] = _capital(collector["rollingRate"])
    if headers := (collector.get("requestLogging") or {}).get("captureHeaders"):
        found["captureHeaders"] = list(headers)
    return found
