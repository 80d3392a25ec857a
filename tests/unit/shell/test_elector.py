"""Candidates over the embedded store, on a clock of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from mlgate.engine.clock import Clock
from mlgate.errors import WriteRefused
from mlgate.shell.elector import Elector, LeaseFence, Role
from mlgate.shell.lease import Hold
from mlgate.store.memory import MemoryStore
from mlgate.store.protocol import LEASES, Object, Resource, Unavailable

NAMESPACE, NAME = "default", "mlgate"


@dataclass
class Time:
    now: float = 1000.0

    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now, wall=lambda: 1_700_000_000 + self.now)


class Flaky(MemoryStore):
    """Does not answer while `down`; `lost` lets a write happen and loses its answer."""

    down = False
    lost = False

    async def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        if self.down:
            raise Unavailable("the API server is down")
        return await super().get(resource, namespace, name)

    async def create(self, resource: Resource, obj: Object) -> Object:
        made = await super().create(resource, obj)
        if self.lost:
            raise Unavailable("the answer was lost")
        return made


@dataclass
class Candidate:
    elector: Elector
    hold: Hold
    fence: LeaseFence
    roles: list[Role] = field(default_factory=list)

    async def round(self) -> float:
        return await self.elector.round()

    def may_write(self, timeout: float = 10.0) -> bool:
        try:
            self.fence.check(timeout)
        except WriteRefused:
            return False
        return True


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def store() -> AsyncIterator[Flaky]:
    made = Flaky()
    yield made
    await made.close()


def candidate(store: MemoryStore, time: Time, identity: str) -> Candidate:
    hold, clock = Hold(), time.clock()
    roles: list[Role] = []
    elector = Elector(
        store, namespace=NAMESPACE, name=NAME, identity=identity, clock=clock, hold=hold, on_role=roles.append
    )
    return Candidate(elector, hold, LeaseFence(hold, clock), roles)


async def holder(store: MemoryStore) -> str:
    lease = await store.get(LEASES, NAMESPACE, NAME)
    assert lease is not None
    return str(lease["spec"]["holderIdentity"])


async def test_the_first_leads_and_the_second_stands_by(store: Flaky, time: Time) -> None:
    first, second = candidate(store, time, "first"), candidate(store, time, "second")
    await first.round()
    await second.round()
    assert (first.roles, second.roles) == ([Role.LEADING], [])
    assert first.may_write() and not second.may_write()
    assert await holder(store) == "first"


async def test_a_holder_that_renews_keeps_the_lease(store: Flaky, time: Time) -> None:
    first, second = candidate(store, time, "first"), candidate(store, time, "second")
    await first.round()
    for _ in range(60):
        time.now += 2.0
        await first.round()
        await second.round()
    assert await holder(store) == "first"
    assert first.may_write()


async def test_a_released_lease_is_handed_over_at_once(store: Flaky, time: Time) -> None:
    first, second = candidate(store, time, "first"), candidate(store, time, "second")
    await first.round()
    await second.round()
    await first.elector.release()
    assert not first.may_write()
    time.now += 2.0
    await second.round()
    assert second.roles == [Role.LEADING]
    assert second.may_write()
    lease = await store.get(LEASES, NAMESPACE, NAME)
    assert lease is not None and lease["spec"]["leaseTransitions"] == 1


async def test_who_takes_over_from_a_holder_that_vanished_waits_for_its_longest_request(
    store: Flaky, time: Time
) -> None:
    first, second = candidate(store, time, "first"), candidate(store, time, "second")
    await first.round()
    await second.round()
    last_write_of_the_first_ends = time.now + first.hold.timing.duration + first.hold.timing.longest_request
    while Role.LEADING not in second.roles:
        assert time.now >= last_write_of_the_first_ends or not second.may_write()
        time.now += await second.round()
    assert second.may_write()
    assert time.now >= last_write_of_the_first_ends
    assert second.roles == [Role.TAKING_OVER, Role.LEADING]
    assert not first.may_write()


async def test_the_old_holder_notices_that_it_was_replaced(store: Flaky, time: Time) -> None:
    first, second = candidate(store, time, "first"), candidate(store, time, "second")
    await first.round()
    await second.round()
    time.now += 15.0
    await second.round()
    await first.round()
    assert first.roles == [Role.LEADING, Role.LOST]


async def test_a_holder_that_cannot_renew_gives_up_after_its_deadline(store: Flaky, time: Time) -> None:
    first = candidate(store, time, "first")
    await first.round()
    store.down = True
    time.now += 9.0
    await first.round()
    assert first.roles == [Role.LEADING]
    assert first.elector.problem == "the API server is down"
    time.now += 1.0
    await first.round()
    assert first.roles == [Role.LEADING, Role.LOST]
    assert not first.may_write()


async def test_an_outage_shorter_than_the_deadline_changes_nothing(store: Flaky, time: Time) -> None:
    first = candidate(store, time, "first")
    await first.round()
    store.down = True
    time.now += 8.0
    await first.round()
    store.down = False
    time.now += 1.0
    await first.round()
    assert first.roles == [Role.LEADING]
    assert first.may_write()


async def test_two_who_see_the_same_free_lease_do_not_both_get_it(store: Flaky, time: Time) -> None:
    first, second, third = (candidate(store, time, name) for name in ("first", "second", "third"))
    await first.round()
    await second.round()
    await third.round()
    await first.elector.release()
    time.now += 2.0
    await second.round()
    await third.round()
    assert second.may_write() and not third.may_write()


async def test_a_lost_answer_to_the_first_write_is_found_again(store: Flaky, time: Time) -> None:
    first = candidate(store, time, "first")
    store.lost = True
    await first.round()
    assert not first.may_write()
    store.lost = False
    time.now += 2.0
    await first.round()
    assert first.roles == [Role.LEADING]


async def test_a_lease_that_somebody_deletes_is_not_held_any_more(store: Flaky, time: Time) -> None:
    first = candidate(store, time, "first")
    await first.round()
    await store.delete(LEASES, NAMESPACE, NAME)
    time.now += 2.0
    await first.round()
    assert first.roles == [Role.LEADING, Role.LOST]


async def test_someone_who_annotates_the_lease_does_not_end_the_holder(store: Flaky, time: Time) -> None:
    first = candidate(store, time, "first")
    await first.round()
    await store.patch(LEASES, NAMESPACE, NAME, {"metadata": {"annotations": {"note": "hello"}}})
    time.now += 2.0
    await first.round()
    time.now += 2.0
    await first.round()
    assert first.roles == [Role.LEADING]
    assert first.may_write()
