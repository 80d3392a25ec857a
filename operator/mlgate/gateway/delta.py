"""One proxy's side of incremental xDS: what it has, what it refused, what it is to be sent next. No I/O.

The protocol (xDS protocol documentation, incremental aggregated discovery) leaves order to the server:

* made before broken: secrets, clusters, extensions, listeners, routes, each type only after the one before was
  answered; clusters and listeners go last, and not while the proxy still serves routes of before because it refused
  the new ones;
* named resources (secrets, extensions, routes) are never removed by us: the proxy unsubscribes when nothing names them;
* a proxy that refuses a response of several resources is sent them one by one, so that the refused one is known by
  name whatever the proxy's words are; what was refused is not sent again until its content changes or the proxy
  reconnects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mlgate.gateway.render.types import CLUSTER, LISTENER, RESOURCE_TYPES, ROUTES
from mlgate.gateway.snapshot import Resource, Snapshot

_WILDCARD_TYPES = (LISTENER, CLUSTER)  # in the order in which they may go
_ALL = "*"


@dataclass(frozen=True, slots=True)
class Request:
    """A DeltaDiscoveryRequest, what of it matters. ``error`` is the proxy's words when it refuses the response
    ``nonce``."""

    type_url: str
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    initial_versions: Mapping[str, str] = field(default_factory=dict)
    nonce: str = ""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A DeltaDiscoveryResponse to be."""

    type_url: str
    nonce: str
    version: str
    resources: tuple[Resource, ...]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A resource that a proxy refused at a version, in the proxy's words."""

    type_url: str
    resource: str
    version: str
    words: str


@dataclass(slots=True)
class _Type:
    """What is known of one resource type on this stream. ``sent`` includes what the proxy had when it connected."""

    wildcard: bool = False
    names: set[str] = field(default_factory=set)
    sent: dict[str, str] = field(default_factory=dict)
    acknowledged: dict[str, str] = field(default_factory=dict)
    one_by_one: set[str] = field(default_factory=set)
    told_absent: set[str] = field(default_factory=set)
    greeted: bool = False
    version: str | None = None


