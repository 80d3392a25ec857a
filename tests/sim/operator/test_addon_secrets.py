"""Secrets of an application's add-ons: in a Secret only, sent with every change of the add-ons, told by nobody."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mlgate.store.protocol import EVENTS

from .manifests import client, secret, tenant_side
from .world import World, a_world

KEY, NEXT = "c3Rvcm5nZSBhY2Nlc3Mga2V5", "bmV4dCBhY2Nlc3Mga2V5"
BLOB = {"path": "azure_blob.storageAccessKey", "valueFrom": {"secretKeyRef": {"name": "blob", "key": "access"}}}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as made:
        await made.apply(tenant_side(), secret("blob", {"access": KEY}))
        await made.ready(("Auth0Tenant", "main"))
        yield made


def addons(world: World) -> Any:
    return next(c["addons"] for c in world.auth0.state.clients.values() if c["name"] == "shop")


def writes(world: World) -> list[Any]:
    return [(w.method, w.body.get("addons")) for w in world.writes() if w.path.startswith("/api/v2/clients")]


async def test_an_addon_gets_its_secret_from_a_secret_and_follows_it(world: World) -> None:
    account = {"azure_blob": {"accountName": "acme"}}
    await world.apply(client("shop", addons=account, addonSecrets=[BLOB]))
    await world.ready(("Auth0Client", "shop"))
    assert addons(world) == {"azure_blob": {"accountName": "acme", "storageAccessKey": KEY}}
    before = writes(world)
    await world.passes(1300.0)
    assert writes(world) == before

    await world.apply(client("shop", addons={"azure_blob": {"accountName": "other"}}, addonSecrets=[BLOB]))
    await world.until(lambda: addons(world)["azure_blob"]["accountName"] == "other", "another account")
    assert addons(world)["azure_blob"]["storageAccessKey"] == KEY
    await world.ready(("Auth0Client", "shop"))

    await world.apply(secret("blob", {"access": NEXT}))
    await world.until(lambda: addons(world)["azure_blob"]["storageAccessKey"] == NEXT, "the next key")
    await world.ready(("Auth0Client", "shop"))
    assert len(writes(world)) == 3, "one request for each change"
    told = json.dumps([await world.get("Auth0Client", "shop"), await world.store.list(EVENTS, "ml")])
    assert KEY not in told and NEXT not in told


async def test_a_secret_in_the_manifest_is_refused_and_not_told(world: World) -> None:
    await world.apply(client("shop", addons={"wams": {"masterkey": "m4ster"}}))
    message = await world.says("Auth0Client", "shop", "InvalidSpec", "spec.addons.wams.masterkey", "spec.addonSecrets")
    told = json.dumps(
        [message, (await world.get("Auth0Client", "shop"))["status"], await world.store.list(EVENTS, "ml")]
    )
    assert "m4ster" not in told
    assert writes(world) == []


async def test_a_plan_tells_no_secret_of_an_addon(world: World) -> None:
    await world.apply(client("shop", managementPolicy="Plan", addons={"azure_blob": {}}, addonSecrets=[BLOB]))
    await world.says("Auth0Client", "shop", "PlanPending", condition="Synced")
    plan = json.dumps((await world.get("Auth0Client", "shop"))["status"]["plan"])
    assert "addon_secrets" in plan and "***" in plan and KEY not in plan
