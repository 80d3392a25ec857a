"""Requests and time that a tenant costs, beside the fewest that the service's own rules allow.

`python -m bench.tenant [--sizes 100,1000] [--objects 200] [--deploy-cli]`

The engine, the kinds and the real SDK adapter on the embedded store, the Auth0 simulator over HTTP, all in this process.
Where a request budget is measured, time runs `SPEED` times faster for all of them alike: what this machine takes for a
request counts so many times, which is to our disadvantage. Terraform's cost is known from elsewhere: measured for N
applications and grants on one API and with 10 roles, so without our 50 APIs and 40 further roles.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import dataclasses
import math
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from mlgate import api, auth0, azureml, kinds
from mlgate.api.crd import crds
from mlgate.engine import objects
from mlgate.engine.clock import Clock
from mlgate.engine.engine import Engine, Settings
from mlgate.kinds.gateway.programmer import Gateways
from mlgate.outbound import Unfenced, Urgency
from mlgate.shell.store_doorbells import StoreDoorbells
from mlgate.store.memory import MemoryStore
from mlgate.store.protocol import NAMESPACES, SECRETS, Key, Object
from mlgate_sim.auth0 import Auth0Simulator
from mlgate_sim.auth0.plans import PLANS, Plan
from mlgate_sim.requestlog import LoggedRequest
from peers import deploy_cli

from .telling import heading, table
from .world import CLIENT_ID, CLIENT_SECRET, DOMAIN, tenant

NAMESPACE = "bench"
SPEED = 10.0
APIS, ROLES, PERMISSIONS = 50, 50, 3
RESOURCES = {kind: type_.resource for kind, type_ in api.KINDS.items()} | {
    each.kind: each for each in (NAMESPACES, SECRETS)
}
PATIENCE = 900.0
LOSES_EVERY = 3


class Time:
    """`speed` times the machine's, and pushed forward by hand."""

    def __init__(self, speed: float) -> None:
        self.speed, self.ahead = speed, 0.0

    def monotonic(self) -> float:
        return time.monotonic() * self.speed + self.ahead

    def wall(self) -> float:
        return 1.8e9 + self.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)


class Place:
    """A tenant, and an operator that looks after it."""

    def __init__(self, service: Auth0Simulator, line: Time) -> None:
        self.service, self.line = service, line
        self.store = MemoryStore(crds())
        self._sessions = auth0.Sessions(
            endpoint=service.url, clock=line.monotonic, wall=line.wall, sleep=line.sleep, timeout=60.0
        )
        self._azure = azureml.Sessions()
        self.engine = Engine(
            self.store,
            kinds.build(self._sessions, self._azure, Gateways()),
            clock=Clock(line.monotonic, line.wall, random.Random(1)),
            fence=Unfenced(),
            settings=Settings(resync=10 * 86400.0),
        )
        watched = [kind.type.resource for kind in self.engine.kinds.values()]
        self._bells = StoreDoorbells(self.store, [*watched, SECRETS], self.engine.ring)

    async def start(self) -> None:
        self._bells.start()
        self.engine.lead()
        self._ticking = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        self._ticking.cancel()
        await self.engine.stop()
        await self._bells.stop()
        await self._sessions.close()
        await self._azure.close()
        await self.store.close()

    async def _tick(self) -> None:
        """The queue waits in the machine's seconds: tell it what is due by ours."""
        while True:
            await asyncio.sleep(0.01)
            self.engine.queue.idle()

    async def apply(self, manifests: Sequence[Object]) -> None:
        for each in manifests:
            await self.store.apply(RESOURCES[each["kind"]], each, manager="bench", strict=True)

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        began = time.monotonic()
        while not holds():
            if time.monotonic() - began > PATIENCE:
                raise RuntimeError(f"{what} did not happen in {PATIENCE:.0f} s")
            await asyncio.sleep(0.05)

    async def ready(self, count: int) -> None:
        """So many objects are there and all are Ready."""
        cache = self.engine.cache

        def holds() -> bool:
            found = [obj for kind in self.engine.kinds for obj in cache.of_kind(kind)]
            return len(found) >= count and all(map(objects.is_ready, found)) and self.engine.queue.idle()

        await self.until(holds, f"{count} objects Ready")

    async def sweep(self, kinds: Sequence[str]) -> list[LoggedRequest]:
        """What is asked when the drift check of everything comes due."""
        self.line.ahead += 61.0  # what was read before is too old to count
        asked = len(self.service.requests)
        for kind in kinds:
            for obj in list(self.engine.cache.of_kind(kind)):
                self.engine.queue.add(Key(kind, NAMESPACE, obj["metadata"]["name"]), Urgency.DRIFT)
        await self.until(self.engine.queue.idle, "the sweep")
        return list(self.service.requests)[asked:]


