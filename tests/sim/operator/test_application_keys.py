"""Applications that prove themselves with a key: the Secret alone is enough to get a token, at every moment of a
rotation, whatever happens to the operator."""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from typing import Any

import httpx
import jwt
import pytest

from mlgate.engine import objects
from mlgate.kinds.auth0.application_keys import Key, new_key
from mlgate_sim.auth0.credentials import new_credential

from .manifests import AUTH0_DOMAIN, api, client, namespace, ours, secret, tenant, tenant_side
from .world import World

MINUTE = 60.0
AUDIENCE = "https://fraud.example.com"
PERMISSION = "predict:fraud"


def binding(**credentials: Any) -> dict[str, Any]:
    spec = {
        "tenantRef": {"name": "main"},
        "application": {"type": "MachineToMachine"},
        "grants": [{"apiRef": {"name": "fraud"}, "permissions": [PERMISSION]}],
        "credentials": credentials,
        "secret": {"name": "checkout-auth0", "data": {"audience": AUDIENCE}},
    }
    return ours("Auth0AppBinding", "checkout", spec)


async def entries(world: World, name: str = "checkout-auth0") -> dict[str, str]:
    secret = await world.get("Secret", name)
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


async def token(world: World, held: dict[str, str]) -> httpx.Response:
    """What a workload does with nothing but the mounted Secret."""
    form = {"grant_type": "client_credentials", "client_id": held["client-id"], "audience": AUDIENCE}
    if "private-key" in held:
        now = int(world.timeline.wall())
        claims = {
            "iss": held["client-id"],
            "sub": held["client-id"],
            "aud": held["issuer"],
            "iat": now,
            "exp": now + 60,
        }
        claims["jti"] = uuid.uuid4().hex
        form["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        form["client_assertion"] = jwt.encode(
            claims, held["private-key"], algorithm=held["signing-alg"], headers={"kid": held["kid"]}
        )
    else:
        form["client_secret"] = held["client-secret"]
    async with httpx.AsyncClient() as http:
        path = held["token-url"].removeprefix(f"https://{AUTH0_DOMAIN}")
        return await http.post(f"{world.auth0.url}{path}", data=form)


async def may(world: World, held: dict[str, str]) -> bool:
    answer = await token(world, held)
    return answer.status_code == 200 and answer.json()["scope"] == PERMISSION


async def bound(world: World, **credentials: Any) -> dict[str, str]:
    await world.apply(tenant_side())
    await world.apply(api("fraud", AUDIENCE, permissions=[{"name": PERMISSION}]), binding(**credentials))
    await world.ready(("Auth0AppBinding", "checkout"))
    return await entries(world)


def keys(world: World) -> int:
    return sum(len(held) for held in world.auth0.state.credentials.values())


async def test_the_secret_of_a_binding_is_all_that_a_workload_needs(world: World) -> None:
    held = await bound(world, method="PrivateKeyJWT")
    assert await may(world, held)
    assert "client-secret" not in held
    assert held["audience"] == AUDIENCE
    assert keys(world) == 1
    status = (await world.get("Auth0Client", "checkout"))["status"]
    assert status["credential"]["method"] == "PrivateKeyJWT"
    assert status["credential"]["keyIds"] == [held["kid"]]


async def test_the_private_key_is_nowhere_but_in_the_secret(world: World) -> None:
    held = await bound(world, method="PrivateKeyJWT")
    lines = [line for line in held["private-key"].splitlines() if "-----" not in line]
    told = json.dumps([await world.all(), *[e.body for e in world.auth0.requests if e.body]], default=str)
    for kind in ("Auth0Client", "Auth0AppBinding"):
        told += json.dumps(await world.events(kind, "checkout"))
    assert not any(line in told for line in lines[1:])


