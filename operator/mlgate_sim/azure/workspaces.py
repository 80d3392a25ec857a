"""Workspaces: PUT, PATCH and DELETE answer 202 with an empty body and two operation headers; GET shows what came of it.

Recorded (Test_MachineLearning_Workspaces_CRUD, TestWorkspace): what is read differs from what was written (sku
`Standard_S1` -> `Basic`, `Microsoft.KeyVault` -> `Microsoft.Keyvault`, allowPublicAccessWhenBehindVnet), `etag` is
always null, there is no Retry-After. A DELETE keeps the name for 14 days unless `forceToPurge=true`; endpoints inside
are gone at once.
"""

from __future__ import annotations

import re
from typing import Any

from mlgate_sim.azure import arm_errors, operations
from mlgate_sim.azure.arm_message import Answer, ArmPath, ArmRequest, Json, Refusal
from mlgate_sim.azure.operations import Operation
from mlgate_sim.azure.settings import is_workspace_name
from mlgate_sim.azure.state import AzureState, normal_location, same_location

_SKUS = {"standard_s1": "Basic", "basic": "Basic", "enterprise": "Basic"}
_MUTABLE = (
    "friendlyName",
    "description",
    "imageBuildCompute",
    "publicNetworkAccess",
    "applicationInsights",
    "containerRegistry",
    "primaryUserAssignedIdentity",
    "managedNetwork",
)
_IMMUTABLE = ("storageAccount", "keyVault", "hbiWorkspace")


def missing(request: ArmRequest) -> Refusal:
    """The 404 of a workspace that is not there."""
    return arm_errors.resource_not_found(request.path)


def require(state: AzureState, path: ArmPath) -> Json:
    """The workspace that a nested path is in. Raises Refusal (404) when it is not there."""
    workspace = state.find(path.resource_id(1))
    if workspace is None:
        raise arm_errors.parent_not_found(path, path.resource_id(1))
    return workspace


def put(state: AzureState, request: ArmRequest) -> Answer:
    """Create or update."""
    path = request.path
    if not is_workspace_name(path.name):
        message = (
            f"Workspace name '{path.name}' is invalid: 3 to 33 letters, digits, '-' and '_', a letter or digit first."
        )
        raise arm_errors.gateway(400, "BadRequest", message)
    location = request.body.get("location")
    if not location:
        raise arm_errors.location_required()
    resource_id = path.resource_id()
    existing = state.find(resource_id)
    if existing is None and resource_id.lower() in state.soft_deleted:
        raise arm_errors.soft_deleted()
    if existing is not None:
        _refuse_change(path, existing, request)
    refusal = state.failures.take(resource_id, "request")
    if refusal is not None:
        raise arm_errors.gateway(400, "BadRequest", refusal.message or refusal.code)
    resource = existing or _new(state, path, normal_location(location))
    _write(state, resource, request, replace=True)
    resource["properties"]["provisioningState"] = "Updating" if existing else "Creating"
    state.resources[resource_id.lower()] = resource
    return _accepted(state, request, state.start("workspace", "put", resource))


def patch(state: AzureState, request: ArmRequest) -> Answer:
    """Update tags and mutable properties."""
    resource = state.find(request.path.resource_id())
    if resource is None:
        raise missing(request)
    _refuse_busy(resource)
    _write(state, resource, request, replace=False)
    resource["properties"]["provisioningState"] = "Updating"
    return _accepted(state, request, state.start("workspace", "patch", resource))


def delete(state: AzureState, request: ArmRequest) -> Answer:
    """Soft delete, or purge with `forceToPurge=true` (also of a workspace that is soft-deleted already)."""
    resource_id = request.path.resource_id()
    resource = state.find(resource_id)
    purge = request.query.get("forceToPurge", "false").lower() == "true"
    if resource is None:
        if purge:
            state.soft_deleted.pop(resource_id.lower(), None)
        return Answer(204)
    _refuse_busy(resource)
    resource["properties"]["provisioningState"] = "Deleting"
    return _accepted(state, request, state.start("workspace", "delete", resource, {"purge": purge}))


def list_keys(state: AzureState, request: ArmRequest) -> Answer:
    """POST listKeys: nothing of use in a simulator, but it answers."""
    workspace = state.find(request.path.resource_id())
    if workspace is None:
        raise missing(request)
    return Answer(200, {"userStorageKey": None, "userStorageResourceId": workspace["properties"].get("storageAccount")})


