"""What is throttled or refused together costs one request per wait, not one per object (ENGINE rule 19)."""

from __future__ import annotations

import pytest

from mlgate.engine.gates import FIRST_PROBE, LAST_PROBE, Gates
from mlgate.errors import CredentialsRejected, Quota, Retry, Terminal, Trouble
from mlgate.store.protocol import Key
from unit.engine.samples import ByHand, a_key

A, B, C = a_key("a"), a_key("b"), a_key("c")
GATE = "auth0:acme"
REJECTED = CredentialsRejected("refused", gate=GATE)
THROTTLED = Quota("slow down", gate=GATE, after=30.0)


class Bench:
    def __init__(self) -> None:
        self.time = ByHand()
        self.woken: list[Key] = []
        self.gates = Gates(self.time.clock(), self.woken.append)

    def shut(self, trouble: Trouble = THROTTLED) -> None:
        """A met trouble, B and C wait."""
        assert self.gates.enter(GATE, A) is None
        self.gates.report(GATE, A, trouble)
        assert [self.gates.enter(GATE, key) for key in (B, C)] == [trouble, trouble]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_an_open_gate_lets_all_through(bench: Bench) -> None:
    assert [bench.gates.enter(GATE, key) for key in (A, B, C)] == [None] * 3
    assert bench.gates.report(GATE, A, None) is None


def test_what_is_behind_a_shut_gate_says_why_and_sends_nothing(bench: Bench) -> None:
    bench.shut()
    assert bench.gates.enter(GATE, A) is THROTTLED


def test_another_gate_stays_open(bench: Bench) -> None:
    bench.shut()
    assert bench.gates.enter("auth0:other", B) is None


def test_a_throttled_gate_is_tried_when_the_service_said(bench: Bench) -> None:
    assert bench.gates.report(GATE, A, THROTTLED) == 30.0
    bench.time.pass_(29.9)
    assert bench.gates.enter(GATE, A) is THROTTLED
    bench.time.pass_(0.1)
    assert bench.gates.enter(GATE, A) is None


def test_there_is_one_probe_at_a_time(bench: Bench) -> None:
    bench.shut()
    bench.time.pass_(30.0)
    assert [bench.gates.enter(GATE, key) for key in (B, A, C, B)] == [None, THROTTLED, THROTTLED, None]


def test_a_probe_that_gets_through_opens_the_gate_and_wakes_all_that_waited_once(bench: Bench) -> None:
    bench.shut()
    bench.time.pass_(30.0)
    bench.gates.enter(GATE, A)
    assert bench.gates.report(GATE, A, None) is None
    assert bench.woken == [B, C]
    assert [bench.gates.enter(GATE, key) for key in (A, B, C)] == [None] * 3
    bench.gates.report(GATE, B, None)
    assert bench.woken == [B, C]


def test_a_probe_that_meets_other_trouble_proves_that_the_gate_is_open(bench: Bench) -> None:
    bench.shut(REJECTED)
    bench.time.pass_(FIRST_PROBE)
    bench.gates.enter(GATE, A)
    bench.gates.report(GATE, A, Terminal("that field is wrong"))
    assert bench.woken == [B, C]


def test_somebody_who_does_not_probe_opens_nothing_with_other_trouble(bench: Bench) -> None:
    bench.shut(REJECTED)
    bench.gates.report(GATE, B, Retry("no answer"))
    assert bench.woken == []
    assert bench.gates.enter(GATE, C) is REJECTED


def test_a_request_that_was_under_way_and_came_through_opens_the_gate(bench: Bench) -> None:
    bench.shut()
    bench.gates.report(GATE, B, None)
    assert bench.woken == [B, C]


def test_trouble_of_another_gate_leaves_this_one_alone(bench: Bench) -> None:
    assert bench.gates.report(GATE, A, Quota("m", gate="azure:sub", after=5.0)) is None
    assert bench.gates.enter(GATE, B) is None


def test_refused_credentials_are_tried_ever_more_rarely(bench: Bench) -> None:
    waits = []
    for _ in range(9):
        assert bench.gates.enter(GATE, A) is None
        after = bench.gates.report(GATE, A, REJECTED)
        assert after is not None
        waits.append(after)
        bench.time.pass_(after)
    assert waits == [15.0, 30.0, 60.0, 120.0, 240.0, 480.0, LAST_PROBE, LAST_PROBE, LAST_PROBE]


def test_after_an_open_gate_the_waits_begin_anew(bench: Bench) -> None:
    for _ in range(4):
        bench.time.pass_(bench.gates.report(GATE, A, REJECTED) or 0.0)
        bench.gates.enter(GATE, A)
    bench.gates.report(GATE, A, None)
    assert bench.gates.report(GATE, A, REJECTED) == FIRST_PROBE


def test_a_throttled_answer_while_another_probes_does_not_end_its_probe(bench: Bench) -> None:
    bench.shut()
    bench.time.pass_(30.0)
    assert bench.gates.enter(GATE, A) is None
    assert bench.gates.report(GATE, B, THROTTLED) is None
    assert bench.gates.enter(GATE, A) is None


def test_objects_that_were_under_way_together_count_as_one_refusal(bench: Bench) -> None:
    keys = [a_key(f"k{number}") for number in range(16)]
    assert [bench.gates.enter(GATE, key) for key in keys] == [None] * 16
    for key in keys:
        bench.gates.report(GATE, key, REJECTED)
    bench.time.pass_(FIRST_PROBE)
    assert bench.gates.enter(GATE, A) is None


def test_when_the_object_that_probes_is_deleted_another_may_probe(bench: Bench) -> None:
    bench.shut()
    bench.time.pass_(30.0)
    assert bench.gates.enter(GATE, A) is None
    bench.gates.leave(A)
    assert bench.gates.enter(GATE, B) is None
    assert bench.gates.enter(GATE, C) is THROTTLED


def test_all_that_wait_know_when_the_next_probe_may_try(bench: Bench) -> None:
    bench.shut()
    bench.time.pass_(10.0)
    assert bench.gates.left(GATE) == 20.0
    assert bench.gates.left("auth0:other") is None


def test_an_object_that_is_deleted_while_it_waits_is_not_woken(bench: Bench) -> None:
    bench.shut()
    bench.gates.leave(B)
    bench.gates.report(GATE, A, None)
    assert bench.woken == [C]
