"""One piece of work at a time, shared by everybody who asks for it meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from .outbound import Urgency, urgency

T = TypeVar("T")


class Flight(Generic[T]):
    """Runs `work` once for all who ask while it runs. One of them going away does not stop it for the others.

    The work runs with the context (urgency, permit) of who asked first, so it must not write. `overtakes`: who is more
    urgent than that does not wait behind it but starts a run of its own, for itself and all who come later.
    """

    def __init__(self, work: Callable[[], Awaitable[T]], *, overtakes: bool = False) -> None:
        self._work = work
        self._overtakes = overtakes
        self._urgency = Urgency.USER
        self._task: asyncio.Task[T] | None = None
        self._running: set[asyncio.Task[T]] = set()

    async def join(self) -> T:
        """The result of the run under way, or of one started now. Raises what the work raised."""
        overtaken = self._overtakes and urgency() < self._urgency
        if self._task is None or self._task.done() or overtaken:
            self._urgency = urgency()
            self._task = asyncio.create_task(self._run())
            self._running.add(self._task)
            self._task.add_done_callback(self._landed)
        return await asyncio.shield(self._task)

    async def cancel(self) -> None:
        """Ends what is under way and waits for its end."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _run(self) -> T:
        return await self._work()

    def _landed(self, task: asyncio.Task[T]) -> None:
        self._running.discard(task)
        if self._task is task:
            self._task = None
        if not task.cancelled():
            task.exception()  # fetched, so that nobody left to hear it is not reported as a bug
