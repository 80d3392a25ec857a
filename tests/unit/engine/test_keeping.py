"""Keeping what was made as written: drift, modes, and doing nothing when nothing changed (ENGINE rules 9, 10, 12 to 15,
18 and 20)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from mlgate.errors import Quota, Retry, WriteRefused
from mlgate.store.protocol import SECRETS
from unit.engine.thing import LateThing, Once, Thing
from unit.engine.world import PLACE, RESOURCE, World

WELL = {"Ready": "True Available", "Synced": "True Available"}


async def made(kind: type[Thing] = Thing, /, **spec: Any) -> World:
    """A world with one Thing that is well."""
    world = World(kind)
    await world.write(**{"size": 3, **spec})
    assert await world.conditions() == WELL
    world.service.log.clear()
    return world


async def resync(world: World) -> None:
    await world.pass_(750.0)


async def test_a_look_that_finds_all_well_writes_nothing_anywhere() -> None:
    world = await made(secret="token")
    before = await world.versions()
    for _ in range(5):
        await resync(world)
    assert world.service.log == ["get"] * 5
    assert await world.versions() == before


async def test_a_change_of_the_manifest_sends_what_differs() -> None:
    world = await made()
    await world.change(size=4)
    assert world.service.writes == ["update"]
    assert world.service.only()["size"] == 4
    assert (await world.status())["observedGeneration"] == 2
    assert await world.conditions() == WELL
    assert (await world.told())[-1] == "Updated"


async def test_a_field_that_the_manifest_leaves_out_is_left_alone() -> None:
    world = await made()
    world.service.only()["colour"] = "red"
    await world.change(size=None)
    world.service.only()["size"] = 9
    await resync(world)
    assert world.service.writes == []
    assert world.service.only()["colour"] == "red"


async def test_what_others_changed_is_set_back_and_told() -> None:
    world = await made()
    world.service.only()["size"] = 9
    await resync(world)
    assert world.service.only()["size"] == 3
    assert await world.conditions() == WELL
    assert (await world.told())[-1] == "DriftCorrected"


async def test_drift_that_is_only_reported_stays_until_somebody_decides() -> None:
    world = await made(driftPolicy="Report")
    world.service.only()["size"] = 9
    await resync(world)
    assert await world.conditions() == {"Ready": "True Drifted", "Synced": "False Drifted"}
    assert (await world.status())["drift"]["changes"] == [{"path": "size", "action": "replace", "old": "9", "new": "3"}]
    for _ in range(3):
        await resync(world)
    assert world.service.writes == []
    assert world.service.only()["size"] == 9
    await world.change(driftPolicy="Correct")
    assert world.service.only()["size"] == 3
    assert "drift" not in await world.status()


async def test_drift_that_others_set_back_is_forgotten() -> None:
    world = await made(driftPolicy="Report")
    world.service.only()["size"] = 9
    await resync(world)
    world.service.only()["size"] = 3
    await resync(world)
    assert await world.conditions() == WELL
    assert "drift" not in await world.status()


async def test_a_change_of_the_manifest_is_carried_out_although_drift_is_only_reported() -> None:
    world = await made(driftPolicy="Report")
    await world.change(size=4)
    assert world.service.only()["size"] == 4
    assert (await world.told())[-1] == "Updated"


async def test_what_was_deleted_outside_is_made_anew_once_and_told() -> None:
    world = await made()
    world.service.there.clear()
    await resync(world)
    assert world.service.log == ["get", "list", "create"]
    assert list(world.service.there) == ["t-2"]
    assert (await world.status())["externalId"] == "t-2"
    assert "ExternalGone" in await world.told()
    await resync(world)
    assert world.service.writes == ["create"]


async def test_what_seems_gone_and_is_found_by_its_mark_is_not_made_twice() -> None:
    world = await made()
    thing = world.service.there.pop("t-1")
    world.service.there["renamed"] = {**thing, "id": "renamed"}
    await resync(world)
    assert world.service.writes == []
    assert (await world.status())["externalId"] == "renamed"


async def test_a_service_that_does_not_answer_is_not_a_thing_that_is_gone() -> None:
    world = await made()
    world.service.fail = lambda verb, when: Retry("no answer")
    for _ in range(3):
        await resync(world)
    assert world.service.writes == []
    assert (await world.status())["externalId"] == "t-1"


async def test_one_failed_look_does_not_unsettle_a_thing_that_is_well_and_several_do() -> None:
    world = await made()
    world.service.fail = lambda verb, when: Retry("no answer")
    await resync(world)
    assert await world.conditions() == WELL
    await world.until(lambda: world.engine.queue.failures(world.key()) > 4)
    assert await world.conditions() == {
        "Ready": "False Unreachable",
        "Synced": "False Unreachable",
        "Reconciling": "True Unreachable",
    }
    world.service.fail = lambda verb, when: None
    await world.pass_(900.0)
    assert await world.conditions() == WELL


async def test_tags_that_we_set_go_with_the_manifest_and_those_of_others_stay() -> None:
    world = await made(tags={"a": "1", "b": "1"})
    world.service.only()["tags"]["theirs"] = "x"
    await world.change(tags={"b": None})
    assert world.service.only()["tags"] == {"a": "1", "theirs": "x", "mark": "embedded/Thing/default/a"}


async def test_a_tag_that_left_the_manifest_while_the_service_was_busy_goes_all_the_same() -> None:
    world = await made(tags={"a": "1", "b": "1"})
    world.service.slow = True
    await world.change(size=4)
    await world.change(tags={"b": None})
    world.service.slow = False
    world.service.finish()
    await world.pass_(5.0)
    assert await world.conditions() == WELL
    assert world.service.only()["tags"] == {"a": "1", "mark": "embedded/Thing/default/a"}


async def test_what_cannot_be_changed_is_said_and_left() -> None:
    world = await made(shape="round")
    await world.change(shape="square")
    assert (await world.conditions())["Stalled"] == "True InvalidSpec"
    assert "shape cannot be changed after creation: it is round outside and square" in await world.message()
    assert world.service.writes == []


async def test_a_thing_that_takes_its_time_is_looked_at_until_it_is_done() -> None:
    world = World()
    world.service.slow = True
    await world.write(size=3)
    assert await world.conditions() == {
        "Ready": "False Creating",
        "Synced": "False Creating",
        "Reconciling": "True Creating",
    }
    await world.pass_(5.0)
    assert world.service.log == ["create", "get"]
    world.service.finish()
    await world.pass_(5.0)
    assert await world.conditions() == WELL
    assert world.service.writes == ["create"]


async def test_what_the_service_gave_up_on_is_left_until_the_manifest_changes_or_somebody_asks() -> None:
    world = World()
    world.service.slow = True
    await world.write(size=3)
    world.service.finish("Failed")
    await world.pass_(5.0)
    assert (await world.conditions())["Stalled"] == "True ProvisioningFailed"
    await world.pass_(5000.0)
    assert world.service.writes == ["create"]
    world.service.slow = False
    await world.annotate(reconcile_requested_at="now")
    assert world.service.writes == ["create", "update"]
    assert await world.conditions() == WELL
    assert (await world.status())["lastHandledReconcileAt"] == "now"


async def test_a_part_of_the_wish_that_must_wait_waits_and_says_so() -> None:
    world = await made()
    world.kind.later = {"size"}
    await world.change(size=4)
    assert world.service.writes == []
    assert (await world.conditions())["Synced"] == "False DependencyNotReady"
    assert await world.message() == "size must wait."
    world.kind.later = set()
    await resync(world)
    assert world.service.only()["size"] == 4
    assert await world.conditions() == WELL


async def test_what_had_to_wait_is_not_taken_for_drift() -> None:
    world = World()
    world.kind.later = {"size"}
    await world.write(size=3, driftPolicy="Report")
    world.service.only()["size"] = 0
    await resync(world)
    world.kind.later = set()
    await resync(world)
    assert world.service.only()["size"] == 3
    assert "DriftCorrected" not in await world.told()


async def test_a_step_that_failed_is_not_taken_for_drift() -> None:
    world = World()
    world.kind.afterwards = Retry("the second half failed", after=2.0)
    await world.write(size=3, driftPolicy="Report")
    world.service.only()["size"] = 0
    await world.pass_(5.0)
    assert world.service.only()["size"] == 3
    assert "DriftCorrected" not in await world.told()


async def test_while_a_change_may_not_be_started_the_thing_stays_usable() -> None:
    world = await made()
    world.kind.stuck = "The neighbour is busy."
    await world.change(size=4)
    assert world.service.writes == []
    assert await world.conditions() == {
        "Ready": "True Updating",
        "Synced": "False Updating",
        "Reconciling": "True Updating",
    }


# -- modes ------------------------------------------------------------------------------------------------------------


async def test_a_plan_is_published_and_nothing_is_written_until_it_is_approved() -> None:
    world = World()
    await world.write(size=3, managementPolicy="Plan")
    assert (world.service.writes, await world.held()) == ([], False)
    assert (await world.conditions())["Synced"] == "False PlanPending"
    plan = (await world.status())["plan"]
    assert plan["summary"] == "Create size, tags"
    await world.annotate(approve="0000000000")
    assert world.service.writes == []
    await world.annotate(approve=plan["hash"])
    assert world.service.writes == ["create"]
    assert await world.conditions() == WELL
    assert "plan" not in await world.status()


async def test_an_approval_covers_what_was_shown_and_no_later_change() -> None:
    world = await made()
    await world.change(managementPolicy="Plan", size=4)
    shown = (await world.status())["plan"]["hash"]
    world.service.only()["size"] = 9
    await world.annotate(approve=shown)
    assert world.service.writes == [], "outside is no longer as it was when the plan was shown"
    assert (await world.status())["plan"]["hash"] != shown
    await world.annotate(approve=(await world.status())["plan"]["hash"])
    assert world.service.writes == ["update"]
    world.service.only()["size"] = 8
    await resync(world)
    assert world.service.writes == ["update"]


async def test_an_observed_thing_is_looked_at_and_never_written() -> None:
    world = World()
    world.service.there["old"] = {"id": "old", "size": 1, "state": "Done"}
    await world.write(size=3, managementPolicy="Observe", **{"import": {"id": "old"}})
    assert await world.conditions() == {"Ready": "True Drifted", "Synced": "False Drifted"}
    await world.annotate(approve=(await world.status())["plan"]["hash"])
    await resync(world)
    assert (world.service.writes, await world.held()) == ([], False)
    await world.change(size=1)
    assert await world.conditions() == WELL, "a mark is not asked of what is only observed"
    assert (world.service.writes, await world.held()) == ([], False)
    await world.delete()
    assert await world.find() is None
    assert (world.service.writes, list(world.service.there)) == ([], ["old"])


async def test_an_observed_thing_that_does_not_exist_is_not_made() -> None:
    world = World()
    await world.write(size=3, managementPolicy="Observe")
    await resync(world)
    assert world.service.writes == []
    assert (await world.conditions())["Ready"] == "False Drifted"


@pytest.mark.parametrize("spec", [{}, {"managementPolicy": "Plan"}, {"managementPolicy": "Observe"}])
async def test_a_kind_that_tries_to_write_while_it_gives_away_outputs_cannot_unless_it_may(
    spec: dict[str, str],
) -> None:
    """Modes are enforced where requests leave, not by the kind's good manners."""
    world = await made()
    refused: list[bool] = []

    class Careless(Thing):
        async def outputs(self, conn: Any, spec: Any, situation: Any) -> Any:
            try:
                conn.update(situation.seen.id, {})
                refused.append(False)
            except WriteRefused:
                refused.append(True)
            return await super().outputs(conn, spec, situation)

    await world.restart(kind=Careless(world.service))
    await world.settle()
    await world.annotate(reconcile_requested_at="now")
    await world.change(**spec)
    assert refused[-1] is bool(spec)


