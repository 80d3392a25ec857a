"""No write leaves the process unless the reconcile that runs may write and leads for long enough (ENGINE rule 7), and
requests carry the class of their reconcile (ENGINE rule 19)."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from mlgate.errors import WriteRefused
from mlgate.outbound import Permit, Unfenced, Urgency, about_to_send, permitting, urgency
from mlgate.reasons import Reason


class Lease:
    """A lease with so many seconds left."""

    def __init__(self, left: float) -> None:
        self.left = left
        self.asked: list[float] = []

    def check(self, timeout: float) -> None:
        self.asked.append(timeout)
        if timeout >= self.left:
            raise WriteRefused("not leader for long enough")


PLANNED = WriteRefused("Plan mode", reason=Reason.PLAN_PENDING)


def write(timeout: float = 10.0) -> None:
    about_to_send("POST /api/v2/clients", writes=True, timeout=timeout)


def read() -> None:
    about_to_send("GET /api/v2/clients", writes=False, timeout=10.0)


def test_a_write_outside_of_any_reconcile_is_refused_and_names_itself() -> None:
    with pytest.raises(WriteRefused, match="POST /api/v2/clients was about to be sent outside of any reconcile"):
        write()


def test_a_read_needs_no_leave() -> None:
    read()
    with permitting(Permit(Urgency.USER, Lease(0.0), PLANNED)):
        read()


def test_a_reconcile_that_may_not_write_cannot_even_when_its_kind_tries() -> None:
    lease = Lease(1000.0)
    with permitting(Permit(Urgency.USER, lease, PLANNED)), pytest.raises(WriteRefused) as caught:
        write()
    assert caught.value is PLANNED


@pytest.mark.parametrize(
    ("left", "timeout", "leaves"),
    [
        pytest.param(15.0, 10.0, True, id="a request that must end before the lease does is sent"),
        pytest.param(5.0, 10.0, False, id="a request that may outlive the lease is not sent"),
        pytest.param(0.0, 0.1, False, id="after the lease nothing is sent"),
    ],
)
def test_writing_while_leader(left: float, timeout: float, leaves: bool) -> None:
    lease = Lease(left)
    with permitting(Permit(Urgency.USER, lease)):
        if leaves:
            write(timeout)
        else:
            with pytest.raises(WriteRefused):
                write(timeout)
    assert lease.asked == [timeout]


def test_who_is_alone_may_always_write() -> None:
    with permitting(Permit(Urgency.USER, Unfenced())):
        write(1e9)


def test_the_leave_ends_with_its_block_also_after_an_error() -> None:
    with pytest.raises(RuntimeError), permitting(Permit(Urgency.USER, Unfenced())):
        raise RuntimeError
    with pytest.raises(WriteRefused):
        write()


def test_a_reading_step_inside_a_writing_one_holds_writes_and_gives_back() -> None:
    with permitting(Permit(Urgency.USER, Unfenced())):
        with permitting(Permit(Urgency.USER, Unfenced(), PLANNED)), pytest.raises(WriteRefused):
            write()
        write()


async def test_reconciles_side_by_side_do_not_lend_each_other_their_leave() -> None:
    """Every order in which a writer's and an observer's steps can interleave."""

    async def steps(permit: Permit, order: asyncio.Queue[None]) -> bool:
        with permitting(permit):
            await order.get()
            try:
                write()
            except WriteRefused:
                return False
            return True

    for first in itertools.permutations(range(2)):
        turns: list[asyncio.Queue[None]] = [asyncio.Queue(), asyncio.Queue()]
        permits = [Permit(Urgency.USER, Unfenced()), Permit(Urgency.USER, Unfenced(), PLANNED)]
        tasks = [asyncio.create_task(steps(permit, turn)) for permit, turn in zip(permits, turns, strict=True)]
        for number in first:
            turns[number].put_nowait(None)
        assert await asyncio.gather(*tasks) == [True, False]


def test_a_request_carries_the_class_of_its_reconcile() -> None:
    assert urgency() is Urgency.DRIFT
    with permitting(Permit(Urgency.DELETION, Unfenced())):
        assert urgency() is Urgency.DELETION
    assert list(Urgency) == sorted(Urgency, key=lambda one: one.value)
