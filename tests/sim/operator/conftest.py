"""A world per test: the operator in this process, both services simulated."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from .census import carried_out, inside, outside, secrets_fit
from .world import World, a_world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as made:
        yield made


CLEAN: dict[str, object] = {}


@pytest.fixture
async def clean() -> dict[str, object]:
    """What there is after the quickstart was carried out by an operator that nothing happened to."""
    if not CLEAN:
        async with a_world() as world:
            await carried_out(world)
            assert await secrets_fit(world)
            CLEAN.update(outside=outside(world), inside=await inside(world))
    return CLEAN