async def test_an_application_is_not_ready_before_its_key_is_accepted(world: World) -> None:
    await world.apply(tenant_side())
    by_key = {"tokenEndpointAuthMethod": "private_key_jwt", "credentialsSecret": {"name": "out"}}
    await world.apply(client("shop", **by_key))

    async def ready_or_accepted() -> bool:
        obj = await world.find("Auth0Client", "shop")
        accepted = any(c.get("client_authentication_methods") for c in world.auth0.state.clients.values())
        assert not (obj and objects.is_ready(obj)) or accepted
        return bool(obj and objects.is_ready(obj))

    await world.until(ready_or_accepted, "Ready with a key that is accepted")


@pytest.mark.parametrize("every", [{}, {"rotateEvery": "720h"}], ids=["a key for ever", "a key that is rotated"])
async def test_an_application_is_ready_in_seconds_and_not_at_its_next_rotation(
    world: World, every: dict[str, str]
) -> None:
    await world.apply(tenant_side())
    await world.ready(("Auth0Tenant", "main"))
    begun = world.timeline.monotonic()
    secret = {"name": "out", **every}
    await world.apply(client("shop", tokenEndpointAuthMethod="private_key_jwt", credentialsSecret=secret))
    await world.ready(("Auth0Client", "shop"))
    assert world.timeline.monotonic() - begun < 30


async def test_nothing_is_asked_twice_for_a_key_that_rests(world: World) -> None:
    await bound(world, method="PrivateKeyJWT", rotateEvery="720h", overlap="24h")
    asked = len(world.auth0.requests.matching("GET", "/credentials"))
    writes = len(world.writes())
    await world.passes(30 * MINUTE)
    assert len(world.auth0.requests.matching("GET", "/credentials")) == asked
    assert len(world.writes()) == writes


async def test_a_rotation_lets_the_old_key_work_until_the_overlap_is_over(world: World) -> None:
    first = await bound(world, method="PrivateKeyJWT", rotateEvery="1h", overlap="10m")
    await world.passes(30 * MINUTE)
    assert (await entries(world))["kid"] == first["kid"]

    now = first
    while now["kid"] == first["kid"]:
        await world.passes(4 * MINUTE)
        now = await entries(world)
        assert await may(world, now), "the key in the Secret must work at every moment"
    assert await may(world, first), "workloads that have not read the Secret again must go on"
    assert keys(world) == 2
    await world.passes(10 * MINUTE)
    assert not await may(world, first)
    second = await entries(world)
    assert await may(world, second)
    assert keys(world) == 1
    assert "next-private-key" not in second
    await world.ready(("Auth0AppBinding", "checkout"))


async def test_a_key_of_others_holds_a_rotation_back_and_nobody_up(world: World) -> None:
    first = await bound(world, method="PrivateKeyJWT", rotateEvery="1h", overlap="10m")
    pem = (await asyncio.to_thread(new_key)).public_pem
    foreign = new_credential({"credential_type": "public_key", "name": "theirs", "pem": pem}, world.timeline.wall())
    (held,) = world.auth0.state.credentials.values()
    held[foreign["id"]] = foreign
    await world.passes(70 * MINUTE)
    for kind in ("Auth0Client", "Auth0AppBinding"):
        await world.says(kind, "checkout", "ExternalConflict", foreign["id"], "no room", condition="Synced")
        conditions = {c["type"]: c["status"] for c in (await world.get(kind, "checkout"))["status"]["conditions"]}
        assert conditions["Ready"] == "True", "the key in use works"
    assert await may(world, await entries(world))
    assert (await entries(world))["kid"] == first["kid"]
    asked, writes = len(world.auth0.requests.matching("GET", "/credentials")), len(world.writes())
    await world.passes(30 * MINUTE)
    assert len(world.writes()) == writes
    assert len(world.auth0.requests.matching("GET", "/credentials")) - asked <= 4, "asked at its usual looks"

    del held[foreign["id"]]

    async def rotated() -> bool:
        return (await entries(world))["kid"] != first["kid"]

    await world.until(rotated, "a rotation, once there is room")
    assert await may(world, await entries(world))
    await world.ready(("Auth0AppBinding", "checkout"))


