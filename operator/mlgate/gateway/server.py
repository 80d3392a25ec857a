"""The gateway as its owner sees it: publish a model, read back how the proxies took it.

Everything between is pure: check, render, encode, blame, quarantine. Belongs to one event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from mlgate.gateway.ads import AdsServer, Proxy, ServedState, ServerTls
from mlgate.gateway.blame import SHARED, culprits
from mlgate.gateway.delta import Refusal
from mlgate.gateway.model import Certificate, Credential, Gateway, Rejection, Route
from mlgate.gateway.quarantine import Quarantine
from mlgate.gateway.render import reduced, render
from mlgate.gateway.render.types import CLUSTER, ROUTES, route_of
from mlgate.gateway.snapshot import Encoder, Snapshot, Unencodable
from mlgate.gateway.validate import check

Credentials = Mapping[str, Credential | Certificate]


@dataclass(frozen=True, slots=True)
class Published:
    """What a publish came to. ``version`` None: nothing could be published yet. ``rejections`` are routes that are left
    out (or keep what they had) and why; ``warnings`` are served, but reduced: a credential or certificate is missing.
    ``changed`` False: the proxies are sent nothing."""

    version: str | None
    rejections: tuple[Rejection, ...]
    warnings: tuple[Rejection, ...]
    changed: bool


@dataclass(frozen=True, slots=True)
class RefusedByProxy:
    """What a proxy refused, in its own words, and the routes that can be at fault (none: the gateway itself)."""

    type_url: str
    resources: tuple[str, ...]
    words: str
    routes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GatewayState:
    """``acknowledged`` equals ``version`` once every connected proxy has all of it; None with no proxy, until then, and
    while it is being found out which routes a proxy refuses. ``version`` leaves out what is refused, so it may differ
    from the one that the last publish returned.

    ``settled``: every connected proxy answered all of it. Then a route that no rejection names is served as published
    (a rejection that names no route concerns them all)."""

    proxies: tuple[Proxy, ...]
    version: str | None
    acknowledged: str | None
    settled: bool
    rejections: tuple[RefusedByProxy, ...]


@dataclass(slots=True)
class _Held:
    """One gateway: what is wanted, what is served of it, what the proxies took last."""

    wanted: Gateway
    credentials: Credentials
    published: Published
    served: Gateway | None = None
    accepted: Gateway | None = None
    encoder: Encoder = field(default_factory=Encoder)
    quarantine: Quarantine = field(default_factory=Quarantine)
    handled: set[tuple[str, str, str]] = field(default_factory=set)


class GatewayServer:
    """Serves any number of gateways to their proxies; a proxy names its gateway in `node.cluster`."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, *, tls: Callable[[], ServerTls] | None = None) -> None:
        self._ads = AdsServer(host, port, tls=tls)
        self._ads.on_change = self._proxies_changed
        self._held: dict[str, _Held] = {}
        self.on_change: Callable[[str], None] = lambda gateway: None

    @property
    def port(self) -> int:
        return self._ads.port

    async def start(self) -> None:
        """Raises RuntimeError when the address cannot be bound."""
        await self._ads.start()

    async def stop(self) -> None:
        await self._ads.stop()

    def publish(self, gateway: Gateway, credentials: Credentials) -> Published:
        """Makes this the wanted state of the gateway. Cheap when nothing changed. Never raises for what a user
        wrote."""
        held = self._held.get(gateway.name)
        if held is not None and held.wanted == gateway and held.credentials == credentials:
            return replace(held.published, changed=False)
        if held is None:
            held = self._held[gateway.name] = _Held(gateway, {}, Published(None, (), (), changed=False))
        held.wanted, held.credentials = gateway, dict(credentials)
        held.quarantine.revise({route.name: route for route in gateway.routes})
        return self._serve(held)

    def state(self, gateway_name: str) -> GatewayState:
        served = self._ads.state(gateway_name)
        held = self._held.get(gateway_name)
        rejections = [self._explained(held, refusal) for refusal in served.refusals]
        if held:
            for name, condemned in sorted(held.quarantine.condemned.items()):
                rejections.append(RefusedByProxy(ROUTES, (name,), condemned.words, (name,)))
        known = held is None or held.quarantine.settled
        return GatewayState(
            proxies=served.proxies,
            version=served.version,
            acknowledged=served.acknowledged if known else None,
            settled=known and bool(served.proxies) and all(proxy.answered for proxy in served.proxies),
            rejections=tuple(rejections),
        )

    def forget(self, gateway_name: str) -> None:
        """The gateway is no more; its proxies close what they serve."""
        self._held.pop(gateway_name, None)
        self._ads.forget(gateway_name)

    # ------------------------------------------------------------------------------------------------ to the proxies

    def _serve(self, held: _Held) -> Published:
        gateway = self._without_held_back(held)
        rejections: list[Rejection] = []
        snapshot: Snapshot | None = None
        while snapshot is None:
            checked = check(gateway)
            rejections.extend(checked.rejections)
            gateway = checked.gateway
            encoded = held.encoder.encode(render(gateway, held.credentials))
            snapshot = encoded.snapshot
            if snapshot is None:
                unfit = {name: fault for fault in encoded.faults if (name := _route_at_fault(gateway, fault))}
                if not unfit:
                    rejections.extend(Rejection(None, _unfit(fault)) for fault in encoded.faults)
                    break
                rejections.extend(Rejection(name, _unfit(fault)) for name, fault in unfit.items())
                gateway = replace(gateway, routes=tuple(each for each in gateway.routes if each.name not in unfit))
        changed = False
        if snapshot is not None:
            held.served = gateway
            changed = self._ads.publish(gateway.name, snapshot)
        current = self._ads.snapshot(gateway.name)
        held.published = Published(
            version=current.version if current else None,
            rejections=(*rejections, *self._refused_rejections(held)),
            warnings=reduced(gateway, held.credentials),
            changed=changed,
        )
        return held.published

    @staticmethod
    def _without_held_back(held: _Held) -> Gateway:
        """What is wanted, with the routes that a proxy refuses as they were before (or without them)."""
        back = held.quarantine.held
        if not back:
            return held.wanted
        before = {route.name: route for route in held.accepted.routes} if held.accepted else {}
        routes: list[Route] = []
        for route in held.wanted.routes:
            if route.name not in back:
                routes.append(route)
            elif route.name in before:
                routes.append(before[route.name])
        return replace(held.wanted, routes=tuple(routes))

    @staticmethod
    def _refused_rejections(held: _Held) -> tuple[Rejection, ...]:
        condemned = sorted(held.quarantine.condemned.items())
        return tuple(Rejection(name, f"Envoy refuses it: {each.words}") for name, each in condemned)

    # ------------------------------------------------------------------------------------------------ from the proxies

    def _proxies_changed(self, gateway_name: str) -> None:
        held = self._held.get(gateway_name)
        if held is not None:
            self._learn(held, self._ads.state(gateway_name))
        self.on_change(gateway_name)

    def _learn(self, held: _Held, state: ServedState) -> None:
        """Holds back what is refused, lets the innocent in again, remembers what was taken."""
        fresh = [each for each in state.refusals if each.type_url in SHARED and _key(each) not in held.handled]
        if fresh and held.served is not None:
            held.handled.update(_key(each) for each in fresh)
            wanted = {route.name: route for route in held.wanted.routes}
            more = False
            for refusal in fresh:
                suspects = self._explained(held, refusal).routes
                more = held.quarantine.refused(suspects, refusal.words, wanted) or more
            if more:
                self._serve(held)
            return
        shared_taken = bool(state.proxies) and all(
            proxy.versions.get(type_url) == state.version for proxy in state.proxies for type_url in SHARED
        )
        if shared_taken and held.accepted is not held.served:
            held.accepted = held.served
            held.handled.clear()
            if held.quarantine.accepted():
                self._serve(held)

    @staticmethod
    def _explained(held: _Held | None, refusal: Refusal) -> RefusedByProxy:
        routes: frozenset[str] = frozenset()
        if held is not None and held.served is not None:
            routes = culprits(refusal.type_url, refusal.resource, refusal.words, held.served, held.accepted)
        return RefusedByProxy(refusal.type_url, (refusal.resource,), refusal.words, tuple(sorted(routes)))


def _key(refusal: Refusal) -> tuple[str, str, str]:
    return refusal.type_url, refusal.resource, refusal.version


def _route_at_fault(gateway: Gateway, fault: Unencodable) -> str | None:
    part = fault.part if fault.type_url == ROUTES else fault.resource if fault.type_url == CLUSTER else None
    name = route_of(part) if part else None
    return name if name in {route.name for route in gateway.routes} else None


def _unfit(fault: Unencodable) -> str:
    return f"{fault.part or fault.resource} does not fit Envoy's schema: {fault.reason}"
