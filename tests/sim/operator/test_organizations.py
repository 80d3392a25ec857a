"""An organization's whole life against the simulator: made once with all that hangs below it, changed by deltas in
batches of ten, what others added left alone, what could not be done now done later, and deleted by one request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from mlgate.engine import objects
from mlgate.store.protocol import Object

from .manifests import client, ours, tenant_side
from .world import World, a_world

HOUR = 3600.0
PEOPLE = [f"auth0|{number:024x}" for number in range(25)]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as made:
        await made.apply(tenant_side())
        await made.ready(("Auth0Tenant", "main"))
        state = made.auth0.state
        for user_id in PEOPLE:
            state.users[user_id] = {"user_id": user_id, "email": f"{user_id[6:]}@acme.example.com", "identities": []}
        for number, strategy in enumerate(("auth0", "okta")):
            made_id = f"con_{number:016d}"
            state.connections[made_id] = {"id": made_id, "name": f"c{number}", "strategy": strategy, "options": {}}
        for role in ("rol_reader", "rol_writer"):
            state.roles[role] = {"id": role, "name": role, "type": "tenant"}
        yield made


DATABASE, ENTERPRISE = "con_0000000000000000", "con_0000000000000001"


def organization(name: str = "acme", /, **spec: Any) -> Object:
    return ours("Auth0Organization", name, {"tenantRef": {"name": "main"}, **spec})


def member(user_id: str, *roles: str) -> Object:
    return {"userRef": {"userId": user_id}, **({"roles": [{"roleId": role} for role in roles]} if roles else {})}


def only(world: World) -> Object:
    (found,) = world.auth0.state.organizations.values()
    return found


def people(world: World) -> set[str]:
    return set(world.auth0.state.organization_members.get(only(world)["id"], {}))


def roles_of(world: World, user_id: str) -> list[str]:
    return sorted(world.auth0.state.organization_member_roles.get(only(world)["id"], {}).get(user_id, []))


def writes(world: World) -> list[str]:
    own = only(world)["id"] if world.auth0.state.organizations else "org_"
    return [
        f"{asked.method} {asked.path.removeprefix('/api/v2').replace(own, '{id}')}"
        for asked in world.auth0.requests
        if asked.method != "GET" and "/organizations" in asked.path
    ]


async def synced(world: World, name: str = "acme") -> None:
    async def holds() -> bool:
        found = await world.get("Auth0Organization", name)
        return objects.is_ready(found)

    await world.until(holds, f"{name} is as its manifest says")


async def test_an_organization_is_made_once_with_all_that_hangs_below_it(world: World) -> None:
    await world.apply(
        client("portal", appType="regular_web"),
        organization(
            displayName="Acme Inc.",
            branding={"colors": {"primary": "#0059d6"}},
            metadata={"contract": "gold"},
            tokenQuota={"clientCredentials": {"enforce": True, "perHour": 100}},
            connections=[{"connectionRef": {"connectionId": ENTERPRISE}, "assignMembershipOnLogin": True}],
            members=[member(PEOPLE[0], "rol_reader", "rol_writer"), member(PEOPLE[1])],
            clients=[{"clientRef": {"name": "portal"}, "useForMemberAccess": True}],
        ),
    )
    await world.ready(("Auth0Organization", "acme"))
    made = only(world)
    assert (made["name"], made["display_name"], made["metadata"]["contract"]) == ("acme", "Acme Inc.", "gold")
    assert made["metadata"]["mlgate_owner"].endswith("Auth0Organization/ml/acme")
    assert made["token_quota"] == {"client_credentials": {"enforce": True, "per_hour": 100}}
    assert people(world) == set(PEOPLE[:2])
    assert roles_of(world, PEOPLE[0]) == ["rol_reader", "rol_writer"]
    state = world.auth0.state
    assert state.organization_connections[made["id"]][ENTERPRISE]["assign_membership_on_login"] is True
    portal = objects.status(await world.get("Auth0Client", "portal"))["clientId"]
    assert state.organization_clients[made["id"]] == {portal: True}
    assert len(writes(world)) == 5, "the organization, a connection, two members, their roles, an application"
    status = objects.status(await world.get("Auth0Organization", "acme"))
    assert (status["organizationId"], status["members"]) == (made["id"], 2)

    before = len(writes(world))
    await world.passes(HOUR)
    await world.restart()
    await world.passes(HOUR)
    assert writes(world)[before:] == [], "what is as wished is not written again"


async def test_what_the_manifest_does_not_mention_is_neither_read_nor_changed(world: World) -> None:
    await world.apply(organization())
    await world.ready(("Auth0Organization", "acme"))
    made = only(world)
    world.auth0.state.organization_members[made["id"]] = {PEOPLE[5]: 0.0}
    await world.passes(HOUR)
    assert people(world) == {PEOPLE[5]}
    assert not world.auth0.requests.matching("GET", "/organizations/org_[^/]+/")


def by_email(email: str, *roles: str) -> dict[str, Any]:
    named = {"roles": [{"roleId": role} for role in roles]} if roles else {}
    return {"userRef": {"email": email}, **named}


@pytest.mark.parametrize("exclusive", [False, True], ids=["beside others", "exclusive"])
async def test_members_are_named_by_their_addresses(world: World, exclusive: bool) -> None:
    for user_id in PEOPLE[:3]:
        world.auth0.state.users[user_id]["email"] = f"{user_id.partition('|')[2]}@example.com"
    first, second, third = (world.auth0.state.users[user_id]["email"] for user_id in PEOPLE[:3])
    wish = [by_email(first.upper(), "rol_reader"), member(PEOPLE[1], "rol_writer")]
    await world.apply(organization(members=wish, exclusive=exclusive))
    await world.ready(("Auth0Organization", "acme"))
    assert people(world) == set(PEOPLE[:2])
    assert (roles_of(world, PEOPLE[0]), roles_of(world, PEOPLE[1])) == (["rol_reader"], ["rol_writer"])
    before, asked = len(writes(world)), len(world.auth0.requests.matching("GET", "/users-by-email"))
    await world.passes(HOUR)
    assert writes(world)[before:] == []
    assert len(world.auth0.requests.matching("GET", "/users-by-email")) == asked, "members are listed with addresses"

    wish = [by_email(second), by_email(third)]
    await world.apply(organization(members=wish, exclusive=exclusive))
    await world.until(lambda: people(world) == set(PEOPLE[1:3]), "one left, one came, one is named otherwise now")
    await synced(world)
    await world.passes(HOUR)
    assert people(world) == set(PEOPLE[1:3])


async def test_a_member_named_by_address_instead_of_id_keeps_the_roles(world: World) -> None:
    await world.apply(organization(members=[member(PEOPLE[0], "rol_reader")]))
    await world.ready(("Auth0Organization", "acme"))
    before = len(writes(world))
    address = world.auth0.state.users[PEOPLE[0]]["email"]
    await world.apply(organization(members=[by_email(address, "rol_reader")]))
    await synced(world)
    await world.passes(HOUR)
    assert writes(world)[before:] == []
    await world.apply(organization(members=[by_email(address, "rol_writer")]))
    await world.until(lambda: roles_of(world, PEOPLE[0]) == ["rol_writer"], "another role")
    await world.apply(organization(members=[]))
    await world.until(lambda: people(world) == set(), "nobody left")


async def test_an_address_that_nobody_or_more_than_one_has_keeps_no_other_member_out(world: World) -> None:
    await world.apply(organization(members=[by_email("nobody@example.com"), member(PEOPLE[1])]))
    await world.says("Auth0Organization", "acme", "DependencyNotFound", "nobody@example.com", "spec.members")
    assert people(world) == {PEOPLE[1]}
    for user_id in PEOPLE[2:4]:
        world.auth0.state.users[user_id]["email"] = "two@example.com"
    await world.apply(organization(members=[by_email("two@example.com"), member(PEOPLE[1])]))
    await world.says("Auth0Organization", "acme", "AdoptionAmbiguous", PEOPLE[2], PEOPLE[3], "userId")
    world.auth0.state.users[PEOPLE[3]]["email"] = "other@example.com"
    await synced(world)
    assert people(world) == set(PEOPLE[1:3])


async def test_members_are_added_ten_a_request_and_only_those_that_change(world: World) -> None:
    await world.apply(organization(members=[member(user_id) for user_id in PEOPLE]))
    await world.ready(("Auth0Organization", "acme"))
    assert people(world) == set(PEOPLE)
    assert writes(world) == ["POST /organizations", *["POST /organizations/{id}/members"] * 3]

    await world.apply(organization(members=[member(user_id) for user_id in PEOPLE[1:]]))
    await world.until(lambda: PEOPLE[0] not in people(world), "the first one left")
    await synced(world)
    assert writes(world)[4:] == ["DELETE /organizations/{id}/members"]
    assert people(world) == set(PEOPLE[1:])


async def test_what_others_added_stays_unless_the_manifest_is_exclusive(world: World) -> None:
    await world.apply(organization(members=[member(PEOPLE[0], "rol_reader")]))
    await world.ready(("Auth0Organization", "acme"))
    state, made = world.auth0.state, only(world)
    state.organization_members[made["id"]][PEOPLE[1]] = 0.0
    state.organization_member_roles[made["id"]][PEOPLE[0]].append("rol_writer")
    await world.passes(HOUR)
    assert people(world) == set(PEOPLE[:2])
    assert roles_of(world, PEOPLE[0]) == ["rol_reader", "rol_writer"]

    await world.apply(organization(members=[member(PEOPLE[0], "rol_reader")], exclusive=True))
    await world.until(lambda: people(world) == {PEOPLE[0]}, "the other one is taken out")
    await world.until(lambda: roles_of(world, PEOPLE[0]) == ["rol_reader"], "the other role is taken away")


async def test_what_was_changed_by_hand_is_set_back(world: World) -> None:
    connection = {"connectionRef": {"connectionId": DATABASE}, "showAsButton": False}
    await world.apply(organization(displayName="Acme", members=[member(PEOPLE[0])], connections=[connection]))
    await world.ready(("Auth0Organization", "acme"))
    state, made = world.auth0.state, only(world)
    made["display_name"] = "Something else"
    state.organization_members[made["id"]].clear()
    state.organization_connections[made["id"]][DATABASE] |= {"show_as_button": True, "is_enabled": False}
    await world.until(lambda: people(world) == {PEOPLE[0]}, "the member is back")
    await synced(world)
    assert only(world)["display_name"] == "Acme"
    held = state.organization_connections[made["id"]][DATABASE]
    assert (held["show_as_button"], held["is_enabled"]) == (False, True)
    assert writes(world)[-1].startswith(("PATCH", "POST"))


async def test_what_cannot_be_done_now_is_named_keeps_nothing_else_and_is_done_later(world: World) -> None:
    stranger = "auth0|999999999999999999999999"
    wish = [member(PEOPLE[0], "rol_reader"), member(stranger)]
    grants = [{"clientGrantRef": {"grantId": "cgr_0123456789abcdef"}}]
    world.auth0.state.client_grants["cgr_0123456789abcdef"] = {
        "id": "cgr_0123456789abcdef",
        "client_id": "x",
        "audience": "https://orders.example.com",
        "scope": [],
    }
    await world.apply(organization(members=wish, clientGrants=grants))
    await world.says(
        "Auth0Organization", "acme", "DependencyNotFound", "is not in the tenant", "The user does not exist"
    )
    made = only(world)
    await world.until(lambda: world.auth0.state.organization_grants.get(made["id"]), "the grant is there all the same")

    world.auth0.state.users[stranger] = {"user_id": stranger, "identities": []}
    await synced(world)
    assert people(world) == {PEOPLE[0], stranger}
    assert roles_of(world, PEOPLE[0]) == ["rol_reader"]
    assert len([each for each in writes(world) if each == "POST /organizations"]) == 1


async def test_what_was_done_of_an_unfinished_wish_is_taken_away_with_the_wish(world: World) -> None:
    grants = [{"clientGrantRef": {"grantId": "cgr_0123456789abcdef"}}]
    await world.apply(organization(members=[member(PEOPLE[0])], clientGrants=grants))
    await world.says("Auth0Organization", "acme", "DependencyNotFound", "The grant does not exist")
    await world.until(lambda: people(world) == {PEOPLE[0]}, "the member is there")
    await world.apply(organization(members=[], clientGrants=[]))
    await world.until(lambda: not people(world), "the member, whom we added, left")


async def test_the_name_of_somebody_elses_organization_is_a_conflict(world: World) -> None:
    world.auth0.state.organizations["org_theirs"] = {"id": "org_theirs", "name": "acme"}
    await world.apply(organization(displayName="Acme"))
    await world.says("Auth0Organization", "acme", "ExternalConflict", "org_theirs", "spec.import.id")
    assert world.auth0.state.organizations["org_theirs"] == {"id": "org_theirs", "name": "acme"}

    await world.apply(organization(displayName="Acme", **{"import": {"id": "org_theirs"}}))
    await world.ready(("Auth0Organization", "acme"))
    assert only(world)["display_name"] == "Acme"


async def test_a_lost_answer_makes_no_second_organization(world: World) -> None:
    world.auth0.faults.add(method="POST", path=r"/organizations$", nth=1, drop="after")
    await world.apply(organization(members=[member(PEOPLE[0])]))
    await world.ready(("Auth0Organization", "acme"))
    assert people(world) == {PEOPLE[0]}


async def test_deleting_takes_one_request_and_leaves_nothing(world: World) -> None:
    await world.apply(organization(members=[member(PEOPLE[0], "rol_reader")]))
    await world.ready(("Auth0Organization", "acme"))
    before = len(writes(world))
    await world.delete(organization())
    await world.gone(("Auth0Organization", "acme"))
    assert not world.auth0.state.organizations
    assert len(world.auth0.requests.matching("DELETE", "/organizations/")) == 1
    assert before == 3
