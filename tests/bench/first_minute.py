"""How long `mlgate dev examples/quickstart --once` takes: until all is Ready, and until it has ended.

`python -m bench.first_minute [--rounds 3] [--cold]`

Warm: the environment of this Python. Cold (`--cold`): `make demo ONCE=1` in a fresh clone of HEAD, its environment made
anew, with whatever pip has cached. The limits are those of the project's own promise: 20 s warm, 120 s cold.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from .telling import heading, seconds, table
from .world import ROOT

WARM_LIMIT, COLD_LIMIT = 20.0, 120.0
"""Seconds."""
READY = "All Ready"


def timed(command: Sequence[str], folder: Path) -> tuple[float, float]:
    """Seconds until the line that says that all is Ready, and until the end. Raises RuntimeError when it failed."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    began, ready, lines = time.monotonic(), 0.0, list[str]()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if READY in line:
                ready = ready or time.monotonic() - began
    ended = time.monotonic() - began
    if process.returncode or not ready:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{''.join(lines[-25:])}")
    return ready, ended


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.first_minute", description="The first minute of a new user")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cold", action="store_true", help="also from a fresh clone of HEAD")
    chosen = parser.parse_args(arguments)
    heading("The first minute: mlgate dev examples/quickstart --once")
    rows = []
    with tempfile.TemporaryDirectory(prefix="mlgate-bench-") as name:
        folder = Path(name)
        warm = [sys.executable, "-m", "mlgate.cli.main", "dev", str(ROOT / "examples" / "quickstart"), "--once"]
        times = [timed([*warm, "--state-dir", str(folder / "state")], folder) for _ in range(chosen.rounds)]
        rows += _rows("warm", times, WARM_LIMIT)
        if chosen.cold:
            clone = folder / "clone"
            subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
            rows += _rows("cold", [timed(["make", "demo", "ONCE=1"], clone)], COLD_LIMIT)
    table(["from the start", "median (each)", "of the limit"], rows)


def _rows(name: str, times: Sequence[tuple[float, float]], limit: float) -> list[list[str]]:
    rows = []
    for what, column in (("all Ready", 0), ("ended, calls made", 1)):
        each = [pair[column] for pair in times]
        share = sorted(each)[len(each) // 2] / limit
        rows.append([f"{name}: {what}", seconds(each), f"{share:.2f} of {limit:.0f} s"])
    return rows


if __name__ == "__main__":
    main()
