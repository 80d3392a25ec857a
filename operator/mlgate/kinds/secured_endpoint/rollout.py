"""How a new deployment takes over, as a pure state machine: what is known, what is seen, what time it is; what is next.

The state lives in status, so a restart goes on where it was. It is written before it is carried out: `split` and
`standing` say from the state alone who gets how many calls and which deployments there are, and carrying that out twice
is the same as once. What holds in every state:

* calls go to the last good deployment, or to a new one that passed its smoke request and is ready; they add up to 0 or
  100;
* the last good one stays, ready to take all calls, until the new one has answered all of them;
* what failed is not tried again until the manifest, its gates or the user say so.

Words: Argo Rollouts' (steps, pause, promote, abort, stable, canary) and Flagger's (mirror, gates).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

Split = tuple[dict[str, int], dict[str, int]]
"""Percent of the calls that each deployment answers, and percent that is copied."""


class Phase(StrEnum):
    """What is being done (api.rollout.RolloutStatus)."""

    DEPLOYING = "Deploying"
    TESTING = "Testing"
    MIRRORING = "Mirroring"
    SHIFTING = "Shifting"
    PAUSING = "Pausing"
    FINISHING = "Finishing"
    COMPLETE = "Complete"
    RETURNING = "Returning"
    FAILED = "Failed"


RESTING = frozenset({Phase.COMPLETE, Phase.FAILED})
TESTED = frozenset({Phase.TESTING, Phase.PAUSING})
"""Phases in which requests are sent to the new one."""
UNANSWERED = 600.0
"""Seconds that requests may go without an answer (nothing heard, not ready, throttled) before that counts as bad."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One make-up of the deployment: its name behind the endpoint, its fingerprint, and what it is made of."""

    name: str
    hash: str
    deployment: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pause:
    """`seconds`, or until somebody promotes (None)."""

    seconds: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """A share of the calls, and how long it lasts."""

    weight: int
    pause: Pause = Pause()


@dataclass(frozen=True, slots=True)
class Rules:
    """The rollout as the manifest has it. `gates` is the fingerprint of what a new one must pass; `smoke`: whether there
    is a smoke request; `probes` of them are sent in each step, of which `allowed` may be answered badly."""

    steps: tuple[Step, ...]
    mirror: Step | None = None
    gates: str = ""
    smoke: bool = False
    attempts: int = 3
    interval: float = 5.0
    probes: int = 0
    allowed: int = 0
    keep_previous: float = 0.0


