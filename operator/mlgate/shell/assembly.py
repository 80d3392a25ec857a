"""One operator, put together: store, kinds, engine, sessions with Auth0 and Azure, the gateway's server.

`mlgate run` and `mlgate dev` differ in the store, in who rings the bell and in the fence; this is what they share.
Nothing here reads the environment.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.clock import Clock
from ..engine.engine import Engine
from ..engine.engine import Settings as EngineSettings
from ..outbound import Fence
from ..sensitive import Sensitive
from ..store.protocol import SECRETS, Key, Object, Resource, Store
from .metrics import Metrics

if TYPE_CHECKING:
    from ..gateway.ads import ServerTls

log = logging.getLogger(__name__)

FINISH = 15.0
"""Seconds that reconciles in hand get at the end: a request to Auth0 has 10, most of Azure's 15."""


@dataclass(frozen=True, slots=True)
class Outside:
    """Where Auth0 and Azure are, when they are not where they always are (development, private clouds), and whom to
    trust. `ca_file`: authority of those services; `upstream_ca_file`: of the model servers, as the proxies see them.
    """

    auth0_endpoint: str | None = None
    azure_resource_manager: str | None = None
    azure_authority: str | None = None
    azure_records: str | None = None
    azure_endpoint_hosts: tuple[str, ...] = ()
    """Hosts that AzureConnections may name instead of their cloud's own."""
    ca_file: Path | None = None
    azure_ca_file: Path | None = None
    azure_poll_scale: float = 1.0
    """Shortens the waits for Azure's long operations where they are simulated."""
    upstream_ca_file: Path | None = None
    ports: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """Listener ports that replace those of the manifests, by gateway (`namespace/name`) and written port."""
    access_log: str | None = "/dev/stdout"
    listen: str = "0.0.0.0"  # noqa: S104 - a gateway is there to be reached


@dataclass(frozen=True, slots=True)
class XdsTls:
    """PEM files of the gateways' configuration server. With `client_ca_file` a proxy must show a certificate."""

    certificate_file: Path
    key_file: Path
    client_ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """What an operator is made of that differs from process to process."""

    store: Store
    fence: Fence
    outside: Outside = field(default_factory=Outside)
    engine: EngineSettings = field(default_factory=EngineSettings)
    instance: str = "mlgate"
    xds_host: str = "127.0.0.1"
    xds_port: int = 0
    xds_tls: XdsTls | None = None


