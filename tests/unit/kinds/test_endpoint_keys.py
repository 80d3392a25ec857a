"""The next step in the life of an endpoint's two keys: at every moment the key in the Secret is one that Azure accepts, and
so is the one that a gateway may still present."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import pytest

from mlgate.api.azuremlonlineendpoint import EndpointCredentialsSecret
from mlgate.azureml import Keys, Slot
from mlgate.kinds.azure.endpoint_credential import credential_due
from mlgate.kinds.azure.endpoint_keys import (
    ASK_AGAIN,
    CHECK_EVERY,
    Do,
    Noted,
    Rotation,
    must_ask,
    next_step,
    told,
    waits,
)
from mlgate.sensitive import Sensitive

OLD1, OLD2, NEW1, NEW2, LOST = (Sensitive(f"key {name}") for name in ("old 1", "old 2", "new 1", "new 2", "lost"))
PRIMARY, SECONDARY = Slot.PRIMARY, Slot.SECONDARY
HOUR, NOW = 3600.0, 1_000_000.0
MONTHLY = Rotation(720 * HOUR)
OLD = frozenset({OLD1.fingerprint(), OLD2.fingerprint()})


def noted(key: Sensitive, slot: Slot = PRIMARY, **more: Any) -> Noted:
    return Noted(key.fingerprint(), slot, **{"since": NOW, "checked": NOW, **more})


@dataclass(frozen=True)
class Case:
    says: str
    held: Sensitive | None
    there: Keys
    known: Noted
    do: Do
    slot: Slot | None = None
    rotation: Rotation = MONTHLY
    lagging: tuple[str, ...] = ()
    now: float = NOW + 60

    def __str__(self) -> str:
        return self.says


BEFORE, HALF, AFTER = Keys(OLD1, OLD2), Keys(OLD1, NEW2), Keys(NEW1, NEW2)
RETIRING = noted(OLD1, retiring=OLD)
PUBLISHED = noted(NEW2, SECONDARY, retiring=OLD)
CASES = [
    Case("a new endpoint's Secret gets its primary key", None, BEFORE, Noted(), Do.ADOPT, PRIMARY),
    Case("a key that somebody regenerated is replaced by a good one", LOST, BEFORE, noted(LOST), Do.ADOPT, PRIMARY),
    Case(
        "a Secret lost in a rotation gets the key that stays",
        None,
        HALF,
        replace(RETIRING, fingerprint=""),
        Do.ADOPT,
        SECONDARY,
    ),
    Case("a key that is not due rests", OLD1, BEFORE, noted(OLD1), Do.REST, PRIMARY),
    Case("without a schedule a key rests for ever", OLD1, BEFORE, noted(OLD1, since=1.0), Do.REST, PRIMARY, Rotation()),
    Case("a due rotation writes down what it replaces", OLD1, BEFORE, noted(OLD1, since=1.0), Do.BEGIN, PRIMARY,
         Rotation(HOUR)),
    Case("a moment that the user names begins a rotation", OLD1, BEFORE, noted(OLD1), Do.BEGIN, PRIMARY,
         Rotation(at=NOW + 30)),
    Case("a moment still to come does not", OLD1, BEFORE, noted(OLD1), Do.REST, PRIMARY, Rotation(at=NOW + HOUR)),
    Case("a moment before the key came into use does not", OLD1, BEFORE, noted(OLD1), Do.REST, PRIMARY,
         Rotation(at=NOW - 1)),
    Case("first the key that nobody uses is replaced", OLD1, BEFORE, RETIRING, Do.REGENERATE, SECONDARY),
    Case("which may be the primary one", OLD2, BEFORE, replace(RETIRING, slot=SECONDARY), Do.REGENERATE, PRIMARY),
    Case("Azure is asked once", OLD1, BEFORE, replace(RETIRING, asked=SECONDARY, asked_at=NOW), Do.AWAIT, SECONDARY),
    Case("and again when it seems to have forgotten", OLD1, BEFORE,
         replace(RETIRING, asked=SECONDARY, asked_at=NOW - ASK_AGAIN), Do.REGENERATE, SECONDARY),
    Case("a new key goes into the Secret", OLD1, HALF, RETIRING, Do.PUBLISH, SECONDARY),
    Case("the old key stays while a gateway presents it", NEW2, HALF, PUBLISHED, Do.WAIT, SECONDARY,
         lagging=("ModelGateway ml/public",)),
    Case("and while the overlap lasts", NEW2, HALF, PUBLISHED, Do.WAIT, SECONDARY, Rotation(overlap=HOUR)),
    Case("then it is replaced too", NEW2, HALF, PUBLISHED, Do.REGENERATE, PRIMARY),
    Case("also asked for once", NEW2, HALF, replace(PUBLISHED, asked=PRIMARY, asked_at=NOW), Do.AWAIT, PRIMARY),
    Case("a rotation ends when no key is an old one", NEW2, AFTER, PUBLISHED, Do.END, SECONDARY),
    Case("an interrupted rotation goes on without a schedule", OLD1, HALF, RETIRING, Do.PUBLISH, SECONDARY, Rotation()),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_next_step(case: Case) -> None:
    step = next_step(case.held, case.there, case.known, case.rotation, lagging=case.lagging, now=case.now)
    assert (step.do, step.slot) == (case.do, case.slot)


def test_at_no_moment_of_a_rotation_is_a_key_refused_that_may_be_presented() -> None:
    """Every step is carried out late, twice or not at all; gateways lag behind."""
    made = (Sensitive(f"made {n}") for n in itertools.count())
    for lag in range(4):
        for forgets in (False, True):
            there, held, known, rotation = BEFORE, OLD1, noted(OLD1, since=1.0), Rotation(HOUR)
            presented, behind, steps = OLD1, lag, 0
            while True:
                lagging = ["gateway"] if presented != held else []
                step = next_step(held, there, known, rotation, lagging=lagging, now=NOW)
                steps += 1
                assert steps < 40
                if step.do is Do.BEGIN:
                    known = replace(known, retiring=OLD)
                elif step.do is Do.REGENERATE:
                    fresh = next(made)
                    there = Keys(fresh, there.secondary) if step.slot is PRIMARY else Keys(there.primary, fresh)
                elif step.do is Do.PUBLISH:
                    assert step.slot is not None
                    held = there[step.slot]
                    if not forgets:  # status is written after the Secret, and not at all if the process dies
                        known = replace(known, fingerprint=held.fingerprint(), slot=step.slot, since=NOW)
                elif step.do is Do.END:
                    break
                assert presented in (there.primary, there.secondary)
                assert held in (there.primary, there.secondary)
                behind -= 1 if presented != held else 0
                if behind < 0:
                    presented = held
            assert {there.primary, there.secondary}.isdisjoint({OLD1, OLD2})


@pytest.mark.parametrize(
    ("held", "known", "rotation", "now", "asks"),
    [
        pytest.param(None, Noted(), MONTHLY, NOW, True, id="nothing is held"),
        pytest.param(OLD1, noted(OLD1), MONTHLY, NOW + 60, False, id="a key at rest costs no request"),
        pytest.param(OLD1, noted(OLD2), MONTHLY, NOW + 60, True, id="the Secret holds something else than status says"),
        pytest.param(OLD1, noted(OLD1), MONTHLY, NOW + CHECK_EVERY, True, id="now and then it is made sure of"),
        pytest.param(OLD1, noted(OLD1), Rotation(60), NOW + 60, True, id="a rotation is due"),
        pytest.param(OLD1, RETIRING, MONTHLY, NOW + 60, True, id="a rotation is under way"),
        pytest.param(NEW2, PUBLISHED, MONTHLY, NOW + 60, False, id="waiting for gateways costs no request"),
    ],
)
def test_what_azure_is_asked_for(
    held: Sensitive | None, known: Noted, rotation: Rotation, now: float, *, asks: bool
) -> None:
    assert must_ask(held, known, rotation, now) is asks


def test_what_status_says_is_read_back_and_holds_no_key() -> None:
    known = replace(PUBLISHED, asked=PRIMARY, asked_at=NOW)
    said = told(NEW2, known, MONTHLY, "The old key is replaced later.")
    assert Noted.read(said) == known
    assert waits(NEW2, Noted.read(said))
    assert not any(key.reveal() in str(said) for key in (OLD1, OLD2, NEW1, NEW2))
    assert Noted.read({**said, "mode": "AMLToken"}) == Noted(), "what is about a token says nothing about keys"


@pytest.mark.parametrize(
    ("status", "due"),
    [
        pytest.param({}, None, id="nothing is known"),
        pytest.param({"refreshAfter": "1970-01-01T00:01:00Z"}, 60.0, id="a token is renewed"),
        pytest.param({"rotateAt": "1970-01-01T00:02:00Z"}, 120.0, id="keys are rotated"),
        pytest.param({"rotateAt": None, "retiring": ["a"]}, 0.0, id="a rotation under way goes on"),
    ],
)
def test_when_the_next_look_is_due(status: dict[str, Any], due: float | None) -> None:
    assert credential_due(status) == due


@pytest.mark.parametrize(
    ("written", "rotation"),
    [
        pytest.param({}, Rotation(), id="never"),
        pytest.param({"rotateEvery": "720h", "overlap": "1h"}, Rotation(720 * HOUR, None, HOUR), id="a schedule"),
        pytest.param({"rotateAt": "1970-01-01T00:01:00Z"}, Rotation(None, 60.0), id="a moment"),
    ],
)
def test_rotation_of_a_manifest(written: dict[str, str], rotation: Rotation) -> None:
    assert Rotation.of(EndpointCredentialsSecret.model_validate({"name": "out", **written})) == rotation
