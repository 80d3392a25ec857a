"""One operation at a time per online endpoint: queued by mlgate, so that Azure never has to refuse one as busy."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mlgate.engine import objects
from mlgate.store.protocol import Object
from mlgate_sim.requestlog import LoggedRequest

from .life import StoreWrite
from .manifests import azure_side, deployment, endpoint
from .world import World, a_world

NAMES = ("blue", "green", "red")
DEPLOYMENTS = [("AzureMLOnlineDeployment", name) for name in NAMES]
FRAUD = ("AzureMLOnlineEndpoint", "fraud")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Operations that take as long as in Azure: short ones hide collisions."""
    async with a_world(operation_seconds=30.0) as made:
        yield made


def refused(world: World) -> list[LoggedRequest]:
    return [e for e in world.azure.requests if e.status in (400, 409) and not e.path.endswith("/token")]


def begun(world: World, name: str) -> list[LoggedRequest]:
    return world.azure.requests.matching("PUT", f"/deployments/{name}$")


def fraud(**weights: int) -> Object:
    return endpoint("fraud", traffic=weights) if weights else endpoint("fraud")


async def test_three_deployments_and_their_traffic_never_meet_a_busy_endpoint(world: World) -> None:
    await world.apply(azure_side())
    await world.apply(fraud(blue=90, green=10))
    await world.apply(deployment(name, "fraud") for name in NAMES)
    await world.ready(FRAUD, *DEPLOYMENTS)
    assert refused(world) == []
    assert [len(begun(world, name)) for name in NAMES] == [1, 1, 1]


async def test_traffic_moves_and_counts_change_one_after_the_other(world: World) -> None:
    await world.apply(azure_side())
    await world.apply(fraud(blue=100))
    await world.apply(deployment(name, "fraud") for name in NAMES)
    await world.ready(FRAUD, *DEPLOYMENTS)
    await world.apply(fraud(blue=50, green=50))
    await world.apply(deployment(name, "fraud", instanceCount=2) for name in NAMES)
    await world.ready(FRAUD, *DEPLOYMENTS)
    await world.apply(fraud(green=100))
    await world.delete(deployment("blue", "fraud"))
    await world.ready(FRAUD)
    await world.gone(("AzureMLOnlineDeployment", "blue"))
    assert refused(world) == []
    assert world.azure.requests.matching("PATCH", "/deployments/")


async def test_who_waits_says_for_whom(world: World) -> None:
    await world.apply(azure_side())
    await world.apply(fraud())
    await world.ready(FRAUD)
    await world.apply(deployment("blue", "fraud"))
    await world.until(lambda: begun(world, "blue"), "the PUT of blue")
    await world.apply(deployment("green", "fraud"))
    words = ("Waits for AzureMLOnlineDeployment ml/blue", "AzureMLOnlineEndpoint ml/fraud takes one change at a time")
    await world.says("AzureMLOnlineDeployment", "green", "Creating", *words)
    await world.ready(("AzureMLOnlineDeployment", "green"))


async def test_traffic_goes_before_the_next_deployment(world: World) -> None:
    await world.apply(azure_side())
    await world.apply(fraud(blue=100))
    await world.apply(deployment("blue", "fraud"), deployment("green", "fraud"))
    await world.ready(FRAUD, *DEPLOYMENTS[:2])
    await world.apply(deployment("red", "fraud"))
    await world.until(lambda: begun(world, "red"), "the PUT of red")
    await world.apply(deployment("blue", "fraud", instanceCount=3))
    await world.apply(fraud(green=100))
    await world.ready(FRAUD, *DEPLOYMENTS)
    writes = [e for e in world.azure.requests.writes if "/onlineEndpoints/fraud" in e.path]
    moved = next(i for i, e in enumerate(writes) if e.method == "PUT" and "green" in str(e.body) and i > 3)
    scaled = next(i for i, e in enumerate(writes) if e.method == "PATCH")
    assert moved < scaled
    assert refused(world) == []


async def test_everything_is_removed_while_an_operation_runs(world: World) -> None:
    await world.apply(azure_side())
    await world.apply(fraud())
    manifests = [deployment(name, "fraud") for name in NAMES]
    await world.apply(manifests)
    await world.until(lambda: begun(world, "blue") or begun(world, "green") or begun(world, "red"), "a PUT")
    await world.delete(fraud(), *manifests)
    await world.gone(FRAUD, *DEPLOYMENTS)
    assert refused(world) == []


@pytest.mark.parametrize("moment", ["before", "after"], ids=["before it is stored", "after it is stored"])
async def test_a_crash_after_an_operation_was_begun_leaves_no_lane_shut(world: World, moment: str) -> None:
    """The process dies when it writes down that Azure accepted the first deployment."""

    def dies(write: StoreWrite) -> bool:
        return write.verb == "status of" and write.name in NAMES and any(begun(world, name) for name in NAMES)

    await world.apply(azure_side())
    await world.apply(fraud(blue=100))
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    setattr(world.operator.life, f"{moment}_write", dies)
    await world.apply(deployment(name, "fraud") for name in NAMES)
    await world.ready(FRAUD, *DEPLOYMENTS)
    assert world.lives == 2
    assert refused(world) == []
    assert [len(begun(world, name)) for name in NAMES] == [1, 1, 1]


async def test_a_lost_answer_keeps_the_lane_until_it_is_known_what_became_of_it(world: World) -> None:
    await world.apply(azure_side())
    await world.apply(fraud())
    await world.ready(FRAUD)
    world.azure.faults.add(method="PUT", path="/deployments/", drop="after", times=1)
    await world.apply(deployment(name, "fraud") for name in NAMES)
    await world.ready(*DEPLOYMENTS)
    assert refused(world) == []
    assert [len(begun(world, name)) for name in NAMES] == [1, 1, 1]


async def test_an_operation_of_somebody_else_is_waited_for(world: World) -> None:
    """What is begun outside mlgate can only be learned from the refusal."""
    await world.apply(azure_side())
    await world.apply(fraud())
    await world.ready(FRAUD)
    theirs = f"{world.azure.workspace_id('ml-workspace')}/onlineEndpoints/fraud/deployments/theirs"
    body = {"location": "westeurope", "properties": {"endpointComputeType": "Managed", "instanceType": "Standard_F4s"}}
    world.azure.arm("PUT", theirs, body)
    await world.apply(deployment("blue", "fraud"))
    await world.says("AzureMLOnlineDeployment", "blue", "Updating", "busy")
    await world.ready(("AzureMLOnlineDeployment", "blue"))
    assert objects.is_ready(await world.get(*FRAUD))


async def test_more_deployments_than_azure_takes_at_once_are_made_without_a_429(world: World) -> None:
    names = ["blue", "green", "red", "pink", "grey"]
    await world.apply(azure_side(), *(endpoint(f"e-{name}") for name in names))
    await world.ready(*(("AzureMLOnlineEndpoint", f"e-{name}") for name in names))
    world.azure.throttle.set("resource-requests", remaining=3, per_second=1 / 12)
    await world.apply(deployment(names[0], f"e-{names[0]}"))
    await world.ready(("AzureMLOnlineDeployment", names[0]))
    await world.apply(*(deployment(name, f"e-{name}") for name in names))
    await world.ready(*(("AzureMLOnlineDeployment", name) for name in names))
    puts = world.azure.requests.matching("PUT", "/deployments/[^/]+$")
    assert [found.status for found in puts] == [201] * len(names)
