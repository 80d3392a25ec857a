"""Plan, Observe and import for one of each kind of Auth0: a plan says what would happen and hides secrets, an observer
writes nothing and tells what it sees, and what was made before is taken over by its id."""

from __future__ import annotations

import json
from typing import Any

from mlgate.engine import objects
from mlgate.store.protocol import Object

from . import every_kind as whole
from .every_kind import SECRETS, in_tenant, is_only_tenant
from .world import World

PARTS = ("Auth0AppBinding", "Auth0MFAPolicy")
"""Made of others: their children carry what they say."""
IDS = {
    "Auth0Role": "roleId",
    "Auth0Client": "clientId",
    "Auth0User": "userId",
    "Auth0Connection": "connectionId",
    "Auth0Action": "actionId",
    "Auth0Organization": "organizationId",
}


async def approve(world: World, obj: Object) -> None:
    """As `kubectl mlgate approve` does, again for what the service wants one after the other."""
    name = obj["metadata"]["name"]

    async def done() -> bool:
        found = await world.get(obj["kind"], name)
        if plan := objects.status(found).get("plan"):
            await world.patch(obj["kind"], name, {"metadata": {"annotations": {"mlgate.dev/approve": plan["hash"]}}})
        return objects.is_ready(found)

    await world.until(done, f"{obj['kind']} {name} as planned")


def kinds() -> list[Object]:
    """One of each but of those that are made of others; the application without keys of its own, which are operations."""
    found = [obj for obj in whole.every_kind() if obj["kind"] not in PARTS]
    for obj in found:
        if obj["kind"] == "Auth0Client":
            del obj["spec"]["credentialsSecret"]
            obj["spec"]["tokenEndpointAuthMethod"] = "client_secret_post"
    return found


async def prepared(world: World) -> None:
    """A tenant, and the Secrets that the kinds take things from."""
    there = {obj["kind"] for obj in whole.every_kind()}
    await world.apply(obj for obj in whole.whole_tenant() if obj["kind"] not in there)
    await world.ready(("Auth0Tenant", "main"))


async def all_ready(world: World, manifests: list[Object]) -> None:
    await world.ready(*((obj["kind"], obj["metadata"]["name"]) for obj in manifests))


async def test_a_plan_says_what_would_happen_and_nothing_does_until_it_is_approved(world: World) -> None:
    await prepared(world)
    for obj in kinds():
        name, before = obj["metadata"]["name"], len(world.writes())
        obj["spec"]["managementPolicy"] = "Plan"
        await world.apply(obj)
        await world.says(obj["kind"], name, "PlanPending", condition="Synced")
        plan = (await world.get(obj["kind"], name))["status"]["plan"]
        assert plan["changes"], obj["kind"]
        assert not [value for value in SECRETS if value in json.dumps(plan)]
        await world.settled()
        assert [f"{e.method} {e.path}" for e in world.writes()[before:]] == [], obj["kind"]
        await approve(world, obj)
    done = len(world.writes())
    await world.passes(1800.0)
    assert len(world.writes()) == done, "what was approved stands"


async def left_alone(world: World) -> list[Object]:
    """Everything was made and its manifests are gone; manifests that name it by id."""
    await prepared(world)
    found = kinds()
    await world.apply(found)
    await all_ready(world, found)
    for obj in found:
        name = obj["metadata"]["name"]
        await world.patch(obj["kind"], name, {"spec": {"deletionPolicy": "Orphan"}})
        if obj["kind"] != "Auth0MFAFactorSet":
            obj["spec"]["import"] = {"id": (await world.get(obj["kind"], name))["status"]["externalId"]}
    await world.delete(*reversed(found))
    await world.until(lambda: is_only_tenant(world), "manifests gone")
    return found


async def test_an_observer_tells_what_there_is_and_writes_nothing(world: World) -> None:
    manifests = await left_alone(world)
    before, writes = in_tenant(world), len(world.writes())
    for obj in manifests:
        obj["spec"]["managementPolicy"] = "Observe"
    await world.apply(manifests)
    await all_ready(world, manifests)
    await world.passes(1800.0)
    assert [f"{e.method} {e.path}" for e in world.writes()[writes:]] == []
    for obj in manifests:
        status = objects.status(await world.get(obj["kind"], obj["metadata"]["name"]))
        assert not status.get("drift"), (obj["kind"], status["drift"])
        if obj["kind"] in IDS:
            assert status[IDS[obj["kind"]]] == obj["spec"]["import"]["id"]
        assert "***" not in json.dumps(status)
    user = next(iter(world.auth0.state.users.values()))
    user["nickname"] = "by hand"
    await world.says("Auth0User", "ada", "Drifted", "nickname", condition="Synced")
    user["nickname"] = "ada"
    await world.delete(*reversed(manifests))
    await world.until(lambda: is_only_tenant(world), "manifests gone")
    assert len(world.writes()) == writes and in_tenant(world) == before


async def test_what_is_imported_by_id_is_taken_over_and_not_made_again(world: World) -> None:
    manifests = await left_alone(world)
    before, writes = in_tenant(world), len(world.writes())
    await world.apply(manifests)
    await all_ready(world, manifests)
    assert in_tenant(world) == before
    made = [e.path for e in world.writes()[writes:] if e.method == "POST" and not e.path.endswith("/deploy")]
    assert made == [], "nothing is made that there is"
    await world.delete(*reversed(manifests))
    await world.until(lambda: is_only_tenant(world), "the end of everything")
    left: dict[str, Any] = in_tenant(world)
    assert not any(left[name] for name in ("roles", "users", "actions", "connections", "organizations")), (
        "ours to delete"
    )
