"""Knowing that everything was rung once, and finding what ended unheard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from mlgate.shell.ring import Listing, Sweep
from mlgate.shell.store_doorbells import StoreDoorbells
from mlgate.store.memory import MemoryStore
from mlgate.store.protocol import CONFIG_MAPS, SECRETS, Object, key_of

KINDS = (CONFIG_MAPS, SECRETS)


def config_map(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}


class Bell:
    def __init__(self) -> None:
        self.rung: list[tuple[str, str]] = []

    def __call__(self, event: str, obj: Object) -> None:
        self.rung.append((event, obj["metadata"]["name"]))


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    made = MemoryStore()
    yield made
    await made.close()


async def test_it_is_complete_when_everything_listed_was_rung(store: MemoryStore) -> None:
    first, second = [await store.create(CONFIG_MAPS, config_map(name)) for name in ("a", "b")]
    bell = Bell()
    listing = Listing(store, KINDS, bell)
    waiting = asyncio.create_task(listing.complete())
    listing.ring("ADDED", first)
    await asyncio.sleep(0)
    assert not listing.synced.is_set()
    listing.ring("ADDED", second)
    await asyncio.wait_for(waiting, 10)
    assert listing.synced.is_set()
    assert listing.problem is None
    assert bell.rung == [("ADDED", "a"), ("ADDED", "b")]


async def test_an_empty_cluster_is_complete(store: MemoryStore) -> None:
    listing = Listing(store, KINDS, Bell())
    await asyncio.wait_for(listing.complete(), 10)
    assert listing.synced.is_set()


async def test_what_is_gone_before_it_was_rung_is_not_waited_for(store: MemoryStore) -> None:
    await store.create(CONFIG_MAPS, config_map("a"))
    listing = Listing(store, KINDS, Bell())
    waiting = asyncio.create_task(listing.complete(patience=0.01))
    await asyncio.sleep(0)
    await store.delete(CONFIG_MAPS, "default", "a")
    await asyncio.wait_for(waiting, 10)


async def test_the_embedded_stores_watch_rings_what_is_there_and_what_comes(store: MemoryStore) -> None:
    await store.create(CONFIG_MAPS, config_map("a"))
    bell = Bell()
    listing = Listing(store, KINDS, bell)
    doorbells = StoreDoorbells(store, KINDS, listing.ring)
    doorbells.start()
    await asyncio.wait_for(listing.complete(), 10)
    await store.create(CONFIG_MAPS, config_map("b"))
    await store.delete(CONFIG_MAPS, "default", "a")
    async with asyncio.timeout(10):
        while len(bell.rung) < 3:
            await asyncio.sleep(0)
    await doorbells.stop()
    assert bell.rung == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]


async def test_what_ended_while_nobody_listened_is_rung_as_deleted(store: MemoryStore) -> None:
    cached = [await store.create(CONFIG_MAPS, config_map(name)) for name in ("a", "b")]
    await store.delete(CONFIG_MAPS, "default", "a")
    bell = Bell()
    sweep = Sweep(store, [CONFIG_MAPS], bell, lambda kind: [obj for obj in cached if key_of(obj).kind == kind])
    await sweep.sweep(CONFIG_MAPS)
    assert bell.rung == [("DELETED", "a")]


async def test_when_something_may_have_been_missed_there_is_a_look_now_and_one_more_later(store: MemoryStore) -> None:
    cached = [await store.create(CONFIG_MAPS, config_map(name)) for name in ("a", "b")]
    bell = Bell()
    sweep = Sweep(store, [CONFIG_MAPS], bell, lambda kind: [obj for obj in cached if key_of(obj).kind == kind])
    running = asyncio.create_task(sweep.run(every=3600.0, again=0.01))
    await asyncio.sleep(0)
    await store.delete(CONFIG_MAPS, "default", "a")
    sweep.soon()
    async with asyncio.timeout(10):
        while ("DELETED", "a") not in bell.rung:
            await asyncio.sleep(0)
        await store.delete(CONFIG_MAPS, "default", "b")  # while the watches do not listen yet
        while ("DELETED", "b") not in bell.rung:
            await asyncio.sleep(0)
    running.cancel()
