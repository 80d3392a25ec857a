"""Who has a role: given once, taken back when it ends, never taken from somebody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from mlgate.engine import objects
from mlgate.store.protocol import Object

from .manifests import ours, tenant_side
from .world import World, a_world

HOUR = 3600.0
ROLE, USER, EMAIL = "rol_clerk", "auth0|ada", "ada@example.com"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A tenant with a role and users that are not managed here."""
    async with a_world() as made:
        made.auth0.state.roles[ROLE] = {"id": ROLE, "name": "Clerk"}
        for name in ("ada", "eve", *(f"user{n}" for n in range(10))):
            person(made, name)
        await made.apply(tenant_side())
        await made.ready(("Auth0Tenant", "main"))
        yield made


def person(
    world: World, name: str, connection: str = "Username-Password-Authentication", prefix: str = "auth0"
) -> None:
    user_id = f"{prefix}|{name}"
    identity = {"connection": connection, "user_id": name, "provider": prefix, "isSocial": False}
    world.auth0.state.users[user_id] = {
        "user_id": user_id,
        "email": f"{name}@example.com",
        "identities": [identity],
    }


def assignment(name: str = "ada", /, **spec: Any) -> Object:
    said = {"tenantRef": {"name": "main"}, "userRef": {"userId": f"auth0|{name}"}, "roleRef": {"roleId": ROLE}, **spec}
    return ours("Auth0RoleAssignment", name, said)


def members(world: World) -> list[str]:
    return world.auth0.state.role_users.get(ROLE, [])


def asked(world: World, *methods: str) -> list[str]:
    return [
        f"{each.method} {each.path.removeprefix('/api/v2')}"
        for each in world.auth0.requests
        if each.method in (methods or ("POST", "DELETE")) and ("/users" in each.path or "/roles" in each.path)
    ]


def later(world: World, seconds: float) -> str:
    return datetime.fromtimestamp(world.timeline.wall() + seconds, UTC).isoformat(timespec="seconds")


async def test_a_role_is_given_with_one_write_and_then_left_in_peace(world: World) -> None:
    await world.apply(assignment())
    await world.ready(("Auth0RoleAssignment", "ada"))
    assert members(world) == [USER]
    status = objects.status(await world.get("Auth0RoleAssignment", "ada"))
    assert (status["userId"], status["roleId"], status["assigned"]) == (USER, ROLE, True)
    await world.passes(HOUR)
    assert asked(world) == [f"POST /users/{USER}/roles"]


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"userRef": {"email": "Ada@example.com"}}, id="a user by email"),
        pytest.param({"roleRef": {"roleName": "Clerk"}}, id="a role by its name"),
    ],
)
async def test_user_and_role_can_be_named_by_what_people_know(world: World, spec: dict[str, Any]) -> None:
    await world.apply(assignment(**spec))
    await world.ready(("Auth0RoleAssignment", "ada"))
    assert members(world) == [USER]


async def test_an_object_of_ours_can_be_the_user_and_the_role(world: World) -> None:
    tenant = {"tenantRef": {"name": "main"}}
    await world.apply(ours("Auth0Role", "judge", tenant))
    await world.apply(ours("Auth0User", "grace", {**tenant, "connection": "email", "email": "grace@example.com"}))
    await world.apply(assignment(userRef={"name": "grace"}, roleRef={"name": "judge"}))
    await world.ready(("Auth0RoleAssignment", "ada"))
    (judge,) = (role["id"] for role in world.auth0.state.roles.values() if role["name"] == "judge")
    (grace,) = (
        user["user_id"] for user in world.auth0.state.users.values() if user.get("email") == "grace@example.com"
    )
    assert world.auth0.state.role_users[judge] == [grace]


async def test_a_role_ends_at_its_moment_and_the_object_says_so(world: World) -> None:
    await world.apply(assignment(expiresAt=later(world, 5 * HOUR)))
    await world.ready(("Auth0RoleAssignment", "ada"))
    await world.passes(4 * HOUR)
    assert members(world) == [USER]
    await world.passes(HOUR + 60.0)
    assert members(world) == []
    await world.says("Auth0RoleAssignment", "ada", "Expired", "ended at", "set a later expiresAt")
    assert objects.status(await world.get("Auth0RoleAssignment", "ada"))["assigned"] is False
    members(world).append(USER)  # somebody gives it by hand again
    await world.passes(HOUR)
    assert members(world) == [], "what has ended stays ended"
    await world.apply(assignment(expiresAt=later(world, HOUR)))
    await world.ready(("Auth0RoleAssignment", "ada"))
    assert members(world) == [USER]


