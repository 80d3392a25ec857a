"""The real process is killed with SIGKILL right after every write it makes outside, before the answer reaches it.

Each time a new one starts on the same API server. The quickstart ends as it always does, with one of everything, and
deleting it leaves nothing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial

import pytest

from mlgate_sim.requestlog import LoggedRequest
from mlgate_sim.server import DropAnswer

from .outside import changes, told
from .waiting import eventually
from .world import World

ONE_OF_EVERYTHING = {
    "clients": ["checkout", "reporting"],
    "apis": ["https://fraud.models.example.com"],
    "grants": ["checkout -> https://fraud.models.example.com", "reporting -> https://fraud.models.example.com"],
    "roles": ["fraud-analyst"],
    "azure": [
        "ml-workspace",
        "ml-workspace/onlineendpoints/fraud",
        "ml-workspace/onlineendpoints/fraud/deployments/blue",
    ],
}
NOTHING: dict[str, list[str]] = {name: [] for name in ONE_OF_EVERYTHING}
SECONDS = 150.0
CREATES, DELETES = 10, 7
"""At least so many deaths: fewer would mean that the writes are not seen."""


class Reaper:
    """Kills the operator when a write has taken effect; each different write once."""

    def __init__(self, world: World) -> None:
        self._operator = world.operator
        self._met: set[tuple[str, str, str]] = set()
        self.deaths: list[str] = []
        for simulator in (world.outside.auth0, world.outside.azure):
            world.outside.do(partial(simulator.observers.append, self._hear))

    def _hear(self, entry: LoggedRequest) -> None:
        write = (entry.method, entry.path, str(entry.body))
        if not changes(entry) or (entry.status or 500) >= 400 or write in self._met:
            return
        self._met.add(write)
        if self._operator.running and self._operator.pid:
            os.kill(self._operator.pid, signal.SIGKILL)
            self.deaths.append(told(entry))
            raise DropAnswer


def reviving(world: World, lacking: Callable[[], list[str]], what: str) -> None:
    """Starts the operator as often as it dies, until nothing is lacking."""

    def complete() -> bool:
        if not world.operator.running:
            world.operator.forget_lease()
            world.operator.start(wait=False)
        lack = lacking()
        assert not lack, "\n".join(lack)
        return True

    eventually(complete, what, seconds=SECONDS)


@pytest.mark.timeout(400)
def test_killed_at_every_write_it_makes_one_of_everything_and_removes_everything(fresh: World) -> None:
    reaper = Reaper(fresh)
    fresh.apply(wait=False)
    reviving(fresh, fresh.unready, "a world in which everything is Ready")
    print("killed at:", *reaper.deaths, sep="\n  ")
    assert len(reaper.deaths) >= CREATES
    assert fresh.outside.inventory() == ONE_OF_EVERYTHING
    assert not [write for write in fresh.outside.writes() if write.startswith("DELETE")]
    fresh.wait_answer(200, fresh.token("checkout"))

    created = len(reaper.deaths)
    fresh.kubectl("delete", "-f", str(fresh.manifests.folder), "--wait=false")
    reviving(fresh, fresh.left, "an empty cluster")
    print("killed at:", *reaper.deaths[created:], sep="\n  ")
    assert len(reaper.deaths) - created >= DELETES
    assert fresh.outside.inventory() == NOTHING
