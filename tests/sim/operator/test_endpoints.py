"""Endpoints: what a drift check costs, what a write carries along, and what happens to a name that is taken or a thing that
is gone."""

from __future__ import annotations

from typing import Any

from mlgate.engine import objects
from mlgate.engine.engine import Urgency
from mlgate.store.protocol import Key, Object

from .manifests import azure_side, deployment, endpoint
from .world import World

HOUR = 3600.0


def raw(world: World, name: str = "fraud") -> Any:
    found = world.azure.resource("onlineEndpoints", "ml-workspace", name)
    assert found is not None
    return found


async def serving(world: World, **spec: Any) -> None:
    blue = deployment("blue", "fraud", preflight="Skip")
    await world.apply(azure_side(), endpoint("fraud", **spec), blue)
    await world.ready(("AzureMLOnlineEndpoint", "fraud"), ("AzureMLOnlineDeployment", "blue"))


def look(world: World, *keys: tuple[str, str]) -> None:
    """As when their drift checks come due."""
    for kind, name in keys:
        world.operator.engine.queue.add(Key(kind, "ml", name), Urgency.DRIFT)


async def test_one_listing_serves_the_drift_checks_of_all_endpoints_and_deployments(world: World) -> None:
    names = [f"model-{number}" for number in range(8)]
    await world.apply(azure_side(), [endpoint(name) for name in names])
    await world.ready(*(("AzureMLOnlineEndpoint", name) for name in names))
    await world.apply(deployment("one", "model-0", azureName="one"), deployment("two", "model-0", azureName="two"))
    await world.ready(("AzureMLOnlineDeployment", "one"), ("AzureMLOnlineDeployment", "two"))
    await world.settled()
    world.timeline.push(61)
    before = len(world.azure.requests)
    look(world, *(("AzureMLOnlineEndpoint", name) for name in names))
    look(world, ("AzureMLOnlineDeployment", "one"), ("AzureMLOnlineDeployment", "two"))
    await world.settled()
    asked = [e.path.lower().split("/workspaces/")[1] for e in list(world.azure.requests)[before:]]
    looked = [path for path in asked if "onlineendpoints" in path]
    assert sorted(looked) == ["ml-workspace/onlineendpoints", "ml-workspace/onlineendpoints/model-0/deployments"]


async def test_a_write_after_a_listing_carries_the_traffic_of_now(world: World) -> None:
    """Traffic is nobody's business here; between the listing and the write somebody moved it."""
    await serving(world, description="as written")
    await world.apply(deployment("green", "fraud"))
    await world.ready(("AzureMLOnlineDeployment", "green"))
    await world.settled()
    raw(world)["properties"]["traffic"] = {"blue": 100}
    world.timeline.push(61)
    look(world, ("AzureMLOnlineDeployment", "green"), ("AzureMLOnlineEndpoint", "fraud"))  # lists both
    await world.settled()
    raw(world)["properties"] |= {"traffic": {"green": 100}, "description": "by hand"}
    for snapshot in _snapshots(world):
        for kept in snapshot._kept.values():
            if "scoringUri" in kept.body["properties"]:
                kept.body["properties"]["description"] = "by hand"
    look(world, ("AzureMLOnlineEndpoint", "fraud"))
    await world.until(lambda: raw(world)["properties"]["description"] == "as written", "the description set back")
    assert raw(world)["properties"]["traffic"] == {"green": 100}


def _snapshots(world: World) -> Any:
    (known,) = world.operator._azure._sessions.values()
    return known[1].endpoints._snapshots.values()


async def test_a_shadow_that_gets_traffic_is_a_shadow_no_more(world: World) -> None:
    await serving(world)
    await world.apply(deployment("green", "fraud"))
    await world.ready(("AzureMLOnlineDeployment", "green"))
    await world.apply(endpoint("fraud", traffic={"blue": 100}, mirrorTraffic={"green": 10}))
    await world.until(lambda: raw(world)["properties"]["mirrorTraffic"] == {"green": 10}, "a shadow")
    await world.ready(("AzureMLOnlineEndpoint", "fraud"))
    await world.apply(endpoint("fraud", traffic={"green": 100}))
    await world.until(lambda: raw(world)["properties"]["traffic"] == {"green": 100}, "its promotion")
    assert not raw(world)["properties"]["mirrorTraffic"]


async def test_an_endpoint_deleted_by_hand_is_made_anew(world: World) -> None:
    await serving(world, traffic={"blue": 100}, credentialsSecret={"name": "out"})
    before = await world.get("Secret", "out")
    world.azure.memory.remove(raw(world)["id"])
    await world.event("AzureMLOnlineEndpoint", "fraud", "ExternalGone", "made anew")

    async def back() -> bool:
        obj = await world.get("AzureMLOnlineEndpoint", "fraud")
        return objects.is_ready(obj) and objects.status(obj).get("traffic") == {"blue": 100}

    await world.until(back, "the endpoint, its deployment and its traffic again")
    assert (await world.get("Secret", "out"))["data"] != before["data"], "its old credential is worth nothing"


