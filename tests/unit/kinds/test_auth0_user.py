"""What a user's manifest becomes on the wire, and what status may keep of a password."""

from __future__ import annotations

from typing import Any, cast

import pytest

from mlgate.api.auth0user import Auth0UserSpec
from mlgate.engine.plan import wish_hash
from mlgate.errors import Terminal
from mlgate.kinds.auth0.role_assignment import Auth0RoleAssignment, moment, pair
from mlgate.kinds.auth0.user import Auth0User, Password, chosen_id, patches, seen_values
from mlgate.sensitive import Sensitive
from mlgate.store.protocol import Key
from unit.kinds.given import MARK, OWNER, resolved

USER = Auth0User(cast(Any, None))
WANTED = {
    "connection": "db",
    "email": "ada@example.com",
    "email_verified": True,
    "username": "ada",
    "verify_email": False,
}
AT_EMAIL = {"connection": "db", "email": "ada@example.com", "email_verified": True, "verify_email": False}


def wish(password: str | None = None, **spec: Any) -> dict[str, Any]:
    ref = {"passwordSecretRef": {"name": "ada", "key": "password"}} if password else {}
    read = Auth0UserSpec.model_validate({"tenantRef": {"name": "main"}, "email": "ada@example.com", **ref, **spec})
    secrets = {Key("Secret", OWNER.namespace, "ada"): {"password": Sensitive(password)}} if password else {}
    return dict(USER.with_mark(USER.desired(OWNER, read, resolved(secrets=secrets)), MARK))


@pytest.mark.parametrize(
    ("changed", "bodies"),
    [
        pytest.param({"name": "Ada"}, [{"name": "Ada"}], id="a profile needs one request and no connection"),
        pytest.param(
            {"name": "Ada", "app_metadata": {"a": 1}, "password": "p"},
            [{"connection": "db", "password": "p", "name": "Ada", "app_metadata": {"a": 1}}],
            id="a password goes along with the profile",
        ),
        pytest.param({"email": "ada@example.com"}, [AT_EMAIL], id="a new address stays verified when that is written"),
        pytest.param(
            {"email": "ada@example.com", "username": "ada", "password": "p"},
            [AT_EMAIL, {"connection": "db", "username": "ada"}, {"connection": "db", "password": "p"}],
            id="address, name and password go one after the other",
        ),
        pytest.param(
            {"email_verified": True, "password": "p"},
            [{"connection": "db", "email_verified": True}, {"connection": "db", "password": "p"}],
            id="verification and password go one after the other",
        ),
    ],
)
def test_which_requests_carry_out_a_change(changed: dict[str, Any], bodies: list[dict[str, Any]]) -> None:
    assert patches(changed, WANTED) == bodies


def test_only_what_is_written_is_managed() -> None:
    assert set(wish()) == {"connection", "email", "verify_email", "app_metadata"}


def test_a_null_in_metadata_removes_a_key_and_is_no_difference_where_there_is_none() -> None:
    wanted = wish(userMetadata={"old": None})
    there = {**wanted, "user_metadata": {"old": 1, "theirs": 2}}
    assert USER.fields.diff(wanted, there, {}, "id").values() == {"user_metadata": {"old": None}}
    assert not USER.fields.diff(wanted, {**wanted, "user_metadata": {"theirs": 2}}, {}, "id")


def test_what_the_service_writes_in_lower_case_is_no_difference() -> None:
    wanted = wish(email="Ada@Example.com", username="Ada")
    assert not USER.fields.diff(wanted, {**wanted, "email": "ada@example.com", "username": "ada"}, {}, "id")


def test_a_password_is_told_by_a_print_that_costs_time_to_guess_and_differs_by_object() -> None:
    one = Password("Analytical-1", salt="uid-1", place="")
    assert one.fingerprint() == Password("Analytical-1", salt="uid-1", place="").fingerprint()
    others = {
        Sensitive("Analytical-1").fingerprint(),
        Password("Analytical-1", salt="uid-2", place="").fingerprint(),
        Password("Analytical-2", salt="uid-1", place="").fingerprint(),
    }
    assert one.fingerprint() not in others
    assert (str(one), repr(one)) == ("***", "***")


def test_another_password_is_another_wish() -> None:
    assert wish_hash(wish("Analytical-1")) == wish_hash(wish("Analytical-1"))
    assert wish_hash(wish("Analytical-1")) != wish_hash(wish("Analytical-2"))


def test_the_same_object_always_chooses_the_same_id() -> None:
    assert chosen_id("0F1E2D3C-4b5a-6978-8796-a5b4c3d2e1f0") == "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


def test_of_linked_accounts_the_wished_connection_counts() -> None:
    raw = {"user_id": "auth0|ada", "identities": [{"connection": "db"}, {"connection": "google"}]}
    assert seen_values(raw)["connection"] == "db"
    assert seen_values(raw, "google")["connection"] == "google"


ASSIGNMENT = Auth0RoleAssignment(cast(Any, None))


@pytest.mark.parametrize(
    ("now", "assigned"),
    [
        pytest.param(-1, True, id="until the moment the user has the role"),
        pytest.param(0, False, id="from the moment on the user does not"),
    ],
)
def test_when_an_assignment_ends(now: float, assigned: bool) -> None:
    ends = "2026-12-31T23:00:00+00:00"
    wanted = {"assigned": True, "expires_at": ends}
    assert ASSIGNMENT.at(wanted, moment(ends) + now)["assigned"] is assigned


def test_a_moment_without_an_offset_is_utc() -> None:
    assert moment("2026-12-31T23:00:00") == moment("2027-01-01T00:00:00+01:00") == moment("2026-12-31T23:00:00Z")


@pytest.mark.parametrize("wrong", ["rol_a", "/auth0|ada", "rol_a/ada"])
def test_what_is_no_id_of_an_assignment_is_refused(wrong: str) -> None:
    with pytest.raises(Terminal, match="is not the id of a role assignment"):
        pair(wrong)
