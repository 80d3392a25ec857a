"""One piece of work at a time, shared by everybody who asks for it meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Flight(Generic[T]):
    """Runs `work` once for all who ask while it runs. One of them going away does not stop it for the others.

    The work runs with the context (urgency, permit) of who asked first, so it must not write.
    """

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        self._work = work
        self._task: asyncio.Task[T] | None = None

    async def join(self) -> T:
        """The result of the run under way, or of one started now. Raises what the work raised."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(self._landed)
        return await asyncio.shield(self._task)

    async def cancel(self) -> None:
        """Ends what is under way and waits for its end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> T:
        return await self._work()

    def _landed(self, task: asyncio.Task[T]) -> None:
        if self._task is task:
            self._task = None
        if not task.cancelled():
            task.exception()  # fetched, so that nobody left to hear it is not reported as a bug
