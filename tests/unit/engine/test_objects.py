"""Small questions about objects: what of a change is the user's wish, and what others build on (ENGINE rules 9, 11 and
20: an echo of our own write is no news, and what is well is known as well after a restart)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from mlgate.api.meta import ABORT, APPROVE, PAUSED, PROMOTE, RECONCILE_REQUESTED_AT, RETRY
from mlgate.engine import objects
from mlgate.engine.clock import rfc3339, unix
from mlgate.store.protocol import Object
from unit.engine.samples import NOON, WELL, ByHand, an_object, condition

BASE = an_object(status={"externalId": "id-1"}, conditions=WELL)


@dataclass(frozen=True)
class Case:
    says: str
    after: Object
    steers: bool
    depended: bool
    visible: bool

    def __str__(self) -> str:
        return self.says


def changed(**said: Any) -> Object:
    return an_object(**{"status": {"externalId": "id-1"}, "conditions": WELL, "version": "2", **said})


def noted(**notes: str) -> Object:
    return changed(annotations={"mlgate.dev/" + name.replace("_", "-"): value for name, value in notes.items()})


def told(**status: Any) -> Object:
    return changed(status={"externalId": "id-1", **status})


RECONCILING = (*WELL, condition("Reconciling"))

CASES = [
    Case("a new version alone is no news", changed(), False, False, False),
    Case("a change of spec is the user's wish", changed(generation=2), True, True, True),
    Case("a deletion is the user's wish", changed(deleting=True), True, True, True),
    Case("another object of the same name is news", changed(uid="another"), True, True, True),
    Case("a pause is the user's wish", noted(paused="true"), True, True, True),
    Case("an approval is the user's wish", noted(approve="abc"), True, True, True),
    Case("a request to look is the user's wish", noted(reconcile_requested_at="now"), True, True, True),
    Case("annotations of others are no news", changed(annotations={"kubectl": "x"}), False, False, False),
    Case("labels are no news", changed(labels={"a": "b"}), False, False, False),
    Case("our finalizer is no news", changed(held=True), False, False, False),
    Case("the values of a Secret are news", {**changed(), "data": {"k": "v"}}, True, True, True),
    Case("an output in status is news to those who refer to it", told(scoringUri="https://x"), False, True, True),
    Case("the time of the last look is no news", told(lastSyncTime="2027-01-01T00:00:00Z"), False, False, False),
    Case("a published plan is no news", told(plan={"hash": "x"}), False, False, False),
    Case(
        "new signing keys are news for the gateway and not for those who refer to the tenant",
        told(jwks="{}"),
        False,
        False,
        True,
    ),
    Case("a condition is news", changed(conditions=RECONCILING), False, True, True),
    Case(
        "the words of a condition are no news",
        changed(conditions=tuple({**c, "message": "other"} for c in WELL)),
        False,
        False,
        False,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_a_change_means(case: Case) -> None:
    assert (objects.steering(BASE) != objects.steering(case.after)) is case.steers
    assert (objects.depended(BASE) != objects.depended(case.after)) is case.depended
    assert (objects.visible(BASE) != objects.visible(case.after)) is case.visible


def test_everything_a_user_steers_with_is_looked_at() -> None:
    assert set(objects.ANNOTATIONS) == {PAUSED, APPROVE, RECONCILE_REQUESTED_AT, PROMOTE, ABORT, RETRY}


@pytest.mark.parametrize(
    ("value", "expect"),
    [
        pytest.param(None, False, id="an object without the annotation is not paused"),
        pytest.param("true", True, id="true pauses"),
        pytest.param("", True, id="an empty value pauses"),
        pytest.param("until tuesday", True, id="any word pauses"),
        pytest.param("False", False, id="false in any casing does not pause"),
    ],
)
def test_paused(value: str | None, expect: bool) -> None:
    notes: dict[str, Any] = {} if value is None else {"annotations": {PAUSED: value}}
    assert objects.paused(an_object(**notes)) is expect


@pytest.mark.parametrize(
    ("obj", "expect"),
    [
        pytest.param(an_object(conditions=WELL), True, id="Ready and Synced now"),
        pytest.param(an_object(conditions=WELL, generation=2), False, id="not for an older generation"),
        pytest.param(an_object(conditions=WELL, deleting=True), False, id="not while it is being deleted"),
        pytest.param(an_object(conditions=WELL[:1]), False, id="not without Synced"),
        pytest.param(
            an_object(conditions=(WELL[0], condition("Synced", "False"))), False, id="not with a failed Synced"
        ),
        pytest.param(an_object(), False, id="not before the first look"),
    ],
)
def test_ready(obj: Object, expect: bool) -> None:
    assert objects.is_ready(obj) is expect


def test_a_bare_object_answers_every_question() -> None:
    bare: Object = {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "a", "uid": "u"}}
    assert objects.spec(bare) == objects.status(bare) == objects.notes(bare) == {}
    assert objects.finalizers(bare) == []
    assert objects.generation(bare) == 1
    assert objects.condition(bare, "Ready") is None
    assert not objects.says(bare, "Ready")
    assert not objects.deleting(bare)


def test_nulls_are_as_nothing() -> None:
    nulls: Object = {
        "kind": "Thing",
        "metadata": {"name": "a", "uid": "u", "annotations": None, "finalizers": None},
        "spec": None,
        "status": None,
    }
    assert objects.spec(nulls) == objects.status(nulls) == objects.notes(nulls) == {}
    assert objects.finalizers(nulls) == []


def test_times_are_written_as_kubernetes_writes_them() -> None:
    assert ByHand(5.0).clock().timestamp() == rfc3339(NOON + 5) == "2027-01-15T08:00:05Z"
    assert unix("2027-01-15T08:00:05Z") == NOON + 5
    assert unix("2027-01-15T09:00:05+01:00") == NOON + 5
    with pytest.raises(ValueError, match="soon"):
        unix("soon")
