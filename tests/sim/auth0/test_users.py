"""What the recordings of users do not show: refusals, uniqueness, and a search that lags."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mlgate_sim.auth0 import Auth0Simulator
from sim.auth0.conftest import Caller

DATABASE = "Username-Password-Authentication"
ADA = {"connection": DATABASE, "email": "Ada@Example.com", "password": "Analytical-1", "user_id": "ada"}


async def test_a_password_is_never_shown_and_an_email_is_lower_case(call: Caller) -> None:
    made = await call("POST", "/users", ADA)
    assert (made.status_code, made.json()["user_id"], made.json()["email"]) == (201, "auth0|ada", "ada@example.com")
    read = await call("GET", "/users/auth0%7Cada")
    assert "Analytical" not in made.text + read.text
    assert [user["user_id"] for user in (await call("GET", "/users-by-email?email=ada@example.com")).json()] == [
        "auth0|ada"
    ]


@pytest.mark.parametrize(
    ("again", "status"),
    [
        pytest.param({"user_id": "another"}, 409, id="the same email in the same connection"),
        pytest.param({"email": "eve@example.com"}, 409, id="the same chosen id"),
        pytest.param({"user_id": "another", "connection": "partners"}, 201, id="another connection is another user"),
    ],
)
async def test_who_is_refused_a_second_time(call: Caller, again: dict[str, Any], status: int) -> None:
    await call("POST", "/users", ADA)
    answer = await call("POST", "/users", {**ADA, **again})
    assert answer.status_code == status
    if status == 409:
        assert answer.json()["message"] == "The user already exists."


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param({"password": "weak"}, "PasswordStrengthError: Password is too weak", id="a weak password"),
        pytest.param(
            {"password": "Analytical-2", "email_verified": True},
            "Cannot update password and email_verified simultaneously",
            id="a password together with verification",
        ),
        pytest.param({"nonsense": 1}, "Additional properties not allowed: nonsense", id="an unknown field"),
    ],
)
async def test_what_a_change_is_refused_for(call: Caller, body: dict[str, Any], message: str) -> None:
    await call("POST", "/users", ADA)
    answer = await call("PATCH", "/users/auth0%7Cada", {"connection": DATABASE, **body})
    assert answer.status_code == 400
    assert message in answer.json()["message"]


async def test_a_new_email_is_not_verified_until_somebody_says_so(call: Caller) -> None:
    await call("POST", "/users", {**ADA, "email_verified": True})
    changed = await call("PATCH", "/users/auth0%7Cada", {"connection": DATABASE, "email": "countess@example.com"})
    assert changed.json()["email_verified"] is False


async def test_search_lags_and_reading_by_id_does_not() -> None:
    now = [1_800_000_000.0]
    async with (
        Auth0Simulator(search_delay_seconds=5.0, clock=lambda: now[0]) as auth0,
        httpx.AsyncClient(base_url=auth0.url) as http,
    ):
        call = Caller(auth0, http)
        query = '/users?include_totals=true&q=user_id:("auth0|ada" OR "auth0|eve")'
        await call("POST", "/users", ADA)
        assert (await call("GET", query)).json()["users"] == []
        now[0] += 5.0
        await call("PATCH", "/users/auth0%7Cada", {"name": "Ada"})
        found = (await call("GET", query)).json()
        assert ([user["name"] for user in found["users"]], found["length"]) == (["ada@example.com"], 1)
        assert (await call("GET", "/users/auth0%7Cada")).json()["name"] == "Ada"
        now[0] += 5.0
        assert [user["name"] for user in (await call("GET", query)).json()["users"]] == ["Ada"]
        await call("DELETE", "/users/auth0%7Cada")
        assert len((await call("GET", query)).json()["users"]) == 1


async def test_a_user_who_goes_has_no_role_any_more(call: Caller) -> None:
    await call("POST", "/users", ADA)
    role = (await call("POST", "/roles", {"name": "analyst"})).json()["id"]
    assert (await call("POST", "/users/auth0%7Cada/roles", {"roles": [role]})).status_code == 204
    assert [user["user_id"] for user in (await call("GET", f"/roles/{role}/users")).json()] == ["auth0|ada"]
    await call("DELETE", "/users/auth0%7Cada")
    assert (await call("GET", f"/roles/{role}/users")).json() == []
    assert (await call("POST", "/users/auth0%7Cada/roles", {"roles": [role]})).status_code == 404
