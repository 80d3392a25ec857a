"""Who shares a piece of work, and who does not wait behind it."""

from __future__ import annotations

import asyncio

import pytest

from mlgate.flight import Flight
from mlgate.outbound import Permit, Unfenced, Urgency, permitting, urgency


class Work:
    """Notes with which urgency each run began, and ends when it is told to."""

    def __init__(self) -> None:
        self.begun: list[Urgency] = []
        self.may_end = asyncio.Event()

    async def __call__(self) -> int:
        self.begun.append(urgency())
        number = len(self.begun)
        await self.may_end.wait()
        return number


async def joined(flight: Flight[int], urgency: Urgency) -> int:
    with permitting(Permit(urgency, Unfenced())):
        return await flight.join()


@pytest.mark.parametrize(
    ("overtakes", "first", "second", "runs"),
    [
        pytest.param(True, Urgency.DRIFT, Urgency.USER, 2, id="a user's change does not wait behind a drift check"),
        pytest.param(True, Urgency.USER, Urgency.DRIFT, 1, id="a drift check shares a user's run"),
        pytest.param(True, Urgency.DRIFT, Urgency.DRIFT, 1, id="equals share one run"),
        pytest.param(False, Urgency.DRIFT, Urgency.USER, 1, id="where nobody overtakes all share one run"),
    ],
)
async def test_flight(overtakes: bool, first: Urgency, second: Urgency, runs: int) -> None:
    work = Work()
    flight = Flight(work, overtakes=overtakes)
    asked = [asyncio.create_task(joined(flight, each)) for each in (first, second, Urgency.DRIFT)]
    while len(work.begun) < runs:
        await asyncio.sleep(0)
    work.may_end.set()
    assert await asyncio.gather(*asked) == [1, runs, runs]
    assert work.begun == [first, second][:runs]


async def test_what_was_overtaken_ends_with_the_flight() -> None:
    work = Work()
    flight = Flight(work, overtakes=True)
    asked = [asyncio.create_task(joined(flight, each)) for each in (Urgency.DRIFT, Urgency.USER)]
    while len(work.begun) < 2:
        await asyncio.sleep(0)
    await flight.cancel()
    assert all(
        isinstance(each, asyncio.CancelledError) for each in await asyncio.gather(*asked, return_exceptions=True)
    )
