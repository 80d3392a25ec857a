"""Requests to Auth0 and Azure for the quickstart, beside the fewest that the services' own rules allow.

`python -m bench.requests`

The operator of `mlgate dev` on the embedded store, both simulators, a real Envoy. Counted is what the simulators logged,
tokens and keys included; calls of models are not. Looks at a long operation (from its start to the first answer that
says it has ended) are counted apart: their number is waiting time divided by pace, at least one each.
"""

from __future__ import annotations

import asyncio
import copy
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlgate.api import KINDS
from mlgate.cli.dev.envoys import Envoys, Ports
from mlgate.cli.dev.manifests import Manifest, files, read
from mlgate.cli.dev.scene import scene
from mlgate.engine.clock import Clock
from mlgate.engine.engine import Settings
from mlgate.outbound import Unfenced, Urgency
from mlgate.shell.assembly import Operator, Outside, Parts
from mlgate.shell.metrics import Metrics
from mlgate.shell.store_doorbells import StoreDoorbells
from mlgate.store.memory import MemoryStore
from mlgate.store.protocol import Object, key_of
from mlgate_sim.auth0 import Auth0Simulator
from mlgate_sim.azure import AzureSimulator
from mlgate_sim.requestlog import LoggedRequest

from .telling import heading, table
from .world import ROOT

QUICKSTART = ROOT / "examples" / "quickstart"
QUIET = 3.0
"""Seconds without a request after which a step counts as ended; every pause of an operation's look is shorter here."""
PATIENCE = 90.0
TOO_OLD = 61.0
"""Seconds after which what was read from Auth0 is read anew (`Sessions.snapshot_max_age`, and signing keys)."""
POLL_SCALE, OPERATION_SECONDS = 0.05, 0.3


@dataclass(frozen=True, slots=True)
class Least:
    """The fewest requests: `auth0`, `azure` without looks at operations, and the number of `operations`. `why` names
    each; a request that only makes sure that nothing changed behind our back is not among them."""

    auth0: int
    azure: int
    operations: int
    why: str


NOTHING = Least(
    11,
    10,
    4,
    # Auth0: POST is safe without a look: names of applications are not unique, the other keys are kept unique by the
    # service and refused with 409. Settings are looked at because a PATCH of what is so already is a write for nothing.
    # A role's permissions are a sub-resource of their own.
    "Auth0: token, keys, settings GET+PATCH, POST 1 API, 2 clients, 2 grants, 1 role, its permissions. "
    # ARM: PUT overwrites whatever is there, so a name is looked at first. Traffic can name a deployment only after it
    # has succeeded, which is a second PUT of the endpoint, whole, so it is read again after those minutes.
    "Azure: token, GET+PUT of workspace, endpoint, deployment, endpoint again (traffic); the endpoint's token",
)
SECOND_PASS = Least(
    6,
    3,
    0,
    # A listing holds what a single read does, up to 100 objects a request; permissions of a role have no listing.
    # Signing keys have their own look every minute, pass or no pass.
    "Auth0: settings, one listing each of clients, APIs, grants, roles, and the role's permissions. "
    "Azure: GET workspace, endpoint, deployment",
)
METADATA = Least(1, 0, 0, "PATCH client: nested objects are merged, the others stay")
PERMISSION = Least(2, 0, 0, "GET+PATCH API: `scopes` is replaced whole, so others' must be known")
GRANT = Least(1, 0, 0, "PATCH grant: `scope` is replaced whole, and all of it is ours")
SETTING = Least(1, 0, 0, "PATCH settings: merged")
INSTANCES = Least(0, 1, 1, "PATCH deployment (sku.capacity)")
SECOND_DEPLOYMENT = Least(0, 2, 1, "GET+PUT deployment")
TRAFFIC = Least(0, 2, 1, "GET+PUT endpoint: PUT carries the whole endpoint, or what it leaves out is lost")


@dataclass
class Seen:
    """What was asked during one step."""

    auth0: list[str] = field(default_factory=list)
    azure: list[str] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    """Objects of ours whose resourceVersion changed."""