async def test_a_role_ends_although_drift_is_only_reported(world: World) -> None:
    await world.apply(assignment(expiresAt=later(world, HOUR), driftPolicy="Report"))
    await world.ready(("Auth0RoleAssignment", "ada"))
    await world.passes(HOUR + 60.0)
    assert members(world) == []


async def test_what_ended_before_it_began_is_never_given(world: World) -> None:
    await world.apply(assignment(expiresAt=later(world, -HOUR)))
    await world.says("Auth0RoleAssignment", "ada", "Expired")
    assert asked(world) == []


async def test_a_role_that_somebody_took_away_is_given_again(world: World) -> None:
    await world.apply(assignment())
    await world.ready(("Auth0RoleAssignment", "ada"))
    members(world).remove(USER)
    await world.until(lambda: members(world) == [USER], "given again")


async def test_a_role_that_somebody_gave_is_left_alone_until_it_is_imported(world: World) -> None:
    world.auth0.state.role_users[ROLE] = [USER]
    await world.apply(assignment())
    await world.says("Auth0RoleAssignment", "ada", "ExternalConflict", f"{ROLE}/{USER}", "spec.import.id")
    await world.delete(assignment())
    await world.gone(("Auth0RoleAssignment", "ada"))
    assert members(world) == [USER]
    await world.apply(assignment(**{"import": {"id": f"{ROLE}/{USER}"}}))
    await world.ready(("Auth0RoleAssignment", "ada"))
    await world.delete(assignment())
    await world.gone(("Auth0RoleAssignment", "ada"))
    assert members(world) == []


async def test_of_two_objects_for_one_pair_the_second_is_refused(world: World) -> None:
    await world.apply(assignment())
    await world.ready(("Auth0RoleAssignment", "ada"))
    await world.apply(assignment("second", userRef={"userId": USER}))
    await world.says("Auth0RoleAssignment", "second", "ExternalConflict", "Auth0RoleAssignment ml/ada")
    await world.delete(assignment("second"))
    await world.gone(("Auth0RoleAssignment", "second"))
    assert members(world) == [USER]


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        pytest.param(
            {"userRef": {"email": "nobody@example.com"}},
            "DependencyNotFound",
            "nobody@example.com",
            id="no such address",
        ),
        pytest.param({"userRef": {"userId": "auth0|nobody"}}, "DependencyNotFound", "auth0|nobody", id="no such user"),
        pytest.param({"roleRef": {"roleName": "Judge"}}, "DependencyNotFound", "Judge", id="no such role"),
        pytest.param({"userRef": {"email": "eve@example.com"}}, "AdoptionAmbiguous", "email|eve", id="two users"),
    ],
)
async def test_what_cannot_be_carried_out_says_what_to_do(
    world: World, spec: dict[str, Any], reason: str, words: str
) -> None:
    person(world, "eve", "email", "email")
    await world.apply(assignment(**spec))
    await world.says("Auth0RoleAssignment", "ada", reason, words)
    assert members(world) == []


async def test_many_assignments_of_a_role_are_looked_after_with_one_listing(world: World) -> None:
    names = [f"user{n}" for n in range(10)]
    await world.apply(*[assignment(name) for name in names])
    await world.ready(*[("Auth0RoleAssignment", name) for name in names])
    before = len(asked(world, "GET"))
    await world.passes(2 * world.resync)
    reads = asked(world, "GET")[before:]
    assert set(reads) == {f"GET /roles/{ROLE}/users"}
    assert len(reads) < len(names)


async def test_a_role_with_very_many_users_is_not_listed_for_one_of_them(world: World) -> None:
    world.auth0.state.role_users[ROLE] = [f"auth0|crowd{n}" for n in range(1000)]
    await world.apply(assignment())
    await world.ready(("Auth0RoleAssignment", "ada"))
    before = len(asked(world, "GET"))
    await world.passes(2 * world.resync)
    reads = asked(world, "GET")[before:]
    assert set(reads) == {f"GET /users/{USER}/roles"}


async def test_a_lost_answer_is_no_conflict_with_ourselves(world: World) -> None:
    world.auth0.faults.add(method="POST", path="/api/v2/users/.*/roles", status=502, applies=True)
    await world.apply(assignment())
    await world.ready(("Auth0RoleAssignment", "ada"))
    assert members(world) == [USER]
    await world.delete(assignment())
    await world.gone(("Auth0RoleAssignment", "ada"))
    assert members(world) == []