@pytest.mark.parametrize("write", (1, 2, 3), ids=lambda n: f"dying at write {n} of the rotation")
async def test_an_operator_that_dies_in_a_rotation_leaves_a_key_that_works(world: World, write: int) -> None:
    first = await bound(world, method="PrivateKeyJWT", rotateEvery="1h", overlap="10m")
    await world.passes(55 * MINUTE)
    begun, life = len(world.writes()) + write, world.operator.life
    life.before_write = lambda _: len(world.writes()) >= begun  # before it is written down
    await world.until(lambda: life.over, f"a death at write {write} of the rotation")
    assert await may(world, await entries(world))

    await world.restart()
    for _ in range(20):
        await world.passes(MINUTE)
        now = await entries(world)
        assert await may(world, now), "the key in the Secret must work at every moment"
        if now["kid"] != first["kid"] and keys(world) == 1:
            break
    assert keys(world) == 1
    assert now["kid"] != first["kid"]
    assert not await may(world, first)


@pytest.mark.parametrize("lost", ["POST .*/credentials$", "PATCH .*/clients/[^/]*$"], ids=["registering", "accepting"])
async def test_a_lost_answer_makes_no_second_key(world: World, lost: str) -> None:
    method, path = lost.split(" ")
    world.auth0.faults.add(method=method, path=path, drop="after")
    held = await bound(world, method="PrivateKeyJWT")
    assert await may(world, held)
    assert keys(world) == 1


async def test_a_secret_that_was_deleted_comes_back_with_a_new_key(world: World) -> None:
    first = await bound(world, method="PrivateKeyJWT")
    await world.delete(await world.get("Secret", "checkout-auth0"))

    async def back() -> bool:
        found = await world.find("Secret", "checkout-auth0")
        return found is not None and await may(world, await entries(world))

    await world.until(back, "a Secret with a key that works")
    assert (await entries(world))["kid"] != first["kid"]
    assert keys(world) <= 2


async def test_a_key_dropped_by_hand_is_accepted_again(world: World) -> None:
    held = await bound(world, method="PrivateKeyJWT")
    application = world.auth0.state.clients[held["client-id"]]
    application["client_authentication_methods"] = {"private_key_jwt": {"credentials": []}}
    assert not await may(world, held)

    await world.passes(15 * MINUTE)
    assert await may(world, held)


async def test_from_key_to_secret_and_back(world: World) -> None:
    await bound(world, method="PrivateKeyJWT")
    await world.apply(binding(method="ClientSecret"))

    async def by_secret() -> bool:
        held = await entries(world)
        return "private-key" not in held and "client-secret" in held and await may(world, held)

    await world.until(by_secret, "a client secret that works")
    await world.ready(("Auth0AppBinding", "checkout"))
    assert keys(world) == 0

    await world.apply(binding(method="PrivateKeyJWT"))

    async def by_key() -> bool:
        held = await entries(world)
        return "client-secret" not in held and "private-key" in held and await may(world, held)

    await world.until(by_key, "a key that works")


async def test_a_client_secret_is_rotated_only_where_the_manifest_accepts_the_outage(world: World) -> None:
    first = await bound(world, method="ClientSecret", rotateEvery="1h", acceptOutage=True)
    assert await may(world, first)
    await world.passes(55 * MINUTE)
    assert (await entries(world))["client-secret"] == first["client-secret"]
    await world.passes(10 * MINUTE)
    second = await entries(world)
    assert second["client-secret"] != first["client-secret"]
    assert await may(world, second)
    assert not await may(world, first), "Auth0 ends the old secret at once"
    assert len(world.auth0.requests.matching("POST", "/rotate-secret$")) == 1


async def test_an_application_that_goes_takes_its_keys_along(world: World) -> None:
    await bound(world, method="PrivateKeyJWT")
    await world.delete(binding(method="PrivateKeyJWT"))
    await world.gone(("Auth0AppBinding", "checkout"), ("Auth0Client", "checkout"))
    assert keys(world) == 0


