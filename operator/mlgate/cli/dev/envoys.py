"""A real Envoy for every ModelGateway, for as long as the ModelGateway is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from ...engine.engine import Engine
from ...gateway.bootstrap import Bootstrap, bootstrap
from ...gateway.envoy import EnvoyFailed, EnvoyProcess
from ...store.protocol import Key, Object
from .scene import choose_port, wanted_ports

log = logging.getLogger(__name__)

Ports = MutableMapping[tuple[str, int], int]


@dataclass(slots=True)
class _Proxy:
    process: EnvoyProcess
    starting: asyncio.Task[None]


class Envoys:
    """Follows the engine's cache. `ports` receives the ports that replace those of the manifests; `remark` hears of
    them and of what goes wrong."""

    def __init__(
        self, engine: Engine, xds_port: Callable[[], int], ports: Ports, folder: Path, remark: Callable[[str], None]
    ) -> None:
        self._engine, self._xds_port, self._ports = engine, xds_port, ports
        self._folder, self._remark = folder, remark
        self._proxies: dict[str, _Proxy] = {}
        self._chosen: dict[tuple[str, int], int] = {}
        self._ending: set[asyncio.Task[None]] = set()
        engine.on_change(self._changed)

    def address(self, gateway: str) -> str:
        """Where a gateway (`namespace/name`) is reached from this machine. Raises LookupError."""
        found = self._engine.cache.get(Key("ModelGateway", *gateway.split("/", 1)))
        if found is None:
            raise LookupError(f"there is no ModelGateway {gateway}")
        listener = found["spec"]["listeners"][0]
        port = self._chosen.get((gateway, listener["port"]), listener["port"])
        return f"{'https' if listener.get('tls') else 'http'}://127.0.0.1:{port}"

    async def stop(self) -> None:
        """End every Envoy; requests under way are let through."""
        proxies, self._proxies = list(self._proxies.values()), {}
        await asyncio.gather(*(self._end(proxy) for proxy in proxies), *self._ending, return_exceptions=True)

    def _changed(self, key: Key, obj: Object | None) -> None:
        if key.kind != "ModelGateway":
            return
        name = f"{key.namespace}/{key.name}"
        if obj is None:
            if (proxy := self._proxies.pop(name, None)) is not None:
                task = asyncio.create_task(self._end(proxy))
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)
            return
        for port in wanted_ports(obj):
            self._choose(name, port)
        if name not in self._proxies:
            self._proxies[name] = self._begin(name)

    def _choose(self, name: str, port: int) -> None:
        if (name, port) in self._chosen:
            return
        chosen = choose_port(port, taken=self._chosen.values())
        self._chosen[name, port] = chosen
        if chosen != port:
            self._ports[name, port] = chosen
            self._remark(f"Port {port} of ModelGateway {name} is not free here: its Envoy listens on {chosen} instead.")

    def _begin(self, name: str) -> _Proxy:
        wanted = Bootstrap(gateway=name, node="mlgate-dev", ads_host="127.0.0.1", ads_port=self._xds_port())
        process = EnvoyProcess(bootstrap(wanted), self._folder / name.replace("/", "-"), drain_seconds=1)
        return _Proxy(process, asyncio.create_task(self._start(name, process), name=f"envoy {name}"))

    async def _start(self, name: str, process: EnvoyProcess) -> None:
        try:
            await process.start()
        except EnvoyFailed as failed:
            self._remark(f"The Envoy of ModelGateway {name} does not run: {failed}. Its log: {process.log_file}")

    @staticmethod
    async def _end(proxy: _Proxy) -> None:
        proxy.starting.cancel()
        await asyncio.gather(proxy.starting, return_exceptions=True)
        await proxy.process.stop(5.0)
