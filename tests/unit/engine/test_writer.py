"""The only writer of status and finalizers (ENGINE rules 1 and 9): with a precondition, and not at all when nothing
changes. Runs against the embedded store."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate.api.meta import FINALIZER, RECONCILE_REQUESTED_AT
from mlgate.engine import objects
from mlgate.engine.verdict import Verdict
from mlgate.engine.writer import Writer, difference
from mlgate.reasons import Reason
from mlgate.store.memory import MemoryStore
from mlgate.store.protocol import Conflict, Object, merge_patch
from unit.engine.samples import ByHand
from unit.engine.thing import THING, a_store, manifest

RESOURCE = THING.resource


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        pytest.param({"a": 1}, {"a": 1}, {}, id="nothing for what is the same"),
        pytest.param({}, {"a": 1}, {"a": 1}, id="what is new is put"),
        pytest.param({"a": 1}, {}, {"a": None}, id="what is gone is null"),
        pytest.param({"a": 1, "b": 2}, {"a": 3, "b": 2}, {"a": 3}, id="only what differs is sent"),
        pytest.param(
            {"a": {"x": 1, "y": 2}}, {"a": {"x": 1, "y": 3}}, {"a": {"y": 3}}, id="only what differs inside an object"
        ),
        pytest.param(
            {"a": {"x": 1}}, {"a": {"z": 1}}, {"a": {"x": None, "z": 1}}, id="what is gone inside an object is null"
        ),
        pytest.param({"a": [1, 2]}, {"a": [2]}, {"a": [2]}, id="lists are sent whole"),
        pytest.param({"a": {"x": 1}}, {"a": 1}, {"a": 1}, id="an object that becomes a value is replaced"),
        pytest.param({"a": 1}, {"a": {"x": 1}}, {"a": {"x": 1}}, id="a value that becomes an object is replaced"),
    ],
)
def test_the_patch_between_two_states(before: dict[str, Any], after: dict[str, Any], patch: dict[str, Any]) -> None:
    assert difference(before, after) == patch
    assert merge_patch(before, patch) == after


class Bench:
    def __init__(self) -> None:
        self.time = ByHand()
        self.store: MemoryStore = a_store()
        self.written: list[Object] = []
        self.writer = Writer(self.store, self.time.clock(), self.written.append)

    async def an_object(self, **notes: str) -> Object:
        return await self.store.create(RESOURCE, manifest("a", annotations=notes))

    async def now(self) -> Object:
        found = await self.store.get(RESOURCE, "default", "a")
        assert found is not None
        return found


@pytest.fixture
def bench() -> Bench:
    return Bench()


WELL = Verdict(True, True, Reason.AVAILABLE, status={"externalId": "id-1"})


async def test_the_intent_to_create_is_stored_before_anything_is_created_and_only_once(bench: Bench) -> None:
    held = await bench.writer.hold(RESOURCE, await bench.an_object())
    assert objects.finalizers(await bench.now()) == [FINALIZER]
    again = await bench.writer.hold(RESOURCE, held)
    assert again is held
    assert len(bench.written) == 1


async def test_a_stale_view_stores_no_intent(bench: Bench) -> None:
    stale = await bench.an_object()
    await bench.store.patch(RESOURCE, "default", "a", {"spec": {"size": 7}})
    with pytest.raises(Conflict):
        await bench.writer.hold(RESOURCE, stale)
    assert objects.finalizers(await bench.now()) == []


async def test_finalizers_of_others_stay(bench: Bench) -> None:
    obj = await bench.an_object()
    obj = await bench.store.patch(RESOURCE, "default", "a", {"metadata": {"finalizers": ["others.dev/x"]}})
    obj = await bench.writer.hold(RESOURCE, obj)
    assert objects.finalizers(obj) == ["others.dev/x", FINALIZER]
    obj = await bench.writer.release(RESOURCE, obj)
    assert objects.finalizers(await bench.now()) == ["others.dev/x"]


async def test_letting_go_of_what_is_gone_already_is_fine(bench: Bench) -> None:
    obj = await bench.writer.hold(RESOURCE, await bench.an_object())
    await bench.store.patch(RESOURCE, "default", "a", {"metadata": {"finalizers": None}})
    await bench.store.delete(RESOURCE, "default", "a")
    assert await bench.writer.release(RESOURCE, obj) is obj


async def test_a_status_that_says_nothing_new_is_not_written(bench: Bench) -> None:
    obj = await bench.writer.status(RESOURCE, await bench.an_object(), WELL)
    bench.time.pass_(3600.0)
    assert await bench.writer.status(RESOURCE, obj, WELL) is obj
    assert (await bench.now())["metadata"]["resourceVersion"] == obj["metadata"]["resourceVersion"]
    assert len(bench.written) == 1


async def test_a_status_says_what_when_and_for_which_generation(bench: Bench) -> None:
    await bench.writer.status(RESOURCE, await bench.an_object(), WELL)
    status = (await bench.now())["status"]
    assert (status["externalId"], status["observedGeneration"]) == ("id-1", 1)
    assert status["lastSyncTime"] == bench.time.clock().timestamp()
    assert [c["type"] for c in status["conditions"]] == ["Ready", "Synced"]


async def test_a_request_to_look_is_answered_although_nothing_else_is_new(bench: Bench) -> None:
    obj = await bench.writer.status(RESOURCE, await bench.an_object(), WELL)
    obj = await bench.store.patch(
        RESOURCE, "default", "a", {"metadata": {"annotations": {RECONCILE_REQUESTED_AT: "now"}}}
    )
    await bench.writer.status(RESOURCE, obj, WELL)
    assert (await bench.now())["status"]["lastHandledReconcileAt"] == "now"


async def test_a_field_that_is_said_no_more_goes(bench: Bench) -> None:
    obj = await bench.writer.status(RESOURCE, await bench.an_object(), WELL)
    await bench.writer.status(RESOURCE, obj, Verdict(True, True, Reason.AVAILABLE, status={"externalId": None}))
    assert "externalId" not in (await bench.now())["status"]


async def test_a_status_survives_a_change_of_spec_meanwhile(bench: Bench) -> None:
    obj = await bench.an_object()
    await bench.store.patch(RESOURCE, "default", "a", {"spec": {"size": 7}})
    await bench.writer.status(RESOURCE, obj, WELL)
    status = (await bench.now())["status"]
    assert status["externalId"] == "id-1"
    assert status["observedGeneration"] == 1, "it was worked on before the change"


async def test_a_status_that_somebody_else_wrote_meanwhile_is_not_overwritten(bench: Bench) -> None:
    obj = await bench.an_object()
    await bench.store.patch_status(RESOURCE, "default", "a", {"status": {"externalId": "id-2"}})
    with pytest.raises(Conflict):
        await bench.writer.status(RESOURCE, obj, WELL)
    assert (await bench.now())["status"]["externalId"] == "id-2"


async def test_a_namesake_made_meanwhile_gets_no_status_of_the_old_one(bench: Bench) -> None:
    obj = await bench.an_object()
    await bench.store.delete(RESOURCE, "default", "a")
    await bench.an_object()
    await bench.writer.status(RESOURCE, obj, WELL)
    assert "status" not in await bench.now()


async def test_a_key_that_left_a_map_of_the_status_goes(bench: Bench) -> None:
    blue, green = ({"marks": {name: 100}} for name in ("blue", "green"))
    obj = await bench.writer.status(RESOURCE, await bench.an_object(), WELL.saying(blue))
    await bench.writer.status(RESOURCE, obj, WELL.saying(green))
    assert (await bench.now())["status"]["marks"] == {"green": 100}


async def test_the_memory_of_a_field_that_is_wished_no_more_goes(bench: Bench) -> None:
    obj = await bench.writer.status(
        RESOURCE, await bench.an_object(), WELL.saying({"managed": {"tags": ["a"], "b": ["x"]}})
    )
    await bench.writer.status(RESOURCE, obj, WELL.saying({"managed": {"b": ["x"]}}))
    assert (await bench.now())["status"]["managed"] == {"b": ["x"]}
