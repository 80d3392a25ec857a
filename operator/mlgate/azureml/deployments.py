"""Online deployments. Creating one takes 5 to 20 minutes; scaling has its own cheap way (PATCH of sku.capacity).

`getLogs` works on failed deployments too, and users print what they like: its text is masked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from . import arm_id
from .arm_id import Subject
from .masking import mask
from .resources import Accepted, Aging, Resources
from .wire import Wire

Container = Literal["InferenceServer", "StorageInitializer"]


class Deployments(Resources):
    """The deployments of all online endpoints of a session's subscription."""

    def __init__(self, wire: Wire, aging: Aging | None = None) -> None:
        super().__init__(wire, Subject.DEPLOYMENT, aging)

    def id(self, endpoint_id: str, name: str) -> str:
        """The ARM id. Raises Terminal for impossible names."""
        return arm_id.deployment_id(endpoint_id, name)

    async def patch(
        self, resource_id: str, *, capacity: int | None = None, tags: Mapping[str, str] | None = None
    ) -> Accepted:
        """Sets the number of instances, all tags, or both, and nothing else: the instances that run go on running."""
        body: dict[str, Any] = {} if capacity is None else {"sku": {"capacity": capacity}}
        return await self._patch(resource_id, body if tags is None else {**body, "tags": dict(tags)})

    async def _list_in(self, parent_id: str) -> list[dict[str, Any]] | None:
        return await self.of_endpoint(parent_id)

    async def of_endpoint(self, endpoint_id: str) -> list[dict[str, Any]]:
        """All deployments of an endpoint, in one request per page. Raises Gone when the endpoint does not exist."""
        endpoint = arm_id.read(endpoint_id)
        return await self._list(f"{endpoint}/deployments", f"deployments of {endpoint.described()}")

    async def logs(self, resource_id: str, tail: int, container: Container = "InferenceServer") -> str:
        """The last `tail` lines of a container, with secrets masked; empty when it never started."""
        body = await self._ask(resource_id, "getLogs", {"containerType": container, "tail": tail})
        content = body.get("content")
        return mask(content) if isinstance(content, str) else ""
