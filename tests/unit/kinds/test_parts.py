"""How the parts of a composition add up: the first that is stalled speaks, else the first that is not there yet."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate.engine.protocols import Health, Summary
from mlgate.kinds.parts import part, summary
from mlgate.reasons import Reason
from mlgate.store.protocol import Object
from unit.engine.samples import WELL, an_object, condition

WANTED = [("Auth0API", "a"), ("Auth0Role", "b")]
STALLED = (
    {**condition("Ready", "False", reason="InvalidSpec"), "message": "wrong"},
    condition("Synced", "False", reason="InvalidSpec"),
    condition("Stalled", reason="InvalidSpec"),
)
CREATING = ({**condition("Ready", "False", reason="Creating"), "message": "being made"}, condition("Synced", "False"))
UPDATING = (condition("Ready"), {**condition("Synced", "False", reason="Updating"), "message": "being changed"})


def children(a: tuple[Any, ...] | None, b: tuple[Any, ...] | None, **more: Any) -> dict[tuple[str, str], Object]:
    said = {("Auth0API", "a"): a, ("Auth0Role", "b"): b}
    return {
        (kind, name): an_object(kind, name, conditions=conditions, **more)
        for (kind, name), conditions in said.items()
        if conditions is not None
    }


@pytest.mark.parametrize(
    ("there", "expect"),
    [
        pytest.param(children(WELL, WELL), Health(True), id="all well is well"),
        pytest.param(
            children(WELL, None),
            Health(False, Reason.CREATING, "Auth0Role b is being made.", settled=False),
            id="one that is missing is being made",
        ),
        pytest.param(
            children(WELL, ()),
            Health(False, Reason.UPDATING, "Auth0Role b is being looked at.", settled=False),
            id="one without conditions is being looked at",
        ),
        pytest.param(
            children(CREATING, WELL),
            Health(False, Reason.CREATING, "Auth0API a: being made", settled=False),
            id="one that is not ready speaks with its own words",
        ),
        pytest.param(
            children(UPDATING, WELL),
            Health(True, Reason.UPDATING, "Auth0API a: being changed", settled=False),
            id="one that is ready and being changed keeps the part usable",
        ),
        pytest.param(
            children(CREATING, STALLED),
            Health(False, Reason.INVALID_SPEC, "Auth0Role b: wrong", settled=False, failed=True),
            id="one that is stalled speaks before one that is on its way",
        ),
        pytest.param(
            children(WELL, WELL, generation=2),
            Health(True, Reason.UPDATING, "Auth0API a is being looked at.", settled=False),
            id="what was true of an older generation is being looked at",
        ),
    ],
)
def test_one_part(there: dict[tuple[str, str], Object], expect: Health) -> None:
    assert part(there, WANTED) == expect


def test_a_reason_that_is_newer_than_this_code_is_no_error() -> None:
    strange = (condition("Ready", "False", reason="Strange"), condition("Synced", "False"))
    assert part(children(strange, WELL), WANTED).reason is Reason.DEPENDENCY_NOT_READY


def test_nothing_wanted_is_well() -> None:
    assert part({}, []) == Health(True)


GOOD = Health(True)
LATE = Health(False, Reason.CREATING, "late", settled=False)
BUSY = Health(True, Reason.UPDATING, "busy", settled=False)
BAD = Health(False, Reason.INVALID_SPEC, "bad", settled=False, failed=True)


@pytest.mark.parametrize(
    ("parts", "expect"),
    [
        pytest.param({"A": GOOD, "B": GOOD}, (True, True, False, Reason.AVAILABLE, ""), id="all parts well is well"),
        pytest.param(
            {"A": GOOD, "B": LATE},
            (False, False, False, Reason.CREATING, "late"),
            id="one late part is the whole's word",
        ),
        pytest.param(
            {"A": BUSY, "B": GOOD},
            (True, False, False, Reason.UPDATING, "busy"),
            id="a part that is being changed keeps the whole usable",
        ),
        pytest.param(
            {"A": LATE, "B": BAD}, (False, False, True, Reason.INVALID_SPEC, "bad"), id="a failed part speaks first"
        ),
        pytest.param(
            {"A": BUSY, "B": LATE},
            (False, False, False, Reason.UPDATING, "busy"),
            id="one part that cannot be used is enough",
        ),
    ],
)
def test_the_whole(parts: dict[str, Health], expect: tuple[bool, bool, bool, Reason, str]) -> None:
    found: Summary = summary(parts, {"url": "u"})
    assert (found.ready, found.settled, found.failed, found.reason, found.message) == expect
    assert found.parts == parts
    assert found.status == {"url": "u"}
