"""`python -m controlplane build | up | path`.

build   build the programs into the user's cache, unless they are there
up      start a control plane; one JSON line says where its kubeconfig is; ends on SIGINT or SIGTERM
path    where the programs are (or would be built)
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from pathlib import Path

from .binaries import binaries, cache_folder, find_binaries
from .build import BuildError, build
from .servers import ControlPlane, ControlPlaneError
from .toolchain import ToolchainError


def _leave(*_: object) -> None:
    raise SystemExit(0)


def _end_with_stdin() -> None:
    sys.stdin.read()
    signal.raise_signal(signal.SIGTERM)


def up(folder: Path | None, crds: list[Path], *, with_parent: bool) -> int:
    programs = binaries()
    with ControlPlane(programs, folder) as plane:
        if crds:
            plane.install_crds(*crds)
        ready = {
            "kubeconfig": str(plane.kubeconfig),
            "server": plane.url,
            "kubectl": str(programs.program("kubectl")),
            "seconds": round(plane.started_in, 1),
        }
        print(json.dumps(ready), flush=True)
        print(f"export KUBECONFIG={plane.kubeconfig}   (Ctrl-C ends it)", file=sys.stderr, flush=True)
        if with_parent:  # a pipe closes with its writer, on every system and whatever killed it
            threading.Thread(target=_end_with_stdin, daemon=True).start()
        while True:
            plane.check()
            time.sleep(0.5)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="controlplane", description="A real Kubernetes control plane on 127.0.0.1")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="build the programs into the user's cache, unless they are there")
    commands.add_parser("path", help="where the programs are")
    start = commands.add_parser("up", help="start a control plane and print where its kubeconfig is")
    start.add_argument("--dir", type=Path, help="keep data and logs here (default: a temporary folder)")
    start.add_argument("--crds", type=Path, action="append", default=[], help="install these CRDs (file or folder)")
    start.add_argument("--with-parent", action="store_true", help="end when standard input closes")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _leave)
    try:
        if chosen.command == "build":
            print(build().folder)
        elif chosen.command == "path":
            found = find_binaries()
            print(found.folder if found else cache_folder())
            return 0 if found else 1
        else:
            return up(chosen.dir, chosen.crds, with_parent=chosen.with_parent)
    except (BuildError, ControlPlaneError, ToolchainError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
