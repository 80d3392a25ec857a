"""The world of the tests on the real Envoy; skipped, with the reason, where there is no Envoy binary."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mlgate.gateway.envoy import EnvoyFailed, find_envoy
from sim.gateway.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    try:
        find_envoy()
    except EnvoyFailed as absent:
        pytest.skip(str(absent))
    world = World(tmp_path)
    await world.start()
    try:
        yield world
    finally:
        await world.stop()
