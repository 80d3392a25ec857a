"""What the gateway presents to an endpoint: the Secret holds a credential that works, at every moment of its life, whatever
happens to the operator."""

from __future__ import annotations

import base64
import json
import ssl
from typing import Any

import httpx
import pytest

from mlgate.engine import objects
from mlgate.engine.clock import rfc3339
from mlgate.store.protocol import SECRETS, Object

from .manifests import azure_side, deployment, endpoint, of_quickstart, ours, quickstart
from .world import World

MINUTE, HOUR = 60.0, 3600.0
OUT = "fraud-credential"


async def held(world: World) -> dict[str, str]:
    secret = await world.get("Secret", OUT)
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


async def credential(world: World) -> Object:
    found: Object = objects.status(await world.get("AzureMLOnlineEndpoint", "fraud")).get("credential") or {}
    return found


async def works(world: World, key: str | None = None) -> bool:
    """Whether a call that presents what is in the Secret (or `key`) is let in."""
    entries = await held(world)
    verify = ssl.create_default_context(cafile=str(world.azure.ca_file))
    async with httpx.AsyncClient(verify=verify, trust_env=False) as http:
        sent = {"Authorization": f"Bearer {key or entries['credential']}"}
        return (await http.post(entries["scoring-uri"], json={"amount": 1}, headers=sent)).status_code == 200


def fraud(mode: str = "Key", **secret: Any) -> Object:
    return endpoint("fraud", authMode=mode, traffic={"blue": 100}, credentialsSecret={"name": OUT, **secret})


async def serving(world: World, mode: str = "Key", **secret: Any) -> dict[str, str]:
    await world.apply(azure_side(), fraud(mode, **secret), deployment("blue", "fraud"))
    await world.ready(("AzureMLOnlineEndpoint", "fraud"), ("AzureMLOnlineDeployment", "blue"))
    return await held(world)


def keys(world: World) -> set[str]:
    (found,) = world.azure.memory.keys.values()
    return set(found.values())


async def rotated(world: World, old: set[str], what: str = "both keys new") -> None:
    """Waits for the end of a rotation; the Secret must work all the time."""

    async def over() -> bool:
        assert await works(world)
        return not (keys(world) & old) and not (await credential(world)).get("retiring")

    await world.until(over, what)
    assert (await held(world))["credential"] in keys(world)


@pytest.mark.parametrize("mode", ["Key", "AMLToken", "AADToken"])
async def test_the_secret_holds_what_the_endpoint_accepts(world: World, mode: str) -> None:
    await serving(world, mode)
    assert await works(world)
    said = await credential(world)
    assert said["mode"] == mode
    assert bool(said.get("expiresAt")) is (mode != "Key")
    assert (await held(world))["credential"] not in json.dumps(await world.all())


@pytest.mark.parametrize(("mode", "lasts"), [("AMLToken", 24 * HOUR), ("AADToken", HOUR)])
async def test_a_token_is_renewed_long_before_it_ends(world: World, mode: str, lasts: float) -> None:
    object.__setattr__(world.azure.settings, "token_seconds", int(HOUR))
    first = await serving(world, mode)
    await world.passes(lasts * 0.45)
    assert (await held(world))["credential"] == first["credential"]
    await world.passes(lasts * 0.15)
    assert (await held(world))["credential"] != first["credential"]
    assert await works(world)


async def test_a_token_is_renewed_although_the_next_look_of_a_long_resync_was_forgotten(world: World) -> None:
    """A restart spreads first looks over the resync interval, here a day, in which the token would end."""
    obj = fraud("AMLToken")
    obj["spec"]["resyncInterval"] = "24h"
    await world.apply(azure_side(), obj, deployment("blue", "fraud"))
    await world.ready(("AzureMLOnlineEndpoint", "fraud"), ("AzureMLOnlineDeployment", "blue"))
    first = await held(world)
    await world.restart()
    await world.passes(12.5 * HOUR)
    assert (await held(world))["credential"] != first["credential"]


async def test_a_token_is_renewed_while_a_plan_waits_for_approval(world: World) -> None:
    first = await serving(world, "AMLToken")
    await world.patch("AzureMLOnlineEndpoint", "fraud", {"spec": {"managementPolicy": "Plan", "description": "new"}})
    await world.says("AzureMLOnlineEndpoint", "fraud", "PlanPending", condition="Synced")
    await world.passes(13 * HOUR)
    assert (await held(world))["credential"] != first["credential"]
    assert await works(world)


async def test_trouble_with_the_next_token_is_told_and_the_endpoint_stays_usable(world: World) -> None:
    await serving(world, "AMLToken")
    world.azure.forbid("Microsoft.MachineLearningServices/workspaces/onlineEndpoints/token/action")
    await world.passes(13 * HOUR)
    await world.says("AzureMLOnlineEndpoint", "fraud", "AccessDenied", "token/action", condition="Synced")
    assert objects.says(await world.get("AzureMLOnlineEndpoint", "fraud"), "Ready")
    assert await works(world)
    world.azure.memory.forbidden_actions.clear()
    await world.passes(MINUTE * 20)
    await world.ready(("AzureMLOnlineEndpoint", "fraud"))


async def test_a_changed_auth_mode_brings_its_own_credential(world: World) -> None:
    await serving(world, "Key")
    for mode in ("AMLToken", "AADToken", "Key"):
        await world.apply(fraud(mode))

        async def has(mode: str = mode) -> bool:
            return (await credential(world)).get("mode") == mode

        await world.until(has, f"a credential for {mode}")
        await world.ready(("AzureMLOnlineEndpoint", "fraud"))
        assert await works(world)


