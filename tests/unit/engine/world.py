"""An engine with one kind of Thing, the embedded store and the service, driven step by step: nothing runs by itself and
no time passes unless a test says so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mlgate.api.crd import crd
from mlgate.api.meta import FINALIZER
from mlgate.engine import objects
from mlgate.engine.engine import Engine, Settings
from mlgate.outbound import Fence, Unfenced
from mlgate.store.memory import MemoryStore
from mlgate.store.protocol import EVENTS, SECRETS, Key, Object, key_of
from unit.engine.samples import NOON, ByHand
from unit.engine.thing import THING, Service, Thing, manifest

RESOURCE, PLACE = THING.resource, "default"
ROUNDS = 60
"""More looks than any story here needs: one that takes more spins."""


class World:
    """`engine` may be replaced by `restart`; store, service and time go on."""

    def __init__(self, kind: type[Thing] = Thing) -> None:
        self.time = ByHand()
        self.service = Service()
        self.kind = kind(self.service)
        self.store = MemoryStore([crd(THING)], clock=lambda: datetime.fromtimestamp(NOON + self.time.now, UTC))
        self.fence: Fence = Unfenced()
        self.rung: dict[Key, Object] = {}
        self.looks: list[str] = []
        self.engine = self._engine()

    def _engine(self) -> Engine:
        return Engine(
            self.store, {"Thing": self.kind}, clock=self.time.clock(), fence=self.fence, settings=Settings(resync=600.0)
        )

    async def restart(self, *, kind: Thing | None = None) -> None:
        """Another process takes over: everything that was only in memory is lost."""
        self.kind = kind or self.kind
        await self.told()
        self.engine, self.rung = self._engine(), {}

    # -- what users do ------------------------------------------------------------------------------------------------

    async def write(self, name: str = "a", /, annotations: dict[str, str] | None = None, **spec: Any) -> None:
        await self.store.create(RESOURCE, manifest(name, annotations, **spec))
        await self.settle()

    async def change(self, name: str = "a", /, **spec: Any) -> None:
        await self.store.patch(RESOURCE, PLACE, name, {"spec": spec})
        await self.settle()

    async def annotate(self, name: str = "a", /, **notes: str | None) -> None:
        found = {"mlgate.dev/" + note.replace("_", "-"): value for note, value in notes.items()}
        await self.store.patch(RESOURCE, PLACE, name, {"metadata": {"annotations": found}})
        await self.settle()

    async def delete(self, name: str = "a") -> None:
        await self.store.delete(RESOURCE, PLACE, name)
        await self.settle()

    async def lose_status(self, name: str = "a") -> None:
        await self.store.patch_status(RESOURCE, PLACE, name, {"status": None})

    # -- what happens -------------------------------------------------------------------------------------------------

    async def pass_(self, seconds: float) -> None:
        self.time.pass_(seconds)
        await self.settle()

    async def ring(self) -> None:
        """The doorbells for everything that changed since the last time."""
        now = {key_of(obj): obj for resource in (SECRETS, RESOURCE) for obj in await self.store.list(resource)}
        for key in [key for key in self.rung if key not in now]:
            self.engine.ring("DELETED", self.rung.pop(key))
        for key, obj in now.items():
            before = self.rung.get(key)
            if before is None or before["metadata"]["resourceVersion"] != obj["metadata"]["resourceVersion"]:
                self.rung[key] = obj
                self.engine.ring("MODIFIED" if before else "ADDED", obj)

    async def settle(self) -> None:
        """Ring and look until nothing more is to be done now. Fails when that never comes."""
        for _ in range(ROUNDS):
            await self.ring()
            if self.engine.queue.idle():
                return
            key, urgency = await self.engine.queue.get()
            self.looks.append(key.name)
            await self.engine.look(key, urgency)
            self.engine.queue.done(key)
        raise AssertionError(f"never settles: {self.looks[-ROUNDS:]}")

    async def until(self, happened: Any, *, seconds: float = 3600.0, step: float = 1.0) -> None:
        """Let time pass until something is so."""
        for _ in range(int(seconds / step)):
            if happened():
                return
            await self.pass_(step)
        raise AssertionError("did not happen")

    # -- what is so ---------------------------------------------------------------------------------------------------

    @staticmethod
    def key(name: str = "a") -> Key:
        return Key("Thing", PLACE, name)

    async def find(self, name: str = "a") -> Object | None:
        return await self.store.get(RESOURCE, PLACE, name)

    async def now(self, name: str = "a") -> Object:
        found = await self.find(name)
        assert found is not None
        return found

    async def status(self, name: str = "a") -> dict[str, Any]:
        return dict(objects.status(await self.now(name)))

    async def conditions(self, name: str = "a") -> dict[str, str]:
        """Each condition as `status reason`."""
        found = (await self.status(name)).get("conditions", [])
        return {c["type"]: f"{c['status']} {c['reason']}" for c in found}

    async def message(self, name: str = "a") -> str:
        found = objects.condition(await self.now(name), "Synced")
        assert found is not None
        return str(found["message"])

    async def held(self, name: str = "a") -> bool:
        return FINALIZER in objects.finalizers(await self.now(name))

    async def told(self) -> list[str]:
        """The reasons of all Events so far, in order."""
        self.engine.recorder.start()
        await self.engine.recorder.stop()
        events = await self.store.list(EVENTS)
        return [e["reason"] for e in sorted(events, key=lambda e: int(e["metadata"]["resourceVersion"]))]

    async def versions(self) -> dict[Key, str]:
        """What changes when anything in the store but Events is written."""
        return {
            key_of(obj): obj["metadata"]["resourceVersion"]
            for resource in (SECRETS, RESOURCE)
            for obj in await self.store.list(resource)
        }
