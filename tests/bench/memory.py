"""Resident memory of `mlgate run`, idle, with 300 objects and after they are gone, and its time to /readyz.

`python -m bench.memory [--count 300] [--starts 3]`

The peer is `bench.bare_kopf`: kopf with the async Kubernetes client and a watch of one kind, on the same control plane
in the same run, which holds the same objects in the same state. Both are read from /proc after their numbers have
stopped growing.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack

from mlgate.api import KINDS
from mlgate.store.cluster import ClusterStore

from .many_clients import is_ready
from .telling import heading, pairs, seconds, table
from .world import (
    OperatorProcess,
    World,
    auth0,
    child_environment,
    clients,
    first_line,
    list_file,
    rss,
    running,
    tenant,
    world,
)

NAMESPACE = "bench"
CLIENT = KINDS["Auth0Client"].resource
PATIENCE = 240.0
STEADY = 2.0
"""Seconds without growth by more than 1 MB after which memory is read."""


def steady(pid: int) -> float:
    """MB once it does not grow any more."""
    last, since = rss(pid), time.monotonic()
    while time.monotonic() - since < STEADY:
        time.sleep(0.2)
        now = rss(pid)
        if abs(now - last) > 1.0:
            last, since = now, time.monotonic()
    return rss(pid)


async def until(place: World, count: int) -> None:
    """So many clients exist, all Ready."""
    store = await ClusterStore.connect(place.plane.kubeconfig)
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await store.list(CLIENT, NAMESPACE)
                if len(found) == count and all(map(is_ready, found)):
                    return
                await asyncio.sleep(0.3)
    finally:
        await store.close()


def measure(place: World, url: str, count: int, starts: int) -> None:
    ours, theirs = [], []
    bare = [sys.executable, "-m", "bench.bare_kopf", str(place.plane.kubeconfig)]
    operator = OperatorProcess(place, url)
    for _ in range(starts):
        operator.start()
        ours.append(operator.started_in)
        operator.stop()
        began = time.monotonic()
        with running(bare, place.folder / "bare.log", env=child_environment()) as peer:
            first_line(peer)
            theirs.append(time.monotonic() - began)
    with running(bare, place.folder / "bare.log", env=child_environment()) as peer:
        first_line(peer)
        operator.start()
        try:
            rows: list[tuple[str, float, float]] = []

            def row(what: str) -> None:
                rows.append((what, steady(operator.pid), steady(peer.pid)))

            row("idle")
            place.kubectl(
                "apply", "-f", str(list_file(place.folder / "c.json", clients(NAMESPACE, count))), seconds=120
            )
            asyncio.run(until(place, count))
            row(f"{count} Auth0Clients, all Ready")
            place.kubectl("delete", "auth0clients", "--all", "-n", NAMESPACE, "--wait=false", seconds=120)
            asyncio.run(until(place, 0))
            row("after they were deleted")
        finally:
            operator.stop()
    table(["", "mlgate run, MB", "bare kopf, MB", "ratio"], [[*row, row[1] / row[2]] for row in rows])
    per_object = 1024 * (rows[1][1] - rows[0][1]) / count
    print(f"{per_object:.0f} kB more per object at most (work under way included)\n")
    head = ["start", "median (each)", "mlgate / this, pair by pair"]
    table(
        head,
        [
            ["mlgate run to /readyz", seconds(ours), ""],
            ["bare kopf to its watch", seconds(theirs), pairs(ours, theirs)],
        ],
    )
    print(f"start: {statistics.median(ours) / statistics.median(theirs):.2f} times the peer's by medians")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.memory", description="Memory and start of mlgate run")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--starts", type=int, default=3)
    chosen = parser.parse_args(arguments)
    heading("Memory and start of mlgate run")
    with ExitStack() as stack:
        place = stack.enter_context(world())
        url = stack.enter_context(auth0(place.folder))
        place.kubectl.apply(*tenant(NAMESPACE)[:1])
        place.kubectl.apply(*tenant(NAMESPACE)[1:])
        measure(place, url, chosen.count, chosen.starts)


if __name__ == "__main__":
    main()
