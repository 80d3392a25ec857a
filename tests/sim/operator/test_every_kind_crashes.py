"""As `test_crashes`, with one object of each kind that knows Auth0: the operator dies at any point, what was made is found
again, nothing is made twice, nothing is lost, and the end is the same.

The points are those of an undisturbed run, so a new kind in `every_kind` brings its own. MLGATE_TEST_EVERY_WRITE=1 dies
at each of them (minutes) instead of at some.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from functools import partial
from typing import TypeVar

import pytest

from .census import inside
from .every_kind import Whole, every_kind, in_tenant, is_only_tenant, made_whole, undisturbed
from .killer import Killer
from .life import StoreWrite
from .timeline import SEED
from .world import World, a_world

EVERY = os.environ.get("MLGATE_TEST_EVERY_WRITE") == "1"
SAMPLE = 3
"""Points of each test in the usual run."""
IN_ONE_RUN = 8

T = TypeVar("T")
KNOWN: list[Whole] = []
ANSWERED = pytest.mark.parametrize(
    "answered", [False, True], ids=["before the answer arrives", "before the answer is written down"]
)


@pytest.fixture
async def whole() -> Whole:
    if not KNOWN:
        KNOWN.append(await undisturbed())
    return KNOWN[0]


def chosen(points: Sequence[T], of: str, number: int = SAMPLE) -> list[T]:
    """Some points, by chance, and told; all of them when asked."""
    found = list(points) if EVERY else random.Random(f"{SEED} {of}").sample(list(points), number)
    print(f"MLGATE_TEST_SEED={SEED}: dies at", *found, sep="\n  ")
    return found


async def ends_like(world: World, whole: Whole) -> None:
    """The same things in the tenant and the same objects as undisturbed; nothing was removed on the way."""
    assert in_tenant(world) == whole.tenant

    async def same() -> bool:
        return await inside(world) == whole.cluster

    await world.until(same, "the same objects with the same conditions")
    assert not [entry.path for entry in world.writes() if entry.method == "DELETE"]


@ANSWERED
async def test_dying_right_after_a_write_outside_makes_nothing_twice_and_loses_nothing(
    answered: bool, whole: Whole
) -> None:
    for write in chosen(whole.creates, f"creates {answered}"):
        async with a_world() as world:
            killer = Killer(world, write, answered=answered)
            await made_whole(world)
            assert killer.struck and world.lives == 2, write
            await ends_like(world, whole)


@ANSWERED
async def test_dying_again_and_again_in_one_run_ends_the_same(answered: bool, whole: Whole) -> None:
    points = chosen(whole.creates, f"one run {answered}", IN_ONE_RUN)
    async with a_world() as world:
        killers = [Killer(world, write, answered=answered) for write in points]
        await made_whole(world, patience=120.0)
        assert sum(killer.struck for killer in killers) > len(points) / 2, "a death can hide another write"
        assert world.lives > len(points) / 4
        await ends_like(world, whole)


@ANSWERED
async def test_dying_right_after_a_delete_outside_still_removes_everything(answered: bool, whole: Whole) -> None:
    for write in chosen(whole.deletes, f"deletes {answered}"):
        async with a_world() as world:
            before = in_tenant(world)
            await made_whole(world)
            killer = Killer(world, write, answered=answered)
            await world.delete(*reversed(every_kind()))
            await world.until(partial(is_only_tenant, world), "the end of all but the tenant")
            assert killer.struck, write
            stays = {
                "bindings": {"post-login": []},
                "guardian": whole.tenant["guardian"],
            }  # factors are never switched off
            assert in_tenant(world) == before | stays


@pytest.mark.parametrize("effect", [False, True], ids=["before it is kept", "after it was kept"])
async def test_dying_at_a_write_to_the_store_ends_the_same(effect: bool, whole: Whole) -> None:
    for point in chosen(range(1, whole.kept - 5), f"store {effect}"):  # a disturbed run may do with fewer
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
            await made_whole(world)
            print(*deaths)
            assert deaths
            await ends_like(world, whole)


async def test_every_third_post_takes_effect_and_answers_502(whole: Whole) -> None:
    for first in range(1, 4) if EVERY else chosen(range(1, 4), "posts", 1):
        async with a_world() as world:
            for nth in range(first, 60, 3):
                lost = {"status": 502, "body": "<html>Bad Gateway</html>", "applies": True}
                world.auth0.faults.add(method="POST", path="/api/v2/", nth=nth, **lost)
            await made_whole(world)
            await ends_like(world, whole)
