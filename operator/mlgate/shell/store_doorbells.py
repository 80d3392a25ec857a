"""Doorbells from a store's own watch: for the embedded store, whose watch is a local queue."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from ..store.protocol import Resource, Store, StoreError
from .ring import Bell

log = logging.getLogger(__name__)


class StoreDoorbells:
    """One task per kind."""

    def __init__(self, store: Store, resources: Collection[Resource], bell: Bell) -> None:
        self._store, self._resources, self._bell = store, tuple(resources), bell
        self._tasks: list[asyncio.Task[None]] = []
        self.problem: str | None = None

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._watch(each), name=f"watch {each.plural}") for each in self._resources]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _watch(self, resource: Resource) -> None:
        try:
            async for event in self._store.watch(resource):
                try:
                    self._bell(event.type, event.object)
                except Exception:  # one odd object must not make us deaf to all others
                    log.exception("%s %s could not be taken in", event.type, resource.kind)
        except StoreError as error:
            self.problem = f"the watch of {resource.plural} ended: {error.message}"
            log.error("%s", self.problem)
