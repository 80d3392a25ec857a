"""Role assignments of the simulated Azure, as far as they are listed: `GET {scope}/providers/Microsoft.Authorization/
roleAssignments?$filter=assignedTo('{principal}')`.

An endpoint's own identity is given AcrPull and Storage Blob Data Reader on its workspace's registry and storage when it
is made, as the service does; `state.grants_roles` False withholds them. More are in `state.role_assignments`, as
`{scope, principal, role}`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

from mlgate_sim.azure.arm_message import Answer, ArmRequest, Json
from mlgate_sim.azure.state import AzureState

ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
_PRINCIPAL = re.compile(r"(?:assignedTo\('([^']+)'\)|principalId eq '([^']+)')")
_SCOPE = re.compile(r"(/subscriptions/.+?)/providers/Microsoft\.Authorization$", re.IGNORECASE)


def is_asked(request: ArmRequest) -> bool:
    """Whether this is the list of role assignments of a scope."""
    within = request.path.provider == "Microsoft.Authorization" or (
        request.path.names[-1:] and request.path.names[-1] == ("providers", "Microsoft.Authorization")
    )
    return bool(within) and (request.path.trailing or "").lower() == "roleassignments" and request.method == "GET"


def answer(state: AzureState, request: ArmRequest) -> Answer:
    """The assignments at the scope or above it."""
    asked = _SCOPE.fullmatch(request.path.resource_id())
    scope = asked[1] if asked else f"/subscriptions/{state.settings.subscription}"
    filtered = _PRINCIPAL.search(request.query.get("$filter", ""))
    principal = (filtered[1] or filtered[2]) if filtered else None
    found = [
        _assignment(state, *each)
        for each in _all(state)
        if scope.lower().startswith(each[0].lower()) and principal in (None, each[1])
    ]
    return Answer(200, {"value": found})


def _all(state: AzureState) -> Iterator[tuple[str, str, str]]:
    """(scope, principal, role definition's id)."""
    for given in state.role_assignments:
        yield given["scope"], given["principal"], given["role"]
    if not state.grants_roles:
        return
    for key, endpoint in state.resources.items():
        own = (endpoint.get("identity") or {}).get("principalId")
        workspace = state.find("/".join(key.split("/")[:9]))
        if key.split("/")[-2] == "onlineendpoints" and own and workspace:
            for name, role in (("containerRegistry", ACR_PULL), ("storageAccount", BLOB_READER)):
                if scope := workspace["properties"].get(name):
                    yield scope, own, role


def _assignment(state: AzureState, scope: str, principal: str, role: str) -> Json:
    subscription = f"/subscriptions/{state.settings.subscription}"
    name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope} {principal} {role}".lower()))
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "name": name,
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": {
            "roleDefinitionId": f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}",
            "principalId": principal,
            "principalType": "ServicePrincipal",
            "scope": scope,
        },
    }
