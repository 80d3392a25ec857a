"""Who may send when, in a time of its own: no test here waits."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from mlgate.auth0 import Plan
from mlgate.auth0.budget import Budget
from mlgate.auth0.ratelimit import PRESETS, Limit
from mlgate.auth0.routes import Route, route_of
from mlgate.errors import Quota
from mlgate.outbound import Urgency
from unit.auth0.timeline import Timeline

READ = route_of("GET", "/api/v2/clients/x")
WRITE = route_of("POST", "/api/v2/clients")
ROLES = route_of("GET", "/api/v2/roles")


def budget(time: Timeline, plan: Plan, longest_wait: float = 1e9) -> Budget:
    return Budget(
        plan, longest_wait=longest_wait, clock=time.clock, wall=time.clock, sleep=time.sleep, random=lambda: 0.0
    )


class Service:
    """Auth0's own bucket, which sees requests later than they were sent."""

    def __init__(self, limit: Limit, time: Timeline) -> None:
        self.limit, self.time = limit, time
        self.tokens, self.at, self.refused, self.served = float(limit.burst), time.now, 0, 0

    def arrives(self) -> None:
        self.tokens = min(self.limit.burst, self.tokens + (self.time.now - self.at) * self.limit.rate)
        self.at = self.time.now
        if self.tokens < 1 - 1e-3:
            self.refused += 1
        else:
            self.tokens -= 1
            self.served += 1


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("plan", [Plan.FREE, Plan.ENTERPRISE])
async def test_a_tenant_that_nobody_else_uses_never_refuses_whatever_the_network_delays(plan: Plan, seed: int) -> None:
    time, dice = Timeline(), random.Random(seed)
    limit = PRESETS[plan].tenant
    assert limit
    service, shared = Service(limit, time), budget(time, plan)

    async def request() -> None:
        await time.sleep(dice.choice([0.0, dice.uniform(0, 60)]))
        async with shared.slot(READ, Urgency(dice.randrange(5)), tenant="t"):
            await time.sleep(dice.choice([0.001, dice.uniform(0, 2)]))
            service.arrives()
            await time.sleep(dice.choice([0.001, dice.uniform(0, 2)]))

    results = await time.run(*(request() for _ in range(200)))
    assert [r for r in results if r is not None] == []
    assert (service.refused, service.served) == (0, 200)


async def test_a_free_tenant_is_used_to_its_limit() -> None:
    time = Timeline()
    shared = budget(time, Plan.FREE)

    async def request() -> None:
        async with shared.slot(READ, Urgency.USER, tenant="t"):
            await time.sleep(0.05)

    began = time.now
    await time.run(*(request() for _ in range(102)))
    assert 50 <= time.now - began <= 51


async def ordered(time: Timeline, shared: Budget, wanted: list[tuple[str, Route, Urgency]]) -> list[str]:
    done: list[str] = []

    async def request(name: str, route: Route, urgency: Urgency) -> None:
        async with shared.slot(route, urgency, tenant="t"):
            done.append(name)

    await time.run(*(request(*each) for each in wanted))
    return done


async def test_classes_are_served_in_order_and_within_a_class_first_come_first_served() -> None:
    time = Timeline()
    wanted = [
        ("first burst", READ, Urgency.DRIFT),
        ("second burst", READ, Urgency.DRIFT),
        ("drift 1", READ, Urgency.DRIFT),
        ("drift 2", READ, Urgency.DRIFT),
        ("retry", READ, Urgency.RETRY),
        ("deletion", WRITE, Urgency.DELETION),
        ("user", WRITE, Urgency.USER),
    ]
    done = await ordered(time, budget(time, Plan.FREE), wanted)
    assert done == ["first burst", "second burst", "user", "deletion", "retry", "drift 1", "drift 2"]


async def test_a_less_urgent_request_passes_where_it_takes_nothing_from_a_more_urgent_one() -> None:
    time = Timeline()
    wanted = [(f"clients {n}", READ, Urgency.USER) for n in range(7)] + [("roles", ROLES, Urgency.DRIFT)]
    done = await ordered(time, budget(time, Plan.ESSENTIALS), wanted)
    assert done.index("roles") == 5  # five clients are the burst of that endpoint; roles draw from another bucket


async def test_nobody_waits_longer_than_agreed_and_who_is_sent_away_has_a_turn_of_its_own() -> None:
    time = Timeline()
    shared = budget(time, Plan.FREE, longest_wait=5.0)
    waited: list[float] = []

    async def request() -> None:
        began = time.now
        try:
            async with shared.slot(READ, Urgency.PROGRESS, tenant="Auth0Tenant ml/main"):
                pass
        finally:
            waited.append(time.now - began)

    results = await time.run(*(request() for _ in range(40)))
    refused = [r for r in results if isinstance(r, Quota)]
    assert max(waited) <= 5.0
    assert len(refused) == 40 - 12  # the burst of 2, and 2 a second for 5 seconds
    assert {q.gate for q in refused} == {""}  # nothing was asked, so nothing is shut for others
    assert sorted(q.after for q in refused) == pytest.approx([5.5 + n / 2 for n in range(28)])
    assert "Auth0Tenant ml/main" in refused[0].message


async def test_a_user_does_not_stand_behind_drift_checks_that_were_sent_away() -> None:
    time = Timeline()
    shared = budget(time, Plan.FREE, longest_wait=5.0)

    async def request(urgency: Urgency, after: float = 0.0) -> float:
        await time.sleep(after)
        began = time.now
        async with shared.slot(READ, urgency, tenant="t"):
            return time.now - began

    results = await time.run(*(request(Urgency.DRIFT) for _ in range(60)), request(Urgency.USER, 0.1))
    assert sum(isinstance(r, Quota) for r in results) >= 60 - 13
    assert results[-1] <= 0.5