async def test_a_paused_thing_says_what_would_be_done_and_goes_on_afterwards() -> None:
    world = await made()
    await world.annotate(paused="true")
    await world.change(size=4)
    assert world.service.writes == []
    assert await world.conditions() == {"Ready": "True Paused", "Synced": "False Paused"}
    assert "would do: Update size" in await world.message()
    await world.annotate(paused=None)
    assert world.service.writes == ["update"]
    assert await world.conditions() == WELL


async def test_a_paused_manifest_makes_nothing() -> None:
    world = World()
    await world.write("a", {"mlgate.dev/paused": "true"}, size=3)
    assert (world.service.writes, await world.held()) == ([], False)


# -- who leads, restarts, Secrets --------------------------------------------------------------------------------------


async def test_without_a_lease_for_long_enough_nothing_is_written_and_nothing_is_said() -> None:
    class Lost:
        def check(self, timeout: float) -> None:
            raise WriteRefused("not leader")

    world = await made()
    world.fence = Lost()
    await world.restart()
    before = (await world.status())["conditions"]
    await world.change(size=4)
    assert world.service.writes == []
    assert (await world.status())["conditions"] == before


async def test_after_a_restart_what_is_well_is_not_looked_at_at_once() -> None:
    world = World()
    for number in range(20):
        await world.write(f"t{number}", size=number)
    await world.pass_(1.0)
    world.service.log.clear()
    await world.restart()
    await world.settle()
    assert world.service.log == []
    half = 0
    for second in range(600):
        await world.pass_(1.0)
        half = len(world.service.log) if second == 300 else half
    assert len(world.service.log) == 20
    assert 4 <= half <= 16


