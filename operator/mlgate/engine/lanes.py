"""Lanes: what a service changes only one at a time, queued here instead of by its refusals (ENGINE rule 8).

Azure ML carries out one operation at a time on an online endpoint and all its deployments; it answers 409 to a second
one (shared facts, azure-ml section 2). Objects of such a kind name one lane. Whoever is about to write takes it, keeps it
while the service works, and gives it back when a look saw the end; the others wait without asking anybody and are woken
one by one: first the object that the lane is named after (an endpoint moves traffic before the next deployment is
made), then who came first.

Nothing of it is stored. After a restart every object that may have something under way holds its lane until it was looked
at, which happens at once. A lane whose holder cannot be looked at any more opens by itself after `LONGEST`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..store.protocol import Key
from .clock import Clock

LONGEST = 1800.0
"""Seconds after which a holder that nobody saw since holds no more: Azure's own limit for an operation
(`x-ms-async-operation-timeout: PT30M`)."""


@dataclass(slots=True)
class _Holding:
    until: float
    kept: bool = False


@dataclass(slots=True)
class _Lane:
    holders: dict[Key, _Holding] = field(default_factory=dict)
    waiting: list[Key] = field(default_factory=list)
    turn: Key | None = None


class Lanes:
    """`wake` is called for the key whose turn it is. All methods are called from one event loop."""

    def __init__(self, clock: Clock, wake: Callable[[Key], None]) -> None:
        self._clock = clock
        self._wake = wake
        self._lanes: dict[Key, _Lane] = {}

    def take(self, lane: Key, key: Key) -> Key | None:
        """None: it is this object's for the rest of its look. Otherwise who has it; the object is woken when it is its
        turn."""
        found = self._lanes.setdefault(lane, _Lane())
        other = self._other(found, key)
        if other is not None:
            if key not in found.waiting:
                found.waiting.append(key)
            return other
        found.turn = None
        if key in found.waiting:
            found.waiting.remove(key)
        if key not in found.holders:
            found.holders[key] = _Holding(self._clock.monotonic() + LONGEST)
        return None

    def presume(self, lane: Key, key: Key) -> None:
        """After a start: something of this object may be under way. It holds the lane until it was looked at."""
        found = self._lanes.setdefault(lane, _Lane())
        found.holders.setdefault(key, _Holding(self._clock.monotonic() + LONGEST))

    def keep(self, lane: Key, key: Key) -> None:
        """The service works on it, or may: it holds the lane beyond this look, whoever else does."""
        found = self._lanes.setdefault(lane, _Lane())
        found.holders[key] = _Holding(self._clock.monotonic() + LONGEST, kept=True)

    def settle(self, lane: Key, key: Key) -> None:
        """Nothing is under way for it: it holds the lane no longer than this look."""
        holding = self._lanes[lane].holders.get(key) if lane in self._lanes else None
        if holding is not None:
            holding.kept = False

    def end(self, key: Key) -> None:
        """Its look is over: what it did not keep, and a turn that it did not use, is for the next."""
        for name, lane in list(self._lanes.items()):
            holding = lane.holders.get(key)
            if holding is not None and not holding.kept:
                del lane.holders[key]
            if lane.turn == key:
                lane.turn = None
            self._next(name, lane)

    def leave(self, key: Key) -> None:
        """The object is gone."""
        for lane in self._lanes.values():
            lane.holders.pop(key, None)
            if key in lane.waiting:
                lane.waiting.remove(key)
        self.end(key)

    @property
    def empty(self) -> bool:
        """Nobody holds or waits for any lane."""
        return not self._lanes

    def _other(self, lane: _Lane, key: Key) -> Key | None:
        now = self._clock.monotonic()
        lane.holders = {holder: holding for holder, holding in lane.holders.items() if holding.until > now}
        holder = next((holder for holder in lane.holders if holder != key), None)
        return holder or (lane.turn if lane.turn != key else None)

    def _next(self, name: Key, lane: _Lane) -> None:
        if lane.holders or lane.turn is not None:
            return
        if not lane.waiting:
            del self._lanes[name]
            return
        lane.turn = name if name in lane.waiting else lane.waiting[0]
        lane.waiting.remove(lane.turn)
        self._wake(lane.turn)
