"""Everything the simulated Azure remembers: resources by lower-cased ARM id, operations, keys, what is soft-deleted.

Time comes from an injected clock. Operations that are due are settled by `advance`, which every request and every
look at the state calls first; nothing runs in the background. The whole state is JSON and can be written out and
read back.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mlgate_sim.azure import job_course
from mlgate_sim.azure.arm_message import Json
from mlgate_sim.azure.failures import Failure, FailureScript
from mlgate_sim.azure.operations import Kind, Operation, Verb, timestamp
from mlgate_sim.azure.scoring_script import ScoringScript
from mlgate_sim.azure.settings import Settings

SOFT_DELETE_SECONDS = 14 * 24 * 3600
RUNNING_STATES = {"Creating", "Updating", "Scaling", "Deleting"}


class AzureState:
    """The state of one subscription. `origin` is the simulator's own URL, without a trailing slash."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float],
        new_id: Callable[[], uuid.UUID] = uuid.uuid4,
        origin: str = "https://127.0.0.1",
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.new_id = new_id
        self.origin = origin
        self.operation_seconds = settings.operation_seconds
        self.soft_deleted: dict[str, float] = {}
        self.load({})

    # --- reading

    def find(self, resource_id: str) -> Json | None:
        """The resource with this ARM id, whatever its case."""
        return self.resources.get(resource_id.lower())

    def below(self, resource_id: str) -> Iterator[Json]:
        """Every resource nested in `resource_id`, at any depth."""
        prefix = resource_id.lower() + "/"
        return (resource for key, resource in self.resources.items() if key.startswith(prefix))

    def collection(self, parent_id: str, kind: str) -> list[Json]:
        """The resources of one collection (`…/onlineEndpoints`), direct children only."""
        prefix = f"{parent_id}/{kind}/".lower()
        return [
            found for key, found in self.resources.items() if key.startswith(prefix) and "/" not in key[len(prefix) :]
        ]

    def running_operation(self, resource_id: str) -> Operation | None:
        """The operation running on this resource or on anything inside it."""
        root = resource_id.lower()
        for operation in self.operations.values():
            target = operation.resource_id.lower()
            if operation.running and (target == root or target.startswith(root + "/")):
                return operation
        return None

    def endpoint_named(self, name: str, location: str, kind: str = "onlineendpoints") -> Json | None:
        """The endpoint of a kind that holds `name` in a region."""
        for key, found in self.resources.items():
            is_endpoint = key.split("/")[-2] == kind
            if is_endpoint and found["name"].lower() == name.lower() and same_location(found["location"], location):
                return found
        return None

    def now(self) -> str:
        """The current time as the service writes it."""
        return timestamp(self.clock())

    # --- changing

    def advance(self) -> None:
        """Settle every operation whose time has come, in the order they end."""
        now = self.clock()
        due = [operation for operation in self.operations.values() if operation.running and operation.ends <= now]
        for operation in sorted(due, key=lambda operation: operation.ends):
            self._settle(operation)
        self.soft_deleted = {key: until for key, until in self.soft_deleted.items() if until > now}
        for key, course in self.jobs.items():
            self.resources[key]["properties"]["status"] = job_course.state_at(course, now)

    def start(self, kind: Kind, verb: Verb, resource: Json, pending: Json | None = None) -> Operation:
        """Start an operation on `resource`; a scripted failure decides now how it will end."""
        resource_id = str(resource["id"])
        failure = self.failures.take(resource_id, "operation") if verb in ("put", "patch") else None
        now = self.clock()
        operation = Operation(
            id=self._operation_id(kind, resource_id),
            kind=kind,
            verb=verb,
            resource_id=resource_id,
            location=normal_location(resource["location"]),
            subscription=self.settings.subscription,
            started=now,
            ends=now + self.operation_seconds,
            pending=dict(pending or {}),
            error=failure.error() if failure else None,
        )
        if failure and failure.logs:
            self.logs[resource_id.lower()] = failure.logs
        self.operations[operation.id] = operation
        return operation

    def remove(self, resource_id: str) -> None:
        """Take a resource and everything inside it away."""
        root = resource_id.lower()
        for key in [key for key in self.resources if key == root or key.startswith(root + "/")]:
            del self.resources[key]
            self.keys.pop(key, None)
            self.logs.pop(key, None)
            self.serving.discard(key)
            self.jobs.pop(key, None)
        for operation in self.operations.values():
            inside = operation.resource_id.lower().startswith(root + "/")
            if operation.running and inside:
                operation.ended = self.clock()

    def new_key(self) -> str:
        """A scoring key."""
        return hashlib.sha256(self.new_id().bytes).hexdigest()[:32]

    def _operation_id(self, kind: Kind, resource_id: str) -> str:
        if kind in ("workspace", "compute"):
            return str(self.new_id())
        workspace = self.resources["/".join(resource_id.lower().split("/")[:9])]
        return f"{kind}:{workspace['properties'].get('workspaceId', uuid.UUID(int=0))}:{self.new_id()}"

    def _settle(self, operation: Operation) -> None:
        operation.ended = operation.ends
        key = operation.resource_id.lower()
        resource = self.resources.get(key)
        if operation.verb == "delete":
            self.remove(key)
            if operation.kind == "workspace" and not operation.pending.get("purge"):
                self.soft_deleted[key] = operation.ends + SOFT_DELETE_SECONDS
            return
        if resource is None:
            return
        if operation.verb == "regenerateKeys":
            self.keys.setdefault(key, {}).update(operation.pending)
            return
        if operation.error is not None:
            resource["properties"]["provisioningState"] = "Failed"
            return
        resource["properties"].update(operation.pending, provisioningState="Succeeded")
        if operation.kind == "od":
            self.serving.add(key)
            self.logs.pop(key, None)

    # --- as JSON

    def save(self) -> Json:
        """The whole state."""
        return {
            "resourceGroups": self.resource_groups,
            "resources": self.resources,
            "operations": [operation.to_json() for operation in self.operations.values()],
            "keys": self.keys,
            "logs": self.logs,
            "jobs": self.jobs,
            "jobScripts": self.job_scripts,
            "serving": sorted(self.serving),
            "softDeleted": self.soft_deleted,
            "takenEndpointNames": sorted(self.taken_names),
            "forbiddenActions": self.forbidden_actions,
            "quota": self.quota,
            "roleAssignments": self.role_assignments,
            "grantsRoles": self.grants_roles,
            "failures": [failure.to_json() for failure in self.failures.failures],
            "scoring": self.scoring.to_json(),
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Replace the whole state by a saved one; parts that are absent are empty. Raises TypeError or ValueError."""
        unknown = sorted(set(saved) - _PARTS)
        if unknown:
            raise ValueError(f"unknown part {unknown[0]!r}; known are {', '.join(sorted(_PARTS))}")
        settings = self.settings
        default_group = {
            settings.resource_group.lower(): {"name": settings.resource_group, "location": settings.location}
        }
        self.resource_groups: dict[str, Json] = dict(saved.get("resourceGroups", default_group))
        self.resources: dict[str, Json] = {key.lower(): value for key, value in saved.get("resources", {}).items()}
        operations = [Operation(**operation) for operation in saved.get("operations", [])]
        self.operations: dict[str, Operation] = {operation.id: operation for operation in operations}
        self.keys: dict[str, dict[str, str]] = dict(saved.get("keys", {}))
        for key in self.resources:
            if key.split("/")[-2] == "onlineendpoints" and key not in self.keys:
                self.keys[key] = {"primaryKey": self.new_key(), "secondaryKey": self.new_key()}
        self.logs: dict[str, str] = dict(saved.get("logs", {}))
        self.jobs: dict[str, Json] = dict(saved.get("jobs", {}))
        self.job_scripts: dict[str, Json] = dict(saved.get("jobScripts", {}))
        """By the name of a job to come: its `steps`, `metrics` and the `error` it has when it fails."""
        ready = [key for key, found in self.resources.items() if _is_ready_deployment(key, found)]
        self.serving: set[str] = set(saved.get("serving", ready))
        self.soft_deleted = dict(saved.get("softDeleted", {}))
        self.taken_names: set[str] = set(saved.get("takenEndpointNames", []))
        self.forbidden_actions: list[str] = list(saved.get("forbiddenActions", []))
        self.quota: dict[str, int] = dict(saved.get("quota", {}))
        """Cores by family (`standardDSv2Family`); what is not there has plenty."""
        self.role_assignments: list[dict[str, str]] = list(saved.get("roleAssignments", []))
        self.grants_roles = bool(saved.get("grantsRoles", True))
        self.failures = FailureScript([Failure(**failure) for failure in saved.get("failures", [])])
        self.scoring = ScoringScript.from_json(saved.get("scoring", []))


_PARTS = {
    "resourceGroups",
    "resources",
    "operations",
    "keys",
    "logs",
    "jobs",
    "jobScripts",
    "serving",
    "softDeleted",
    "takenEndpointNames",
    "forbiddenActions",
    "quota",
    "roleAssignments",
    "grantsRoles",
    "failures",
    "scoring",
}


def _is_ready_deployment(key: str, resource: Json) -> bool:
    return (
        key.split("/")[-4::2] == ["onlineendpoints", "deployments"]
        and resource["properties"].get("provisioningState") == "Succeeded"
    )


def normal_location(location: str) -> str:
    """`West Europe` is `westeurope`."""
    return location.replace(" ", "").lower()


def same_location(one: str, other: str) -> bool:
    """Whether two spellings mean the same region."""
    return normal_location(one) == normal_location(other)
