"""Gates: what is throttled or refused together. While one is shut, a single probe at a time tries it.

An Auth0 tenant that is out of quota, or whose credentials were refused, costs one request per wait and not one per
object (ENGINE rule 19).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import CredentialsRejected, Quota, Trouble
from ..store.protocol import Key
from .clock import Clock

FIRST_PROBE, LAST_PROBE = 15.0, 900.0
"""Seconds between probes of refused credentials: doubled each time."""


@dataclass(slots=True)
class _Shut:
    trouble: Trouble
    until: float
    probes: int = 0
    probing: Key | None = None
    waiting: set[Key] = field(default_factory=set)


class Gates:
    """`wake` is called for every key that waited when a gate opens."""

    def __init__(self, clock: Clock, wake: Callable[[Key], None]) -> None:
        self._clock = clock
        self._wake = wake
        self._shut: dict[str, _Shut] = {}

    def enter(self, gate: str, key: Key) -> Trouble | None:
        """None: go on. Otherwise the trouble that shut the gate, for this object to report as its own."""
        shut = self._shut.get(gate)
        if shut is None:
            return None
        if shut.probing in (None, key) and self._clock.monotonic() >= shut.until:
            shut.probing = key
            return None
        shut.waiting.add(key)
        return shut.trouble

    def left(self, gate: str) -> float | None:
        """Seconds until a shut gate may be probed: then whoever comes first is the one. All that wait come, so that it
        does not matter who of them is gone or held up before the gate; the rest of them cost no request. None while a
        probe is on its way: its end wakes everybody."""
        shut = self._shut.get(gate)
        if shut is None or shut.probing is not None:
            return None
        return max(0.0, shut.until - self._clock.monotonic())

    def report(self, gate: str, key: Key, trouble: Trouble | None) -> float | None:
        """How it went behind the gate. Returns the seconds after which this key should probe, when it shut it."""
        shut = self._shut.get(gate)
        if not isinstance(trouble, (Quota, CredentialsRejected)) or trouble.gate != gate:
            if shut is not None and (shut.probing == key or trouble is None) and not isinstance(trouble, Quota):
                self._open(gate)
            return None
        if shut is None:
            shut = self._shut[gate] = _Shut(trouble, 0.0)
        elif shut.probing != key:  # it was under way when the gate shut: no probe
            shut.waiting.add(key)
            return None
        shut.trouble, shut.probing = trouble, None
        shut.probes += 1
        after = trouble.after if isinstance(trouble, Quota) else min(LAST_PROBE, FIRST_PROBE * 2 ** (shut.probes - 1))
        shut.until = self._clock.monotonic() + after
        self._wake_all(shut)
        return after

    def unproved(self, gate: str, key: Key) -> None:
        """It came back without having asked the service anything; if it was the probe, another may be."""
        shut = self._shut.get(gate)
        if shut is not None and shut.probing == key:
            shut.probing = None
            self._wake_all(shut)

    def leave(self, key: Key) -> None:
        """The object is gone."""
        for gate, shut in self._shut.items():
            shut.waiting.discard(key)
            self.unproved(gate, key)

    def _open(self, gate: str) -> None:
        self._wake_all(self._shut.pop(gate))

    def _wake_all(self, shut: _Shut) -> None:
        waiting, shut.waiting = sorted(shut.waiting), set()
        for key in waiting:
            self._wake(key)
