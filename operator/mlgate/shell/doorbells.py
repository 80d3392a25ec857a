"""kopf as a doorbell: watches every kind of ours and Secrets, and rings the engine. It writes nothing.

What kopf 1.45 does that shapes this module (shared facts, operators section 2; read in its source):
- `kopf.operator` cancels every task of its event loop that was made after it started, and takes SIGTERM when it runs on
  the main thread. So it has a thread and an event loop of its own here, and rings through `call_soon_threadsafe`.
- A watch ERROR other than 410 ends it. It is started again, with back-off; `/readyz` says why it is down meanwhile.
- Kinds that are not served when it starts are never watched (scanning is off). So it starts when all can be listed.
- Handlers that are not `async` run in a thread pool. With `on.event` handlers only, it sets no finalizer or annotation.
- It says nothing about what disappeared while it was not connected: `Sweep` does.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator
from typing import Any

import kopf

from ..store.cluster import ClusterStore, Connection
from ..store.protocol import Object, Resource
from .ring import Bell, Event

log = logging.getLogger(__name__)

LONGEST_PAUSE = 30.0
"""Seconds between two starts of kopf, at most."""
BATCH = 200
"""Doorbells handed to the engine in one turn of its event loop, so that a long list does not hold up everything."""


class Backoffs:
    """Endless pauses with jitter, in seconds, as kopf iterates them."""

    def __iter__(self) -> Iterator[float]:
        for attempt in itertools.count():
            yield random.uniform(0.5, 1.0) * min(LONGEST_PAUSE, 2.0 ** min(attempt, 10))  # noqa: S311 - not a secret


class KopfDoorbells:
    """Rings `bell` on the loop that started it, for each change of `resources` in `namespaces` (empty: everywhere)."""

    def __init__(
        self, store: ClusterStore, resources: Collection[Resource], bell: Bell, *, namespaces: Collection[str] = ()
    ) -> None:
        self._store, self._bell = store, bell
        self._resources, self._namespaces = tuple(resources), tuple(namespaces)
        self._home = asyncio.get_running_loop()
        self._pending: deque[tuple[Event, Object]] = deque()
        self._draining = False
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._ended = asyncio.Event()
        self._kopf_loop: asyncio.AbstractEventLoop | None = None
        self._kopf_stop: asyncio.Event | None = None
        self.problem: str | None = None
        self.restarts = 0
        self.on_restart: Callable[[], None] = lambda: None
        """Called on the home loop after kopf had to be started again: something may have been missed."""
        self.on_listed: Callable[[], None] = lambda: None
        """Called on the home loop for what kopf lists, at its start and whenever a watch could not resume where it
        stopped (410 Gone): what ended before that is in no list."""

    def start(self) -> None:
        self._thread = threading.Thread(target=self._main, name="kopf", daemon=True)
        self._thread.start()

    async def stop(self, patience: float = 8.0) -> None:
        """End kopf; what it has rung so far stays rung."""
        if self._thread is None:
            return
        self._stopping.set()
        self._end_kopf()
        try:
            await asyncio.wait_for(self._ended.wait(), patience)
        except TimeoutError:
            log.warning("the watches did not end within %.0f s", patience)
        self._thread = None

    # -- on kopf's thread ---------------------------------------------------------------------------------------------

    def _main(self) -> None:
        pauses = iter(Backoffs())
        while not self._stopping.is_set():
            started = self._home.time()
            try:
                asyncio.run(self._watch())
                self._say("the watches ended")
            except Exception as error:
                self._say(f"the watches ended: {type(error).__name__}: {error}")
            if self._stopping.is_set():
                break
            if self._home.time() - started > 2 * LONGEST_PAUSE:
                pauses = iter(Backoffs())
            log.warning("%s; starting them again", self.problem)
            self._stopping.wait(next(pauses))
            self.restarts += 1
            self._at_home(self.on_restart)
        self._at_home(self._ended.set)

    async def _watch(self) -> None:
        self._kopf_loop, self._kopf_stop = asyncio.get_running_loop(), asyncio.Event()
        if self._stopping.is_set():
            return
        ready = asyncio.Event()
        clear = asyncio.create_task(self._clear_problem(ready))
        where: dict[str, Any] = {"namespaces": self._namespaces} if self._namespaces else {"clusterwide": True}
        try:
            await kopf.operator(
                registry=self._registry(),
                settings=kopf_settings(),
                standalone=True,
                stop_flag=self._kopf_stop,
                ready_flag=ready,
                **where,
            )
        finally:
            clear.cancel()

    async def _clear_problem(self, ready: asyncio.Event) -> None:
        await ready.wait()
        self.problem = None

    def _registry(self) -> Any:
        registry = kopf.OperatorRegistry()

        @kopf.on.login(registry=registry)
        async def login(**_: Any) -> kopf.ConnectionInfo:
            asked = asyncio.run_coroutine_threadsafe(self._store.connection(), self._home)
            return connection_info(await asyncio.wrap_future(asked))

        for resource in self._resources:
            self._listen(registry, resource)
        return registry

    def _listen(self, registry: Any, resource: Resource) -> None:
        async def ring(event: Any, **_: Any) -> None:
            obj = event["object"]
            obj.setdefault("apiVersion", resource.api_version)
            obj.setdefault("kind", resource.kind)
            self._put(event["type"] or "ADDED", obj)  # None: it was there when the watch began
            if event["type"] is None:
                self._at_home(self.on_listed)

        listen = kopf.on.event(
            registry=registry,
            id=f"ring-{resource.plural}",
            group=resource.group,
            version=resource.version,
            plural=resource.plural,
        )
        listen(ring)

    def _put(self, event: Event, obj: Object) -> None:
        with self._guard:
            self._pending.append((event, obj))
            if self._draining:
                return
            self._draining = True
        self._at_home(self._drain)

    def _say(self, words: str) -> None:
        self.problem = words

    # -- on the home loop ---------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        for _ in range(BATCH):
            with self._guard:
                if not self._pending:
                    self._draining = False
                    return
                event, obj = self._pending.popleft()
            try:
                self._bell(event, obj)
            except Exception:  # one odd object must not make us deaf to all others
                log.exception("%s %s could not be taken in", event, obj.get("kind"))
        self._home.call_soon(self._drain)

    def _end_kopf(self) -> None:
        loop, stop = self._kopf_loop, self._kopf_stop
        if loop is not None and stop is not None and not loop.is_closed():
            try:
                loop.call_soon_threadsafe(stop.set)
            except RuntimeError:  # it ended by itself just now
                return

    def _at_home(self, call: Callable[[], None]) -> None:
        try:
            self._home.call_soon_threadsafe(call)
        except RuntimeError:  # the process is through with its loop
            return


def kopf_settings() -> kopf.OperatorSettings:
    """Watches only: no Events by kopf, no scanning for CRDs and namespaces, no giving up, no suicide."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.chunk_size = 500
    settings.queueing.idle_timeout = 0.2
    settings.queueing.exit_timeout = 0.5
    settings.networking.error_backoffs = Backoffs()
    settings.networking.request_timeout = 60.0
    # After this many seconds kopf would SIGKILL its thread, which takes the whole process with it. Ours ends it instead.
    settings.process.ultimate_exiting_timeout = None
    return settings


def connection_info(connection: Connection) -> kopf.ConnectionInfo:
    """The store's way to the API server, in kopf's words."""
    return kopf.ConnectionInfo(
        server=connection.server,
        ca_path=connection.ca_path,
        insecure=connection.insecure,
        scheme=connection.scheme,
        token=connection.token.reveal() if connection.token else None,
        certificate_path=connection.certificate_path,
        private_key_path=connection.private_key_path,
        proxy_url=connection.proxy_url,
    )


__all__ = ["KopfDoorbells", "connection_info", "kopf_settings"]