class Stage:
    """The quickstart as it is now, and what is asked because of it."""

    def __init__(
        self, operator: Operator, store: MemoryStore, azure: AzureSimulator, manifests: list[Manifest]
    ) -> None:
        self.operator, self.store, self._azure = operator, store, azure
        self.manifests = {each.key.kind + "/" + each.key.name: each for each in manifests}
        self.seen = Seen()
        self.last = time.monotonic()
        self._under_way: set[str] = set()

    def asked_auth0(self, entry: LoggedRequest) -> None:
        self.last = time.monotonic()
        self.seen.auth0.append(told(entry))

    def asked_azure(self, entry: LoggedRequest) -> None:
        if entry.path.startswith("/scoring/"):
            return
        self.last = time.monotonic()
        where = entry.path.lower()
        if entry.method == "GET" and where in self._under_way:
            self.seen.looks.append(told(entry))
            found = self._azure.state.get(where)
            if found is None or found["properties"]["provisioningState"] in ("Succeeded", "Failed"):
                self._under_way.discard(where)
            return
        self.seen.azure.append(told(entry))
        if entry.method in ("PUT", "PATCH", "DELETE") and (entry.status or 500) < 300:
            self._under_way.add(where)

    async def apply(self, *names: str) -> None:
        """Write these objects, all when none is named."""
        for name, manifest in self.manifests.items():
            if not names or name in names:
                await self.store.apply(manifest.resource, copy.deepcopy(manifest.obj), manager="bench", strict=True)

    async def step(self, start: Callable[[], Any]) -> Seen:
        """What is asked from `start()` until all is Ready and nobody asks any more."""
        seen = self.seen = Seen()
        self.last = began = time.monotonic()
        before = self.versions()
        await start()
        while time.monotonic() - self.last < QUIET or self.waiting():
            if time.monotonic() - began > PATIENCE:
                raise RuntimeError(f"not all is Ready after {PATIENCE:.0f} s: {', '.join(self.waiting())}")
            await asyncio.sleep(0.05)
        self.seen = Seen()  # what is asked between two steps belongs to neither
        seen.written = [name for name, version in self.versions().items() if before.get(name) != version]
        return seen

    def versions(self) -> dict[str, str]:
        """resourceVersions by object."""
        return {
            f"{obj['kind']}/{obj['metadata']['name']}": obj["metadata"]["resourceVersion"] for obj in self.objects()
        }

    def objects(self) -> list[Object]:
        engine = self.operator.engine
        return [obj for kind in engine.kinds for obj in engine.cache.of_kind(kind)]

    def waiting(self) -> list[str]:
        """What is not Ready and Synced for its generation; what is written and not there yet."""
        found = {f"{obj['kind']}/{obj['metadata']['name']}": obj for obj in self.objects()}
        missing = [name for name in self.manifests if name.split("/")[0] in KINDS and name not in found]
        return missing + [name for name, obj in found.items() if not is_well(obj)]

    async def look_at_all(self) -> None:
        """As when their drift checks come due."""
        for obj in self.objects():
            self.operator.engine.queue.add(key_of(obj), Urgency.DRIFT)


def is_well(obj: Mapping[str, Any]) -> bool:
    said = {c["type"]: c for c in (obj.get("status") or {}).get("conditions") or ()}
    generation = obj["metadata"].get("generation")
    return all(
        said.get(type_, {}).get("status") == "True" and said[type_].get("observedGeneration") == generation
        for type_ in ("Ready", "Synced")
    )


