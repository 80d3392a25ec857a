"""Long-running operations of the simulated Azure ML, as plain data on an injected clock.

Recorded (TestOnlineDeployment, Test_MachineLearning_Workspaces_CRUD): an MFE operation says `Updating` while it runs,
for creates and deletes too, and its `percentComplete` jumps from 0 to 100; a workspace operation says `InProgress`
and has no id. A failed operation is HTTP 200 with `status: Failed` and an `error` (terraform-provider-azurerm 22150).
What an operation does when it ends is data (`pending`), so that the whole state can be written out and read back.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Literal

from mlgate_sim.azure.arm_message import ML_PROVIDER, Json

Kind = Literal["workspace", "oe", "od", "bebes", "bedep", "compute"]
Verb = Literal["put", "patch", "delete", "regenerateKeys"]


@dataclass(slots=True)
class Operation:
    """One operation. Times are seconds since the epoch."""

    id: str
    kind: Kind
    verb: Verb
    resource_id: str
    location: str
    subscription: str
    started: float
    ends: float
    pending: Json = field(default_factory=dict)
    """Properties (or keys, or `purge`) that become visible when the operation ends well."""
    error: Json | None = None
    """The error it will end with; None when it succeeds."""
    ended: float | None = None

    @property
    def running(self) -> bool:
        return self.ended is None

    def to_json(self) -> Json:
        return asdict(self)


def timestamp(seconds: float) -> str:
    """ISO 8601 with the offset written out, as the service does."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def status_body(operation: Operation, path: str) -> Json:
    """What `Azure-AsyncOperation` answers."""
    if operation.running:
        state = "InProgress" if operation.kind in ("workspace", "compute") else "Updating"
    else:
        state = "Failed" if operation.error else "Succeeded"
    if operation.kind in ("workspace", "compute"):
        body: Json = {"status": state} if operation.running else {"status": state, "percentComplete": 100.0}
    else:
        body = {"id": path, "name": operation.id, "startTime": timestamp(operation.started)}
        if operation.ended is not None:
            body["endTime"] = timestamp(operation.ended)
        body |= {"percentComplete": 0.0 if operation.running else 100.0, "status": state}
    if not operation.running and operation.error:
        body["error"] = operation.error
    return body


def headers(operation: Operation, origin: str, api_version: str) -> dict[str, str]:
    """The headers of the answer that started `operation`; no Retry-After, as recorded.

    A PUT's `Location` is the resource itself; a workspace's and every DELETE's is the operation's result.
    """
    base = f"{origin}/subscriptions/{operation.subscription}/providers/{ML_PROVIDER}/locations/{operation.location}"
    version = f"?api-version={api_version}"
    if operation.kind == "workspace":
        status = f"{base}/workspaceOperationsStatus/{operation.id}{version}"
        return {"Azure-AsyncOperation": f"{status}&type=async", "Location": f"{status}&type=location"}
    if operation.kind == "compute":
        return {"Azure-AsyncOperation": f"{base}/computeOperationsStatus/{operation.id}{version}&service=new"}
    found = {
        "Azure-AsyncOperation": f"{base}/mfeOperationsStatus/{operation.id}{version}",
        "x-ms-async-operation-timeout": "PT30M",
        "x-ms-response-type": "standard",
    }
    if operation.verb == "put":
        found["Location"] = f"{origin}{operation.resource_id}{version}"
    else:
        found["Location"] = f"{base}/mfeOperationResults/{operation.id}{version}"
    if operation.verb in ("patch", "regenerateKeys"):
        found["Retry-After"] = "10"
    return found
