"""Events: the story of an object for `kubectl describe`. Written in the background, bounded, the same thing counted
rather than repeated."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from dataclasses import dataclass

from ..store.protocol import EVENTS, AlreadyExists, NotFound, Object, Store, StoreError
from . import objects
from .clock import Clock
from .verdict import Notice

log = logging.getLogger(__name__)

REPEAT_AFTER = 600.0
"""Seconds before the same Event of the same object is counted up again."""
REMEMBERED = 4096
BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class _Event:
    name: str
    body: Object
    repeats: bool


class Recorder:
    """`start` runs the writer, `stop` lets it finish what is queued."""

    def __init__(self, store: Store, clock: Clock, *, component: str = "mlgate", instance: str = "") -> None:
        self._store = store
        self._clock = clock
        self._component = component
        self._instance = instance or component
        self._last: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._queue: asyncio.Queue[_Event] = asyncio.Queue(BACKLOG)
        self._task: asyncio.Task[None] | None = None

    def record(self, obj: Object, notice: Notice) -> None:
        """Queue an Event about an object; drops it when it was just said, or when too many wait already."""
        uid = objects.uid(obj)
        digest = hashlib.sha256(f"{uid}\n{notice.reason}\n{notice.message}".encode()).hexdigest()[:16]
        now = self._clock.monotonic()
        at, count = self._last.pop(digest, (None, 0))
        self._last[digest] = (now if at is None or now - at >= REPEAT_AFTER else at, count + 1)
        while len(self._last) > REMEMBERED:
            self._last.popitem(last=False)
        if at is not None and now - at < REPEAT_AFTER:
            return
        name = f"{obj['metadata']['name'][:200]}.{digest}"
        try:
            self._queue.put_nowait(_Event(name, self._body(obj, notice, name, count + 1), at is not None))
        except asyncio.QueueFull:
            log.warning("too many Events wait to be written; dropped one about %s", objects.uid(obj))

    def start(self) -> None:
        self._task = asyncio.create_task(self._write_all(), name="events")

    async def stop(self, patience: float = 2.0) -> None:
        """Write what is queued, for at most `patience` seconds."""
        if self._task is None:
            return
        try:
            await asyncio.wait_for(self._queue.join(), patience)
        except TimeoutError:
            log.warning("%d Events were not written before the end", self._queue.qsize())
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _body(self, obj: Object, notice: Notice, name: str, count: int) -> Object:
        metadata, now = obj["metadata"], self._clock.timestamp()
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": metadata.get("namespace") or "default"},
            "involvedObject": {
                "apiVersion": obj["apiVersion"],
                "kind": obj["kind"],
                "name": metadata["name"],
                "namespace": metadata.get("namespace", ""),
                "uid": metadata["uid"],
                "resourceVersion": metadata.get("resourceVersion", ""),
            },
            "reason": str(notice.reason),
            "message": notice.message[:1024],
            "type": "Warning" if notice.warning else "Normal",
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "reportingInstance": self._instance,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": count,
        }

    async def _write_all(self) -> None:
        while True:
            event = await self._queue.get()
            try:
                await self._write(event)
            except StoreError as error:
                log.debug("an Event could not be written: %s", error.message)
            finally:
                self._queue.task_done()

    async def _write(self, event: _Event) -> None:
        if not event.repeats:
            try:
                await self._store.create(EVENTS, event.body)
                return
            except AlreadyExists:
                pass
        patch: Object = {name: event.body[name] for name in ("lastTimestamp", "count")}
        try:
            await self._store.patch(EVENTS, event.body["metadata"]["namespace"], event.name, patch)
        except NotFound:  # Events end after an hour
            await self._store.create(EVENTS, event.body)
