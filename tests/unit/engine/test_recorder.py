"""Events: told once, counted when they repeat, bounded, and never in the way of the work. The store here does what the
API server does with Events, expiry included."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from mlgate.engine.recorder import BACKLOG, REMEMBERED, REPEAT_AFTER, Recorder
from mlgate.engine.verdict import Notice
from mlgate.reasons import Reason
from mlgate.store.protocol import AlreadyExists, NotFound, Object, Resource, Store, Unavailable
from unit.engine.samples import ByHand, an_object


class Events:
    """Create and patch, as the recorder needs them."""

    def __init__(self) -> None:
        self.there: dict[str, Object] = {}
        self.writes = 0
        self.down = False

    async def create(self, resource: Resource, obj: Object) -> Object:
        self._written()
        name = obj["metadata"]["name"]
        if name in self.there:
            raise AlreadyExists(name)
        self.there[name] = obj
        return obj

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        self._written()
        if name not in self.there:
            raise NotFound(name)
        self.there[name] = {**self.there[name], **patch}
        return self.there[name]

    def _written(self) -> None:
        self.writes += 1
        if self.down:
            raise Unavailable("down")


class Bench:
    def __init__(self) -> None:
        self.time = ByHand()
        self.events = Events()
        self.recorder = self.another()

    def another(self) -> Recorder:
        return Recorder(cast(Store, self.events), self.time.clock(), instance="mlgate-0")

    async def tell(self, *notices: Notice, obj: Object | None = None) -> list[Object]:
        for notice in notices:
            self.recorder.record(obj or an_object(), notice)
        self.recorder.start()
        await self.recorder.stop()
        return list(self.events.there.values())


@pytest.fixture
def bench() -> Bench:
    return Bench()


CREATED = Notice(Reason.CREATED, "Made id-1 outside.")
REJECTED = Notice(Reason.CREDENTIALS_REJECTED, "Auth0 refused.", warning=True)


async def test_an_event_says_about_what_when_why_and_how_bad(bench: Bench) -> None:
    [event] = await bench.tell(REJECTED)
    told = {
        name: event[name] for name in ("reason", "message", "type", "count", "reportingComponent", "reportingInstance")
    }
    assert told == {
        "reason": "CredentialsRejected",
        "message": "Auth0 refused.",
        "type": "Warning",
        "count": 1,
        "reportingComponent": "mlgate",
        "reportingInstance": "mlgate-0",
    }
    assert event["involvedObject"]["uid"] == "uid-Thing-ml-a"
    assert (event["involvedObject"]["kind"], event["metadata"]["namespace"]) == ("Thing", "ml")
    assert event["firstTimestamp"] == event["lastTimestamp"] == bench.time.clock().timestamp()


async def test_the_same_thing_said_again_at_once_is_said_once(bench: Bench) -> None:
    [event] = await bench.tell(CREATED, CREATED, CREATED)
    assert (event["count"], bench.events.writes) == (1, 1)


async def test_the_same_thing_said_again_later_is_counted_with_what_was_kept_back(bench: Bench) -> None:
    await bench.tell(REJECTED, REJECTED)
    bench.time.pass_(REPEAT_AFTER)
    [event] = await bench.tell(REJECTED)
    assert event["count"] == 3
    assert event["lastTimestamp"] == bench.time.clock().timestamp() != event["firstTimestamp"]


async def test_something_that_goes_on_is_counted_up_once_per_ten_minutes(bench: Bench) -> None:
    for _ in range(30):
        await bench.tell(REJECTED)
        bench.time.pass_(60.0)
    assert bench.events.writes == 3


async def test_other_words_another_reason_and_another_object_are_other_events(bench: Bench) -> None:
    await bench.tell(CREATED, Notice(Reason.CREATED, "Made id-2 outside."), Notice(Reason.UPDATED, CREATED.message))
    assert len(await bench.tell(CREATED, obj=an_object(name="b"))) == 4


async def test_after_a_restart_an_event_that_is_there_is_continued(bench: Bench) -> None:
    await bench.tell(CREATED)
    bench.recorder = bench.another()
    assert len(await bench.tell(CREATED)) == 1


async def test_an_event_that_expired_is_written_anew(bench: Bench) -> None:
    await bench.tell(REJECTED)
    bench.events.there.clear()
    bench.time.pass_(2 * 3600.0)
    assert len(await bench.tell(REJECTED)) == 1


async def test_a_store_that_is_down_loses_events_and_nothing_else(bench: Bench) -> None:
    bench.events.down = True
    await bench.tell(CREATED)
    bench.events.down = False
    assert len(await bench.tell(REJECTED)) == 1


async def test_what_is_kept_in_memory_is_bounded(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("CRITICAL"):
        for number in range(REMEMBERED + BACKLOG):
            bench.recorder.record(an_object(), Notice(Reason.UPDATED, f"m{number}"))
    private = cast(Any, bench.recorder)
    assert len(private._last) == REMEMBERED
    assert private._queue.qsize() == BACKLOG


async def test_a_long_message_is_cut(bench: Bench) -> None:
    [event] = await bench.tell(Notice(Reason.UPDATED, "x" * 5000))
    assert len(event["message"]) == 1024


async def test_the_name_of_an_event_of_a_long_name_is_valid(bench: Bench) -> None:
    [event] = await bench.tell(CREATED, obj=an_object(name="x" * 253))
    assert len(event["metadata"]["name"]) <= 253


async def test_ending_waits_for_what_is_queued_but_not_for_ever(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    hanging = asyncio.Event()

    async def hang(resource: Resource, obj: Object) -> Object:
        await hanging.wait()
        return obj

    bench.events.create = hang  # type: ignore[method-assign]
    bench.recorder.record(an_object(), CREATED)
    bench.recorder.start()
    await bench.recorder.stop(patience=0.0)
    assert "Events were not written" in caplog.text