def told(entry: LoggedRequest) -> str:
    """`PUT onlineEndpoints/fraud`: the method and the end of the path."""
    path = entry.path.split("/Microsoft.MachineLearningServices/")[-1].removeprefix("/api/v2/")
    return f"{entry.method} {path}"


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    manifests = [manifest for file in files([QUICKSTART]) for manifest in read(file)[0]]
    played = scene(manifests)
    ports: Ports = {}
    tenant, facts = played.auth0, played.azure
    auth0 = Auth0Simulator(
        domain=tenant.domain, client_id=tenant.client_id, client_secret=tenant.client_secret, plan="none"
    )
    azure = AzureSimulator(
        operation_seconds=OPERATION_SECONDS,
        tenant=facts.tenant,
        subscription=facts.subscription,
        client_id=facts.client_id,
        client_secret=facts.client_secret,
        resource_group=facts.resource_group or "mlgate",
        location=facts.location or "westeurope",
    )
    with tempfile.TemporaryDirectory(prefix="mlgate-bench-") as name:
        async with auth0, azure:
            from mlgate.api.crd import crds

            store = MemoryStore(crds())
            outside = Outside(
                auth0_endpoint=auth0.url,
                azure_resource_manager=azure.url,
                azure_authority=azure.url,
                azure_ca_file=azure.ca_file,
                azure_poll_scale=POLL_SCALE,
                upstream_ca_file=azure.ca_file,
                ports=ports,
                access_log=str(Path(name) / "access.log"),
            )
            operator = Operator(Parts(store, Unfenced(), outside, Settings(resync=86400)), Clock(), Metrics())
            doorbells = StoreDoorbells(store, operator.watched, operator.engine.ring)
            envoys = Envoys(operator.engine, lambda: operator.gateway.port, ports, Path(name) / "envoy", print)
            shown = Stage(operator, store, azure, manifests)
            auth0.observers.append(shown.asked_auth0)
            azure.observers.append(shown.asked_azure)
            await operator.start()
            doorbells.start()
            operator.lead()
            try:
                yield shown
            finally:
                await operator.stop_working()
                await doorbells.stop()
                await envoys.stop()
                await operator.stop_serving()
                await store.close()


def edits(shown: Stage) -> list[tuple[str, str, Callable[[Any], object], Least]]:
    """What, which object, its change, and the fewest requests for it."""
    green = {**shown.manifests["SecuredModelEndpoint/fraud"].obj["spec"]["deployments"][0], "name": "green"}
    new = {"name": "audit:fraud", "description": "Read the log"}
    endpoint, checkout = "SecuredModelEndpoint/fraud", "Auth0AppBinding/checkout"
    return [
        ("client metadata", checkout, lambda s: s["application"].update(metadata={"team": "tills"}), METADATA),
        ("API permission", endpoint, lambda s: s["access"]["permissions"].append(new), PERMISSION),
        ("grant permission", checkout, lambda s: s["grants"][0]["permissions"].append("audit:fraud"), GRANT),
        ("tenant setting", "Auth0Tenant/main", lambda s: s["settings"].update(friendlyName="Shop"), SETTING),
        ("instance count", endpoint, lambda s: s["deployments"][0].update(instanceCount=3), INSTANCES),
        ("second deployment", endpoint, lambda s: s["deployments"].append(green), SECOND_DEPLOYMENT),
        ("traffic", endpoint, lambda s: s.update(traffic={"blue": 90, "green": 10}), TRAFFIC),
    ]


async def measure() -> list[tuple[str, Seen, Least]]:
    results: list[tuple[str, Seen, Least]] = []
    async with stage() as shown:
        results.append(("quickstart from nothing", await shown.step(shown.apply), NOTHING))
        print(f"(waits {TOO_OLD:.0f} s until what was read is too old to count as seen)", flush=True)
        await asyncio.sleep(TOO_OLD)
        results.append(("second pass, nothing changed", await shown.step(shown.look_at_all), SECOND_PASS))
        for what, name, change, least in edits(shown):
            change(shown.manifests[name].obj["spec"])
            results.append((what, await shown.step(lambda name=name: shown.apply(name)), least))  # type: ignore[misc]
    return results


def tell(results: list[tuple[str, Seen, Least]]) -> None:
    rows = []
    for what, seen, least in results:
        ours, fewest = len(seen.auth0) + len(seen.azure), least.auth0 + least.azure
        ratio = f"{ours / fewest:.2f}"
        rows.append([what, len(seen.auth0), least.auth0, len(seen.azure), least.azure, ratio])
        rows[-1] += [len(seen.looks), least.operations, len(seen.written)]
    head = ["step", "Auth0", "fewest", "Azure", "fewest", "ratio", "looks at operations", "fewest", "objects written"]
    table(head, rows)
    for what, seen, least in results:
        print(f"{what}\n  fewest: {least.why}\n  Auth0: {', '.join(seen.auth0) or '-'}")
        print(f"  Azure: {', '.join(seen.azure) or '-'}\n  looks: {', '.join(seen.looks) or '-'}")
        print(f"  objects written: {', '.join(seen.written) or '-'}")


def main() -> None:
    heading("Requests to Auth0 and Azure for the quickstart")
    tell(asyncio.run(measure()))


if __name__ == "__main__":
    main()
