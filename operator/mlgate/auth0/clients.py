"""Applications. Recordings TestAccClient*."""

from __future__ import annotations

from .access import Raw
from .collection import Body, Collection, Send, checked_id, paging, with_body
from .faults import missing_field


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

    async def credentials(self, client_id: str) -> list[Raw]:
        """The public keys of an application, without their PEM; none when it is not there. A bare array (section 2.6)."""
        received = await self._wire.call(lambda api: api.clients.credentials.list(checked_id(client_id)))
        if received.absent:
            return []
        items = received.answer.body
        if not isinstance(items, list) or not all(isinstance(item, dict) and item.get("id") for item in items):
            raise missing_field(received.asked, "[].id")
        return items

    async def add_credential(self, client_id: str, body: Body) -> Raw:
        """Adds a public key or a certificate. Raises AlreadyHeld when the application has it, LostAnswer when it may."""
        with self._snapshot.writing(checked_id(client_id)):
            received = await self._wire.call(
                lambda api: api.clients.credentials.create(
                    client_id,
                    credential_type=body.get("credential_type", "public_key"),
                    request_options=with_body(body),
                )
            )
            return received.body("id")

    async def remove_credential(self, client_id: str, credential_id: str) -> None:
        """Takes a public key away; that it is not there is as good."""
        with self._snapshot.writing(checked_id(client_id)):
            await self._wire.call(lambda api: api.clients.credentials.delete(client_id, checked_id(credential_id)))

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
