"""Client grants against the simulator: for the application itself and for its users, by a list and for everything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from mlgate.store.protocol import Object

from .manifests import api, client, ours, tenant_side
from .world import World, a_world

AUDIENCE = "https://orders.example.com"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as made:
        await made.apply(tenant_side())
        await made.apply(client("shop"), api("orders", AUDIENCE, permissions=[{"name": "read"}, {"name": "write"}]))
        await made.ready(("Auth0Client", "shop"), ("Auth0API", "orders"))
        yield made


def grant(name: str, /, **spec: Any) -> Object:
    refs = {"tenantRef": {"name": "main"}, "clientRef": {"name": "shop"}, "apiRef": {"name": "orders"}}
    return ours("Auth0ClientGrant", name, {**refs, **spec})


def held(world: World) -> list[dict[str, Any]]:
    told = ("subject_type", "scope", "allow_all_scopes", "organization_usage", "allow_any_organization")
    return [{n: g[n] for n in told if n in g} for g in made(world).values()]


def made(world: World) -> dict[str, dict[str, Any]]:
    return {id_: g for id_, g in world.auth0.state.client_grants.items() if g["audience"] == AUDIENCE}


def writes(world: World) -> list[tuple[str, Any]]:
    return [(w.method, w.body) for w in world.writes() if "/client-grants" in w.path]


async def by_hand(world: World, id_: str, body: Any) -> None:
    async with httpx.AsyncClient(base_url=world.auth0_url, trust_env=False) as http:
        headers = {"Authorization": f"Bearer {world.auth0.management_token()}"}
        assert (await http.patch(f"/api/v2/client-grants/{id_}", json=body, headers=headers)).status_code == 200


async def test_an_application_has_one_grant_for_itself_and_one_for_its_users(world: World) -> None:
    await world.apply(
        grant("itself", permissions=["read"]), grant("users", subjectType="user", permissions=["read", "write"])
    )
    await world.ready(("Auth0ClientGrant", "itself"), ("Auth0ClientGrant", "users"))
    assert sorted(held(world), key=str) == [
        {"subject_type": "client", "scope": ["read"]},
        {"subject_type": "user", "scope": ["read", "write"]},
    ]
    before = world.writes()
    await world.passes(1300.0)
    assert world.writes() == before


async def test_a_grant_of_users_whose_answer_was_lost_is_found_by_all_three_parts_of_its_key(world: World) -> None:
    await world.apply(grant("itself", permissions=["read"]))
    await world.ready(("Auth0ClientGrant", "itself"))
    world.auth0.faults.add(method="POST", path="/client-grants$", drop="after", times=1)
    await world.apply(grant("users", subjectType="user", permissions=["write"]))
    await world.ready(("Auth0ClientGrant", "users"))
    assert sorted(g["subject_type"] for g in held(world)) == ["client", "user"]


async def test_everything_is_granted_and_a_list_again(world: World) -> None:
    await world.apply(grant("all", allowAllScopes=True))
    await world.ready(("Auth0ClientGrant", "all"))
    assert held(world) == [{"subject_type": "client", "allow_all_scopes": True}]
    await world.apply(grant("all", permissions=[]))
    await world.until(lambda: held(world)[0].get("scope") == [], "a list, empty")
    await world.ready(("Auth0ClientGrant", "all"))
    assert writes(world)[1:] == [("PATCH", {"allow_all_scopes": False, "scope": []})]  # as recorded
    await world.apply(grant("all", allowAllScopes=True))
    await world.until(lambda: held(world)[0].get("allow_all_scopes") is True, "everything granted")
    await world.ready(("Auth0ClientGrant", "all"))
    assert writes(world)[2:] == [("PATCH", {"allow_all_scopes": True})]


async def test_everything_granted_by_hand_is_a_list_again(world: World) -> None:
    await world.apply(grant("some", permissions=["read"]))
    await world.ready(("Auth0ClientGrant", "some"))
    (id_,) = made(world)
    await by_hand(world, id_, {"allow_all_scopes": True})
    await world.passes(1300.0)
    assert held(world) == [{"subject_type": "client", "scope": ["read"], "allow_all_scopes": False}]


async def test_use_in_organizations_is_set_and_changed(world: World) -> None:
    await world.apply(grant("org", permissions=["read"], organizationUsage="allow", allowAnyOrganization=True))
    await world.ready(("Auth0ClientGrant", "org"))
    assert held(world)[0] | {"organization_usage": "allow", "allow_any_organization": True} == held(world)[0]
    await world.apply(grant("org", permissions=["read"], organizationUsage="require", allowAnyOrganization=False))
    await world.until(lambda: held(world)[0]["organization_usage"] == "require", "organizations required")
    assert writes(world)[1:] == [("PATCH", {"organization_usage": "require", "allow_any_organization": False})]
