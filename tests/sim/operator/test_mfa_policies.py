"""An MFA policy against the simulator: the factors on, the generated Action in force, and what stays when it goes."""

from __future__ import annotations

from typing import Any

from mlgate.engine import objects
from mlgate.store.protocol import Object

from .manifests import ours, tenant_side
from .world import World

HOUR = 3600.0


def policy(name: str = "admins", /, **spec: Any) -> Object:
    said = {"tenantRef": {"name": "main"}, "roles": [{"name": "admin"}], "factors": ["otp", "phone"], **spec}
    return ours("Auth0MFAPolicy", name, {key: value for key, value in said.items() if value is not None})


def writes(world: World) -> list[str]:
    return [
        f"{asked.method} {asked.path.removeprefix('/api/v2')}"
        for asked in world.auth0.requests
        if asked.method != "GET" and ("/actions/" in asked.path or "/guardian/" in asked.path)
    ]


def on(world: World) -> set[str]:
    return {name for name, enabled in world.auth0.state.guardian.get("factors", {}).items() if enabled}


def running(world: World) -> list[str]:
    """The code of what runs after a login, in order."""
    bindings = world.auth0.state.action_bindings.get("post-login", [])
    return [world.auth0.state.actions[binding["action_id"]]["deployed_version"]["code"] for binding in bindings]


async def test_a_policy_switches_its_factors_on_and_its_action_runs_at_each_login(world: World) -> None:
    await world.apply(tenant_side())
    await world.apply(policy(tenantPrompt="Never"))
    world.auth0.state.guardian["policies"] = ["all-applications"]
    await world.ready(("Auth0MFAPolicy", "admins"))
    assert on(world) == {"otp", "sms"}
    assert world.auth0.state.guardian["policies"] == []
    assert world.auth0.state.settings["customize_mfa_in_postlogin_action"] is True
    (code,) = running(world)
    assert '"admin"' in code
    status = objects.status(await world.get("Auth0MFAPolicy", "admins"))
    assert (status["deployedVersion"], status["roles"]) == (1, ["admin"])

    asked = len(writes(world))
    await world.passes(HOUR)
    assert len(writes(world)) == asked, "nothing changed, so nothing is written"


async def test_the_tenants_own_prompt_is_left_alone_where_the_policy_does_not_mention_it(world: World) -> None:
    await world.apply(tenant_side())
    await world.ready(("Auth0Tenant", "main"))
    world.auth0.state.guardian["policies"] = ["all-applications"]
    await world.apply(policy())
    await world.ready(("Auth0MFAPolicy", "admins"))
    await world.passes(HOUR)
    assert world.auth0.state.guardian["policies"] == ["all-applications"]
    assert not world.auth0.requests.matching("GET", "/guardian/policies"), "what nobody manages is not read"


async def test_a_factor_switched_off_by_hand_comes_back(world: World) -> None:
    await world.apply(tenant_side())
    await world.apply(policy())
    await world.ready(("Auth0MFAPolicy", "admins"))
    world.auth0.state.guardian["factors"]["otp"] = False
    await world.until(lambda: "otp" in on(world), "otp on again")
    await world.ready(("Auth0MFAPolicy", "admins"))


async def test_another_role_is_one_patch_and_one_deploy(world: World) -> None:
    await world.apply(tenant_side())
    role = ours("Auth0Role", "ops", {"tenantRef": {"name": "main"}, "name": "Operations"})
    await world.apply(role, policy())
    await world.ready(("Auth0MFAPolicy", "admins"), ("Auth0Role", "ops"))
    before = len(writes(world))
    await world.apply(policy(roles=[{"name": "admin"}, {"roleRef": {"name": "ops"}}]))
    await world.until(lambda: '"Operations"' in running(world)[0], "the new role in what runs")
    await world.ready(("Auth0MFAPolicy", "admins"))
    assert [row.split(" ")[0] for row in writes(world)[before:]] == ["PATCH", "POST"]


async def test_when_the_policy_goes_its_action_goes_and_the_factors_stay_for_others(world: World) -> None:
    await world.apply(tenant_side())
    await world.apply(policy(), policy("everybody", mode="Always", roles=None, factors=["otp"]))
    await world.ready(("Auth0MFAPolicy", "admins"), ("Auth0MFAPolicy", "everybody"))
    assert len(running(world)) == 2
    await world.delete(policy())
    await world.gone(("Auth0MFAPolicy", "admins"), ("Auth0Action", "admins"), ("Auth0MFAFactorSet", "admins"))
    await world.until(lambda: len(running(world)) == 1, "one Action left")
    assert on(world) == {"otp", "sms"}
    await world.ready(("Auth0MFAPolicy", "everybody"))


async def test_a_role_that_is_missing_is_named_and_nothing_is_made(world: World) -> None:
    await world.apply(tenant_side())
    await world.apply(policy(roles=[{"roleRef": {"name": "ops"}}]))
    await world.says("Auth0MFAPolicy", "admins", "DependencyNotFound", "Auth0Role ml/ops does not exist", "Create it")
    assert writes(world) == []
