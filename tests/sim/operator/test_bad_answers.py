"""Every route of the simulated tenant misbehaves once while everything that knows Auth0 is carried out.

The routes are the simulator's own list, the objects those of `every_kind`.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from mlgate_sim.auth0.simulator import API, RESOURCES

from .every_kind import in_tenant, made_whole, whole_tenant
from .manifests import client
from .world import World, a_world

ROUTES = sorted(
    {
        (route.method, f"^{re.escape(API)}{re.sub(r'{[^/]+}', '[^/]+', route.path)}$")
        for resource in RESOURCES
        for route in resource.routes()
    }
)


@pytest.fixture
async def undisturbed() -> dict[str, Any]:
    if not CLEAN:
        async with a_world() as world:
            await made_whole(world)
            CLEAN.update(in_tenant(world))
    return CLEAN


CLEAN: dict[str, Any] = {}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"status": 500, "body": {"statusCode": 500, "message": "Internal error"}}, id="500"),
        pytest.param({"status": 502, "body": "<html>Bad Gateway", "applies": True}, id="502 after it took effect"),
        pytest.param({"status": 200, "body": '{"id": "x', "applies": True}, id="a truncated answer"),
        pytest.param({"status": 200, "body": "<html>Welcome</html>"}, id="an answer that is not JSON"),
        pytest.param({"status": 200, "applies": True}, id="an empty answer"),
        pytest.param({"status": 200, "body": [], "applies": True}, id="a list"),
        pytest.param({"status": 200, "body": "null", "applies": True}, id="null"),
        pytest.param({"drop": "after"}, id="a cut connection"),
        pytest.param({"status": 401, "body": {"statusCode": 401, "message": "Invalid token"}}, id="401 in mid-flight"),
        pytest.param({"status": 429, "body": {"message": "Too many requests"}}, id="429 without a word of when"),
    ],
)
async def test_every_route_fails_once_and_all_ends_the_same(fault: dict[str, Any], undisturbed: dict[str, Any]) -> None:
    async with a_world() as world:
        for method, path in ROUTES:
            world.auth0.faults.add(method=method, path=path, **fault)
        world.auth0.faults.add(method="GET", path="jwks", **fault)
        await made_whole(world)
        assert in_tenant(world) == undisturbed


@pytest.mark.parametrize("skew", [3600.0, -3600.0], ids=["an hour ahead", "an hour behind"])
async def test_a_service_whose_clock_is_off_makes_no_difference(skew: float, undisturbed: dict[str, Any]) -> None:
    async with a_world() as world:
        line = world.timeline
        world.auth0.clock = lambda: line.wall() + skew
        world.auth0.set_plan("essentials")
        await made_whole(world)
        assert in_tenant(world) == undisturbed
        assert not [e for e in world.auth0.requests if e.status == 401]


async def test_fifty_objects_share_one_token_until_shortly_before_it_expires(world: World) -> None:
    await world.apply(whole_tenant())
    await world.apply(client(f"client-{number}") for number in range(45))
    await world.ready(*(("Auth0Client", f"client-{number}") for number in range(45)), ("Auth0Action", "add-team-claim"))
    assert len(world.auth0.requests.matching("POST", "/oauth/token")) == 1
    world.timeline.push(86400 * 0.96)
    await world.settled()
    await world.until(lambda: len(world.auth0.requests.matching("POST", "/oauth/token")) == 2, "a second token")
    await world.settled()
    assert len(world.auth0.requests.matching("POST", "/oauth/token")) == 2
