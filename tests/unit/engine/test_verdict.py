"""What happened becomes conditions, once for all kinds: reasons, pace, and what a look later follows (ENGINE rules 4, 18
and 19). Ready never outlives a failed Synced; Reconciling and Stalled are there only while true (kstatus)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from mlgate.engine.protocols import Health
from mlgate.engine.verdict import PATIENCE, Notice, Pace, Verdict, conditions, of_bug, of_health, of_trouble
from mlgate.errors import (
    AlreadyHeld,
    AmbiguousIdentity,
    CredentialsRejected,
    Denied,
    Gone,
    LostAnswer,
    Quota,
    Retry,
    Terminal,
    Trouble,
    Wait,
    WriteRefused,
)
from mlgate.reasons import Reason

STALLED, RECONCILING = "Stalled", "Reconciling"


@dataclass(frozen=True)
class Case:
    says: str
    trouble: Trouble
    reason: Reason
    also: str | None
    pace: Pace
    again: float | None = None
    was_well: bool = False
    was_usable: bool = False
    attempt: int = 0
    ready: bool = False
    keep: bool = False
    warns: bool = True

    def __str__(self) -> str:
        return self.says


CASES = [
    Case(
        "a manifest that cannot be carried out is stalled until it changes",
        Terminal("m"),
        Reason.INVALID_SPEC,
        STALLED,
        Pace.SLOW,
    ),
    Case("what we may not do is stalled", Denied("m"), Reason.ACCESS_DENIED, STALLED, Pace.SLOW),
    Case("an ambiguous adoption is stalled", AmbiguousIdentity("m"), Reason.ADOPTION_AMBIGUOUS, STALLED, Pace.SLOW),
    Case(
        "a key that others hold is stalled", AlreadyHeld("m", holder="id"), Reason.EXTERNAL_CONFLICT, STALLED, Pace.SLOW
    ),
    Case(
        "refused credentials stall the object until they change",
        CredentialsRejected("m", gate="g"),
        Reason.CREDENTIALS_REJECTED,
        STALLED,
        Pace.SLOW,
    ),
    Case(
        "refused credentials are said at once although all was well",
        CredentialsRejected("m", gate="g"),
        Reason.CREDENTIALS_REJECTED,
        STALLED,
        Pace.SLOW,
        was_well=True,
    ),
    Case(
        "a wait for something else is no warning",
        Wait("m"),
        Reason.DEPENDENCY_NOT_READY,
        RECONCILING,
        Pace.SLOW,
        warns=False,
    ),
    Case(
        "a wait with a time is looked at then",
        Wait("m", after=7.0),
        Reason.DEPENDENCY_NOT_READY,
        RECONCILING,
        Pace.SLOW,
        again=7.0,
        warns=False,
    ),
    Case(
        "what waits to be changed can still be used",
        Wait("m", reason=Reason.UPDATING),
        Reason.UPDATING,
        RECONCILING,
        Pace.SLOW,
        was_usable=True,
        ready=True,
        warns=False,
    ),
    Case(
        "what waits to be changed and never worked cannot be used",
        Wait("m", reason=Reason.UPDATING),
        Reason.UPDATING,
        RECONCILING,
        Pace.SLOW,
        warns=False,
    ),
    Case(
        "what misses something it needs is not ready although it was",
        Wait("m"),
        Reason.DEPENDENCY_NOT_READY,
        RECONCILING,
        Pace.SLOW,
        was_well=True,
        was_usable=True,
        warns=False,
    ),
    Case(
        "a throttled object goes on when the service says",
        Quota("m", gate="g", after=30.0),
        Reason.QUOTA_LIMITED,
        RECONCILING,
        Pace.RESYNC,
        again=30.0,
    ),
    Case(
        "throttling says nothing new about an object that is well",
        Quota("m", gate="g", after=30.0),
        Reason.QUOTA_LIMITED,
        RECONCILING,
        Pace.RESYNC,
        again=30.0,
        was_well=True,
        keep=True,
    ),
    Case(
        "what may work the next time is tried with back-off", Retry("m"), Reason.UNREACHABLE, RECONCILING, Pace.BACKOFF
    ),
    Case(
        "a retry at a time that the service named happens then",
        Retry("m", after=3.0),
        Reason.UNREACHABLE,
        RECONCILING,
        Pace.BACKOFF,
        again=3.0,
    ),
    Case(
        "a first failed look says nothing new about an object that is well",
        Retry("m"),
        Reason.UNREACHABLE,
        RECONCILING,
        Pace.BACKOFF,
        was_well=True,
        keep=True,
    ),
    Case(
        "a failed look before the last of our patience says nothing new",
        Retry("m"),
        Reason.UNREACHABLE,
        RECONCILING,
        Pace.BACKOFF,
        was_well=True,
        attempt=PATIENCE - 1,
        keep=True,
    ),
    Case(
        "many failed looks in a row are said",
        Retry("m"),
        Reason.UNREACHABLE,
        RECONCILING,
        Pace.BACKOFF,
        was_well=True,
        attempt=PATIENCE,
    ),
    Case("a lost answer is a retry", LostAnswer("m"), Reason.UNREACHABLE, RECONCILING, Pace.BACKOFF),
    Case(
        "what vanished while it was changed is looked at again",
        Gone("m"),
        Reason.EXTERNAL_GONE,
        RECONCILING,
        Pace.BACKOFF,
    ),
    Case(
        "a held write leaves the object as it is",
        WriteRefused("m"),
        Reason.PLAN_PENDING,
        None,
        Pace.BACKOFF,
        was_well=True,
        ready=True,
        keep=True,
        warns=False,
    ),
    Case(
        "trouble without a class of its own is retried",
        Trouble("m", reason=Reason.UNREACHABLE),
        Reason.UNREACHABLE,
        RECONCILING,
        Pace.BACKOFF,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_trouble(case: Case) -> None:
    verdict = of_trouble(case.trouble, was_well=case.was_well, attempt=case.attempt, was_usable=case.was_usable)
    assert (verdict.ready, verdict.synced, verdict.reason, verdict.message) == (case.ready, False, case.reason, "m")
    assert (verdict.pace, verdict.again, verdict.keep) == (case.pace, case.again, case.keep)
    assert any(notice.warning for notice in verdict.notices) is case.warns
    found = {c["type"]: c["status"] for c in conditions(verdict, (), generation=1, now="now")}
    also = {case.also: "True"} if case.also else {}
    assert found == {"Ready": str(case.ready), "Synced": "False", **also}


def every_trouble() -> list[type[Trouble]]:
    found: list[type[Trouble]] = []
    left = [Trouble]
    while left:
        found.append(left.pop())
        left += found[-1].__subclasses__()
    return [one for one in found if one.__module__ == "mlgate.errors"]


def test_every_class_of_trouble_has_a_line_above() -> None:
    assert {type(case.trouble) for case in CASES} == set(every_trouble())


def test_nothing_that_failed_stays_ready() -> None:
    """Ready without Synced is only for what is being changed on purpose, and for writes that were held back."""
    usable = {type(case.trouble) for case in CASES if case.ready}
    assert usable == {Wait, WriteRefused}


def test_a_bug_of_ours_is_told_without_its_words() -> None:
    verdict = of_bug(KeyError("hunter2"))
    assert (verdict.ready, verdict.synced, verdict.pace) == (False, False, Pace.BACKOFF)
    assert "KeyError" in verdict.message
    assert "hunter2" not in verdict.message


@dataclass(frozen=True)
class Look:
    says: str
    health: Health
    expect: Mapping[str, str]
    reason: Reason = Reason.AVAILABLE
    synced: bool = True
    again: float | None = None
    when: float | None = None
    pace: Pace = Pace.RESYNC

    def __str__(self) -> str:
        return self.says


LOOKS = [
    Look("what is well is Ready and Synced and nothing else", Health(True), {"Ready": "True", "Synced": "True"}),
    Look(
        "what is being made is not Ready",
        Health(False, Reason.CREATING, "m", settled=False, again=5.0),
        {"Ready": "False", "Synced": "False", "Reconciling": "True"},
        Reason.CREATING,
        when=5.0,
    ),
    Look(
        "what is being changed and answers is Ready and not Synced",
        Health(True, Reason.UPDATING, "m", settled=False),
        {"Ready": "True", "Synced": "False", "Reconciling": "True"},
        Reason.UPDATING,
    ),
    Look(
        "what is ready but not yet as wished is not Synced",
        Health(True, Reason.UPDATING),
        {"Ready": "True", "Synced": "False", "Reconciling": "True"},
        Reason.UPDATING,
        synced=False,
    ),
    Look(
        "what the service gave up on is stalled",
        Health(False, Reason.PROVISIONING_FAILED, "m", failed=True),
        {"Ready": "False", "Synced": "False", "Stalled": "True"},
        Reason.PROVISIONING_FAILED,
        pace=Pace.SLOW,
    ),
    Look(
        "what the service gave up on is not Ready whatever else is said",
        Health(True, Reason.PROVISIONING_FAILED, "m", failed=True),
        {"Ready": "False", "Synced": "False", "Stalled": "True"},
        Reason.PROVISIONING_FAILED,
        pace=Pace.SLOW,
    ),
    Look(
        "the earlier of two looks counts",
        Health(True, again=60.0),
        {"Ready": "True", "Synced": "True"},
        again=10.0,
        when=10.0,
    ),
    Look("the only look counts", Health(True), {"Ready": "True", "Synced": "True"}, again=10.0, when=10.0),
]


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_health(look: Look) -> None:
    verdict = of_health(look.health, synced=look.synced, again=look.again)
    assert {c["type"]: c["status"] for c in conditions(verdict, (), generation=1, now="now")} == look.expect
    assert (verdict.reason, verdict.again, verdict.pace) == (look.reason, look.when, look.pace)


WELL = Verdict(True, True, Reason.AVAILABLE)


def written(verdict: Verdict, previous: list[dict[str, Any]], now: str, generation: int = 1) -> list[dict[str, Any]]:
    return conditions(verdict, previous, generation=generation, now=now)


def test_the_time_of_a_condition_moves_only_when_its_status_does() -> None:
    first = written(WELL, [], "t1")
    assert {c["lastTransitionTime"] for c in first} == {"t1"}
    second = written(WELL, first, "t2", generation=2)
    assert {c["lastTransitionTime"] for c in second} == {"t1"}
    assert {c["observedGeneration"] for c in second} == {2}
    third = written(Verdict(True, False, Reason.UPDATING, "m", reconciling=True), second, "t3")
    assert {c["type"]: c["lastTransitionTime"] for c in third} == {"Ready": "t1", "Synced": "t3", "Reconciling": "t3"}


def test_reconciling_and_stalled_go_when_they_are_over() -> None:
    going = written(Verdict(False, False, Reason.CREATING, "m", reconciling=True, stalled=True), [], "t1")
    assert [c["type"] for c in going] == ["Ready", "Synced", "Reconciling", "Stalled"]
    assert [c["type"] for c in written(WELL, going, "t2")] == ["Ready", "Synced"]


def test_parts_stand_by_name_behind_the_whole_with_words_of_their_own() -> None:
    parts = {"RouteReady": Health(False, Reason.ROUTE_REJECTED, "no"), "ModelReady": Health(True)}
    found = written(Verdict(False, False, Reason.ROUTE_REJECTED, "whole", parts=parts), [], "t1")
    assert [(c["type"], c["status"], c["reason"], c["message"]) for c in found] == [
        ("Ready", "False", "RouteRejected", "whole"),
        ("Synced", "False", "RouteRejected", "whole"),
        ("ModelReady", "True", "Available", ""),
        ("RouteReady", "False", "RouteRejected", "no"),
    ]


def test_a_true_condition_is_available_unless_something_is_under_way() -> None:
    held = Verdict(True, False, Reason.PAUSED, "m")
    assert [(c["type"], c["reason"]) for c in written(held, [], "t")] == [("Ready", "Paused"), ("Synced", "Paused")]
    limited = Verdict(True, False, Reason.QUOTA_LIMITED, "m")
    assert [c["reason"] for c in written(limited, [], "t")] == ["Available", "QuotaLimited"]


def test_a_message_is_bounded() -> None:
    found = written(Verdict(False, False, Reason.UNREACHABLE, "x" * 100_000), [], "t")
    assert {len(c["message"]) for c in found} == {4096}


def test_what_a_verdict_says_of_itself_wins_over_what_is_said_later() -> None:
    assert WELL.saying({"a": 1, "b": 1}).saying({"b": 2, "c": 3}).status == {"a": 1, "b": 1, "c": 3}


def test_notices_keep_their_order() -> None:
    one, two = Notice(Reason.CREATED, "one"), Notice(Reason.UPDATED, "two")
    assert WELL.noting(one).noting(two).notices == (one, two)
