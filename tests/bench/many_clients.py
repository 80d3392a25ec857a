"""300 Auth0Clients from `kubectl apply` to all Ready, against the least that a script could do.

`python -m bench.many_clients [--count 300] [--rounds 3] [--profile FILE]`

Everything runs on one control plane (etcd, kube-apiserver, kube-controller-manager) and one Auth0 simulator without
rate limits, each a process of its own; sides take turns, and pairs of neighbours are compared. One watch in this
process, the same for all sides, says when all are Ready. A clock starts when kubectl is started (or, for the script
that creates the objects itself, when it is told to go) and ends when the watch has seen the last Ready.

operator        `kubectl apply -f 300.json`, and `mlgate run` (started before, leading) makes each client: finalizer,
                POST to Auth0, status, Events
script+kubectl  the same `kubectl apply`, and `bench.bare_writer watch` for each: POST to Auth0, status
script          no kubectl: `bench.bare_writer create` for each: POST to the API server, POST to Auth0, status
kubectl         the same `kubectl apply` with nobody behind it: no side that uses it can end earlier
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlgate.api import KINDS
from mlgate.store.cluster import ClusterStore

from .telling import heading, pairs, seconds, table
from .world import (
    OperatorProcess,
    World,
    auth0,
    child_environment,
    children,
    clients,
    cpu,
    first_line,
    list_file,
    tenant,
    world,
)

NAMESPACE = "bench"
PATIENCE = 120.0
"""Seconds until a side that does not end is given up."""
CLIENT = KINDS["Auth0Client"].resource
TENANT = KINDS["Auth0Tenant"].resource
SERVERS = ("etcd", "kube-apiserver")
REQUESTS = re.compile(r"^apiserver_request_total\{(.*)\} (\S+)$")


@dataclass
class Side:
    """What one side took: seconds per round, CPU seconds of its own process and of the API server with etcd, and what it
    asked the API server for."""

    times: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    servers: list[float] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)


class Bench:
    """One run. Sides leave nothing behind."""

    def __init__(self, place: World, url: str, count: int, sides: Sequence[str], profile: Path | None) -> None:
        self.place, self.url, self.count = place, url, count
        before = ["-m", "bench.sampled", str(profile.resolve())] if profile else []
        self.operator = OperatorProcess(place, url, before=before)
        self.file = list_file(place.folder / "clients.json", clients(NAMESPACE, count))
        self.sides = {name: Side() for name in sides}

    async def all_ready(self, store: ClusterStore, resource: Any, count: int) -> None:
        """Until so many objects in the namespace are Ready for their generation."""
        ready: set[str] = set()
        async for event in store.watch(resource, NAMESPACE):
            if is_ready(event.object):
                ready.add(event.object["metadata"]["name"])
            if len(ready) == count:
                return

    async def none_left(self, store: ClusterStore) -> None:
        async with asyncio.timeout(PATIENCE):
            while await store.list(CLIENT, NAMESPACE):
                await asyncio.sleep(0.1)

    async def round(self) -> None:
        store = await ClusterStore.connect(self.place.plane.kubeconfig)
        try:
            if "operator" in self.sides:
                await self._operator(store)
            if "script+kubectl" in self.sides:
                await self._script(store, "watch", "script+kubectl")
            if "script" in self.sides:
                await self._script(store, "create", "script")
            if "kubectl" in self.sides:
                await self._kubectl(store)
        finally:
            await store.close()

    async def _operator(self, store: ClusterStore) -> None:
        await asyncio.to_thread(self.operator.start)
        try:
            await asyncio.wait_for(self.all_ready(store, TENANT, 1), PATIENCE)
            with self.measured(store, "operator", self.operator.pid) as clock:
                await clock.until_ready(self._apply)
            await self._delete(store)
        finally:
            await asyncio.to_thread(self.operator.stop)

    async def _script(self, store: ClusterStore, how: str, name: str) -> None:
        what = [str(self.place.plane.kubeconfig), self.url, NAMESPACE, str(self.count), how]
        with subprocess.Popen(
            [sys.executable, "-m", "bench.bare_writer", *what],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=child_environment(),
        ) as process:
            assert process.stdin is not None
            stdin = process.stdin

            async def go() -> None:
                stdin.write(b"go\n")
                stdin.flush()

            first_line(process)
            with self.measured(store, name, process.pid) as clock:
                await clock.until_ready(
                    go if how == "create" else self._apply, failed=lambda: process.poll() is not None
                )
            stdin.close()
            first_line(process)
        await self._delete(store)

    async def _kubectl(self, store: ClusterStore) -> None:
        with self.measured(store, "kubectl") as clock:
            began = time.monotonic()
            await self._apply()
            clock.took = time.monotonic() - began
        await self._delete(store)

    async def _apply(self) -> None:
        await asyncio.to_thread(self.place.kubectl, "apply", "-f", str(self.file), seconds=PATIENCE)

    async def _delete(self, store: ClusterStore) -> None:
        await asyncio.to_thread(
            self.place.kubectl, "delete", "auth0clients", "--all", "-n", NAMESPACE, "--wait=false", seconds=PATIENCE
        )
        await self.none_left(store)

    @contextmanager
    def measured(self, store: ClusterStore, name: str, pid: int | None = None) -> Iterator[Clock]:
        """Counts requests and CPU seconds, and keeps the time that the block tells the clock."""
        before, clock, side = self.api_requests(), Clock(self, store), self.sides[name]
        servers = [found for program, found in children().items() if program in SERVERS]
        cpu_before = cpu(pid) if pid else 0.0, sum(map(cpu, servers))
        yield clock
        side.times.append(clock.took)
        side.own.append((cpu(pid) if pid else 0.0) - cpu_before[0])
        side.servers.append(sum(map(cpu, servers)) - cpu_before[1])
        side.requests = self.api_requests() - before
        print(f"  {name}: {clock.took:.2f} s", flush=True)

    def api_requests(self) -> Counter[str]:
        """What the API server has answered so far about our kinds, Secrets and Events, by verb and resource."""
        found: Counter[str] = Counter()
        for line in self.place.kubectl("get", "--raw", "/metrics").splitlines():
            if match := REQUESTS.match(line):
                labels = dict(re.findall(r'(\w+)="([^"]*)"', match[1]))
                resource = "/".join(filter(None, (labels["resource"], labels["subresource"])))
                if labels["verb"] != "WATCH" and resource.startswith(("auth0", "secrets", "events")):
                    found[f"{labels['verb']} {resource}"] += int(float(match[2]))
        return found


class Clock:
    """`took` in seconds."""

    def __init__(self, bench: Bench, store: ClusterStore) -> None:
        self._bench, self._store = bench, store
        self.took = 0.0

    async def until_ready(self, start: Any, *, failed: Callable[[], bool] = lambda: False) -> None:
        """From `start()` until all clients are Ready. Raises RuntimeError when it takes too long or `failed` says so."""
        watching = asyncio.create_task(self._bench.all_ready(self._store, CLIENT, self._bench.count))
        await asyncio.sleep(0.5)  # the watch stands
        began = time.monotonic()
        starting = asyncio.create_task(start())
        while not watching.done():
            await asyncio.wait([watching], timeout=1.0)
            if failed() or time.monotonic() - began > PATIENCE:
                raise RuntimeError("not all clients became Ready")
        self.took = time.monotonic() - began
        await starting


def is_ready(obj: dict[str, Any]) -> bool:
    """Ready and Synced are True for the generation that is there now."""
    generation = obj["metadata"].get("generation")
    said = {c["type"]: c for c in (obj.get("status") or {}).get("conditions") or ()}
    return all(
        said.get(type_, {}).get("status") == "True" and said[type_].get("observedGeneration") == generation
        for type_ in ("Ready", "Synced")
    )


def tell(sides: dict[str, Side], count: int) -> None:
    ours = sides["operator"].times
    rows = [
        [name, seconds(side.times), "" if name == "operator" else pairs(ours, side.times)]
        for name, side in sides.items()
    ]
    table(["side", "median (each round)", "operator / this, pair by pair"], rows)
    print("CPU seconds, median of the rounds (less sensitive to what else the machine does):\n")
    median = statistics.median
    table(
        ["side", "its own process", "kube-apiserver and etcd"],
        [[name, median(side.own), median(side.servers)] for name, side in sides.items()],
    )
    every = sorted({what for side in sides.values() for what in side.requests})
    print(f"Requests to the API server per client, last round ({count} clients; reads of this benchmark included):\n")
    counts = {what: [side.requests[what] / count for side in sides.values()] for what in every}
    table(["request", *sides], [[what, *each] for what, each in counts.items() if max(each) >= 0.02])
    for name in (name for name in ("script+kubectl", "script") if name in sides):
        ratio = statistics.median(ours) / statistics.median(sides[name].times)
        print(f"operator / {name}: {ratio:.2f} by medians; goal: at most 1.5")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.many_clients", description="From kubectl apply to all Ready")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sides", default="operator,script+kubectl,script,kubectl", help="%(default)s")
    parser.add_argument("--profile", type=Path, help="write here where the operator spends its time")
    chosen = parser.parse_args(arguments)
    heading(f"{chosen.count} Auth0Clients from kubectl apply to all Ready")
    with ExitStack() as stack:
        place = stack.enter_context(world())
        url = stack.enter_context(auth0(place.folder))
        place.kubectl.apply(*tenant(NAMESPACE)[:1])
        place.kubectl.apply(*tenant(NAMESPACE)[1:])
        bench = Bench(place, url, chosen.count, chosen.sides.split(","), chosen.profile)
        for number in range(chosen.rounds):
            print(f"round {number + 1}", flush=True)
            asyncio.run(bench.round())
    print()
    tell(bench.sides, chosen.count)


if __name__ == "__main__":
    main()