def _accepted(state: AzureState, request: ArmRequest, operation: Operation) -> Answer:
    return Answer(202, None, operations.headers(operation, state.origin, request.api_version))


def _refuse_busy(resource: Json) -> None:
    current = resource["properties"]["provisioningState"]
    if current in ("Creating", "Updating", "Deleting"):
        message = f"The workspace '{resource['name']}' is in {current} provisioning state; try again when it has ended."
        raise arm_errors.gateway(409, "Conflict", message)


def _refuse_change(path: ArmPath, existing: Json, request: ArmRequest) -> None:
    asked = str(request.body["location"])
    if not same_location(existing["location"], asked):
        raise arm_errors.location_differs(path, existing["location"], asked)
    _refuse_busy(existing)
    for name in _IMMUTABLE:
        old, new = existing["properties"].get(name), request.properties.get(name)
        if old and new is not None and str(old).lower() != str(new).lower():
            message = f"The property '{name}' of workspace '{path.name}' cannot be changed after creation."
            raise arm_errors.gateway(400, "BadRequest", message)


def _new(state: AzureState, path: ArmPath, location: str) -> Json:
    workspace_id = str(state.new_id())
    tenant = state.settings.tenant
    properties: Json = {
        "friendlyName": "",
        "description": "",
        "storageAccount": None,
        "keyVault": None,
        "applicationInsights": None,
        "hbiWorkspace": False,
        "tenantId": tenant,
        "imageBuildCompute": None,
        "provisioningState": "Creating",
        "containerRegistry": "",
        "notebookInfo": {
            "resourceId": workspace_id.replace("-", ""),
            "fqdn": f"ml-{path.name[:18]}-{location}-{workspace_id}.{location}.notebooks.azure.net".lower(),
            "isPrivateLinkEnabled": False,
            "notebookPreparationError": None,
        },
        "storageHnsEnabled": False,
        "workspaceId": workspace_id,
        "linkedModelInventoryArmId": None,
        "privateLinkCount": 0,
        "allowPublicAccessWhenBehindVnet": True,
        "publicNetworkAccess": "Enabled",
        "discoveryUrl": f"https://{location}.api.azureml.ms/discovery",
        "mlFlowTrackingUri": f"azureml://{location}.api.azureml.ms/mlflow/v1.0{path.resource_id()}",
        "sdkTelemetryAppInsightsKey": str(state.new_id()),
        "sasGetterUri": "",
    }
    return {
        "id": path.resource_id(),
        "name": path.name,
        "type": path.full_type(),
        "location": location,
        "tags": {},
        "etag": None,
        "kind": "Default",
        "properties": properties,
        "identity": {"type": "SystemAssigned", "principalId": str(state.new_id()), "tenantId": tenant},
        "sku": {"name": "Basic", "tier": "Basic"},
        "systemData": _system_data(state),
    }


def _system_data(state: AzureState) -> Json:
    who, now = state.settings.service_principal, state.now()
    return {
        "createdAt": now,
        "createdBy": who,
        "createdByType": "Application",
        "lastModifiedAt": now,
        "lastModifiedBy": who,
        "lastModifiedByType": "Application",
    }


def _write(state: AzureState, resource: Json, request: ArmRequest, *, replace: bool) -> None:
    body = request.body
    if "tags" in body or replace:
        resource["tags"] = dict(body.get("tags") or {})
    if replace and body.get("kind"):
        resource["kind"] = body["kind"]
    if body.get("sku"):
        name = str(body["sku"].get("name", "Basic"))
        resource["sku"] = {"name": _SKUS.get(name.lower(), name), "tier": body["sku"].get("tier", "Basic")}
    if body.get("identity"):
        kept = {key: resource["identity"][key] for key in ("principalId", "tenantId")}
        resource["identity"] = {**body["identity"], **kept}
    names = (*_MUTABLE, *_IMMUTABLE) if replace else _MUTABLE
    for name in names:
        if request.properties.get(name) is not None:
            resource["properties"][name] = _as_read(request.properties[name])
    resource["systemData"].update(lastModifiedAt=state.now())


def _as_read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    respelled = re.sub("Microsoft.KeyVault", "Microsoft.Keyvault", value, flags=re.IGNORECASE)
    return re.sub("/resourcegroups/", "/resourceGroups/", respelled, flags=re.IGNORECASE)
