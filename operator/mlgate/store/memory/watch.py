"""Fan-out of changes to any number of watchers, each with a bounded queue.

A watcher that falls behind does not hold up writers and does not grow without limit: its queue is dropped and it
compares a fresh listing with what it reported, as a client of the API server does after 410 Gone.
"""

from __future__ import annotations

import asyncio
import builtins
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Literal

from ..protocol import Object, Resource, WatchEvent
from ..reported import Reported
from .schema import copied

QUEUE = 1000
"""Changes a watcher may be behind."""

Change = Literal["ADDED", "MODIFIED", "DELETED"]


class Watcher:
    """One watch of one kind, in one namespace or everywhere."""

    def __init__(self, namespace: str | None, listing: Callable[[], builtins.list[Object]]) -> None:
        self._namespace = namespace
        self._listing = listing
        self._changes: deque[tuple[Change, Object]] = deque()
        self._behind = True  # nothing reported yet: begins with a listing
        self._closed = False
        self._something = asyncio.Event()

    def offer(self, change: Change, obj: Object) -> None:
        """A change happened. Never blocks."""
        if self._namespace is not None and obj["metadata"].get("namespace") != self._namespace:
            return
        if not self._behind:
            if len(self._changes) >= QUEUE:
                self._changes.clear()
                self._behind = True
            else:
                self._changes.append((change, obj))
        self._something.set()

    def close(self) -> None:
        self._closed = True
        self._something.set()

    async def events(self) -> AsyncGenerator[WatchEvent, None]:
        """What exists, then changes, until closed."""
        reported = Reported()
        while not self._closed:
            if self._behind:
                self._behind = False
                for event in reported.listed(self._listing()):
                    yield WatchEvent(event.type, copied(event.object))
            while self._changes and not self._behind:
                change, obj = self._changes.popleft()
                event = reported.changed(change, obj)
                yield WatchEvent(event.type, copied(event.object))
            if not self._changes and not self._behind and not self._closed:
                self._something.clear()
                await self._something.wait()


class Watchers:
    """All watchers, by kind."""

    def __init__(self) -> None:
        self._by_resource: dict[Resource, set[Watcher]] = {}

    def add(self, resource: Resource, watcher: Watcher) -> None:
        self._by_resource.setdefault(resource, set()).add(watcher)

    def discard(self, resource: Resource, watcher: Watcher) -> None:
        self._by_resource.get(resource, set()).discard(watcher)

    def tell(self, resource: Resource, change: Change, obj: Object) -> None:
        """`obj` must not be changed afterwards; watchers copy it when they get to it."""
        for watcher in self._by_resource.get(resource, ()):
            watcher.offer(change, obj)

    def close(self) -> None:
        for watchers in self._by_resource.values():
            for watcher in watchers:
                watcher.close()
