"""Ending (ENGINE rules 16 and 17): outside goes first, in the order of references, the finalizer last; what is not ours
or not to be deleted stays; what waits says for whom."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate.api.meta import FINALIZER
from mlgate.errors import LostAnswer, Retry, Terminal
from unit.engine.thing import EasygoingThing, GoingAlongThing, KeyedThing, Once, Thing
from unit.engine.world import PLACE, RESOURCE, World


async def made(kind: type[Thing] = Thing, /, **spec: Any) -> World:
    world = World(kind)
    await world.write(**{"size": 3, "key": "k", **spec})
    world.service.log.clear()
    return world


async def test_an_object_that_goes_takes_its_thing_with_it() -> None:
    world = await made()
    await world.delete()
    assert world.service.writes == ["delete"]
    assert world.service.there == {}
    assert await world.find() is None
    assert (await world.told())[-1] == "Deleted"


async def test_the_object_stays_until_its_thing_is_gone() -> None:
    world = await made()
    world.service.lingers = True
    await world.delete()
    assert (await world.conditions())["Ready"] == "False Deleting"
    assert await world.held()
    await world.pass_(3.0)
    assert await world.find() is None


async def test_what_is_gone_already_is_done() -> None:
    world = await made()
    world.service.there.clear()
    await world.delete()
    assert await world.find() is None


async def test_what_never_was_made_goes_without_a_request() -> None:
    world = World()
    world.service.fail = Once("create", "before", Terminal("no"))
    await world.write(size=3)
    world.service.log.clear()
    await world.delete()
    assert await world.find() is None
    assert world.service.log == []


@pytest.mark.parametrize("kind", [Thing, KeyedThing], ids=["by its mark", "by its key"])
async def test_what_may_have_been_made_is_searched_for_and_deleted(kind: type[Thing]) -> None:
    world = World(kind)
    world.service.fail = Once("create", "after", LostAnswer("lost"))
    await world.write(size=3, key="k")
    await world.delete()
    assert await world.find() is None
    assert world.service.there == {}


async def test_after_a_lost_status_the_thing_is_found_and_deleted() -> None:
    world = await made()
    await world.lose_status()
    await world.store.delete(RESOURCE, PLACE, "a")
    await world.settle()
    assert world.service.there == {}


async def test_an_orphaned_object_goes_and_its_thing_stays() -> None:
    world = await made(deletionPolicy="Orphan")
    await world.delete()
    assert await world.find() is None
    assert world.service.writes == []
    assert (await world.told())[-1] == "Orphaned"


async def test_a_paused_object_is_not_deleted_until_the_pause_ends() -> None:
    world = await made()
    await world.annotate(paused="true")
    await world.delete()
    assert (await world.conditions())["Synced"] == "False Paused"
    await world.pass_(5000.0)
    assert world.service.writes == []
    await world.annotate(paused=None)
    assert await world.find() is None
    assert world.service.writes == ["delete"]


async def test_with_plans_a_deletion_waits_for_its_approval() -> None:
    world = await made()
    await world.change(managementPolicy="Plan")
    await world.delete()
    assert (await world.conditions())["Synced"] == "False PlanPending"
    assert world.service.writes == []
    await world.annotate(approve=(await world.status())["plan"]["hash"])
    assert await world.find() is None
    assert world.service.writes == ["delete"]


async def test_what_others_stand_on_goes_last_and_says_for_whom_it_waits() -> None:
    world = await made()
    await world.write("b", size=1, needs={"name": "a"})
    world.service.log.clear()
    await world.delete("a")
    assert (await world.conditions("a"))["Synced"] == "False DeletionBlocked"
    assert "Thing default/b" in await world.message("a")
    await world.pass_(5000.0)
    assert world.service.writes == []
    await world.delete("b")
    assert await world.find("b") is None
    assert await world.find("a") is None, "woken by the end of what it waited for"
    assert world.service.there == {}


async def test_what_waits_for_another_is_woken_when_that_begins_to_go_too() -> None:
    world = await made(GoingAlongThing)
    await world.write("b", size=1, needs={"name": "a"})
    world.service.log.clear()
    await world.delete("a")
    assert (await world.conditions("a"))["Synced"] == "False DeletionBlocked"
    await world.delete("b")
    await world.pass_(5.0)
    assert (await world.find("a"), await world.find("b")) == (None, None), "each waits for the other for ever"


async def test_what_others_get_by_without_goes_at_once_and_they_stay() -> None:
    world = await made(EasygoingThing)
    await world.write("b", size=1, needs={"name": "a"})
    world.service.log.clear()
    await world.delete("a")
    assert await world.find("a") is None
    assert world.service.writes == ["delete"]
    assert await world.find("b") is not None


async def test_a_target_that_forbids_deletes_holds_what_stands_on_it() -> None:
    world = await made(allowDelete=False)
    await world.write("b", size=1, needs={"name": "a"})
    world.service.log.clear()
    await world.delete("b")
    assert (await world.conditions("b"))["Synced"] == "False DeletionBlocked"
    assert "Thing default/a forbids deletes" in await world.message("b")
    assert world.service.writes == []
    await world.change("a", allowDelete=True)
    assert await world.find("b") is None


async def test_a_target_that_allows_a_few_deletes_an_hour_makes_the_rest_wait() -> None:
    world = await made(maxDeletesPerHour=2)
    names = ("b", "c", "d", "e", "f")
    for name in names:
        await world.write(name, size=1, needs={"name": "a"})
    world.service.log.clear()
    for name in names:
        await world.delete(name)
    waiting = [name for name in names if await world.find(name)]
    assert len(waiting) == 3
    assert world.service.writes == ["delete"] * 2
    assert "Thing default/a allows 2 deletes an hour" in await world.message(waiting[0])
    await world.pass_(1800.0)
    assert len(world.service.writes) == 2
    await world.pass_(1860.0)
    assert len(world.service.writes) == 4
    await world.change("a", maxDeletesPerHour=10)
    assert not [name for name in names if await world.find(name)]


async def test_a_delete_that_did_not_answer_is_tried_again() -> None:
    world = await made()
    world.service.fail = Once("delete", "after", Retry("no answer"))
    await world.delete()
    assert await world.held()
    await world.pass_(5.0)
    assert await world.find() is None
    assert world.service.there == {}


async def test_finalizers_of_others_stay_and_ours_goes() -> None:
    world = await made()
    await world.store.patch(RESOURCE, PLACE, "a", {"metadata": {"finalizers": [FINALIZER, "others.dev/x"]}})
    await world.delete()
    assert (await world.now())["metadata"]["finalizers"] == ["others.dev/x"]
    assert world.service.there == {}
    await world.pass_(5000.0)
    assert world.service.writes == ["delete"]


async def test_an_object_that_waits_to_go_makes_nothing_new() -> None:
    world = await made()
    await world.store.patch(RESOURCE, PLACE, "a", {"metadata": {"finalizers": [FINALIZER, "others.dev/x"]}})
    await world.delete()
    await world.annotate(reconcile_requested_at="now")
    assert world.service.writes == ["delete"]


async def test_a_thing_that_became_anothers_is_not_deleted() -> None:
    world = await made()
    world.service.only()["tags"]["mark"] = "other/Thing/x/y"
    await world.pass_(750.0)
    assert (await world.conditions())["Stalled"] == "True ExternalConflict"
    await world.delete()
    assert await world.find() is None
    assert list(world.service.there) == ["t-1"]


async def test_of_two_objects_with_one_id_the_end_of_the_younger_leaves_the_thing() -> None:
    world = await made(KeyedThing)
    await world.pass_(10.0)
    await world.store.create(
        RESOURCE, {**(await world.now()), "metadata": {"name": "b", "namespace": PLACE, "finalizers": [FINALIZER]}}
    )
    await world.store.patch_status(RESOURCE, PLACE, "b", {"status": {"externalId": "t-1"}})
    await world.settle()
    assert (await world.conditions("b"))["Stalled"] == "True ExternalConflict"
    await world.delete("b")
    assert await world.find("b") is None
    assert list(world.service.there) == ["t-1"]
