"""Computes: clusters of machines. How many nodes there may be is changed by PATCH, which moves nothing else; DELETE says
what becomes of the machines (recording Test_MachineLearning_Workspaces_CRUD; the client that azure-ai-ml carries)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import arm_id
from .arm_id import Subject
from .resources import Accepted, Resources
from .wire import Wire


class Computes(Resources):
    """The computes of all workspaces of a session's subscription."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire, Subject.COMPUTE)

    def id(self, workspace_id: str, name: str) -> str:
        """The ARM id. Raises Terminal for impossible names."""
        return arm_id.compute_id(workspace_id, name)

    async def scale(self, resource_id: str, settings: Mapping[str, Any]) -> Accepted:
        """Sets the whole `scaleSettings` and nothing else."""
        return await self._patch(resource_id, {"properties": {"properties": {"scaleSettings": dict(settings)}}})

    async def delete(self, resource_id: str) -> Accepted | None:
        """Starts its deletion with its machines; None when there was nothing to delete."""
        return await self._delete(resource_id, {"underlyingResourceAction": "Delete"})
