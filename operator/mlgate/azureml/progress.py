"""Where a long operation stands, read from the resource itself. There are no pollers: start, return, look again.

`properties.provisioningState` and `properties.properties.AzureAsyncOperationUri` are on the resource (recording
TestOnlineDeployment), so nothing about an operation needs to be remembered. A deployment says `Updating` already in the
answer to its creation; `percentComplete` jumps from 0 to 100 and means nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mlgate.errors import Retry

from . import arm_id
from .arm_id import Subject

# Seconds between two looks. An endpoint takes 20 to 90 s, a deployment 5 to 20 minutes (recorded: 9 min 11 s).
LOOK_AGAIN = dict.fromkeys(Subject, (5.0, 10.0)) | {Subject.DEPLOYMENT: (15.0, 30.0), Subject.JOB: (10.0, 20.0)}
DEADLINE = 1800.0  # seconds; the service's own `x-ms-async-operation-timeout: PT30M`


class State(StrEnum):
    """A provisioning state. `UNKNOWN` stands for one that is newer than this code, and is treated as under way."""

    CREATING = "Creating"
    UPDATING = "Updating"
    SCALING = "Scaling"
    DELETING = "Deleting"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"
    SOFT_DELETED = "SoftDeleted"
    UNKNOWN = "Unknown"


_SETTLED = {State.SUCCEEDED, State.FAILED, State.CANCELED, State.SOFT_DELETED}
_BY_NAME = {state.value.lower(): state for state in State} | {"cancelled": State.CANCELED, "accepted": State.CREATING}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a resource stands. `after`: seconds, None once it is settled; `operation_uri`: for `Session.operation`."""

    state: State
    after: float | None
    operation_uri: str | None

    @property
    def settled(self) -> bool:
        """Nothing is under way."""
        return self.state in _SETTLED

    @property
    def failed(self) -> bool:
        """The last operation did not reach its end; its error is at `operation_uri`."""
        return self.state in {State.FAILED, State.CANCELED}


def progress(resource: Mapping[str, Any], *, scale: float = 1.0, jitter: float = 0.0) -> Progress:
    """Reads a resource as the service sent it.

    `scale` shortens the waits for development and tests, `jitter` from 0 up to 1 picks the wait in its range.
    Raises Retry when the id or the provisioning state is missing.
    """
    resource_id = resource.get("id")
    properties = resource.get("properties")
    stated = properties.get("provisioningState") if isinstance(properties, Mapping) else None
    if not isinstance(resource_id, str) or not isinstance(stated, str):
        name = "id" if not isinstance(resource_id, str) else "properties.provisioningState"
        raise Retry(f"Azure's answer about {resource_id or 'a resource'} lacks {name}. mlgate looks again.")
    state = _BY_NAME.get(stated.lower(), State.UNKNOWN)
    subject = arm_id.read(resource_id).subject
    after = None if state in _SETTLED else look_again(subject, scale=scale, jitter=jitter)
    return Progress(state, after, _operation_uri(properties))


def look_again(subject: Subject, *, scale: float = 1.0, jitter: float = 0.0) -> float:
    """Seconds after which an operation on such a resource is worth a look."""
    soon, late = LOOK_AGAIN[subject]
    return (soon + (late - soon) * jitter) * scale


def _operation_uri(properties: Mapping[str, Any] | None) -> str | None:
    more = properties.get("properties") if properties else None
    uri = more.get("AzureAsyncOperationUri") if isinstance(more, Mapping) else None
    return uri if isinstance(uri, str) and uri else None


@dataclass(frozen=True, slots=True)
class OperationStatus:
    """An operation's own account. A failed one arrives with HTTP 200; `error` is its error object."""

    status: str
    error: Mapping[str, Any] | None = None

    @property
    def failed(self) -> bool:
        return self.status.lower() in {"failed", "canceled", "cancelled"}


def operation_status(body: Mapping[str, Any]) -> OperationStatus:
    """Reads the body of an operation's URI. Raises Retry when it has no status."""
    status, error = body.get("status"), body.get("error")
    if not isinstance(status, str):
        raise Retry("Azure's answer about an operation lacks status. mlgate looks again.")
    return OperationStatus(status, error if isinstance(error, Mapping) else None)
