"""Whether the answer to a smoke request is a good one. Pure.

Only the deployment that was asked for can fail: what the platform in front of it says (a credential that is being
renewed, a route that is not there yet, too many requests) says nothing about it. Statuses: shared facts, azure-ml
section 4.
"""

from __future__ import annotations

import json
import math
from typing import Any

from ...api.rollout import SmokeExpectation
from ...azureml import ScoringAnswer
from ...azureml.masking import mask
from .rollout import Answer

NOT_THE_MODEL = frozenset({401, 403, 429, 502, 503})
"""The credential, the limit of pending requests, an instance that is coming or going."""
THE_MODEL = frozenset({408, 424})
"""Slower than the deployment's request timeout; the scoring script failed."""
LONGEST = 200  # characters of an answer in a message


def judged(answer: ScoringAnswer, deployment: str, expect: SmokeExpectation) -> Answer:
    """What the answer says about the deployment."""
    try:
        wanted = None if expect.contains is None else json.loads(expect.contains)
    except ValueError as error:
        return Answer(False, f"spec.rollout.gates.smoke.expect.contains is not JSON ({error}).")
    if answer.status is None:
        return Answer(None, f"The smoke request got no answer: {answer.text}.")
    shown = mask(" ".join(answer.text.split()))[:LONGEST]
    said = f"{answer.status}" + (f" ({shown})" if shown else "")
    itself = (answer.deployment or "").lower() == deployment.lower()
    if answer.status == expect.status and itself:
        differs = "" if wanted is None else _lacks(wanted, _parsed(answer.text), "$")
        return Answer(not differs, f"The answer {differs}." if differs else "")
    if answer.status in THE_MODEL or (itself and answer.status not in NOT_THE_MODEL):
        return Answer(False, f"The answer was {said} instead of {expect.status}.")
    who = f"deployment {answer.deployment}" if answer.deployment and not itself else "the endpoint, not the deployment"
    return Answer(None, f"{answer.status} came from {who}: {shown}" if not itself else f"The answer was {said}.")


def _parsed(text: str) -> Any:
    """JSON; scoring scripts often answer JSON inside a JSON string."""
    try:
        value = json.loads(text)
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return text


def _lacks(wanted: Any, seen: Any, path: str) -> str:
    """How `seen` lacks what is wanted; empty when it does not."""
    if isinstance(wanted, dict):
        if not isinstance(seen, dict):
            return f"has no object at {path}"
        inner = (_lacks(v, seen[k], f"{path}.{k}") if k in seen else f"has no {path}.{k}" for k, v in wanted.items())
        return next((lack for lack in inner if lack), "")
    if isinstance(wanted, list):
        if not isinstance(seen, list) or len(seen) != len(wanted):
            return f"has no list of {len(wanted)} at {path}"
        pairs = enumerate(zip(wanted, seen, strict=True))
        return next((lack for i, (w, s) in pairs if (lack := _lacks(w, s, f"{path}[{i}]"))), "")
    if _same(wanted, seen):
        return ""
    return f"has {mask(json.dumps(seen))[:LONGEST]} at {path} instead of {json.dumps(wanted)[:LONGEST]}"


def _same(wanted: Any, seen: Any) -> bool:
    numbers = [value for value in (wanted, seen) if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) == 2:
        return math.isclose(wanted, seen, rel_tol=1e-6, abs_tol=1e-9)
    return type(wanted) is type(seen) and bool(wanted == seen)
