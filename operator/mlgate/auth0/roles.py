"""Roles and their permissions. Recordings TestAccRole*."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from auth0.management import AsyncAuth0

from .access import Raw
from .collection import Body, Collection, Send, checked_id, only, paging, with_body
from .listing import list_all
from .wire import Received


class Roles(Collection):
    """Roles and, below each, the permissions it grants: POST adds, DELETE (with a body) removes, nothing replaces."""

    plural = "roles"

    async def by_name(self, name: str) -> Raw | None:
        """The tenant's role with exactly that name, asked of the service (whose filter takes more than that)."""
        found = await list_all(
            lambda number: self._wire.call(
                lambda api: api.roles.list(name_filter=name, type="tenant", request_options=paging(number))
            ),
            plural=self.plural,
            key=("id",),
        )
        return only(f"roles named {name}", [role for role in found if role.get("name") == name])

    async def permissions(self, role_id: str) -> list[Raw]:
        """The permissions of a role; none when the role is not there."""
        return await list_all(
            lambda number: self._wire.call(
                lambda api: api.roles.permissions.list(checked_id(role_id), request_options=paging(number))
            ),
            plural="permissions",
            key=("resource_server_identifier", "permission_name"),
        )

    async def with_permissions_of(self, identifier: str) -> list[Raw]:
        """The roles that grant permissions of that API, as they are now: one request for each role."""
        return [
            role
            for role in await self.find(lambda _: True)
            if any(p["resource_server_identifier"] == identifier for p in await self.permissions(str(role["id"])))
        ]

    async def add_permissions(self, role_id: str, permissions: Sequence[Body]) -> None:
        """Adds `{resource_server_identifier, permission_name}` pairs. Raises Gone when the role or an API is not there."""
        if permissions:  # the service refuses an empty list
            await self._permit(role_id, permissions, lambda api: api.roles.permissions.add)

    async def remove_permissions(self, role_id: str, permissions: Sequence[Body]) -> None:
        """Takes such pairs away; those that are not there are as good."""
        if permissions:
            await self._permit(role_id, permissions, lambda api: api.roles.permissions.delete)

    async def _permit(
        self, role_id: str, permissions: Sequence[Body], method: Callable[[AsyncAuth0], Callable[..., Awaitable[Any]]]
    ) -> Received:
        pairs = [dict(pair) for pair in permissions]
        return await self._wire.call(lambda api: method(api)(checked_id(role_id), permissions=pairs))

    def _reading(self, object_id: str) -> Send:
        return lambda api: api.roles.get(object_id)

    def _creating(self, body: Body) -> Send:
        return lambda api: api.roles.create(name=body.get("name", ...), request_options=with_body(body))

    def _updating(self, object_id: str, body: Body) -> Send:
        return lambda api: api.roles.update(object_id, request_options=with_body(body))

    def _deleting(self, object_id: str) -> Send:
        return lambda api: api.roles.delete(object_id)

    def _paging(self, number: int) -> Send:
        return lambda api: api.roles.list(type="tenant", request_options=paging(number))
