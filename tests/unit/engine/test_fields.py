"""How wish and observation compare (ENGINE rule 13): by each field's own rule, only over what the user wrote, and with
a memory of which entries of shared lists and maps are ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from mlgate.engine.fields import Alike, CreateOnly, Exact, Fields, MapOf, Nested, Rule, SetOf, Unseen, WriteOnly
from mlgate.engine.plan import Action, Change
from mlgate.errors import Terminal
from mlgate.reasons import Reason
from mlgate.sensitive import Sensitive

NOTHING = object()


@dataclass(frozen=True)
class Case:
    says: str
    rule: Rule
    wanted: Any
    seen: Any
    send: Any = NOTHING
    added: tuple[Any, ...] = ()
    removed: tuple[Any, ...] = ()
    managed: tuple[str, ...] = ()
    old: Any = NOTHING
    new: Any = NOTHING

    def __str__(self) -> str:
        return self.says


def any_case(one: str, other: str) -> bool:
    return one.lower() == other.lower()


SCOPES = SetOf(("value",))
SHARED = SetOf(("api", "name"), shared=True)
A, B, C = ({"api": "x", "name": name} for name in "abc")

CASES = [
    Case("an equal value changes nothing", Exact(), "a", "a"),
    Case("another value is sent as wished", Exact(), "a", "b", send="a"),
    Case("a list with another order is another value where order counts", Exact(), [1, 2], [2, 1], send=[1, 2]),
    Case("an object with its keys in another order is the same", Exact(), {"a": 1, "b": 2}, {"b": 2, "a": 1}),
    Case("an empty text is what the service shows as null", Exact(absent=""), "", None),
    Case("null is what the service shows as an empty text", Exact(absent=""), None, ""),
    Case("clearing a text that is set outside is a change", Exact(absent=""), "", "old", send=""),
    Case("without an absent value null and an empty text differ", Exact(), "", None, send=""),
    Case("false is not the same as nothing", Exact(), False, None, send=False),
    Case("another secret is a change", Exact(), Sensitive("new"), Sensitive("old"), send=Sensitive("new")),
    Case("the same secret changes nothing", Exact(), Sensitive("s"), Sensitive("s")),
    Case(
        "in an object of objects the innermost key is sent with what stands beside it where the service replaces",
        Nested(merges=False, otherwise=Nested(merges=False)),
        {"a": {"x": 2}},
        {"a": {"x": 1, "y": 1}, "b": {"z": 1}},
        send={"a": {"x": 2, "y": 1}, "b": {"z": 1}},
        old={"a": {"x": 1}},
        new={"a": {"x": 2}},
    ),
    Case(
        "a plain value among objects compares exactly",
        Nested(merges=True, otherwise=Nested(merges=True)),
        {"a": 1},
        {"a": 1},
    ),
    Case("casing means nothing where the service says so", Alike(any_case), "Key", "key"),
    Case("what the service calls different is sent", Alike(any_case), "Key", "Token", send="Key"),
    Case("a list in another order is the same set", SetOf(), ["a", "b"], ["b", "a"]),
    Case("an element written twice counts once", SetOf(), ["a", "a"], ["a"]),
    Case("no list is an empty list", SetOf(), [], None),
    Case("a missing element is added", SetOf(), ["a", "b"], ["a"], send=["a", "b"], added=("b",)),
    Case(
        "an unwished element of a list that is ours whole goes", SetOf(), ["a"], ["a", "b"], send=["a"], removed=("b",)
    ),
    Case("an emptied list is sent empty", SetOf(), [], ["a"], send=[], removed=("a",)),
    Case(
        "an element with the same key and another text is replaced",
        SCOPES,
        [{"value": "r", "description": "new"}],
        [{"value": "r", "description": "old"}],
        send=[{"value": "r", "description": "new"}],
        added=({"value": "r", "description": "new"},),
    ),
    Case(
        "what the manifest says nothing about in an element is left alone",
        SCOPES,
        [{"value": "r"}],
        [{"value": "r", "description": "x"}],
    ),
    Case(
        "an element without a text is as one with an empty text",
        SCOPES,
        [{"value": "r", "description": ""}],
        [{"value": "r"}],
    ),
    Case("entries of others in a shared list are left alone", SHARED, [A], [A, B]),
    Case("an entry is added to a shared list and the others stay", SHARED, [A], [B], send=[B, A], added=(A,)),
    Case(
        "an entry that we put into a shared list goes when it is wished no more",
        SHARED,
        [A],
        [A, B, C],
        managed=("x\na", "x\nb"),
        send=[C, A],
        removed=(B,),
    ),
    Case(
        "an entry that we put there and somebody removed is not removed again",
        SHARED,
        [A],
        [A],
        managed=("x\na", "x\nb"),
    ),
    Case(
        "an emptied shared list takes back only what was ours",
        SHARED,
        [],
        [A, B],
        managed=("x\na",),
        send=[B],
        removed=(A,),
    ),
    Case("only wished keys of an object count", Nested(merges=True), {"alg": "RS256"}, {"alg": "RS256", "life": 3}),
    Case(
        "a service that merges is sent the differing keys only",
        Nested(merges=True),
        {"alg": "RS256", "life": 9},
        {"alg": "RS256", "life": 3, "x": 1},
        send={"life": 9},
        old={"life": 3},
        new={"life": 9},
    ),
    Case(
        "a service that replaces is sent what is there as well",
        Nested(merges=False),
        {"life": 9},
        {"alg": "RS256", "life": 3},
        send={"alg": "RS256", "life": 9},
        old={"life": 3},
        new={"life": 9},
    ),
    Case("an object that is not there yet is sent whole", Nested(merges=True), {"life": 9}, None, send={"life": 9}),
    Case("an empty object and none are the same", Nested(merges=True), {}, None),
    Case(
        "a field inside an object compares by a rule of its own",
        Nested(merges=True, fields={"urls": SetOf()}),
        {"urls": ["a", "b"]},
        {"urls": ["b", "a"]},
    ),
    Case("keys of others in a map are left alone", MapOf(merges=True), {"a": "1"}, {"a": "1", "theirs": "x"}),
    Case(
        "a service that merges maps is sent what differs and null for what we drop",
        MapOf(merges=True),
        {"a": "2"},
        {"a": "1", "b": "1", "theirs": "x"},
        managed=("a", "b"),
        send={"a": "2", "b": None},
        old={"a": "1", "b": "1"},
        new={"a": "2"},
    ),
    Case(
        "a service that replaces maps is sent the whole map without what we drop",
        MapOf(merges=False),
        {"a": "2"},
        {"a": "1", "b": "1", "theirs": "x"},
        managed=("a", "b"),
        send={"a": "2", "theirs": "x"},
    ),
    Case("a key that we set and somebody removed is not dropped again", MapOf(merges=True), {}, {}, managed=("b",)),
    Case("a map that is not there yet is put", MapOf(merges=True), {"a": "1"}, None, send={"a": "1"}, old=None),
    Case("what cannot be changed and is as wished changes nothing", CreateOnly(), "a", "a"),
    Case("what cannot be changed compares by the rule inside", CreateOnly(Alike(any_case)), "West", "west"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_field(case: Case) -> None:
    change = case.rule.change("field", case.wanted, case.seen, case.managed)
    if case.send is NOTHING:
        assert change is None
        return
    assert change is not None
    assert (change.path, change.send, change.added, change.removed) == ("field", case.send, case.added, case.removed)
    assert case.old is NOTHING or change.old == case.old
    assert case.new is NOTHING or change.new == case.new


def test_what_cannot_be_changed_says_both_values_and_what_to_do() -> None:
    with pytest.raises(Terminal) as caught:
        CreateOnly().change("identifier", "https://new", "https://old", ())
    assert caught.value.reason is Reason.INVALID_SPEC
    assert (
        "identifier cannot be changed after creation: it is https://old outside and https://new" in caught.value.message
    )
    assert "delete the object and create it anew" in caught.value.message


def test_what_cannot_be_changed_never_shows_a_secret() -> None:
    with pytest.raises(Terminal) as caught:
        CreateOnly().change("key", Sensitive("hunter2"), Sensitive("hunter1"), ())
    assert "hunter" not in caught.value.message


@pytest.mark.parametrize(
    ("managed", "sent"),
    [
        pytest.param([], True, id="a secret is sent when it never was"),
        pytest.param([Sensitive("old").fingerprint()], True, id="a secret is sent again when it changed"),
        pytest.param([Sensitive("new").fingerprint()], False, id="a secret that was sent is not sent again"),
    ],
)
def test_what_is_never_shown(managed: list[str], sent: bool) -> None:
    fields = Fields(password=WriteOnly())
    plan = fields.diff({"password": Sensitive("new")}, {}, {"password": managed}, "id")
    assert bool(plan) is sent
    assert fields.managed(plan.wanted) == {"password": [Sensitive("new").fingerprint()]}
    assert "new" not in str(plan.published()["changes"]).replace("'new'", "")


def test_how_something_is_done_is_told_to_a_new_one_and_is_never_a_difference() -> None:
    fields, wish = Fields(verify=Unseen()), {"verify": True}
    assert fields.diff(wish, None, {}, None).values() == wish
    assert not fields.diff(wish, {"verify": False}, {}, "id")


RULES = Fields(tags=MapOf(merges=True), shared=SHARED, whole=SetOf(), fixed=CreateOnly(MapOf(merges=True)))


def test_only_fields_in_the_wish_are_looked_at() -> None:
    plan = RULES.diff({"name": "a"}, {"name": "a", "tags": {"x": "y"}, "other": 1}, {"tags": ["x"]}, "id")
    assert (plan.action, plan.changes) == (Action.NOTHING, [])


def test_a_new_one_gets_every_wished_field_but_those_without_a_value() -> None:
    plan = RULES.diff({"b": 2, "a": 1, "c": None}, None, {}, None)
    assert plan.action is Action.CREATE
    assert plan.external_id is None
    assert list(plan.changes) == [Change("a", None, 1, 1), Change("b", None, 2, 2)]


def test_changes_come_in_the_order_of_their_names_whatever_the_manifest_order() -> None:
    one = RULES.diff({"b": 2, "a": 1}, {}, {}, "id")
    other = RULES.diff({"a": 1, "b": 2}, {}, {}, "id")
    assert [change.path for change in one.changes] == ["a", "b"]
    assert one.hash == other.hash


def test_an_empty_observation_is_not_nothing() -> None:
    assert RULES.diff({"a": 1}, {}, {}, "id").action is Action.UPDATE


def test_a_field_without_a_rule_compares_exactly() -> None:
    assert RULES.diff({"plain": ["a", "b"]}, {"plain": ["b", "a"]}, {}, "id").action is Action.UPDATE


def test_memory_holds_our_entries_of_shared_fields_only() -> None:
    wanted = {"tags": {"b": "1", "a": "2"}, "shared": [B, A], "whole": ["x"], "name": "n", "fixed": {"f": "1"}}
    assert RULES.managed(wanted) == {"tags": ["a", "b"], "shared": ["x\na", "x\nb"], "fixed": ["f"]}


def test_memory_of_an_emptied_field_is_empty() -> None:
    assert RULES.managed({"tags": {}, "shared": []}) == {}


@dataclass
class Tags:
    """A service that merges maps."""

    there: dict[str, str] = field(default_factory=dict)

    def patch(self, values: dict[str, str | None]) -> None:
        for name, value in values.items():
            if value is None:
                self.there.pop(name, None)
            else:
                self.there[name] = value


def test_over_several_manifests_a_shared_map_ends_as_written_with_the_keys_of_others() -> None:
    service, managed = Tags({"theirs": "x"}), dict[str, list[str]]()
    for wish in ({"a": "1", "b": "1"}, {"b": "2"}, {"c": "3"}, {}):
        plan = RULES.diff({"tags": wish}, {"tags": service.there}, managed, "id")
        service.patch(plan.values()["tags"])
        managed = RULES.managed({"tags": wish})
        assert service.there == {"theirs": "x", **wish}
        assert not RULES.diff({"tags": wish}, {"tags": service.there}, managed, "id")
