"""Time that passes when everybody waits: hours of back-off, probes and drift checks in milliseconds.

The clock runs with the machine's and can be pushed forward. Whoever sleeps on it pushes it instead of waiting.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable

from mlgate.engine.clock import Clock

SEED = int(os.environ.get("MLGATE_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
"""Of everything random in a run; printed where it is used."""


class Timeline:
    """One time for the operator, Auth0 and Azure. `pushed` is called after every push."""

    def __init__(self, seed: int) -> None:
        self.ahead = 0.0
        self.pushed: list[Callable[[], object]] = []
        self.clock = Clock(self.monotonic, self.wall, random.Random(seed))

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def wall(self) -> float:
        return time.time() + self.ahead

    def push(self, seconds: float) -> None:
        """So many seconds have passed."""
        self.ahead += seconds
        for tell in self.pushed:
            tell()

    async def sleep(self, seconds: float) -> None:
        """For whatever takes a `sleep`: the wait is over, and it took that long."""
        self.push(seconds)
        await asyncio.sleep(0)
