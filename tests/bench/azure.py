"""Requests to Azure Resource Manager, beside azure-ai-ml for the same work on the same simulator; and calls that failed
while traffic moved and keys rotated.

`python -m bench.azure`

The operator runs in this process on the embedded store. Counted is what the simulator logged: reads (GET), writes (all
else, listing keys included, as ARM counts it); tokens are not. Looks at an operation under way are counted apart: their
number is its length divided by the pace, and operations take half a second here where Azure takes minutes. azure-ai-ml
is used as its documentation shows, with `polling_interval=1` where it lets one choose.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlgate.engine import objects
from mlgate.engine.clock import rfc3339
from mlgate.outbound import Urgency
from mlgate.store.protocol import Key
from mlgate_sim.azure import AzureSimulator
from mlgate_sim.azure.regions import SIZES
from mlgate_sim.requestlog import LoggedRequest
from sim.operator.manifests import azure_side, deployment, endpoint
from sim.operator.served import Callers, Served, served
from sim.operator.world import World, a_world

from .telling import heading, table

ENDPOINTS, EACH = 50, 3
"""Of the drift sweep: endpoints, and deployments behind each."""
OPERATION_SECONDS = 0.5
PATIENCE = 240.0
TOO_OLD = 61.0
"""Seconds after which a listing is no evidence any more (`Sessions.snapshot_max_age`)."""
WORKSPACE = "ml-workspace"
RUNNING = ("Creating", "Updating", "Scaling", "Deleting")


@dataclass
class Asked:
    """What the simulator logged during one piece of work."""

    reads: int = 0
    writes: int = 0
    looks: int = 0
    seconds: float = 0.0
    routes: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.reads + self.writes


class Ledger:
    """Counts what is asked of a simulator."""

    def __init__(self, azure: AzureSimulator) -> None:
        self._azure = azure
        self._under_way: set[str] = set()
        self._now = Asked()
        azure.observers.append(self._saw)

    @contextmanager
    def counting(self) -> Iterator[Asked]:
        """What is asked inside the block."""
        self._now, began = Asked(), time.monotonic()
        yield self._now
        self._now.seconds = time.monotonic() - began
        self._now = Asked()

    def _saw(self, entry: LoggedRequest) -> None:
        where = entry.path.lower()
        if "/microsoft.machinelearningservices/" not in where:
            return
        if entry.method == "GET" and ("operationsstatus" in where or where in self._under_way):
            self._now.looks += 1
            found = self._azure.state.get(where)
            if found is None or found["properties"]["provisioningState"] not in RUNNING:
                self._under_way.discard(where)
            return
        self._now.routes.append(f"{entry.method} {entry.path.split('/workspaces/')[-1]}")
        if entry.method == "GET":
            self._now.reads += 1
            return
        self._now.writes += 1
        if entry.method in ("PUT", "PATCH", "DELETE") and (entry.status or 500) < 300:
            self._under_way.add(where)


class Theirs:
    """azure-ai-ml on the simulator; its calls block, so each runs in a thread."""

    def __init__(self, azure: AzureSimulator) -> None:
        self._azure = azure
        self._client: Any = None

    async def begin(self) -> None:
        await asyncio.to_thread(self._connect)

    def _connect(self) -> None:
        from azure.ai.ml import MLClient
        from azure.core.credentials import AccessToken

        azure, ca = self._azure, str(self._azure.ca_file)
        os.environ["REQUESTS_CA_BUNDLE"] = ca

        class Signed:
            """Tokens of the simulated Entra, without the way there."""

            def get_token(self, *scopes: str, **options: Any) -> Any:
                claims = azure.entra.claims(scopes[0].removesuffix("/.default"))
                return AccessToken(azure.signer.sign(claims), int(claims["exp"]))

        address = azure.url
        cloud = {
            "azure_portal": address,
            "resource_manager": f"{address}/",
            "active_directory": f"{address}/",
            "aml_resource_id": "https://ml.azure.com/",
            "storage_endpoint": "core.windows.net",
            "registry_discovery_endpoint": f"{address}/",
        }
        self._client = MLClient(
            Signed(),
            azure.subscription,
            azure.resource_group,
            WORKSPACE,
            cloud=f"Simulated-{id(self)}",
            cloud_metadata=cloud,
            connection_verify=ca,
            enable_telemetry=False,
            show_progress=False,
            polling_interval=1,
            retry_total=0,
        )

    async def create(self, name: str) -> None:
        """An endpoint, two deployments, traffic."""

        def work() -> None:
            from azure.ai.ml.entities import ManagedOnlineDeployment, ManagedOnlineEndpoint

            model = f"{self._azure.workspace_id(WORKSPACE)}/models/fraud/versions/7"
            made = ManagedOnlineEndpoint(name=name, auth_mode="key", description="Scores", tags={"team": "ml"})
            self._client.online_endpoints.begin_create_or_update(made).result()
            for colour in ("blue", "green"):
                behind = ManagedOnlineDeployment(
                    name=colour, endpoint_name=name, model=model, instance_type="Standard_DS3_v2", instance_count=1
                )
                self._client.online_deployments.begin_create_or_update(behind).result()
            self._shift(name, {"blue": 90, "green": 10})

        await asyncio.to_thread(work)

    async def shift(self, name: str, traffic: dict[str, int]) -> None:
        """One change of traffic."""
        await asyncio.to_thread(self._shift, name, traffic)

    def _shift(self, name: str, traffic: dict[str, int]) -> None:
        found = self._client.online_endpoints.get(name)
        found.traffic = traffic
        self._client.online_endpoints.begin_create_or_update(found).result()

    async def sweep(self, names: list[str]) -> None:
        """Every endpoint and every deployment looked at, by name, as a script or pipeline does."""

        def work() -> None:
            for name in names:
                self._client.online_endpoints.get(name)
                for number in range(EACH):
                    self._client.online_deployments.get(f"dep-{number}", name)

        await asyncio.to_thread(work)

    async def listed(self) -> None:
        """The same by its listings, for who knows of them."""

        def work() -> None:
            for each in list(self._client.online_endpoints.list()):
                list(self._client.online_deployments.list(each.name))

        await asyncio.to_thread(work)


async def ready(world: World, *which: tuple[str, str]) -> None:
    async def holds() -> bool:
        return all([objects.is_ready(await world.get(kind, name)) for kind, name in which])

    await world.until(holds, "all Ready", patience=PATIENCE)
    await world.settled()


async def ours_create(world: World, ledger: Ledger) -> Asked:
    with ledger.counting() as asked:
        colours = [deployment(colour, "ours", azureName=colour, preflight="Skip") for colour in ("blue", "green")]
        said = {"authMode": "Key", "description": "Scores", "tags": {"team": "ml"}}
        await world.apply(endpoint("ours", traffic={"blue": 90, "green": 10}, **said), colours)
        both = [("AzureMLOnlineDeployment", colour) for colour in ("blue", "green")]
        await ready(world, ("AzureMLOnlineEndpoint", "ours"), *both)
    return asked


async def ours_shift(world: World, ledger: Ledger) -> Asked:
    with ledger.counting() as asked:
        await world.patch("AzureMLOnlineEndpoint", "ours", {"spec": {"traffic": {"blue": 50, "green": 50}}})

        async def moved() -> bool:
            obj = await world.get("AzureMLOnlineEndpoint", "ours")
            return objects.is_ready(obj) and objects.status(obj).get("traffic") == {"blue": 50, "green": 50}

        await world.until(moved, "traffic moved", patience=PATIENCE)
        await world.settled()
    return asked


async def ours_sweep(world: World, ledger: Ledger, names: list[str]) -> Asked:
    await world.apply([endpoint(name) for name in names])
    await ready(world, *(("AzureMLOnlineEndpoint", name) for name in names))
    behind = [(f"{name}-d{n}", name, f"dep-{n}") for name in names for n in range(EACH)]
    await world.apply(deployment(obj, name, azureName=short, preflight="Skip") for obj, name, short in behind)
    await ready(world, *(("AzureMLOnlineDeployment", obj) for obj, _, _ in behind))
    world.timeline.push(TOO_OLD)
    queue = world.operator.engine.queue
    with ledger.counting() as asked:
        for name in names:
            queue.add(Key("AzureMLOnlineEndpoint", "ml", name), Urgency.DRIFT)
        for obj, _, _ in behind:
            queue.add(Key("AzureMLOnlineDeployment", "ml", obj), Urgency.DRIFT)
        await world.settled()
    return asked


async def requests() -> list[tuple[str, Asked, Asked | None, str]]:
    """(what, ours, theirs, which of theirs)."""
    rows: list[tuple[str, Asked, Asked | None, str]] = []
    limits: dict[str, Any] = {"operation_seconds": OPERATION_SECONDS}
    async with a_world(**limits) as world:
        ledger = Ledger(world.azure)
        await world.apply(azure_side())
        await ready(world, ("AzureMLWorkspace", WORKSPACE))
        world.azure.throttle.set("resource-requests", remaining=10_000, per_second=100.0)
        for family in {size[0] for size in SIZES.values()}:
            world.azure.memory.quota[family] = 100_000
        theirs = Theirs(world.azure)
        await theirs.begin()

        async def their(work: Callable[[], Any]) -> Asked:
            with ledger.counting() as asked:
                await work()
            return asked

        ours = await ours_create(world, ledger)
        rows.append(("endpoint, 2 deployments, traffic", ours, await their(lambda: theirs.create("theirs")), ""))
        ours = await ours_shift(world, ledger)
        half = {"blue": 50, "green": 50}
        rows.append(("one change of traffic", ours, await their(lambda: theirs.shift("theirs", half)), ""))
        names = [f"model-{number:02}" for number in range(ENDPOINTS)]
        ours = await ours_sweep(world, ledger, names)
        what = f"sweep: {ENDPOINTS} endpoints, {ENDPOINTS * EACH} deployments"
        rows.append((what, ours, await their(lambda: theirs.sweep(names)), "by name"))
        rows.append((what, ours, await their(theirs.listed), "by listings"))
    return rows


async def under_load() -> list[tuple[str, Callers]]:
    """Calls through a real Envoy while something changes behind it."""
    found: list[tuple[str, Callers]] = []
    with tempfile.TemporaryDirectory(prefix="mlgate-bench-") as name:
        async with a_world() as world, served(world, Path(name)) as fraud:
            async with fraud.callers() as callers:
                for green in (20, 40, 60, 80, 100):
                    await move(fraud, {"blue": 100 - green, "green": green})
                    await callers.more(400)
            found.append(("traffic 100 -> 0 in five steps", callers))
            async with fraud.callers() as callers:
                for _ in range(3):
                    await rotate(fraud)
                    await callers.more(700)
            found.append(("three rotations of both keys", callers))
    return found


async def move(fraud: Served, wanted: dict[str, int]) -> None:
    await fraud.apply(weights=wanted)
    await fraud.shows(lambda status: status["traffic"] == wanted, f"traffic {wanted}")


async def rotate(fraud: Served) -> None:
    keys = fraud.world.azure.memory.keys
    (before,) = (set(held.values()) for held in keys.values())
    await fraud.apply(weights={"green": 100}, rotateAt=rfc3339(fraud.world.timeline.wall() + 1))

    def over(status: Any) -> bool:
        (now,) = (set(held.values()) for held in keys.values())
        return not before & now and not status["credential"].get("retiring")

    await fraud.shows(over, "both keys replaced")


def tell(rows: list[tuple[str, Asked, Asked | None, str]], loads: list[tuple[str, Callers]]) -> None:
    lines = []
    for what, ours, theirs, how in rows:
        assert theirs is not None
        name = f"{what} ({how})" if how else what
        ratio = f"{theirs.total / ours.total:.1f}"
        lines.append([name, ours.reads, ours.writes, ours.looks, theirs.reads, theirs.writes, theirs.looks, ratio])
    head = ["work", "reads", "writes", "looks", "azure-ai-ml: reads", "writes", "looks", "theirs / ours without looks"]
    table(head, lines)
    print()
    table(["through Envoy, while", "calls", "failed"], [[what, c.total, c.failed] for what, c in loads])
    for what, ours, theirs, _ in rows[:2]:
        print(f"{what}\n  ours: {', '.join(ours.routes)}")
        if theirs is not None:
            print(f"  azure-ai-ml: {', '.join(theirs.routes)}")


async def measure() -> None:
    loads = await under_load()
    tell(await requests(), loads)
    if failed := sum(callers.failed for _, callers in loads):
        raise SystemExit(f"{failed} calls failed; none may")


def main() -> None:
    heading("Requests to Azure, and calls that failed while things changed")
    asyncio.run(measure())


if __name__ == "__main__":
    main()
