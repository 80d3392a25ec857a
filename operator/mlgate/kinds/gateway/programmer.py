"""Keeps the proxies' configuration in step with the objects. Runs on every replica: proxies are served whoever leads.

Woken by changes of gateways, routes, tenants, endpoints and Secrets; what comes in while it works is taken together.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...engine import objects
from ...engine.engine import Engine
from ...gateway.model import Certificate, Credential, Route
from ...gateway.server import GatewayServer, Published
from ...outbound import Urgency
from ...sensitive import Sensitive
from ...store.protocol import SECRETS, Key, Object, Store, StoreError
from .assembly import Assembly, Place, Surroundings, assemble
from .view import GatewayReport, ReplicaReport, together

log = logging.getLogger(__name__)

WATCHED = frozenset({"ModelGateway", "ModelRoute", "Auth0Tenant", "AzureMLOnlineEndpoint", "Secret"})
COMING_BACK = 20.0
"""Seconds that proxies get to connect again; Envoy's own back-off is 1 to 10 s and it serves all the time."""
RETRY_AFTER = 2.0
"""Seconds to the next try when the store did not answer."""


class Gateways:
    """How the gateways of this process stand: what the gateway kinds look at."""

    gate = "gateway"

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._started = monotonic()
        self._met: dict[str, float] = {}
        self._server: GatewayServer | None = None
        self.published: dict[str, Published] = {}
        self.assembled: dict[str, Assembly] = {}
        self.elsewhere: dict[str, dict[str, ReplicaReport]] = {}
        """Per gateway: what the other replicas say, by replica."""
        self._live: dict[str, dict[str, Route]] = {}
        self.presented: dict[str, Mapping[str, Credential | Certificate]] = {}
        """Per gateway: the credentials and certificates that were published last, by name."""
        self.pending = True
        """Whether something changed that was not published yet."""
        self._waiting: set[Key] = set()

    def attach(self, server: GatewayServer) -> None:
        """Where the proxies' answers come from."""
        self._server = server

    def forget(self, gateway: str) -> None:
        """The gateway is no more."""
        for known in (self.published, self.assembled, self._live, self.presented):
            known.pop(gateway, None)

    def lagging(self, secret: Key, entry: str, value: Sensitive, *, waiting: Key) -> Sequence[str]:
        """As `GatewayView` says. A gateway without a proxy counts: one that is cut off still presents what it had."""
        behind = []
        for gateway, assembly in sorted(self.assembled.items()):
            names = [n for n, place in assembly.credentials.items() if place.secret == secret and entry in place.keys]
            if not names:
                continue
            report, presented = self.report(gateway), self.presented.get(gateway, {})
            published = all(_presents(presented.get(name), value) for name in names)
            if not report.proxies:
                behind.append(f"ModelGateway {gateway}, to which no Envoy is connected")
            elif not (published and report.settled):
                behind.append(f"ModelGateway {gateway}")
        if self.pending and not behind:
            behind.append("the gateways, whose configuration is being renewed")
        if behind:
            self._waiting.add(waiting)
        return behind

    def who_waits(self) -> set[Key]:
        """The objects that waited for gateways to take a credential; each is named once."""
        waiting, self._waiting = self._waiting, set()
        return waiting

    def report(self, gateway: str) -> GatewayReport:
        """How a gateway stands, over all replicas."""
        report = together(self.own_report(gateway), self.elsewhere.get(gateway, {}).values())
        now = self._monotonic()
        if report.proxies and gateway in self._live:
            self._met[gateway] = now
        elif not report.settled and not report.rejected and now - self._met.get(gateway, self._started) < COMING_BACK:
            report = replace(report, expected=True)
        if not report.settled:
            return report
        served = {route.name: route for route in self.assembled[gateway].gateway.routes}
        self._live[gateway] = {name: route for name, route in served.items() if name not in report.rejected}
        live = frozenset(self._live[gateway])
        return replace(report, served=True, live=live, current=live)

    def own_report(self, gateway: str) -> GatewayReport:
        """How the proxies of this replica stand."""
        published, assembly = self.published.get(gateway), self.assembled.get(gateway)
        if published is None or assembly is None or self._server is None:
            return GatewayReport()
        state, live = self._server.state(gateway), self._live.get(gateway, {})
        rejected = {rejection.route or "": rejection.message for rejection in published.rejections}
        for refused in state.rejections:
            for route in refused.routes or ("",):
                rejected.setdefault(route, f"Envoy says: {refused.words}")
        return GatewayReport(
            proxies=len(state.proxies),
            version=state.version,
            acknowledged=state.acknowledged,
            routes=frozenset(route.name for route in assembly.gateway.routes),
            rejected=rejected,
            served=gateway in self._live,
            live=frozenset(live),
            current=frozenset(route.name for route in assembly.gateway.routes if live.get(route.name) == route),
            reduced={warning.route or "": warning.message for warning in published.warnings if warning.route},
        )


