"""A new deployment of a model takes over step by step, or is taken back: the operator against the simulated Azure.

What is watched all the time: every request that changes traffic carries a map that adds up to 100, gives calls only to
deployments that Azure says have succeeded and that answered the smoke request.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import yaml

from mlgate.api import SecuredModelEndpointSpec
from mlgate.engine import objects
from mlgate.kinds.secured_endpoint import revisions
from mlgate.store.protocol import Key, Object

from .life import StoreWrite
from .manifests import QUICKSTART, azure_side, of_quickstart, tenant_side
from .world import World, a_world

STEPS = [{"weight": 5, "pause": "10m"}, {"weight": 50, "pause": "10m"}]
SMOKE = {
    "request": {"body": '{"amount": 120}'},
    "expect": {"contains": '{"prediction": {"fraud_probability": 0.0237}}'},
}
SCORE = r"^/scoring/fraud\."


def fraud(version: str = "7", **rollout: Any) -> Object:
    obj = of_quickstart("SecuredModelEndpoint")
    spec = obj["spec"]
    del spec["traffic"]
    spec["deployments"] = [
        {"name": "fraud", "model": {"name": "fraud", "version": version}, "instanceType": "Standard_DS3_v2"}
    ]
    spec["rollout"] = {"steps": STEPS, "gates": {"smoke": SMOKE}, **rollout}
    return obj


@pytest.fixture
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """With operations of a second, or of as many as a test asks for: short ones hide what minutes show."""
    async with a_world(operation_seconds=getattr(request, "param", 1.0)) as made:
        wrong: list[str] = []
        made.azure.observers.append(lambda entry: watch(made, entry, wrong))
        await made.apply(tenant_side(), azure_side(), of_quickstart("ModelGateway"))
        yield made
        assert wrong == []


def watch(world: World, entry: Any, wrong: list[str]) -> None:
    """Every traffic map that Azure is told."""
    if entry.method != "PUT" or not entry.path.endswith("/onlineEndpoints/fraud"):
        return
    traffic: dict[str, int] = entry.body["properties"].get("traffic") or {}
    answered = {e.headers.get("azureml-model-deployment") for e in smoked(world) if e.status == 200}
    if sum(traffic.values()) not in (0, 100):
        wrong.append(f"the weights do not add up: {traffic}")
    for name in (name for name, weight in traffic.items() if weight):
        state = ((deployed(world, name) or {}).get("properties") or {}).get("provisioningState")
        if state != "Succeeded" or name not in answered:
            wrong.append(f"{name} ({state}) gets calls; answered: {answered}")


def smoked(world: World) -> list[Any]:
    return [e for e in world.azure.requests.matching("POST", SCORE) if "azureml-model-deployment" in e.headers]


def deployed(world: World, name: str) -> dict[str, Any] | None:
    return world.azure.resource("onlineEndpoints/deployments", "ml-workspace", "fraud", name)


def traffic(world: World) -> dict[str, int]:
    found = world.azure.resource("onlineEndpoints", "ml-workspace", "fraud") or {"properties": {}}
    return {name: weight for name, weight in (found["properties"].get("traffic") or {}).items() if weight}


async def status(world: World) -> dict[str, Any]:
    found: dict[str, Any] = objects.status(await world.get("SecuredModelEndpoint", "fraud")).get("rollout") or {}
    return found


async def reaches(world: World, progress: str) -> dict[str, Any]:
    async def holds() -> bool:
        return (await status(world)).get("progress") == progress

    await world.until(holds, f"the rollout is {progress}")
    return await status(world)


async def first(world: World, **rollout: Any) -> str:
    """The first deployment answers everything; its name."""
    await world.apply(fraud(**rollout))
    told = await reaches(world, "complete")
    name: str = told["stable"]["name"]
    assert traffic(world) == {name: 100}
    return name


@pytest.mark.parametrize("world", [1.0, 15.0], indirect=True, ids=["a second", "longer"])
async def test_a_new_model_version_takes_over_step_by_step(world: World) -> None:
    old = await first(world, keepPrevious="5m")
    await world.apply(fraud("8", keepPrevious="5m"))
    told = await reaches(world, "1/2 5%")
    new = told["canary"]["name"]
    assert traffic(world) in ({old: 100}, {old: 95, new: 5})
    await reaches(world, "2/2 50%")
    await reaches(world, "complete")
    assert traffic(world) == {new: 100}
    puts = [e.body["properties"]["traffic"] for e in world.azure.requests.matching("PUT", "/onlineEndpoints/fraud$")]
    assert puts[-3:] == [{old: 95, new: 5}, {old: 50, new: 50}, {new: 100}]
    made = deployed(world, new)
    assert made and made["properties"]["model"].endswith("/models/fraud/versions/8")
    assert (await status(world))["previous"]["name"] == old
    await world.until(lambda: deployed(world, old) is None, "the old one goes after a while")
    assert len(smoked(world)) == 2, "one request for each revision"


async def test_a_second_look_at_a_rollout_that_rests_writes_nothing(world: World) -> None:
    await first(world)
    await world.settled()
    before = len(world.writes())
    await world.passes(1500)
    assert len(world.writes()) == before


async def test_a_deployment_that_answers_the_smoke_request_badly_never_gets_a_call(world: World) -> None:
    old = await first(world)
    world.azure.script_scoring("fraud", status=424, latency_seconds=0.0)
    await world.apply(fraud("8"))
    told = await reaches(world, "failed")
    assert "smoke request was answered badly 3 times" in told["failure"]["message"]
    assert traffic(world) == {old: 100}
    new = told["failure"]["name"]
    await world.until(lambda: deployed(world, new) is None, "the bad one goes")
    event = await world.event("SecuredModelEndpoint", "fraud", "RolledBack", new)
    assert event["type"] == "Warning"

    tried = len(smoked(world))
    await world.passes(1500)
    assert len(smoked(world)) == tried, "what was bad is not tried again"
    world.azure.memory.scoring.faults.clear()
    await world.patch("SecuredModelEndpoint", "fraud", noted("retry", told["failure"]["retry"]))
    await reaches(world, "complete")
    assert traffic(world) == {new: 100}


async def test_a_deployment_that_azure_cannot_make_leaves_calls_where_they_are(world: World) -> None:
    old = await first(world)
    world.azure.fail_deployment("fraud", next_name(), code="OutOfQuota")
    await world.apply(fraud("8"))
    told = await reaches(world, "failed")
    assert "OutOfQuota" in told["failure"]["message"] or "quota" in told["failure"]["message"]
    assert traffic(world) == {old: 100}


async def test_a_deployment_that_gets_worse_at_a_step_gives_its_calls_back(world: World) -> None:
    gates = {"smoke": {**SMOKE, "interval": "1m"}, "probes": {"requests": 5, "maxErrorPercent": 20}}
    old = await first(world, gates=gates)
    await world.apply(fraud("8", gates=gates))
    told = await reaches(world, "2/2 50%")
    world.azure.script_scoring("fraud", status=500)
    told = await reaches(world, "failed")
    assert "2 of " in told["failure"]["message"]
    assert "50 %" in told["failure"]["message"]
    assert traffic(world) == {old: 100}


async def test_a_pause_without_end_ends_when_it_is_promoted(world: World) -> None:
    steps = [{"weight": 10, "pause": "UntilPromoted"}, {"weight": 60, "pause": "UntilPromoted"}]
    old = await first(world, steps=steps)
    await world.apply(fraud("8", steps=steps))
    await world.until(lambda: len(traffic(world)) == 2, "the first step")
    await world.passes(9000)
    told = await reaches(world, "1/2 10%")
    new = told["canary"]["name"]
    assert traffic(world) == {old: 90, new: 10}
    await world.patch("SecuredModelEndpoint", "fraud", noted("promote", told["promote"]))
    await reaches(world, "2/2 60%")
    await world.patch("SecuredModelEndpoint", "fraud", noted("abort", new))
    told = await reaches(world, "failed")
    assert "mlgate.dev/abort" in told["failure"]["message"]
    assert traffic(world) == {old: 100}


async def test_a_manifest_set_back_on_the_way_gives_the_calls_back(world: World) -> None:
    old = await first(world)
    await world.apply(fraud("8"))
    await reaches(world, "2/2 50%")
    await world.apply(fraud("7"))
    await reaches(world, "complete")
    assert traffic(world) == {old: 100}


async def test_an_endpoint_that_had_no_rollout_gets_one_without_a_new_deployment(world: World) -> None:
    plain = fraud()
    del plain["spec"]["rollout"]
    world.azure.observers.clear()  # nothing here is asked whether it is good
    await world.apply(plain)
    await world.until(lambda: traffic(world) == {"fraud": 100}, "it answers")
    await world.apply({**fraud(), "spec": {**fraud()["spec"], "rollout": {"steps": STEPS}}})
    told = await reaches(world, "complete")
    assert told["stable"]["name"] == "fraud"
    assert len(world.azure.requests.matching("PUT", "/deployments/")) == 1


async def test_a_new_registered_version_starts_a_rollout(world: World) -> None:
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    register(world, "1")
    old = await first_of(world, "@latest")
    obj = await world.get("SecuredModelEndpoint", "fraud")
    assert obj["status"]["modelVersions"] == {"fraud@latest": "1"}
    assert obj["spec"]["deployments"][0]["model"]["version"] == "@latest"
    register(world, "2")
    told = await reaches(world, "1/2 5%")
    assert told["canary"]["deployment"]["model"]["version"] == "2"
    await reaches(world, "complete")
    assert old not in traffic(world)
    lists = world.azure.requests.matching("GET", "/models/fraud/versions$")
    looks = world.operator.engine.settings.resync
    assert len(lists) <= 2 + (world.timeline.ahead / (looks / 2)), "one list answers all looks of half an interval"


async def first_of(world: World, version: str) -> str:
    await world.apply(fraud(version))
    name: str = (await reaches(world, "complete"))["stable"]["name"]
    return name


@pytest.mark.parametrize("share", range(4))
async def test_a_restart_at_any_write_goes_on_where_it_was(world: World, share: int) -> None:
    """Dies at every eighth write or so to the store, before or after it, and again in the next life."""
    old = await first(world)
    deaths = 0

    def dies(write: StoreWrite) -> bool:
        nonlocal deaths
        if (write.number + share) % 7 or deaths > 40:
            return False
        deaths += 1
        return True

    def arm() -> None:
        life = world.operator.life
        if share % 2:
            life.before_write = dies
        else:
            life.after_write = dies

    arm()
    await world.apply(fraud("8"))

    async def complete() -> bool:
        arm()
        return (await status(world)).get("progress") == "complete" and old not in traffic(world)

    await world.until(complete, "the rollout is complete", patience=30.0)
    assert deaths > 2
    puts = [e.body["properties"]["traffic"] for e in world.azure.requests.matching("PUT", "/onlineEndpoints/fraud$")]
    shares = [weights.get(old, 0) for weights in puts if old in weights or len(weights) == 1]
    assert shares[-1] == 0
    moved = shares[shares.index(95) :]
    assert moved == sorted(moved, reverse=True), "calls never move back and forth"


async def test_a_version_that_gets_a_stage_starts_a_rollout(world: World) -> None:
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    for version in ("1", "2"):
        register(world, version, stage="Production" if version == "1" else "Development")
    await first_of(world, "@Production")
    obj = await world.get("SecuredModelEndpoint", "fraud")
    assert obj["status"]["modelVersions"] == {"fraud@Production": "1"}
    register(world, "2", stage="Production")
    told = await reaches(world, "1/2 5%")
    assert told["canary"]["deployment"]["model"]["version"] == "2"


async def test_calls_are_copied_before_any_is_answered(world: World) -> None:
    mirror = {"weight": 10, "pause": "5m"}
    old = await first(world, mirror=mirror)
    await world.apply(fraud("8", mirror=mirror))
    told = await reaches(world, "mirror 10%")
    new = told["canary"]["name"]
    await reaches(world, "complete")
    puts = [e.body["properties"] for e in world.azure.requests.matching("PUT", "/onlineEndpoints/fraud$")]
    asked = [(put["traffic"], put.get("mirrorTraffic") or {}) for put in puts]
    assert asked[-4:] == [
        ({old: 100}, {new: 10}),
        ({old: 95, new: 5}, {}),
        ({old: 50, new: 50}, {}),
        ({new: 100}, {}),
    ]


async def test_what_is_carried_out_was_written_down_before(world: World) -> None:
    await first(world)
    carried: list[int] = []

    def note(write: StoreWrite) -> bool:
        cache = world.operator.engine.cache
        if write.verb == "apply" and write.resource == "AzureMLOnlineEndpoint":
            known = cache.get(Key("SecuredModelEndpoint", "ml", "fraud"))
            assert known is not None
            carried.append(known["status"]["rollout"]["weight"])
        return False

    world.operator.life.before_write = note
    await world.apply(fraud("8"))
    await reaches(world, "2/2 50%")
    await reaches(world, "complete")
    assert carried == [5, 50, 100]


async def test_going_back_to_the_one_that_was_replaced_needs_no_new_deployment(world: World) -> None:
    old = await first(world, steps=[{"weight": 50}])
    await world.apply(fraud("8", steps=[{"weight": 50}]))
    await world.until(lambda: traffic(world) and old not in traffic(world), "the new one answers all calls")
    await world.apply(fraud("7", steps=[{"weight": 50}]))
    await world.until(lambda: traffic(world) == {old: 100}, "the old one answers all calls again")
    assert len(world.azure.requests.matching("PUT", f"/deployments/{old}$")) == 1


async def test_a_first_deployment_that_answers_badly_gets_no_call_and_stays(world: World) -> None:
    world.azure.script_scoring("fraud", status=500)
    await world.apply(fraud())
    told = await reaches(world, "failed")
    name = told["canary"]["name"]
    assert deployed(world, name)
    assert traffic(world) == {}
    message = await world.says("SecuredModelEndpoint", "fraud", "RolledBack", name, condition="RolloutReady")
    assert f"mlgate.dev/retry={name}/1" in message
    assert "stable" not in told


async def test_a_rollout_that_is_paused_stands_still(world: World) -> None:
    old = await first(world)
    await world.apply(fraud("8"))
    told = await reaches(world, "2/2 50%")
    await world.until(lambda: len(traffic(world)) == 2, "the split is in force")
    await world.patch("SecuredModelEndpoint", "fraud", noted("paused", "true"))
    await world.passes(3000)
    assert traffic(world) == {old: 50, told["canary"]["name"]: 50}
    await world.patch("SecuredModelEndpoint", "fraud", noted("paused", "false"))
    await world.until(lambda: traffic(world) == {told["canary"]["name"]: 100}, "it goes on")


async def test_switching_the_rollout_off_moves_the_calls_to_the_plain_name_without_a_gap(world: World) -> None:
    old = await first(world)
    world.azure.observers.clear()  # the plain deployment is not asked whether it is good
    await world.patch("SecuredModelEndpoint", "fraud", {"spec": {"rollout": None}})
    await world.until(lambda: traffic(world) == {"fraud": 100}, "the plain one answers all calls")
    await world.until(lambda: deployed(world, old) is None, "the revision goes")
    assert await status(world) == {}
    puts = [e.body["properties"]["traffic"] for e in world.azure.requests.matching("PUT", "/onlineEndpoints/fraud$")]
    assert all(sum(weights.values()) == 100 for weights in puts[1:]), puts


async def test_the_example_stands_beside_the_quickstart(world: World) -> None:
    world.azure.observers.clear()
    (example,) = yaml.safe_load_all((QUICKSTART.parent / "azure" / "rollout.yaml").read_text())
    await world.apply(example)

    async def answers() -> bool:
        status = objects.status(await world.get("SecuredModelEndpoint", "risk"))
        return bool((status.get("rollout") or {}).get("progress") == "complete")

    await world.until(answers, "the example answers all calls")


def noted(name: str, value: str) -> Object:
    return {"metadata": {"annotations": {f"mlgate.dev/{name}": value}}}


def next_name() -> str:
    """The name of the revision with version 8."""
    spec = SecuredModelEndpointSpec.model_validate(fraud("8")["spec"])
    return revisions.revision(spec.deployments[0]).name


def register(world: World, version: str, **properties: str) -> None:
    path = f"{world.azure.workspace_id('ml-workspace')}/models/fraud/versions/{version}"
    answer = world.azure.arm("PUT", path, {"properties": {"modelUri": f"azureml://models/{version}", **properties}})
    assert answer.status in (200, 201)
