"""Ends the operator's life at one of its writes to the outside."""

from __future__ import annotations

from collections.abc import Callable

from mlgate_sim.requestlog import LoggedRequest
from mlgate_sim.server import DropAnswer

from .life import StoreWrite
from .world import World
from .writes import Write


def each(world: World, observer: Callable[[LoggedRequest], None]) -> None:
    """`observer` hears of every request when it has taken effect and before its answer leaves."""
    world.auth0.observers.append(observer)
    world.azure.observers.append(observer)


class Killer:
    """Ends the operator's life when this write has taken effect: before its answer arrives, or (`answered`) before
    what it said is written down."""

    def __init__(self, world: World, write: Write, *, answered: bool) -> None:
        self._world, self._write, self._answered = world, write, answered
        self._seen = 0
        self.struck = False
        each(world, self._hear)

    def _hear(self, entry: LoggedRequest) -> None:
        if self.struck or not self._write.fits(entry):
            return
        self._seen += 1
        if self._seen < self._write.nth:
            return
        self.struck = True
        life = self._world.operator.life
        if not self._answered:
            life.end()
            raise DropAnswer
        life.before_write = self._wants_to_keep_it

    def _wants_to_keep_it(self, write: StoreWrite) -> bool:
        return write.resource in (self._write.kind, "Secret")
