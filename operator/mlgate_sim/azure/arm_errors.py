"""The refusals of ARM and of the Azure ML resource provider, in their two shapes.

A refusal by the ARM gateway carries only code and message (and `x-ms-failure-cause: gateway` on a 404); one by the
resource provider ("managementfrontend", MFE) carries `details` and `additionalInfo`, with the real cause as escaped
JSON in `details[0].message`. Sources: recordings TestWorkspace, error bodies quoted in public issues
(azure-sdk-for-net 36961, azureml-examples 1930, ResourceModules 3596, mslearn-azure-ml 30), Azure's documentation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from mlgate_sim.azure.arm_message import Answer, ArmPath, Json, Refusal

_GATEWAY = {"x-ms-failure-cause": "gateway"}


def gateway(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Refusal:
    """A refusal that never reached the resource provider: two fields."""
    return Refusal(Answer(status, {"error": {"code": code, "message": message}}, dict(headers or {})))


def provider(
    status: int,
    code: str,
    message: str,
    *,
    details: Sequence[Json] = (),
    inner: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Refusal:
    """A refusal by the resource provider: `details` and `additionalInfo` are always there."""
    error = provider_error(code, message, details=details, inner=inner)
    return Refusal(Answer(status, {"error": error}, dict(headers or {})))


def provider_error(code: str, message: str, *, details: Sequence[Json] = (), inner: str | None = None) -> Json:
    """The error object of the resource provider, used in refusals and in failed operations alike."""
    info: list[Json] = [
        {"type": "ComponentName", "info": {"value": "managementfrontend"}},
        {"type": "Correlation", "info": {"value": {"operation": "0" * 32, "request": "0" * 16}}},
    ]
    if inner is not None:
        info.append({"type": "InnerError", "info": {"value": {"code": inner, "innerError": None}}})
    return {"code": code, "message": message, "details": list(details), "additionalInfo": info}


def detail(code: str, message: str) -> Json:
    """One entry of `details`."""
    return {"code": code, "message": message, "details": [], "additionalInfo": []}


def validation(code: str, field: str, message: str, *, prefix: str = "") -> Json:
    """A `details` entry whose message is the inference service's validation answer, as escaped JSON."""
    inner = {
        "errors": {field: [message]},
        "type": "https://tools.ietf.org/html/rfc7231#section-6.5.1",
        "title": "One or more validation errors occurred.",
        "status": 400,
        "traceId": "00-" + "0" * 32 + "-" + "0" * 16 + "-00",
    }
    return detail(code, prefix + json.dumps(inner, separators=(",", ":")))


def invalid_request(field: str, message: str) -> Refusal:
    """400 with the cause in `details[0].message`, the shape of every validation refusal of the provider."""
    return provider(
        400,
        "BadRequest",
        "The request is invalid.",
        details=[validation("InferencingClientCallFailed", field, message)],
    )


def user_error(message: str, *, status: int = 400, inner: str = "BadArgumentError") -> Refusal:
    """`UserError`, the outer code of most provider refusals."""
    return provider(status, "UserError", message, inner=inner)


def subscription_not_found(subscription: str) -> Refusal:
    """404 for a subscription this tenant does not have."""
    return gateway(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.", _GATEWAY)


def resource_group_not_found(name: str) -> Refusal:
    """404 for a resource group the subscription does not have."""
    return gateway(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.", _GATEWAY)


def resource_not_found(path: ArmPath) -> Refusal:
    """404 of the gateway: the top-level resource is not there (recorded, TestWorkspace)."""
    kind_and_name = f"{path.provider}/{path.names[0][0]}/{path.names[0][1]}"
    message = (
        f"The Resource '{kind_and_name}' under resource group '{path.resource_group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )
    return gateway(404, "ResourceNotFound", message, _GATEWAY)


def parent_not_found(path: ArmPath, parent_id: str) -> Refusal:
    """404 of the gateway: a nested resource below a top-level resource that is not there."""
    message = (
        f"Failed to perform 'read' on resource(s) of type '{'/'.join(kind for kind, _ in path.names)}', "
        f"because the parent resource '{parent_id}' could not be found."
    )
    return gateway(404, "ParentResourceNotFound", message, _GATEWAY)


def not_found(what: str, name: str, workspace: str) -> Refusal:
    """404 of the provider for an asset."""
    return user_error(f"{what} '{name}' not found in workspace '{workspace}@AML'", status=404, inner="NotFoundError")


def inferencing_not_found() -> Refusal:
    """404 of the provider for an endpoint or deployment; the doubled braces are the service's (azure-cli-extensions 7107)."""
    return provider(
        404,
        "NotFound",
        "The specified resource was not found.",
        details=[detail("InferencingClientCallFailed", '{{"title":"Not Found"}}')],
        inner="NotFoundError",
    )


def busy(status: int, what: str, endpoint: str, state: str) -> Refusal:
    """An operation is running on the endpoint (azure-sdk-for-net 36961; the status is not in the report)."""
    message = f"Cannot {what} in endpoint {endpoint} because it is in {state} provisioning state."
    code = "Conflict" if status == 409 else "BadRequest"
    return provider(status, code, message, inner="ConflictError")


def name_taken() -> Refusal:
    """Another endpoint of the region has the name, perhaps another customer's (azureml-examples 1930)."""
    return invalid_request(
        "",
        "There is already an endpoint with this name, Endpoint name needs to be unique within a region. "
        "Try some other name.",
    )


def soft_deleted() -> Refusal:
    """The workspace's name is held by a soft-deleted one (ResourceModules 3596)."""
    message = "Soft-deleted workspace exists. Please purge or recover it. https://aka.ms/wsoftdelete"
    return gateway(400, "BadRequest", message)


def location_required() -> Refusal:
    """400: a tracked resource without a location."""
    return gateway(400, "LocationRequired", "The location property is required for this definition.")


def location_differs(path: ArmPath, existing: str, asked: str) -> Refusal:
    """409: a resource cannot move to another region."""
    message = (
        f"The resource '{path.name}' already exists in location '{existing}' in resource group "
        f"'{path.resource_group}'. A resource with the same name cannot be created in location '{asked}'. "
        "Please select a new resource name."
    )
    return gateway(409, "InvalidResourceLocation", message)


def throttled(bucket: str, subscription: str, seconds: int) -> Refusal:
    """429 of the gateway: the subscription's bucket is empty."""
    kind = {"reads": "read", "writes": "write", "deletes": "delete"}.get(bucket, bucket)
    message = (
        f"Number of '{kind}' requests for subscription '{subscription}' actor '' exceeded. "
        f"Please try again after '{seconds}' seconds."
    )
    return gateway(429, "SubscriptionRequestsThrottled", message, {"Retry-After": str(seconds)})


def forbidden(client: str, oid: str, action: str, scope: str) -> Refusal:
    """403: the role assignment is missing (or has not propagated yet)."""
    message = (
        f"The client '{client}' with object id '{oid}' does not have authorization to perform action '{action}' "
        f"over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your "
        "credentials."
    )
    return gateway(403, "AuthorizationFailed", message)
