"""Why a deployment failed, with the end of its container's log.

`getLogs` works on failed deployments too. A container that never started has no log of its own; then the one of what
brings the model to the machine tells more (shared facts, azure-ml section 2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...azureml import Failure, Session, Subject, arm_id, explain
from ...azureml.deployments import Container
from ...errors import Quota, Trouble

LOG_LINES = 20
LONGEST_LINE = 512
CONTAINERS: tuple[Container, ...] = ("InferenceServer", "StorageInitializer")
AGAIN = " To try the same again, set the annotation mlgate.dev/reconcile-requested-at to a new value."


@dataclass(frozen=True, slots=True)
class Failed:
    """A failure, told, and the lines that go with it."""

    failure: Failure
    log: Sequence[str] = ()

    @property
    def sentence(self) -> str:
        return self.failure.sentence if self.failure.may_pass else self.failure.sentence + AGAIN

    def published(self) -> dict[str, Any]:
        """As `status.failure` shows it."""
        return {"code": self.failure.code, "message": self.sentence[:8192], "log": list(self.log) or None}


async def failed(session: Session, raw: Mapping[str, Any]) -> Failed:
    """Reads why. What cannot be read is left out: a failure is told with what there is."""
    resource_id = str(raw["id"])
    subject = arm_id.read(resource_id).subject
    error = await _error(session, raw)
    log = await _log(session, resource_id) if subject is Subject.DEPLOYMENT else ""  # jobs have logs of their own
    lines = [line.rstrip()[:LONGEST_LINE] for line in log.splitlines() if line.strip()][-LOG_LINES:]
    name = resource_id.rsplit("/", 1)[-1]
    return Failed(explain(f"{subject} {name}", error, log or None), lines)


async def _error(session: Session, raw: Mapping[str, Any]) -> Mapping[str, Any] | None:
    uri = session.progress(raw).operation_uri
    try:
        operation = await session.operation(uri) if uri else None
    except Quota:
        raise
    except Trouble:
        return None
    return operation.error if operation else None


async def _log(session: Session, resource_id: str) -> str:
    for container in CONTAINERS:
        try:
            log = await session.deployments.logs(resource_id, LOG_LINES, container)
        except Quota:
            raise
        except Trouble:
            continue
        if log.strip():
            return log
    return ""
