"""The operator dies, at any point: what was made is found again, nothing is made twice, and the end is the same.

Rules 1 to 6 of docs/explanation on creating something once. Every write of the quickstart to the outside is a point at
which it dies here, before its answer arrives and after; so is every write to the store.
"""

from __future__ import annotations

import os
import random
from functools import partial

import pytest

from .census import carried_out, ends_like, inside, is_carried_out, nothing_left, outside
from .killer import Killer
from .life import Life, StoreWrite
from .manifests import quickstart
from .timeline import SEED
from .world import World, a_world
from .writes import CREATES, DELETES, Write

EVERY = os.environ.get("MLGATE_TEST_EVERY_WRITE") == "1"
"""Die at every single write to the store (minutes) instead of at some."""
SAMPLE = 8


ANSWERED = pytest.mark.parametrize(
    "answered", [False, True], ids=["before the answer arrives", "before the answer is written down"]
)


async def test_the_writes_at_which_the_operator_dies_here_are_all_there_are(world: World) -> None:
    await carried_out(world)
    found = world.writes()
    for write in CREATES:
        fitting = [entry for entry in found if write.fits(entry)]
        assert len(fitting) == sum(other.path == write.path and other.method == write.method for other in CREATES)
    assert len(found) == len(CREATES)

    await world.delete(*reversed(quickstart()))
    await world.until(lambda: nothing_left(world), "the end of everything")
    for entry in world.writes()[len(CREATES) :]:
        assert entry.method != "DELETE" or any(write.fits(entry) for write in DELETES), entry.path


@pytest.mark.parametrize("write", CREATES, ids=str)
@ANSWERED
async def test_dying_right_after_a_write_outside_makes_nothing_twice_and_loses_nothing(
    write: Write, answered: bool, clean: dict[str, object]
) -> None:
    async with a_world() as world:
        killer = Killer(world, write, answered=answered)
        await carried_out(world)
        assert killer.struck and world.lives == 2
        await ends_like(world, clean)


@pytest.mark.parametrize("answered", [False, True], ids=["before every answer", "before every answer is written down"])
async def test_dying_at_every_write_outside_in_one_run_ends_the_same(answered: bool, clean: dict[str, object]) -> None:
    async with a_world() as world:
        killers = [Killer(world, write, answered=answered) for write in CREATES]
        await carried_out(world)
        assert world.lives > len(CREATES) / 2, [str(killer) for killer in killers if not killer.struck]
        await ends_like(world, clean)


@pytest.mark.parametrize("write", DELETES, ids=str)
@ANSWERED
async def test_dying_right_after_a_delete_outside_still_removes_everything(write: Write, answered: bool) -> None:
    async with a_world() as world:
        before = outside(world)
        await carried_out(world)
        killer = Killer(world, write, answered=answered)
        await world.delete(*reversed(quickstart()))
        await world.until(lambda: nothing_left(world), "the end of everything")
        assert killer.struck
        assert outside(world) == before
        assert await inside(world) == {}


@pytest.mark.parametrize("effect", [False, True], ids=["before it is kept", "after it was kept"])
async def test_dying_at_a_write_to_the_store_ends_the_same(effect: bool, clean: dict[str, object]) -> None:
    chance = random.Random(f"{SEED} {effect}")
    last = 90  # the quickstart takes a few more
    points = range(1, last) if EVERY else sorted(chance.sample(range(1, last), SAMPLE))
    print(f"MLGATE_TEST_SEED={SEED}: dies at writes {list(points)}")
    for point in points:
        async with a_world(seed=point) as world:
            deaths: list[StoreWrite] = []

            def strikes(write: StoreWrite, point: int = point, deaths: list[StoreWrite] = deaths) -> bool:
                if write.number == point:
                    deaths.append(write)
                return write.number == point

            if effect:
                world.operator.life.after_write = strikes
            else:
                world.operator.life.before_write = strikes
            await carried_out(world)
            print(*deaths)
            await ends_like(world, clean)


async def test_dying_again_and_again_at_random_ends_the_same(clean: dict[str, object]) -> None:
    """Twelve short lives, each ended at one of its first writes to the store, before one is left alone."""
    print(f"MLGATE_TEST_SEED={SEED}")
    chance = random.Random(SEED)
    async with a_world(seed=SEED) as world:
        for number in range(12):
            point, life = chance.randint(1, 15), world.operator.life
            strikes = partial(_is_number, point)
            if chance.random() < 0.5:
                life.before_write = strikes
            else:
                life.after_write = strikes
            if number == 0:
                await world.apply(quickstart())
            await world.until(partial(_over_or_done, world, life), "the end of a life")
            if life.over:
                await world.restart()
        await carried_out(world)
        assert world.lives > 3
        await ends_like(world, clean)


def _is_number(number: int, write: StoreWrite) -> bool:
    return write.number == number


async def _over_or_done(world: World, life: Life) -> bool:
    return life.over or await is_carried_out(world)
