"""Fixtures: a simulated Azure, ARM as the operator calls it, and a caller of scoring URIs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mlgate_sim.azure import AzureSimulator
from sim.azure.arm_caller import Arm, Caller, ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def azure(clock: ManualClock) -> AsyncIterator[AzureSimulator]:
    """Operations take nine minutes of a clock that stands still, as a real deployment does."""
    async with AzureSimulator(clock=clock, operation_seconds=540, seed_workspace="ws1", draw=lambda: 0.5) as simulator:
        yield simulator


@pytest.fixture
async def arm(azure: AzureSimulator) -> AsyncIterator[Arm]:
    caller = Arm(azure)
    yield caller
    await caller.close()


@pytest.fixture
async def caller(azure: AzureSimulator) -> AsyncIterator[Caller]:
    client = Caller(azure)
    yield client
    await client.close()


@pytest.fixture
async def serving(azure: AzureSimulator, arm: Arm, clock: ManualClock) -> str:
    """An endpoint `fraud` in Key mode whose deployment `blue` has all the traffic; its scoring URI."""
    from sim.azure.arm_caller import deployment_body, endpoint_body

    for path, body in (
        ("onlineEndpoints/fraud", endpoint_body()),
        ("onlineEndpoints/fraud/deployments/blue", deployment_body()),
        ("onlineEndpoints/fraud", endpoint_body(traffic={"blue": 100})),
    ):
        assert (await arm("PUT", path, body)).status_code == 201
        clock.forward(540)
    uri: str = (await arm("GET", "onlineEndpoints/fraud")).json()["properties"]["scoringUri"]
    return uri
