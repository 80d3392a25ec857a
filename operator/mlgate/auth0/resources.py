"""The collections of a tenant: clients, resource servers, client grants, roles, and the tenant's own settings.

Objects go in and come out as the wire's dicts: a key that is left out is not sent, `None` is sent as null, keys that the
SDK does not know pass. (That is why bodies travel as the SDK's `additional_body_parameters`, beside the arguments that
its signatures demand.) Drift checks read from a snapshot, all other reads are asked of the service.
Every method raises `errors` as `faults.trouble` maps them; writes also raise WriteRefused.
Facts: shared facts, auth0 section 2.2; recordings TestAccClient, TestAccResourceServerScopes, TestAccClientGrant, TestAccRole.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

from auth0.management import AsyncAuth0
from auth0.management.core.request_options import RequestOptions

from ..errors import AmbiguousIdentity, Terminal
from ..outbound import Urgency, urgency
from .access import Raw
from .listing import PAGE_SIZE, list_all
from .snapshot import Snapshot
from .wire import Received, Wire

Send = Callable[[AsyncAuth0], Awaitable[object]]
Body = Mapping[str, Any]


class Collection(ABC):
    """What the four collections have in common. `key` is the field of the id, `plural` that of a listing."""

    key: ClassVar[str] = "id"
    plural: ClassVar[str]

    def __init__(self, wire: Wire, *, max_age: float, clock: Callable[[], float]) -> None:
        self._wire = wire
        self._snapshot = Snapshot(self._list, key=self.key, page_size=PAGE_SIZE, max_age=max_age, clock=clock)

    async def get(self, object_id: str) -> Raw | None:
        """The object; None only when the service itself says 404 for it. A drift check may get a snapshot's."""
        send = self._reading(_id(object_id))
        if urgency() is Urgency.DRIFT and (kept := await self._snapshot.get(object_id)) is not None:
            return kept
        begun = self._snapshot.begin_read()
        received = await self._wire.call(send)
        body = None if received.absent else received.body(self.key)
        self._snapshot.read(str(body[self.key]) if body else object_id, body, begun)
        return body

    async def create(self, body: Body) -> Raw:
        """Makes one and returns it whole. Raises AlreadyHeld when its key is taken, LostAnswer when it may exist."""
        made = (await self._wire.call(self._creating(body))).body(self.key)
        self._snapshot.wrote(str(made[self.key]))
        return made

    async def update(self, object_id: str, body: Body) -> Raw:
        """Changes the fields in `body` and returns the answer. Raises Gone when it is not there any more."""
        with self._snapshot.writing(_id(object_id)):
            return (await self._wire.call(self._updating(object_id, body))).body(self.key)

    async def delete(self, object_id: str) -> None:
        """Removes it; that it is not there is as good."""
        with self._snapshot.writing(_id(object_id)):
            await self._wire.call(self._deleting(object_id))

    async def find(self, matches: Callable[[Raw], bool]) -> list[Raw]:
        """Those that match, in a listing that began after this call: what the service holds now, none left out."""
        return [item for item in await self._snapshot.fresh() if matches(item)]

    async def close(self) -> None:
        """Ends a listing under way."""
        await self._snapshot.close()

    async def _list(self) -> list[Raw]:
        return await list_all(lambda number: self._wire.call(self._paging(number)), plural=self.plural, key=(self.key,))

    @abstractmethod
    def _reading(self, object_id: str) -> Send: ...

    @abstractmethod
    def _creating(self, body: Body) -> Send: ...

    @abstractmethod
    def _updating(self, object_id: str, body: Body) -> Send: ...

    @abstractmethod
    def _deleting(self, object_id: str) -> Send: ...

    @abstractmethod
    def _paging(self, number: int) -> Send: ...


class Clients(Collection):
    """Applications. Names are not unique: an object is found again by id or by a mark in `client_metadata`.

    Listings leave out the global client ("All Applications"), which is nobody's to manage.
    """

    key = "client_id"
    plural = "clients"

    async def rotate_secret(self, client_id: str) -> Raw:
        """A new secret; the old one is dead at once. Returns the client with it."""
        with self._snapshot.writing(_id(client_id)):
            received = await self._wire.call(lambda api: api.clients.rotate_secret(client_id))
            return received.body(self.key, "client_secret")

    def _reading(self, object_id: str) -> Send:
        return lambda api: api.clients.get(object_id)

    def _creating(self, body: Body) -> Send:
        return lambda api: api.clients.create(name=body.get("name", ...), request_options=_with(body))

    def _updating(self, object_id: str, body: Body) -> Send:
        return lambda api: api.clients.update(object_id, request_options=_with(body))

    def _deleting(self, object_id: str) -> Send:
        return lambda api: api.clients.delete(object_id)

    def _paging(self, number: int) -> Send:
        return lambda api: api.clients.list(is_global=False, request_options=_page(number))


