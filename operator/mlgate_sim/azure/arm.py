"""The routes of the simulated Azure Resource Manager: one table from resource type and method to what answers.

What comes before any resource is the gateway's: api-version, subscription, resource group, resource type. A 404
there has two fields and `x-ms-failure-cause: gateway`; one of the resource provider has its own shape (see
`arm_errors`).
"""

from __future__ import annotations

import copy
import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from mlgate_sim.azure import (
    arm_errors,
    assets,
    authorization,
    batch_deployments,
    batch_endpoints,
    computes,
    deployments,
    endpoint_credentials,
    endpoints,
    groups,
    jobs,
    operations,
    regions,
    workspaces,
)
from mlgate_sim.azure.arm_message import ML_PROVIDER, Answer, ArmPath, ArmRequest, Json, Refusal
from mlgate_sim.azure.state import AzureState

Call = Callable[[AzureState, ArmRequest], Answer]
OPERATIONS = ("mfeoperationsstatus", "mfeoperationresults", "workspaceoperationsstatus", "computeoperationsstatus")


@dataclass(frozen=True, slots=True)
class Routes:
    """What one resource type answers to."""

    missing: Callable[[ArmRequest], Refusal]
    put: Call | None = None
    patch: Call | None = None
    delete: Call | None = None
    actions: Mapping[str, Call] = field(default_factory=dict)
    reads: Mapping[str, Call] = field(default_factory=dict)


def resource_routes(sign: endpoint_credentials.Sign) -> dict[tuple[str, ...], Routes]:
    """The table. `sign` makes endpoint tokens."""

    def token(state: AzureState, request: ArmRequest) -> Answer:
        return endpoint_credentials.token(state, request, sign)

    table = {
        ("workspaces",): Routes(
            workspaces.missing,
            workspaces.put,
            workspaces.patch,
            workspaces.delete,
            actions={"listkeys": workspaces.list_keys},
        ),
        ("workspaces", "onlineendpoints"): Routes(
            endpoints.missing,
            endpoints.put,
            endpoints.patch,
            endpoints.delete,
            actions={
                "listkeys": endpoint_credentials.list_keys,
                "regeneratekeys": endpoint_credentials.regenerate_keys,
                "token": token,
            },
        ),
        ("workspaces", "onlineendpoints", "deployments"): Routes(
            deployments.missing,
            deployments.put,
            deployments.patch,
            deployments.delete,
            actions={"getlogs": deployments.get_logs},
            reads={"skus": deployments.skus},
        ),
        ("workspaces", "batchendpoints"): Routes(
            endpoints.missing,
            batch_endpoints.put,
            batch_endpoints.patch,
            batch_endpoints.delete,
            actions={"listkeys": batch_endpoints.list_keys},
        ),
        ("workspaces", "batchendpoints", "deployments"): Routes(
            deployments.missing, batch_deployments.put, batch_deployments.patch, batch_deployments.delete
        ),
        ("workspaces", "computes"): Routes(computes.missing, computes.put, computes.patch, computes.delete),
        ("workspaces", "jobs"): Routes(jobs.missing, jobs.put, delete=jobs.delete, actions={"cancel": jobs.cancel}),
        ("workspaces", "datastores"): Routes(assets.missing, actions={"listsecrets": assets.list_secrets}),
    }
    for kind in assets.KINDS:
        table["workspaces", kind] = Routes(assets.missing, delete=assets.delete)
        table["workspaces", kind, "versions"] = Routes(assets.missing, assets.put, delete=assets.delete)
    return table


