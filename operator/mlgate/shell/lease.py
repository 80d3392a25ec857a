"""Who may write: a coordination.k8s.io/v1 Lease, decided by pure functions, and the fence that outside writes ask.

Numbers are those of client-go's leader election: a lease of 15 s, given up after 10 s without a renewal, tried every
2 s. A lease says when its holder last renewed it on the holder's clock; clocks of machines differ, so a candidate
counts from when it saw the renewal itself, on its monotonic clock.

Why one writer at a time (ENGINE rule 7): a holder may start a request only if that request must have ended before a
successor may start one. A successor that takes over from a holder that did not say goodbye waits out the longest
request first, so the holder has the rest of its lease and that wait. A released lease is handed over at once: its
holder finished its requests before releasing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from ..errors import WriteRefused
from ..store.protocol import LEASES, Object

LONGEST_REQUEST = 30.0
"""Seconds: no request to Auth0 or Azure Resource Manager is given more (their adapters' own limits)."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `duration`: how long others respect a lease after its last renewal. `deadline`: without a renewal for so
    long the holder gives up. `retry`: how often it renews, or tries to get it. `longest_request`: see the module."""

    duration: float = 15.0
    deadline: float = 10.0
    retry: float = 2.0
    longest_request: float = LONGEST_REQUEST


@dataclass(frozen=True, slots=True)
class Record:
    """What the Lease object says. `holder` is empty when it was released."""

    holder: str
    duration: float
    renewed: str
    transitions: int
    version: str

    @classmethod
    def of(cls, lease: Object) -> Record:
        """Reads a Lease; what is missing counts as released."""
        spec: Mapping[str, Any] = lease.get("spec") or {}
        return cls(
            holder=spec.get("holderIdentity") or "",
            duration=float(spec.get("leaseDurationSeconds") or 0),
            renewed=spec.get("renewTime") or "",
            transitions=int(spec.get("leaseTransitions") or 0),
            version=lease["metadata"].get("resourceVersion", ""),
        )


@dataclass(frozen=True, slots=True)
class Sighting:
    """The newest renewal that was seen, and when it was seen first (monotonic)."""

    record: Record
    since: float


class Move(StrEnum):
    """What a candidate does next."""

    CREATE = "create"
    RENEW = "renew"
    TAKE = "take"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Decision:
    """`wait_out`: the one who held it before may still have a request under way."""

    move: Move
    wait_out: bool = False


def sighted(before: Sighting | None, record: Record, now: float) -> Sighting:
    """Counting starts again whenever the holder or its renewal time is another one."""
    if before is not None and (before.record.holder, before.record.renewed) == (record.holder, record.renewed):
        return Sighting(record, before.since)
    return Sighting(record, now)


def decide(me: str, seen: Sighting | None, now: float, *, someone_held: bool = False) -> Decision:
    """What to do about the lease. `seen` is None when there is no Lease object; `someone_held` says that another holder
    was seen since this process started, which matters when the object was deleted under it."""
    if seen is None:
        return Decision(Move.CREATE, wait_out=someone_held)
    record = seen.record
    if record.holder == me:
        return Decision(Move.RENEW)
    if not record.holder:
        return Decision(Move.TAKE)
    if now - seen.since >= record.duration:
        return Decision(Move.TAKE, wait_out=True)
    return Decision(Move.WAIT)


def written(me: str, timing: Timing, wall: float, before: Record | None, *, renew: bool) -> dict[str, Any]:
    """`spec` of the Lease when we hold it."""
    at = microtime(wall)
    spec: dict[str, Any] = {
        "holderIdentity": me,
        "leaseDurationSeconds": max(1, round(timing.duration)),
        "renewTime": at,
    }
    if not renew:
        spec["acquireTime"] = at
        spec["leaseTransitions"] = before.transitions + 1 if before else 0
    return spec


def released(wall: float) -> dict[str, Any]:
    """`spec` of the Lease when we let go of it."""
    return {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": microtime(wall)}


def new_lease(namespace: str, name: str, spec: Mapping[str, Any]) -> Object:
    """The Lease object."""
    return {
        "apiVersion": LEASES.api_version,
        "kind": LEASES.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": dict(spec),
    }


def microtime(wall: float) -> str:
    """Unix seconds as Kubernetes' MicroTime: `2026-11-23T10:00:00.000000Z`."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(slots=True)
class Hold:
    """What this process holds. Written by the elector's thread, read by others: plain attributes, each set at once.

    `until`: when others may take the lease, counted from before the renewal was sent. `renewed_at`: that moment.
    `leads_at`: when the one before must have ended its requests."""

    renewed_at: float | None = None
    until: float = 0.0
    leads_at: float = 0.0
    timing: Timing = field(default_factory=Timing)

    def took(self, sent_at: float, *, wait_out: bool) -> None:
        """The lease is ours now, by a request sent at `sent_at`."""
        self.leads_at = sent_at + (self.timing.longest_request if wait_out else 0.0)
        self.renewed(sent_at)

    def renewed(self, sent_at: float) -> None:
        self.renewed_at = sent_at
        self.until = sent_at + self.timing.duration

    def lose(self) -> None:
        self.renewed_at = None
        self.until = 0.0

    @property
    def held(self) -> bool:
        return self.renewed_at is not None

    def overdue(self, now: float) -> bool:
        """Held, but not renewed for so long that it must be given up."""
        return self.renewed_at is not None and now - self.renewed_at >= self.timing.deadline

    def leads(self, now: float) -> bool:
        """Whether work may be done."""
        return self.renewed_at is not None and self.leads_at <= now < self.until

    def refuses(self, timeout: float, now: float) -> WriteRefused | None:
        """Why a write that may take `timeout` seconds may not start now (None: it may)."""
        if not self.leads(now):
            return WriteRefused("This replica does not hold the lease, so it writes nothing.")
        if now + timeout > self.until + self.timing.longest_request:
            left = self.until + self.timing.longest_request - now
            return WriteRefused(
                f"The request may take {timeout:.0f} s, but another replica may write in {left:.0f} s."
                " It is sent again as soon as the lease is renewed."
            )
        return None