async def test_after_a_restart_what_was_in_progress_is_looked_at_at_once() -> None:
    world = World()
    world.service.slow = True
    await world.write(size=3)
    world.service.log.clear()
    world.service.finish()
    await world.restart()
    await world.settle()
    assert world.service.log == ["get"]
    assert await world.conditions() == WELL


async def test_a_look_that_was_asked_for_while_nobody_ran_happens_at_once() -> None:
    world = await made()
    await world.restart()
    await world.annotate(reconcile_requested_at="now")
    assert world.service.log == ["get"]


async def test_the_secret_is_written_owned_and_restored() -> None:
    world = await made(secret="token")
    secret = await world.store.get(SECRETS, PLACE, "token")
    assert secret is not None
    assert base64.b64decode(secret["data"]["token"]) == b"token of t-1"
    assert secret["metadata"]["ownerReferences"][0]["uid"] == (await world.now())["metadata"]["uid"]
    await world.store.delete(SECRETS, PLACE, "token")
    await resync(world)
    assert await world.store.get(SECRETS, PLACE, "token") is not None


async def test_a_secret_that_somebody_changed_is_set_back() -> None:
    world = await made(secret="token")
    await world.store.patch(SECRETS, PLACE, "token", {"data": {"token": base64.b64encode(b"x").decode()}})
    await resync(world)
    secret = await world.store.get(SECRETS, PLACE, "token")
    assert secret is not None
    assert base64.b64decode(secret["data"]["token"]) == b"token of t-1"


