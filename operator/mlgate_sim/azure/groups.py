"""What lies around the workspaces: subscriptions, resource groups, the registered provider, and lists.

A list is `{"value": [...]}` with a `nextLink` only when there is more.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from mlgate_sim.azure import arm_errors
from mlgate_sim.azure.arm_message import ML_PROVIDER, Answer, ArmRequest, Json
from mlgate_sim.azure.state import AzureState


def tenant_level(state: AzureState, request: ArmRequest) -> Answer:
    """GET /subscriptions and GET /tenants."""
    if request.path.trailing == "subscriptions" and request.method == "GET":
        return Answer(200, {"value": [_subscription(state)]})
    if request.path.trailing == "tenants" and request.method == "GET":
        tenant = state.settings.tenant
        return Answer(200, {"value": [{"id": f"/tenants/{tenant}", "tenantId": tenant}]})
    raise arm_errors.gateway(
        404, "NotFound", "The requested resource was not found.", {"x-ms-failure-cause": "gateway"}
    )


def answer(state: AzureState, request: ArmRequest) -> Answer:
    """The subscription, its resource groups, and one resource group (GET, HEAD, PUT, DELETE)."""
    path = request.path
    if path.resource_group is None:
        if path.trailing is None:
            return Answer(200, _subscription(state))
        if path.trailing.lower() == "resourcegroups":
            return page(state, request, [_group(state, group) for group in state.resource_groups.values()])
    elif path.trailing is None and not path.names:
        return _one_group(state, request, path.resource_group)
    raise arm_errors.gateway(
        404, "NotFound", "The requested resource was not found.", {"x-ms-failure-cause": "gateway"}
    )


def provider_level(state: AzureState, request: ArmRequest) -> Answer:
    """The provider's registration and the workspaces of the whole subscription."""
    path = request.path
    if path.trailing is None and not path.names:
        registration = {"id": path.resource_id(), "namespace": ML_PROVIDER, "registrationState": "Registered"}
        return Answer(200, registration)
    if (path.trailing or "").lower() == "workspaces":
        found = [one for key, one in state.resources.items() if key.split("/")[-2] == "workspaces"]
        return page(state, request, found)
    raise arm_errors.gateway(
        404, "NotFound", "The requested resource was not found.", {"x-ms-failure-cause": "gateway"}
    )


def page(state: AzureState, request: ArmRequest, found: Sequence[Json]) -> Answer:
    """One page of a list; `$top` (or `count`) and the continuation in `$skip` are honoured."""
    start = _number(request, "$skip", 0)
    size = min(_number(request, "$top", _number(request, "count", state.settings.page_size)), state.settings.page_size)
    body: Json = {"value": list(found[start : start + size])}
    wants_all = "$top" not in request.query
    if wants_all and start + size < len(found):
        collection = f"{state.origin}{request.path.resource_id()}/{request.path.trailing}"
        query = {
            **{name: value for name, value in request.query.items() if name != "$skip"},
            "$skip": str(start + size),
        }
        body["nextLink"] = f"{collection}?{urlencode(query)}"
    return Answer(200, body)


def _number(request: ArmRequest, name: str, otherwise: int) -> int:
    given = request.query.get(name, "")
    return int(given) if given.isdigit() else otherwise


def _subscription(state: AzureState) -> Json:
    subscription = state.settings.subscription
    return {
        "id": f"/subscriptions/{subscription}",
        "subscriptionId": subscription,
        "tenantId": state.settings.tenant,
        "displayName": "Simulated subscription",
        "state": "Enabled",
    }


def _group(state: AzureState, group: Json) -> Json:
    return {
        "id": f"/subscriptions/{state.settings.subscription}/resourceGroups/{group['name']}",
        "name": group["name"],
        "type": "Microsoft.Resources/resourceGroups",
        "location": group["location"],
        "tags": group.get("tags") or {},
        "properties": {"provisioningState": "Succeeded"},
    }


def _one_group(state: AzureState, request: ArmRequest, name: str) -> Answer:
    group = state.resource_groups.get(name.lower())
    if request.method == "PUT":
        if not request.body.get("location"):
            raise arm_errors.location_required()
        written = {"name": name, "location": request.body["location"], "tags": request.body.get("tags")}
        state.resource_groups[name.lower()] = written
        return Answer(200 if group else 201, _group(state, written))
    if group is None:
        if request.method == "HEAD":
            return Answer(404)
        raise arm_errors.resource_group_not_found(name)
    if request.method == "HEAD":
        return Answer(204)
    if request.method == "DELETE":
        root = f"/subscriptions/{state.settings.subscription}/resourceGroups/{name}"
        state.remove(root)
        del state.resource_groups[name.lower()]
        return Answer(200)
    return Answer(200, _group(state, group))
