"""CEL in the embedded store: what Kubernetes adds to the language, and values as rules see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from mlgate.store.memory import UnsupportedRule
from mlgate.store.memory.cel import Rule, escaped
from mlgate.store.memory.schema import MISSING, Schema
from mlgate.store.memory.validation import Fault, rule_faults


@dataclass(frozen=True)
class Holds:
    """A rule and a value for which it holds."""

    id: str
    rule: str
    value: Any
    schema: dict[str, Any] | None = None

    def __str__(self) -> str:
        return self.id


_ANY: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _with(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


HOLDS = [
    Holds("a field is there", "has(self.a) && !has(self.b)", {"a": 1}),
    Holds("exactly one of three", "[has(self.a), has(self.b), has(self.c)].filter(x, x).size() == 1", {"b": 1}),
    Holds("a sum over a map", "self.map(k, self[k]).sum() == 100", {"blue": 40, "green": 60}),
    Holds("the smallest of a list", "self.xs.min() == 1 && self.xs.max() == 3", {"xs": [3, 1, 2]}),
    Holds("a sorted list", "self.xs.isSorted()", {"xs": [1, 2, 3]}),
    Holds("where a value stands in a list", "self.xs.indexOf('b') == 1", {"xs": ["a", "b"]}),
    Holds("where a text stands in a text", "self.x.indexOf('b') == 1", {"x": "ab"}),
    Holds("a URL's parts", "isURL(self.u) && url(self.u).getScheme() == 'https'", {"u": "https://a.b:8/c"}),
    Holds(
        "a URL's host and port",
        "url(self.u).getHost() == 'a.b:8' && url(self.u).getPort() == '8'",
        {"u": "https://a.b:8/c"},
    ),
    Holds("what is not a URL", "!isURL(self.u)", {"u": "a b"}),
    Holds("a regular expression found", "self.x.find('[0-9]+') == '12'", {"x": "a12b"}),
    Holds("lower case", "self.x.lowerAscii() == 'abc'", {"x": "AbC"}),
    Holds("a duration given as text", "duration(self.x) >= duration('1m')", {"x": "1h30m"}),
    Holds("a number field written as an integer", "self.x > 0.5", {"x": 1}, _with(x={"type": "number"})),
    Holds(
        "a field that is a word of the language",
        "self.__namespace__ == 'a' && self.a__dash__b == 1",
        {"namespace": "a", "a-b": 1},
        _with(**{"namespace": {"type": "string"}, "a-b": {"type": "integer"}}),
    ),
    Holds(
        "the same inside a list",
        "self.xs.all(x, x.__namespace__ != '')",
        {"xs": [{"namespace": "a"}]},
        _with(xs={"type": "array", "items": _with(namespace={"type": "string"})}),
    ),
    Holds(
        "a time compared with a time",
        "self.at > timestamp('2020-01-01T00:00:00Z')",
        {"at": "2021-01-01T00:00:00Z"},
        _with(at={"type": "string", "format": "date-time"}),
    ),
]


@pytest.mark.parametrize("case", HOLDS, ids=str)
def test_a_rule_holds(case: Holds) -> None:
    rule = Rule({"rule": case.rule}, case.schema or _ANY)
    assert rule.broken(case.value, MISSING, has_old=False) is None


def test_a_rule_that_cannot_be_evaluated_is_broken_and_says_so() -> None:
    assert "self.b > 1" in (Rule({"rule": "self.b > 1"}, _ANY).broken({"a": 1}, MISSING, has_old=False) or "")


@pytest.mark.parametrize("source", ["self.a >", "self.?a.orValue('') == ''"], ids=["a syntax error", "optional access"])
def test_a_rule_that_does_not_compile_is_refused_when_it_is_read(source: str) -> None:
    with pytest.raises(UnsupportedRule, match="cannot compile"):
        Schema({**_ANY, "x-kubernetes-validations": [{"rule": source}]})


def _faults(raw: dict[str, Any], value: Any, old: Any = MISSING) -> list[str]:
    found: list[Fault] = []
    rule_faults(Schema(raw), value, old, "spec", found)
    return [fault.text for fault in found]


def test_an_unchanged_value_is_not_judged_again_except_by_transition_rules() -> None:
    ordinary = {**_ANY, "x-kubernetes-validations": [{"rule": "self.a > 1", "message": "too small"}]}
    assert _faults(ordinary, {"a": 1}) == ["spec: Invalid value: too small"]
    assert _faults(ordinary, {"a": 1}, {"a": 1}) == []
    transition = {**_ANY, "x-kubernetes-validations": [{"rule": "self.a > oldSelf.a", "message": "must grow"}]}
    assert _faults(transition, {"a": 1}) == []
    assert _faults(transition, {"a": 1}, {"a": 1}) == ["spec: Invalid value: must grow"]


def test_transition_rules_follow_list_map_items_by_key_and_skip_atomic_lists() -> None:
    item = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "v": {"type": "integer"}},
        "x-kubernetes-validations": [{"rule": "self.v >= oldSelf.v", "message": "must not shrink"}],
    }
    keyed = {"type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    old = [{"name": "a", "v": 5}, {"name": "b", "v": 1}]
    new = [{"name": "b", "v": 2}, {"name": "a", "v": 4}, {"name": "c", "v": 0}]
    assert _faults(keyed, new, old) == ["spec[1]: Invalid value: must not shrink"]
    assert _faults({"type": "array", "items": item}, new, old) == []


def test_a_rule_may_point_at_a_field() -> None:
    raw = {**_ANY, "x-kubernetes-validations": [{"rule": "false", "message": "no", "fieldPath": ".a.b"}]}
    assert _faults(raw, {}) == ["spec.a.b: Invalid value: no"]


@pytest.mark.parametrize(
    ("name", "expect"),
    [("namespace", "__namespace__"), ("a-b", "a__dash__b"), ("a.b", "a__dot__b"), ("plain", "plain")],
)
def test_property_names_are_escaped_as_rules_write_them(name: str, expect: str) -> None:
    assert escaped(name) == expect
