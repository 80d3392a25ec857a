"""What the service changes only one at a time is queued here, and nobody waits for ever (ENGINE rule 8)."""

from __future__ import annotations

import pytest

from mlgate.engine.lanes import LONGEST, Lanes
from mlgate.store.protocol import Key
from unit.engine.samples import ByHand, a_key

ENDPOINT, OTHER = a_key("fraud", "Endpoint"), a_key("churn", "Endpoint")
BLUE, GREEN, RED = a_key("blue"), a_key("green"), a_key("red")


class Bench:
    def __init__(self) -> None:
        self.time = ByHand()
        self.woken: list[Key] = []
        self.lanes = Lanes(self.time.clock(), self.woken.append)

    def begin(self, key: Key) -> None:
        """It takes the lane, starts something, and its look ends."""
        assert self.lanes.take(ENDPOINT, key) is None
        self.lanes.keep(ENDPOINT, key)
        self.lanes.end(key)

    def wait(self, *keys: Key) -> None:
        """They try, are held up, and their looks end."""
        for key in keys:
            assert self.lanes.take(ENDPOINT, key) is not None
            self.lanes.end(key)

    def finish(self, key: Key) -> None:
        """A look of it sees that nothing is under way any more."""
        self.lanes.settle(ENDPOINT, key)
        self.lanes.end(key)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_second_learns_who_is_being_changed(bench: Bench) -> None:
    bench.begin(BLUE)
    assert bench.lanes.take(ENDPOINT, GREEN) == BLUE


def test_another_lane_is_free(bench: Bench) -> None:
    bench.begin(BLUE)
    assert bench.lanes.take(OTHER, GREEN) is None


def test_two_that_write_at_the_same_moment_do_not_both_get_it(bench: Bench) -> None:
    assert bench.lanes.take(ENDPOINT, BLUE) is None
    assert bench.lanes.take(ENDPOINT, GREEN) == BLUE


def test_what_was_not_kept_is_free_when_its_look_is_over(bench: Bench) -> None:
    bench.lanes.take(ENDPOINT, BLUE)
    bench.wait(GREEN)
    bench.lanes.end(BLUE)
    assert bench.woken == [GREEN]
    assert bench.lanes.take(ENDPOINT, GREEN) is None


def test_those_that_wait_are_woken_one_by_one_in_the_order_they_came(bench: Bench) -> None:
    bench.begin(BLUE)
    bench.wait(GREEN, RED)
    bench.finish(BLUE)
    assert bench.woken == [GREEN]
    bench.begin(GREEN)
    assert bench.woken == [GREEN]
    bench.finish(GREEN)
    assert bench.woken == [GREEN, RED]


def test_the_object_that_the_lane_is_named_after_goes_first(bench: Bench) -> None:
    bench.begin(BLUE)
    bench.wait(GREEN, ENDPOINT)
    bench.finish(BLUE)
    assert bench.woken == [ENDPOINT]


def test_a_turn_is_nobody_elses(bench: Bench) -> None:
    bench.begin(BLUE)
    bench.wait(GREEN)
    bench.finish(BLUE)
    assert bench.lanes.take(ENDPOINT, RED) == GREEN


def test_a_turn_that_is_not_used_passes_on(bench: Bench) -> None:
    bench.begin(BLUE)
    bench.wait(GREEN, RED)
    bench.finish(BLUE)
    bench.lanes.end(GREEN)  # its manifest was put back: nothing to do any more
    assert bench.woken == [GREEN, RED]


def test_one_that_has_the_lane_may_go_on(bench: Bench) -> None:
    bench.begin(BLUE)
    assert bench.lanes.take(ENDPOINT, BLUE) is None


@pytest.mark.parametrize("who", [BLUE, GREEN], ids=["that had the lane", "whose turn it was"])
def test_an_object_that_is_gone_blocks_nobody(bench: Bench, who: Key) -> None:
    bench.begin(BLUE)
    bench.wait(GREEN, RED)
    if who == GREEN:
        bench.finish(BLUE)
    bench.lanes.leave(who)
    assert bench.woken[-1] == (GREEN if who == BLUE else RED)


def test_after_a_start_what_may_be_under_way_is_looked_at_first(bench: Bench) -> None:
    bench.lanes.presume(ENDPOINT, BLUE)
    bench.wait(GREEN)
    bench.lanes.end(BLUE)
    assert bench.woken == [GREEN]


def test_what_a_first_look_sees_under_way_keeps_the_lane(bench: Bench) -> None:
    bench.lanes.presume(ENDPOINT, BLUE)
    bench.lanes.keep(ENDPOINT, BLUE)
    bench.lanes.end(BLUE)
    assert bench.lanes.take(ENDPOINT, GREEN) == BLUE


def test_a_holder_that_nobody_can_look_at_any_more_holds_no_longer_than_an_operation_may_take(bench: Bench) -> None:
    bench.begin(BLUE)
    bench.time.pass_(LONGEST - 1)
    assert bench.lanes.take(ENDPOINT, GREEN) == BLUE
    bench.time.pass_(1)
    assert bench.lanes.take(ENDPOINT, GREEN) is None


def test_nothing_is_remembered_of_a_lane_that_nobody_needs(bench: Bench) -> None:
    bench.begin(BLUE)
    bench.wait(GREEN)
    bench.finish(BLUE)
    bench.lanes.end(GREEN)
    assert bench.lanes.empty
