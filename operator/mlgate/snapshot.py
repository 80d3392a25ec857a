"""One paged listing that answers the drift check of every object of a collection.

Listings carry the same fields as single reads (Auth0: 46 recorded pairs in 7 kinds, shared facts, auth0 section 0; ARM:
one resource model for both), so N objects cost ceil(N/100) requests per round instead of N. What is kept is evidence only
while it is younger than `max_age` and read after our last write to that object was over; what a listing does not hold is
never taken as absent.
Order is told by a counter, not by the clock: two events can share an instant.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .flight import Flight

Raw = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Kept:
    body: Raw = field(repr=False)
    read_at: float
    order: int


@dataclass(frozen=True, slots=True)
class _Listing:
    items: list[Raw] = field(repr=False)
    read_at: float
    order: int


class Snapshot:
    """What is known of a collection. `list_all` reads all of it, `page_size` objects a request; `key` is an id's field,
    `fold` makes ids comparable (ARM changes their casing)."""

    def __init__(
        self,
        list_all: Callable[[], Awaitable[list[Raw]]],
        *,
        key: str,
        page_size: int,
        max_age: float,
        clock: Callable[[], float],
        fold: Callable[[str], str] = str,
    ) -> None:
        self._fold = fold
        self._list_all = list_all
        self._key = key
        self._page_size = page_size
        self._max_age = max_age
        self._clock = clock
        self._flight = Flight(self._read, overtakes=True)
        self._events = itertools.count()
        self._listing: _Listing | None = None
        self._kept: dict[str, _Kept] = {}
        self._written: dict[str, int] = {}
        self._writing: dict[str, int] = {}
        self._served = 0

    async def get(self, object_id: str) -> Raw | None:
        """The object as a listing or a read of the last `max_age` seconds had it; None means: ask the service."""
        object_id = self._fold(object_id)
        if (kept := self._evidence(object_id)) is None and self._stale() and self._worth_listing():
            await self._flight.join()
            kept = self._evidence(object_id)
        self._served += 1
        return copy.deepcopy(kept.body) if kept else None

    async def fresh(self) -> list[Raw]:
        """Every object, by a listing that began after this call; callers of the same moment share it."""
        asked = next(self._events)
        while self._listing is None or self._listing.order < asked:
            await self._flight.join()
        return copy.deepcopy(self._listing.items)

    def begin_read(self) -> int:
        """Called before a single read leaves; its result goes to `read`."""
        return next(self._events)

    def read(self, object_id: str, body: Raw | None, begun: int) -> None:
        """A single read, begun at `begun`, had this; None for 404."""
        object_id = self._fold(object_id)
        known = self._kept.get(object_id)
        if known is not None and known.order > begun:
            return
        if body is None:
            self._kept.pop(object_id, None)
        else:
            self._kept[object_id] = _Kept(copy.deepcopy(body), self._clock(), begun)

    @contextmanager
    def writing(self, object_id: str) -> Iterator[None]:
        """A write to the object happens inside. However it ends, nothing read before its end is evidence any more."""
        object_id = self._fold(object_id)
        self._writing[object_id] = self._writing.get(object_id, 0) + 1
        try:
            yield
        finally:
            self._writing[object_id] -= 1
            if not self._writing[object_id]:
                del self._writing[object_id]
            self.wrote(object_id)

    def wrote(self, object_id: str) -> None:
        """A write to the object is over (a create, whose id is known only now)."""
        object_id = self._fold(object_id)
        self._written[object_id] = next(self._events)
        self._kept.pop(object_id, None)

    async def close(self) -> None:
        """Ends a listing under way."""
        await self._flight.cancel()

    async def _read(self) -> None:
        order, began = next(self._events), self._clock()
        items = await self._list_all()
        if self._listing is not None and self._listing.order > order:
            return  # a more urgent listing began later and was here first: what it holds is newer
        self._listing = _Listing(items, began, order)
        self._served = 0
        self._written = {name: at for name, at in self._written.items() if at > order}
        listed = {self._fold(str(item.get(self._key))): _Kept(item, began, order) for item in items}
        newer = {name: kept for name, kept in self._kept.items() if kept.order > order}
        self._kept = listed | newer

    def _evidence(self, object_id: str) -> _Kept | None:
        kept = self._kept.get(object_id)
        if kept is None or object_id in self._writing or kept.order < self._written.get(object_id, -1):
            return None
        return kept if self._clock() - kept.read_at < self._max_age else None

    def _stale(self) -> bool:
        return self._listing is None or self._clock() - self._listing.read_at >= self._max_age

    def _worth_listing(self) -> bool:
        """Not when the last one cost more requests than it saved: few of our objects in a tenant of thousands."""
        if self._listing is None:
            return True
        pages = -(-len(self._listing.items) // self._page_size)
        return pages <= max(1, self._served)
