"""Online endpoints.

Recorded (TestOnlineDeployment): PUT answers 201 for create and update alike, with `Creating`/`Updating` in the
body; the scoring URI is null until a create has ended, and an update's answer still shows the old traffic. A PUT
without `traffic` sets every weight to 0 (genaiops-promptflow-template 182). PATCH knows only tags; the identity
cannot be changed. One operation at a time per endpoint, its deployments included (azure-sdk-for-net 36961).
"""

from __future__ import annotations

import uuid
from typing import Any

from mlgate_sim.azure import arm_errors, operations, workspaces
from mlgate_sim.azure.arm_message import Answer, ArmPath, ArmRequest, Json, Refusal
from mlgate_sim.azure.settings import is_endpoint_name
from mlgate_sim.azure.state import RUNNING_STATES, AzureState, normal_location, same_location

_AUTH_MODES = {"key": "Key", "amltoken": "AMLToken", "aadtoken": "AADToken"}
MOST_MIRRORED = 50  # per cent of the live traffic that may be copied to a shadow deployment


def missing(request: ArmRequest) -> Refusal:
    """The 404 of an endpoint that is not there."""
    return arm_errors.inferencing_not_found()


def require(state: AzureState, path: ArmPath) -> Json:
    """The endpoint that a nested path is in. Raises Refusal (404) when it or its workspace is not there."""
    workspaces.require(state, path)
    endpoint = state.find(path.resource_id(2))
    if endpoint is None:
        raise arm_errors.inferencing_not_found()
    return endpoint


def refuse_busy(state: AzureState, endpoint: Json, what: str) -> None:
    """Raises Refusal while an operation runs on the endpoint or on one of its deployments."""
    operation = state.running_operation(endpoint["id"])
    if operation is not None:
        busy = state.find(operation.resource_id) or endpoint
        current = busy["properties"]["provisioningState"]
        shown = current if current in RUNNING_STATES else "Updating"
        raise arm_errors.busy(state.settings.busy_status, what, endpoint["name"], shown)


def put(state: AzureState, request: ArmRequest) -> Answer:
    """Create or update."""
    path = request.path
    workspace = workspaces.require(state, path)
    if workspace["properties"]["provisioningState"] in ("Creating", "Deleting"):
        message = f"The workspace '{workspace['name']}' is in {workspace['properties']['provisioningState']} state."
        raise arm_errors.gateway(409, "Conflict", message)
    existing = state.find(path.resource_id())
    auth_mode = _validated(state, request, existing)
    if existing is not None:
        refuse_busy(state, existing, "update the endpoint")
    refusal = state.failures.take(path.resource_id(), "request")
    if refusal is not None:
        raise Refusal(Answer(400, {"error": refusal.error()}))
    endpoint = existing or _new(state, path, request)
    properties = endpoint["properties"]
    endpoint["tags"] = dict(request.body.get("tags") or {})
    endpoint["systemData"]["lastModifiedAt"] = state.now()
    properties["description"] = request.properties.get("description")
    properties["publicNetworkAccess"] = request.properties.get("publicNetworkAccess") or "Enabled"
    properties["provisioningState"] = "Updating" if existing else "Creating"
    pending: Json = {
        "authMode": auth_mode,
        "traffic": dict(request.properties.get("traffic") or {}),
        "mirrorTraffic": dict(request.properties.get("mirrorTraffic") or {}),
    }
    if existing is None:
        properties["authMode"] = auth_mode
        base = f"{state.origin}/scoring/{endpoint['name']}.{endpoint['location']}"
        pending |= {"scoringUri": f"{base}/score", "swaggerUri": f"{base}/swagger.json"}
        key = path.resource_id().lower()
        state.resources[key] = endpoint
        state.keys[key] = {"primaryKey": state.new_key(), "secondaryKey": state.new_key()}
    return answer_put(state, request, endpoint, state.start("oe", "put", endpoint, pending))


def answer_put(state: AzureState, request: ArmRequest, resource: Json, operation: operations.Operation) -> Answer:
    """201 with the resource as it is now; the operation's URL is kept on the resource, as the service does."""
    headers = operations.headers(operation, state.origin, request.api_version)
    resource["properties"]["properties"]["AzureAsyncOperationUri"] = headers["Azure-AsyncOperation"]
    return Answer(201, resource, headers)


def patch(state: AzureState, request: ArmRequest) -> Answer:
    """Tags only; whatever else is sent is ignored, except a change of identity, which is refused."""
    endpoint = require(state, request.path)
    refuse_busy(state, endpoint, "update the endpoint")
    _refuse_identity(endpoint, request.body.get("identity"))
    if request.body.get("tags") is not None:
        endpoint["tags"] = dict(request.body["tags"])
    endpoint["systemData"]["lastModifiedAt"] = state.now()
    return Answer(200, endpoint)


def delete(state: AzureState, request: ArmRequest) -> Answer:
    """Delete the endpoint and its deployments; 204 when it is not there."""
    workspaces.require(state, request.path)
    endpoint = state.find(request.path.resource_id())
    if endpoint is None:
        return Answer(204)
    refuse_busy(state, endpoint, "delete the endpoint")
    endpoint["properties"]["provisioningState"] = "Deleting"
    operation = state.start("oe", "delete", endpoint)
    return Answer(202, "null", operations.headers(operation, state.origin, request.api_version))


