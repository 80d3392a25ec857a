"""Batch deployments: settings of jobs to come, so there are no instances and no log of their own. PATCH knows tags and
the description only (`PartialBatchDeployment` of the client that azure-ai-ml carries)."""

from __future__ import annotations

from typing import Any

from . import arm_id
from .arm_id import Subject
from .resources import Aging, Resources
from .wire import Wire


class BatchDeployments(Resources):
    """The deployments of all batch endpoints of a session's subscription."""

    def __init__(self, wire: Wire, aging: Aging | None = None) -> None:
        super().__init__(wire, Subject.BATCH_DEPLOYMENT, aging)

    def id(self, endpoint_id: str, name: str) -> str:
        """The ARM id. Raises Terminal for impossible names."""
        return arm_id.deployment_id(endpoint_id, name)

    async def _list_in(self, parent_id: str) -> list[dict[str, Any]] | None:
        return await self.of_endpoint(parent_id)

    async def of_endpoint(self, endpoint_id: str) -> list[dict[str, Any]]:
        """All deployments of an endpoint, in one request per page. Raises Gone when the endpoint does not exist."""
        endpoint = arm_id.read(endpoint_id)
        return await self._list(f"{endpoint}/deployments", f"deployments of {endpoint.described()}")
