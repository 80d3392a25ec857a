"""A change made by hand is noticed by the tenant's log, within one look and not at the next drift check."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mlgate.kinds.auth0.log_follower import LogFollower

from .every_kind import made_whole
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


async def test_what_belongs_to_nobody_alone_is_noticed_too(world: World) -> None:
    """Factors, the tenant's own prompt, its settings and the order at a trigger: no object has their ids."""
    by_hand, state = Dashboard(world), world.auth0.state
    world.resync = DAY
    await world.restart()
    await made_whole(world)
    await world.patch("Auth0Tenant", "main", {"spec": {"followLogs": True}})
    await look(world)  # finds the end of the log

    await by_hand("PUT", "/guardian/factors/otp", {"enabled": False})
    await look(world)
    await world.until(lambda: state.guardian["factors"]["otp"] is True, "the factor on again")

    await by_hand("PUT", "/guardian/policies", ["all-applications"])
    await look(world)
    await world.until(lambda: state.guardian["policies"] == [], "the tenant's own prompt as it was")

    await by_hand("PATCH", "/tenants/settings", {"customize_mfa_in_postlogin_action": False})
    await look(world)
    await world.until(lambda: state.settings["customize_mfa_in_postlogin_action"] is True, "the setting as it was")

    await by_hand("PATCH", "/actions/triggers/post-login/bindings", {"bindings": []})
    await look(world)
    await world.until(lambda: len(state.action_bindings["post-login"]) == 2, "both Actions bound again")

    action = (await world.get("Auth0Action", "add-team-claim"))["status"]["externalId"]
    await by_hand("PATCH", f"/actions/actions/{action}", {"code": "// mine now"})
    await look(world)
    await world.until(lambda: "team" in state.actions[action]["code"], "our code again")
    assert world.timeline.ahead < DAY / 2, "no drift check helped"


async def test_every_kind_with_an_id_of_its_own_is_noticed(world: World) -> None:
    by_hand, state = Dashboard(world), world.auth0.state
    world.resync = DAY
    await world.restart()
    await made_whole(world)
    await world.patch("Auth0Tenant", "main", {"spec": {"followLogs": True}})
    await look(world)
    user, connection, organization = [
        (await world.get(kind, name))["status"]["externalId"]
        for kind, name in (("Auth0User", "ada"), ("Auth0Connection", "orders-users"), ("Auth0Organization", "acme"))
    ]
    await by_hand("PATCH", f"/users/{user.replace('|', '%7C')}", {"nickname": "by hand"})
    await by_hand("PATCH", f"/connections/{connection}", {"display_name": "By hand"})
    await by_hand("DELETE", f"/organizations/{organization}/members", {"members": [user]})
    await look(world)
    await world.until(lambda: state.users[user]["nickname"] == "ada", "the nickname as it was")
    await world.until(lambda: state.connections[connection]["display_name"] == "Orders", "the display name as it was")
    await world.until(lambda: user in state.organization_members[organization], "a member again")
    assert world.timeline.ahead < DAY / 2, "no drift check helped"


async def test_it_looks_by_itself_every_few_seconds(followed: World) -> None:
    world, by_hand = followed, Dashboard(followed)
    follower = LogFollower(world.operator.engine, world.operator.sessions, every=0.05)
    follower.start()
    try:
        fraud = (await world.get("Auth0API", "fraud"))["status"]["externalId"]
        await by_hand("PATCH", f"/resource-servers/{fraud}", {"name": "mine now"})
        await world.event("Auth0API", "fraud", "DriftCorrected")
    finally:
        await follower.stop()


async def look(world: World) -> None:
    """A look that the budget has room for: it is wanted for everything else first."""
    await world.passes(30.0)
    await world.operator.follower.look()
