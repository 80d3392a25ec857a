"""APIs. Recordings TestAccResourceServer*."""

from __future__ import annotations

from .access import Raw
from .collection import Body, Collection, Send, checked_id, paging, with_body


class ResourceServers(Collection):
    """APIs. The identifier is unique and never changes; the service takes it in place of the id."""

    plural = "resource_servers"

    async def by_identifier(self, identifier: str) -> Raw | None:
        """The API with that identifier, asked of the service."""
        begun = self._snapshot.begin_read()
        received = await self._wire.call(self._reading(checked_id(identifier)))
        if received.absent:
            return None
        body = received.body(self.key, "identifier")
        self._snapshot.read(str(body[self.key]), body, begun)
        # an identifier that looks like an id could be taken for one
        return body if body["identifier"] == identifier else None

    def _reading(self, object_id: str) -> Send:
        return lambda api: api.resource_servers.get(object_id)

    def _creating(self, body: Body) -> Send:
        return lambda api: api.resource_servers.create(
            identifier=body.get("identifier", ...), request_options=with_body(body)
        )

    def _updating(self, object_id: str, body: Body) -> Send:
        return lambda api: api.resource_servers.update(object_id, request_options=with_body(body))

    def _deleting(self, object_id: str) -> Send:
        return lambda api: api.resource_servers.delete(object_id)

    def _paging(self, number: int) -> Send:
        return lambda api: api.resource_servers.list(request_options=paging(number))
