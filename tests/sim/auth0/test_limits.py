"""Plans: how many requests and how many objects, with the clock in the test's hand."""

from __future__ import annotations

import httpx
import pytest

from mlgate_sim.auth0 import Auth0Simulator
from mlgate_sim.auth0.plans import Bucket, Limit, Plan
from sim.auth0.conftest import Caller

START = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


async def test_the_free_plan_gives_two_requests_a_second_and_does_not_say_so_in_headers() -> None:
    clock = Clock()
    auth0 = Auth0Simulator(plan="free", clock=clock)
    async with auth0, httpx.AsyncClient(base_url=auth0.url) as http:
        call = Caller(auth0, http)
        answers = [await call("GET", "/roles") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2].json() == {
            "statusCode": 429,
            "error": "Too Many Requests",
            "message": "Global limit has been reached",
            "errorCode": "too_many_requests",
        }
        assert not any(name.startswith("x-ratelimit") for name in answers[2].headers)
        clock.now += 0.5
        assert (await call("GET", "/roles")).status_code == 200
        assert (await call("GET", "/roles")).status_code == 429


async def test_reading_clients_has_a_bucket_of_its_own_that_shows_in_headers() -> None:
    auth0 = Auth0Simulator(plan="essentials", clock=Clock())
    async with auth0, httpx.AsyncClient(base_url=auth0.url) as http:
        call = Caller(auth0, http)
        answers = [await call("GET", "/clients") for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert answers[0].headers["x-ratelimit-limit"] == "5"
        assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0"]
        assert int(answers[5].headers["x-ratelimit-reset"]) > START
        assert (await call("GET", "/roles")).headers["x-ratelimit-limit"] == "10"


async def test_a_plan_can_be_changed_while_a_test_runs(auth0: Auth0Simulator, call: Caller) -> None:
    auth0.set_plan(Plan(other=Limit(1, 0.001)))
    assert [(await call("GET", "/roles")).status_code for _ in range(2)] == [200, 429]
    auth0.set_plan("none")
    assert (await call("GET", "/roles")).status_code == 200


async def test_the_eleventh_application_of_the_free_plan_is_one_too_many() -> None:
    auth0 = Auth0Simulator(plan="none")
    async with auth0, httpx.AsyncClient(base_url=auth0.url) as http:
        call = Caller(auth0, http)
        auth0.set_plan(Plan(entities={"clients": 10}))
        made = [await call("POST", "/clients", {"name": "x"}) for _ in range(10)]  # the operator's own is the first
        assert [answer.status_code for answer in made] == [201] * 9 + [403]
        assert made[-1].json()["message"] == "You reached the limit of entities of this type for this tenant."


@pytest.mark.parametrize(
    ("waits", "admitted"),
    [
        pytest.param([0, 0, 0], [True, True, False], id="a full bucket gives its burst and no more"),
        pytest.param([0, 0, 1], [True, True, True], id="a second refills what a second refills"),
        pytest.param([0, 0, 0.4], [True, True, False], id="less than one token is none"),
        pytest.param([0, 100, 0, 0], [True, True, True, False], id="a bucket never holds more than its burst"),
    ],
)
def test_a_bucket(waits: list[float], admitted: list[bool]) -> None:
    bucket, now, seen = Bucket(Limit(burst=2, per_second=1)), START, []
    for wait in waits:
        now += wait
        seen.append(bucket.take(now))
    assert seen == admitted
