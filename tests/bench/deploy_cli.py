"""What auth0-deploy-cli spends on one tenant: requests and wall time of an import, and of a dry run that finds nothing.

    PYTHONPATH=tests python -m bench.deploy_cli [N ...]      (default 100 1000; the repository's root, operator/ on the path)

A bundle is a client with a grant on one of 50 APIs; 50 roles have a permission each. The import starts from an empty
tenant, the dry run follows it. Both run over TLS with plan `none`: no limit but the client's own (three requests at once).
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mlgate_sim.auth0 import Auth0Simulator
from peers.deploy_cli import Ended, Unavailable, run
from peers.tenant_directory import bundles

KINDS = ("clients", "clientGrants", "resourceServers", "roles")
APIS = ROLES = 50


@dataclass(frozen=True)
class Spent:
    """Requests to the Management API (the token's own apart) and seconds from start to end of the process."""

    reads: int
    writes: int
    by_route: dict[str, int]
    seconds: float
    first_request_after: float  # seconds until it asks for more than a token

    @property
    def requests(self) -> int:
        return self.reads + self.writes


@dataclass(frozen=True)
class DeployCli:
    count: int
    imported: Spent
    checked: Spent  # a dry run, nothing changed
    changed: Spent  # an import with one client edited

    @property
    def fewest_writes(self) -> int:
        """A POST for every client, grant, API and role, and one for the permissions of each role."""
        return 2 * self.count + APIS + 2 * ROLES


def deploy_cli_requests(count: int) -> DeployCli:
    """What it spends on `count` bundles. Raises peers.deploy_cli.Unavailable where it cannot be installed."""
    return asyncio.run(measured(count))


async def measured(count: int) -> DeployCli:
    with tempfile.TemporaryDirectory(prefix="mlgate-bench-") as folder:
        wish = Path(folder)
        bundles(wish, count)
        async with Auth0Simulator(tls=True, host="localhost", plan="none") as tenant:
            imported = await spent(tenant, wish)
            found = len(tenant.state.clients), len(tenant.state.client_grants), len(tenant.state.roles)
            if found != (count + 2, count + 1, ROLES):  # its own application and grant, and the global client
                raise AssertionError(f"the import left {found} clients, grants and roles for {count} bundles")
            checked = await spent(tenant, wish, "--dry-run")
            edited = wish / "clients" / "app-0000.json"
            edited.write_text(edited.read_text().replace('"app-0000"', '"app-0000", "description": "edited"'))
            changed = await spent(tenant, wish)
    return DeployCli(count, imported, checked, changed)


async def spent(tenant: Auth0Simulator, wish: Path, *options: str) -> Spent:
    seen, began = len(tenant.requests), tenant.clock()
    ended = await run(tenant, ["import", "-i", str(wish), *options], only=KINDS, timeout=900)
    if ended.status != 0:
        raise AssertionError(f"auth0-deploy-cli failed: {ended.output[-2000:]}")
    asked = (entry.time for entry in list(tenant.requests)[seen:] if not entry.path.startswith("/oauth/"))
    first = next(asked, began)
    by_route = routes(ended)
    reads = sum(n for route, n in by_route.items() if route.startswith("GET "))
    return Spent(reads, sum(by_route.values()) - reads, by_route, ended.seconds, first - began)


def routes(ended: Ended) -> dict[str, int]:
    """Counts with ids taken out of the paths and without the request for a token."""
    counts: Counter[str] = Counter()
    for key, number in ended.requests.items():
        method, path = key.split(" ", 1)
        parts = path.strip("/").split("/")
        if len(parts) > 1:
            parts[1] = "{id}"
        if parts[0] != "oauth":
            counts[f"{method} /{'/'.join(parts)}"] += number
    return dict(counts)


def table(rows: list[DeployCli]) -> str:
    lines = [
        "| N | run | reads | writes | fewest writes | ratio | seconds | of them before the first request |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        for name, cost, fewest in (
            ("import from nothing", row.imported, row.fewest_writes),
            ("dry run, nothing changed", row.checked, 0),
            ("import, one client edited", row.changed, 1),
        ):
            ratio = f"{cost.writes / fewest:.2f}" if fewest else "-"
            lines.append(
                f"| {row.count} | {name} | {cost.reads} | {cost.writes} | {fewest} | {ratio} "
                f"| {cost.seconds:.1f} | {cost.first_request_after:.1f} |"
            )
    return "\n".join(lines)


def main() -> None:
    counts = [int(text) for text in sys.argv[1:]] or [100, 1000]
    try:
        rows = [deploy_cli_requests(count) for count in counts]
    except Unavailable as reason:
        print(f"skipped: {reason}")
        return
    print(table(rows))
    for row in rows:
        print(f"\nN={row.count}, by route:")
        for name, cost in (("import", row.imported), ("dry run", row.checked), ("one edited", row.changed)):
            print(f"  {name}: " + ", ".join(f"{n} x {route}" for route, n in sorted(cost.by_route.items())))


if __name__ == "__main__":
    main()
