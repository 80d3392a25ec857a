"""The owner mark (ENGINE rule 2): it tells whose something outside is, survives a restore, and fits every service."""

from __future__ import annotations

import pytest

from mlgate.engine.marks import LONGEST
from unit.engine.samples import a_mark

MINE = a_mark("a", uid="uid-1")


@pytest.mark.parametrize(
    ("owner", "uid", "expect"),
    [
        pytest.param(MINE.owner, MINE.uid, True, id="what carries our mark is ours"),
        pytest.param(MINE.owner, "uid-before", True, id="an object that was restored with a new uid finds its own"),
        pytest.param("staging/Thing/ml/renamed", MINE.uid, True, id="the same uid is the same object"),
        pytest.param(a_mark("b").owner, "uid-2", False, id="another object's mark is not ours"),
        pytest.param(
            a_mark("a", cluster="staging").owner, "uid-2", False, id="the same name in another cluster is not ours"
        ),
        pytest.param(
            a_mark("a", namespace="shop").owner, "uid-2", False, id="the same name in another namespace is not ours"
        ),
        pytest.param(MINE.owner, None, True, id="half a mark with our name is ours"),
        pytest.param(None, "uid-2", False, id="half a mark with another uid is another's"),
        pytest.param(None, None, None, id="without a mark nothing is known"),
        pytest.param("", "", None, id="an empty mark is none"),
    ],
)
def test_whose_it_is(owner: str | None, uid: str | None, expect: bool | None) -> None:
    assert MINE.is_on(owner=owner, uid=uid) is expect


def test_a_short_mark_is_readable() -> None:
    assert MINE.owner == "prod/Thing/ml/a"


def test_a_mark_fits_every_service_and_long_names_stay_apart() -> None:
    one, other = a_mark("x" * 253 + "a", cluster="c" * 40), a_mark("x" * 253 + "b", cluster="c" * 40)
    assert len(one.owner) == len(other.owner) == LONGEST
    assert one.owner != other.owner
    assert len(a_mark("x" * (LONGEST - len("prod/Thing/ml/"))).owner) == LONGEST
