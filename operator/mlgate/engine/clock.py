"""Time and chance, injected so that tests neither sleep nor gamble."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """`monotonic` for waiting and fencing, `wall` (unix seconds) for what is written down."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    chance: random.Random = field(default_factory=random.Random)

    def timestamp(self) -> str:
        """Now, as Kubernetes writes times (RFC 3339, UTC, seconds)."""
        return rfc3339(self.wall())


def rfc3339(unix: float) -> str:
    """Unix seconds as `2026-11-23T10:00:00Z`."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix(timestamp: str) -> float:
    """The reverse of `rfc3339`. Raises ValueError for anything else."""
    return datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()
