"""Azure ML workspaces.

PUT and DELETE answer 202 without a body (recording Test_MachineLearning_Workspaces_CRUD); the names of deleted
workspaces stay taken for 14 days unless they are purged.
"""

from __future__ import annotations

from typing import Any

from . import arm_id
from .arm_id import Subject
from .resources import Accepted, Resources
from .wire import Wire


class Workspaces(Resources):
    """The workspaces of a session's subscription."""

    def __init__(self, wire: Wire, subscription: str) -> None:
        super().__init__(wire, Subject.WORKSPACE)
        self._subscription = subscription

    def id(self, resource_group: str, name: str, subscription: str | None = None) -> str:
        """The ARM id, in the connection's subscription unless another is named. Raises Terminal for bad names."""
        return arm_id.workspace_id(subscription or self._subscription, resource_group, name)

    async def delete(self, resource_id: str, *, purge: bool = False) -> Accepted | None:
        """Starts its deletion: recoverable for 14 days unless `purge`; what is inside is lost either way."""
        return await self._delete(resource_id, {"forceToPurge": "true" if purge else "false"})

    async def in_group(self, resource_group: str) -> list[dict[str, Any]]:
        """The workspaces of a resource group."""
        path = arm_id.workspace_id(self._subscription, resource_group, "x").rpartition("/")[0]
        return await self._list(path, f"workspaces in resource group {resource_group}")
