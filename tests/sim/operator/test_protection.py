"""What keeps a bad commit from emptying a tenant."""

from __future__ import annotations

from mlgate.engine import objects

from .manifests import auth0_secret, client, namespace, tenant
from .world import World

HOUR = 3600.0


async def left(world: World) -> int:
    return sum(c["name"].startswith("client-") for c in world.auth0.state.clients.values())


async def test_twenty_applications_deleted_at_once_go_five_an_hour_even_across_a_restart(world: World) -> None:
    names = [f"client-{number:02}" for number in range(20)]
    await world.apply(namespace("ml"), auth0_secret(), tenant(maxDeletesPerHour=5))
    await world.apply(client(name) for name in names)
    await world.ready(*(("Auth0Client", name) for name in names))
    for name in names:
        await world.delete(await world.get("Auth0Client", name))

    async def five_are_gone() -> bool:
        return await left(world) == 15

    await world.until(five_are_gone, "five of them are gone")
    await world.passes(60)
    assert await left(world) == 15
    waiting = [obj for name in names if (obj := await world.find("Auth0Client", name))]
    assert len(waiting) == 15
    for obj in waiting:
        told = (objects.condition(obj, "Synced") or {})["message"]
        assert "Auth0Tenant ml/main allows 5 deletes an hour (spec.maxDeletesPerHour)" in told

    await world.restart()
    await world.passes(HOUR / 2)
    assert await left(world) == 15
    await world.passes(HOUR / 2 + 60)  # the minute they were counted in is over
    assert await left(world) == 10

    await world.patch("Auth0Tenant", "main", {"spec": {"maxDeletesPerHour": 100}})
    await world.gone(*(("Auth0Client", name) for name in names))
    assert await left(world) == 0


async def test_a_tenant_says_which_scopes_the_objects_in_it_need(world: World) -> None:
    await world.apply(namespace("ml"), auth0_secret(), tenant(), client("shop"))
    await world.ready(("Auth0Client", "shop"))

    async def says() -> bool:
        status = (await world.get("Auth0Tenant", "main"))["status"]
        return "read:clients" in (status.get("neededScopes") or ())

    await world.until(says, "the scopes of clients")
    status = (await world.get("Auth0Tenant", "main"))["status"]
    assert {scope.partition(":")[2] for scope in status["neededScopes"]} <= {
        "clients",
        "client_credentials",
        "client_keys",
        "tenant_settings",
    }
    assert "missingScopes" not in status
    assert "create:users" in status["excessScopes"]


async def test_a_default_audience_can_be_taken_back(world: World) -> None:
    def sent() -> list[str]:
        written = world.auth0.requests.matching("PATCH", "/tenants/settings$")
        return [entry.body["default_audience"] for entry in written if "default_audience" in entry.body]

    await world.apply(namespace("ml"), auth0_secret(), tenant(settings={"defaultAudience": "https://fraud.example"}))
    await world.ready(("Auth0Tenant", "main"))
    await world.apply(tenant(settings={"defaultAudience": ""}))
    await world.until(lambda: sent() == ["https://fraud.example", ""], "no default")
    await world.ready(("Auth0Tenant", "main"))
    await world.passes(7200)
    assert len(sent()) == 2