class DeltaStream:
    """The state machine of one stream. Feed it requests; ask it what to send; ask it what the proxy has."""

    def __init__(self) -> None:
        self._types: dict[str, _Type] = {}
        self._outstanding: dict[str, Delivery] = {}
        self._refused: dict[tuple[str, str], Refusal] = {}
        self._count = 0

    # ------------------------------------------------------------------------------------------------ what comes in

    def receive(self, request: Request) -> None:
        kind = self._types.get(request.type_url)
        if kind is None:
            kind = self._types[request.type_url] = _Type()
            kind.sent.update(request.initial_versions)
            kind.acknowledged.update(request.initial_versions)
            kind.wildcard = not request.subscribe
            resubscribed: Iterable[str] = ()
        else:
            # Asked for again, although we think it has it: it forgot, so it is sent again.
            resubscribed = request.subscribe
        for name in resubscribed:
            kind.sent.pop(name, None)
            kind.acknowledged.pop(name, None)
            kind.told_absent.discard(name)
        for name in request.subscribe:
            if name == _ALL:
                kind.wildcard = True
            else:
                kind.names.add(name)
        for name in request.unsubscribe:
            if name == _ALL:
                kind.wildcard = False
            kind.names.discard(name)
            self._drop(request.type_url, kind, name)
        if request.nonce:
            self._answered(kind, request)

    def _drop(self, type_url: str, kind: _Type, name: str) -> None:
        kind.sent.pop(name, None)
        kind.acknowledged.pop(name, None)
        kind.told_absent.discard(name)
        self._refused.pop((type_url, name), None)

    def _answered(self, kind: _Type, request: Request) -> None:
        delivery = self._outstanding.pop(request.nonce, None)
        if delivery is None:
            return
        if request.error is not None:
            self._nacked(kind, delivery, request.error)
            return
        for resource in delivery.resources:
            # Unless it unsubscribed or was sent something newer in between.
            if kind.sent.get(resource.name) == resource.version:
                kind.acknowledged[resource.name] = resource.version
                kind.one_by_one.discard(resource.name)
                self._refused.pop((delivery.type_url, resource.name), None)
        for name in delivery.removed:
            kind.acknowledged.pop(name, None)
            self._refused.pop((delivery.type_url, name), None)

    def _nacked(self, kind: _Type, delivery: Delivery, words: str) -> None:
        if len(delivery.resources) == 1:
            only = delivery.resources[0]
            refusal = Refusal(delivery.type_url, only.name, only.version, words)
            self._refused[delivery.type_url, only.name] = refusal
            kind.one_by_one.discard(only.name)
            return
        for resource in delivery.resources:
            kind.sent.pop(resource.name, None)
            kind.one_by_one.add(resource.name)

    # ------------------------------------------------------------------------------------------------ what goes out

    def next_delivery(self, snapshot: Snapshot) -> Delivery | None:
        """The next response, or None when there is nothing to send until the proxy answers or something changes."""
        self._forget_outdated_refusals(snapshot)
        for type_url in RESOURCE_TYPES:
            kind = self._types.get(type_url)
            if kind is None:
                continue
            if any(delivery.type_url == type_url for delivery in self._outstanding.values()):
                return None
            if (delivery := self._additions(type_url, kind, snapshot)) is not None:
                return delivery
        return self._removals(snapshot)

    def _additions(self, type_url: str, kind: _Type, snapshot: Snapshot) -> Delivery | None:
        current = snapshot.resources.get(type_url, {})
        wanted = current.values() if kind.wildcard else [current[name] for name in sorted(kind.names & current.keys())]
        due = [resource for resource in wanted if kind.sent.get(resource.name) != resource.version]
        together = [resource for resource in due if resource.name not in kind.one_by_one]
        absent = kind.names - current.keys() - kind.sent.keys() - kind.told_absent
        if not due and not absent and (kind.greeted or not kind.wildcard):
            return None
        kind.greeted = True
        kind.told_absent |= absent
        chosen = together or due[:1]
        kind.sent.update((resource.name, resource.version) for resource in chosen)
        return self._deliver(type_url, snapshot, tuple(chosen), tuple(sorted(absent)))

    def _removals(self, snapshot: Snapshot) -> Delivery | None:
        if self._outstanding or any(type_url == ROUTES for type_url, _ in self._refused):
            return None
        for type_url in _WILDCARD_TYPES:
            kind = self._types.get(type_url)
            gone = sorted(kind.sent.keys() - snapshot.resources.get(type_url, {}).keys()) if kind else []
            if kind and gone:
                for name in gone:
                    kind.sent.pop(name)
                return self._deliver(type_url, snapshot, (), tuple(gone))
        return None

    def _deliver(
        self, type_url: str, snapshot: Snapshot, resources: tuple[Resource, ...], removed: tuple[str, ...]
    ) -> Delivery:
        self._count += 1
        delivery = Delivery(type_url, str(self._count), snapshot.version, resources, removed)
        self._outstanding[delivery.nonce] = delivery
        return delivery

    def _forget_outdated_refusals(self, snapshot: Snapshot) -> None:
        for key in list(self._refused):
            resource = snapshot.resources.get(key[0], {}).get(key[1])
            if resource is None or resource.version != self._refused[key].version:
                del self._refused[key]

    # ------------------------------------------------------------------------------------------------ how it stands

    def refusals(self, snapshot: Snapshot) -> tuple[Refusal, ...]:
        """What the proxy refuses of this snapshot."""
        self._forget_outdated_refusals(snapshot)
        return tuple(self._refused[key] for key in sorted(self._refused))

    def versions(self, snapshot: Snapshot) -> dict[str, str | None]:
        """By resource type the last snapshot of which the proxy acknowledged everything; None while there is none."""
        for type_url, kind in self._types.items():
            if not any(self._open(type_url, kind, snapshot)):
                kind.version = snapshot.version
        return {type_url: kind.version for type_url, kind in sorted(self._types.items())}

    def has(self, snapshot: Snapshot) -> bool:
        """Whether the proxy acknowledged every resource of the snapshot and has no cluster or listener beyond it."""
        for type_url in RESOURCE_TYPES:
            kind = self._types.get(type_url, _Type())
            if any(self._open(type_url, kind, snapshot)):
                return False
        return True

    def answered(self, snapshot: Snapshot) -> bool:
        """Whether nothing of the snapshot is on its way: the proxy acknowledged or refused every resource of it."""
        refused = {(each.type_url, each.resource) for each in self.refusals(snapshot)}
        for type_url in RESOURCE_TYPES:
            kind = self._types.get(type_url, _Type())
            if any((type_url, name) not in refused for name in self._open(type_url, kind, snapshot)):
                return False
        return True

    @staticmethod
    def _open(type_url: str, kind: _Type, snapshot: Snapshot) -> Iterator[str]:
        current = snapshot.resources.get(type_url, {})
        for name, resource in current.items():
            if kind.acknowledged.get(name) != resource.version:
                yield name
        if type_url in _WILDCARD_TYPES:
            yield from kind.acknowledged.keys() - current.keys()
