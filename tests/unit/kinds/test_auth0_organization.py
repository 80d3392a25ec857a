"""What an organization wants of its lists, and what a difference means: others' entries stay, ours go with the manifest."""

from __future__ import annotations

from typing import Any, cast

import pytest

from mlgate.api.auth0organization import Auth0OrganizationSpec
from mlgate.engine.plan import Action
from mlgate.errors import Terminal
from mlgate.kinds.auth0.on_auth0 import mark_values
from mlgate.kinds.auth0.organization import Auth0Organization
from mlgate.kinds.auth0.organization_members import RolesOfMembers
from unit.engine.samples import an_object
from unit.kinds.given import MARK, OWNER, resolved

ORGANIZATION = Auth0Organization(cast(Any, None))
SHARED, EXCLUSIVE = RolesOfMembers(shared=True), RolesOfMembers(shared=False)


def a_spec(**spec: Any) -> Auth0OrganizationSpec:
    return Auth0OrganizationSpec.model_validate({"tenantRef": {"name": "main"}, **spec})


def wish(*objects: Any, **spec: Any) -> dict[str, Any]:
    return dict(ORGANIZATION.desired(OWNER, a_spec(**spec), resolved(*objects)))


def test_a_silent_manifest_wishes_for_a_name_and_nothing_below() -> None:
    assert wish() == {"name": "fraud", "metadata": {}}


def test_names_of_objects_become_their_ids() -> None:
    objects = [
        an_object("Auth0Connection", "okta", status={"externalId": "con_1"}),
        an_object("Auth0User", "anna", status={"externalId": "auth0|1"}),
        an_object("Auth0Role", "clerk", status={"externalId": "rol_1"}),
    ]
    found = wish(
        *objects,
        connections=[{"connectionRef": {"name": "okta"}}],
        members=[{"userRef": {"name": "anna"}, "roles": [{"name": "clerk"}]}, {"userRef": {"userId": "auth0|2"}}],
    )
    assert found["connections"] == [{"connection_id": "con_1", "is_enabled": True}]
    assert found["members"] == [{"user_id": "auth0|1"}, {"user_id": "auth0|2"}]
    assert found["member_roles"] == {"auth0|1": ["rol_1"], "auth0|2": None}


def test_roles_are_not_looked_at_where_nobody_writes_any() -> None:
    assert "member_roles" not in wish(members=[{"userRef": {"userId": "auth0|1"}}])


def test_one_thing_written_twice_is_refused() -> None:
    anna = {"userRef": {"userId": "auth0|1"}}
    with pytest.raises(Terminal, match=r"auth0\|1 twice in members"):
        wish(members=[anna, anna])


def test_metadata_is_sent_whole_because_the_service_replaces_it() -> None:
    wanted = ORGANIZATION.with_mark(wish(metadata={"a": "1"}), MARK)
    seen = {"name": "fraud", "metadata": {"theirs": "x"}}
    plan = ORGANIZATION.fields.diff(wanted, seen, {}, "org_1")
    assert plan.values() == {"metadata": {"theirs": "x", "a": "1", **mark_values(MARK)}}


def test_signup_that_an_enterprise_connection_does_not_show_is_no_difference() -> None:
    wanted = wish(connections=[{"connectionRef": {"connectionId": "con_1"}, "isSignupEnabled": False}])
    shown = {"connection_id": "con_1", "is_enabled": True, "is_signup_enabled": False, "show_as_button": True}
    plan = ORGANIZATION.fields.diff(wanted, {"name": "fraud", "metadata": {}, "connections": [shown]}, {}, "org_1")
    assert plan.action is Action.NOTHING


@pytest.mark.parametrize(
    ("rule", "wanted", "seen", "managed", "added", "removed"),
    [
        pytest.param(SHARED, {"a": ["x"]}, {}, [], ["a x"], [], id="a role that is missing is given"),
        pytest.param(SHARED, {"a": ["x"]}, {"a": ["x", "y"]}, [], [], [], id="a role that others gave stays"),
        pytest.param(
            SHARED, {"a": []}, {"a": ["x", "y"]}, ["a\nx"], [], ["a x"], id="what we gave goes with its entry"
        ),
        pytest.param(SHARED, {"b": []}, {"a": ["x"]}, ["a\nx"], [], ["a x"], id="and with the member"),
        pytest.param(SHARED, {"a": None}, {"a": ["x"]}, ["a\nx"], [], [], id="roles left out are not managed any more"),
        pytest.param(EXCLUSIVE, {"a": ["x"]}, {"a": ["y"]}, [], ["a x"], ["a y"], id="exclusive takes others' away"),
        pytest.param(EXCLUSIVE, {"a": ["x"]}, {"a": ["x"], "b": ["y"]}, [], [], [], id="but not of somebody not named"),
        pytest.param(EXCLUSIVE, {"a": None}, {"a": ["y"]}, [], [], [], id="nor where no roles are written"),
    ],
)
def test_what_becomes_of_roles(
    rule: RolesOfMembers,
    wanted: dict[str, Any],
    seen: dict[str, Any],
    managed: list[str],
    added: list[str],
    removed: list[str],
) -> None:
    change = rule.change("member_roles", wanted, seen, managed)
    if not added and not removed:
        assert change is None
        return
    assert change is not None
    assert [f"{pair['user_id']} {pair['role_id']}" for pair in change.added] == added
    assert [f"{pair['user_id']} {pair['role_id']}" for pair in change.removed] == removed
