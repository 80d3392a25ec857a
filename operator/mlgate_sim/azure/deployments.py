"""Online deployments.

Recorded (TestOnlineDeployment): PUT answers 201 with `Updating` even for a create; the defaults for probes and the
request timeout (PT5S) appear only when the operation has ended; a real create takes 9 to 20 minutes. PATCH knows
tags and sku (the number of instances). What still receives traffic cannot be deleted.
"""

from __future__ import annotations

from mlgate_sim.azure import arm_errors, endpoints, operations, regions
from mlgate_sim.azure.arm_message import Answer, ArmRequest, Json, Refusal
from mlgate_sim.azure.failures import DEFAULT_LOG
from mlgate_sim.azure.settings import is_endpoint_name
from mlgate_sim.azure.state import AzureState, normal_location

MOST_DEPLOYMENTS = 20  # per endpoint, documented
MOST_INSTANCES = 50  # per deployment, documented
PROBE: Json = {
    "failureThreshold": 30,
    "successThreshold": 1,
    "timeout": "PT2S",
    "period": "PT10S",
    "initialDelay": "PT10S",
}
REQUEST_DEFAULTS: Json = {"maxQueueWait": "PT0S", "requestTimeout": "PT0S", "maxConcurrentRequestsPerInstance": 1}
DEFAULT_REQUEST_TIMEOUT = "PT5S"


def missing(request: ArmRequest) -> Refusal:
    """The 404 of a deployment that is not there."""
    return arm_errors.inferencing_not_found()


def put(state: AzureState, request: ArmRequest) -> Answer:
    """Create or update."""
    path = request.path
    endpoint = endpoints.require(state, path)
    existing = state.find(path.resource_id())
    _validate(state, request, endpoint, existing)
    current = endpoint["properties"]["provisioningState"]
    what = "update a deployment" if existing else "create a deployment"
    endpoints.refuse_busy(state, endpoint, what)
    if current != "Succeeded":
        raise arm_errors.busy(400, what, endpoint["name"], current)
    instances = int((request.body.get("sku") or {}).get("capacity") or 1)
    kind = str(request.properties.get("instanceType"))
    regions.refuse_over_quota(state, path.resource_id(), endpoint["location"], kind, instances)
    refusal = state.failures.take(path.resource_id(), "request")
    if refusal is not None:
        raise Refusal(Answer(400, {"error": refusal.error()}))
    deployment = _as_written(state, request, endpoint, existing)
    state.resources[path.resource_id().lower()] = deployment
    operation = state.start("od", "put", deployment, _late_defaults(deployment["properties"]))
    return endpoints.answer_put(state, request, deployment, operation)


def patch(state: AzureState, request: ArmRequest) -> Answer:
    """Tags (at once) and sku (an operation, `Scaling`)."""
    endpoint = endpoints.require(state, request.path)
    deployment = state.find(request.path.resource_id())
    if deployment is None:
        raise missing(request)
    endpoints.refuse_busy(state, endpoint, "update a deployment")
    if request.body.get("tags") is not None:
        deployment["tags"] = dict(request.body["tags"])
    sku = request.body.get("sku")
    if not sku:
        return Answer(200, deployment)
    _refuse_capacity(sku)
    deployment["sku"] = {**deployment["sku"], **sku}
    deployment["properties"]["provisioningState"] = "Scaling"
    operation = state.start("od", "patch", deployment)
    return Answer(202, deployment, operations.headers(operation, state.origin, request.api_version))


def delete(state: AzureState, request: ArmRequest) -> Answer:
    """Delete a deployment that has no traffic; 204 when it is not there."""
    endpoint = endpoints.require(state, request.path)
    deployment = state.find(request.path.resource_id())
    if deployment is None:
        return Answer(204)
    endpoints.refuse_busy(state, endpoint, "delete a deployment")
    name, properties = deployment["name"], endpoint["properties"]
    if properties["traffic"].get(name, 0) > 0 or properties["mirrorTraffic"].get(name, 0) > 0:
        raise arm_errors.user_error(
            f"Deployment '{name}' cannot be deleted while it receives traffic. Set its traffic to 0 first."
        )
    deployment["properties"]["provisioningState"] = "Deleting"
    operation = state.start("od", "delete", deployment)
    return Answer(202, "null", operations.headers(operation, state.origin, request.api_version))


def get_logs(state: AzureState, request: ArmRequest) -> Answer:
    """POST getLogs: the scripted log of a failed deployment, or a quiet one; the last `tail` lines."""
    endpoints.require(state, request.path)
    deployment = state.find(request.path.resource_id())
    if deployment is None:
        raise missing(request)
    container = request.body.get("containerType", "InferenceServer")
    if container not in ("InferenceServer", "StorageInitializer"):
        raise arm_errors.invalid_request(
            "ContainerType", f"'{container}' is not InferenceServer or StorageInitializer."
        )
    lines = state.logs.get(deployment["id"].lower(), DEFAULT_LOG).splitlines()
    tail = request.body.get("tail")
    if isinstance(tail, int) and tail >= 0:
        lines = lines[len(lines) - tail :] if tail < len(lines) else lines
    return Answer(200, {"content": "\n".join(lines) + "\n" if lines else ""})


