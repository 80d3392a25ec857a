"""A tenant that still has Rules or Hooks says so in its status: rarely looked for, and only by whoever may."""

from __future__ import annotations

from typing import Any

from .manifests import auth0_secret, namespace, tenant
from .world import World

MINUTE, HOUR = 60.0, 3600.0


def may(world: World, *scopes: str) -> None:
    grant = next(g for g in world.auth0.state.client_grants.values() if g["client_id"] == "quickstart")
    grant["scope"] = [scope for scope in grant["scope"] if scope not in ("read:rules", "read:hooks")] + list(scopes)


def asked(world: World) -> list[str]:
    return [request.path for request in world.auth0.requests.matching("GET", "/(rules|hooks)$")]


async def warnings(world: World) -> list[str]:
    found: list[str] = (await world.get("Auth0Tenant", "main"))["status"].get("warnings", [])
    return found


async def begun(world: World, *scopes: str, rules: int) -> None:
    may(world, *scopes)
    for number in range(rules):
        rule: dict[str, Any] = {"id": f"rul_{number}", "name": f"rule {number}", "enabled": True, "order": number}
        world.auth0.state.rules[rule["id"]] = rule
    await world.apply(namespace("ml"), auth0_secret(), tenant())
    await world.ready(("Auth0Tenant", "main"))


async def test_rules_are_named_with_what_to_do_and_forgotten_when_they_are_gone(world: World) -> None:
    await begun(world, "read:rules", "read:hooks", rules=7)
    assert asked(world) == []
    await world.passes(12 * MINUTE)
    [told] = await warnings(world)
    assert told.startswith(
        "The tenant still has 7 of Auth0's Rules (rule 0, rule 1, rule 2, rule 3, rule 4 and 2 more)"
    )
    assert "Auth0MFAPolicy" in told
    assert len(asked(world)) == 2

    world.auth0.state.rules.clear()
    await world.passes(7 * HOUR)
    assert await warnings(world) == []
    assert len(asked(world)) == 4


async def test_whoever_may_not_read_them_is_told_nothing_and_asks_nothing(world: World) -> None:
    await begun(world, rules=1)
    await world.passes(HOUR)
    assert asked(world) == []
    assert await warnings(world) == []


async def test_a_refusal_is_no_trouble_of_the_tenants(world: World) -> None:
    await begun(world, "read:rules", "read:hooks", rules=1)
    world.auth0.faults.add(method="GET", path="/rules$", status=404, body={"message": "Not found"}, times=None)
    world.auth0.faults.add(method="GET", path="/hooks$", status=500, body={}, times=None)
    await world.passes(HOUR)
    assert await warnings(world) == []
    await world.ready(("Auth0Tenant", "main"))
    assert len(asked(world)) == 2
