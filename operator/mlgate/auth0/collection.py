"""A collection of a tenant: what clients, resource servers, client grants and roles have in common.

Objects go in and come out as the wire's dicts: a key that is left out is not sent, `None` is sent as null, keys that the
SDK does not know pass. (That is why bodies travel as the SDK's `additional_body_parameters`, beside the arguments that
its signatures demand.) Drift checks read from a snapshot, all other reads are asked of the service.
Every method raises `errors` as `faults.trouble` maps them; writes also raise WriteRefused.
Facts: shared facts, auth0 section 2.2. One module per collection beside this one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from auth0.management import AsyncAuth0
from auth0.management.core.request_options import RequestOptions

from ..errors import AmbiguousIdentity, Terminal
from ..outbound import Urgency, urgency
from ..snapshot import Snapshot
from .access import Raw
from .listing import PAGE_SIZE, list_all
from .wire import Wire

Send = Callable[[AsyncAuth0], Awaitable[object]]
Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Aging:
    """How long what was read is evidence for a drift check, in seconds of that clock."""

    max_age: float
    clock: Callable[[], float]


class Collection(ABC):
    """Objects of one sort. `key` is the field of the id, `plural` that of a listing."""

    key: ClassVar[str] = "id"
    plural: ClassVar[str]

    def __init__(self, wire: Wire, aging: Aging) -> None:
        self._wire = wire
        self._snapshot = Snapshot(
            self._list, key=self.key, page_size=PAGE_SIZE, max_age=aging.max_age, clock=aging.clock
        )

    async def get(self, object_id: str) -> Raw | None:
        """The object; None only when the service itself says 404 for it. A drift check may get a snapshot's."""
        send = self._reading(checked_id(object_id))
        if urgency() >= Urgency.DRIFT and (kept := await self._snapshot.get(object_id)) is not None:
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
        with self._snapshot.writing(checked_id(object_id)):
            return (await self._wire.call(self._updating(object_id, body))).body(self.key)

    async def delete(self, object_id: str) -> None:
        """Removes it; that it is not there is as good."""
        with self._snapshot.writing(checked_id(object_id)):
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


def with_body(body: Body) -> RequestOptions:
    return {"additional_body_parameters": dict(body)}


def paging(number: int) -> RequestOptions:
    return {"additional_query_parameters": {"page": number, "per_page": PAGE_SIZE, "include_totals": True}}


def checked_id(object_id: str) -> str:
    """Ids come from manifests too: an empty one would mean the collection, dots another path."""
    if not object_id.strip(".") or object_id != object_id.strip():
        raise Terminal(f'"{object_id}" is not an id of Auth0. Correct the manifest.')
    return object_id


def only(what: str, found: list[Raw]) -> Raw | None:
    if len(found) > 1:
        ids = ", ".join(sorted(str(item["id"]) for item in found))
        raise AmbiguousIdentity(f"There are {len(found)} {what} in the tenant ({ids}). Nothing was written.")
    return found[0] if found else None
