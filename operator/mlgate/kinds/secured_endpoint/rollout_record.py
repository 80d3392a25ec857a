"""A rollout's state as status keeps it, and in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ...engine.clock import rfc3339, unix
from ...engine.protocols import Health
from ...reasons import Reason
from .rollout import RESTING, Failure, Phase, Revision, Rules, State, Tests, pause_ends


def written(state: State, rules: Rules) -> dict[str, Any]:
    """What status says, nothing that is empty."""
    said: dict[str, Any] = {
        "phase": str(state.phase),
        "progress": progress(state, rules),
        "message": message(state, rules),
        "step": state.step,
        "weight": state.weight,
        "since": _when(state.since),
        "inForceSince": _when(state.in_force_since),
        "attempt": state.attempt,
        "promote": state.token if _waits_for_promotion(state, rules) else None,
        "stable": _revision(state.stable),
        "canary": _revision(state.canary),
        "previous": _revision(state.previous),
        "previousUntil": _when(state.previous_until),
        "tests": _tests(state.tests) if state.phase not in RESTING else None,
        "failure": _failure(state.failure),
        "ending": state.ending or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def read(said: Mapping[str, Any] | None) -> State | None:
    """The state that status has kept; None when it has none."""
    if not said:
        return None
    tests, failure = said.get("tests") or {}, said.get("failure")
    return State(
        phase=Phase(said["phase"]),
        since=unix(said["since"]),
        stable=_read_revision(said.get("stable")),
        canary=_read_revision(said.get("canary")),
        previous=_read_revision(said.get("previous")),
        previous_until=_read_when(said.get("previousUntil")),
        step=int(said.get("step", 0)),
        weight=int(said.get("weight", 0)),
        in_force_since=_read_when(said.get("inForceSince")),
        attempt=int(said.get("attempt", 1)),
        tests=Tests(
            passed=bool(tests.get("passed")),
            sent=int(tests.get("sent", 0)),
            failed=int(tests.get("failed", 0)),
            message=str(tests.get("message", "")),
            next_at=_read_when(tests.get("nextAt")),
            silent_since=_read_when(tests.get("silentSince")),
        ),
        failure=_read_failure(failure) if failure else None,
        ending=str(said.get("ending", "")),
    )


def progress(state: State, rules: Rules) -> str:
    """The phase in one or two words, for the column of `kubectl get`."""
    match state.phase:
        case Phase.SHIFTING | Phase.PAUSING:
            return f"{state.step}/{len(rules.steps)} {state.weight}%"
        case Phase.MIRRORING:
            return f"mirror {state.weight}%"
        case Phase.FINISHING:
            return f"{len(rules.steps)}/{len(rules.steps)} 100%"
        case Phase.COMPLETE:
            return "complete" if state.stable else "waiting"
        case _:
            return str(state.phase).lower()


def message(state: State, rules: Rules) -> str | None:
    """What it waits for, or why it went back."""
    name, tests = (state.canary.name if state.canary else ""), state.tests
    match state.phase:
        case Phase.DEPLOYING:
            return f"Waits for deployment {name} to be ready."
        case Phase.TESTING:
            return f"Sends the smoke request to deployment {name}." + (f" {tests.message}" if tests.message else "")
        case Phase.SHIFTING | Phase.FINISHING:
            return f"Waits until {state.weight} % of the calls go to deployment {name}."
        case Phase.MIRRORING | Phase.PAUSING:
            return _pausing(state, rules)
        case Phase.RETURNING:
            why = state.ending or "The manifest describes another deployment by now."
            return f"Takes the traffic back from deployment {name}. {why}"
        case Phase.FAILED if state.failure:
            back = f"Traffic is with {state.stable.name}." if state.stable else "It gets no traffic."
            return (
                f"Deployment {state.failure.name} was taken back: {state.failure.message} {back} Change the deployment"
                f" or its gates, or try it again with the annotation mlgate.dev/retry={state.failure.retry}."
            )
    return None


def health(state: State, rules: Rules) -> Health:
    """Whether what the manifest describes answers all calls."""
    said = message(state, rules) or ""
    if state.phase is Phase.COMPLETE and state.stable:
        return Health(True)
    if state.phase is Phase.FAILED:
        return Health(False, Reason.ROLLED_BACK, said, failed=True)
    return Health(False, Reason.UPDATING, f"Rollout {progress(state, rules)}: {said}", settled=False)


def event(before: State | None, after: State, rules: Rules) -> tuple[Reason, str, bool] | None:
    """What people should hear of: reason, message, whether it is a warning."""
    if before is not None and (before.phase, before.step) == (after.phase, after.step):
        return None
    match after.phase:
        case Phase.FAILED:
            return Reason.ROLLED_BACK, message(after, rules) or "", True
        case Phase.RETURNING:
            return Reason.ROLLED_BACK, message(after, rules) or "", bool(after.ending)
        case Phase.COMPLETE if before is not None and before.phase is Phase.FINISHING and after.stable:
            return Reason.UPDATED, f"Deployment {after.stable.name} answers all calls.", False
        case Phase.COMPLETE:
            return None
    return Reason.UPDATED, f"Rollout {progress(after, rules)}: {message(after, rules)}", False


def _pausing(state: State, rules: Rules) -> str:
    name = state.canary.name if state.canary else ""
    does = "gets copies of" if state.phase is Phase.MIRRORING else "answers"
    said = f"Deployment {name} {does} {state.weight} % of the calls"
    ends = pause_ends(state, rules)
    if ends is None:
        said += f" until the annotation mlgate.dev/promote={state.token} says to go on."
    else:
        said += f" until {rfc3339(ends)}."
    tests = state.tests
    if rules.probes and state.phase is Phase.PAUSING:
        said += f" {tests.sent} of {rules.probes} probe requests answered, {tests.failed} badly."
    return said


def _waits_for_promotion(state: State, rules: Rules) -> bool:
    pausing = state.phase in (Phase.PAUSING, Phase.MIRRORING) and state.in_force_since is not None
    return pausing and pause_ends(state, rules) is None


def _revision(revision: Revision | None) -> dict[str, Any] | None:
    if revision is None:
        return None
    deployment = {**revision.deployment, "name": revision.name}
    return {"name": revision.name, "revision": revision.hash, "deployment": deployment}


def _read_revision(said: Mapping[str, Any] | None) -> Revision | None:
    if not said:
        return None
    deployment = {name: value for name, value in said["deployment"].items() if name != "name"}
    return Revision(said["name"], said["revision"], deployment)


def _tests(tests: Tests) -> dict[str, Any]:
    said = {
        "passed": tests.passed,
        "sent": tests.sent,
        "failed": tests.failed,
        "message": tests.message or None,
        "nextAt": _when(tests.next_at),
        "silentSince": _when(tests.silent_since),
    }
    return {name: value for name, value in said.items() if value is not None}


def _failure(failure: Failure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    return {
        "name": failure.name,
        "revision": failure.hash,
        "gates": failure.gates,
        "message": failure.message,
        "attempt": failure.attempt,
        "retry": failure.retry,
    }


def _read_failure(said: Mapping[str, Any]) -> Failure:
    return Failure(said["name"], said["revision"], said["gates"], said["message"], int(said["attempt"]))


def _when(moment: float | None) -> str | None:
    """With its milliseconds: a pause that was read back must not be shorter than the one that was written."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read_when(text: str | None) -> float | None:
    return unix(text) if text else None
