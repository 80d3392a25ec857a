"""Batch endpoints.

Recorded (TestBatchEndpoint): PUT answers 201 with `Creating`, a null scoring URI and `defaults.deploymentName` null;
`aadToken` reads back as `AADToken`; the operation's header is `Azure-AsyncOperation` with an id `bebes:…`. As with online
endpoints one operation runs at a time, deployments included. Presumed, as no recording shows it: a PUT without
`defaults` takes the default away, and a default that does not exist is refused.
"""

from __future__ import annotations

from mlgate_sim.azure import arm_errors, endpoints, operations, workspaces
from mlgate_sim.azure.arm_message import Answer, ArmRequest, Json, Refusal
from mlgate_sim.azure.settings import is_endpoint_name
from mlgate_sim.azure.state import AzureState, normal_location, same_location

KIND = "batchendpoints"
MODE = "AADToken"


def put(state: AzureState, request: ArmRequest) -> Answer:
    """Create or update."""
    path = request.path
    workspace = workspaces.require(state, path)
    if workspace["properties"]["provisioningState"] in ("Creating", "Deleting"):
        message = f"The workspace '{workspace['name']}' is in {workspace['properties']['provisioningState']} state."
        raise arm_errors.gateway(409, "Conflict", message)
    existing = state.find(path.resource_id())
    default = _validated(state, request, existing)
    if existing is not None:
        endpoints.refuse_busy(state, existing, "update the endpoint")
    refusal = state.failures.take(path.resource_id(), "request")
    if refusal is not None:
        raise Refusal(Answer(400, {"error": refusal.error()}))
    endpoint = existing or _new(state, request)
    properties = endpoint["properties"]
    endpoint["tags"] = dict(request.body.get("tags") or {})
    endpoint["systemData"]["lastModifiedAt"] = state.now()
    properties["description"] = request.properties.get("description")
    properties["provisioningState"] = "Updating" if existing else "Creating"
    pending: Json = {"defaults": {"deploymentName": default}}
    if existing is None:
        base = f"{state.origin}/scoring/{endpoint['name']}.{endpoint['location']}"
        pending |= {"scoringUri": f"{base}/jobs", "swaggerUri": f"{base}/swagger.json"}
        state.resources[path.resource_id().lower()] = endpoint
    return endpoints.answer_put(state, request, endpoint, state.start("bebes", "put", endpoint, pending))


def patch(state: AzureState, request: ArmRequest) -> Answer:
    """Tags only."""
    endpoint = endpoints.require(state, request.path)
    endpoints.refuse_busy(state, endpoint, "update the endpoint")
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
    endpoints.refuse_busy(state, endpoint, "delete the endpoint")
    endpoint["properties"]["provisioningState"] = "Deleting"
    operation = state.start("bebes", "delete", endpoint)
    return Answer(202, "null", operations.headers(operation, state.origin, request.api_version))


def list_keys(state: AzureState, request: ArmRequest) -> Answer:
    """POST listKeys: callers present Entra tokens, so there are none."""
    endpoints.require(state, request.path)
    raise arm_errors.user_error("Keys cannot be listed for an endpoint whose authentication mode is AADToken.")


def _validated(state: AzureState, request: ArmRequest, existing: Json | None) -> str | None:
    """The default deployment that is asked for."""
    path, body = request.path, request.body
    if not is_endpoint_name(path.name):
        raise arm_errors.invalid_request(
            "Name", f"The endpoint name '{path.name}' is invalid: 3 to 32 letters, digits and '-', a letter first."
        )
    if not body.get("location"):
        raise arm_errors.location_required()
    if str(request.properties.get("authMode", "")).lower() != MODE.lower():
        raise arm_errors.invalid_request("AuthMode", "The AuthMode of a batch endpoint must be AADToken.")
    if existing is None and (
        state.endpoint_named(path.name, body["location"], KIND) or path.name.lower() in state.taken_names
    ):
        raise arm_errors.name_taken()
    if existing is not None and not same_location(existing["location"], body["location"]):
        raise arm_errors.location_differs(path, existing["location"], body["location"])
    default = (request.properties.get("defaults") or {}).get("deploymentName") or None
    have = {str(found["name"]).lower(): found["name"] for found in state.collection(path.resource_id(), "deployments")}
    if default is not None and default.lower() not in have:
        message = f"Deployment '{default}' does not exist in endpoint '{path.name}'."
        raise arm_errors.invalid_request("Defaults", message)
    return have[default.lower()] if default else None


def _new(state: AzureState, request: ArmRequest) -> Json:
    now = state.now()
    return {
        "id": request.path.resource_id(),
        "name": request.path.name,
        "type": request.path.full_type(),
        "properties": {
            "description": None,
            "properties": dict(request.properties.get("properties") or {}),
            "scoringUri": None,
            "swaggerUri": None,
            "authMode": MODE,
            "provisioningState": "Creating",
            "defaults": {"deploymentName": None},
        },
        "systemData": {"createdAt": now, "createdBy": state.settings.service_principal, "lastModifiedAt": now},
        "tags": {},
        "location": normal_location(request.body["location"]),
        "kind": None,
        "identity": None,
        "sku": None,
    }
