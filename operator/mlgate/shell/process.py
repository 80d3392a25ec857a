"""`mlgate run`: one replica of the operator in a cluster, from start to a clean end.

Every replica watches, keeps its cache warm and serves the gateway; the one that holds the lease works. A replica that
loses the lease ends with status 1: it starts again within seconds, and nothing important lives only in its memory.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..engine.clock import Clock
from ..engine.engine import Settings as EngineSettings
from ..store.cluster import ClusterStore
from ..store.protocol import NAMESPACES, Store, StoreError
from .assembly import Operator, Outside, Parts, XdsTls
from .doorbells import KopfDoorbells
from .elector import Elector, ElectorThread, LeaseFence, Role
from .health import Check, HealthServer, Heartbeat
from .lease import Hold, Timing
from .metrics import Metrics
from .replicas import Replicas
from .ring import Listing, Sweep

log = logging.getLogger(__name__)

LEASE_SILENCE = 20.0
"""Seconds without an answer about the lease after which a replica is not ready."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a replica needs to know. `namespaces` empty: all. `drain`: seconds that proxies get to find another
    replica at the end."""

    kubeconfig: Path | None = None
    context: str | None = None
    namespaces: tuple[str, ...] = ()
    lease_namespace: str = "mlgate-system"
    lease_name: str = "mlgate"
    timing: Timing = field(default_factory=Timing)
    health_host: str = "0.0.0.0"  # noqa: S104 - probes come from the node
    health_port: int = 8080
    xds_host: str = "0.0.0.0"  # noqa: S104 - proxies come from anywhere in the cluster
    xds_port: int = 18000
    xds_tls: XdsTls | None = None
    resync: float = 600.0
    workers: int = 16
    cluster: str | None = None
    outside: Outside = field(default_factory=Outside)
    drain: float = 2.0


Connect = Callable[[], Awaitable[ClusterStore]]


class Replica:
    """A running process. `run` returns its exit status."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, metrics: Metrics | None = None) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        self.metrics = metrics or Metrics()
        self.identity = f"{socket.gethostname()}_{os.getpid()}_{secrets.token_hex(3)}"
        self.role = Role.STANDBY
        self.ended = asyncio.Event()
        self.status = 0
        self._hold = Hold(timing=settings.timing)
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self) -> ClusterStore:
        """A connection to the API server. Raises ClusterConfigError."""
        return await ClusterStore.connect(self.settings.kubeconfig, self.settings.context)

    async def run(self) -> int:
        """Until a signal, or until the lease is lost. Raises ClusterConfigError, StoreError, OSError and RuntimeError at
        the start: no cluster to talk to, or a port is taken."""
        self._catch_signals()
        await self.start()
        await self.ended.wait()
        await self.stop()
        return self.status

    async def start(self) -> None:
        """Connects, serves, and goes on in the background. Raises what `run` does; then nothing is left running."""
        self._store = await self.connect()
        try:
            cluster = self.settings.cluster or await cluster_id(self._store)
            self.operator = Operator(self._parts(self._store, cluster), self.clock, self.metrics)
            self._wire(self._store)
            await self.health.start()
            await self.operator.start()
        except BaseException:
            await self._store.close()
            raise
        log.info(
            "replica %s: health on port %d, gateways on port %d",
            self.identity,
            self.health.port,
            self.operator.gateway.port,
        )
        self._spawn(self.heartbeat.run(), "heartbeat")
        self._spawn(self._follow(), "follow")

    async def stop(self) -> None:
        """In this order: take no more work, finish what is in hand, hand over the lease, let proxies go, close."""
        log.info("ending")
        self.ended.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.operator.stop_working()
        await self.lease.release()
        await self.doorbells.stop()
        await asyncio.sleep(self.settings.drain)
        await self.operator.stop_serving()
        await self.replicas.leave()
        await self.health.stop()
        await self._store.close()
        log.info("ended")

    def end(self, status: int) -> None:
        """Ask for the end; the first status that is not 0 counts."""
        self.status = self.status or status
        self.ended.set()

    # -- putting it together ------------------------------------------------------------------------------------------

    def _parts(self, store: Store, cluster: str) -> Parts:
        given = self.settings
        return Parts(
            store=store,
            fence=LeaseFence(self._hold, self.clock),
            outside=given.outside,
            engine=EngineSettings(resync=given.resync, workers=given.workers, cluster=cluster),
            instance=self.identity,
            xds_host=given.xds_host,
            xds_port=given.xds_port,
            xds_tls=given.xds_tls,
        )

    def _wire(self, store: ClusterStore) -> None:
        given, operator = self.settings, self.operator
        self.listing = Listing(store, operator.resources, operator.engine.ring, given.namespaces)
        self.doorbells = KopfDoorbells(store, operator.watched, self.listing.ring, namespaces=given.namespaces)
        self.sweep = Sweep(
            store, operator.resources, operator.engine.ring, operator.engine.cache.of_kind, given.namespaces
        )
        self.doorbells.on_restart = self._watches_restarted
        self.doorbells.on_listed = self.sweep.soon
        self.lease = ElectorThread(self.connect, self._elector, self._role_changed)
        self.replicas = Replicas(
            store,
            operator.gateways,
            operator.programmer.look_at,
            namespace=given.lease_namespace,
            lease=given.lease_name,
            identity=self.identity,
            clock=self.clock,
        )
        self.heartbeat = Heartbeat(self.metrics)
        self.health = HealthServer(
            given.health_host,
            given.health_port,
            healthy={"event-loop": self.heartbeat.check, "workers": self._workers_alive},
            ready=self._readiness(),
            metrics=self.metrics,
        )

    def _elector(self, store: Store, on_role: Callable[[Role], None]) -> Elector:
        given = self.settings
        return Elector(
            store,
            namespace=given.lease_namespace,
            name=given.lease_name,
            identity=self.identity,
            clock=self.clock,
            hold=self._hold,
            on_role=on_role,
        )

    # -- its life -----------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """See everything once, then stand for election."""
        await self.listing.reachable()
        self.doorbells.start()
        await self.listing.complete()
        log.info("everything that exists was seen: %d objects", len(self.operator.engine.cache))
        self._spawn(self.sweep.run(), "sweep")
        self._spawn(self.replicas.run(), "replicas")
        self.lease.start()

    def _role_changed(self, role: Role) -> None:
        self.role = role
        self.metrics.leads(role is Role.LEADING)
        if role is Role.LEADING and not self.ended.is_set():
            self.operator.lead()
        elif role is Role.LOST:
            self.end(1)

    def _watches_restarted(self) -> None:
        self.metrics.watches_restarted()
        self.sweep.soon()

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self.end, 0)

    def _spawn(self, work: Awaitable[None], name: str) -> None:
        async def guarded() -> None:
            try:
                await work
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("%s ended in an error that nobody expected", name)
                self.end(1)

        self._tasks.append(asyncio.create_task(guarded(), name=name))

    # -- health -------------------------------------------------------------------------------------------------------

    def _readiness(self) -> dict[str, Check]:
        return {
            "ending": lambda: "the process is ending" if self.ended.is_set() else None,
            "listed": lambda: None if self.listing.synced.is_set() else self.listing.problem or "not listed yet",
            "watches": lambda: self.doorbells.problem,
            "lease": self._lease_alive,
        }

    def _lease_alive(self) -> str | None:
        elector = self.lease.elector
        if elector is None or elector.answered_at is None:
            return (elector.problem if elector else None) or "the lease was not read yet"
        silence = self.clock.monotonic() - elector.answered_at
        return f"no answer for {silence:.0f} s: {elector.problem}" if silence > LEASE_SILENCE else None

    def _workers_alive(self) -> str | None:
        dead = 0 if self.ended.is_set() else self.operator.dead_workers
        return f"{dead} workers ended" if dead else None


async def cluster_id(store: Store) -> str:
    """What tells this cluster from others that share a tenant or a subscription: the uid of namespace kube-system, as
    is usual. Raises StoreError."""
    namespace = await store.get(NAMESPACES, "", "kube-system")
    if namespace is None:
        raise StoreError("the cluster has no namespace kube-system; say --cluster-id")
    return str(namespace["metadata"]["uid"])


async def run(settings: Settings) -> int:
    """One replica; its exit status."""
    return await Replica(settings).run()
