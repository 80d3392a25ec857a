"""Time that passes only when nothing else is left to do: waiting costs no seconds and is exact."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Coroutine
from typing import Any


class Timeline:
    """A clock and a sleep of its own. `run` drives coroutines that wait with this sleep and with nothing else."""

    def __init__(self, start: float = 1000.0) -> None:
        self.now = start
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + max(0.0, seconds), next(self._numbers), woken))
        await woken

    async def run(self, *work: Coroutine[Any, Any, Any]) -> list[Any]:
        """Runs `work` to its end. Returns results and exceptions in order."""
        tasks = [asyncio.create_task(each) for each in work]
        while not all(task.done() for task in tasks):
            for _ in range(50):  # let everything that can go on go on
                await asyncio.sleep(0)
            if all(task.done() for task in tasks):
                break
            assert self._sleepers, "everything waits for something that never comes"
            when, _, woken = heapq.heappop(self._sleepers)
            self.now = max(self.now, when)
            if not woken.done():
                woken.set_result(None)
        return await asyncio.gather(*tasks, return_exceptions=True)
