"""A watcher of the embedded store that falls behind."""

from __future__ import annotations

from mlgate.store.memory import MemoryStore
from mlgate.store.memory.watch import QUEUE
from mlgate.store.protocol import CONFIG_MAPS


async def test_a_slow_watcher_misses_steps_but_neither_the_last_state_nor_an_end() -> None:
    store = MemoryStore()

    async def write(name: str, value: int) -> None:
        obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}
        await store.apply(CONFIG_MAPS, {**obj, "data": {"n": str(value)}})

    for name in ("kept", "gone"):
        await write(name, 0)
    watch = store.watch(CONFIG_MAPS, "default")
    assert {(await anext(watch)).object["metadata"]["name"] for _ in range(2)} == {"kept", "gone"}
    await store.delete(CONFIG_MAPS, "default", "gone")
    for value in range(1, QUEUE + 10):
        await write("kept", value)
    await write("new", 0)
    seen = [await anext(watch) for _ in range(3)]
    assert [(event.type, event.object["metadata"]["name"]) for event in seen] == [
        ("DELETED", "gone"),
        ("MODIFIED", "kept"),
        ("ADDED", "new"),
    ]
    assert seen[1].object["data"] == {"n": str(QUEUE + 9)}
    await store.close()
