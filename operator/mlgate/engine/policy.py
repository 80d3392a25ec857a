"""May this plan be carried out? A chain of pure questions; the first that holds back names the reason (ENGINE rule 15)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..reasons import Reason
from .plan import Action, Plan


@dataclass(frozen=True, slots=True)
class Question:
    """Everything a decision may depend on."""

    plan: Plan
    paused: bool = False
    mode: str = "Manage"
    drift_policy: str = "Correct"
    drifted: bool = False
    """The wish is the one that was applied last: what differs was changed outside."""
    approved: str | None = None
    deletion_policy: str = "Delete"
    ours: bool | None = True
    holder: str | None = None
    deletes_allowed: bool = True
    protector: str = ""
    """Who forbids deletes, for the message: `Auth0Tenant ml/main`."""
    deletes_an_hour: int = 0
    next_delete: float = 0.0
    """The protector allows so many; seconds until it allows the next."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing is written. `drifted` is published where the mode wants it."""

    reason: Reason
    message: str
    again: float | None = None
    """Seconds after which time itself may have changed the answer."""


@dataclass(frozen=True, slots=True)
class Release:
    """Deletion only: let the object go and leave what it stands for outside."""

    message: str


@dataclass(frozen=True, slots=True)
class Go:
    """Carry it out."""


Decision = Go | Hold | Release
Policy = Callable[[Question], Decision | None]


def paused(q: Question) -> Decision | None:
    if q.paused:
        return Hold(
            Reason.PAUSED,
            f"Paused by the annotation mlgate.dev/paused; would do: {q.plan.summary}. Remove the annotation to go on.",
        )
    return None


def not_deleted_by_policy(q: Question) -> Decision | None:
    if q.plan.action is Action.DELETE and q.deletion_policy == "Orphan":
        return Release("deletionPolicy: Orphan leaves it outside")
    return None


def not_deleted_when_observed(q: Question) -> Decision | None:
    if q.plan.action is Action.DELETE and q.mode == "Observe":
        return Release("managementPolicy: Observe never writes")
    return None


def not_deleted_unless_ours(q: Question) -> Decision | None:
    if q.plan.action is Action.DELETE and q.ours is False:
        return Release(f"it belongs to {q.holder or 'somebody else'} and is not this object's to delete")
    return None


def protected(q: Question) -> Decision | None:
    if q.plan.action is Action.DELETE and not q.deletes_allowed:
        return Hold(
            Reason.DELETION_BLOCKED,
            f"{q.protector} forbids deletes (spec.allowDelete: false). Allow them there, or set deletionPolicy: Orphan "
            "on this object.",
        )
    return None


def not_too_many_deletes(q: Question) -> Decision | None:
    if q.plan.action is Action.DELETE and q.next_delete > 0:
        return Hold(
            Reason.DELETION_BLOCKED,
            f"{q.protector} allows {q.deletes_an_hour} deletes an hour (spec.maxDeletesPerHour), and they are used up; it "
            "goes on by itself. If so many are meant, raise the limit there; if not, put the manifests back before it is "
            "this one's turn.",
            again=q.next_delete,
        )
    return None


def observed_only(q: Question) -> Decision | None:
    if q.mode == "Observe" and q.plan.action is Action.CREATE:
        return Hold(
            Reason.DRIFTED,
            "There is nothing outside to observe, and managementPolicy: Observe never makes anything. Correct the name, or "
            "choose managementPolicy: Manage to have it made.",
        )
    if q.mode == "Observe":
        return Hold(Reason.DRIFTED, f"managementPolicy: Observe never writes; outside differs: {q.plan.summary}.")
    return None


def reported_only(q: Question) -> Decision | None:
    if q.drifted and q.drift_policy == "Report" and q.plan.action is Action.UPDATE:
        return Hold(
            Reason.DRIFTED,
            f"Changed outside: {q.plan.summary}. driftPolicy: Report leaves it so; change the manifest, or set Correct.",
        )
    return None


def approved(q: Question) -> Decision | None:
    if q.mode == "Plan" and q.approved != q.plan.hash:
        return Hold(
            Reason.PLAN_PENDING,
            f"Plan {q.plan.hash} waits for approval: {q.plan.summary}. "
            f"Approve it with the annotation mlgate.dev/approve={q.plan.hash}.",
        )
    return None


CHAIN: tuple[Policy, ...] = (
    paused,
    not_deleted_by_policy,
    not_deleted_when_observed,
    not_deleted_unless_ours,
    protected,
    not_too_many_deletes,
    observed_only,
    reported_only,
    approved,
)


def decide(question: Question) -> Decision:
    """The first answer of the chain, or Go. A plan that does nothing needs no leave."""
    if not question.plan:
        return Go()
    return next((answer for policy in CHAIN if (answer := policy(question)) is not None), Go())
