"""An answer that never came, or came unreadable, after the write had taken effect: looked for, never repeated blindly.

And what else is lost: the status of an object, the order of doorbells.
"""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from mlgate.engine import objects

from .census import GATEWAY, carried_out, ends_like, outside, secrets_fit
from .manifests import quickstart
from .timeline import SEED
from .world import World, a_world, resource
from .writes import CREATES, Write

LOST = pytest.mark.parametrize(
    "lost",
    [
        pytest.param({"drop": "after"}, id="cut connection"),
        pytest.param({"status": 502, "body": "<html>Bad Gateway</html>", "applies": True}, id="502 of a gateway"),
        pytest.param({"status": 201, "body": "<html>hello", "applies": True}, id="201 that is not JSON"),
        pytest.param({"status": 504, "applies": True}, id="504 without a body"),
    ],
)
CREATING = [write for write in CREATES if write.nth == 1]


@pytest.mark.parametrize("write", CREATING, ids=str)
@LOST
async def test_a_write_whose_answer_is_lost_is_found_and_not_made_twice(
    write: Write, lost: dict[str, Any], clean: dict[str, object]
) -> None:
    async with a_world() as world:
        simulator = world.azure if write.method == "PUT" else world.auth0
        simulator.faults.add(method=write.method, path=write.path, **lost)
        await carried_out(world)
        await ends_like(world, clean)
        creates = [e for e in world.writes() if write.method == "POST" and write.fits(e)]
        effective = [e for e in creates if e.notes.get("effect_status", e.status) in (200, 201)]
        expected = sum(other.path == write.path and other.method == "POST" for other in CREATES)
        if not write.path.startswith(
            "/permissions"
        ):  # adding twice what is there is no harm, and there is no other way
            assert len(effective) == expected, [(e.path, e.status, e.notes) for e in creates]


async def test_every_answer_lost_once_ends_the_same(clean: dict[str, object]) -> None:
    async with a_world() as world:
        for write in CREATES:
            simulator = world.azure if write.method == "PUT" else world.auth0
            simulator.faults.add(method=write.method, path=write.path, nth=write.nth, drop="after")
        await carried_out(world)
        await ends_like(world, clean)


@pytest.mark.parametrize("watched", [True, False], ids=["while mlgate watches", "while mlgate is away"])
async def test_a_status_that_was_wiped_is_found_again_without_a_second_create(
    world: World, clean: dict[str, object], watched: bool
) -> None:
    """As `kubectl replace` by a GitOps tool or a restore from a backup without status leaves it (rule 6)."""
    await carried_out(world)
    writes = len(world.writes())
    if not watched:
        world.operator.life.end()
    for obj in await world.all(but=GATEWAY):
        own = obj["metadata"]
        gone = {"status": dict.fromkeys(objects.status(obj))}
        await world.store.patch_status(resource(obj["kind"]), own["namespace"], own["name"], gone)
    await carried_out(world)
    await ends_like(world, clean)
    again = [f"{e.method} {e.path}" for e in world.writes()[writes:]]
    assert not [each for each in again if each.startswith(("POST", "PUT"))], again


async def test_doorbells_of_long_ago_change_nothing(world: World, clean: dict[str, object]) -> None:
    """Every state that the objects ever had rings again, in any order, as after a broken watch."""
    print(f"MLGATE_TEST_SEED={SEED}")
    heard: list[tuple[Any, Any]] = []
    ring = world.operator.engine.ring
    world.operator.engine.on_change(lambda key, obj: heard.append((key, copy.deepcopy(obj))))
    await carried_out(world)
    await world.settled()
    before, writes = outside(world), len(world.writes())

    old = [obj for _, obj in heard if obj is not None and obj["kind"] in world.operator.engine.kinds]
    random.Random(SEED).shuffle(old)
    for obj in old:
        ring("MODIFIED", copy.deepcopy(obj))
    await world.settled()
    await carried_out(world)
    assert outside(world) == before
    assert len(world.writes()) == writes
    await ends_like(world, clean)


async def test_a_restart_of_what_is_well_asks_for_nothing_but_tokens_and_keys(world: World) -> None:
    await carried_out(world)
    await world.settled()
    await world.restart()
    await world.settled()
    kept, writes = world.operator.life.writes, len(world.writes())
    await world.passes(1200)
    assert len(world.writes()) == writes
    assert await secrets_fit(world)
    assert not [str(w) for w in kept if w.verb != "status of"], [str(w) for w in kept]


async def test_nothing_happens_when_everything_is_applied_again(world: World) -> None:
    await carried_out(world)
    await world.settled()
    writes, kept = len(world.writes()), len(world.operator.life.writes)
    await world.apply(quickstart())
    await world.settled()
    assert len(world.writes()) == writes
    assert len(world.operator.life.writes) == kept
