"""No secret value leaves the process: everything that others can read is searched for every secret there is."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .world import World

CANARY = "canary-4d1f-never-to-be-seen"
TOKEN = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")
"""Any signed token, whoever issued it."""


@pytest.fixture
def told(quickstart: World) -> dict[str, str]:
    """Everything that leaves the process, by where it is read; after calls, a drift, a failure and a pending plan."""
    _live_a_little(quickstart)
    api, operator, proxy = quickstart.api, quickstart.operator, quickstart.proxy
    return {
        "objects with status and plans": json.dumps(api.ours()),
        "Events": json.dumps(api.events([*quickstart.namespaces, "default", "mlgate-system"])),
        "the operator's log at debug level": operator.log,
        "metrics": operator.metrics(),
        "Envoy's log and access log": proxy.log,
        "Envoy's config_dump": proxy.admin("/config_dump?include_eds"),
        "Envoy's stats": proxy.admin("/stats"),
        "command line": Path(f"/proc/{operator.pid}/cmdline").read_text(),
        "environment": Path(f"/proc/{operator.pid}/environ").read_text(),
    }


def _live_a_little(world: World) -> None:
    if (world.get("AzureMLOnlineDeployment", "planned") or {}).get("status"):
        return
    token = world.token("checkout")
    world.wait_answer(200, token)
    world.wait_answer(403, world.token("reporting"))
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "canary", "namespace": "ml"}}
    planned = {
        "apiVersion": "mlgate.dev/v1alpha1",
        "kind": "AzureMLOnlineDeployment",
        "metadata": {"name": "planned", "namespace": "ml"},
        "spec": {
            "managementPolicy": "Plan",
            "endpointRef": {"name": "fraud"},
            "model": {"name": "fraud", "version": "7"},
            "instanceType": "Standard_DS3_v2",
            "environmentVariables": [{"name": "FEATURE_STORE", "secretRef": {"name": "canary", "key": "token"}}],
        },
    }
    world.kubectl.apply({**secret, "stringData": {"token": CANARY}}, planned)
    world.wait_reason("AzureMLOnlineDeployment", "planned", "PlanPending")
    # Credentials that are refused end up in error messages of services and libraries.
    refused = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "refused", "namespace": "ml"}}
    tenant = {
        "apiVersion": "mlgate.dev/v1alpha1",
        "kind": "Auth0Tenant",
        "metadata": {"name": "refused", "namespace": "ml"},
        "spec": {
            "domain": "quickstart.eu.auth0.com",
            "plan": "Free",
            "credentials": {"secretRef": {"name": "refused"}},
        },
    }
    world.kubectl.apply({**refused, "stringData": {"clientId": "quickstart", "clientSecret": CANARY}}, tenant)
    world.wait_reason("Auth0Tenant", "refused", "CredentialsRejected")


def secrets(world: World) -> Iterator[tuple[str, str]]:
    """Every secret value, with what it is."""
    yield "the planted canary", CANARY
    yield "the management client's secret", "quickstart-auth0-secret"
    yield "the Azure application's secret", "quickstart-azure-secret"
    yield "the ServiceAccount's token", json.loads(world.access.kubeconfig.read_text())["users"][0]["user"]["token"]
    yield "the model's credential", world.secret("fraud-endpoint-credential", "ml")["credential"]
    for client in world.outside.do(lambda: list(world.outside.auth0.state.clients.values())):
        yield f"the secret of application {client['name']}", client["client_secret"]
    for keys in world.outside.do(lambda: list(world.outside.azure.memory.keys.values())):
        for name, value in keys.items():
            yield f"the endpoint's {name}", value


PLACES = [
    "objects with status and plans",
    "Events",
    "the operator's log at debug level",
    "metrics",
    "Envoy's log and access log",
    "Envoy's config_dump",
    "Envoy's stats",
    "command line",
    "environment",
]


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_value_is_found_in(quickstart: World, told: dict[str, str], place: str) -> None:
    text = told[place]
    assert text or place == "Envoy's log and access log"
    for what, value in secrets(quickstart):
        assert len(value) >= 16, f"{what} is too short to search for"
        forms = {value, base64.b64encode(value.encode()).decode().rstrip("=")}
        assert not any(form in text for form in forms), f"{what} is in {place}"
    assert not TOKEN.search(text), f"a token is in {place}"


def test_what_is_searched_is_really_there(quickstart: World, told: dict[str, str]) -> None:
    assert '"PlanPending"' in told["objects with status and plans"] and "FEATURE_STORE" in json.dumps(
        quickstart.get("AzureMLOnlineDeployment", "planned")
    )
    assert "***" in json.dumps((quickstart.get("AzureMLOnlineDeployment", "planned") or {})["status"]["plan"])
    assert "CredentialsRejected" in told["Events"]
    assert "/score" in told["Envoy's log and access log"], "the access log has the calls"
    assert "fraud" in told["Envoy's config_dump"]
    assert "mlgate_external_requests_total" in told["metrics"]
