"""Where our Actions stand among those of others."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mlgate.kinds.auth0.trigger_order import Place, with_ours, without


@dataclass(frozen=True)
class Case:
    says: str
    present: str
    mine: str
    ours: dict[str, int]
    expect: str

    def __str__(self) -> str:
        return self.says


CASES = [
    Case("the first one comes last of all", "xy", "a", {"a": 1}, "xya"),
    Case("an empty list holds just ours", "", "a", {"a": 1}, "a"),
    Case("a later one comes right behind the last of ours before it", "xay", "b", {"a": 1, "b": 2}, "xaby"),
    Case("an earlier one comes right before the first of ours after it", "xby", "a", {"a": 1, "b": 2}, "xaby"),
    Case("between two of ours it stands between them", "axcy", "b", {"a": 1, "b": 2, "c": 3}, "abxcy"),
    Case("ours in a wrong order change places and others keep theirs", "bxa", "a", {"a": 1, "b": 2}, "axb"),
    Case("what is in order stays", "axb", "b", {"a": 1, "b": 2}, "axb"),
    Case("the same priority goes by id, so that two objects agree", "ba", "a", {"a": 5, "b": 5}, "ab"),
    Case("one of ours that nobody has looked at yet keeps its place", "ca", "a", {"a": 1}, "ca"),
    Case("ours that is not bound makes no difference", "x", "a", {"a": 1, "b": 0}, "xa"),
]


def places(text: str) -> list[Place]:
    return [Place(name, name) for name in text]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_order(case: Case) -> None:
    found = with_ours(places(case.present), Place(case.mine, case.mine), case.ours)
    assert "".join(place.action_id for place in found) == case.expect
    assert with_ours(found, Place(case.mine, case.mine), case.ours) == found, "in order once, in order for good"


def test_another_display_name_stays_in_its_place() -> None:
    assert with_ours(places("xay"), Place("a", "new"), {"a": 1}) == [
        Place("x", "x"),
        Place("a", "new"),
        Place("y", "y"),
    ]


def test_taking_ours_away_leaves_the_others() -> None:
    assert without(places("xay"), "a") == places("xy")
