"""What Kubernetes and Prometheus ask: /healthz (restart me?), /readyz (send me proxies?), /metrics.

A standby is ready: its cache is warm and it serves the gateway. A replica is unhealthy when its event loop hangs, which
only a restart cures; an API server that is down is no reason to restart.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from .metrics import Metrics

log = logging.getLogger(__name__)

LONGEST_LAG = 5.0
"""Seconds that the event loop may be late before the replica counts as hung."""
BEAT = 0.5

Check = Callable[[], str | None]
"""None when all is well, else what is wrong."""


class Heartbeat:
    """Measures how late the event loop is."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.worst = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(BEAT)
            lag = max(0.0, loop.time() - before - BEAT)
            self.worst = max(lag, self.worst * 0.8)
            self._metrics.lagged(lag)

    def check(self) -> str | None:
        """For /healthz. A loop that hangs for good answers no probe at all, which says the same."""
        return f"the event loop was {self.worst:.1f} s late" if self.worst > LONGEST_LAG else None


def report(checks: Mapping[str, Check]) -> tuple[bool, str]:
    """Whether all is well, and one line per check as the API server's own probes print them."""
    lines, well = [], True
    for name, check in checks.items():
        problem = check()
        well = well and problem is None
        lines.append(f"[+]{name} ok" if problem is None else f"[-]{name} failed: {problem}")
    return well, "\n".join(lines) + "\n"


class HealthServer:
    """The HTTP server. `port` 0 takes a free one; the real one is in `port` after `start`."""

    def __init__(
        self, host: str, port: int, *, healthy: Mapping[str, Check], ready: Mapping[str, Check], metrics: Metrics
    ) -> None:
        self._host, self.port = host, port
        self._healthy, self._ready, self._metrics = healthy, ready, metrics
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Raises OSError when the port is taken."""
        app = web.Application()
        app.router.add_get("/healthz", self._probe(self._healthy))
        app.router.add_get("/readyz", self._probe(self._ready))
        app.router.add_get("/metrics", self._scrape)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self.port).start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _probe(self, checks: Mapping[str, Check]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(_: web.Request) -> web.Response:
            well, text = report(checks)
            return web.Response(status=200 if well else 503, text=text)

        return answer

    async def _scrape(self, _: web.Request) -> web.Response:
        return web.Response(
            body=self._metrics.exposition(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )
