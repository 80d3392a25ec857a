"""Computes: clusters of machines (AmlCompute).

Recorded (Test_MachineLearning_Workspaces_CRUD): DELETE answers 202 with `Azure-AsyncOperation` alone. PUT answers 201 for a
new one; PATCH knows `scaleSettings` only (`ClusterUpdateParameters`). A cluster says `Resizing` until it has its nodes, and
keeps as few as it may without work.
"""

from __future__ import annotations

from mlgate_sim.azure import arm_errors, operations, workspaces
from mlgate_sim.azure.arm_message import Answer, ArmRequest, Json, Refusal
from mlgate_sim.azure.state import AzureState, normal_location

_FIXED = ("vmSize", "vmPriority", "enableNodePublicIp", "osType")
MOST_NODES = 1000


def missing(request: ArmRequest) -> Refusal:
    """The 404 of a compute that is not there."""
    return arm_errors.not_found("Compute", request.path.name, request.path.named("workspaces"))


def put(state: AzureState, request: ArmRequest) -> Answer:
    """Create or update."""
    path = request.path
    workspace = workspaces.require(state, path)
    existing = state.find(path.resource_id())
    given = _cluster(request)
    _refuse_scale(given.get("scaleSettings"))
    if existing is not None:
        _refuse_busy(existing)
        _refuse_change(existing, given)
    refusal = state.failures.take(path.resource_id(), "request")
    if refusal is not None:
        raise Refusal(Answer(400, {"error": refusal.error()}))
    compute = existing or {"id": path.resource_id(), "name": path.name, "type": path.full_type()}
    location = normal_location(request.body.get("location") or workspace["location"])
    identity = dict(request.body["identity"]) if request.body.get("identity") else None
    if identity and "systemassigned" in str(identity.get("type", "")).replace(" ", "").lower():
        identity |= {"principalId": str(state.new_id()), "tenantId": state.settings.tenant}
    compute |= {
        "location": location,
        "tags": dict(request.body.get("tags") or {}),
        **({"identity": identity} if identity else {}),
        "properties": {
            "computeType": "AmlCompute",
            "computeLocation": location,
            "description": request.properties.get("description"),
            "disableLocalAuth": bool(request.properties.get("disableLocalAuth")),
            "resourceId": None,
            "isAttachedCompute": False,
            "createdOn": state.now(),
            "modifiedOn": state.now(),
            "provisioningErrors": None,
            "provisioningState": "Updating" if existing else "Creating",
            "properties": {
                "osType": "Linux",
                "vmPriority": "Dedicated",
                "enableNodePublicIp": True,
                "remoteLoginPortPublicAccess": "NotSpecified",
                **given,
                **_nodes(given.get("scaleSettings") or {}),
            },
        },
    }
    state.resources[path.resource_id().lower()] = compute
    operation = state.start("compute", "put", compute)
    return Answer(200 if existing else 201, compute, operations.headers(operation, state.origin, request.api_version))


def patch(state: AzureState, request: ArmRequest) -> Answer:
    """How many nodes there may be."""
    workspaces.require(state, request.path)
    compute = state.find(request.path.resource_id())
    if compute is None:
        raise missing(request)
    _refuse_busy(compute)
    settings = _cluster(request).get("scaleSettings")
    _refuse_scale(settings)
    compute["properties"]["properties"] |= {"scaleSettings": settings, **_nodes(settings or {})}
    compute["properties"]["provisioningState"] = "Updating"
    operation = state.start("compute", "patch", compute)
    return Answer(200, compute, operations.headers(operation, state.origin, request.api_version))


def delete(state: AzureState, request: ArmRequest) -> Answer:
    """Delete or detach; 204 when it is not there."""
    workspaces.require(state, request.path)
    compute = state.find(request.path.resource_id())
    if compute is None:
        return Answer(204)
    _refuse_busy(compute)
    compute["properties"]["provisioningState"] = "Deleting"
    operation = state.start("compute", "delete", compute)
    return Answer(202, None, operations.headers(operation, state.origin, request.api_version))


def _cluster(request: ArmRequest) -> Json:
    found = request.properties.get("properties")
    return dict(found) if isinstance(found, dict) else {}


def _nodes(settings: Json) -> Json:
    kept = int(settings.get("minNodeCount") or 0)
    counts = {f"{name}NodeCount": 0 for name in ("running", "preparing", "leaving", "unusable", "preempted")}
    return {
        "allocationState": "Steady",
        "currentNodeCount": kept,
        "targetNodeCount": kept,
        "nodeStateCounts": {"idleNodeCount": kept, **counts},
        "errors": None,
    }


def _refuse_scale(settings: Json | None) -> None:
    most, fewest = (settings or {}).get("maxNodeCount"), (settings or {}).get("minNodeCount") or 0
    if not isinstance(most, int) or not 0 <= fewest <= most <= MOST_NODES:
        message = "scaleSettings needs a maxNodeCount of at most 1000 that is not below minNodeCount."
        raise arm_errors.gateway(400, "BadRequest", message)


def _refuse_busy(compute: Json) -> None:
    current = compute["properties"]["provisioningState"]
    if current in ("Creating", "Updating", "Deleting"):
        message = f"The compute '{compute['name']}' is in {current} provisioning state; try again when it has ended."
        raise arm_errors.gateway(409, "Conflict", message)


def _refuse_change(existing: Json, given: Json) -> None:
    for name in _FIXED:
        old, new = existing["properties"]["properties"].get(name), given.get(name)
        if new is not None and str(old).lower() != str(new).lower():
            message = f"The property '{name}' of compute '{existing['name']}' cannot be changed after creation."
            raise arm_errors.gateway(400, "BadRequest", message)
