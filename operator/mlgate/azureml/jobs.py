"""Jobs: runs of components. A job is made by PUT under a name of the caller's choice, never changes what it does, and is
ended by `cancel`; its record stays in the workspace.

A job has no provisioningState: `properties.status` says how it goes (shared facts, azure-ml section 5). A repeated PUT of
the same name starts nothing: Azure refuses it or answers the job that is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlgate.errors import Retry

from . import arm_id
from .arm_id import Subject
from .resources import Resources
from .wire import Wire

ENDED = frozenset({"Completed", "Failed", "Canceled"})
"""States that a job never leaves. `NotResponding` and `Paused` are none of them."""


class Jobs(Resources):
    """The jobs of all workspaces of a session's subscription."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire, Subject.JOB)

    def id(self, workspace_id: str, name: str) -> str:
        """The ARM id. Raises Terminal for impossible names."""
        return arm_id.job_id(workspace_id, name)

    async def cancel(self, resource_id: str) -> None:
        """Asks Azure to end it; it ends some time later. One that has ended stays as it is."""
        path, what = self._read(resource_id)
        await self._wire.call("POST", f"{path}/cancel", what)


def state(resource: Mapping[str, Any]) -> str:
    """How a job goes, in Azure's word. Raises Retry when it does not say."""
    said = (resource.get("properties") or {}).get("status")
    if not isinstance(said, str):
        raise Retry(
            f"Azure's answer about {resource.get('id') or 'a job'} lacks properties.status. mlgate looks again."
        )
    return said