class Arm:
    """Answers ARM calls on a state."""

    def __init__(self, state: AzureState, sign: endpoint_credentials.Sign) -> None:
        self.state = state
        self._table = resource_routes(sign)

    def answer(self, request: ArmRequest) -> Answer:
        """The reply to one authenticated call; refusals are replies too."""
        try:
            found = self._dispatch(request)
        except Refusal as refusal:
            found = refusal.answer
        # A copy, because the resource goes on changing under the caller's eyes otherwise.
        return replace(found, body=copy.deepcopy(found.body))

    def _dispatch(self, request: ArmRequest) -> Answer:
        state, path = self.state, request.path
        state.advance()
        if not request.api_version:
            message = "The api-version query parameter (?api-version=) is required for all requests."
            raise arm_errors.gateway(400, "MissingApiVersionParameter", message)
        if path.subscription is None:
            return groups.tenant_level(state, request)
        if path.subscription.lower() != state.settings.subscription.lower():
            raise arm_errors.subscription_not_found(path.subscription)
        self._refuse_forbidden(request)
        if authorization.is_asked(request):
            return authorization.answer(state, request)
        if path.provider is None:
            return groups.answer(state, request)
        if path.provider != ML_PROVIDER:
            message = f"The resource namespace '{path.provider}' is invalid."
            raise arm_errors.gateway(404, "InvalidResourceNamespace", message)
        if path.types == ("locations",) and path.trailing:
            return regions.answer(state, request)
        if path.types[:1] == ("locations",):
            return self._operation(request)
        if path.resource_group is None:
            return groups.provider_level(state, request)
        if path.resource_group.lower() not in state.resource_groups:
            raise arm_errors.resource_group_not_found(path.resource_group)
        return self._resource(request)

    def _resource(self, request: ArmRequest) -> Answer:
        path = request.path
        trailing = (path.trailing or "").lower()
        if trailing:
            routes = self._table.get(path.types)
            if routes is not None and request.method == "POST" and trailing in routes.actions:
                return routes.actions[trailing](self.state, request)
            if routes is not None and request.method == "GET" and trailing in routes.reads:
                return routes.reads[trailing](self.state, request)
            if request.method == "GET" and ((*path.types, trailing) in self._table):
                return self._list(request, trailing)
        elif path.types in self._table:
            return self._one(request, self._table[path.types])
        wanted = "/".join((*path.types, *([trailing] if trailing else [])))
        message = (
            f"The resource type '{wanted}' could not be found in the namespace '{path.provider}' for api version "
            f"'{request.api_version}'."
        )
        raise arm_errors.gateway(404, "InvalidResourceType", message)

    def _one(self, request: ArmRequest, routes: Routes) -> Answer:
        if request.method in ("GET", "HEAD"):
            found = self._get(request.path)
            if found is None:
                raise routes.missing(request)
            return Answer(200, found)
        call = {"PUT": routes.put, "PATCH": routes.patch, "DELETE": routes.delete}.get(request.method)
        if call is None:
            message = f"The requested resource does not support http method '{request.method}'."
            raise arm_errors.gateway(405, "MethodNotAllowed", message)
        return call(self.state, request)

    def _get(self, path: ArmPath) -> Json | None:
        if path.types == ("workspaces",):
            return self.state.find(path.resource_id())
        workspaces.require(self.state, path)
        if path.types == ("workspaces", "datastores"):
            return assets.datastore(self.state, path)
        if len(path.types) == 2 and path.types[1] in assets.KINDS:
            return assets.container(self.state, path)
        return self.state.find(path.resource_id())

    def _list(self, request: ArmRequest, kind: str) -> Answer:
        path, state = request.path, self.state
        if path.types:
            workspaces.require(state, path)
        if path.types[1:] in (("onlineendpoints",), ("batchendpoints",)):
            endpoints.require(state, path)
        found = self._containers(path, kind) if kind in assets.KINDS else state.collection(path.resource_id(), kind)
        if kind == "versions":
            found = assets.asked_for(state, request, found)
        return groups.page(state, request, found)

    def _containers(self, path: ArmPath, kind: str) -> list[Json]:
        prefix = f"{path.resource_id()}/{kind}/".lower()
        keys = (key for key in self.state.resources if key.startswith(prefix))
        names = dict.fromkeys(key[len(prefix) :].split("/")[0] for key in keys)
        shown = [
            assets.container(self.state, replace(path, names=(*path.names, (kind, name)), trailing=None))
            for name in names
        ]
        return [found for found in shown if found is not None]

    def _operation(self, request: ArmRequest) -> Answer:
        path = request.path
        kind = path.types[1] if len(path.types) == 2 else ""
        operation = self.state.operations.get(path.name)
        if operation is None or kind not in OPERATIONS:
            raise arm_errors.user_error(f"Operation '{path.name}' was not found.", status=404, inner="NotFoundError")
        wants_result = kind == "mfeoperationresults" or request.query.get("type") == "location"
        if not wants_result:
            return Answer(200, operations.status_body(operation, path.resource_id()))
        if operation.running:
            return Answer(202)
        return Answer(200, self.state.find(operation.resource_id) if operation.verb != "delete" else None)

    def _refuse_forbidden(self, request: ArmRequest) -> None:
        action = action_of(request)
        if any(fnmatch.fnmatch(action.lower(), denied.lower()) for denied in self.state.forbidden_actions):
            settings, scope = self.state.settings, request.path.resource_id()
            raise arm_errors.forbidden(settings.client_id, settings.service_principal, action, scope)


def action_of(request: ArmRequest) -> str:
    """The RBAC action of a call: `Microsoft.MachineLearningServices/workspaces/onlineEndpoints/token/action`."""
    path = request.path
    if authorization.is_asked(request):
        return "Microsoft.Authorization/roleAssignments/read"
    kind = path.full_type() if path.provider else "Microsoft.Resources/subscriptions/resourceGroups"
    if request.method == "POST":
        return f"{kind}/{path.trailing}/action"
    if path.trailing:
        kind = f"{kind}/{path.trailing}"
    verb = {"GET": "read", "HEAD": "read", "DELETE": "delete"}.get(request.method, "write")
    return f"{kind}/{verb}"
