"""A plan as data (ENGINE rule 14): stable order, a hash that an approval can name, and no secret in anything shown."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pytest

from mlgate.engine.fields import Fields, MapOf, Nested
from mlgate.engine.plan import Action, Change, Plan, brief, wish_hash
from mlgate.sensitive import Sensitive

BASE = Plan(Action.UPDATE, {"a": 1}, [Change("a", 0, 1, 1)], "id-1")


@dataclass(frozen=True)
class Case:
    says: str
    other: Plan
    same: bool

    def __str__(self) -> str:
        return self.says


CASES = [
    Case(
        "the same plan made again has the same hash",
        Plan(Action.UPDATE, {"a": 1}, [Change("a", 0, 1, 1)], "id-1"),
        True,
    ),
    Case(
        "fields of the wish that do not change do not count",
        Plan(Action.UPDATE, {"a": 1, "b": 2}, [Change("a", 0, 1, 1)], "id-1"),
        True,
    ),
    Case("another new value is another plan", Plan(Action.UPDATE, {}, [Change("a", 0, 2, 2)], "id-1"), False),
    Case("another value outside is another plan", Plan(Action.UPDATE, {}, [Change("a", 5, 1, 1)], "id-1"), False),
    Case("another field is another plan", Plan(Action.UPDATE, {}, [Change("b", 0, 1, 1)], "id-1"), False),
    Case(
        "one change more is another plan",
        Plan(Action.UPDATE, {}, [Change("a", 0, 1, 1), Change("b", 0, 1, 1)], "id-1"),
        False,
    ),
    Case("another target is another plan", Plan(Action.UPDATE, {}, [Change("a", 0, 1, 1)], "id-2"), False),
    Case("another action is another plan", Plan(Action.DELETE, {}, [Change("a", 0, 1, 1)], "id-1"), False),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_an_approval_names(case: Case) -> None:
    assert (case.other.hash == BASE.hash) is case.same


def test_the_hash_is_short_enough_to_type() -> None:
    assert re.fullmatch(r"[0-9a-f]{10}", BASE.hash)


def test_plans_that_differ_at_the_end_of_a_long_value_have_different_hashes() -> None:
    one, other = "x" * 500 + "a", "x" * 500 + "b"
    assert (
        Plan(Action.UPDATE, {}, [Change("a", 0, one, one)]).hash
        != Plan(Action.UPDATE, {}, [Change("a", 0, other, other)]).hash
    )


def test_plans_that_write_different_secrets_have_different_hashes() -> None:
    one, other = Sensitive("a"), Sensitive("b")
    assert (
        Plan(Action.UPDATE, {}, [Change("k", 0, one, one)]).hash
        != Plan(Action.UPDATE, {}, [Change("k", 0, other, other)]).hash
    )


SECRET = Sensitive("hunter2")
FIELDS = Fields(plain=Nested(merges=False), tags=MapOf(merges=True))
WISH = {"key": SECRET, "plain": {"deep": {"deeper": SECRET}, "list": [SECRET]}, "tags": {"t": SECRET}}
SEEN = {
    "key": Sensitive("hunter1"),
    "plain": {"deep": {"deeper": Sensitive("hunter1")}},
    "tags": {"t": Sensitive("hunter1")},
}


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(FIELDS.diff(WISH, None, {}, None), id="in the plan of something new"),
        pytest.param(FIELDS.diff(WISH, SEEN, {}, "id"), id="in the plan of a change"),
    ],
)
def test_a_secret_is_never_shown(plan: Plan) -> None:
    assert len(plan.changes) == 3
    texts = [json.dumps(plan.published()), plan.summary, repr(plan), str(plan), f"{plan}", plan.hash]
    texts += [json.dumps(change.shown()) for change in plan.changes]
    assert [text for text in texts if "hunter" in text] == []
    assert all("***" in change.shown()["new"] for change in plan.changes)


def test_a_new_one_is_sent_whole_and_a_change_only_what_differs() -> None:
    wanted = {"name": "n", "tags": {"a": "1"}}
    create = FIELDS.diff(wanted, None, {}, None)
    assert create.values() == wanted
    assert create.values("name") == {"name": "n"}
    update = FIELDS.diff(wanted, {"name": "n", "tags": {"a": "0", "x": "y"}}, {}, "id")
    assert update.values() == {"tags": {"a": "1"}}
    assert update.values("name") == {}


def test_the_change_of_one_field_is_found_by_its_name() -> None:
    assert BASE.change("a") == Change("a", 0, 1, 1)
    assert BASE.change("b") is None


def test_a_plan_that_does_nothing_is_false() -> None:
    assert not Plan(Action.NOTHING)
    assert Plan(Action.DELETE)


def test_a_summary_names_eight_fields_and_counts_the_rest() -> None:
    plan = Plan(Action.UPDATE, {}, [Change(f"f{n}", 0, 1, 1) for n in range(10)])
    assert plan.summary == "Update f0, f1, f2, f3, f4, f5, f6, f7 and 2 more"
    assert Plan(Action.DELETE).summary == "Delete"


def test_what_is_published_fits_into_a_status() -> None:
    plan = Plan(Action.CREATE, {}, [Change(f"f{n}", None, "x" * 10_000, 1) for n in range(100)])
    shown = plan.published()
    assert shown["hash"] == plan.hash
    assert len(shown["changes"]) == 64
    assert all(len(change["new"]) == 200 for change in shown["changes"])


@pytest.mark.parametrize(
    ("old", "new", "action"),
    [
        pytest.param(None, 1, "add", id="what was not there is added"),
        pytest.param(1, None, "remove", id="what is not wished any more is removed"),
        pytest.param(1, 2, "replace", id="what differs is replaced"),
    ],
)
def test_what_a_change_is_called(old: int | None, new: int | None, action: str) -> None:
    assert Change("a", old, new, new).shown()["action"] == action


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(None, "", id="nothing is an empty text"),
        pytest.param("text", "text", id="text stands as it is"),
        pytest.param({"b": 1, "a": True}, '{"a": true, "b": 1}', id="objects are JSON with sorted keys"),
        pytest.param("x" * 201, "x" * 199 + "…", id="long text is cut and says so"),
        pytest.param({"k": Sensitive("s")}, '{"k": "***"}', id="secrets inside are stars"),
    ],
)
def test_values_as_short_text(value: object, text: str) -> None:
    assert brief(value) == text


def test_the_hash_of_a_wish_tells_secrets_apart_without_showing_them() -> None:
    one = wish_hash({"a": 1, "k": Sensitive("hunter1")})
    assert one == wish_hash({"k": Sensitive("hunter1"), "a": 1})
    assert one != wish_hash({"a": 1, "k": Sensitive("hunter2")})
    assert one != wish_hash({"a": 2, "k": Sensitive("hunter1")})
