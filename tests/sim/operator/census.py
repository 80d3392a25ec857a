"""What is there, in a form that two runs can be compared by: no ids, no times, no secrets."""

from __future__ import annotations

import base64
from typing import Any

from mlgate.engine import objects
from mlgate.store.protocol import SECRETS

from .manifests import quickstart
from .world import World

GATEWAY = ("ModelGateway", "ModelRoute")
"""Not Ready here: no Envoy is connected."""


def outside(world: World) -> dict[str, Any]:
    """Everything in Auth0 and Azure, as sorted lists, so that a second one shows."""
    tenant, resources = world.auth0.state, world.azure.state
    names = {client["client_id"]: client["name"] for client in tenant.clients.values()}
    return {
        "clients": sorted(
            (c["name"], tuple(sorted(c.get("grant_types") or ())), (c.get("client_metadata") or {}).get("mlgate_owner"))
            for c in tenant.clients.values()
        ),
        "apis": sorted(
            (a["identifier"], tuple(sorted(s["value"] for s in a.get("scopes") or ())))
            for a in tenant.resource_servers.values()
            if not a.get("is_system")
        ),
        "grants": sorted(
            (names[g["client_id"]], g["audience"], tuple(sorted(g["scope"]))) for g in tenant.client_grants.values()
        ),
        "roles": sorted(role["name"] for role in tenant.roles.values()),
        "azure": sorted(
            (key, r["properties"]["provisioningState"], tuple(sorted((r["properties"].get("traffic") or {}).items())))
            for key, r in resources.items()
        ),
    }


async def inside(world: World) -> dict[str, Any]:
    """Every object of ours with its conditions, but for those that wait for an Envoy, and the Secrets' keys."""
    found: dict[str, Any] = {}
    for obj in await world.all(but=GATEWAY):
        own = obj["metadata"]
        shown = {c["type"]: (c["status"], c["reason"]) for c in objects.status(obj).get("conditions") or ()}
        found[f"{obj['kind']} {own['namespace']}/{own['name']}"] = shown
    for secret in await world.store.list(SECRETS):
        own = secret["metadata"]
        found[f"Secret {own['namespace']}/{own['name']}"] = tuple(sorted(secret.get("data") or ()))
    return found


async def is_carried_out(world: World) -> bool:
    """The whole quickstart is there and Ready, but for what needs an Envoy."""
    every = await world.all(but=(*GATEWAY, "SecuredModelEndpoint"))
    kinds = {obj["kind"] for obj in every}
    model = await world.find("SecuredModelEndpoint", "fraud")
    parts = ("ModelReady", "AccessReady", "TrafficReady")
    return (
        {"Auth0ClientGrant", "Auth0Role", "AzureMLOnlineDeployment"} <= kinds
        and all(objects.is_ready(obj) for obj in every)
        and model is not None
        and all(objects.says(model, part) for part in parts)
    )


async def nothing_left(world: World) -> bool:
    """No object of ours is left."""
    return not await world.all()


async def carried_out(world: World) -> None:
    """Applies the quickstart and waits until it is."""
    await world.apply(quickstart())
    await world.until(lambda: is_carried_out(world), "the quickstart")


async def secrets_fit(world: World) -> bool:
    """What callers mount is what the services accept now."""
    clients = {c["name"]: c for c in world.auth0.state.clients.values()}
    for name in ("checkout", "reporting"):
        data = (await world.get("Secret", f"{name}-auth0", namespace="shop"))["data"]
        assert base64.b64decode(data["client-id"]).decode() == clients[name]["client_id"]
        assert base64.b64decode(data["client-secret"]).decode() == clients[name]["client_secret"]
    return True


async def ends_like(world: World, clean: dict[str, object]) -> None:
    """The same objects and the same things outside as after an undisturbed run; nothing was removed on the way."""
    assert outside(world) == clean["outside"]

    async def same() -> bool:
        return await inside(world) == clean["inside"]

    await world.until(same, "the same objects with the same conditions")
    assert not [entry.path for entry in world.writes() if entry.method == "DELETE"]
    assert await secrets_fit(world)
