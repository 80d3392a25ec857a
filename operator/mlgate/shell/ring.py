"""Who rings the engine, and how it is known that everything which exists has been rung once.

A doorbell may ring late, twice or in another order; the engine copes. What it cannot cope with is leading before it has
seen what exists, and an object that ended while nobody was listening. `Listing` waits for the first, `Sweep` finds the
second.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from typing import Literal, Protocol

from ..store.protocol import Key, Object, Resource, Store, StoreError, key_of

log = logging.getLogger(__name__)

Event = Literal["ADDED", "MODIFIED", "DELETED"]
Bell = Callable[[Event, Object], None]

SWEEP_AGAIN = 30.0
"""Seconds until the second look after something may have been missed: the watches may not have listened yet at the
first."""
SWEEP_EVERY = 300.0
"""Seconds. Watches resume where they stopped; only a gap of minutes loses the end of an object without finalizer."""


class Doorbells(Protocol):
    """What watches."""

    problem: str | None
    """Why nothing is heard at the moment; None when all is well."""

    def start(self) -> None: ...

    async def stop(self) -> None: ...


class Listing:
    """Compares what was rung with what the store lists. `ring` goes between the doorbells and the engine."""

    def __init__(
        self, store: Store, resources: Collection[Resource], bell: Bell, namespaces: Collection[str] = ()
    ) -> None:
        self._store, self._resources, self._bell = store, tuple(resources), bell
        self._namespaces: tuple[str | None, ...] = tuple(namespaces) or (None,)
        self._rung: set[Key] | None = set()
        self._rang = asyncio.Event()
        self.synced = asyncio.Event()
        self.problem: str | None = "nothing was listed yet"

    def ring(self, event: Event, obj: Object) -> None:
        if self._rung is not None:
            self._rung.add(key_of(obj))
            self._rang.set()
        self._bell(event, obj)

    async def reachable(self, pause: float = 1.0) -> None:
        """Waits until every kind can be listed: CRDs installed, permissions granted."""
        while True:
            try:
                await self._listed()
            except StoreError as error:
                if self.problem != error.message:
                    log.warning("not everything can be listed yet: %s", error.message)
                self.problem = error.message
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, 10.0)
            else:
                return

    async def complete(self, patience: float = 2.0) -> None:
        """Waits until everything that exists was rung. Looks again after `patience` seconds of silence, since what was
        listed may be gone by now."""
        missing: set[Key] = set()
        while self._rung is not None:
            try:
                missing = await self._listed() - self._rung
            except StoreError as error:
                self.problem = error.message
                await asyncio.sleep(patience)
                continue
            while missing:
                self.problem = f"{len(missing)} objects were listed but not heard of yet"
                self._rang.clear()
                try:
                    await asyncio.wait_for(self._rang.wait(), patience)
                except TimeoutError:
                    break
                missing -= self._rung
            if not missing:
                self._rung = None
        self.problem = None
        self.synced.set()

    async def _listed(self) -> set[Key]:
        return {
            key_of(obj)
            for resource in self._resources
            for namespace in self._namespaces
            for obj in await self._store.list(resource, namespace)
        }


class Sweep:
    """Rings DELETED for what the cache still has and the store does not."""

    def __init__(
        self,
        store: Store,
        resources: Collection[Resource],
        bell: Bell,
        cached: Callable[[str], Iterable[Object]],
        namespaces: Collection[str] = (),
    ) -> None:
        self._store, self._resources, self._bell, self._cached = store, tuple(resources), bell, cached
        self._namespaces: tuple[str | None, ...] = tuple(namespaces) or (None,)
        self._soon = asyncio.Event()

    def soon(self) -> None:
        """Something may have been missed just now."""
        self._soon.set()

    async def run(self, every: float = SWEEP_EVERY, again: float = SWEEP_AGAIN) -> None:
        """Until cancelled: when something may have been missed, once more after `again` seconds, and `every` so often."""
        self._soon.clear()
        pause = every
        while True:
            try:
                await asyncio.wait_for(self._soon.wait(), pause)
                pause = again
            except TimeoutError:
                pause = every
            self._soon.clear()
            for resource in self._resources:
                try:
                    await self.sweep(resource)
                except StoreError as error:
                    log.info("%s could not be listed again: %s", resource.plural, error.message)

    async def sweep(self, resource: Resource) -> None:
        """One kind. Raises StoreError."""
        before = {key_of(obj): obj for obj in self._cached(resource.kind)}
        if not before:
            return
        there = {key_of(obj) for name in self._namespaces for obj in await self._store.list(resource, name)}
        for key, obj in before.items():
            if key not in there and await self._store.get(resource, key.namespace, key.name) is None:
                self._bell("DELETED", obj)