def _validated(state: AzureState, request: ArmRequest, existing: Json | None) -> str:
    path, body = request.path, request.body
    if not is_endpoint_name(path.name):
        raise arm_errors.invalid_request(
            "Name", f"The endpoint name '{path.name}' is invalid: 3 to 32 letters, digits and '-', a letter first."
        )
    if not body.get("location"):
        raise arm_errors.location_required()
    auth_mode = _AUTH_MODES.get(str(request.properties.get("authMode", "")).lower())
    if auth_mode is None:
        raise arm_errors.invalid_request("AuthMode", "The AuthMode field is required: Key, AMLToken or AADToken.")
    if existing is None:
        taken = state.endpoint_named(path.name, body["location"]) or path.name.lower() in state.taken_names
        if taken:
            raise arm_errors.name_taken()
    else:
        if not same_location(existing["location"], body["location"]):
            raise arm_errors.location_differs(path, existing["location"], body["location"])
        _refuse_identity(existing, body.get("identity"))
        _refuse_properties(existing, request.properties.get("properties"))
    _refuse_traffic(state, path, request.properties)
    return auth_mode


def _refuse_identity(existing: Json, asked: Json | None) -> None:
    if not asked:
        return
    old, new = existing["identity"], asked
    same_type = str(old.get("type", "")).replace(" ", "").lower() == str(new.get("type", "")).replace(" ", "").lower()
    old_users = {key.lower() for key in old.get("userAssignedIdentities") or {}}
    new_users = {key.lower() for key in new.get("userAssignedIdentities") or {}}
    if not same_type or old_users != new_users:
        raise arm_errors.user_error("The identity of an endpoint is immutable and cannot be changed after creation.")


def _refuse_properties(existing: Json, asked: Json | None) -> None:
    kept = existing["properties"]["properties"]
    for name, value in (asked or {}).items():
        if not _is_server_property(name) and kept.get(name) != value:
            raise arm_errors.user_error(f"The property '{name}' of an endpoint cannot be changed after creation.")


def _is_server_property(name: str) -> bool:
    """What the service sets itself. azure-ai-ml puts who and when into an endpoint it got and sends them back with it."""
    return name in ("AzureAsyncOperationUri", "createdBy", "createdAt", "lastModifiedAt") or name.startswith("azureml.")


def _refuse_traffic(state: AzureState, path: ArmPath, properties: Json) -> None:
    traffic: dict[str, Any] = properties.get("traffic") or {}
    mirror: dict[str, Any] = properties.get("mirrorTraffic") or {}
    have = {found["name"] for found in state.collection(path.resource_id(), "deployments")}
    for name, weight in (*traffic.items(), *mirror.items()):
        if name not in have:
            raise arm_errors.invalid_request(
                "Traffic", f"Deployment '{name}' does not exist in endpoint '{path.name}'."
            )
        if not isinstance(weight, int) or isinstance(weight, bool) or not 0 <= weight <= 100:
            raise arm_errors.invalid_request("Traffic", f"The weight of '{name}' must be a whole number from 0 to 100.")
    if sum(traffic.values()) not in (0, 100):
        raise arm_errors.invalid_request("Traffic", "Traffic percentages must add up to 0 or 100.")
    if sum(mirror.values()) > MOST_MIRRORED or len(mirror) > 1:
        raise arm_errors.invalid_request("MirrorTraffic", "At most 50 % may be mirrored, to one deployment.")
    if any(traffic.get(name, 0) > 0 and share > 0 for name, share in mirror.items()):
        raise arm_errors.invalid_request("MirrorTraffic", "A deployment cannot have live and mirrored traffic.")


def user_assigned_principal(identity_id: str) -> str:
    """The principal of a user-assigned identity: the same wherever it is used."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, identity_id.lower()))


def _new(state: AzureState, path: ArmPath, request: ArmRequest) -> Json:
    identity = dict(request.body.get("identity") or {"type": "SystemAssigned"})
    if "systemassigned" in str(identity.get("type", "")).lower():
        identity |= {"principalId": str(state.new_id()), "tenantId": state.settings.tenant}
    if identity.get("userAssignedIdentities"):
        identity["userAssignedIdentities"] = {
            name: {"principalId": user_assigned_principal(name), "clientId": str(state.new_id())}
            for name in identity["userAssignedIdentities"]
        }
    lowered = path.resource_id().lower()
    now = state.now()
    return {
        "id": path.resource_id(),
        "name": path.name,
        "type": path.full_type(),
        "properties": {
            "description": None,
            "properties": {**(request.properties.get("properties") or {}), "azureml.onlineendpointid": lowered},
            "scoringUri": None,
            "swaggerUri": None,
            "authMode": None,
            "provisioningState": "Creating",
            "compute": request.properties.get("compute"),
            "traffic": {},
            "mirrorTraffic": {},
            "publicNetworkAccess": "Enabled",
        },
        "systemData": {"createdAt": now, "createdBy": state.settings.service_principal, "lastModifiedAt": now},
        "tags": {},
        "location": normal_location(request.body["location"]),
        "kind": "Managed",
        "identity": identity,
    }
