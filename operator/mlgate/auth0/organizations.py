"""Organizations and what hangs below each. Recordings TestAccOrganization*.

Lists are added to and taken from by deltas, members, roles and clients at most ten a request (the service's limit for
members and clients; a batch of clients is taken whole or not at all). What a delta names and the service does not know is
no sign that the organization is gone: it is told apart from Gone here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from auth0.management.core.request_options import RequestOptions

from ..errors import Gone, Retry
from ..reasons import Reason
from .access import Raw
from .collection import Body, Collection, Send, checked_id, paging, with_body
from .listing import PAGE_SIZE, list_all, list_by_checkpoint, list_many
from .wire import Received

BATCH = 10
"""Entries of a list that one request adds or removes."""


class Organizations(Collection):
    """Organizations. The name is unique in the tenant."""

    plural = "organizations"

    async def by_name(self, name: str) -> Raw | None:
        """The organization with that name, asked of the service."""
        received = await self._wire.call(lambda api: api.organizations.get_by_name(checked_id(name)))
        return None if received.absent else received.body("id")

    # Connections.

    async def connections(self, organization_id: str) -> list[Raw]:
        """The organization's connections, disabled ones included; none when the organization is not there."""
        return await list_all(
            lambda number: self._wire.call(
                lambda api: api.organizations.connections.list(
                    checked_id(organization_id), request_options=paging(number)
                )
            ),
            plural="connections",
            key=("connection_id",),
        )

    async def add_connection(self, organization_id: str, body: Body) -> None:
        await self._change(
            lambda api: api.organizations.connections.create(
                checked_id(organization_id), connection_id=body["connection_id"], request_options=with_body(body)
            )
        )

    async def update_connection(self, organization_id: str, connection_id: str, body: Body) -> None:
        await self._change(
            lambda api: api.organizations.connections.update(
                checked_id(organization_id), checked_id(connection_id), request_options=with_body(body)
            )
        )

    async def remove_connection(self, organization_id: str, connection_id: str) -> None:
        """Takes it away; that it is not there is as good."""
        await self._change(
            lambda api: api.organizations.connections.delete(checked_id(organization_id), checked_id(connection_id))
        )

    # Members and their roles.

    async def members(self, organization_id: str, *, with_roles: bool) -> list[Raw]:
        """`{user_id, email?, roles?}` of every member, in one listing."""
        fields = "user_id,email,roles" if with_roles else "user_id,email"

        def listing(query: RequestOptions) -> Send:
            return lambda api: api.organizations.members.list(
                checked_id(organization_id),
                take=None,
                include_totals=None,
                fields=fields,
                include_fields=True,
                request_options=query,
            )

        return await list_many(
            lambda number: self._wire.call(listing(paging(number))),
            lambda cursor: self._wire.call(listing(_after(cursor))),
            plural="members",
            key=("user_id",),
        )

    async def add_members(self, organization_id: str, user_ids: Sequence[str]) -> None:
        await self._each(
            user_ids,
            lambda some: lambda api: api.organizations.members.create(checked_id(organization_id), members=some),
        )

    async def remove_members(self, organization_id: str, user_ids: Sequence[str]) -> None:
        """Takes them away; those that are not there are as good."""
        await self._each(
            user_ids,
            lambda some: lambda api: api.organizations.members.delete(checked_id(organization_id), members=some),
        )

    async def add_roles(self, organization_id: str, user_id: str, role_ids: Sequence[str]) -> None:
        await self._each(
            role_ids,
            lambda some: (
                lambda api: api.organizations.members.roles.assign(
                    checked_id(organization_id), checked_id(user_id), roles=some
                )
            ),
        )

    async def remove_roles(self, organization_id: str, user_id: str, role_ids: Sequence[str]) -> None:
        """Takes them away; those that are not there are as good."""
        await self._each(
            role_ids,
            lambda some: (
                lambda api: api.organizations.members.roles.delete(
                    checked_id(organization_id), checked_id(user_id), roles=some
                )
            ),
        )

    # Client grants and clients.

    async def client_grants(self, organization_id: str) -> list[Raw]:
        """The client grants that may be used for the organization."""
        return await list_all(
            lambda number: self._wire.call(
                lambda api: api.organizations.client_grants.list(
                    checked_id(organization_id), request_options=paging(number)
                )
            ),
            plural="client_grants",
            key=("id",),
        )

    async def add_client_grant(self, organization_id: str, grant_id: str) -> None:
        await self._change(
            lambda api: api.organizations.client_grants.create(checked_id(organization_id), grant_id=grant_id)
        )

    async def remove_client_grant(self, organization_id: str, grant_id: str) -> None:
        """Takes it away; that it is not there is as good."""
        await self._change(
            lambda api: api.organizations.client_grants.delete(checked_id(organization_id), checked_id(grant_id))
        )

    async def clients(self, organization_id: str) -> list[Raw]:
        """The organization's applications: `{client_id, use_for_member_access, client}`."""
        return await list_by_checkpoint(
            lambda cursor: self._wire.call(
                lambda api: api.organizations.clients.list(
                    checked_id(organization_id), take=None, request_options=_after(cursor)
                )
            ),
            plural="clients",
            key=("client_id",),
        )

    async def add_clients(self, organization_id: str, clients: Sequence[Body]) -> None:
        items = [dict(item) for item in clients]
        await self._each(
            items,
            lambda some: lambda api: api.organizations.clients.create(checked_id(organization_id), clients=some),
        )

    async def update_client(self, organization_id: str, client_id: str, body: Body) -> None:
        await self._change(
            lambda api: api.organizations.clients.update(
                checked_id(organization_id), checked_id(client_id), request_options=with_body(body)
            )
        )

    async def remove_clients(self, organization_id: str, client_ids: Sequence[str]) -> None:
        """Takes them away; those that are not there are as good."""
        await self._each(
            client_ids,
            lambda some: lambda api: api.organizations.clients.delete(checked_id(organization_id), clients=some),
        )

    async def _each(self, items: Sequence[Any], send: Callable[[list[Any]], Send]) -> None:
        for start in range(0, len(items), BATCH):
            await self._change(send(list(items[start : start + BATCH])))

    async def _change(self, send: Send) -> Received:
        try:
            return await self._wire.call(send)
        except Gone as gone:
            raise Retry(
                f"Something that the organization is to have is not in the tenant, or the organization went: "
                f"{gone.message} Correct the manifest if it does not come by itself.",
                reason=Reason.DEPENDENCY_NOT_FOUND,
            ) from None

    # The collection.

    async def _list(self) -> list[Raw]:
        return await list_many(
            lambda number: self._wire.call(self._paging(number)),
            lambda cursor: self._wire.call(
                lambda api: api.organizations.list(take=None, include_totals=None, request_options=_after(cursor))
            ),
            plural=self.plural,
            key=(self.key,),
        )

    def _reading(self, object_id: str) -> Send:
        return lambda api: api.organizations.get(object_id)

    def _creating(self, body: Body) -> Send:
        return lambda api: api.organizations.create(name=body.get("name", ...), request_options=with_body(body))

    def _updating(self, object_id: str, body: Body) -> Send:
        return lambda api: api.organizations.update(object_id, request_options=with_body(body))

    def _deleting(self, object_id: str) -> Send:
        return lambda api: api.organizations.delete(object_id)

    def _paging(self, number: int) -> Send:
        # `take` would switch to checkpoint pages, which tell no total
        return lambda api: api.organizations.list(take=None, include_totals=None, request_options=paging(number))


def _after(cursor: str | None) -> RequestOptions:
    query: dict[str, Any] = {"take": PAGE_SIZE, **({"from": cursor} if cursor else {})}
    return {"additional_query_parameters": query}
