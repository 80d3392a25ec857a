"""auth0-deploy-cli as its users run it: installed by npm from a lock file, pointed at a tenant by its environment.

It is installed once per lock file into the user's cache (some 55 MB). Its own scripts do not run at installation.
It insists on https, so the simulator must serve TLS and NODE_EXTRA_CA_CERTS names the simulator's CA.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlgate_sim.auth0 import Auth0Simulator

PACKAGE = Path(__file__).with_name("auth0_deploy_cli")
# What it deploys of mlgate's kinds, by the route that must be simulated for it.
RESOURCES = {
    "clients": "/clients",
    "resourceServers": "/resource-servers",
    "clientGrants": "/client-grants",
    "roles": "/roles",
    "tenant": "/tenants/settings",
    "actions": "/actions/actions",
    "triggers": "/actions/triggers",
    "databases": "/connections",
    "connections": "/connections",
    "organizations": "/organizations",
    "guardianFactors": "/guardian/factors",
    "guardianPolicies": "/guardian/policies",
}
ROW = re.compile(r"^│[^│]*│ (?P<status>[A-Z]+) [^│]*│ (?P<name>[^│]*)│", re.MULTILINE)


class Unavailable(Exception):
    """Why it cannot be run here."""


@dataclass(frozen=True)
class Ended:
    """What one run did: its output, its requests by method and route, and how long it took."""

    status: int
    output: str
    requests: Counter[str]
    statuses: Counter[int]
    seconds: float

    @property
    def proposed(self) -> set[tuple[str, str]]:
        """What a dry run would do: (CREATE or UPDATE, name). Deletions need a setting of their own and do not count: it
        proposes one of its own application at every dry run, and of whatever else is not in the directory."""
        rows = (row.group("status", "name") for row in ROW.finditer(self.output))
        return {(status, name.strip()) for status, name in rows if status in {"CREATE", "UPDATE"}}

    @property
    def writes(self) -> int:
        """Requests that may change something; asking for a token is not one."""
        return sum(n for key, n in self.requests.items() if not key.startswith("GET ") and "/oauth/" not in key)


def installed() -> Path:
    """The program, installed if it was not yet. Raises Unavailable."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise Unavailable("auth0-deploy-cli needs node and npm, which are not on PATH")
    lock = (PACKAGE / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "mlgate" / "peers" / f"auth0-deploy-cli-{hashlib.sha256(lock).hexdigest()[:16]}"
    program = folder / "node_modules" / ".bin" / "a0deploy"
    if program.is_file() and (folder / "complete").is_file():
        return program
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PACKAGE / name, folder / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise Unavailable(f"npm cannot install auth0-deploy-cli here: {done.stderr.strip()[-300:]}")
    (folder / "complete").touch()
    return program


def simulated(auth0: Auth0Simulator) -> list[str]:
    """What of RESOURCES this simulator has routes for, in the words of AUTH0_INCLUDED_ONLY."""
    paths = {str(route.path).removeprefix("/api/v2") for route in auth0.routes()}
    return [name for name, path in RESOURCES.items() if path in paths]


async def run(
    auth0: Auth0Simulator,
    command: Sequence[str],
    *,
    only: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
    timeout: float = 240,
) -> Ended:
    """Runs one command of it against the tenant (all that it knows to export and import unless `only` says what)."""
    program = await asyncio.to_thread(installed)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "NODE_EXTRA_CA_CERTS": str(auth0.ca_file),
        "AUTH0_DOMAIN": auth0.domain,
        "AUTH0_CLIENT_ID": auth0.client_id,
        "AUTH0_CLIENT_SECRET": auth0.client_secret,
        **({"AUTH0_INCLUDED_ONLY": json.dumps(list(only))} if only else {}),
        **(settings or {}),
    }
    seen, began = len(auth0.requests), time.monotonic()
    process = await asyncio.create_subprocess_exec(
        str(program),
        *command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), timeout)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    entries = list(auth0.requests)[seen:]
    return Ended(
        status=process.returncode or 0,
        output=output.decode(errors="replace"),
        requests=Counter(f"{entry.method} {entry.path.removeprefix('/api/v2')}" for entry in entries),
        statuses=Counter(entry.status or 0 for entry in entries),
        seconds=time.monotonic() - began,
    )
