"""Which object is looked at next (ENGINE rules 8, 18 and 19): never twice at a time, urgent first, fair between those that
share a budget, with back-off of 1 s to 15 min and full jitter."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from mlgate.engine.queue import LONGEST, SHORTEST, WorkQueue
from mlgate.outbound import Urgency
from mlgate.store.protocol import Key
from unit.engine.samples import ByHand, a_key

A, B, C = a_key("a"), a_key("b"), a_key("c")


class Bench:
    """A queue, its clock, and a worker that takes what is there and never waits."""

    def __init__(self, seed: int = 1) -> None:
        self.time = ByHand()
        self.queue = WorkQueue(self.time.clock(seed))

    async def take(self) -> tuple[str, Urgency] | None:
        if self.queue.idle() or not len(self.queue):
            return None
        key, urgency = await self.queue.get()
        return key.name, urgency

    async def drain(self) -> list[str]:
        found = []
        while (taken := await self.take()) is not None:
            found.append(taken[0])
            self.queue.done(a_key(taken[0]))
        return found


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_what_is_asked_for_often_is_looked_at_once(bench: Bench) -> None:
    for _ in range(3):
        bench.queue.add(A, Urgency.USER)
    assert await bench.drain() == ["a"]


async def test_first_come_first_served(bench: Bench) -> None:
    for key in (B, A, C):
        bench.queue.add(key, Urgency.USER)
    assert await bench.drain() == ["b", "a", "c"]


async def test_a_users_change_goes_before_all_else_and_drift_checks_go_last(bench: Bench) -> None:
    for urgency in reversed(Urgency):
        bench.queue.add(a_key(urgency.name), urgency)
    assert await bench.drain() == ["USER", "DELETION", "RETRY", "PROGRESS", "DRIFT", "BACKGROUND"]


async def test_asking_again_with_more_urgency_wins_and_with_less_changes_nothing(bench: Bench) -> None:
    bench.queue.add(A, Urgency.DRIFT)
    bench.queue.add(B, Urgency.RETRY)
    bench.queue.add(A, Urgency.USER)
    bench.queue.add(A, Urgency.PROGRESS)
    assert await bench.take() == ("a", Urgency.USER)
    assert await bench.drain() == ["b"]


async def test_a_tenant_with_many_objects_does_not_keep_another_waiting(bench: Bench) -> None:
    for number in range(4):
        bench.queue.group(a_key(f"big{number}"), "big")
        bench.queue.add(a_key(f"big{number}"), Urgency.USER)
    bench.queue.group(a_key("small"), "small")
    bench.queue.add(a_key("small"), Urgency.USER)
    assert await bench.drain() == ["big0", "small", "big1", "big2", "big3"]


async def test_groups_take_turns(bench: Bench) -> None:
    for name in ("x0", "x1", "x2", "y0", "y1", "z0"):
        bench.queue.group(a_key(name), name[0])
        bench.queue.add(a_key(name), Urgency.USER)
    assert await bench.drain() == ["x0", "y0", "z0", "x1", "y1", "x2"]


async def test_an_object_whose_group_became_known_while_it_waits_is_still_taken_once(bench: Bench) -> None:
    bench.queue.add(A, Urgency.DRIFT)
    bench.queue.group(A, "tenant")
    bench.queue.add(A, Urgency.USER)
    assert await bench.drain() == ["a"]


async def test_an_object_is_with_one_worker_at_a_time_and_what_is_asked_meanwhile_happens_after(bench: Bench) -> None:
    bench.queue.add(A, Urgency.USER)
    assert await bench.take() == ("a", Urgency.USER)
    bench.queue.add(A, Urgency.DRIFT)
    bench.queue.add(A, Urgency.RETRY)
    assert await bench.take() is None
    assert not bench.queue.idle()
    bench.queue.done(A)
    assert await bench.take() == ("a", Urgency.RETRY)
    bench.queue.done(A)
    assert bench.queue.idle()


async def test_a_later_look_comes_when_its_time_has_come(bench: Bench) -> None:
    bench.queue.add_after(A, 10.0, Urgency.DRIFT)
    assert bench.queue.idle()
    bench.time.pass_(9.9)
    assert bench.queue.idle()
    bench.time.pass_(0.1)
    assert not bench.queue.idle()
    assert await bench.take() == ("a", Urgency.DRIFT)


@pytest.mark.parametrize(
    ("delays", "due"),
    [
        pytest.param([10.0, 5.0], 5.0, id="the earlier of two looks wins when it comes second"),
        pytest.param([5.0, 10.0], 5.0, id="the earlier of two looks wins when it comes first"),
        pytest.param([-3.0], 0.0, id="a time in the past is now"),
    ],
)
async def test_of_several_later_looks_there_is_one(bench: Bench, delays: Iterable[float], due: float) -> None:
    for delay in delays:
        bench.queue.add_after(A, delay, Urgency.DRIFT)
    bench.time.pass_(due)
    assert await bench.drain() == ["a"]
    bench.time.pass_(1000.0)
    assert bench.queue.idle()


async def test_a_look_now_replaces_the_later_one(bench: Bench) -> None:
    bench.queue.add_after(A, 10.0, Urgency.DRIFT)
    bench.queue.add(A, Urgency.USER)
    assert await bench.drain() == ["a"]
    bench.time.pass_(1000.0)
    assert bench.queue.idle()


async def test_a_later_look_at_what_waits_already_is_not_needed(bench: Bench) -> None:
    bench.queue.add(A, Urgency.USER)
    bench.queue.add_after(A, 10.0, Urgency.DRIFT)
    assert await bench.drain() == ["a"]
    bench.time.pass_(1000.0)
    assert bench.queue.idle()


async def test_a_look_that_is_due_while_the_object_is_worked_on_happens_after(bench: Bench) -> None:
    bench.queue.add(A, Urgency.USER)
    await bench.take()
    bench.queue.add_after(A, 1.0, Urgency.PROGRESS)
    bench.time.pass_(1.0)
    assert await bench.take() is None
    bench.queue.done(A)
    assert await bench.take() == ("a", Urgency.PROGRESS)


async def test_a_worker_that_waits_is_woken_by_new_work(bench: Bench) -> None:
    waiting = asyncio.create_task(bench.queue.get())
    await asyncio.sleep(0)
    bench.queue.add(A, Urgency.USER)
    assert await waiting == (A, Urgency.USER)


async def test_workers_that_wait_together_each_get_something(bench: Bench) -> None:
    waiting = [asyncio.create_task(bench.queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    for key in (A, B, C):
        bench.queue.add(key, Urgency.USER)
    assert {key for key, _ in await asyncio.gather(*waiting)} == {A, B, C}


async def test_closing_ends_the_wait_of_every_worker(bench: Bench) -> None:
    waiting = [asyncio.create_task(bench.queue.get()) for _ in range(2)]
    await asyncio.sleep(0)
    bench.queue.close()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(end) for end in ended] == [asyncio.CancelledError] * 2


async def test_an_object_that_is_gone_is_not_looked_at_later(bench: Bench) -> None:
    bench.queue.add_after(A, 10.0, Urgency.DRIFT)
    bench.queue.backoff(A)
    bench.queue.forget(A)
    bench.time.pass_(1000.0)
    assert bench.queue.idle()
    assert bench.queue.failures(A) == 0


def ceilings(queue: WorkQueue, key: Key, times: int) -> list[float]:
    return [queue.backoff(key) for _ in range(times)]


@pytest.mark.parametrize("seed", range(20))
def test_back_off_doubles_up_to_fifteen_minutes_and_is_never_nothing(seed: int) -> None:
    queue = Bench(seed).queue
    for failures, wait in enumerate(ceilings(queue, A, 40), start=1):
        assert SHORTEST / 2 <= wait <= min(LONGEST, SHORTEST * 2**failures)
    assert queue.failures(A) == 40


def test_back_off_has_full_jitter() -> None:
    waits = [Bench(seed).queue for seed in range(400)]
    tenth = [ceilings(queue, A, 12)[-1] for queue in waits]
    assert min(tenth) < 0.05 * LONGEST
    assert max(tenth) > 0.95 * LONGEST
    assert 0.4 * LONGEST < sum(tenth) / len(tenth) < 0.6 * LONGEST


def test_back_off_is_each_objects_own_and_reset_by_success() -> None:
    queue = Bench().queue
    ceilings(queue, A, 10)
    assert queue.failures(B) == 0
    queue.succeeded(A)
    assert queue.failures(A) == 0
    assert queue.backoff(A) <= 2 * SHORTEST