async def test_what_runs_in_the_background_goes_only_where_there_is_enough() -> None:
    time = Timeline()
    shared = budget(time, Plan.FREE)

    async def request(urgency: Urgency) -> None:
        async with shared.slot(READ, urgency, tenant="t"):
            pass

    alone, second = await time.run(request(Urgency.BACKGROUND), request(Urgency.BACKGROUND))
    assert (alone, type(second)) == (None, Quota)  # one of the two is left for somebody who needs it


@pytest.mark.parametrize("plan", [Plan.ENTERPRISE, Plan.AUTO])
async def test_a_plan_told_wrongly_is_found_out_by_a_few_refusals(plan: Plan) -> None:
    """A Free tenant whose manifest says otherwise: refused a few times, then at most about once in half an hour."""
    time = Timeline()
    service, shared = Service(Limit(2, 2.0), time), budget(time, plan)
    refusals: list[float] = []

    async def worker() -> None:
        while time.now < 1000 + 2 * 3600:
            async with shared.slot(READ, Urgency.USER, tenant="t"):
                await time.sleep(0.1)
                before = service.refused
                service.arrives()
                refused = service.refused > before
                shared.saw(READ, 429 if refused else 200, {}, "Global limit has been reached" if refused else "")
            if refused:
                refusals.append(time.now)

    await time.run(*(worker() for _ in range(4)))
    assert len(refusals) <= 60
    assert sum(at > 1000 + 1800 for at in refusals) <= 30
    assert service.served >= 0.5 * 2 * 2 * 3600  # and no less is done than half of what the tenant takes


async def test_a_reset_time_in_the_past_is_not_believed_again_and_again() -> None:
    time = Timeline()
    shared = budget(time, Plan.AUTO)
    asked = 0

    async def worker() -> None:
        nonlocal asked
        while time.now < 1000 + 60:
            async with shared.slot(READ, Urgency.USER, tenant="t"):
                asked += 1
                past = {"x-ratelimit-limit": "5", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "10"}
                shared.saw(READ, 429, past, "Too many requests")

    await time.run(*(worker() for _ in range(4)))
    assert asked <= 12  # 1, 2, 4 ... seconds between them


async def test_a_global_refusal_holds_everything_and_an_endpoints_only_that_endpoint() -> None:
    time = Timeline()

    async def wait_of(route: Route, message: str) -> float:
        shared = budget(time, Plan.AUTO)
        async with shared.slot(READ, Urgency.USER, tenant="t"):
            assert shared.saw(READ, 429, {"retry-after": "30"}, message) == 30
        began = time.now
        async with shared.slot(route, Urgency.USER, tenant="t"):
            return time.now - began

    assert await time.run(wait_of(ROLES, "Global limit has been reached")) == [pytest.approx(30)]
    assert await time.run(wait_of(ROLES, "Too many requests")) == [0]
    assert await time.run(wait_of(READ, "Too many requests")) == [pytest.approx(30)]


async def test_without_a_preset_the_headers_alone_slow_down() -> None:
    time = Timeline()
    shared = budget(time, Plan.AUTO)
    left = iter([1, 0, 0])

    async def request() -> float:
        async with shared.slot(READ, Urgency.USER, tenant="t"):
            shared.saw(READ, 200, {"x-ratelimit-remaining": str(next(left)), "x-ratelimit-reset": str(time.now + 3)})
            return time.now

    async def three_in_a_row() -> list[float]:
        return [await request() for _ in range(3)]

    began = time.now
    assert await time.run(three_in_a_row()) == [[began, began, began + 3]]


async def test_a_request_that_is_given_up_leaves_the_queue() -> None:
    time = Timeline()
    shared = budget(time, Plan.FREE)

    async def request(then: Callable[[], None] = lambda: None) -> None:
        async with shared.slot(READ, Urgency.USER, tenant="t"):
            then()

    async def given_up() -> None:
        await request(lambda: (_ for _ in ()).throw(RuntimeError("given up")))

    results = await time.run(given_up(), request(), request())
    assert [type(r) for r in results] == [RuntimeError, type(None), type(None)]


async def test_a_changed_plan_counts_from_the_next_request() -> None:
    time = Timeline()
    shared = budget(time, Plan.FREE)
    shared.use(Plan.ENTERPRISE)
    began = time.now
    await ordered(time, shared, [(str(n), READ, Urgency.USER) for n in range(50)])
    assert time.now == began


def test_a_budget_tells_what_the_plan_allows_without_asking() -> None:
    shared = budget(Timeline(), Plan.FREE)
    assert [(each.bucket, each.limit, each.learned) for each in shared.allowed()] == [("tenant", Limit(2, 2.0), None)]
    shared.use(Plan.PROFESSIONAL)
    names = [each.bucket for each in shared.allowed()]
    assert names[0] == "others" and "read clients" in names and len(names) == len(set(names))
    shared.use(Plan.AUTO)
    assert shared.allowed() == []


async def test_a_budget_tells_what_a_refusal_taught() -> None:
    shared = budget(Timeline(), Plan.FREE)
    async with shared.slot(READ, Urgency.USER, tenant="t"):
        shared.saw(READ, 429, {}, "Global limit has been reached")
    assert [each.learned for each in shared.allowed() if each.bucket == "tenant"] == [1.0]
