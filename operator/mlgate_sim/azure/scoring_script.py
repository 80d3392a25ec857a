"""What a test asks the scoring service to do: be slow, answer a status, for how many calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from mlgate_sim.azure.arm_message import Json


@dataclass(slots=True)
class ScoringFault:
    """Calls to `endpoint` (and, if named, `deployment`) take `latency_seconds` longer and answer `status`.

    status None is an ordinary answer, after the latency. times None means for ever. An answer in server-sent events has
    `events` of them, with `pause_seconds` between two.
    """

    endpoint: str
    deployment: str | None = None
    status: int | None = None
    latency_seconds: float = 0.0
    times: int | None = None
    events: int = 3
    pause_seconds: float = 0.0


@dataclass(slots=True)
class ScoringScript:
    """All scoring faults; the oldest that matches acts."""

    faults: list[ScoringFault] = field(default_factory=list)

    def take(self, endpoint: str, deployment: str) -> ScoringFault | None:
        """The fault for this call, counted."""
        for fault in self.faults:
            named = fault.endpoint.lower() == endpoint.lower()
            if named and fault.times != 0 and fault.deployment in (None, deployment):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None

    def to_json(self) -> list[Json]:
        return [asdict(fault) for fault in self.faults]

    @classmethod
    def from_json(cls, saved: Sequence[Json]) -> ScoringScript:
        """Raises TypeError for a field that is not known."""
        return cls([ScoringFault(**fault) for fault in saved])
