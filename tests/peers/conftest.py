"""A tenant over https for other people's clients."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mlgate_sim.auth0 import Auth0Simulator


@pytest.fixture
async def tenant() -> AsyncIterator[Auth0Simulator]:
    async with Auth0Simulator(tls=True, host="localhost") as auth0:
        yield auth0
