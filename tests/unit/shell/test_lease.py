"""Who may take the lease, and what its holder may still start."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mlgate.errors import WriteRefused
from mlgate.shell.lease import (
    Decision,
    Hold,
    Move,
    Record,
    Sighting,
    Timing,
    decide,
    microtime,
    released,
    sighted,
    written,
)

TIMING = Timing()


def record(holder: str, renewed: str = "t1") -> Record:
    return Record(holder, TIMING.duration, renewed, transitions=3, version="7")


@dataclass(frozen=True)
class Case:
    sentence: str
    seen: Sighting | None
    now: float
    expect: Decision
    someone_held: bool = False

    def __str__(self) -> str:
        return self.sentence


CASES = [
    Case("where there is no lease it is made, and work begins at once", None, 0.0, Decision(Move.CREATE)),
    Case(
        "a lease that was deleted under another holder is made anew, and that holder's requests are waited for",
        None,
        0.0,
        Decision(Move.CREATE, wait_out=True),
        someone_held=True,
    ),
    Case("our own lease is renewed", Sighting(record("me"), 0.0), 99.0, Decision(Move.RENEW)),
    Case("a released lease is taken over at once", Sighting(record(""), 0.0), 0.0, Decision(Move.TAKE)),
    Case("a lease that is renewed is left alone", Sighting(record("other"), 0.0), 14.9, Decision(Move.WAIT)),
    Case(
        "a lease that was not renewed for its duration is taken over, and the old holder's requests are waited for",
        Sighting(record("other"), 0.0),
        15.0,
        Decision(Move.TAKE, wait_out=True),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_decide(case: Case) -> None:
    assert decide("me", case.seen, case.now, someone_held=case.someone_held) == case.expect


def test_a_renewal_counts_from_when_it_was_seen_not_from_what_the_holders_clock_says() -> None:
    first = sighted(None, record("other", "1999"), now=100.0)
    assert first.since == 100.0
    assert sighted(first, record("other", "1999"), now=110.0).since == 100.0
    assert sighted(first, record("other", "2000"), now=110.0).since == 110.0
    assert sighted(first, record("another", "1999"), now=110.0).since == 110.0


@dataclass(frozen=True)
class Write:
    sentence: str
    now: float
    timeout: float
    allowed: bool
    wait_out: bool = False
    held: bool = True

    def __str__(self) -> str:
        return self.sentence


# The lease was taken or renewed by a request sent at 0: others may take it at 15 and write at 45.
WRITES = [
    Write("the holder may write", now=1.0, timeout=10.0, allowed=True),
    Write("the longest request may start until the lease ends", now=14.9, timeout=30.0, allowed=True),
    Write("a request that could outlive the successor's wait is refused", now=14.9, timeout=31.0, allowed=False),
    Write("nothing starts once the lease has ended", now=15.0, timeout=0.1, allowed=False),
    Write("who does not hold the lease writes nothing", now=1.0, timeout=0.1, allowed=False, held=False),
    Write("who took over by force waits before the first write", now=29.0, timeout=0.1, allowed=False, wait_out=True),
]


@pytest.mark.parametrize("case", WRITES, ids=str)
def test_writes_of_the_holder(case: Write) -> None:
    hold = Hold()
    if case.held:
        hold.took(0.0, wait_out=case.wait_out)
    refusal = hold.refuses(case.timeout, case.now)
    assert (refusal is None) is case.allowed
    assert refusal is None or isinstance(refusal, WriteRefused)


def test_after_the_wait_the_one_who_took_over_by_force_may_write() -> None:
    hold = Hold()
    hold.took(0.0, wait_out=True)
    hold.renewed(29.0)
    assert not hold.leads(29.9)
    assert hold.leads(30.0)
    assert hold.refuses(10.0, 30.0) is None


def test_a_holder_gives_up_before_others_may_take_the_lease() -> None:
    hold = Hold()
    hold.took(0.0, wait_out=False)
    assert not hold.overdue(9.9)
    assert hold.overdue(10.0)
    assert TIMING.deadline < TIMING.duration


def test_what_is_written() -> None:
    assert written("me", TIMING, 0.25, None, renew=False) == {
        "holderIdentity": "me",
        "leaseDurationSeconds": 15,
        "renewTime": "1970-01-01T00:00:00.250000Z",
        "acquireTime": "1970-01-01T00:00:00.250000Z",
        "leaseTransitions": 0,
    }
    assert written("me", TIMING, 0.0, record("other"), renew=False)["leaseTransitions"] == 4
    assert set(written("me", TIMING, 0.0, record("me"), renew=True)) == {
        "holderIdentity",
        "leaseDurationSeconds",
        "renewTime",
    }
    assert released(0.0)["holderIdentity"] == ""
    assert microtime(1763892000.5) == "2025-11-23T10:00:00.500000Z"


def test_a_lease_with_nothing_in_it_counts_as_released() -> None:
    found = Record.of({"metadata": {"resourceVersion": "1"}})
    assert decide("me", Sighting(found, 0.0), 0.0) == Decision(Move.TAKE)