def skus(state: AzureState, request: ArmRequest) -> Answer:
    """GET skus: how far the deployment can be scaled."""
    endpoints.require(state, request.path)
    deployment = state.find(request.path.resource_id())
    if deployment is None:
        raise missing(request)
    capacity = {"default": 1, "minimum": 1, "maximum": MOST_INSTANCES, "scaleType": "Automatic"}
    kind = "Microsoft.MachineLearning.Services/endpoints/deployments"
    sku = {"name": deployment["sku"]["name"], "tier": deployment["sku"]["tier"]}
    return Answer(200, {"value": [{"resourceType": kind, "sku": sku, "capacity": capacity}]})


def _validate(state: AzureState, request: ArmRequest, endpoint: Json, existing: Json | None) -> None:
    path, properties = request.path, request.properties
    if not is_endpoint_name(path.name):
        raise arm_errors.invalid_request(
            "Name", f"The deployment name '{path.name}' is invalid: 3 to 32 letters, digits and '-', a letter first."
        )
    if not request.body.get("location"):
        raise arm_errors.location_required()
    if properties.get("endpointComputeType") not in ("Managed", "Kubernetes"):
        raise arm_errors.invalid_request("EndpointComputeType", "The EndpointComputeType field is required.")
    if properties["endpointComputeType"] == "Managed" and not properties.get("instanceType"):
        raise arm_errors.invalid_request("VmSize", "The InstanceType field is required for a managed deployment.")
    if existing and existing["properties"]["endpointComputeType"] != properties["endpointComputeType"]:
        raise arm_errors.user_error("The compute type of a deployment cannot be changed after creation.")
    _refuse_capacity(request.body.get("sku") or {})
    model = properties.get("model")
    if state.settings.check_models and _is_arm_id(model) and state.find(str(model)) is None:
        raise arm_errors.not_found("Model", str(model).rsplit("/", 3)[-3], path.named("workspaces"))
    if existing is None and len(state.collection(endpoint["id"], "deployments")) >= MOST_DEPLOYMENTS:
        raise arm_errors.user_error(f"An endpoint has at most {MOST_DEPLOYMENTS} deployments.")


def _is_arm_id(value: object) -> bool:
    return isinstance(value, str) and value.lower().startswith("/subscriptions/")


def _refuse_capacity(sku: Json) -> None:
    capacity = sku.get("capacity", 1)
    if not isinstance(capacity, int) or not 1 <= capacity <= MOST_INSTANCES:
        raise arm_errors.invalid_request("Capacity", f"The capacity must be from 1 to {MOST_INSTANCES}.")


def _as_written(state: AzureState, request: ArmRequest, endpoint: Json, existing: Json | None) -> Json:
    given, now = request.properties, state.now()
    properties: Json = {
        "description": None,
        "codeConfiguration": None,
        "environmentId": None,
        "scaleSettings": {"scaleType": "Default"},
        "modelMountPath": None,
        "appInsightsEnabled": False,
        "livenessProbe": None,
        "readinessProbe": None,
        "instanceType": None,
        "model": None,
        "privateNetworkConnection": False,
        "egressPublicNetworkAccess": "Enabled",
        **{name: value for name, value in given.items() if value is not None},
        "properties": dict(given.get("properties") or {}),
        "environmentVariables": dict(given.get("environmentVariables") or {}),
        "requestSettings": {**REQUEST_DEFAULTS, **(given.get("requestSettings") or {})},
        "provisioningState": "Updating",
    }
    created = existing["systemData"]["createdAt"] if existing else now
    return {
        "id": existing["id"] if existing else request.path.resource_id(),
        "name": existing["name"] if existing else request.path.name,
        "type": request.path.full_type(),
        "properties": properties,
        "systemData": {"createdAt": created, "createdBy": state.settings.service_principal, "lastModifiedAt": now},
        "tags": dict(request.body.get("tags") or {}),
        "location": normal_location(request.body["location"]),
        "kind": "Managed",
        "sku": {"name": "Default", "tier": "Standard", "capacity": 1, **(request.body.get("sku") or {})},
    }


def _late_defaults(properties: Json) -> Json:
    settings = dict(properties["requestSettings"])
    if settings["requestTimeout"] == "PT0S":
        settings["requestTimeout"] = DEFAULT_REQUEST_TIMEOUT
    return {
        "requestSettings": settings,
        "livenessProbe": {**PROBE, **(properties["livenessProbe"] or {})},
        "readinessProbe": {**PROBE, **(properties["readinessProbe"] or {})},
    }
