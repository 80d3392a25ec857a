"""Every route of the simulated tenant misbehaves once while everything that knows Auth0 is carried out.

The routes are the simulator's own list. To cover a new kind, add an object to `manifests`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from mlgate.engine import objects
from mlgate.store.protocol import Object
from mlgate_sim.auth0.simulator import API, RESOURCES

from .manifests import api, auth0_secret, client, namespace, ours, tenant
from .world import World, a_world

ROUTES = sorted(
    {
        (route.method, f"^{re.escape(API)}{re.sub(r'{[^/]+}', '[^/]+', route.path)}$")
        for resource in RESOURCES
        for route in resource.routes()
    }
)


def manifests() -> list[Object]:
    reference = {"tenantRef": {"name": "main"}}
    permission = {"apiRef": {"name": "orders"}, "name": "read:orders"}
    return [
        api("orders", "https://orders.example.com", permissions=[{"name": "read:orders"}]),
        client("shop", callbacks=["https://shop.example.com/callback"]),
        ours(
            "Auth0ClientGrant",
            "shop-orders",
            {**reference, "clientRef": {"name": "shop"}, "apiRef": {"name": "orders"}, "permissions": ["read:orders"]},
        ),
        ours("Auth0Role", "clerk", {**reference, "description": "Orders", "permissions": [permission]}),
        ours("Auth0Action", "hello", {**reference, "trigger": {"id": "post-login"}, "code": "exports.x = 1;"}),
    ]


async def carry_out(world: World) -> None:
    await world.apply(namespace("ml"), auth0_secret(), tenant(), manifests())

    async def all_there() -> bool:
        return all(objects.is_ready(obj) for obj in await world.all())

    await world.until(all_there, "everything Ready")
    await world.settled()


def there(world: World) -> dict[str, Counter[str]]:
    """How many of each name there are in every collection of the tenant."""
    state = world.auth0.state
    kept = ("clients", "resource_servers", "roles", "actions")
    found = {kind: Counter(str(o.get("name")) for o in getattr(state, kind, {}).values()) for kind in kept}
    clients = {o["client_id"]: o["name"] for o in state.clients.values()}
    pairs = Counter(f"{clients[o['client_id']]} {o['audience']}" for o in state.client_grants.values())
    return {**found, "client_grants": pairs}


CLEAN: dict[str, Counter[str]] = {}


@pytest.fixture
async def undisturbed() -> dict[str, Counter[str]]:
    if not CLEAN:
        async with a_world() as world:
            await carry_out(world)
            CLEAN.update(there(world))
    return CLEAN


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"status": 500, "body": {"statusCode": 500, "message": "Internal error"}}, id="500"),
        pytest.param({"status": 502, "body": "<html>Bad Gateway", "applies": True}, id="502 after it took effect"),
        pytest.param({"status": 200, "body": '{"id": "x', "applies": True}, id="a truncated answer"),
        pytest.param({"status": 200, "body": "<html>Welcome</html>"}, id="an answer that is not JSON"),
        pytest.param({"drop": "after"}, id="a cut connection"),
        pytest.param({"status": 401, "body": {"statusCode": 401, "message": "Invalid token"}}, id="401 in mid-flight"),
        pytest.param({"status": 429, "body": {"message": "Too many requests"}}, id="429 without a word of when"),
    ],
)
async def test_every_route_fails_once_and_all_ends_the_same(
    fault: dict[str, Any], undisturbed: dict[str, Counter[str]]
) -> None:
    async with a_world() as world:
        for method, path in ROUTES:
            world.auth0.faults.add(method=method, path=path, **fault)
        world.auth0.faults.add(method="GET", path="jwks", **fault)
        await carry_out(world)
        assert there(world) == undisturbed


@pytest.mark.parametrize("skew", [3600.0, -3600.0], ids=["an hour ahead", "an hour behind"])
async def test_a_service_whose_clock_is_off_makes_no_difference(
    skew: float, undisturbed: dict[str, Counter[str]]
) -> None:
    async with a_world() as world:
        line = world.timeline
        world.auth0.clock = lambda: line.wall() + skew
        world.auth0.set_plan("essentials")
        await carry_out(world)
        assert there(world) == undisturbed
        assert not [e for e in world.auth0.requests if e.status == 401]


async def test_fifty_objects_share_one_token_until_shortly_before_it_expires(world: World) -> None:
    await world.apply(namespace("ml"), auth0_secret(), tenant(), manifests())
    await world.apply(client(f"client-{number}") for number in range(45))
    await world.ready(*(("Auth0Client", f"client-{number}") for number in range(45)), ("Auth0Action", "hello"))
    assert len(world.auth0.requests.matching("POST", "/oauth/token")) == 1
    world.timeline.push(86400 * 0.96)
    await world.settled()
    await world.until(lambda: len(world.auth0.requests.matching("POST", "/oauth/token")) == 2, "a second token")
    await world.settled()
    assert len(world.auth0.requests.matching("POST", "/oauth/token")) == 2
