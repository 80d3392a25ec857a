"""Which object is looked at next: keyed, deduplicated, delayed, urgent first, fair between groups.

A key is in at most one worker at a time; what is asked for while it is being worked on happens after. Asking again with
more urgency or for an earlier time wins. Back-off is per key: exponential with full jitter, reset by success.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import OrderedDict, deque
from dataclasses import dataclass

from ..outbound import Urgency
from ..store.protocol import Key
from .clock import Clock

SHORTEST, LONGEST = 1.0, 900.0
"""Bounds of the back-off in seconds (ENGINE rule 18)."""


@dataclass(slots=True)
class _Delayed:
    at: float
    urgency: Urgency
    number: int


class WorkQueue:
    """All methods are called from one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ready: dict[Urgency, OrderedDict[str, deque[Key]]] = {u: OrderedDict() for u in Urgency}
        self._waiting: dict[Key, Urgency] = {}
        self._working: set[Key] = set()
        self._again: dict[Key, Urgency] = {}
        self._delayed: dict[Key, _Delayed] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._numbers = itertools.count()
        self._failures: dict[Key, int] = {}
        self._groups: dict[Key, str] = {}
        self._wake = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: Key, urgency: Urgency) -> None:
        """Look at this object as soon as it is its turn."""
        self._delayed.pop(key, None)
        if key in self._working:
            self._again[key] = min(urgency, self._again.get(key, urgency))
            return
        present = self._waiting.get(key)
        if present is not None:
            if present <= urgency:
                return
            self._remove(key, present)
        self._waiting[key] = urgency
        self._ready[urgency].setdefault(self._group(key), deque()).append(key)
        self._wake.set()

    def add_after(self, key: Key, seconds: float, urgency: Urgency) -> None:
        """Look at it in so many seconds, unless an earlier look is already due."""
        if key in self._waiting:
            return
        at = self._clock.monotonic() + max(0.0, seconds)
        present = self._delayed.get(key)
        if present is not None and present.at <= at:
            return
        entry = _Delayed(at, urgency, next(self._numbers))
        self._delayed[key] = entry
        heapq.heappush(self._heap, (at, entry.number, key))
        self._wake.set()

    def backoff(self, key: Key) -> float:
        """Count one more failure of this key; the seconds to wait before the next try."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        ceiling = min(LONGEST, SHORTEST * 2 ** min(failures, 20))
        return max(SHORTEST / 2, self._clock.chance.uniform(0, ceiling))

    def failures(self, key: Key) -> int:
        """How often in a row this key has failed."""
        return self._failures.get(key, 0)

    def succeeded(self, key: Key) -> None:
        """Forget the failures of this key."""
        self._failures.pop(key, None)

    def group(self, key: Key, group: str) -> None:
        """Say what this key shares a budget with; groups take turns."""
        self._groups[key] = group

    def forget(self, key: Key) -> None:
        """The object is gone."""
        self._failures.pop(key, None)
        self._groups.pop(key, None)
        self._delayed.pop(key, None)

    async def get(self) -> tuple[Key, Urgency]:
        """The next key; waits for one. Raises asyncio.CancelledError when the queue is closed."""
        while True:
            if self._closed:
                raise asyncio.CancelledError
            self._release_due()
            if (found := self._take()) is not None:
                return found
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), self._until_next())
            except TimeoutError:
                continue

    def done(self, key: Key) -> None:
        """The worker is through with it; what was asked for meanwhile is queued now."""
        self._working.discard(key)
        urgency = self._again.pop(key, None)
        if urgency is not None:
            self.add(key, urgency)

    def idle(self) -> bool:
        """Nothing is waiting and nobody works (looks that lie in the future do not count)."""
        self._release_due()
        return not self._waiting and not self._working and not self._again

    def close(self) -> None:
        """Wake everybody who waits; no more work is handed out."""
        self._closed = True
        self._wake.set()

    def _take(self) -> tuple[Key, Urgency] | None:
        for urgency, groups in self._ready.items():
            if not groups:
                continue
            name, keys = next(iter(groups.items()))
            key = keys.popleft()
            groups.move_to_end(name)
            if not keys:
                del groups[name]
            del self._waiting[key]
            self._working.add(key)
            if self._waiting:
                self._wake.set()
            return key, urgency
        return None

    def _release_due(self) -> None:
        now = self._clock.monotonic()
        while self._heap and self._heap[0][0] <= now:
            _, number, key = heapq.heappop(self._heap)
            entry = self._delayed.get(key)
            if entry is not None and entry.number == number:
                del self._delayed[key]
                self.add(key, entry.urgency)

    def _until_next(self) -> float | None:
        return max(0.0, self._heap[0][0] - self._clock.monotonic()) if self._heap else None

    def _remove(self, key: Key, urgency: Urgency) -> None:
        groups = self._ready[urgency]
        for name, keys in list(groups.items()):
            if key in keys:
                keys.remove(key)
                if not keys:
                    del groups[name]
                return

    def _group(self, key: Key) -> str:
        return self._groups.get(key, key.kind)
