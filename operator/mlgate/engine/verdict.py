"""The one place where what happened becomes what the object says and when it is looked at again.

Contract with users (and with kstatus and Argo CD): `Ready` = usable now; `Synced` = this generation is what is out there;
`Reconciling` / `Stalled` are there only while true. Ready never outlives a failed Synced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from ..errors import (
    AlreadyHeld,
    CredentialsRejected,
    Gone,
    Quota,
    Retry,
    Terminal,
    Trouble,
    Wait,
    WriteRefused,
)
from ..reasons import Reason
from .protocols import Health


class Pace(Enum):
    """How soon a look without a given time follows."""

    RESYNC = "resync"
    """All is well: the drift check."""
    BACKOFF = "backoff"
    """Exponential with full jitter."""
    SLOW = "slow"
    """Something must change first; a rare look in case the wake-up was missed."""


@dataclass(frozen=True, slots=True)
class Notice:
    """An Event. `warning` makes it `type: Warning`."""

    reason: Reason
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one reconcile concluded. Each field of `status` replaces the object's whole field of that name (None removes
    it); fields that are not named stay."""

    ready: bool
    synced: bool
    reason: Reason
    message: str = ""
    stalled: bool = False
    reconciling: bool = False
    parts: Mapping[str, Health] = field(default_factory=dict)
    status: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    again: float | None = None
    pace: Pace = Pace.RESYNC
    keep: bool = False
    """Say nothing new: the trouble is young and the object was well."""

    def noting(self, *notices: Notice) -> Verdict:
        return replace(self, notices=(*self.notices, *notices))

    def saying(self, status: Mapping[str, Any]) -> Verdict:
        return replace(self, status={**status, **self.status})


PATIENCE = 3
"""So many reads in a row may fail before an object that was Ready says that it is not."""


def of_trouble(trouble: Trouble, *, was_well: bool, attempt: int, was_usable: bool = False) -> Verdict:
    """What an object says about trouble. `was_well`: it was Ready and Synced for this generation; `was_usable`: it was
    Ready, whatever the generation; `attempt` counts the tries in a row that ended in trouble."""
    reason, message = trouble.reason, trouble.message
    warning = (Notice(reason, message, warning=True),)
    match trouble:
        case WriteRefused():
            return Verdict(was_well, False, reason, message, pace=Pace.BACKOFF, keep=True)
        case Quota(after=after):
            return Verdict(False, False, reason, message, reconciling=True, notices=warning, again=after, keep=was_well)
        case CredentialsRejected():
            return Verdict(False, False, reason, message, stalled=True, notices=warning, pace=Pace.SLOW)
        case Terminal() | AlreadyHeld():
            return Verdict(False, False, reason, message, stalled=True, notices=warning, pace=Pace.SLOW)
        case Wait(after=after, brief=brief):
            quiet = reason in (Reason.DEPENDENCY_NOT_READY, Reason.CREATING, Reason.UPDATING)
            notices = () if quiet else (Notice(reason, message),)
            usable = was_usable and reason is Reason.UPDATING
            return Verdict(
                usable,
                False,
                reason,
                message,
                reconciling=True,
                notices=notices,
                again=after,
                pace=Pace.SLOW,
                keep=brief and was_well,
            )
        case Gone():
            return Verdict(False, False, reason, message, reconciling=True, notices=warning, pace=Pace.BACKOFF)
        case Retry(after=after):
            young = was_well and attempt < PATIENCE
            return Verdict(
                False,
                False,
                reason,
                message,
                reconciling=True,
                notices=warning,
                again=after,
                pace=Pace.BACKOFF,
                keep=young,
            )
        case _:
            return Verdict(False, False, reason, message, reconciling=True, notices=warning, pace=Pace.BACKOFF)


def of_bug(error: BaseException) -> Verdict:
    """What an object says when mlgate itself is wrong. The traceback is in the log, not here."""
    message = (
        f"mlgate ran into an error of its own ({type(error).__name__}). It tries again; "
        "please report it with the log of the operator."
    )
    return Verdict(
        False,
        False,
        Reason.UNREACHABLE,
        message,
        reconciling=True,
        notices=(Notice(Reason.UNREACHABLE, message, warning=True),),
        pace=Pace.BACKOFF,
    )


def of_health(health: Health, *, synced: bool = True, again: float | None = None) -> Verdict:
    """What an object says when its plan is carried out (`synced`) and its health is known."""
    looks = [seconds for seconds in (health.again, again) if seconds is not None]
    settled = health.settled and synced
    late = health.reason is Reason.PROVISIONING_TIMEOUT
    return Verdict(
        ready=health.ready and not health.failed,
        synced=settled and not health.failed,
        reason=health.reason,
        message=health.message,
        stalled=health.failed,
        reconciling=not settled and not health.failed,
        notices=(Notice(health.reason, health.message, warning=True),) if health.failed or late else (),
        again=min(looks) if looks else None,
        pace=Pace.SLOW if health.failed else Pace.RESYNC,
    )


def of_successor(verdict: Verdict, trouble: Trouble) -> Verdict:
    """What an object says when what it gives away is good for now and its successor could not be had: as usable as it is,
    and not in step."""
    after = trouble.after if isinstance(trouble, Retry | Wait | Quota) else None
    looks = [seconds for seconds in (verdict.again, after) if seconds is not None]
    return replace(
        verdict,
        synced=False,
        reason=trouble.reason,
        message=trouble.message,
        reconciling=not verdict.stalled,
        notices=(*verdict.notices, Notice(trouble.reason, trouble.message, warning=True)),
        again=min(looks) if looks else None,
        pace=Pace.SLOW if isinstance(trouble, Terminal) else Pace.BACKOFF,
    )


def conditions(
    verdict: Verdict, previous: Sequence[Mapping[str, Any]], *, generation: int, now: str
) -> list[dict[str, Any]]:
    """The conditions to write: Ready first, then Synced, the parts by name, Reconciling or Stalled while true.

    `lastTransitionTime` moves only when the status does."""
    before = {c["type"]: c for c in previous}
    reason, message = verdict.reason, verdict.message

    def one(type_: str, status: bool, why: Reason, what: str) -> dict[str, Any]:
        value = "True" if status else "False"
        old = before.get(type_) or {}
        moved = old.get("lastTransitionTime") if old.get("status") == value else None
        return {
            "type": type_,
            "status": value,
            "reason": str(why),
            "message": what[:4096],
            "observedGeneration": generation,
            "lastTransitionTime": moved or now,
        }

    found = [
        one(
            "Ready", verdict.ready, _reason(verdict.ready, reason), "" if verdict.ready and verdict.synced else message
        ),
        one("Synced", verdict.synced, _reason(verdict.synced, reason), "" if verdict.synced else message),
    ]
    found += [
        one(name, part.ready, _reason(part.ready, part.reason), part.message)
        for name, part in sorted(verdict.parts.items())
    ]
    if verdict.reconciling:
        found.append(one("Reconciling", True, reason, message))
    if verdict.stalled:
        found.append(one("Stalled", True, reason, message))
    return found


def _reason(holds: bool, reason: Reason) -> Reason:
    return Reason.AVAILABLE if holds and reason not in (Reason.UPDATING, Reason.DRIFTED, Reason.PAUSED) else reason
