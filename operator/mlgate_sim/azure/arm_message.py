"""What goes in and out of the simulated Azure Resource Manager, free of any web framework.

An `ArmRequest` is one parsed call, an `Answer` one reply. Paths are compared without regard to case, as ARM does:
the recordings answer `resourcegroups` to a request that wrote `resourceGroups` (TestOnlineDeployment).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

ML_PROVIDER = "Microsoft.MachineLearningServices"

# The spelling the service answers with, whatever the caller wrote.
CANONICAL_TYPES = {
    "workspaces": "workspaces",
    "onlineendpoints": "onlineEndpoints",
    "batchendpoints": "batchEndpoints",
    "deployments": "deployments",
    "models": "models",
    "environments": "environments",
    "codes": "codes",
    "data": "data",
    "components": "components",
    "versions": "versions",
    "datastores": "datastores",
    "computes": "computes",
    "jobs": "jobs",
    "computeoperationsstatus": "computeOperationsStatus",
    "locations": "locations",
    "mfeoperationsstatus": "mfeOperationsStatus",
    "mfeoperationresults": "mfeOperationResults",
    "workspaceoperationsstatus": "workspaceOperationsStatus",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP reply. `body` None means no content; a str is sent as it is, anything else as JSON."""

    status: int
    body: Json | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """The call is refused; `answer` is what the caller gets."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"HTTP {answer.status}: {answer.body}")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class ArmPath:
    """A path below the subscription, cut into (type, name) pairs.

    `trailing` is a last segment without a name: a collection (`…/onlineEndpoints`) or an action (`…/listKeys`).
    """

    subscription: str | None
    resource_group: str | None
    provider: str | None
    names: tuple[tuple[str, str], ...] = ()
    trailing: str | None = None

    @property
    def types(self) -> tuple[str, ...]:
        """The lower-cased resource types of the named segments."""
        return tuple(kind.lower() for kind, _ in self.names)

    @property
    def name(self) -> str:
        """The name of the innermost resource; empty for a path without one."""
        return self.names[-1][1] if self.names else ""

    def named(self, kind: str) -> str:
        """The name given for the resource type `kind` (lower case). Raises KeyError where the path has none."""
        for candidate, name in self.names:
            if candidate.lower() == kind:
                return name
        raise KeyError(kind)

    def resource_id(self, depth: int | None = None) -> str:
        """The ARM id in the service's own spelling, of the whole path or of its first `depth` pairs."""
        parts = [f"/subscriptions/{self.subscription}"]
        if self.resource_group is not None:
            parts.append(f"/resourceGroups/{self.resource_group}")
        if self.provider is not None:
            parts.append(f"/providers/{self.provider}")
        for kind, name in self.names[:depth]:
            parts.append(f"/{CANONICAL_TYPES.get(kind.lower(), kind)}/{name}")
        return "".join(parts)

    def full_type(self) -> str:
        """`Microsoft.MachineLearningServices/workspaces/…` of the innermost resource."""
        return "/".join([self.provider or "", *(CANONICAL_TYPES.get(kind.lower(), kind) for kind, _ in self.names)])


@dataclass(frozen=True, slots=True)
class ArmRequest:
    """One call as the state machine sees it."""

    method: str
    path: ArmPath
    query: Mapping[str, str]
    body: Json

    @property
    def properties(self) -> Json:
        """The body's `properties`, empty when absent or null."""
        found = self.body.get("properties")
        return found if isinstance(found, dict) else {}

    @property
    def api_version(self) -> str:
        """The api-version the caller asked for."""
        return self.query.get("api-version", "")


def parse_path(raw: str) -> ArmPath:
    """Cut a URL path into an `ArmPath`; segments that are not there are None."""
    segments = [segment for segment in raw.split("/") if segment]
    subscription = resource_group = provider = None
    names: list[tuple[str, str]] = []
    position = 0
    while position + 1 < len(segments):
        key, value = segments[position], segments[position + 1]
        lowered = key.lower()
        if lowered == "subscriptions" and subscription is None:
            subscription = value
        elif lowered == "resourcegroups" and provider is None and resource_group is None:
            resource_group = value
        elif lowered == "providers" and provider is None:
            provider = ML_PROVIDER if value.lower() == ML_PROVIDER.lower() else value
        else:
            names.append((key, value))
        position += 2
    trailing = segments[position] if position < len(segments) else None
    return ArmPath(subscription, resource_group, provider, tuple(names), trailing)
