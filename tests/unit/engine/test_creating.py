"""Creating something once (ENGINE rules 1 to 6): whatever is lost in between, there is one thing outside per object, and
what is not ours is never taken."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate.errors import AlreadyHeld, CredentialsRejected, LostAnswer, Quota, Retry, Terminal, Trouble
from mlgate.store.protocol import SECRETS, Object
from unit.engine.thing import LOST, KeyedThing, LateThing, Once, PutThing, Thing, manifest
from unit.engine.world import PLACE, RESOURCE, World

WELL = {"Ready": "True Available", "Synced": "True Available"}


async def test_a_manifest_makes_one_thing_and_says_so() -> None:
    world = World()
    await world.write(size=3)
    assert world.service.writes == ["create"]
    assert world.service.count("list") == 0, "nothing of ours can exist before the first try"
    assert await world.conditions() == WELL
    status = await world.status()
    assert (status["externalId"], status["size"]) == ("t-1", 3)
    assert await world.told() == ["Created"]


async def test_the_intent_is_stored_before_the_first_request_leaves() -> None:
    world = World()
    held: list[bool] = []

    class Spy(Thing):
        async def apply(self, conn: Any, plan: Any, seen: Any, mark: Any) -> Any:
            held.append(await world.held())
            return await super().apply(conn, plan, seen, mark)

    await world.restart(kind=Spy(world.service))
    await world.write(size=3)
    assert held == [True]


async def test_a_stale_view_makes_nothing() -> None:
    world = World()
    await world.store.create(RESOURCE, manifest("a", size=3))
    await world.ring()
    await world.store.patch(RESOURCE, PLACE, "a", {"spec": {"size": 4}})
    key, urgency = await world.engine.queue.get()
    await world.engine.look(key, urgency)
    assert world.service.writes == []
    world.engine.queue.done(key)
    await world.pass_(1.0)
    assert world.service.writes == ["create"]
    assert world.service.only()["size"] == 4


@pytest.mark.parametrize("kind", [Thing, KeyedThing, PutThing], ids=["by its mark", "by its key", "by a look before"])
async def test_after_a_crash_between_create_and_status_it_is_found_again(kind: type[Thing]) -> None:
    world = World(kind)
    await world.write(key="k", size=3)
    await world.lose_status()
    await world.restart()
    await world.settle()
    assert world.service.writes == ["create"]
    assert await world.conditions() == WELL
    assert (await world.status())["externalId"] == "t-1"
    assert "Adopted" in await world.told()


@pytest.mark.parametrize("kind", [Thing, KeyedThing, PutThing], ids=["by its mark", "by its key", "by a look before"])
async def test_a_create_whose_answer_was_lost_is_found_and_not_repeated(kind: type[Thing]) -> None:
    world = World(kind)
    world.service.fail = Once("create", "after", LOST)
    await world.write(key="k", size=3)
    assert (await world.conditions())["Synced"] == "False Unreachable"
    await world.pass_(5.0)
    assert world.service.writes == ["create"]
    assert await world.conditions() == WELL


async def test_a_create_that_was_lost_on_its_way_is_made_after_a_look() -> None:
    world = World()
    world.service.fail = Once("create", "before", LOST)
    await world.write(size=3)
    await world.pass_(5.0)
    assert world.service.log == ["create", "list", "create"]
    assert len(world.service.there) == 1


async def test_after_a_lost_answer_nothing_is_believed_before_it_would_show() -> None:
    world = World(LateThing)
    world.service.fail = Once("create", "after", LOST)
    await world.write(size=3)
    await world.pass_(3.0)
    assert world.service.log == ["create"]
    await world.until(lambda: "list" in world.service.log)
    assert world.time.now >= LateThing.visible_after
    assert world.service.writes == ["create"]


async def test_a_new_process_waits_until_what_the_old_one_made_would_show() -> None:
    world = World(LateThing)
    world.service.fail = Once("create", "after", LOST)
    await world.write(size=3)
    await world.restart()
    await world.settle()
    assert "list" not in world.service.log
    await world.pass_(LateThing.visible_after)
    assert world.service.writes == ["create"]
    assert await world.conditions() == WELL


@pytest.mark.parametrize(
    ("trouble", "held"),
    [
        pytest.param(Terminal("no"), False, id="a refusal takes the intent back"),
        pytest.param(CredentialsRejected("no", gate="things"), False, id="refused credentials take the intent back"),
        pytest.param(Quota("slow", gate="things", after=2.0), True, id="a throttled create keeps it and tries again"),
        pytest.param(Retry("busy", after=2.0), True, id="a create that never left keeps it and tries again"),
    ],
)
async def test_what_was_surely_not_made_is_not_searched_for(trouble: Trouble, held: bool) -> None:
    world = World()
    world.service.fail = Once("create", "before", trouble)
    await world.write(size=3)
    assert await world.held() is held
    assert world.service.there == {}
    if held:
        await world.pass_(5.0)
        assert world.service.log == ["create", "create"]
    else:
        await world.delete()
        assert await world.find() is None
        assert world.service.log == ["create"]


async def test_after_a_refusal_a_corrected_manifest_is_made() -> None:
    world = World()
    world.service.fail = Once("create", "before", Terminal("that size is not offered"))
    await world.write(size=3)
    assert await world.conditions() == {
        "Ready": "False InvalidSpec",
        "Synced": "False InvalidSpec",
        "Stalled": "True InvalidSpec",
    }
    assert await world.message() == "that size is not offered"
    await world.change(size=2)
    assert await world.conditions() == WELL
    assert world.service.log == ["create", "create"]


async def test_a_key_that_a_stranger_holds_is_a_conflict_that_names_it_and_nothing_is_written() -> None:
    world = World(KeyedThing)
    world.service.there["foreign"] = {"id": "foreign", "key": "k", "size": 9, "state": "Done"}
    await world.write(key="k", size=3)
    assert (await world.conditions())["Stalled"] == "True ExternalConflict"
    assert "foreign already exists outside and was not made by mlgate" in await world.message()
    assert world.service.there == {"foreign": {"id": "foreign", "key": "k", "size": 9, "state": "Done"}}
    assert not await world.held()
    await world.delete()
    assert await world.find() is None
    assert "foreign" in world.service.there


async def test_a_key_that_we_hold_since_a_lost_answer_is_adopted() -> None:
    """The service lists what is new late, and says 409 at once."""
    world = World(KeyedThing)
    world.service.fail = Once("create", "after", LostAnswer("lost"))
    await world.write(key="k", size=3)
    hidden, world.service.there = world.service.there, {}
    lost = Once("create", "before", AlreadyHeld("the key k is taken"))

    def fail(verb: str, when: str) -> Trouble | None:
        trouble = lost(verb, when)
        if trouble:
            world.service.there = hidden
        return trouble

    world.service.fail = fail
    await world.pass_(5.0)
    assert lost.met
    assert await world.conditions() == WELL
    assert list(world.service.there) == ["t-1"]
    assert "Adopted" in await world.told()


async def test_a_put_never_overwrites_what_is_somebody_elses() -> None:
    world = World(PutThing)
    world.service.there["foreign"] = {"id": "foreign", "key": "k", "tags": {"mark": "x/Thing/y/z"}, "state": "Done"}
    await world.write(key="k", size=3)
    assert world.service.writes == []
    assert "belongs to x/Thing/y/z" in await world.message()


async def test_two_that_carry_our_mark_are_not_chosen_from() -> None:
    world = World()
    await world.write(size=3)
    twin = {**world.service.only(), "id": "t-9"}
    world.service.there["t-9"] = twin
    await world.lose_status()
    await world.settle()
    assert (await world.conditions())["Stalled"] == "True AdoptionAmbiguous"
    assert world.service.writes == ["create"]


async def test_what_exists_is_taken_over_when_the_manifest_names_it() -> None:
    world = World()
    world.service.there["old"] = {"id": "old", "size": 1, "tags": {"theirs": "x"}, "state": "Done"}
    await world.write(size=3, **{"import": {"id": "old"}})
    assert world.service.writes == ["update"]
    assert await world.conditions() == WELL
    assert world.service.only()["size"] == 3
    assert world.service.only()["tags"] == {"theirs": "x", "mark": "embedded/Thing/default/a"}
    assert "Adopted" in await world.told()


async def test_a_manifest_that_names_what_does_not_exist_makes_nothing() -> None:
    world = World()
    await world.write(size=3, **{"import": {"id": "old"}})
    assert (await world.conditions())["Stalled"] == "True ExternalGone"
    assert world.service.writes == []


async def test_of_two_objects_that_claim_one_thing_the_older_keeps_it() -> None:
    world = World()
    world.service.there["old"] = {"id": "old", "size": 1, "state": "Done"}
    await world.write("a", size=3, **{"import": {"id": "old"}})
    await world.pass_(10.0)
    await world.write("b", size=4, **{"import": {"id": "old"}})
    assert await world.conditions("a") == WELL
    assert (await world.conditions("b"))["Stalled"] == "True ExternalConflict"
    assert "Thing default/a" in await world.message("b")
    assert world.service.only()["size"] == 3
    await world.delete("b")
    assert list(world.service.there) == ["old"]


async def test_a_later_step_that_failed_keeps_the_id_and_is_finished_without_a_second_create() -> None:
    world = World()
    world.kind.afterwards = Retry("the second half failed", after=2.0)
    await world.write(size=3)
    assert (await world.status())["externalId"] == "t-1"
    assert (await world.conditions())["Synced"] == "False Unreachable"
    await world.pass_(5.0)
    assert world.service.writes == ["create"]
    assert await world.conditions() == WELL


async def test_a_secret_of_a_stranger_stops_the_create_before_it_is_made() -> None:
    """A credential must not end up with nowhere to go (ENGINE rule 5)."""
    world = World()
    await world.store.create(SECRETS, _secret("token"))
    await world.write(size=3, secret="token")
    assert (await world.conditions())["Stalled"] == "True ExternalConflict"
    assert world.service.writes == []


def _secret(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": PLACE}, "data": {}}