async def test_a_name_that_is_taken_in_the_region_is_told(world: World) -> None:
    world.azure.memory.taken_names.add("fraud")
    await world.apply(azure_side(), endpoint("fraud"))
    await world.says("AzureMLOnlineEndpoint", "fraud", "ExternalConflict", "is taken", "Choose another name")
    puts = len(world.azure.requests.matching("PUT", "/onlineEndpoints/fraud"))
    await world.passes(2 * HOUR)
    assert len(world.azure.requests.matching("PUT", "/onlineEndpoints/fraud")) <= puts + 10
    other: Object = endpoint("fraud")
    await world.delete(other)
    await world.gone(("AzureMLOnlineEndpoint", "fraud"))


async def test_every_field_of_an_endpoint_reaches_azure_and_a_second_look_writes_nothing(world: World) -> None:
    identity = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/scorer"
    await serving(
        world,
        authMode="AADToken",
        identity={"type": "UserAssigned", "userAssignedIdentities": [identity]},
        description="Scores transactions",
        publicNetworkAccess="Disabled",
        properties={"team": "ml"},
        tags={"team": "ml"},
        traffic={"blue": 100},
    )
    found = raw(world)
    assert found["identity"]["type"] == "UserAssigned"
    assert [name.lower() for name in found["identity"]["userAssignedIdentities"]] == [identity.lower()]
    assert found["properties"]["publicNetworkAccess"] == "Disabled"
    assert found["properties"]["properties"]["team"] == "ml"
    assert found["tags"]["team"] == "ml"
    await world.until(lambda: raw(world)["properties"]["traffic"] == {"blue": 100}, "traffic")
    await world.ready(("AzureMLOnlineEndpoint", "fraud"))
    written = len(world.writes())
    await world.passes(HOUR)
    assert len(world.writes()) == written


async def test_an_endpoint_that_failed_is_recovered_by_another_put(world: World) -> None:
    await serving(world, traffic={"blue": 100})
    world.azure.fail_operation("onlineEndpoints/fraud", code="InternalServerError", times=1)
    await world.patch("AzureMLOnlineEndpoint", "fraud", {"spec": {"description": "new"}})
    await world.says("AzureMLOnlineEndpoint", "fraud", "ProvisioningFailed")
    puts = len(world.azure.requests.matching("PUT", "/onlineEndpoints/fraud"))
    await world.passes(HOUR)
    await world.ready(("AzureMLOnlineEndpoint", "fraud"))
    assert raw(world)["properties"]["description"] == "new"
    assert raw(world)["properties"]["traffic"] == {"blue": 100}
    assert len(world.azure.requests.matching("PUT", "/onlineEndpoints/fraud")) <= puts + 2


async def test_an_endpoint_that_fails_for_good_is_not_hammered(world: World) -> None:
    await serving(world)
    world.azure.fail_operation("onlineEndpoints/fraud", code="InternalServerError")
    await world.patch("AzureMLOnlineEndpoint", "fraud", {"spec": {"description": "new"}})
    await world.says("AzureMLOnlineEndpoint", "fraud", "ProvisioningFailed")
    puts = len(world.azure.requests.matching("PUT", "/onlineEndpoints/fraud"))
    await world.passes(2 * HOUR)
    assert 1 <= len(world.azure.requests.matching("PUT", "/onlineEndpoints/fraud")) - puts <= 12


async def test_a_change_of_traffic_asks_nothing_about_deployments_that_stay_as_they_are(world: World) -> None:
    """They are woken by their endpoint and find that nothing is wished of them."""
    await serving(world, traffic={"blue": 100})
    await world.apply(deployment("green", "fraud", preflight="Skip"))
    await world.ready(("AzureMLOnlineDeployment", "green"), ("AzureMLOnlineEndpoint", "fraud"))
    await world.settled()
    before = len(world.azure.requests)
    await world.apply(endpoint("fraud", traffic={"blue": 50, "green": 50}))
    await world.until(lambda: raw(world)["properties"]["traffic"] == {"blue": 50, "green": 50}, "traffic moved")
    await world.settled()
    asked = [
        (e.method, e.path.lower().split("/workspaces/ml-workspace")[1]) for e in list(world.azure.requests)[before:]
    ]
    assert [path for _, path in asked if "/deployments/" in path] == []
    assert [path for method, path in asked if method == "PUT"] == ["/onlineendpoints/fraud"]
