"""The whole operator in this process: engine, kinds and the real SDK adapters on the embedded store, against the
simulators of Auth0 and Azure. No proxy is connected to the gateway's server.

An operator can die at any point and a new one be started on the same store; time can be pushed forward.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from mlgate import api, auth0, azureml, kinds
from mlgate.api.crd import crds
from mlgate.engine import objects
from mlgate.engine.engine import Engine, Settings
from mlgate.gateway.server import GatewayServer
from mlgate.kinds.auth0.log_follower import LogFollower
from mlgate.kinds.gateway.assembly import Surroundings
from mlgate.kinds.gateway.programmer import GatewayProgrammer, Gateways
from mlgate.shell.ring import Listing
from mlgate.shell.store_doorbells import StoreDoorbells
from mlgate.store.memory import MemoryStore
from mlgate.store.protocol import EVENTS, NAMESPACES, SECRETS, Object, Resource
from mlgate_sim.auth0 import Auth0Simulator
from mlgate_sim.azure import AzureSimulator
from mlgate_sim.requestlog import LoggedRequest

from .life import Life, MortalStore
from .manifests import AUTH0_DOMAIN, AZURE_TENANT, SUBSCRIPTION
from .timeline import Timeline

PATIENCE = 60.0
"""Real seconds after which a condition is given up; nothing here takes more than three."""
LOOK = 0.002
STEPS = (0.25, 0.5, 1.0, 2.0, 4.0, 15.0)
"""Seconds that pass at each look at which nobody works: longer the longer nothing happens."""
RESOURCES = {kind: type_.resource for kind, type_ in api.KINDS.items()} | {
    each.kind: each for each in (NAMESPACES, SECRETS, EVENTS)
}


class Operator:
    """One life of the operator, from its start to its end."""

    def __init__(self, world: World) -> None:
        self.life = Life()
        self.life.on_end = self._die
        store = MortalStore(world.store, self.life)
        line = world.timeline
        self.sessions = auth0.Sessions(
            endpoint=world.auth0_url, clock=line.monotonic, wall=line.wall, sleep=line.sleep, timeout=5.0
        )
        self._azure = azureml.Sessions(
            resource_manager=world.azure_url,
            authority=world.azure_url,
            records=world.azure_url,
            ca_file=str(world.azure.ca_file),
            poll_scale=0.1,
            clock=line.wall,
        )
        gateways = Gateways()
        self._gateway = GatewayServer()
        self.engine = Engine(
            store,
            kinds.build(self.sessions, self._azure, gateways),
            clock=line.clock,
            fence=self.life,
            settings=Settings(resync=world.resync),
        )
        self._programmer = GatewayProgrammer(self.engine, store, self._gateway, gateways)
        self.follower = LogFollower(self.engine, self.sessions)
        """Looks when a test asks it to."""
        watched = [kind.type.resource for kind in self.engine.kinds.values()]
        self._listing = Listing(store, watched, self.engine.ring)
        self._bells = StoreDoorbells(store, [*watched, SECRETS], self._listing.ring)
        self._line = line
        self._ending: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._gateway.start()
        await self._programmer.start()
        self._bells.start()
        await self._listing.complete()  # as `mlgate run` does: nothing is written before all that exists was seen
        self._line.pushed.append(self.engine.queue.idle)
        self.engine.lead()

    async def stop(self) -> None:
        """The end of this life, if it was not yet, and of everything that belonged to it."""
        self.life.end()
        assert self._ending is not None
        await self._ending

    @property
    def idle(self) -> bool:
        return self.engine.queue.idle()

    @property
    def problem(self) -> str | None:
        return self._bells.problem

    @property
    def xds_port(self) -> int:
        """Where a proxy gets its configuration."""
        return self._gateway.port

    def surround(self, around: Surroundings) -> None:
        """For a world with a real proxy; before its gateway is there."""
        self._programmer.around = around

    def _die(self) -> None:
        self._ending = asyncio.create_task(self._bury())

    async def _bury(self) -> None:
        if self.engine.queue.idle in self._line.pushed:
            self._line.pushed.remove(self.engine.queue.idle)
        await self.engine.stop()
        await self._bells.stop()
        await self._programmer.stop()
        await self._gateway.stop()
        await self.sessions.close()
        await self._azure.close()


class World:
    """What a test holds. Made by `world`."""

    def __init__(self, auth0_sim: Auth0Simulator, azure_sim: AzureSimulator, timeline: Timeline) -> None:
        self.auth0, self.azure, self.timeline = auth0_sim, azure_sim, timeline
        self.auth0_url, self.azure_url = auth0_sim.url, azure_sim.url
        self.store = MemoryStore(crds())
        self.resync = 600.0
        self.operator = Operator(self)
        self.lives = 1

    # -- the operator -------------------------------------------------------------------------------------------------

    async def restart(self) -> Operator:
        """Ends the operator, if it lives, and starts another on the same store."""
        await self.operator.stop()
        self.operator = Operator(self)
        self.lives += 1
        await self.operator.start()
        return self.operator

    async def until(self, holds: Callable[[], Any], what: str, *, patience: float = PATIENCE) -> None:
        """Waits for a condition, pushing time forward while nobody works. A dead operator is started again.

        `holds` may be a coroutine function. Fails with what the objects say."""
        give_up, quiet = time.monotonic() + patience, 0
        while not await _answer(holds):
            if self.operator.life.over:
                await self.restart()
            if time.monotonic() > give_up:
                raise AssertionError(f"{what} did not happen. What the objects say:\n{await self.told()}")
            quiet = await self._let_pass(quiet)

    async def passes(self, seconds: float) -> None:
        """So much time passes; everything that falls due is done."""
        until = self.timeline.monotonic() + seconds
        while self.timeline.monotonic() < until:
            await self._let_pass(99, longest=15.0)
        await self.settled()

    async def settled(self) -> None:
        """Everything that is to be done now is done."""
        quiet, give_up = 0, time.monotonic() + PATIENCE
        while quiet < 5:
            await asyncio.sleep(LOOK)
            quiet = quiet + 1 if self.operator.idle else 0
            assert time.monotonic() < give_up, f"the operator does not come to rest:\n{await self.told()}"

    async def _let_pass(self, quiet: int, *, longest: float = STEPS[-1]) -> int:
        await asyncio.sleep(LOOK)
        if self.operator.problem:
            raise AssertionError(self.operator.problem)
        if self.operator.life.over or not self.operator.idle:
            return 0
        step = STEPS[min(quiet // 4, len(STEPS) - 1)]
        self.timeline.push(min(step, longest))
        return quiet + 1

    # -- the user -----------------------------------------------------------------------------------------------------

    async def apply(self, *manifests: Object | Iterable[Object]) -> None:
        """`kubectl apply --server-side --validate=strict`."""
        for each in manifests:
            for obj in [each] if isinstance(each, dict) else each:
                await self.store.apply(RESOURCES[obj["kind"]], obj, manager="kubectl", strict=True)

    async def delete(self, *manifests: Object) -> None:
        for obj in manifests:
            metadata = obj["metadata"]
            await self.store.delete(RESOURCES[obj["kind"]], metadata.get("namespace", ""), metadata["name"])

    async def patch(self, kind: str, name: str, patch: Object, *, namespace: str = "ml") -> Object:
        return await self.store.patch(RESOURCES[kind], namespace, name, patch)

    async def get(self, kind: str, name: str, *, namespace: str = "ml") -> Object:
        """The object; fails when there is none."""
        found = await self.store.get(RESOURCES[kind], namespace, name)
        assert found is not None, f"there is no {kind} {namespace}/{name}"
        return found

    async def find(self, kind: str, name: str, *, namespace: str = "ml") -> Object | None:
        return await self.store.get(RESOURCES[kind], namespace, name)

    async def all(self, *, but: Iterable[str] = ()) -> list[Object]:
        """Every object of ours."""
        return [
            o for kind, type_ in api.KINDS.items() if kind not in but for o in await self.store.list(type_.resource)
        ]

    # -- what is seen -------------------------------------------------------------------------------------------------

    async def says(
        self, kind: str, name: str, reason: str, *words: str, namespace: str = "ml", condition: str = "Ready"
    ) -> str:
        """Waits until the condition is not True for this reason, with these words in its message, and an Event says the
        same. Returns the message."""
        found: dict[str, Any] = {}

        async def holds() -> bool:
            obj = await self.find(kind, name, namespace=namespace)
            found.update(objects.condition(obj, condition) or {} if obj else {})
            told = found.get("message", "")
            fits = found.get("status") == "False" and found.get("reason") == reason
            return fits and all(word in told for word in words)

        await self.until(holds, f"{kind} {namespace}/{name} {condition}=False {reason} with {words}")
        message: str = found["message"]
        return message

    async def event(self, kind: str, name: str, reason: str, *words: str, namespace: str = "ml") -> Object:
        """Waits for the Event of an object with this reason and these words."""
        hits: list[Object] = []

        async def holds() -> bool:
            hits[:] = [
                e
                for e in await self.events(kind, name, namespace=namespace)
                if e["reason"] == reason and all(word in e["message"] for word in words)
            ]
            return bool(hits)

        await self.until(holds, f"an Event {reason} of {kind} {namespace}/{name} with {words}")
        return hits[-1]

    async def events(self, kind: str, name: str, *, namespace: str = "ml") -> list[Object]:
        return [
            e
            for e in await self.store.list(EVENTS, namespace)
            if (e["involvedObject"]["kind"], e["involvedObject"]["name"]) == (kind, name)
        ]

    async def ready(self, *which: tuple[str, str] | tuple[str, str, str]) -> None:
        """Waits until these objects (kind, name, namespace) are Ready and Synced."""

        async def holds() -> bool:
            found = [await self.find(each[0], each[1], namespace=(*each, "ml")[2]) for each in which]
            return all(obj is not None and objects.is_ready(obj) for obj in found)

        await self.until(holds, f"{', '.join('/'.join(each) for each in which)} Ready")

    async def gone(self, *which: tuple[str, str] | tuple[str, str, str]) -> None:
        """Waits until these objects (kind, name, namespace) are gone."""

        async def holds() -> bool:
            found = [await self.find(each[0], each[1], namespace=(*each, "ml")[2]) for each in which]
            return not any(found)

        await self.until(holds, f"{', '.join('/'.join(each) for each in which)} gone")

    async def told(self) -> str:
        """What every object says, for the message of a failed test."""
        lines = []
        for obj in await self.all():
            said = [
                f"{c['type']}={c['status']} {c['reason']} {c['message'][:300]}"
                for c in objects.status(obj).get("conditions") or ()
            ]
            own = obj["metadata"]
            lines.append(f"  {obj['kind']} {own['namespace']}/{own['name']}: {'; '.join(said) or 'nothing'}")
        last = [f"  {e.method} {e.path} {e.status}" for e in [*self.auth0.requests][-5:] + [*self.azure.requests][-5:]]
        return "\n".join([*lines, "last requests:", *last])

    def writes(self) -> list[LoggedRequest]:
        """Every request so far that may have changed something outside; asking for a token changes nothing."""
        both = [*self.auth0.requests.writes, *self.azure.requests.writes]
        return [e for e in both if not e.path.endswith("/token")]

    @property
    def asked(self) -> int:
        """The number of requests so far, of any kind."""
        return len(self.auth0.requests) + len(self.azure.requests)


async def _answer(holds: Callable[[], Any]) -> bool:
    found = holds()
    return bool(await found if asyncio.iscoroutine(found) else found)


@asynccontextmanager
async def a_world(seed: int = 0, **azure: Any) -> AsyncIterator[World]:
    """A world with an operator in it. The seed is for the operator's own chance."""
    timeline = Timeline(seed)
    auth0_sim = Auth0Simulator(
        domain=AUTH0_DOMAIN, client_id="quickstart", client_secret="quickstart-auth0-secret", clock=timeline.wall
    )
    azure_sim = AzureSimulator(
        tenant=AZURE_TENANT,
        subscription=SUBSCRIPTION,
        resource_group="quickstart",
        client_id="quickstart",
        client_secret="quickstart-azure-secret",
        clock=timeline.wall,
        token_seconds=30 * 24 * 3600,
        **{"operation_seconds": 1.0, **azure},
    )
    async with auth0_sim, azure_sim:
        world = World(auth0_sim, azure_sim, timeline)
        await world.operator.start()
        try:
            yield world
        finally:
            await world.operator.stop()
            await world.store.close()


def resource(kind: str) -> Resource:
    """The resource of a kind by its name."""
    return RESOURCES[kind]
