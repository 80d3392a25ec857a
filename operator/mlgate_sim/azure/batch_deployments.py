"""Batch deployments: how the jobs of an endpoint's calls are run. Nothing of theirs runs before a call.

PUT answers 201 and takes seconds. PATCH knows tags and the description (`PartialBatchDeployment` of the client that
azure-ai-ml carries). Defaults, which appear when the operation has ended, are those of the API's description. Presumed:
the endpoint's default deployment cannot be deleted, as an online deployment cannot while it has traffic.
"""

from __future__ import annotations

from mlgate_sim.azure import arm_errors, endpoints, operations
from mlgate_sim.azure.arm_message import Answer, ArmRequest, Json, Refusal
from mlgate_sim.azure.deployments import MOST_DEPLOYMENTS, missing
from mlgate_sim.azure.settings import is_endpoint_name
from mlgate_sim.azure.state import AzureState, normal_location

DEFAULTS: Json = {
    "errorThreshold": -1,
    "loggingLevel": "Info",
    "maxConcurrencyPerInstance": 1,
    "miniBatchSize": 10,
    "outputAction": "AppendRow",
    "outputFileName": "predictions.csv",
}
RETRIES: Json = {"maxRetries": 3, "timeout": "PT30S"}
RESOURCES: Json = {"instanceCount": 1, "instanceType": None, "properties": {}}
_WORDS = {"outputAction": ("AppendRow", "SummaryOnly"), "loggingLevel": ("Info", "Warning", "Debug")}


def put(state: AzureState, request: ArmRequest) -> Answer:
    """Create or update."""
    path = request.path
    endpoint = endpoints.require(state, path)
    existing = state.find(path.resource_id())
    _validate(state, request, endpoint, existing)
    what = "update a deployment" if existing else "create a deployment"
    endpoints.refuse_busy(state, endpoint, what)
    if endpoint["properties"]["provisioningState"] != "Succeeded":
        raise arm_errors.busy(400, what, endpoint["name"], endpoint["properties"]["provisioningState"])
    refusal = state.failures.take(path.resource_id(), "request")
    if refusal is not None:
        raise Refusal(Answer(400, {"error": refusal.error()}))
    deployment = _as_written(state, request, existing)
    state.resources[path.resource_id().lower()] = deployment
    operation = state.start("bedep", "put", deployment, _late_defaults(deployment["properties"]))
    return endpoints.answer_put(state, request, deployment, operation)


def patch(state: AzureState, request: ArmRequest) -> Answer:
    """Tags and the description, at once."""
    endpoint = endpoints.require(state, request.path)
    deployment = state.find(request.path.resource_id())
    if deployment is None:
        raise missing(request)
    endpoints.refuse_busy(state, endpoint, "update a deployment")
    if request.body.get("tags") is not None:
        deployment["tags"] = dict(request.body["tags"])
    if "description" in request.properties:
        deployment["properties"]["description"] = request.properties["description"]
    return Answer(200, deployment)


def delete(state: AzureState, request: ArmRequest) -> Answer:
    """Delete a deployment that is not the default; 204 when it is not there."""
    endpoint = endpoints.require(state, request.path)
    deployment = state.find(request.path.resource_id())
    if deployment is None:
        return Answer(204)
    endpoints.refuse_busy(state, endpoint, "delete a deployment")
    name = deployment["name"]
    if endpoint["properties"]["defaults"]["deploymentName"] == name:
        raise arm_errors.user_error(
            f"Deployment '{name}' cannot be deleted while it is the default of its endpoint. Set another default first."
        )
    deployment["properties"]["provisioningState"] = "Deleting"
    operation = state.start("bedep", "delete", deployment)
    return Answer(202, "null", operations.headers(operation, state.origin, request.api_version))


def _validate(state: AzureState, request: ArmRequest, endpoint: Json, existing: Json | None) -> None:
    path, properties = request.path, request.properties
    if not is_endpoint_name(path.name):
        raise arm_errors.invalid_request(
            "Name", f"The deployment name '{path.name}' is invalid: 3 to 32 letters, digits and '-', a letter first."
        )
    if not request.body.get("location"):
        raise arm_errors.location_required()
    model, component = properties.get("model"), properties.get("deploymentConfiguration")
    if not model and not component:
        raise arm_errors.invalid_request("Model", "The Model field is required.")
    if model and (model.get("referenceType"), bool(model.get("assetId"))) != ("Id", True):
        raise arm_errors.invalid_request("Model", "The model must be a reference of type Id with an assetId.")
    for name, words in _WORDS.items():
        if properties.get(name) and properties[name].lower() not in [word.lower() for word in words]:
            raise arm_errors.invalid_request(
                name[0].upper() + name[1:], f"The value must be one of {', '.join(words)}."
            )
    compute = str(properties.get("compute") or "")
    if compute.lower().startswith(path.resource_id(1).lower() + "/") and state.find(compute) is None:
        message = f"The compute '{compute.rsplit('/', 1)[-1]}' does not exist in the workspace."
        raise arm_errors.invalid_request("Compute", message)
    if existing is None and len(state.collection(endpoint["id"], "deployments")) >= MOST_DEPLOYMENTS:
        raise arm_errors.user_error(f"An endpoint has at most {MOST_DEPLOYMENTS} deployments.")


def _as_written(state: AzureState, request: ArmRequest, existing: Json | None) -> Json:
    given, now = request.properties, state.now()
    nothing = ("description", "codeConfiguration", "environmentId", "compute", "deploymentConfiguration", "model")
    properties: Json = {
        **dict.fromkeys((*nothing, *DEFAULTS)),
        "resources": None,
        "retrySettings": None,
        **{name: value for name, value in given.items() if value is not None},
        "properties": dict(given.get("properties") or {}),
        "environmentVariables": dict(given.get("environmentVariables") or {}),
        "provisioningState": "Updating" if existing else "Creating",
    }
    for name, words in _WORDS.items():  # read back in the service's own casing
        properties[name] = next((w for w in words if w.lower() == str(properties[name]).lower()), None)
    return {
        "id": existing["id"] if existing else request.path.resource_id(),
        "name": existing["name"] if existing else request.path.name,
        "type": request.path.full_type(),
        "properties": properties,
        "systemData": {
            "createdAt": existing["systemData"]["createdAt"] if existing else now,
            "createdBy": state.settings.service_principal,
            "lastModifiedAt": now,
        },
        "tags": dict(request.body.get("tags") or {}),
        "location": normal_location(request.body["location"]),
        "kind": None,
        "identity": None,
        "sku": None,
    }


def _late_defaults(properties: Json) -> Json:
    late = {name: value for name, value in DEFAULTS.items() if properties[name] is None}
    if properties["outputAction"] == "SummaryOnly":
        late.pop("outputFileName", None)
    late["retrySettings"] = {**RETRIES, **(properties["retrySettings"] or {})}
    late["resources"] = {**RESOURCES, **(properties["resources"] or {})}
    return late
