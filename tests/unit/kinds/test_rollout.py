"""The state machine of rollouts: what follows what, and what holds whatever happens."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mlgate.kinds.secured_endpoint import rollout, rollout_record
from mlgate.kinds.secured_endpoint.rollout import (
    Answer,
    Found,
    Pause,
    Phase,
    Revision,
    Rules,
    Seen,
    State,
    Step,
    Test,
    Tests,
    Wake,
    advance,
    answered,
    split,
    standing,
)

Test.__test__ = Tests.__test__ = False  # type: ignore[attr-defined]  # pytest: these are no tests

OLD, NEW, NEWER = (Revision(f"fraud-{hash_}", hash_, {"model": hash_}) for hash_ in ("aaa", "bbb", "ccc"))
RULES = Rules(
    steps=(Step(5, Pause(60.0)), Step(50, Pause(None)), Step(75)), gates="g", smoke=True, keep_previous=3600.0
)
NOW = 1_000_000.0


def a_state(phase: Phase, **fields: Any) -> State:
    given: dict[str, Any] = {"stable": OLD, "canary": NEW, **fields}
    return State(phase, NOW - 10, **given)


def pausing(step: int, weight: int, **fields: Any) -> State:
    return a_state(
        Phase.PAUSING, step=step, weight=weight, **{"in_force_since": NOW - 10, "tests": Tests(passed=True), **fields}
    )


def seen(**fields: Any) -> Seen:
    return Seen(**{"target": NEW, "rules": RULES, "ready": frozenset({OLD.name, NEW.name}), **fields})


def in_force(**weights: int) -> Any:
    return {f"fraud-{name}": weight for name, weight in weights.items()}, {}


@dataclass(frozen=True)
class Case:
    says: str
    state: State | None
    seen: Seen
    phase: Phase
    split: dict[str, int] = field(default_factory=dict)
    deployments: tuple[str, ...] = (OLD.name, NEW.name)
    mirrored: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.says


STABLE, SMALL = {OLD.name: 100}, {OLD.name: 95, NEW.name: 5}
REST = a_state(Phase.COMPLETE, canary=None)
FAILED = rollout.Failure(NEW.name, NEW.hash, "g", "bad", 1)

CASES = [
    Case(
        "the first deployment is made before anything answers calls",
        None,
        seen(ready=frozenset()),
        Phase.DEPLOYING,
        {},
        (NEW.name,),
    ),
    Case(
        "what answered calls before there was a rollout is the good one, and nothing is deployed when it is as written",
        None,
        seen(target=replace(NEW, name="fraud-new"), found=(Found(replace(NEW, name="blue"), 100),)),
        Phase.COMPLETE,
        {"blue": 100},
        ("blue",),
    ),
    Case(
        "what answered calls before there was a rollout keeps them while its successor is made",
        None,
        seen(found=(Found(replace(OLD, name="blue"), 100),), ready=frozenset({"blue"})),
        Phase.DEPLOYING,
        {"blue": 100},
        ("blue", NEW.name),
    ),
    Case(
        "after status was lost the revision that was on its way starts again although it had most calls",
        None,
        seen(found=(Found(OLD, 25), Found(NEW, 75))),
        Phase.TESTING,
        STABLE,
    ),
    Case("a changed manifest makes a deployment beside the one that answers", REST, seen(ready=frozenset({OLD.name})),
         Phase.DEPLOYING, STABLE),
    Case("a manifest as it was changes nothing", REST, seen(target=OLD), Phase.COMPLETE, STABLE, (OLD.name,)),
    Case("a ready deployment without an answered smoke request gets no call", a_state(Phase.DEPLOYING), seen(),
         Phase.TESTING, STABLE),
    Case("an answered smoke request lets the first step begin", a_state(Phase.TESTING, tests=Tests(passed=True)),
         seen(), Phase.SHIFTING, SMALL),
    Case("a deployment that is not ready any more gets no call although its smoke request was answered",
         a_state(Phase.TESTING, tests=Tests(passed=True)), seen(ready=frozenset({OLD.name})), Phase.TESTING, STABLE),
    Case("without gates a ready deployment gets the first step's calls", a_state(Phase.DEPLOYING),
         seen(rules=replace(RULES, smoke=False)), Phase.SHIFTING, SMALL),
    Case("the first deployment of all gets every call at once", a_state(Phase.TESTING, stable=None,
         tests=Tests(passed=True)), seen(), Phase.FINISHING, {NEW.name: 100}, (NEW.name,)),
    Case("calls are copied first where the manifest says so", a_state(Phase.TESTING, tests=Tests(passed=True)),
         seen(rules=replace(RULES, mirror=Step(10, Pause(30.0)))), Phase.MIRRORING, STABLE,
         mirrored={NEW.name: 10}),
    Case("copying goes on until its pause is over", a_state(Phase.MIRRORING, weight=10, in_force_since=NOW - 29),
         seen(rules=replace(RULES, mirror=Step(10, Pause(30.0)))), Phase.MIRRORING, STABLE, mirrored={NEW.name: 10}),
    Case("after copying comes the first step", a_state(Phase.MIRRORING, weight=10, in_force_since=NOW - 30),
         seen(rules=replace(RULES, mirror=Step(10, Pause(30.0)))), Phase.SHIFTING, SMALL),
    Case("smoke requests that were answered badly too often end the rollout before it got a call",
         a_state(Phase.TESTING, tests=Tests(sent=3, failed=3, message="424")), seen(in_force=(STABLE, {})),
         Phase.FAILED, STABLE, (OLD.name,)),
    Case("two bad answers of three allowed are no end", a_state(Phase.TESTING, tests=Tests(sent=2, failed=2)), seen(),
         Phase.TESTING, STABLE),
    Case("a first deployment that is refused gets no call and stays to be looked at",
         a_state(Phase.TESTING, stable=None, tests=Tests(sent=3, failed=3)), seen(in_force=({}, {})), Phase.FAILED,
         {}, (NEW.name,)),
    Case("a deployment that Azure cannot make ends the rollout", a_state(Phase.DEPLOYING),
         seen(ready=frozenset({OLD.name}), broken={NEW.name: "OutOfQuota"}), Phase.FAILED, STABLE, (OLD.name,)),
    Case("a first deployment that Azure cannot make is waited for", a_state(Phase.DEPLOYING, stable=None),
         seen(ready=frozenset(), broken={NEW.name: "OutOfQuota"}), Phase.DEPLOYING, {}, (NEW.name,)),
    Case("a pause begins when the split is in force, not when it was asked for",
         a_state(Phase.SHIFTING, step=1, weight=5), seen(in_force=(STABLE, {})), Phase.SHIFTING, SMALL),
    Case("a split that is in force is kept for its pause", a_state(Phase.SHIFTING, step=1, weight=5),
         seen(in_force=in_force(aaa=95, bbb=5)), Phase.PAUSING, SMALL),
    Case("a pause lasts as long as it says", pausing(1, 5, in_force_since=NOW - 59), seen(), Phase.PAUSING, SMALL),
    Case("the next step follows a pause that is over", pausing(1, 5, in_force_since=NOW - 60), seen(),
         Phase.SHIFTING, {OLD.name: 50, NEW.name: 50}),
    Case("a pause without an end waits for its promotion", pausing(2, 50, in_force_since=NOW - 9e6), seen(),
         Phase.PAUSING, {OLD.name: 50, NEW.name: 50}),
    Case("the promotion of an earlier step promotes no later one", pausing(2, 50), seen(promote=f"{NEW.name}/1"),
         Phase.PAUSING, {OLD.name: 50, NEW.name: 50}),
    Case("a promotion ends the pause it names", pausing(2, 50), seen(promote=f"{NEW.name}/2"), Phase.SHIFTING,
         {OLD.name: 25, NEW.name: 75}),
    Case("a promotion of the whole deployment ends all pauses", pausing(1, 5), seen(promote=NEW.name),
         Phase.FINISHING, {NEW.name: 100}),
    Case("a promotion of the whole deployment does not spare it the smoke request", a_state(Phase.TESTING),
         seen(promote=NEW.name), Phase.TESTING, STABLE),
    Case("a deployment that is not ready gets no more calls than it has", pausing(1, 5, in_force_since=NOW - 99),
         seen(ready=frozenset({OLD.name})), Phase.PAUSING, SMALL),
    Case("a deployment that breaks at a step gives its calls back", pausing(2, 50), seen(broken={NEW.name: "gone"},
         ready=frozenset({OLD.name})), Phase.RETURNING, STABLE),
    Case("an abort gives the calls back", pausing(2, 50), seen(abort=NEW.name), Phase.RETURNING, STABLE),
    Case("an abort of another deployment is nobody's", pausing(2, 50), seen(abort="fraud-zzz"), Phase.PAUSING,
         {OLD.name: 50, NEW.name: 50}),
    Case("a split that the endpoint refuses gives the calls back", a_state(Phase.SHIFTING, step=1, weight=5),
         seen(refused="400"), Phase.RETURNING, STABLE),
    Case("too many bad probes at a step give the calls back",
         pausing(1, 5, tests=Tests(passed=True, sent=4, failed=2)),
         seen(rules=replace(RULES, probes=10, allowed=1)), Phase.RETURNING, STABLE),
    Case("as many bad probes as are allowed hold nothing up",
         pausing(1, 5, in_force_since=NOW - 60, tests=Tests(passed=True, sent=10, failed=1)),
         seen(rules=replace(RULES, probes=10, allowed=1)), Phase.SHIFTING, {OLD.name: 50, NEW.name: 50}),
    Case("a step lasts until all its probes were answered",
         pausing(1, 5, in_force_since=NOW - 99, tests=Tests(passed=True, sent=9)),
         seen(rules=replace(RULES, probes=10)), Phase.PAUSING, SMALL),
    Case("a deployment whose calls are not given back yet stays", a_state(Phase.RETURNING, ending="bad"),
         seen(in_force=in_force(aaa=50, bbb=50)), Phase.RETURNING, STABLE),
    Case("a deployment that gave its calls back goes", a_state(Phase.RETURNING, ending="bad"),
         seen(in_force=(STABLE, {})), Phase.FAILED, STABLE, (OLD.name,)),
    Case("what failed is not tried again", replace(REST, phase=Phase.FAILED, failure=FAILED), seen(), Phase.FAILED,
         STABLE, (OLD.name,)),
    Case("what failed is tried again when the gates are others", replace(REST, phase=Phase.FAILED, failure=FAILED),
         seen(rules=replace(RULES, gates="h"), ready=frozenset()), Phase.DEPLOYING, STABLE),
    Case("what failed is tried again when the user says so", replace(REST, phase=Phase.FAILED, failure=FAILED),
         seen(retry=f"{NEW.name}/1", ready=frozenset()), Phase.DEPLOYING, STABLE),
    Case("a retry is for one try", replace(REST, phase=Phase.FAILED, failure=replace(FAILED, attempt=2)),
         seen(retry=f"{NEW.name}/1"), Phase.FAILED, STABLE, (OLD.name,)),
    Case("another manifest after a failure is a new rollout", replace(REST, phase=Phase.FAILED, failure=FAILED),
         seen(target=NEWER), Phase.DEPLOYING, STABLE, (OLD.name, NEWER.name)),
    Case("the old manifest after a failure is all it takes to be well",
         replace(REST, phase=Phase.FAILED, failure=FAILED), seen(target=OLD), Phase.COMPLETE, STABLE, (OLD.name,)),
    Case("a manifest that changes on the way gives the calls back first", pausing(2, 50), seen(target=NEWER),
         Phase.RETURNING, STABLE),
    Case("then the newest revision is rolled out from the good one", a_state(Phase.RETURNING),
         seen(target=NEWER, in_force=(STABLE, {})), Phase.DEPLOYING, STABLE, (OLD.name, NEWER.name)),
    Case("a manifest that changes before a call was given goes on with the newest at once", a_state(Phase.DEPLOYING),
         seen(target=NEWER, ready=frozenset({OLD.name})), Phase.DEPLOYING, STABLE, (OLD.name, NEWER.name)),
    Case("all calls go to the new one after the last step", pausing(3, 75), seen(), Phase.FINISHING,
         {NEW.name: 100}),
    Case("the new one is the good one only when all calls go there", a_state(Phase.FINISHING, weight=100),
         seen(in_force=in_force(aaa=25, bbb=75)), Phase.FINISHING, {NEW.name: 100}),
    Case("the one that was replaced stays for a while", a_state(Phase.FINISHING, weight=100),
         seen(in_force=in_force(bbb=100)), Phase.COMPLETE, {NEW.name: 100}, (NEW.name, OLD.name)),
    Case("the one that was replaced goes at once where the manifest says so", a_state(Phase.FINISHING, weight=100),
         seen(in_force=in_force(bbb=100), rules=replace(RULES, keep_previous=0.0)), Phase.COMPLETE, {NEW.name: 100},
         (NEW.name,)),
    Case("the one that was replaced goes when its time is over",
         a_state(Phase.COMPLETE, stable=NEW, canary=None, previous=OLD, previous_until=NOW), seen(), Phase.COMPLETE,
         {NEW.name: 100}, (NEW.name,)),
    Case("going back to the one that was replaced needs no new deployment",
         a_state(Phase.COMPLETE, stable=NEW, canary=None, previous=replace(OLD, name="blue"), previous_until=NOW + 9),
         seen(target=OLD), Phase.DEPLOYING, {NEW.name: 100}, (NEW.name, "blue")),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_follows(case: Case) -> None:
    state, _ = advance(case.state, case.seen, NOW)

    assert state.phase is case.phase
    assert split(state) == (case.split, case.mirrored)
    assert tuple(revision.name for revision in standing(state)) == case.deployments


def test_what_can_be_changed_in_place_is_changed_without_a_rollout() -> None:
    more = replace(OLD, deployment={"model": "aaa", "instanceCount": 3})
    state, _ = advance(REST, seen(target=more), NOW)
    assert (state.phase, state.stable) == (Phase.COMPLETE, more)

    state, _ = advance(pausing(1, 5), seen(target=replace(NEW, deployment={"instanceCount": 3})), NOW)
    assert state.canary and state.canary.deployment == {"instanceCount": 3}
    assert state.stable == OLD, "the one that answers most calls is not made smaller on the way"


def test_the_smoke_request_is_sent_when_the_deployment_is_ready_and_again_after_the_interval() -> None:
    state, actions = advance(a_state(Phase.DEPLOYING), seen(), NOW)
    assert actions == (Test(NEW.name),)
    state, actions = advance(answered(state, Answer(False, "424"), RULES, NOW), seen(), NOW)
    assert actions == (Wake(5.0),)
    _, actions = advance(state, seen(), NOW + 5)
    assert actions == (Test(NEW.name),)


def test_probes_are_spread_over_the_pause() -> None:
    rules = replace(RULES, probes=120)
    state, actions = advance(pausing(1, 5), seen(rules=rules), NOW)
    assert actions == (Test(NEW.name),)
    _, actions = advance(answered(state, Answer(True), rules, NOW), seen(rules=rules), NOW)
    assert actions == (Wake(0.5),)


def test_a_look_is_arranged_for_the_end_of_a_pause_and_none_for_a_pause_without_end() -> None:
    assert advance(pausing(1, 5, in_force_since=NOW - 20), seen(), NOW)[1] == (Wake(40.0),)
    assert advance(pausing(2, 50), seen(), NOW)[1] == ()


def test_requests_that_get_no_answer_count_as_bad_only_after_a_while() -> None:
    state = answered(a_state(Phase.TESTING), Answer(None, "no connection"), RULES, NOW)
    assert state.tests.failed == 0
    state = answered(state, Answer(None, "no connection"), RULES, NOW + rollout.UNANSWERED)
    assert state.tests.failed == 1
    assert answered(state, Answer(True), RULES, NOW).tests.silent_since is None


@pytest.mark.parametrize("case", CASES, ids=str)
def test_status_keeps_all_that_is_needed_to_go_on(case: Case) -> None:
    state, _ = advance(case.state, case.seen, NOW)
    kept = rollout_record.read(rollout_record.written(state, case.seen.rules))
    if state.phase in rollout.RESTING:
        state = replace(state, tests=Tests())
    assert kept == state


# -- whatever happens -----------------------------------------------------------------------------------------------------


class Walk:
    """A cluster in which anything may happen at any moment. `state` is what status keeps."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = NOW
        self.state: State | None = None
        self.deployed: dict[str, bool] = {}
        """What exists, and whether it is ready."""
        self.broken: set[str] = set()
        self.applied: rollout.Split = ({}, {})
        self.carried_out: rollout.Split = ({}, {})
        self.passed: set[str] = set()
        self.good: dict[str, bool] = {}
        self.proven: str | None = None
        mirror = Step(10, Pause(3.0)) if self.chance.random() < 0.3 else None
        steps = tuple(
            Step(self.chance.randint(1, 100), Pause(self.chance.choice([0.0, 4.0, None])))
            for _ in range(self.chance.randint(1, 4))
        )
        probes = self.chance.choice([0, 0, 3])
        self.rules = Rules(steps, mirror, "g", True, 2, 1.0, probes, 1, self.chance.choice([0.0, 20.0]))
        self.target = self.revision()
        self.promote = self.abort = self.retry = ""

    def revision(self) -> Revision:
        name = f"r{self.chance.randint(1, 5)}"
        self.good.setdefault(name, self.chance.random() < 0.6)
        return Revision(name, name, {"model": name})

    def look(self, *, dies: Callable[[], bool]) -> None:
        """One reconcile; it may die between any two of its steps."""
        seen = Seen(
            target=self.target,
            rules=self.rules,
            ready=frozenset(n for n, ready in self.deployed.items() if ready),
            broken={name: "broken" for name in self.broken if name in self.deployed},
            in_force=self.carried_out if self.applied == self.carried_out else None,
            promote=self.promote,
            abort=self.abort,
            retry=self.retry,
        )
        state, actions = advance(self.state, seen, self.now)
        for action in actions:
            if isinstance(action, Test):
                good: bool | None = self.good[action.name] and action.name not in self.broken
                answer = Answer(good if self.chance.random() < 0.9 else None)
                if answer.good:
                    self.passed.add(action.name)
                state, _ = advance(answered(state, answer, self.rules, self.now), seen, self.now)
        if dies():
            return
        self.state = rollout_record.read(rollout_record.written(state, self.rules))
        if dies():
            return
        wanted = {revision.name for revision in standing(state)}
        for name in wanted:
            self.deployed.setdefault(name, False)
        if dies():
            return
        self.applied = split(state)
        for name in set(self.deployed) - wanted:
            if not self.carried_out[0].get(name):  # the deployment's own rule: never removed while it answers calls
                self.deployed.pop(name)
                self.broken.discard(name)

    def happen(self) -> None:
        """Something outside of the operator."""
        self.now = round(self.now + self.chance.choice([0.0, 1.0, 5.0]), 3)
        roll = self.chance.random()
        if roll < 0.5:
            for name in self.deployed:
                if self.chance.random() < 0.5 and name not in self.broken:
                    self.deployed[name] = True
        if roll < 0.6:
            named = {**self.applied[0], **self.applied[1]}
            if all(self.deployed.get(name) for name in named):
                self.carried_out = self.applied
        elif roll < 0.63:
            self.target = self.revision()
        elif roll < 0.66 and self.state and self.state.canary:
            self.deployed[self.state.canary.name] = False
            self.broken.add(self.state.canary.name)
        elif roll < 0.75 and self.state:
            self.promote = self.state.token
        elif roll < 0.77 and self.state and self.state.canary:
            self.abort = self.state.canary.name
        elif roll < 0.79 and self.state and self.state.failure:
            self.retry, self.abort = self.state.failure.retry, ""
        elif roll < 0.81:
            self.abort = ""

    def check(self) -> None:
        state = self.state
        if state is None:
            return
        live, mirrored = split(state)
        names = {revision.name for revision in standing(state)}
        assert sum(live.values()) in (0, 100)
        assert set(live) | set(mirrored) <= names, "calls go only to what is there"
        assert not set(live) & set(mirrored)
        for name in {**live, **mirrored}:
            assert name in self.passed, f"{name} gets calls although its smoke request was never answered"
        if state.stable:
            self.proven = self.proven or state.stable.name
            assert state.stable.name in names, "the last good one can take all calls back at any time"
            assert state.phase in (Phase.FINISHING, Phase.SHIFTING, Phase.PAUSING) or live == {state.stable.name: 100}
        if self.proven:
            assert sum(live.values()) == 100, "once something answers, something always answers"
        assert all(self.deployed.get(name) is not None for name in self.carried_out[0])


