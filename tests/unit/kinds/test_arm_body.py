"""ARM bodies: a PUT carries what is there with the wish over it, and what is read is compared by each field's rule
(ENGINE rules 8 and 13)."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate.azureml import compare
from mlgate.engine.plan import Action
from mlgate.errors import Terminal
from mlgate.kinds.azure import arm_body
from mlgate.sensitive import Sensitive

RAW: dict[str, Any] = {
    "id": "/subscriptions/s/x",
    "name": "x",
    "type": "t",
    "etag": None,
    "systemData": {"createdBy": "me"},
    "location": "westeurope",
    "kind": "Managed",
    "identity": {"type": "SystemAssigned"},
    "tags": {"theirs": "1", "a": "1"},
    "properties": {
        "authMode": "Key",
        "traffic": {"blue": 100},
        "scoringUri": "https://x",
        "provisioningState": "Succeeded",
        "compute": {"name": "c"},
    },
}
FIELDS = arm_body.rules(compare.ENDPOINT, fixed=("location",))


def put(wanted: dict[str, Any], **managed: list[str]) -> dict[str, Any]:
    """What is put for a wish that differs from what is there."""
    plan = FIELDS.diff(wanted, arm_body.values(RAW, wanted), managed, "id")
    return arm_body.body(plan.wanted, plan.values(), RAW)


@pytest.mark.parametrize(
    ("path", "expect"),
    [
        pytest.param("location", "westeurope", id="a field at the top"),
        pytest.param("properties.compute.name", "c", id="a field inside"),
        pytest.param("properties.nothing.there", None, id="nothing where nothing is"),
        pytest.param("location.inside.text", None, id="nothing inside a text"),
    ],
)
def test_reading(path: str, expect: object) -> None:
    assert arm_body.read(RAW, path) == expect


def test_values_are_read_for_wished_fields_only() -> None:
    assert arm_body.values(RAW, {"properties.authMode": 1, "sku.name": 1}) == {
        "properties.authMode": "Key",
        "sku.name": None,
    }


def test_a_new_body_is_the_wish() -> None:
    wanted = {"location": "westeurope", "properties.a.b": 1, "properties.a.c": 2, "sku.name": "S", "tags": {"a": "1"}}
    assert arm_body.body(wanted, wanted, None) == {
        "location": "westeurope",
        "properties": {"a": {"b": 1, "c": 2}},
        "sku": {"name": "S"},
        "tags": {"a": "1"},
    }


def test_a_body_carries_what_is_there_and_nothing_that_only_the_service_sets() -> None:
    body = put({"properties.authMode": "AMLToken"})
    assert body == {
        "location": "westeurope",
        "kind": "Managed",
        "identity": {"type": "SystemAssigned"},
        "tags": {"theirs": "1", "a": "1"},
        "properties": {"authMode": "AMLToken", "traffic": {"blue": 100}, "compute": {"name": "c"}},
    }


def test_what_was_seen_is_never_changed_by_a_body_made_from_it() -> None:
    body = put({"properties.compute.name": "other", "tags": {"b": "2"}})
    assert body["properties"]["compute"]["name"] == "other"
    assert RAW["properties"]["compute"]["name"] == "c"
    assert RAW["tags"] == {"theirs": "1", "a": "1"}


def test_secrets_are_revealed_in_a_request_only() -> None:
    wanted = {"properties.environmentVariables": {"PLAIN": "x", "KEY": Sensitive("hunter2")}}
    assert arm_body.body(wanted, wanted, None)["properties"]["environmentVariables"] == {"PLAIN": "x", "KEY": "hunter2"}
    assert "hunter2" not in repr(wanted)


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [
        pytest.param({"location": "West Europe"}, {"location": "westeurope"}, id="regions in another spelling"),
        pytest.param(
            {"properties.authMode": "aadToken"}, {"properties.authMode": "AADToken"}, id="words in another casing"
        ),
        pytest.param(
            {"properties.traffic": {"blue": 100, "green": 0}},
            {"properties.traffic": {"blue": 100}},
            id="a weight of 0 and none",
        ),
        pytest.param({"tags": {"a": "1"}}, {"tags": {"a": "1", "theirs": "2"}}, id="tags beside those of others"),
    ],
)
def test_what_azure_reads_back_otherwise_is_the_same(wanted: dict[str, Any], seen: dict[str, Any]) -> None:
    assert FIELDS.diff(wanted, seen, {}, "id").action is Action.NOTHING


def test_an_empty_text_and_none_are_the_same_where_no_rule_stands() -> None:
    plan = FIELDS.diff({"properties.description": ""}, {"properties.description": None}, {}, "id")
    assert plan.action is Action.NOTHING


def test_a_field_that_cannot_be_changed_says_so() -> None:
    with pytest.raises(Terminal, match="location cannot be changed after creation"):
        FIELDS.diff({"location": "northeurope"}, {"location": "westeurope"}, {}, "id")


def test_tags_of_others_stay_in_a_put() -> None:
    assert put({"tags": {"a": "2"}}, tags=["a"])["tags"] == {"theirs": "1", "a": "2"}


def test_a_tag_of_ours_that_left_the_manifest_is_not_put_again() -> None:
    assert put({"tags": {"b": "1"}}, tags=["a"])["tags"] == {"theirs": "1", "b": "1"}


def test_tags_of_others_stay_in_a_put_that_changes_something_else() -> None:
    assert put({"properties.authMode": "AMLToken", "tags": {"a": "1"}}, tags=["a"])["tags"] == {"theirs": "1", "a": "1"}
