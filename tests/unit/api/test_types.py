"""The types behind the manifests: unset stays unset, durations, who may refer to what."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from mlgate.api import KINDS, AllowedNamespaces, Auth0APISpec, Auth0RoleSpec, ManagedSpec, ObjectRef, parse_duration
from mlgate.api.references import may_refer


def test_what_is_not_written_is_not_set() -> None:
    spec = Auth0APISpec.model_validate({"tenantRef": {"name": "main"}, "identifier": "a", "tokenLifetime": 60})
    assert spec.token_lifetime == 60
    assert spec.token_lifetime_for_web is None
    assert spec.model_fields_set == {"tenant_ref", "identifier", "token_lifetime"}


def test_the_policies_default_to_keep_correct_and_remove() -> None:
    spec = ManagedSpec()
    assert (spec.management_policy, spec.deletion_policy, spec.drift_policy) == ("Manage", "Delete", "Correct")
    assert spec.resync_interval is None
    assert spec.import_ is None


def test_import_is_read_by_its_name_in_the_manifest() -> None:
    spec = ManagedSpec.model_validate({"import": {"id": "rol_1"}})
    assert spec.import_ is not None
    assert spec.import_.id == "rol_1"
    assert spec.to_wire() == {"import": {"id": "rol_1"}}


def test_fields_of_a_newer_version_are_ignored_when_reading() -> None:
    assert ManagedSpec.model_validate({"fromTheFuture": 1}) == ManagedSpec()


def test_a_spec_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError):
        ObjectRef(name="a").name = "b"  # type: ignore[misc]


def test_a_manifest_made_from_types_says_only_what_was_set() -> None:
    spec = Auth0RoleSpec(tenant_ref=ObjectRef(name="main"), description="d")
    assert KINDS["Auth0Role"].manifest("ml", "clerk", spec, labels={"a": "b"}) == {
        "apiVersion": "mlgate.dev/v1alpha1",
        "kind": "Auth0Role",
        "metadata": {"name": "clerk", "namespace": "ml", "labels": {"a": "b"}},
        "spec": {"tenantRef": {"name": "main"}, "description": "d"},
    }


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("10s", timedelta(seconds=10)),
        ("1h30m", timedelta(minutes=90)),
        ("500ms", timedelta(milliseconds=500)),
        ("720h", timedelta(days=30)),
        ("1m500ms", timedelta(seconds=60.5)),
    ],
)
def test_durations_are_read_as_go_writes_them(text: str, meant: timedelta) -> None:
    assert parse_duration(text) == meant


@pytest.mark.parametrize("text", ["", "10", "s", "1d", "-5s", "1.5h", "10s "])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("allowed", "asking", "may"),
    [
        pytest.param(None, "ml", True, id="left out, an object of the same namespace may refer"),
        pytest.param(None, "shop", False, id="left out, one of another namespace may not"),
        pytest.param({}, "shop", False, id="empty means Same"),
        pytest.param({"from": "Same"}, "shop", False, id="Same keeps others out"),
        pytest.param({"from": "All"}, "shop", True, id="All lets everyone in"),
        pytest.param({"from": "Names", "names": ["shop"]}, "shop", True, id="a named namespace may refer"),
        pytest.param({"from": "Names", "names": ["shop"]}, "other", False, id="one that is not named may not"),
        pytest.param({"from": "Names", "names": ["shop"]}, "ml", True, id="its own namespace always may"),
    ],
)
def test_who_may_refer(allowed: dict[str, object] | None, asking: str, may: bool) -> None:
    given = None if allowed is None else AllowedNamespaces.model_validate(allowed)
    assert may_refer(given, "ml", asking) is may
