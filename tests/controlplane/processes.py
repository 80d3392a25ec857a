"""Child processes that never outlive us, whatever happens to us."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PORTS = (15000, 32000)


def die_with_us(by: signal.Signals = signal.SIGKILL) -> Callable[[], None] | None:
    """A `preexec_fn` that has the kernel send `by` when we die (Linux; elsewhere a child must be ended by hand).

    The signal is tied to the thread that forks: start servers from a thread that lives as long as they should.
    """
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None, use_errno=True), os.getpid()

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, by)
        if os.getppid() != parent:  # died between fork and prctl
            os._exit(1)

    return before_exec


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, below those that systems give to outgoing connections: there,
    another client could take it before our server does."""
    while True:
        port = random.randrange(*_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port


def spawn(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start `command` with its output in `log`, in a session of its own (Ctrl-C is ours to pass on)."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_us(),  # noqa: PLW1509  it only calls prctl, which needs no lock
        )


def stop(process: subprocess.Popen[bytes], seconds: float = 5.0) -> None:
    """SIGTERM, then SIGKILL after `seconds`."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
