"""Applications. Recordings TestAccClient*."""

from __future__ import annotations

from .access import Raw
from .collection import Body, Collection, Send, checked_id, paging, with_body


class Clients(Collection):
    """Applications. Names are not unique: an object is found again by id or by a mark in `client_metadata`.

    Listings leave out the global client ("All Applications"), which is nobody's to manage.
    """

    key = "client_id"
    plural = "clients"

    async def rotate_secret(self, client_id: str) -> Raw:
        """A new secret; the old one is dead at once. Returns the client with it."""
        with self._snapshot.writing(checked_id(client_id)):
            received = await self._wire.call(lambda api: api.clients.rotate_secret(client_id))
            return received.body(self.key, "client_secret")

    def _reading(self, object_id: str) -> Send:
        return lambda api: api.clients.get(object_id)

    def _creating(self, body: Body) -> Send:
        return lambda api: api.clients.create(name=body.get("name", ...), request_options=with_body(body))

    def _updating(self, object_id: str, body: Body) -> Send:
        return lambda api: api.clients.update(object_id, request_options=with_body(body))

    def _deleting(self, object_id: str) -> Send:
        return lambda api: api.clients.delete(object_id)

    def _paging(self, number: int) -> Send:
        return lambda api: api.clients.list(is_global=False, request_options=paging(number))
