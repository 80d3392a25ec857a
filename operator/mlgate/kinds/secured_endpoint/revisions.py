"""Revisions of a deployment: what makes one, its name, and what a deployment that is already there was made of.

Azure cannot change a deployment's model without replacing what answers, so a new make-up is a new deployment. What it
can change in place (the number of instances by PATCH, tags) makes no new revision: shared facts, azure-ml section 2.
Names have at most 32 characters there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ...api.meta import parse_duration
from ...api.rollout import UNTIL_PROMOTED, ModelDeployment, Rollout
from .rollout import Pause, Revision, Rules, Step

IN_PLACE = ("instanceCount", "scale", "tags", "description", "preflight", "failurePolicy")
"""Fields of a deployment that are no part of what it is made of."""
NAME_LENGTH, DIGITS = 32, 8
CHILD_ONLY = (
    "endpointRef",
    "azureName",
    "managementPolicy",
    "deletionPolicy",
    "driftPolicy",
    "resyncInterval",
    "allowedNamespaces",
    "import",
)
"""Fields of an AzureMLOnlineDeployment that a deployment in a SecuredModelEndpoint does not have."""


def revision(pattern: ModelDeployment) -> Revision:
    """The revision that the manifest describes."""
    said = pattern.to_wire()
    base = said.pop("name")
    digest = fingerprint(said)
    return Revision(f"{base[: NAME_LENGTH - DIGITS - 1].rstrip('-')}-{digest}", digest, said)


def existing(name: str, spec: Mapping[str, Any]) -> Revision:
    """The revision that an AzureMLOnlineDeployment was made from."""
    said = {field: value for field, value in spec.items() if field not in CHILD_ONLY}
    return Revision(name, fingerprint(said), said)


def fingerprint(deployment: Mapping[str, Any]) -> str:
    """Of what a deployment is made of."""
    made_of = {field: value for field, value in deployment.items() if field not in IN_PLACE}
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:DIGITS]


def rules(rollout: Rollout) -> Rules:
    """The rollout as the state machine reads it."""
    gates = rollout.gates
    smoke, probes = (gates.smoke, gates.probes) if gates else (None, None)
    requests = probes.requests if probes else 0
    return Rules(
        steps=tuple(Step(step.weight, _pause(step.pause)) for step in rollout.steps),
        mirror=Step(rollout.mirror.weight, _pause(rollout.mirror.pause)) if rollout.mirror else None,
        gates=_digest(gates.to_wire() if gates else {}),
        smoke=smoke is not None,
        attempts=smoke.attempts if smoke else 1,
        interval=_seconds(smoke.interval) if smoke else 1.0,
        probes=requests,
        allowed=requests * probes.max_error_percent // 100 if probes else 0,
        keep_previous=_seconds(rollout.keep_previous),
    )


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:DIGITS]


def _pause(text: str | None) -> Pause:
    return Pause(None) if text == UNTIL_PROMOTED else Pause(_seconds(text) if text else 0.0)


def _seconds(text: str) -> float:
    return parse_duration(text).total_seconds()
