"""Credentials that are needed to delete outlive their users (ENGINE rule 17), and coming back they wake who waits for
them (ENGINE rules 11 and 18)."""

from __future__ import annotations

import base64
from typing import Any

from mlgate.engine.objects import GUARD
from mlgate.store.protocol import SECRETS, Object
from unit.engine.world import PLACE, RESOURCE, World

WELL = {"Ready": "True Available", "Synced": "True Available"}


async def a_world(*things: str) -> World:
    world = World()
    await a_secret(world)
    for name in things:
        await world.write(name, size=3, credentials="creds")
        assert await world.conditions(name) == WELL
    world.service.log.clear()
    return world


async def a_secret(world: World) -> None:
    data: dict[str, Any] = {"key": base64.b64encode(b"hunter2").decode()}
    metadata = {"name": "creds", "namespace": PLACE}
    await world.store.create(SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    await world.settle()


async def secret(world: World) -> Object | None:
    return await world.store.get(SECRETS, PLACE, "creds")


async def guarded(world: World) -> bool:
    found = await secret(world)
    return found is not None and GUARD in (found["metadata"].get("finalizers") or ())


async def test_credentials_of_something_that_exists_outside_are_guarded() -> None:
    world = await a_world()
    assert not await guarded(world)
    await world.write(size=3, credentials="creds")
    assert await guarded(world)


async def test_credentials_of_what_never_was_made_are_not_guarded() -> None:
    world = await a_world()
    await world.write("a", {"mlgate.dev/paused": "true"}, size=3, credentials="creds")
    assert not await guarded(world)


async def test_credentials_that_are_deleted_first_stay_until_the_thing_is_gone() -> None:
    world = await a_world("a")
    await world.store.delete(SECRETS, PLACE, "creds")
    await world.settle()
    assert await secret(world) is not None
    await world.delete("a")
    assert world.service.there == {}
    assert await world.find("a") is None
    assert await secret(world) is None


async def test_credentials_stay_until_the_last_of_their_users_is_gone() -> None:
    world = await a_world("a", "b")
    await world.delete("a")
    assert await guarded(world)
    await world.delete("b")
    assert await secret(world) is not None
    assert not await guarded(world)


async def test_without_credentials_a_thing_is_not_forgotten_outside_and_the_object_says_what_to_do() -> None:
    world = await a_world("a")
    await world.store.patch(SECRETS, PLACE, "creds", {"metadata": {"finalizers": None}})
    await world.store.delete(SECRETS, PLACE, "creds")
    await world.store.delete(RESOURCE, PLACE, "a")
    await world.settle()
    assert (await world.conditions("a"))["Stalled"] == "True DeletionBlocked"
    assert "deletionPolicy: Orphan" in await world.message("a")
    assert list(world.service.there) == ["t-1"]
    await a_secret(world)
    assert await world.find("a") is None
    assert world.service.there == {}


async def test_without_credentials_an_orphan_can_go() -> None:
    world = await a_world("a")
    await world.store.patch(SECRETS, PLACE, "creds", {"metadata": {"finalizers": None}})
    await world.store.delete(SECRETS, PLACE, "creds")
    await world.change("a", deletionPolicy="Orphan")
    await world.delete("a")
    assert await world.find("a") is None


async def test_missing_credentials_are_named_and_their_coming_wakes_who_needs_them() -> None:
    world = World()
    await world.write(size=3, credentials="creds")
    assert (await world.conditions())["Stalled"] == "True CredentialsMissing"
    assert "Secret default/creds does not exist" in await world.message()
    await a_secret(world)
    assert await world.conditions() == WELL


async def test_the_values_of_credentials_are_kept_out_of_everything_that_is_remembered() -> None:
    world = await a_world("a")
    encoded = base64.b64encode(b"hunter2").decode()
    remembered = str([world.engine.cache.get(key) for key in world.rung])
    assert "creds" in remembered
    assert "hunter2" not in remembered
    assert encoded not in remembered