class GatewayProgrammer:
    """`start` begins, `stop` ends. `around` may be replaced before the start."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        server: GatewayServer,
        gateways: Gateways,
        around: Surroundings | None = None,
    ) -> None:
        self._engine = engine
        self._store = store
        self._server = server
        self._gateways = gateways
        self.around = around or Surroundings()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._credentials: dict[Place, tuple[str | None, Any]] = {}
        gateways.attach(server)

    async def start(self) -> None:
        self._engine.on_change(self._changed)
        self._server.on_change = self._told
        self._wake.set()
        self._task = asyncio.create_task(self._run(), name="gateway-programmer")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _changed(self, key: Key, obj: Object | None) -> None:
        if key.kind in WATCHED:
            self._gateways.pending = True
            self._wake.set()

    def _told(self, gateway: str) -> None:
        """The proxies of a gateway connected, left, took or refused something."""
        self._gateways.report(gateway)
        self.look_at(gateway)

    def look_at(self, gateway: str) -> None:
        """The objects that say how a gateway stands are worth a look."""
        namespace, _, name = gateway.partition("/")
        self._engine.queue.add(Key("ModelGateway", namespace, name), Urgency.USER)
        assembly = self._gateways.assembled.get(gateway)
        for route in assembly.gateway.routes if assembly else ():
            self._engine.queue.add(Key("ModelRoute", *route.name.split("/", 1)), Urgency.USER)
        for waiting in self._gateways.who_waits():
            self._engine.queue.add(waiting, Urgency.PROGRESS)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._program()
            except StoreError as error:
                log.warning("credentials of gateways could not be read: %s", error.message)
                asyncio.get_running_loop().call_later(RETRY_AFTER, self._wake.set)
            except Exception:
                log.exception("a gateway could not be programmed")
                asyncio.get_running_loop().call_later(RETRY_AFTER, self._wake.set)

    async def _program(self) -> None:
        cache, present = self._engine.cache, set()
        routes = list(cache.of_kind("ModelRoute"))
        for gateway in list(cache.of_kind("ModelGateway")):
            name = f"{gateway['metadata']['namespace']}/{gateway['metadata']['name']}"
            if objects.deleting(gateway):
                continue
            present.add(name)
            assembly = assemble(gateway, routes, cache.get, self.around)
            credentials = {named: await self._credential(named, place) for named, place in assembly.credentials.items()}
            presented = {n: c for n, c in credentials.items() if c is not None}
            published = self._server.publish(assembly.gateway, presented)
            before = self._gateways.published.get(name)
            old = self._gateways.assembled.get(name)
            self._gateways.published[name], self._gateways.assembled[name] = published, assembly
            self._gateways.presented[name] = presented
            if published.changed or before is None or _differs(before, published) or old != assembly:
                self.look_at(name)
        for name in set(self._gateways.published) - present:
            self._server.forget(name)
            self._gateways.forget(name)
        self._gateways.pending = self._wake.is_set()

    async def _credential(self, name: str, place: Place) -> Credential | Certificate | None:
        """A credential from its Secret; read again only when the Secret changed since."""
        seen = self._engine.cache.get(place.secret)
        version = seen["metadata"].get("resourceVersion") if seen else None
        kept = self._credentials.get(place)
        if kept is not None and version is not None and kept[0] == version:
            return kept[1]  # type: ignore[no-any-return]
        secret = await self._store.get(SECRETS, place.secret.namespace, place.secret.name)
        found = _read(name, place, secret)
        self._credentials[place] = (secret["metadata"].get("resourceVersion") if secret else None, found)
        return found


def _read(name: str, place: Place, secret: Object | None) -> Credential | Certificate | None:
    data = (secret or {}).get("data") or {}
    if any(key not in data for key in place.keys):
        return None
    try:
        texts = [base64.b64decode(data[key]).decode() for key in place.keys]
    except ValueError:
        return None
    if len(texts) == 2:
        return Certificate(name, texts[0], Sensitive(texts[1]))
    return Credential(name, Sensitive(texts[0].strip()))


def _presents(published: Credential | Certificate | None, value: Sensitive) -> bool:
    return isinstance(published, Credential) and published.value == Sensitive(value.reveal().strip())


def _differs(before: Published, after: Published) -> bool:
    return (before.rejections, before.warnings) != (after.rejections, after.warnings)
