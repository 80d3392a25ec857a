"""A user's whole life against the simulator: made once, changed by few requests, the password sent once and on change,
and gone without a trace."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mlgate.engine import objects
from mlgate.store.protocol import SECRETS, Object

from .life import StoreWrite
from .manifests import ours, secret, tenant_side
from .world import World, a_world, resource

HOUR = 3600.0
EMAIL = "ada@example.com"
FIRST, SECOND = "Analytical-Engine-1", "Difference-Engine-2"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as made:
        await made.apply(tenant_side())
        await made.ready(("Auth0Tenant", "main"))
        yield made


def password(value: str = FIRST) -> Object:
    return secret("ada-password", {"password": value})


def user(name: str = "ada", /, **spec: Any) -> Object:
    said = {
        "tenantRef": {"name": "main"},
        "email": EMAIL,
        "passwordSecretRef": {"name": "ada-password", "key": "password"},
        **spec,
    }
    return ours("Auth0User", name, {key: value for key, value in said.items() if value is not None})


def writes(world: World) -> list[str]:
    return [
        f"{asked.method} {asked.path.removeprefix('/api/v2')}"
        for asked in world.auth0.requests
        if asked.method != "GET" and "/users" in asked.path
    ]


def only(world: World) -> dict[str, Any]:
    (found,) = world.auth0.state.users.values()
    return found


async def made(world: World, **spec: Any) -> dict[str, Any]:
    await world.apply(password(), user(**spec))
    await world.ready(("Auth0User", "ada"))
    return only(world)


async def test_a_user_is_made_with_one_request_and_then_left_in_peace(world: World) -> None:
    there = await made(world, name="Ada", appMetadata={"team": "fraud", "limits": {"requests": 100}})
    assert writes(world) == ["POST /users"]
    assert (there["password"], there["name"]) == (FIRST, "Ada")
    assert {"team": "fraud", "limits": {"requests": 100}}.items() <= there["app_metadata"].items()
    status = objects.status(await world.get("Auth0User", "ada"))
    assert (status["userId"], status["email"]) == (there["user_id"], EMAIL)
    await world.passes(HOUR)
    assert writes(world) == ["POST /users"], "nothing changed, so nothing is written"


async def test_a_new_value_of_the_secret_is_sent_once_and_the_old_one_never_again(world: World) -> None:
    await made(world)
    await world.apply(password(SECOND))
    await world.until(lambda: only(world)["password"] == SECOND, "the new password")
    await world.passes(HOUR)
    assert len(writes(world)) == 2
    only(world)["password"] = "chosen by Ada herself"
    await world.passes(HOUR)
    assert len(writes(world)) == 2, "what the user chose stays until the Secret changes"


async def test_no_password_is_told_anywhere(world: World) -> None:
    await made(world)
    await world.apply(password("weak"))
    await world.says("Auth0User", "ada", "InvalidSpec", "Key password of Secret ml/ada-password", "too weak")
    told = json.dumps([await world.all(), await world.events("Auth0User", "ada")])
    for value in (FIRST, '"weak"'):
        assert value not in told


async def test_a_weak_password_keeps_the_user_from_being_made_until_the_secret_is_better(world: World) -> None:
    await world.apply(password("weak"), user())
    await world.says(
        "Auth0User", "ada", "InvalidSpec", "ml/ada-password", "Username-Password-Authentication", "too weak"
    )
    assert world.auth0.state.users == {}
    await world.apply(password(SECOND))
    await world.ready(("Auth0User", "ada"))
    assert only(world)["password"] == SECOND


async def test_a_missing_password_says_which_key_of_which_secret(world: World) -> None:
    await world.apply(secret("ada-password", {"other": "x"}), user())
    await world.says("Auth0User", "ada", "CredentialsMissing", "Key password of Secret ml/ada-password")
    await world.apply(password())
    await world.ready(("Auth0User", "ada"))


async def test_what_cannot_be_changed_together_is_changed_one_after_the_other(world: World) -> None:
    await made(world, emailVerified=True, username="ada")
    await world.apply(
        password(SECOND), user(email="countess@example.com", emailVerified=True, username="countess", name="Countess")
    )
    await world.until(lambda: only(world)["email"] == "countess@example.com", "the new address")
    await world.ready(("Auth0User", "ada"))
    await world.until(lambda: only(world)["password"] == SECOND, "the new password")
    there = only(world)
    assert (there["email_verified"], there["username"], there["name"]) == (True, "countess", "Countess")
    statuses = [asked.status for asked in world.auth0.requests if asked.method == "PATCH" and "/users/" in asked.path]
    assert set(statuses) == {200}
    assert len(statuses) <= 4


async def test_metadata_of_others_stays_and_a_key_that_is_no_longer_written_goes(world: World) -> None:
    there = await made(world, appMetadata={"team": "fraud", "old": 1})
    there["app_metadata"]["theirs"] = {"kept": True}
    await world.apply(user(appMetadata={"team": "payments"}))
    await world.until(lambda: only(world)["app_metadata"]["team"] == "payments", "the new team")
    metadata = only(world)["app_metadata"]
    assert metadata["theirs"] == {"kept": True}
    assert "old" not in metadata


async def test_what_is_changed_by_hand_is_set_back_and_what_is_not_written_is_left_alone(world: World) -> None:
    there = await made(world, blocked=False)
    there |= {"blocked": True, "nickname": "by hand"}
    await world.until(lambda: only(world)["blocked"] is False, "set back")
    assert only(world)["nickname"] == "by hand"


async def test_a_user_of_somebody_else_is_not_taken_over(world: World) -> None:
    world.auth0.state.users["auth0|theirs"] = {
        "user_id": "auth0|theirs",
        "email": EMAIL,
        "identities": [{"connection": "Username-Password-Authentication", "user_id": "theirs", "provider": "auth0"}],
    }
    await world.apply(password(), user())
    await world.says("Auth0User", "ada", "ExternalConflict", "auth0|theirs", "spec.import.id")
    assert "app_metadata" not in only(world)
    await world.apply(user(**{"import": {"id": "auth0|theirs"}}))
    await world.ready(("Auth0User", "ada"))
    assert only(world)["app_metadata"]["mlgate_owner"].endswith("Auth0User/ml/ada")


async def test_who_has_the_user_name_already_is_named(world: World) -> None:
    world.auth0.state.users["auth0|theirs"] = {
        "user_id": "auth0|theirs",
        "email": "other@example.com",
        "username": "ada",
        "identities": [{"connection": "Username-Password-Authentication", "user_id": "theirs", "provider": "auth0"}],
    }
    await world.apply(password(), user(username="Ada"))
    await world.says("Auth0User", "ada", "ExternalConflict", "auth0|theirs", "spec.import.id")
    assert len(world.auth0.state.users) == 1


async def test_a_tenant_with_several_custom_domains_is_told_which_one(world: World) -> None:
    world.auth0.state.custom_domains = ["login.example.com", "login.example.org"]
    await world.apply(password(), user())
    await world.says("Auth0User", "ada", "InvalidSpec", "several verified custom domains", "spec.customDomain")
    assert world.auth0.state.users == {}
    await world.apply(user(customDomain="login.example.org"))
    await world.ready(("Auth0User", "ada"))
    assert "custom_domain" not in only(world)
    before = writes(world)
    await world.passes(2 * HOUR)
    assert writes(world) == before
    await world.apply(user(customDomain="login.example.org", nickname="countess"))
    await world.until(lambda: only(world).get("nickname") == "countess", "a nickname")


async def test_a_lost_answer_makes_no_second_user(world: World) -> None:
    world.auth0.faults.add(method="POST", path="/api/v2/users", status=502, applies=True)
    await world.apply(password(), user())
    await world.ready(("Auth0User", "ada"))
    assert len(world.auth0.state.users) == 1


async def test_lost_status_finds_the_user_again(world: World) -> None:
    there = await made(world)
    await world.store.patch_status(resource("Auth0User"), "ml", "ada", {"status": None})
    await world.restart()
    await world.ready(("Auth0User", "ada"))
    assert [user["user_id"] for user in world.auth0.state.users.values()] == [there["user_id"]]


async def test_a_deleted_user_is_gone_outside_too_even_when_the_secret_went_first(world: World) -> None:
    await made(world)
    await world.store.delete(SECRETS, "ml", "ada-password")
    await world.delete(user())
    await world.gone(("Auth0User", "ada"))
    assert world.auth0.state.users == {}


async def test_a_user_known_by_phone_alone_is_found_again_as_soon_as_the_search_knows_it(world: World) -> None:
    world.auth0.state.search_delay = 60.0
    world.auth0.faults.add(method="POST", path="/api/v2/users", status=502, applies=True)
    phone = {"connection": "sms", "phoneNumber": "+4930123456", "email": None, "passwordSecretRef": None}
    await world.apply(user(**phone))
    await world.says("Auth0User", "ada", "ExternalConflict", "already exists")
    await world.ready(("Auth0User", "ada"))
    assert only(world)["user_id"].startswith("sms|")


@pytest.mark.parametrize("number", [1, 2])
async def test_dying_at_a_write_to_the_store_ends_with_one_user(world: World, number: int) -> None:
    """The finalizer that comes before the user, and the status that comes after: told by what the user is."""
    mine: list[str] = []

    def dies(write: StoreWrite) -> bool:
        if write.resource == "Auth0User":
            mine.append(str(write))
        return len(mine) == number

    world.operator.life.after_write = dies
    await world.apply(password(), user())
    await world.until(lambda: world.lives > 1, "a death")
    await world.ready(("Auth0User", "ada"))
    assert len(world.auth0.state.users) == 1
    assert only(world)["password"] == FIRST
