"""The Auth0 Terraform provider cannot tell: apply, a plan without changes, destroy that leaves nothing.

Uses plain `terraform init`, so it runs only where a terraform (or tofu) binary is on PATH and the provider's registry can
be reached; elsewhere it skips and says why. The provider takes the CA from SSL_CERT_FILE, as Go programs do on Linux.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from mlgate_sim.auth0 import Auth0Simulator
from peers.deploy_cli import simulated

HCL = Path(__file__).with_name("terraform")


class Terraform:
    """One working folder."""

    def __init__(self, program: str, folder: Path, tenant: Auth0Simulator) -> None:
        self.program = program
        self.folder = folder
        self.environment = {
            **os.environ,
            "SSL_CERT_FILE": str(tenant.ca_file),
            "TF_IN_AUTOMATION": "1",
            "AUTH0_DOMAIN": tenant.domain,
            "AUTH0_CLIENT_ID": tenant.client_id,
            "AUTH0_CLIENT_SECRET": tenant.client_secret,
        }

    async def __call__(self, *command: str, certificates: bool = True) -> tuple[int, str]:
        """Status and output. Without `certificates` it trusts what the machine trusts: the registry, not the tenant."""
        environment = dict(self.environment)
        if not certificates:
            del environment["SSL_CERT_FILE"]
        process = await asyncio.create_subprocess_exec(
            self.program,
            *command,
            "-no-color",
            "-input=false",
            cwd=self.folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), 120)
        except TimeoutError:
            return 1, "no answer within 120 s"
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, output.decode(errors="replace")


@pytest.fixture
async def terraform(tenant: Auth0Simulator, tmp_path: Path) -> Terraform:
    program = shutil.which("terraform") or shutil.which("tofu")
    if program is None:
        pytest.skip("neither terraform nor tofu is on PATH")
    shutil.copy(HCL / "tenant.tf", tmp_path)
    if "connections" in simulated(tenant):
        shutil.copy(HCL / "connection.tf", tmp_path)
    found = Terraform(program, tmp_path, tenant)
    status, output = await found("init", certificates=False)
    if status != 0:
        pytest.skip(
            f"terraform init cannot get the Auth0 provider here: {' '.join(output.partition('Error:')[2].split())[:300]}"
        )
    return found


async def test_apply_then_no_changes_then_nothing_left(tenant: Auth0Simulator, terraform: Terraform) -> None:
    before = held(tenant)
    status, output = await terraform("apply", "-auto-approve")
    assert status == 0, output
    assert {client["name"] for client in tenant.state.clients.values()} >= {"checkout"}

    tenant.requests.clear()
    status, output = await terraform("plan", "-detailed-exitcode")  # 2: there are changes
    assert status == 0, output
    assert [entry.path for entry in tenant.requests.writes if not entry.path.startswith("/oauth/")] == []

    status, output = await terraform("destroy", "-auto-approve")
    assert status == 0, output
    assert held(tenant) == before


def held(tenant: Auth0Simulator) -> dict[str, list[str]]:
    """The ids of everything in the tenant, by kind."""
    kinds = ("clients", "client_grants", "resource_servers", "roles", "connections")
    return {kind: sorted(getattr(tenant.state, kind, {})) for kind in kinds}
