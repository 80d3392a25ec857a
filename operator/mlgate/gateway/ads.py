"""The discovery server: incremental aggregated xDS (delta ADS) on grpc.aio, without generated stubs.

A proxy says by its `node.cluster` which gateway it serves ("ml/public") and is sent that gateway's snapshot, secrets
included; it may connect before the snapshot exists and keeps what it has when the server goes away. Because secrets
travel here, a server that listens beyond loopback wants :class:`ServerTls` with client certificates.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from mlgate.gateway.delta import Delivery, DeltaStream, Refusal, Request
from mlgate.gateway.descriptors import message_class
from mlgate.gateway.snapshot import Snapshot
from mlgate.sensitive import Sensitive

_SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
_LARGEST_MESSAGE = 64 << 20  # bytes; 5,000 routes are about 8 MB
_OPTIONS = (
    ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
    ("grpc.max_send_message_length", _LARGEST_MESSAGE),
    # Envoy pings an idle stream every 30 s; by default gRPC answers the third of those with GOAWAY.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.so_reuseport", 0),
)
_EMPTY = Snapshot("", {})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerTls:
    """PEM. With ``client_ca`` a proxy must present a certificate signed by it."""

    certificate_chain: str
    private_key: Sensitive
    client_ca: str | None = None


@dataclass(frozen=True, slots=True)
class Proxy:
    """A connected proxy. ``connected_since`` is in seconds since the epoch; ``versions`` is, by resource type, the last
    snapshot that it acknowledged completely; ``current`` says that it acknowledged all of the newest snapshot,
    ``answered`` that it acknowledged or refused every part of it."""

    id: str
    connected_since: float
    versions: Mapping[str, str | None]
    current: bool
    answered: bool


@dataclass(frozen=True, slots=True)
class ServedState:
    """How a gateway stands: ``version`` is what is published, ``acknowledged`` the same once every connected proxy has
    all of it (None with no proxy, or until then)."""

    proxies: tuple[Proxy, ...]
    version: str | None
    acknowledged: str | None
    refusals: tuple[Refusal, ...]


@dataclass(slots=True, eq=False)
class _Connection:
    since: float
    stream: DeltaStream = field(default_factory=DeltaStream)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    gateway: str | None = None
    proxy: str = ""
    ended: bool = False


class AdsServer:
    """Serves the snapshots that were published. All methods belong to the event loop that started it.

    ``tls`` is asked at the start and again for each connection, so that a renewed certificate counts without a restart;
    where it fails (OSError, ValueError: files that are just being replaced) the last good answer serves on."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        tls: Callable[[], ServerTls] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._host, self._port, self._tls, self._now = host, port, tls, now
        self._server: grpc.aio.Server | None = None
        self._snapshots: dict[str, Snapshot] = {}
        self._forgotten: set[str] = set()
        self._connections: list[_Connection] = []
        self._reported: dict[str, ServedState] = {}
        self.on_change: Callable[[str], None] = lambda gateway: None

    @property
    def port(self) -> int:
        """The port it listens on; chosen by the system at start when 0 was asked for."""
        return self._port

    async def start(self) -> None:
        """Raises RuntimeError when the address cannot be bound."""
        server = grpc.aio.server(options=_OPTIONS)
        request, response = (
            message_class(_name("DeltaDiscoveryRequest")),
            message_class(_name("DeltaDiscoveryResponse")),
        )
        method = grpc.stream_stream_rpc_method_handler(
            self._serve,
            request_deserializer=request.FromString,
            response_serializer=response.SerializeToString,
        )
        methods = {"DeltaAggregatedResources": method}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, methods),))
        address = f"{self._host}:{self._port}"
        self._port = server.add_secure_port(address, _credentials(self._tls)) if self._tls else _plain(server, address)
        await server.start()
        self._server = server

    async def stop(self, grace_seconds: float = 0.2) -> None:
        """Ends every stream; the proxies keep serving what they have."""
        if self._server is not None:
            for connection in self._connections:
                connection.ended = True
                connection.wake.set()
            await self._server.stop(grace_seconds)
            self._server = None

    def publish(self, gateway: str, snapshot: Snapshot) -> bool:
        """Makes this the configuration of the gateway. False, and nothing is sent, when it already was."""
        self._forgotten.discard(gateway)
        known = self._snapshots.get(gateway)
        if known is not None and known.version == snapshot.version:
            return False
        self._snapshots[gateway] = snapshot
        self._wake(gateway)
        return True

    def forget(self, gateway: str) -> None:
        """The gateway is no more: its connected proxies are told to close what they serve."""
        if self._snapshots.pop(gateway, None) is not None:
            self._forgotten.add(gateway)
            self._reported.pop(gateway, None)
            self._wake(gateway)

    def snapshot(self, gateway: str) -> Snapshot | None:
        return self._snapshots.get(gateway)

    def state(self, gateway: str) -> ServedState:
        snapshot = self._snapshots.get(gateway)
        connected = [each for each in self._connections if each.gateway == gateway]
        proxies = tuple(
            Proxy(
                id=each.proxy,
                connected_since=each.since,
                versions=each.stream.versions(snapshot or _EMPTY),
                current=snapshot is not None and each.stream.has(snapshot),
                answered=snapshot is not None and each.stream.answered(snapshot),
            )
            for each in sorted(connected, key=lambda each: (each.proxy, each.since))
        )
        version = snapshot.version if snapshot else None
        refusals = {refusal: None for each in connected for refusal in each.stream.refusals(snapshot or _EMPTY)}
        everywhere = bool(proxies) and all(proxy.current for proxy in proxies)
        return ServedState(proxies, version, version if everywhere else None, tuple(refusals))

    def _wake(self, gateway: str) -> None:
        for connection in self._connections:
            if connection.gateway == gateway:
                connection.wake.set()

    async def _serve(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        connection = _Connection(self._now())
        self._connections.append(connection)
        reading = asyncio.create_task(self._read(requests, connection))
        try:
            while not connection.ended:
                await connection.wake.wait()
                connection.wake.clear()
                while (delivery := self._next(connection)) is not None:
                    yield _message(delivery)
                self._report(connection.gateway)
        finally:
            self._connections.remove(connection)
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
            self._report(connection.gateway)

    def _next(self, connection: _Connection) -> Delivery | None:
        if connection.ended or connection.gateway is None:
            return None
        fallback = _EMPTY if connection.gateway in self._forgotten else None
        snapshot = self._snapshots.get(connection.gateway, fallback)
        return connection.stream.next_delivery(snapshot) if snapshot is not None else None

    async def _read(self, requests: AsyncIterator[Any], connection: _Connection) -> None:
        try:
            async for message in requests:
                if connection.gateway is None and message.HasField("node"):
                    connection.gateway, connection.proxy = message.node.cluster, message.node.id
                    logger.info("proxy %s of gateway %s connected", connection.proxy, connection.gateway)
                request = _request(message)
                if request.error is not None:
                    logger.warning("proxy %s refused %s: %s", connection.proxy, request.type_url, request.error)
                connection.stream.receive(request)
                connection.wake.set()
        finally:
            connection.ended = True
            connection.wake.set()

    def _report(self, gateway: str | None) -> None:
        """Tells the owner when the state of a gateway is not what he was told last."""
        if gateway is None:
            return
        state = self.state(gateway)
        if self._reported.get(gateway) != state:
            self._reported[gateway] = state
            try:
                self.on_change(gateway)
            except Exception:  # a listener's mistake must not end the proxy's stream
                logger.exception("on_change failed for gateway %s", gateway)


def _name(message: str) -> str:
    return "envoy.service.discovery.v3." + message


def _plain(server: grpc.aio.Server, address: str) -> int:
    return server.add_insecure_port(address)


def _credentials(tls: Callable[[], ServerTls]) -> grpc.ServerCredentials:
    last = tls()

    def newest() -> grpc.ServerCertificateConfiguration:
        """Runs on a thread of gRPC's."""
        nonlocal last
        try:
            last = tls()
        except (OSError, ValueError) as error:
            logger.warning("the certificate of the gateways' server cannot be read again: %s", error)
        return _certificate(last)

    return grpc.dynamic_ssl_server_credentials(_certificate(last), newest, last.client_ca is not None)


def _certificate(tls: ServerTls) -> grpc.ServerCertificateConfiguration:
    pair = (tls.private_key.reveal().encode(), tls.certificate_chain.encode())
    return grpc.ssl_server_certificate_configuration([pair], tls.client_ca.encode() if tls.client_ca else None)


def _request(message: Any) -> Request:
    refused = message.HasField("error_detail")
    return Request(
        type_url=message.type_url,
        subscribe=tuple(message.resource_names_subscribe),
        unsubscribe=tuple(message.resource_names_unsubscribe),
        initial_versions=dict(message.initial_resource_versions),
        nonce=message.response_nonce,
        error=message.error_detail.message if refused else None,
    )


def _message(delivery: Delivery) -> Any:
    message: Any = message_class(_name("DeltaDiscoveryResponse"))()
    message.type_url = delivery.type_url
    message.nonce = delivery.nonce
    message.system_version_info = delivery.version
    message.removed_resources.extend(delivery.removed)
    for resource in delivery.resources:
        entry = message.resources.add()
        entry.name, entry.version = resource.name, resource.version
        # The pool's Any is another class than google.protobuf's own.
        entry.resource.type_url, entry.resource.value = resource.message.type_url, resource.message.value
    return message