@dataclass(frozen=True, slots=True)
class Tests:
    """What the new one answered. `silent_since`: since when nothing came back that says anything about it."""

    passed: bool = False
    sent: int = 0
    failed: int = 0
    message: str = ""
    next_at: float | None = None
    silent_since: float | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a revision was taken back."""

    name: str
    hash: str
    gates: str
    message: str
    attempt: int

    @property
    def retry(self) -> str:
        """What the user writes into the annotation to try it again."""
        return f"{self.name}/{self.attempt}"


@dataclass(frozen=True, slots=True)
class State:
    """Where a rollout stands. Times are unix seconds."""

    phase: Phase
    since: float
    stable: Revision | None = None
    canary: Revision | None = None
    previous: Revision | None = None
    previous_until: float | None = None
    step: int = 0
    weight: int = 0
    in_force_since: float | None = None
    attempt: int = 1
    tests: Tests = Tests()
    failure: Failure | None = None
    ending: str = ""
    """While returning: why, empty when the manifest moved on."""

    @property
    def token(self) -> str:
        """What the user writes into the annotation to end this pause."""
        return f"{self.canary.name}/{self.step}" if self.canary else ""


@dataclass(frozen=True, slots=True)
class Found:
    """A deployment that is there although nothing is known yet, with its share of the calls."""

    revision: Revision
    weight: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What is out there, and what the user says. `ready` and `broken` (with the reason) are names of deployments;
    `in_force` is the split that the endpoint has carried out (None: it is busy with another); `refused`: why the
    endpoint does not take the split that it was asked for."""

    target: Revision
    rules: Rules
    ready: frozenset[str] = frozenset()
    broken: Mapping[str, str] = field(default_factory=dict)
    in_force: Split | None = None
    refused: str = ""
    found: tuple[Found, ...] = ()
    promote: str = ""
    abort: str = ""
    retry: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from a request to the new one. `good` None: nothing that says anything about it."""

    good: bool | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Test:
    """Send the smoke request to this deployment."""

    name: str


@dataclass(frozen=True, slots=True)
class Wake:
    """Look again after so many seconds."""

    after: float


Action = Test | Wake


def split(state: State) -> Split:
    """Who is to answer how many percent of the calls, and who gets copies."""
    stable, canary = state.stable, state.canary
    match state.phase:
        case Phase.FINISHING if canary:
            return {canary.name: 100}, {}
        case Phase.SHIFTING | Phase.PAUSING if stable and canary:
            shares = {stable.name: 100 - state.weight, canary.name: state.weight}
            return {name: weight for name, weight in shares.items() if weight}, {}
        case Phase.MIRRORING if stable and canary:
            return {stable.name: 100}, {canary.name: state.weight}
        case _:
            return ({stable.name: 100} if stable else {}), {}


def standing(state: State) -> tuple[Revision, ...]:
    """The deployments that there are to be, each name once."""
    found: dict[str, Revision] = {}
    for revision in (state.stable, state.canary, state.previous):
        if revision is not None:
            found.setdefault(revision.name, revision)
    return tuple(found.values())


def advance(state: State | None, seen: Seen, now: float) -> tuple[State, tuple[Action, ...]]:
    """The state after what was seen, and what to do besides carrying it out."""
    current = state or _adopted(seen, now)
    while (after := _step(current, seen, now)) != current:
        current = after
    return current, _actions(current, seen, now)


def answered(state: State, answer: Answer, rules: Rules, now: float) -> State:
    """The state after a request to the new one."""
    tests = state.tests
    silent = now if tests.silent_since is None else tests.silent_since
    if answer.good is None and now - silent < UNANSWERED:
        waiting = replace(tests, message=answer.message[:1024], next_at=now + rules.interval, silent_since=silent)
        return replace(state, tests=waiting)
    bad = not answer.good
    passed = tests.passed or not bad
    tests = Tests(
        passed=passed,
        sent=tests.sent + 1,
        failed=tests.failed + bad,
        message=answer.message[:1024] if bad else tests.message,
        next_at=now + _gap(state, rules),
    )
    return replace(state, tests=tests)


# -- what follows what ----------------------------------------------------------------------------------------------------


def _adopted(seen: Seen, now: float) -> State:
    """Nothing is known yet: what answers most of the calls is the good one. After a lost status that is not the revision
    which was on its way, although it may have had most of the calls already."""
    serving = [f for f in seen.found if f.weight]
    proven = [f for f in serving if f.revision.name != seen.target.name] or serving
    best = max(proven, key=lambda f: (f.weight, f.revision.hash == seen.target.hash, f.revision.name), default=None)
    return State(Phase.COMPLETE, now, stable=best.revision if best else None)


def _step(state: State, seen: Seen, now: float) -> State:
    """One transition, or the same state."""
    if state.previous_until is not None and now >= state.previous_until:
        return replace(state, previous=None, previous_until=None)
    if state.phase in RESTING:
        return _resting(state, seen, now)
    if state.phase is Phase.RETURNING:
        return _returning(state, seen, now)
    canary, name = state.canary, state.canary.name if state.canary else ""
    if canary is None:
        return replace(state, phase=Phase.COMPLETE, since=now)
    if seen.abort == name:
        return _back(state, seen, now, "Aborted by the annotation mlgate.dev/abort.")
    if seen.target.hash != canary.hash:
        return _back(state, seen, now, "")
    if canary.deployment != seen.target.deployment:
        return replace(state, canary=replace(canary, deployment=seen.target.deployment))
    if name in seen.broken and state.stable is not None:
        return _back(state, seen, now, f"Deployment {name} failed: {seen.broken[name]}")
    return _onwards(state, seen, now, name)


def _resting(state: State, seen: Seen, now: float) -> State:
    target, stable, failure = seen.target, state.stable, state.failure
    if stable and stable.hash == target.hash:
        if state.phase is Phase.FAILED:
            return replace(state, phase=Phase.COMPLETE, since=now, failure=None)
        return replace(state, stable=replace(stable, deployment=target.deployment))
    attempt = 1
    if failure and (failure.hash, failure.gates) == (target.hash, seen.rules.gates):
        if seen.retry != failure.retry:
            return state
        attempt = failure.attempt + 1
    kept = state.previous if state.previous and state.previous.hash == target.hash else None
    canary = replace(kept, deployment=target.deployment) if kept else target
    return State(
        Phase.DEPLOYING,
        now,
        stable=stable,
        canary=canary,
        previous=None if kept else state.previous,
        previous_until=None if kept else state.previous_until,
        attempt=attempt,
    )


def _returning(state: State, seen: Seen, now: float) -> State:
    return _ended(state, seen, now) if seen.in_force == split(state) else state


def _ended(state: State, seen: Seen, now: float) -> State:
    """No call goes to the new one any more."""
    if not state.ending:
        return State(Phase.COMPLETE, now, state.stable, None, state.previous, state.previous_until)
    assert state.canary is not None
    failure = Failure(state.canary.name, state.canary.hash, seen.rules.gates, state.ending, state.attempt)
    kept = None if state.stable else state.canary
    return State(Phase.FAILED, now, state.stable, kept, state.previous, state.previous_until, failure=failure)


def _onwards(state: State, seen: Seen, now: float, name: str) -> State:
    """The next phase on the way up, when its time has come. What is not ready gets nothing more."""
    rules, phase, ready = seen.rules, state.phase, name in seen.ready
    if phase is Phase.DEPLOYING:
        return _entered(state, Phase.TESTING, now, tests=Tests()) if ready else state
    if phase is Phase.TESTING:
        return _tested(state, seen, now, ready=ready)
    refused = seen.refused and state.in_force_since is None
    if refused and state.stable is not None:
        return _back(state, seen, now, f"The endpoint did not take the split: {seen.refused}")
    if state.in_force_since is None:
        if seen.in_force != split(state):
            return state
        if phase is Phase.FINISHING:
            return _completed(state, now, rules)
        after = Phase.PAUSING if phase is Phase.SHIFTING else phase
        return replace(state, phase=after, since=now, in_force_since=now, tests=_fresh(state.tests))
    if phase is Phase.PAUSING and state.tests.failed > rules.allowed and rules.probes:
        tests = state.tests
        return _back(
            state,
            seen,
            now,
            f"{tests.failed} of {tests.sent} probe requests at {state.weight} % were answered badly, {rules.allowed} may"
            f" be: {tests.message}",
        )
    if not ready or not _paused_enough(state, seen, now):
        return state
    return _up(state, seen, now)


def _tested(state: State, seen: Seen, now: float, *, ready: bool) -> State:
    rules, tests = seen.rules, state.tests
    if rules.smoke and tests.failed >= rules.attempts:
        return _back(state, seen, now, f"The smoke request was answered badly {tests.failed} times: {tests.message}")
    if not ready or (rules.smoke and not tests.passed):
        return state
    passed = replace(state, tests=replace(tests, passed=True, message="", next_at=None))
    if state.stable is None or seen.promote == passed.canary.name:  # type: ignore[union-attr]
        return _entered(passed, Phase.FINISHING, now, weight=100)
    if rules.mirror is not None:
        return _entered(passed, Phase.MIRRORING, now, weight=rules.mirror.weight)
    return _up(passed, seen, now)


def _paused_enough(state: State, seen: Seen, now: float) -> bool:
    """Whether the pause of this phase is over and everything that is asked in it was answered."""
    if seen.promote in (state.token, state.canary.name if state.canary else None):
        return True
    if state.phase is Phase.PAUSING and state.tests.sent < seen.rules.probes:
        return False
    left = remaining(state, seen.rules, now)
    return left is not None and left <= 0


def remaining(state: State, rules: Rules, now: float) -> float | None:
    """Seconds of this pause that are left; None: until promoted."""
    ends = pause_ends(state, rules)
    return None if ends is None else ends - now


def pause_ends(state: State, rules: Rules) -> float | None:
    """When this pause is over; None: when somebody promotes."""
    seconds = _pause(state, rules).seconds
    return None if seconds is None else (state.in_force_since or state.since) + seconds


def _pause(state: State, rules: Rules) -> Pause:
    if state.phase is Phase.MIRRORING:
        return rules.mirror.pause if rules.mirror else Pause()
    return rules.steps[state.step - 1].pause if 0 < state.step <= len(rules.steps) else Pause()


def _up(state: State, seen: Seen, now: float) -> State:
    """The next step; all calls after the last."""
    at, steps = state.step, seen.rules.steps
    if at >= len(steps) or (state.canary and seen.promote == state.canary.name):
        return _entered(state, Phase.FINISHING, now, weight=100)
    return _entered(state, Phase.SHIFTING, now, weight=steps[at].weight, step=at + 1)


def _entered(state: State, phase: Phase, now: float, **changes: object) -> State:
    return replace(state, phase=phase, since=now, in_force_since=None, **changes)  # type: ignore[arg-type]


def _back(state: State, seen: Seen, now: float, ending: str) -> State:
    """Towards the last good split; what never got a call has no way back to go."""
    back = _entered(state, Phase.RETURNING, now, weight=0, ending=ending[:4096], tests=Tests())
    return _ended(back, seen, now) if state.phase in (Phase.DEPLOYING, Phase.TESTING) else back


def _completed(state: State, now: float, rules: Rules) -> State:
    kept = state.stable if rules.keep_previous and state.stable else None
    until = now + rules.keep_previous if kept else None
    return State(Phase.COMPLETE, now, stable=state.canary, previous=kept, previous_until=until)


def _fresh(tests: Tests) -> Tests:
    """A new step counts anew; that the smoke request was passed stays."""
    return Tests(passed=tests.passed)


# -- what to do besides ---------------------------------------------------------------------------------------------------


def _gap(state: State, rules: Rules) -> float:
    """Seconds between two requests: a step's are spread over its pause."""
    seconds = _pause(state, rules).seconds if state.phase is Phase.PAUSING else None
    return min(rules.interval, seconds / rules.probes) if seconds and rules.probes else rules.interval


def _wants_test(state: State, seen: Seen) -> bool:
    if state.phase not in TESTED or state.canary is None or state.canary.name not in seen.ready:
        return False
    if state.phase is Phase.TESTING:
        return seen.rules.smoke and not state.tests.passed
    return state.tests.sent < seen.rules.probes


def _actions(state: State, seen: Seen, now: float) -> tuple[Action, ...]:
    wakes: list[float] = []
    if _wants_test(state, seen) and state.canary:
        due = state.tests.next_at or now
        if due <= now:
            return (Test(state.canary.name),)
        wakes.append(due - now)
    if state.in_force_since is not None and state.phase in (Phase.PAUSING, Phase.MIRRORING):
        left = remaining(state, seen.rules, now)
        if left is not None and left > 0:
            wakes.append(left)
    if state.previous_until is not None:
        wakes.append(max(0.0, state.previous_until - now))
    return (Wake(min(wakes)),) if wakes else ()