class Operator:
    """`start` serves the gateway from what the cache knows; `lead` lets it work; `stop` ends it in order."""

    def __init__(self, parts: Parts, clock: Clock, metrics: Metrics) -> None:
        # Imported here: together they cost half a second that `mlgate get` need not wait for.
        from .. import auth0, azureml, kinds  # noqa: PLC0415
        from ..gateway.server import GatewayServer  # noqa: PLC0415
        from ..kinds.auth0.log_follower import LogFollower  # noqa: PLC0415
        from ..kinds.gateway.assembly import Surroundings  # noqa: PLC0415
        from ..kinds.gateway.programmer import GatewayProgrammer, Gateways  # noqa: PLC0415

        outside = parts.outside
        azure_ca = outside.azure_ca_file or outside.ca_file
        snapshot_max_age = min(60.0, parts.engine.resync / 2)
        self.auth0 = auth0.Sessions(
            endpoint=outside.auth0_endpoint,
            ca_file=_text(outside.ca_file),
            snapshot_max_age=snapshot_max_age,
            on_request=metrics.requested,
        )
        self.azure = azureml.Sessions(
            resource_manager=outside.azure_resource_manager,
            authority=outside.azure_authority,
            records=outside.azure_records,
            endpoint_hosts=outside.azure_endpoint_hosts,
            ca_file=_text(azure_ca),
            scoring_ca_file=_text(outside.upstream_ca_file),
            listing_max_age=parts.engine.resync / 2,
            poll_scale=outside.azure_poll_scale,
            snapshot_max_age=snapshot_max_age,
            on_request=metrics.requested,
        )
        tls = partial(_server_tls, parts.xds_tls) if parts.xds_tls else None
        self.gateway = GatewayServer(parts.xds_host, parts.xds_port, tls=tls)
        gateways = self.gateways = Gateways()
        self.engine = Engine(
            parts.store,
            kinds.build(self.auth0, self.azure, gateways),
            clock=clock,
            fence=parts.fence,
            settings=parts.engine,
            observer=metrics,
            instance=parts.instance,
        )
        upstream_ca = outside.upstream_ca_file
        around = Surroundings(
            upstream_ca_pem=upstream_ca.read_text() if upstream_ca else None,
            ports=outside.ports,  # not a copy: `mlgate dev` adds to it
            access_log=outside.access_log,
            address=outside.listen,
        )
        self.programmer = GatewayProgrammer(self.engine, parts.store, self.gateway, gateways, around)
        self._follower = LogFollower(self.engine, self.auth0)
        self.leading = False
        self._workers: list[asyncio.Task[None]] = []
        self._metrics, self._clock = metrics, clock
        self._deleting: dict[Key, float] = {}
        self.engine.on_change(self._time_deletion)
        metrics.watch_cache(self._objects, lambda: len(self.engine.queue))

    @property
    def resources(self) -> Collection[Resource]:
        """Every kind of ours."""
        return [kind.type.resource for kind in self.engine.kinds.values()]

    @property
    def watched(self) -> Collection[Resource]:
        """What must be watched."""
        return [*self.resources, SECRETS]

    async def start(self) -> None:
        """Raises RuntimeError when the gateway's port is taken."""
        await self.gateway.start()
        await self.programmer.start()

    def lead(self) -> None:
        """This process may write now."""
        if not self.leading:
            self.leading = True
            before = asyncio.all_tasks()
            self.engine.lead()
            self._follower.start()
            self._workers = [task for task in asyncio.all_tasks() - before if task.get_name().startswith("worker-")]

    @property
    def dead_workers(self) -> int:
        """How many workers ended although they should work."""
        return sum(task.done() for task in self._workers) if self.leading else 0

    async def stop_working(self) -> None:
        """No new work; what is in hand ends, or is cut off after `FINISH` seconds."""
        self.leading = False
        await self._follower.stop()
        self.engine.queue.close()
        if self._workers:
            _, unfinished = await asyncio.wait(self._workers, timeout=FINISH)
            if unfinished:
                log.warning("%d reconciles were cut off", len(unfinished))
        self._workers = []
        await self.engine.stop()

    async def stop_serving(self) -> None:
        """Proxies are told to find another replica; sessions are closed."""
        await self.programmer.stop()
        await self.gateway.stop()
        for sessions in (self.auth0, self.azure):
            try:
                await sessions.close()
            except Exception:
                log.exception("a session was not closed in order")

    def _time_deletion(self, key: Key, obj: Object | None) -> None:
        """From when a deletion was first seen until the object was gone."""
        if obj is None:
            since = self._deleting.pop(key, None)
            if since is not None:
                self._metrics.deleted(key.kind, self._clock.monotonic() - since)
        elif obj["metadata"].get("deletionTimestamp") and key.kind in self.engine.kinds:
            self._deleting.setdefault(key, self._clock.monotonic())

    def _objects(self) -> Iterable[Object]:
        for kind in self.engine.kinds:
            yield from self.engine.cache.of_kind(kind)


def _text(path: Path | None) -> str | None:
    return str(path) if path else None


def _server_tls(files: XdsTls) -> ServerTls:
    from ..gateway.ads import ServerTls  # noqa: PLC0415

    return ServerTls(
        certificate_chain=files.certificate_file.read_text(),
        private_key=Sensitive(files.key_file.read_text()),
        client_ca=files.client_ca_file.read_text() if files.client_ca_file else None,
    )
