"""How a simulated job goes on: states over time, decided when it is asked for. Plain data, so that it can be saved.

The states and their order are those of Azure ML (shared facts, azure-ml section 5); how long each takes is a share of the
whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mlgate_sim.azure.arm_message import Json

ENDED = ("Completed", "Failed", "Canceled")
STAGES = ((0.0, "NotStarted"), (0.1, "Preparing"), (0.2, "Queued"), (0.3, "Running"), (0.9, "Finalizing"))
"""From which share of its time on a job says what."""
CANCELING = 0.2
"""The share of its time that canceling takes."""


def course(now: float, seconds: float, *, ends_as: Literal["Completed", "Failed"]) -> Json:
    """A job that starts now. `seconds`: its whole time; `canceled`: when it was asked to end."""
    return {"started": now, "seconds": seconds, "endsAs": ends_as, "canceled": None}


def state_at(job: Mapping[str, Any], now: float) -> str:
    """What a job says at a time."""
    started, seconds, canceled = float(job["started"]), float(job["seconds"]), job["canceled"]
    if canceled is not None and canceled < started + seconds:
        return "Canceled" if now >= canceled + seconds * CANCELING else "CancelRequested"
    if now >= started + seconds:
        return str(job["endsAs"])
    share = (now - started) / seconds if seconds else 1.0
    return [state for since, state in STAGES if since <= share][-1]