async def test_no_secret_stands_in_status_or_events() -> None:
    world = await made(secret="token")
    await world.told()
    assert "token of" not in str(await world.now())


# -- dependencies ------------------------------------------------------------------------------------------------------


async def test_what_needs_another_waits_for_it_and_is_woken_by_it() -> None:
    world = World()
    await world.write("b", size=1, needs={"name": "a"})
    assert (await world.conditions("b"))["Synced"] == "False DependencyNotFound"
    assert world.service.writes == []
    world.service.slow = True
    await world.write("a", size=1)
    world.service.slow = False
    world.service.finish()
    await world.pass_(5.0)
    assert await world.conditions("b") == WELL
    assert world.service.writes == ["create", "create"]


async def test_a_lost_status_is_found_again_without_a_second_create() -> None:
    world = await made()
    await world.lose_status()
    await world.settle()
    assert await world.conditions() == WELL
    assert world.service.writes == []


async def test_a_bug_in_a_kind_is_told_and_tried_again() -> None:
    class Buggy(Thing):
        def health(self, wanted: Any, seen: Any) -> Any:
            raise KeyError("hunter2")

    world = await made()
    await world.restart(kind=Buggy(world.service))
    await world.settle()
    await world.annotate(reconcile_requested_at="now")
    assert (await world.conditions())["Synced"] == "False Unreachable"
    assert "hunter2" not in str(await world.status())
    world.engine.kinds["Thing"].health = lambda wanted, seen: Thing.health(world.kind, wanted, seen)  # type: ignore[attr-defined]
    await world.pass_(5.0)
    assert await world.conditions() == WELL