@asynccontextmanager
async def place(plan: str | Plan = "none", *, speed: float = 1.0) -> AsyncIterator[Place]:
    line = Time(speed)
    service = Auth0Simulator(
        domain=DOMAIN, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, plan=plan, clock=line.wall
    )
    async with service:
        made = Place(service, line)
        await made.start()
        try:
            yield made
        finally:
            await made.stop()


# -- what is wanted ---------------------------------------------------------------------------------------------------


def ours(kind: str, name: str, **spec: Any) -> Object:
    return {
        "apiVersion": "mlgate.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"tenantRef": {"name": "main"}, **spec},
    }


def the_tenant(plan: str) -> list[Object]:
    found = tenant(NAMESPACE)
    found[-1]["spec"]["plan"] = plan
    return found


def bundles(count: int) -> list[Object]:
    """So many applications, each with a grant on one API."""
    clients = [ours("Auth0Client", f"app-{n:04}", appType="non_interactive") for n in range(count)]
    grants = [
        ours(
            "Auth0ClientGrant",
            f"grant-{n:04}",
            clientRef={"name": f"app-{n:04}"},
            apiRef={"name": f"api-{n % APIS:02}"},
            permissions=["read:0"],
        )
        for n in range(count)
    ]
    return clients + grants


def apis_and_roles(apis: int = APIS, roles: int = ROLES) -> list[Object]:
    permissions = [{"name": f"read:{n}", "description": "x"} for n in range(PERMISSIONS)]
    return [
        *(
            ours("Auth0API", f"api-{n:02}", identifier=f"https://api-{n:02}.example.com", permissions=permissions)
            for n in range(apis)
        ),
        *(
            ours(
                "Auth0Role",
                f"role-{n:02}",
                permissions=[{"apiRef": {"name": f"api-{n:02}"}, "name": f"read:{p}"} for p in range(PERMISSIONS)],
            )
            for n in range(roles)
        ),
    ]


# -- what is measured -------------------------------------------------------------------------------------------------


def managed(found: Sequence[LoggedRequest]) -> list[LoggedRequest]:
    """Without the token and the signing keys, which no drift check causes."""
    return [each for each in found if each.path.startswith("/api/v2/")]


async def sweeps(size: int, peer: bool) -> tuple[list[object], list[object]]:
    """Rows of the sweep and of the creation of `size` bundles, 50 APIs and 50 roles."""
    async with place() as here:
        wanted = [*apis_and_roles(), *bundles(size)]
        await here.apply([*the_tenant("Auto"), *wanted])
        began = time.monotonic()
        await here.ready(len(wanted) + 1)
        took = time.monotonic() - began
        made = managed(list(here.service.requests))
        writes = [each for each in made if each.is_write]
        fewest_writes = 2 * size + APIS + 2 * ROLES
        seen = managed(await here.sweep(("Auth0Client", "Auth0ClientGrant", "Auth0API", "Auth0Role")))
        state = here.service.state
        held = (state.clients, state.client_grants, state.resource_servers, state.roles)
        listable = [sum(not item.get("global") for item in each.values()) for each in held]
        fewest = sum(math.ceil(count / 100) for count in listable) + ROLES
        theirs = await _deploy_cli(here) if peer else "-"
        assert not [each for each in seen if each.is_write]
        sweep = [size, len(seen), fewest, len(seen) / fewest, 2 * size + 22, theirs]
        create = [
            size,
            len(writes),
            fewest_writes,
            len(writes) / fewest_writes,
            len(made) - len(writes),
            round(took, 1),
        ]
        return sweep, create


async def _deploy_cli(here: Place) -> int | str:
    """What auth0-deploy-cli asks to see that nothing changed: a dry run of what it exported itself from a tenant that
    holds the same. (It insists on https and on the tenant's own name, hence a second simulator.)"""
    async with Auth0Simulator(tls=True, host="localhost", plan="none") as service:
        ours, theirs = here.service.state, service.state
        for kind in ("clients", "resource_servers", "client_grants", "roles", "role_permissions"):
            held = getattr(theirs, kind)
            for name, item in getattr(ours, kind).items():
                own = isinstance(item, dict) and (item.get("global") or item.get("is_system"))
                if not own and name != CLIENT_ID and not _of_management(item):
                    held[name] = copy.deepcopy(item)
        only = ["clients", "resourceServers", "clientGrants", "roles"]
        with tempfile.TemporaryDirectory(prefix="mlgate-bench-") as folder:
            try:
                exported = await deploy_cli.run(service, ["export", "-o", folder, "-f", "directory"], only=only)
            except deploy_cli.Unavailable as reason:
                return str(reason)
            if exported.status != 0:
                raise RuntimeError(exported.output[-2000:])
            checked = await deploy_cli.run(service, ["import", "-i", folder, "--dry-run"], only=only)
            if checked.status != 0:
                raise RuntimeError(checked.output[-2000:])
            return sum(n for key, n in checked.requests.items() if "/oauth/" not in key)


