"""Connections and the applications that may use them. Recordings TestAccConnection*, TestConnectionManager_*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .access import Raw
from .collection import Body, Collection, Send, checked_id, only, paging, with_body
from .listing import PAGE_SIZE, list_all, list_by_checkpoint
from .wire import Received

_DELTA = 50
"""Applications a PATCH of the enabled ones names: what deploy-cli sends at once (shared facts, auth0 section 2.2)."""


class Connections(Collection):
    """Connections. Their `options` are replaced whole by an update: read, merge, write. Deleting goes on after the
    answer (202): the connection shows, and its name is taken, until the service says 404."""

    plural = "connections"

    async def by_name(self, name: str) -> Raw | None:
        """The tenant's connection with exactly that name, asked of the service."""
        found = await list_all(
            lambda number: self._wire.call(
                lambda api: api.connections.list(name=name, take=None, request_options=paging(number))
            ),
            plural=self.plural,
            key=("id",),
        )
        return only(f"connections named {name}", [each for each in found if each.get("name") == name])

    async def current(self, connection_id: str) -> Raw | None:
        """The connection as the service holds it right now, whatever the snapshot knows: what an update merges with."""
        received = await self._wire.call(self._reading(checked_id(connection_id)))
        return None if received.absent else received.body(self.key)

    async def enabled_clients(self, connection_id: str) -> list[str]:
        """Client ids of the applications that may use it; none when it is not there."""

        async def page(cursor: str | None) -> Received:
            return await self._wire.call(
                lambda api: api.connections.clients.get(checked_id(connection_id), take=PAGE_SIZE, from_=cursor)
            )

        return [str(each["client_id"]) for each in await list_by_checkpoint(page, plural="clients", key=("client_id",))]

    async def enable_clients(self, connection_id: str, statuses: Mapping[str, bool]) -> None:
        """Lets these applications use it or not; what is not named stays. Raises Gone when the connection is not there."""
        entries = [{"client_id": client_id, "status": status} for client_id, status in statuses.items()]
        with self._snapshot.writing(checked_id(connection_id)):
            for start in range(0, len(entries), _DELTA):
                await self._enable(connection_id, entries[start : start + _DELTA])

    async def _enable(self, connection_id: str, entries: Sequence[Mapping[str, Any]]) -> None:
        # dicts pass where the SDK's signature names a model
        request: Any = list(entries)
        await self._wire.call(lambda api: api.connections.clients.update(connection_id, request=request))

    async def _list(self) -> list[Raw]:
        async def page(cursor: str | None) -> Received:
            return await self._wire.call(lambda api: api.connections.list(take=PAGE_SIZE, from_=cursor))

        # beyond 1,000 connections there are checkpoint pages only (shared facts, auth0 section 2.6)
        return await list_by_checkpoint(page, plural=self.plural, key=(self.key,))

    def _reading(self, object_id: str) -> Send:
        return lambda api: api.connections.get(object_id)

    def _creating(self, body: Body) -> Send:
        return lambda api: api.connections.create(
            name=body.get("name", ...), strategy=body.get("strategy", ...), request_options=with_body(body)
        )

    def _updating(self, object_id: str, body: Body) -> Send:
        return lambda api: api.connections.update(object_id, request_options=with_body(body))

    def _deleting(self, object_id: str) -> Send:
        return lambda api: api.connections.delete(object_id)

    def _paging(self, number: int) -> Send:
        return lambda api: api.connections.list(take=None, request_options=paging(number))
