"""Which thing outside is this object's: found 0, 1 or more, ours or not, claimed by others or not (ENGINE rules 2, 3, 4
and 6). What is not certain is never written to."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest

from mlgate.engine.identity import Adopt, Create, choose
from mlgate.engine.protocols import Seen
from mlgate.errors import AmbiguousIdentity, Terminal
from mlgate.reasons import Reason


def ours(id_: str = "o1") -> Seen:
    return Seen(id_, {}, ours=True)


def unmarked(id_: str = "u1") -> Seen:
    return Seen(id_, {}, ours=None)


def foreign(id_: str = "f1", holder: str | None = "prod/Thing/x/y") -> Seen:
    return Seen(id_, {}, ours=False, holder=holder)


CREATE, AMBIGUOUS, CONFLICT = "create", "ambiguous", "conflict"


@dataclass(frozen=True)
class Case:
    says: str
    found: tuple[Seen, ...]
    may_exist: bool
    expect: str
    claims: dict[str, str] = field(default_factory=dict)
    message: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.says


CASES = [
    Case("nothing found before the first try is made", (), False, CREATE),
    Case("nothing found after a try that may have worked is made", (), True, CREATE),
    Case(
        "what carries our mark is ours although we know of no try (status and finalizer lost)", (ours(),), False, "o1"
    ),
    Case("what carries our mark is ours after a lost answer", (ours(),), True, "o1"),
    Case(
        "two with our mark are nobody's to choose from",
        (ours("o1"), ours("o2")),
        True,
        AMBIGUOUS,
        message=("o1, o2", "spec.import.id"),
    ),
    Case("two with our mark are ambiguous before the first try as well", (ours("o1"), ours("o2")), False, AMBIGUOUS),
    Case("our mark wins over things without one", (unmarked(), ours()), True, "o1"),
    Case("our mark wins over things of others", (foreign(), ours()), False, "o1"),
    Case("one without a mark under our key is what our lost try made", (unmarked(),), True, "u1"),
    Case(
        "one without a mark under our key is a stranger's before the first try",
        (unmarked(),),
        False,
        CONFLICT,
        message=("u1 already exists outside and was not made by mlgate", "Set spec.import.id to u1"),
    ),
    Case(
        "two without a mark after a lost answer are ambiguous",
        (unmarked("u1"), unmarked("u2")),
        True,
        AMBIGUOUS,
        message=("u1, u2", "spec.import.id"),
    ),
    Case(
        "several without a mark before the first try are a conflict", (unmarked("u1"), unmarked("u2")), False, CONFLICT
    ),
    Case(
        "one with another's mark is never taken",
        (foreign(),),
        True,
        CONFLICT,
        message=("belongs to prod/Thing/x/y", "Remove one of the two objects"),
    ),
    Case("one with another's mark is a conflict before the first try as well", (foreign(),), False, CONFLICT),
    Case(
        "one without a mark is ours after a lost answer although another's is there too",
        (foreign(), unmarked()),
        True,
        "u1",
    ),
    Case(
        "what another object holds in its status is not ours to adopt",
        (unmarked(),),
        True,
        CONFLICT,
        {"u1": "Thing ml/b"},
        ("belongs to Thing ml/b",),
    ),
    Case(
        "what another object holds is not ours even with our mark on it",
        (ours(),),
        True,
        CONFLICT,
        {"o1": "Thing ml/b"},
    ),
    Case(
        "of two with our mark the one that nobody holds is ours",
        (ours("o1"), ours("o2")),
        True,
        "o2",
        {"o1": "Thing ml/b"},
    ),
    Case(
        "of two without a mark the one that nobody holds is ours",
        (unmarked("u1"), unmarked("u2")),
        True,
        "u2",
        {"u1": "Thing ml/b"},
    ),
    Case("a claim on something that was not found means nothing", (unmarked(),), True, "u1", {"z9": "Thing ml/b"}),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_choose(case: Case) -> None:
    if case.expect in (AMBIGUOUS, CONFLICT):
        with pytest.raises(AmbiguousIdentity if case.expect == AMBIGUOUS else Terminal) as caught:
            choose(case.found, may_exist=case.may_exist, claims=case.claims)
        reason = Reason.ADOPTION_AMBIGUOUS if case.expect == AMBIGUOUS else Reason.EXTERNAL_CONFLICT
        assert caught.value.reason is reason
        assert [words for words in case.message if words not in caught.value.message] == []
        return
    choice = choose(case.found, may_exist=case.may_exist, claims=case.claims)
    assert (choice.seen.id if isinstance(choice, Adopt) else CREATE) == case.expect


@pytest.mark.parametrize("may_exist", [False, True], ids=["before the first try", "after a try"])
def test_whatever_is_found_nothing_of_others_is_adopted_and_nothing_is_doubled(may_exist: bool) -> None:
    """All combinations of up to three things: ours, unmarked, another's, each claimed or not."""
    sorts = [(mark, claimed) for mark in (True, None, False) for claimed in (True, False)]
    for combination in itertools.chain.from_iterable(itertools.product(sorts, repeat=n) for n in range(4)):
        found = [Seen(f"t{n}", {}, ours=mark) for n, (mark, _) in enumerate(combination)]
        claims = {f"t{n}": "Thing ml/b" for n, (_, claimed) in enumerate(combination) if claimed}
        free_ours = [s for s in found if s.ours and s.id not in claims]
        try:
            choice = choose(found, may_exist=may_exist, claims=claims)
        except AmbiguousIdentity:
            assert len([s for s in found if s.ours is not False and s.id not in claims]) > 1
        except Terminal:
            assert found and not free_ours
        else:
            if isinstance(choice, Create):
                assert not found
            else:
                assert choice.seen.ours is not False
                assert choice.seen.id not in claims
                assert choice.seen.ours or may_exist