async def test_keys_are_replaced_on_schedule(world: World) -> None:
    await serving(world, rotateEvery="1h")
    old = keys(world)
    await world.passes(50 * MINUTE)
    assert keys(world) == old
    await world.passes(10 * MINUTE)
    await rotated(world, old)
    second = keys(world)
    await world.passes(HOUR)
    await rotated(world, second)
    await world.ready(("AzureMLOnlineEndpoint", "fraud"))


async def test_keys_are_replaced_when_the_user_says_so_and_only_once(world: World) -> None:
    await serving(world)
    old = keys(world)
    await world.apply(fraud(rotateAt=rfc3339(world.timeline.wall() + 1)))
    await rotated(world, old)
    now = keys(world)
    await world.passes(3 * HOUR)
    assert keys(world) == now


async def test_the_old_key_works_until_the_overlap_is_over(world: World) -> None:
    first = await serving(world, overlap="10m")
    old = keys(world)
    await world.apply(fraud(overlap="10m", rotateAt=rfc3339(world.timeline.wall() + 1)))

    async def published() -> bool:
        return (await held(world))["credential"] != first["credential"]

    await world.until(published, "a new key in the Secret")
    await world.passes(8 * MINUTE)
    assert await works(world, first["credential"])
    assert "overlap" in (await credential(world))["waitsFor"]
    await world.passes(4 * MINUTE)
    await rotated(world, old)
    assert not await works(world, first["credential"])


async def test_a_gateway_that_may_still_present_the_old_key_is_waited_for(world: World) -> None:
    """No Envoy is connected in this world: one that is cut off would go on with what it has."""
    first = await serving(world)
    listener = {"name": "http", "port": 8080, "protocol": "HTTP"}
    gateway = ours("ModelGateway", "public", {"listeners": [listener]})
    rules = [{"path": "/score", "methods": ["POST"]}]
    route = {
        "gatewayRef": {"name": "public"},
        "hostnames": ["fraud.example.com"],
        "upstream": {"endpointRef": {"name": "fraud"}},
        "rules": rules,
        "public": True,
    }
    await world.apply(gateway, ours("ModelRoute", "fraud", route))
    old = keys(world)
    await world.apply(fraud(rotateAt=rfc3339(world.timeline.wall() + 1)))

    async def waiting() -> bool:
        return "ModelGateway ml/public" in ((await credential(world)).get("waitsFor") or "")

    await world.until(waiting, "a rotation that waits for the gateway")
    await world.passes(HOUR)
    assert await works(world, first["credential"]), "the key that Envoy may have must stay good"
    assert await works(world)
    assert objects.is_ready(await world.get("AzureMLOnlineEndpoint", "fraud"))
    asked = len(world.azure.requests.matching("POST", "/listKeys"))
    await world.passes(10 * MINUTE)
    assert len(world.azure.requests.matching("POST", "/listKeys")) == asked, "waiting costs no listing of keys"

    await world.delete(ours("ModelRoute", "fraud", route))
    await rotated(world, old)


async def test_a_key_regenerated_by_hand_is_noticed(world: World) -> None:
    await serving(world)
    (found,) = world.azure.memory.keys.values()
    found["primaryKey"] = world.azure.memory.new_key()
    assert not await works(world)
    await world.passes(1.5 * HOUR)
    assert await works(world)


async def test_a_secret_that_somebody_deleted_or_edited_comes_back(world: World) -> None:
    await serving(world)
    await world.patch("Secret", OUT, {"stringData": {"credential": "nonsense"}})
    await world.until(lambda: works(world), "the edited Secret repaired")
    await world.store.delete(SECRETS, "ml", OUT)

    async def back() -> bool:
        return await world.find("Secret", OUT) is not None and await works(world)

    await world.until(back, "the deleted Secret back")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 11))
async def test_an_operator_that_dies_in_a_rotation_goes_on_where_it_was(world: World, number: int, when: str) -> None:
    """Death around each of its writes to the store, Secret and status alike."""
    await serving(world)
    old = keys(world)
    life = world.operator.life
    first = len(life.writes) + number

    def dies(write: Any) -> bool:
        return bool(write.number == first)

    setattr(life, f"{when}_write", dies)
    await world.apply(fraud(rotateAt=rfc3339(world.timeline.wall() + 1)))
    await rotated(world, old)
    regenerated = [e for e in world.azure.requests.matching("POST", "/regenerateKeys") if e.status == 202]
    assert len(regenerated) <= 3


async def test_an_operator_that_dies_after_a_request_left_does_not_replace_a_key_in_use(world: World) -> None:
    await serving(world)
    old = keys(world)
    world.azure.faults.add(method="POST", path="/regenerateKeys", drop="after", times=1)
    await world.apply(fraud(rotateAt=rfc3339(world.timeline.wall() + 1)))
    await rotated(world, old)


async def test_a_secured_endpoint_hands_its_rotation_down(world: World) -> None:
    manifest = of_quickstart("SecuredModelEndpoint")
    manifest["spec"]["endpoint"] |= {"authMode": "Key", "rotation": {"rotateEvery": "720h"}}
    await world.apply(quickstart(), manifest)

    async def handed() -> Any:
        found = await world.find("AzureMLOnlineEndpoint", "fraud")
        return found and found["spec"]["credentialsSecret"].get("rotateEvery") == "720h"

    await world.until(handed, "the rotation at the endpoint")
