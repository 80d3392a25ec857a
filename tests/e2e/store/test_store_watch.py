"""Watching: what exists, then every change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from e2e.store.widgets import WIDGETS, widget
from mlgate.store.protocol import NAMESPACES, Resource, Store, StoreError, WatchEvent


class Watching:
    """A watch whose events a test takes one by one."""

    def __init__(self, store: Store, namespace: str | None, resource: Resource = WIDGETS) -> None:
        self._events: AsyncIterator[WatchEvent] = store.watch(resource, namespace)

    async def next(self) -> tuple[str, str]:
        event = await self.event()
        return event.type, event.object["metadata"]["name"]

    async def event(self) -> WatchEvent:
        return await asyncio.wait_for(anext(self._events), 30)


async def test_a_watch_begins_with_what_exists_and_goes_on_with_changes(store: Store, namespace: str) -> None:
    for name in ("a", "b"):
        await store.create(WIDGETS, widget(namespace, name))
    watch = Watching(store, namespace)
    assert [await watch.next(), await watch.next()] == [("ADDED", "a"), ("ADDED", "b")]
    await store.create(WIDGETS, widget(namespace, "c"))
    await store.patch(WIDGETS, namespace, "a", {"spec": {"size": 2}})
    await store.patch_status(WIDGETS, namespace, "a", {"status": {"phase": "go"}})
    await store.delete(WIDGETS, namespace, "b")
    assert await watch.next() == ("ADDED", "c")
    resized = await watch.event()
    assert (resized.type, resized.object["spec"]["size"]) == ("MODIFIED", 2)
    reported = await watch.event()
    assert (reported.type, reported.object["status"]["phase"]) == ("MODIFIED", "go")
    gone = await watch.event()
    assert (gone.type, gone.object["metadata"]["name"]) == ("DELETED", "b")


async def test_a_write_that_changes_nothing_is_not_seen(store: Store, namespace: str) -> None:
    await store.apply(WIDGETS, widget(namespace))
    watch = Watching(store, namespace)
    await watch.next()
    await store.apply(WIDGETS, widget(namespace))
    await store.patch(WIDGETS, namespace, "w", {"spec": {"title": "t"}})
    await store.create(WIDGETS, widget(namespace, "next"))
    assert await watch.next() == ("ADDED", "next")


async def test_the_end_of_a_finalized_object_is_seen_once_and_last(store: Store, namespace: str) -> None:
    made = await store.create(WIDGETS, widget(namespace, metadata={"finalizers": ["mlgate.dev/a"]}))
    watch = Watching(store, namespace)
    await watch.next()
    await store.delete(WIDGETS, namespace, "w")
    marked = await watch.event()
    assert marked.type == "MODIFIED"
    assert marked.object["metadata"]["deletionTimestamp"]
    last = await store.patch(WIDGETS, namespace, "w", {"metadata": {"finalizers": None}})
    gone = await watch.event()
    assert (gone.type, gone.object["metadata"]["uid"]) == ("DELETED", made["metadata"]["uid"])
    assert int(gone.object["metadata"]["resourceVersion"]) > int(last["metadata"]["resourceVersion"])


async def test_a_watch_sees_only_its_namespace_and_its_kind(store: Store, namespace: str) -> None:
    watch = Watching(store, namespace)
    other = f"{namespace}-other"
    await store.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    await store.create(WIDGETS, widget(other, "elsewhere"))
    await store.create(WIDGETS, widget(namespace, "here"))
    assert await watch.next() == ("ADDED", "here")
    everywhere = Watching(store, None)
    names: set[str] = set()
    while not {"elsewhere", "here"} <= names:
        names.add((await everywhere.next())[1])
    await store.delete(NAMESPACES, "", other)


async def test_many_watchers_all_see_everything_in_order(store: Store, namespace: str) -> None:
    watchers = [Watching(store, namespace) for _ in range(10)]
    names = [f"w{number:02}" for number in range(20)]

    async def seen(watch: Watching) -> list[str]:
        return [(await watch.next())[1] for _ in names]

    tasks = [asyncio.create_task(seen(watch)) for watch in watchers]
    for name in names:
        await store.create(WIDGETS, widget(namespace, name))
    assert await asyncio.gather(*tasks) == [names] * 10


async def test_an_object_that_was_replaced_is_seen_to_end_and_begin(store: Store, namespace: str) -> None:
    first = await store.create(WIDGETS, widget(namespace))
    watch = Watching(store, namespace)
    await watch.next()
    await store.delete(WIDGETS, namespace, "w")
    second = await store.create(WIDGETS, widget(namespace))
    events = [await watch.event(), await watch.event()]
    assert [(event.type, event.object["metadata"]["uid"]) for event in events] == [
        ("DELETED", first["metadata"]["uid"]),
        ("ADDED", second["metadata"]["uid"]),
    ]


async def test_what_a_watcher_does_to_an_object_changes_nothing(store: Store, namespace: str) -> None:
    made = await store.create(WIDGETS, widget(namespace))
    watch = Watching(store, namespace)
    (await watch.event()).object["spec"]["title"] = "mine"
    made["spec"]["title"] = "mine"
    read = await store.get(WIDGETS, namespace, "w")
    assert read is not None
    assert read["spec"]["title"] == "t"


async def test_a_kind_that_is_not_served_cannot_be_watched(store: Store, namespace: str) -> None:
    with pytest.raises(StoreError):
        await Watching(store, namespace, Resource("test.mlgate.dev", "v1", "Gadget", "gadgets")).event()


async def test_closing_the_store_ends_its_watches(store: Store, namespace: str) -> None:
    started = asyncio.Event()

    async def follow() -> int:
        count = 0
        async for _ in store.watch(WIDGETS, namespace):
            count += 1
            started.set()
        return count

    await store.create(WIDGETS, widget(namespace))
    task = asyncio.create_task(follow())
    await asyncio.wait_for(started.wait(), 30)
    await store.delete(WIDGETS, namespace, "w")
    await store.delete(NAMESPACES, "", namespace)
    await store.close()
    assert await asyncio.wait_for(task, 30) >= 1