class ResourceServers(Collection):
    """APIs. The identifier is unique and never changes; the service takes it in place of the id."""

    plural = "resource_servers"

    async def by_identifier(self, identifier: str) -> Raw | None:
        """The API with that identifier, asked of the service."""
        begun = self._snapshot.begin_read()
        received = await self._wire.call(self._reading(_id(identifier)))
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
            identifier=body.get("identifier", ...), request_options=_with(body)
        )

    def _updating(self, object_id: str, body: Body) -> Send:
        return lambda api: api.resource_servers.update(object_id, request_options=_with(body))

    def _deleting(self, object_id: str) -> Send:
        return lambda api: api.resource_servers.delete(object_id)

    def _paging(self, number: int) -> Send:
        return lambda api: api.resource_servers.list(request_options=_page(number))


class ClientGrants(Collection):
    """Which application may ask for which scopes of which API. One per client, audience and subject type."""

    plural = "client_grants"

    async def by_pair(self, client_id: str, audience: str, *, subject_type: str = "client") -> Raw | None:
        """The grant of that client on that API, asked of the service."""
        found = await list_all(
            lambda number: self._wire.call(
                lambda api: api.client_grants.list(
                    client_id=client_id, audience=audience, take=None, request_options=_page(number)
                )
            ),
            plural=self.plural,
            key=("id",),
        )
        # a filter that the service ignores must not hand out somebody else's grant
        return _only(
            f"client grants of {client_id} on {audience}",
            [
                grant
                for grant in found
                if (grant.get("client_id"), grant.get("audience")) == (client_id, audience)
                and grant.get("subject_type", "client") == subject_type
            ],
        )

    def _reading(self, object_id: str) -> Send:
        return lambda api: api.client_grants.get(object_id)

    def _creating(self, body: Body) -> Send:
        return lambda api: api.client_grants.create(audience=body.get("audience", ...), request_options=_with(body))

    def _updating(self, object_id: str, body: Body) -> Send:
        return lambda api: api.client_grants.update(object_id, request_options=_with(body))

    def _deleting(self, object_id: str) -> Send:
        return lambda api: api.client_grants.delete(object_id)

    def _paging(self, number: int) -> Send:
        # `take` would switch to checkpoint pages, which tell no total
        return lambda api: api.client_grants.list(take=None, request_options=_page(number))


class Roles(Collection):
    """Roles and, below each, the permissions it grants: POST adds, DELETE (with a body) removes, nothing replaces."""

    plural = "roles"

    async def by_name(self, name: str) -> Raw | None:
        """The tenant's role with exactly that name, asked of the service (whose filter takes more than that)."""
        found = await list_all(
            lambda number: self._wire.call(
                lambda api: api.roles.list(name_filter=name, type="tenant", request_options=_page(number))
            ),
            plural=self.plural,
            key=("id",),
        )
        return _only(f"roles named {name}", [role for role in found if role.get("name") == name])

    async def permissions(self, role_id: str) -> list[Raw]:
        """The permissions of a role; none when the role is not there."""
        return await list_all(
            lambda number: self._wire.call(
                lambda api: api.roles.permissions.list(_id(role_id), request_options=_page(number))
            ),
            plural="permissions",
            key=("resource_server_identifier", "permission_name"),
        )

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
        return await self._wire.call(lambda api: method(api)(_id(role_id), permissions=pairs))

    def _reading(self, object_id: str) -> Send:
        return lambda api: api.roles.get(object_id)

    def _creating(self, body: Body) -> Send:
        return lambda api: api.roles.create(name=body.get("name", ...), request_options=_with(body))

    def _updating(self, object_id: str, body: Body) -> Send:
        return lambda api: api.roles.update(object_id, request_options=_with(body))

    def _deleting(self, object_id: str) -> Send:
        return lambda api: api.roles.delete(object_id)

    def _paging(self, number: int) -> Send:
        return lambda api: api.roles.list(type="tenant", request_options=_page(number))


class Tenant:
    """The tenant's own settings."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def settings(self) -> Raw:
        """What GET says: the only source of what is set."""
        return (await self._wire.call(lambda api: api.tenants.settings.get())).body()

    async def update(self, body: Body) -> Raw:
        """Changes settings. The answer lacks some fields and shows others that GET hides: never compare with it."""
        return (await self._wire.call(lambda api: api.tenants.settings.update(request_options=_with(body)))).body()


def _with(body: Body) -> RequestOptions:
    return {"additional_body_parameters": dict(body)}


def _page(number: int) -> RequestOptions:
    return {"additional_query_parameters": {"page": number, "per_page": PAGE_SIZE, "include_totals": True}}


def _id(object_id: str) -> str:
    """Ids come from manifests too: an empty one would mean the collection, dots another path."""
    if not object_id.strip(".") or object_id != object_id.strip():
        raise Terminal(f'"{object_id}" is not an id of Auth0. Correct the manifest.')
    return object_id


def _only(what: str, found: list[Raw]) -> Raw | None:
    if len(found) > 1:
        ids = ", ".join(sorted(str(item["id"]) for item in found))
        raise AmbiguousIdentity(f"There are {len(found)} {what} in the tenant ({ids}). Nothing was written.")
    return found[0] if found else None