async def test_an_update_whose_answer_was_lost_is_looked_at_and_finished() -> None:
    world = await made(LateThing)
    world.service.fail = Once("update", "before", Retry("lost"))
    await world.change(size=4)
    await world.pass_(10.0)
    assert world.service.only()["size"] == 4
    assert await world.conditions() == WELL


async def test_the_objects_of_one_service_that_throttles_cost_one_request_per_wait() -> None:
    world = World()
    world.service.fail = lambda verb, when: Quota("slow down", gate="things", after=30.0)
    for number in range(10):
        await world.write(f"t{number}", size=number)
    assert len(world.service.log) == 1
    for _ in range(30):
        await world.pass_(1.0)
    assert len(world.service.log) == 2
    world.service.fail = lambda verb, when: None
    for _ in range(31):
        await world.pass_(1.0)
    assert len(world.service.there) == 10


async def test_when_the_object_that_would_try_again_is_deleted_another_does() -> None:
    world = World()
    world.service.fail = lambda verb, when: Quota("slow down", gate="things", after=30.0)
    await world.write("a", size=1)
    await world.write("b", size=1)
    world.service.fail = lambda verb, when: None
    await world.store.patch(RESOURCE, PLACE, "a", {"metadata": {"finalizers": None}})
    await world.delete("a")
    await world.until(lambda: bool(world.service.there), seconds=60.0)


async def test_who_comes_when_the_object_that_would_try_again_is_gone_already_tries_in_its_place() -> None:
    world = World()
    world.service.fail = lambda verb, when: Quota("slow down", gate="things", after=30.0)
    await world.write("a", size=1)
    await world.store.patch(RESOURCE, PLACE, "a", {"metadata": {"finalizers": None}})
    await world.delete("a")
    await world.write("b", size=1)
    world.service.fail = lambda verb, when: None
    await world.until(lambda: bool(world.service.there), seconds=60.0)


async def test_a_look_at_a_shut_gate_that_ends_before_the_gate_leaves_the_turn_to_another() -> None:
    """The object whose turn it is came to wait for something else in the meantime."""
    world = World()
    world.service.fail = lambda verb, when: Quota("slow down", gate="things", after=30.0)
    await world.write("a", size=1)
    await world.write("b", size=1)
    await world.change("a", needs={"name": "nobody"})
    world.service.fail = lambda verb, when: None
    await world.until(lambda: bool(world.service.there), seconds=60.0)


async def test_a_reference_that_was_corrected_wakes_the_object_by_its_new_target_and_no_more_by_the_old() -> None:
    world = World()
    await world.write("b", size=1, needs={"name": "wrong"})
    await world.change("b", needs={"name": "a"})
    await world.write("a", size=1)
    assert await world.conditions("b") == WELL
    assert [key.name for key in world.engine.cache.referrers(world.key("a"))] == ["b"]
    assert world.engine.cache.referrers(world.key("wrong")) == []


async def test_while_a_probe_is_on_its_way_the_others_do_not_spin() -> None:
    world = World()
    world.service.fail = lambda verb, when: Quota("slow down", gate="things", after=30.0)
    for name in ("a", "b", "c"):
        await world.write(name, size=1)
    world.time.pass_(40.0)
    first, _ = await world.engine.queue.get()
    assert world.engine._gates.enter("things", first) is None, "the first that comes is the probe, with no answer yet"
    world.engine.queue.done(first)
    world.looks.clear()
    await world.ring()
    while len(world.engine.queue):  # the first is still in hand, so the queue is never idle
        key, urgency = await world.engine.queue.get()
        world.looks.append(key.name)
        await world.engine.look(key, urgency)
        world.engine.queue.done(key)
    assert len(world.looks) == 2