async def test_the_operator_itself_signs_in_with_a_private_key_and_takes_a_new_one_without_a_restart(
    world: World,
) -> None:
    def trusts(key: Key) -> None:
        made = new_credential({"credential_type": "public_key", "pem": key.public_pem}, world.timeline.wall())
        world.auth0.state.credentials["quickstart"] = {made["id"]: made}
        methods = {"private_key_jwt": {"credentials": [{"id": made["id"]}]}}
        world.auth0.state.clients["quickstart"]["client_authentication_methods"] = methods

    first, second = new_key(), new_key()
    trusts(first)
    credentials = {"secretRef": {"name": "auth0-management"}, "method": "PrivateKey"}
    signs_with = {"clientId": "quickstart", "privateKey": first.pem.reveal()}
    await world.apply(namespace("ml"), secret("auth0-management", signs_with), tenant(credentials=credentials))
    await world.apply(client("shop"))
    await world.ready(("Auth0Tenant", "main"), ("Auth0Client", "shop"))

    await world.apply(secret("auth0-management", {**signs_with, "privateKey": second.pem.reveal()}))
    await world.says("Auth0Tenant", "main", "CredentialsRejected", "private key", "ml/auth0-management")
    trusts(second)
    await world.apply(secret("auth0-management", {**signs_with, "privateKey": second.pem.reveal() + "\n"}))
    await world.ready(("Auth0Tenant", "main"), ("Auth0Client", "shop"))


async def approved(world: World, kind: str, name: str) -> str:
    """Approves what status.plan shows now; its summary."""
    await world.says(kind, name, "PlanPending", condition="Synced")
    plan: dict[str, Any] = (await world.get(kind, name))["status"]["plan"]
    await world.patch(kind, name, {"metadata": {"annotations": {"mlgate.dev/approve": plan["hash"]}}})
    await world.settled()
    return str(plan["summary"])


def keyed(**spec: Any) -> dict[str, Any]:
    method = {"tokenEndpointAuthMethod": "private_key_jwt", "credentialsSecret": {"name": "shop-auth0"}}
    return client("shop", appType="non_interactive", **method, **spec)


async def test_a_key_is_planned_and_registered_once_somebody_approves(world: World) -> None:
    await world.apply(tenant_side(), keyed(managementPolicy="Plan"))
    assert (await approved(world, "Auth0Client", "shop")).startswith("Create")
    assert not world.auth0.requests.matching("POST", "/credentials")
    assert await approved(world, "Auth0Client", "shop") == "Update public keys"
    await world.ready(("Auth0Client", "shop"))
    assert len(world.auth0.requests.matching("POST", "/credentials")) == 1
    held = await entries(world, "shop-auth0")
    shop = await world.get("Auth0Client", "shop")
    assert shop["status"]["credential"]["keyIds"] == [held["kid"]]
    assert not shop["status"].get("plan")


async def test_a_client_with_our_key_is_taken_over_without_a_second_key(world: World) -> None:
    await world.apply(tenant_side(), keyed(deletionPolicy="Orphan"))
    await world.ready(("Auth0Client", "shop"))
    shop, held = await world.get("Auth0Client", "shop"), await world.get("Secret", "shop-auth0")
    client_id = shop["status"]["externalId"]
    await world.delete(shop)
    await world.gone(("Auth0Client", "shop"))
    await world.delete(held)
    kept = {name: held[name] for name in ("apiVersion", "kind", "type", "data")}
    named = {name: held["metadata"][name] for name in ("name", "namespace", "labels", "annotations")}
    await world.apply({**kept, "metadata": named})  # as restored from a backup
    writes = len(world.writes())
    for policy in ("Plan", "Manage"):
        await world.apply(keyed(managementPolicy=policy, **{"import": {"id": client_id}}))
        if policy == "Plan":
            await world.says("Auth0Client", "shop", "PlanPending", condition="Synced")
            assert "public keys" not in (await world.get("Auth0Client", "shop"))["status"]["plan"]["summary"]
            assert len(world.writes()) == writes
    await world.ready(("Auth0Client", "shop"))
    assert len(world.auth0.requests.matching("POST", "/credentials")) == 1
    assert (await world.get("Secret", "shop-auth0"))["data"]["private-key"] == held["data"]["private-key"]
