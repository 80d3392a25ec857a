"""`kubectl wait` can be believed: Ready means usable now, Synced means this generation is what is out there."""

from __future__ import annotations

from typing import Any

import pytest

from .cluster_api import condition
from .conftest import Stage
from .waiting import eventually
from .world import World

FRAUD = "40-fraud.yaml"


@pytest.fixture(scope="module")
def world(stage: Stage) -> World:
    """Nothing is applied yet; the tests go on with what the one before left."""
    made = stage()
    made.operator.start()
    return made


def capacity(world: World) -> tuple[int, str]:
    """Instances of the deployment outside, and whether Azure is done with it."""

    def look() -> tuple[int, str]:
        found = world.outside.azure.resource("onlineEndpoints/deployments", "ml-workspace", "fraud", "blue")
        assert found is not None
        return found["sku"]["capacity"], found["properties"]["provisioningState"]

    return world.outside.do(look)


def wait(world: World, condition_: str, *objects: str) -> None:
    """What a script writes after `kubectl apply`."""
    for obj in objects:
        namespace, name = obj.split(":")
        world.kubectl("wait", f"--for=condition={condition_}", name, "-n", namespace, "--timeout=60s", seconds=70)


def test_what_kubectl_waited_for_can_be_called_at_once(world: World) -> None:
    world.apply(wait=False)
    wait(world, "Ready", "ml:sme/fraud", "shop:auth0appbinding/checkout")
    answer = world.proxy.call(world.token("checkout"))
    assert answer.status == 200, answer


def test_kubectl_wait_for_synced_returns_only_when_the_change_is_in_place(world: World) -> None:
    world.apply()
    world.outside.do(lambda: setattr(world.outside.azure, "operation_seconds", 2.0))

    def change(fraud: Any) -> None:
        fraud["spec"]["deployments"][0]["instanceCount"] = 4

    world.manifests.edit(FRAUD, change)
    world.apply(wait=False)
    wait(world, "Synced", "ml:sme/fraud")
    assert capacity(world) == (4, "Succeeded")


def test_while_a_change_is_made_ready_stays_true_because_the_model_still_answers(world: World) -> None:
    world.apply()
    token = world.token("checkout")

    def change(fraud: Any) -> None:
        fraud["spec"]["deployments"][0]["instanceCount"] = 5

    world.manifests.edit(FRAUD, change)
    world.apply(wait=False)
    wait(world, "Ready", "ml:sme/fraud")
    assert world.proxy.call(token).status == 200


def test_ready_lags_behind_a_changed_spec_until_it_is_true_again(world: World) -> None:
    world.apply()
    world.outside.do(lambda: setattr(world.outside.azure, "operation_seconds", 2.0))

    def change(fraud: Any) -> None:
        fraud["spec"]["deployments"][0]["instanceCount"] = 6

    world.manifests.edit(FRAUD, change)
    world.apply(wait=False)
    seen: list[tuple[bool, bool]] = []

    def back() -> bool:
        fraud = world.get("SecuredModelEndpoint", "fraud")
        assert fraud is not None
        in_place = capacity(world) == (6, "Succeeded")
        ready = condition(fraud, "Ready")
        current = ready.get("observedGeneration") == fraud["metadata"]["generation"]
        claims = ready["status"] == "True" and current and condition(fraud, "Synced")["status"] == "True"
        seen.append((claims, in_place))
        return claims and in_place

    eventually(back, "Ready for the new generation")
    assert (False, False) in seen, "it was seen before it was done"
    assert (True, False) not in seen, "Ready and Synced were claimed before it was so"


def test_the_deployment_that_changes_says_so_meanwhile(world: World) -> None:
    world.apply()
    world.outside.do(lambda: setattr(world.outside.azure, "operation_seconds", 2.0))
    seen: set[str] = set()

    def change(fraud: Any) -> None:
        fraud["spec"]["deployments"][0]["model"]["version"] = "12"

    def over() -> bool:
        found = world.get("AzureMLOnlineDeployment", "fraud-blue")
        assert found is not None
        seen.add(str(condition(found, "Synced").get("reason")))
        return world.unready() == []

    world.manifests.edit(FRAUD, change)
    world.apply(wait=False)
    eventually(over, "a world in which everything is Ready", seconds=60)
    assert seen & {"Updating", "Creating"}, seen
