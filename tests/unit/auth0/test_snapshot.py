"""When a listing is evidence and when it is not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mlgate.snapshot import Snapshot


class Service:
    """A collection whose listings can be held back."""

    def __init__(self, *ids: str) -> None:
        self.objects: dict[str, dict[str, Any]] = {each: {"id": each, "value": 1} for each in ids}
        self.listings = 0
        self.go = asyncio.Event()
        self.go.set()
        self.now = 0.0

    async def list_all(self) -> list[dict[str, Any]]:
        self.listings += 1
        seen = [dict(each) for each in self.objects.values()]
        await self.go.wait()
        return seen


@pytest.fixture
def service() -> Service:
    return Service("a", "b")


@pytest.fixture
def snapshot(service: Service) -> Snapshot:
    return Snapshot(service.list_all, key="id", page_size=100, max_age=60, clock=lambda: service.now)


async def test_one_listing_serves_everybody_for_its_time(service: Service, snapshot: Snapshot) -> None:
    found = await asyncio.gather(*(snapshot.get(each) for each in "ab" * 50))
    assert all(found)
    assert service.listings == 1
    service.now = 59.9
    assert await snapshot.get("a")
    assert service.listings == 1
    service.now = 60
    assert await snapshot.get("a")
    assert service.listings == 2


async def test_what_a_listing_does_not_hold_is_not_absent_but_unknown(service: Service, snapshot: Snapshot) -> None:
    assert await snapshot.get("c") is None
    assert await snapshot.get("c") is None
    assert service.listings == 1


async def test_what_was_read_before_our_write_is_no_evidence(service: Service, snapshot: Snapshot) -> None:
    await snapshot.get("a")
    with snapshot.writing("a"):
        assert await snapshot.get("a") is None
    assert await snapshot.get("a") is None
    assert await snapshot.get("b")  # others are not concerned


async def test_a_failed_write_may_have_happened(service: Service, snapshot: Snapshot) -> None:
    await snapshot.get("a")
    with pytest.raises(RuntimeError), snapshot.writing("a"):
        raise RuntimeError
    assert await snapshot.get("a") is None


async def test_a_listing_under_way_during_our_write_is_no_evidence(service: Service, snapshot: Snapshot) -> None:
    service.go.clear()
    reading = asyncio.create_task(snapshot.get("a"))
    while not service.listings:
        await asyncio.sleep(0)
    with snapshot.writing("a"):
        service.objects["a"]["value"] = 2
    service.go.set()
    assert await reading is None
    service.now = 60
    found = await snapshot.get("a")
    assert found
    assert found["value"] == 2


async def test_a_single_read_after_our_write_is_evidence_again(service: Service, snapshot: Snapshot) -> None:
    await snapshot.get("a")
    snapshot.wrote("a")
    snapshot.read("a", {"id": "a", "value": 3}, snapshot.begin_read())
    assert await snapshot.get("a") == {"id": "a", "value": 3}


async def test_a_single_read_begun_before_our_write_is_not(snapshot: Snapshot) -> None:
    await snapshot.get("a")
    begun = snapshot.begin_read()
    snapshot.wrote("a")
    snapshot.read("a", {"id": "a", "value": 1}, begun)
    assert await snapshot.get("a") is None


async def test_an_older_read_does_not_replace_a_newer_one(snapshot: Snapshot) -> None:
    first, second = snapshot.begin_read(), snapshot.begin_read()
    snapshot.read("a", {"id": "a", "value": 2}, second)
    snapshot.read("a", {"id": "a", "value": 1}, first)
    assert await snapshot.get("a") == {"id": "a", "value": 2}


async def test_what_is_handed_out_can_be_changed_without_harm(snapshot: Snapshot) -> None:
    first = await snapshot.get("a")
    assert first
    first["value"] = 99
    assert await snapshot.get("a") == {"id": "a", "value": 1}


async def test_a_fresh_listing_began_after_it_was_asked_for(service: Service, snapshot: Snapshot) -> None:
    service.go.clear()
    drift = asyncio.create_task(snapshot.get("a"))
    while not service.listings:
        await asyncio.sleep(0)
    service.objects["c"] = {"id": "c"}  # too late for the listing under way
    fresh = [asyncio.create_task(snapshot.fresh()) for _ in range(5)]
    await asyncio.sleep(0)
    service.go.set()
    assert [len(each) for each in await asyncio.gather(*fresh)] == [3] * 5
    assert await drift
    assert service.listings == 2  # the five share one


async def test_few_of_our_objects_among_thousands_are_read_one_by_one() -> None:
    service = Service(*(f"id{n}" for n in range(1000)))
    snapshot = Snapshot(service.list_all, key="id", page_size=100, max_age=60, clock=lambda: service.now)
    assert await snapshot.get("id1")
    service.now = 60
    assert await snapshot.get("id1") is None  # 10 requests for one answer: ask the service instead
    assert service.listings == 1


async def test_a_listing_that_fails_tells_everybody_and_the_next_one_tries_again(
    service: Service, snapshot: Snapshot
) -> None:
    whole = service.list_all
    snapshot._list_all = _fail
    caught = await asyncio.gather(snapshot.get("a"), snapshot.get("b"), return_exceptions=True)
    assert [type(each) for each in caught] == [ConnectionError] * 2
    snapshot._list_all = whole
    assert await snapshot.get("a")


async def _fail() -> list[dict[str, Any]]:
    raise ConnectionError


async def test_ids_are_told_apart_as_the_service_does() -> None:
    service = Service("/Subscriptions/S/x")
    folded = Snapshot(service.list_all, key="id", page_size=100, max_age=60, clock=lambda: service.now, fold=str.lower)
    assert await folded.get("/subscriptions/s/X")
    with folded.writing("/SUBSCRIPTIONS/S/x"):
        assert await folded.get("/subscriptions/s/x") is None