@pytest.mark.parametrize("seed", range(150))
def test_whatever_happens_and_wherever_it_dies_the_promises_hold(seed: int) -> None:
    walk = Walk(seed)
    for _ in range(120):
        walk.look(dies=lambda: walk.chance.random() < 0.15)
        walk.check()
        before = dict(walk.carried_out[0])
        walk.happen()
        for name in set(walk.carried_out[0]) - set(before):
            assert walk.deployed[name], "weight is only put on what is ready"


@pytest.mark.parametrize("seed", range(60))
def test_whatever_happened_it_comes_to_rest_when_nothing_more_happens(seed: int) -> None:
    walk = Walk(seed)
    for _ in range(60):
        walk.look(dies=lambda: walk.chance.random() < 0.15)
        walk.happen()
    walk.broken.clear()
    walk.abort = ""
    for _ in range(120):
        walk.now = round(walk.now + 30.0, 3)
        walk.deployed = dict.fromkeys(walk.deployed, True)
        walk.promote = walk.state.token if walk.state else ""
        walk.look(dies=lambda: False)
        walk.carried_out = walk.applied
        walk.check()
    assert walk.state is not None
    assert walk.state.phase in rollout.RESTING
    if walk.good[walk.target.name] and not walk.state.failure:
        assert walk.state.stable and walk.state.stable.hash == walk.target.hash