def _of_management(item: Any) -> bool:
    """The operator's own grant."""
    return isinstance(item, dict) and str(item.get("audience", "")).endswith("/api/v2/")


async def lost_answers(size: int) -> list[object]:
    """Every third POST takes effect and answers 502. Wanted and found objects, and POSTs that took effect."""
    async with place(speed=SPEED) as here:
        for nth in range(LOSES_EVERY, 100 * size, LOSES_EVERY):
            here.service.faults.add(
                method="POST", path="^/api/v2/", nth=nth, status=502, body="<html>Bad Gateway", applies=True
            )
        wanted = [*apis_and_roles(2, 2), *bundles_on(size, 2)]
        await here.apply([*the_tenant("Auto"), *wanted])
        await here.ready(len(wanted) + 1)
        state = here.service.state
        clients = sum(not each.get("global") for each in state.clients.values()) - 1
        apis = sum(not each.get("is_system") for each in state.resource_servers.values())
        found = clients + len(state.client_grants) - 1 + apis + len(state.roles)
        lost = [each for each in here.service.requests if "effect_status" in each.notes]
        return [len(wanted), found, found - len(wanted), len(lost)]


def bundles_on(size: int, apis: int) -> list[Object]:
    found = bundles(size)
    for n, grant in enumerate(found[size:]):
        grant["spec"]["apiRef"] = {"name": f"api-{n % apis:02}"}
    return found


async def on_a_small_budget(size: int, plan: str, rude: float) -> list[object]:
    """`size` applications on a Free tenant (2 requests a second); `rude` requests a second of somebody who heeds nothing."""
    free = dataclasses.replace(PLANS["free"], entities={})
    async with place(free, speed=SPEED) as here:
        stranger = asyncio.create_task(_rude(here, rude)) if rude else None
        began = here.line.monotonic()
        await here.apply([*the_tenant(plan), *bundles(size)[:size]])
        await here.ready(size + 1)
        took = here.line.monotonic() - began
        if stranger is not None:
            stranger.cancel()
        asked = [
            each for each in managed(list(here.service.requests)) if "rude" not in each.headers.get("user-agent", "")
        ]
        refused = sum(each.status == 429 for each in asked)
        served = len(asked) - refused
        least = served / (2.0 - rude)
        who = f"plan {plan}" + (f", somebody else takes {rude:.0f}/s" if rude else "")
        return [who, size, served, round(took), round(least), took / least, refused]


async def _rude(here: Place, rate: float) -> None:
    async with httpx.AsyncClient(base_url=here.service.url, headers={"user-agent": "rude"}) as http:
        while True:
            bearer = here.service.management_token("read:roles", client_id="rude")
            await http.get("/api/v2/roles", headers={"authorization": f"Bearer {bearer}"})
            await here.line.sleep(1 / rate)


async def measure(chosen: argparse.Namespace) -> None:
    found = [await sweeps(int(size), chosen.deploy_cli) for size in chosen.sizes.split(",") if size]
    if found:
        print(f"Drift sweep: N applications, N grants, {APIS} APIs, {ROLES} roles with {PERMISSIONS} permissions each")
        table(["N", "requests", "fewest", "ratio", "Terraform (2N+22)", "deploy-cli"], [sweep for sweep, _ in found])
        print("Creating the same, from nothing")
        table(["N", "writes", "fewest", "ratio", "reads", "seconds"], [create for _, create in found])
    if chosen.lost:
        print(f"Every {LOSES_EVERY}rd POST takes effect and answers 502")
        table(["wanted", "found", "too many", "answers lost"], [await lost_answers(chosen.lost)])
    if chosen.objects:
        print(f"Applications on a Free tenant (2 requests a second); the clock runs {SPEED:.0f} times faster")
        rows = [
            await on_a_small_budget(chosen.objects, plan, rude)
            for plan, rude in (("Free", 0.0), ("Free", 1.0), ("Enterprise", 0.0), ("Auto", 0.0))
        ]
        table(["tenant", "objects", "requests", "seconds", "requests / budget", "ratio", "429"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.tenant", description="What a tenant costs")
    parser.add_argument("--sizes", default="100,1000", help="applications in the sweeps (%(default)s)")
    parser.add_argument("--lost", type=int, default=30, help="bundles made while answers are lost (%(default)s)")
    parser.add_argument("--objects", type=int, default=200, help="applications made on a small budget (%(default)s)")
    parser.add_argument("--deploy-cli", action="store_true", help="also count what auth0-deploy-cli asks (needs npm)")
    heading("What a tenant costs in requests and time")
    asyncio.run(measure(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
