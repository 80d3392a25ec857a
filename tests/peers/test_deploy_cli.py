"""auth0-deploy-cli cannot tell: it imports a tenant, sees nothing to change afterwards, and exports what was imported.

Skips, with the reason, where npm or its registry is missing. What it found is in README.md beside this file.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from mlgate_sim.auth0 import Auth0Simulator
from peers import deploy_cli
from peers.deploy_cli import Ended, run, simulated
from peers.tenant_directory import API, small_tenant

pytestmark = pytest.mark.timeout(900)  # every run of it loads for many seconds before it asks anything


@pytest.fixture(autouse=True)
async def program() -> Path:
    try:
        return await asyncio.to_thread(deploy_cli.installed)
    except deploy_cli.Unavailable as reason:
        pytest.skip(str(reason))


def well(ended: Ended) -> Ended:
    assert ended.status == 0, ended.output
    assert not [status for status in ended.statuses if status >= 500], ended.statuses
    return ended


async def test_a_tenant_is_imported_seen_unchanged_and_exported(tenant: Auth0Simulator, tmp_path: Path) -> None:
    kinds = simulated(tenant)
    wish, exported = tmp_path / "wish", tmp_path / "exported"
    small_tenant(wish, kinds)
    exported.mkdir()

    imported = well(await run(tenant, ["import", "-i", str(wish)], only=kinds))
    assert "Import Successful" in imported.output
    state = tenant.state
    checkout = next(client for client in state.clients.values() if client["name"] == "checkout")
    assert checkout["client_metadata"] == {"team": "payments"}
    assert [(g["client_id"], g["scope"]) for g in state.client_grants.values() if g["audience"] == API] == [
        (checkout["client_id"], ["predict"])
    ]

    unchanged = well(await run(tenant, ["import", "-i", str(wish), "--dry-run"], only=kinds))
    assert unchanged.writes == 0, unchanged.requests
    assert unchanged.proposed == set(), unchanged.output

    well(await run(tenant, ["export", "-o", str(exported), "-f", "directory"]))  # all that it knows, nothing left out
    assert read(exported / "clients" / "checkout.json")["client_metadata"] == {"team": "payments"}
    assert read(exported / "roles" / "fraud-analyst.json")["permissions"] == [
        {"permission_name": "predict", "resource_server_identifier": API}
    ]
    for name in sorted(path.relative_to(wish).as_posix() for path in wish.rglob("*.json")):
        if name.split("/")[0] in {"organizations", "connections", "database-connections"}:
            assert list(exported.glob(name.replace("database.json", "*.json"))), f"{name} was not exported"

    again = well(await run(tenant, ["import", "-i", str(exported)], only=kinds))
    assert "Created" not in again.output, again.output  # it found everything that it had made


async def test_a_preview_shows_a_change_made_by_hand(tenant: Auth0Simulator, tmp_path: Path) -> None:
    small_tenant(tmp_path, ["clients"])
    well(await run(tenant, ["import", "-i", str(tmp_path)], only=["clients"]))
    portal = next(client for client in tenant.state.clients.values() if client["name"] == "portal")
    portal["callbacks"] = ["https://elsewhere.example.com"]
    seen = well(await run(tenant, ["import", "-i", str(tmp_path), "--dry-run"], only=["clients"]))
    assert seen.proposed == {("UPDATE", "portal")}, seen.output
    assert seen.writes == 0
    assert portal["callbacks"] == ["https://elsewhere.example.com"]


def read(path: Path) -> Any:
    return json.loads(path.read_text())
