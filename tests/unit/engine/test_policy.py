"""May a plan be carried out: a chain whose first answer names the reason (ENGINE rule 15), and what deletion spares
(ENGINE rule 16)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from mlgate.engine.plan import Action, Change, Plan
from mlgate.engine.policy import Go, Hold, Question, Release, decide
from mlgate.reasons import Reason

UPDATE = Plan(Action.UPDATE, {}, [Change("name", "a", "b", "b")], "id-1")
CREATE = Plan(Action.CREATE, {"name": "b"}, [Change("name", None, "b", "b")])
DELETE = Plan(Action.DELETE, external_id="id-1")
TENANT = "Auth0Tenant ml/main"


@dataclass(frozen=True)
class Case:
    says: str
    question: Question
    expect: Reason | type[Go] | type[Release]
    message: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.says


def ask(plan: Plan, **answers: Any) -> Question:
    return replace(Question(plan), **answers)


CASES = [
    Case("what differs is changed", ask(UPDATE), Go),
    Case("what is missing is made", ask(CREATE), Go),
    Case("what is not wished any more is deleted", ask(DELETE), Go),
    Case("drift is set back", ask(UPDATE, drifted=True), Go),
    Case(
        "nothing to do needs no leave, not even while paused",
        ask(Plan(Action.NOTHING), paused=True, mode="Observe"),
        Go,
    ),
    Case(
        "a paused object is not changed and says what would be done and how to go on",
        ask(UPDATE, paused=True),
        Reason.PAUSED,
        ("mlgate.dev/paused", "Update name", "Remove the annotation"),
    ),
    Case("a paused object is not deleted outside", ask(DELETE, paused=True), Reason.PAUSED),
    Case(
        "a pause is named before everything else",
        ask(UPDATE, paused=True, mode="Plan", drifted=True, drift_policy="Report"),
        Reason.PAUSED,
    ),
    Case(
        "an observed object is never made",
        ask(CREATE, mode="Observe"),
        Reason.DRIFTED,
        ("nothing outside to observe", "managementPolicy: Manage"),
    ),
    Case(
        "an observed object is never changed, not even with an approval",
        ask(UPDATE, mode="Observe", approved=UPDATE.hash),
        Reason.DRIFTED,
    ),
    Case(
        "an observed object goes and leaves everything outside",
        ask(DELETE, mode="Observe"),
        Release,
        ("Observe never writes",),
    ),
    Case(
        "drift is only reported where the manifest says so",
        ask(UPDATE, drifted=True, drift_policy="Report"),
        Reason.DRIFTED,
        ("Changed outside: Update name", "driftPolicy: Report"),
    ),
    Case(
        "a change of the manifest is carried out although drift is only reported",
        ask(UPDATE, drift_policy="Report"),
        Go,
    ),
    Case(
        "what is gone is made again although drift is only reported",
        ask(CREATE, drifted=True, drift_policy="Report"),
        Go,
    ),
    Case(
        "a plan waits for its approval and says the annotation to write",
        ask(UPDATE, mode="Plan"),
        Reason.PLAN_PENDING,
        (f"mlgate.dev/approve={UPDATE.hash}", "Update name"),
    ),
    Case(
        "the approval of another plan does not count",
        ask(UPDATE, mode="Plan", approved=CREATE.hash),
        Reason.PLAN_PENDING,
    ),
    Case("an approved plan is carried out", ask(UPDATE, mode="Plan", approved=UPDATE.hash), Go),
    Case("a deletion waits for its approval as well", ask(DELETE, mode="Plan"), Reason.PLAN_PENDING, (DELETE.hash,)),
    Case("an approved deletion is carried out", ask(DELETE, mode="Plan", approved=DELETE.hash), Go),
    Case(
        "an orphaned object stays outside when its manifest goes",
        ask(DELETE, deletion_policy="Orphan"),
        Release,
        ("Orphan",),
    ),
    Case("Orphan means nothing while the object lives", ask(UPDATE, deletion_policy="Orphan"), Go),
    Case(
        "what carries another's mark is never deleted, whatever the manifest says",
        ask(DELETE, ours=False, holder="staging/Thing/ml/a"),
        Release,
        ("staging/Thing/ml/a", "not this object's to delete"),
    ),
    Case("what carries somebody's mark is not deleted either", ask(DELETE, ours=False), Release, ("somebody else",)),
    Case("what cannot carry a mark is deleted by its id", ask(DELETE, ours=None), Go),
    Case(
        "a tenant that forbids deletes holds the manifest and says who can lift it",
        ask(DELETE, deletes_allowed=False, protector=TENANT),
        Reason.DELETION_BLOCKED,
        (TENANT, "allowDelete", "Orphan"),
    ),
    Case(
        "a tenant whose deletes of this hour are used up says so, and how to go on",
        ask(DELETE, deletes_an_hour=5, next_delete=60.0, protector=TENANT),
        Reason.DELETION_BLOCKED,
        (TENANT, "allows 5 deletes an hour", "maxDeletesPerHour", "goes on by itself", "raise the limit"),
    ),
    Case("used-up deletes let changes pass", ask(UPDATE, next_delete=60.0, protector=TENANT), Go),
    Case("a tenant that forbids deletes lets changes pass", ask(UPDATE, deletes_allowed=False, protector=TENANT), Go),
    Case(
        "Orphan lets an object go although the tenant forbids deletes",
        ask(DELETE, deletion_policy="Orphan", deletes_allowed=False),
        Release,
    ),
    Case(
        "a forbidden delete is named before its missing approval",
        ask(DELETE, mode="Plan", deletes_allowed=False),
        Reason.DELETION_BLOCKED,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_decide(case: Case) -> None:
    decision = decide(case.question)
    if isinstance(case.expect, Reason):
        assert isinstance(decision, Hold)
        assert decision.reason is case.expect
    else:
        assert isinstance(decision, case.expect)
    said = "" if isinstance(decision, Go) else decision.message
    assert [words for words in case.message if words not in said] == []
