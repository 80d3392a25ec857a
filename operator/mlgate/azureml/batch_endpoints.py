"""Batch endpoints. PUT makes and changes them (201 both times, recording TestBatchEndpoint), and sets the default
deployment; PATCH knows tags and identity only."""

from __future__ import annotations

from typing import Any

from . import arm_id
from .arm_id import Subject
from .resources import Aging, Resources
from .wire import Wire


class BatchEndpoints(Resources):
    """The batch endpoints of a session's subscription."""

    def __init__(self, wire: Wire, aging: Aging | None = None) -> None:
        super().__init__(wire, Subject.BATCH_ENDPOINT, aging)

    def id(self, workspace_id: str, name: str) -> str:
        """The ARM id. Raises Terminal for impossible names."""
        return arm_id.batch_endpoint_id(workspace_id, name)

    async def _list_in(self, parent_id: str) -> list[dict[str, Any]] | None:
        workspace = arm_id.read(parent_id)
        return await self._list(f"{workspace}/batchEndpoints", f"batch endpoints of {workspace.described()}")
