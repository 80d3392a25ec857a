"""A change made by hand is noticed by the tenant's log, within one look and not at the next drift check."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from .manifests import api, auth0_secret, client, namespace, ours, tenant
from .world import World

DAY = 24 * 3600.0


class Dashboard:
    """Somebody else at the tenant."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, method: str, path: str, body: Any = None) -> httpx.Response:
        sim = self._world.auth0
        bearer = sim.management_token(client_id="dashboard")
        async with httpx.AsyncClient(base_url=f"{sim.url}/api/v2", headers={"Authorization": f"Bearer {bearer}"}) as c:
            answer = await c.request(method, path, json=body)
        assert answer.status_code < 400, answer.text
        return answer


@pytest.fixture
async def followed(world: World) -> World:
    """A tenant that is followed, two clients and an API, all Ready; drift checks are a day away."""
    world.resync = DAY
    await world.restart()
    await world.apply(namespace("ml"), auth0_secret(), tenant(followLogs=True))
    await world.apply(client("shop"), client("desk"), api("fraud", "https://fraud.example.com"))
    await world.ready(("Auth0Client", "shop"), ("Auth0Client", "desk"), ("Auth0API", "fraud"), ("Auth0Tenant", "main"))
    await world.operator.follower.look()  # finds the end of the log
    return world


def asked(world: World, since: int) -> list[str]:
    return [f"{each.method} {each.path}" for each in list(world.auth0.requests)[since:]]


async def test_a_change_by_hand_is_set_back_after_one_look_and_only_its_object_is_asked_for(followed: World) -> None:
    world, by_hand = followed, Dashboard(followed)
    shop = (await world.get("Auth0Client", "shop"))["status"]["externalId"]
    await by_hand("PATCH", f"/clients/{shop}", {"name": "mine now"})
    since = len(world.auth0.requests)

    await world.operator.follower.look()
    await world.event("Auth0Client", "shop", "DriftCorrected")
    await world.settled()
    assert world.auth0.state.clients[shop]["name"] == "shop"
    assert asked(world, since) == ["GET /api/v2/logs", f"GET /api/v2/clients/{shop}", f"PATCH /api/v2/clients/{shop}"]


async def test_what_is_deleted_by_hand_is_made_again_after_one_look(followed: World) -> None:
    world, by_hand = followed, Dashboard(followed)
    shop = (await world.get("Auth0Client", "shop"))["status"]["externalId"]
    await by_hand("DELETE", f"/clients/{shop}")
    await world.operator.follower.look()
    await world.until(
        lambda: any(each["name"] == "shop" for each in world.auth0.state.clients.values()), "the client made again"
    )


async def test_an_api_changed_by_its_identifier_is_noticed_too(followed: World) -> None:
    world, by_hand = followed, Dashboard(followed)
    await by_hand("PATCH", "/resource-servers/https%3A%2F%2Ffraud.example.com", {"name": "mine now"})
    since = len(world.auth0.requests)
    await world.operator.follower.look()
    await world.settled()
    found = (await world.get("Auth0API", "fraud"))["status"]["externalId"]
    assert f"GET /api/v2/resource-servers/{found}" in asked(world, since)


async def test_our_own_changes_and_quiet_times_cost_one_request_and_wake_nobody(followed: World) -> None:
    world = followed
    await world.patch("Auth0Client", "shop", {"spec": {"description": "new"}})
    await world.until(
        lambda: any(each.get("description") == "new" for each in world.auth0.state.clients.values()), "the description"
    )
    await world.settled()
    for _ in range(3):
        since = len(world.auth0.requests)
        await world.operator.follower.look()
        await world.settled()
        assert asked(world, since) == ["GET /api/v2/logs"]


async def test_without_the_scope_the_tenant_says_so_and_is_not_asked_again(followed: World) -> None:
    world = followed
    grant = next(g for g in world.auth0.state.client_grants.values() if g["client_id"] == "quickstart")
    grant["scope"] = [scope for scope in grant["scope"] if not scope.startswith("read:logs")]
    await world.restart()  # a new token
    await world.patch("Auth0Tenant", "main", {"metadata": {"annotations": {"mlgate.dev/reconcile-requested-at": "x"}}})

    async def says_it() -> bool:
        return (await world.get("Auth0Tenant", "main"))["status"].get("missingScopes") == ["read:logs"]

    await world.until(says_it, "read:logs among the missing scopes")
    since = len(world.auth0.requests.matching("GET", "/logs$"))
    for _ in range(5):
        await world.operator.follower.look()
    assert len(world.auth0.requests.matching("GET", "/logs$")) - since == 1


async def test_a_tenant_that_does_not_ask_for_it_is_not_followed(world: World) -> None:
    await world.apply(namespace("ml"), auth0_secret(), tenant())
    await world.ready(("Auth0Tenant", "main"))
    await world.operator.follower.look()
    assert not world.auth0.requests.matching("GET", "/logs$")


async def test_a_role_taken_from_a_user_by_hand_is_given_again_after_one_look(followed: World) -> None:
    world, by_hand = followed, Dashboard(followed)
    role, user = "rol_clerk", "auth0|ada"
    world.auth0.state.roles[role] = {"id": role, "name": "Clerk"}
    world.auth0.state.users[user] = {"user_id": user, "email": "ada@example.com", "identities": []}
    spec = {"tenantRef": {"name": "main"}, "userRef": {"userId": user}, "roleRef": {"roleId": role}}
    await world.apply(ours("Auth0RoleAssignment", "ada", spec))
    await world.ready(("Auth0RoleAssignment", "ada"))
    await by_hand("DELETE", "/users/auth0%7Cada/roles", {"roles": [role]})
    await world.operator.follower.look()
    await world.until(lambda: world.auth0.state.role_users[role] == [user], "the role given again")
