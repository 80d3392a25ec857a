"""The manifests these tests apply: the quickstart, and single objects around its tenant and its connection."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from mlgate.api.meta import API_VERSION
from mlgate.store.protocol import Object

QUICKSTART = Path(__file__).parents[3] / "examples" / "quickstart"
AUTH0_DOMAIN = "quickstart.eu.auth0.com"
AZURE_TENANT, SUBSCRIPTION = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"


def quickstart() -> list[Object]:
    """Every object of the quickstart, in the order `kubectl apply -f examples/quickstart` sends them."""
    files = sorted(QUICKSTART.glob("*.yaml"))
    return [obj for file in files for obj in yaml.safe_load_all(file.read_text()) if obj]


def of_quickstart(kind: str, name: str | None = None) -> Object:
    """A copy of one object of the quickstart, to be changed."""
    found = (o for o in quickstart() if o["kind"] == kind and name in (None, o["metadata"]["name"]))
    return copy.deepcopy(next(found))


def namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def secret(name: str, data: Mapping[str, str], namespace: str = "ml") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": dict(data),
    }


def auth0_secret(client_secret: str = "quickstart-auth0-secret") -> Object:
    return secret("auth0-management", {"clientId": "quickstart", "clientSecret": client_secret})


def azure_secret(client_secret: str = "quickstart-azure-secret") -> Object:
    return secret("azure-credentials", {"clientSecret": client_secret})


def ours(kind: str, name: str, spec: Mapping[str, Any], namespace: str = "ml") -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": dict(spec),
    }


def tenant(**spec: Any) -> Object:
    """The quickstart's tenant without the budget of a Free one, which would only make tests slower."""
    obj = of_quickstart("Auth0Tenant")
    obj["spec"] |= {"plan": "Enterprise", **spec}
    return obj


def client(name: str, /, *, at: str = "ml", **spec: Any) -> Object:
    reference = {"name": "main"} if at == "ml" else {"name": "main", "namespace": "ml"}
    return ours("Auth0Client", name, {"tenantRef": reference, **spec}, at)


def api(name: str, identifier: str, /, **spec: Any) -> Object:
    return ours("Auth0API", name, {"tenantRef": {"name": "main"}, "identifier": identifier, **spec})


def workspace(**spec: Any) -> Object:
    obj = of_quickstart("AzureMLWorkspace")
    obj["spec"] |= spec
    return obj


def endpoint(name: str, /, **spec: Any) -> Object:
    said = {"workspaceRef": {"name": "ml-workspace"}, "authMode": "AMLToken", **spec}
    return ours("AzureMLOnlineEndpoint", name, said)


def deployment(name: str, endpoint: str, /, **spec: Any) -> Object:
    said = {
        "endpointRef": {"name": endpoint},
        "model": {"name": "fraud", "version": "7"},
        "instanceType": "Standard_DS3_v2",
        "instanceCount": 1,
        **spec,
    }
    return ours("AzureMLOnlineDeployment", name, said)


def tenant_side() -> Iterator[Object]:
    """Everything that a client, an API or a role needs."""
    yield namespace("ml")
    yield auth0_secret()
    yield tenant()


def azure_side() -> Iterator[Object]:
    """Everything that an endpoint needs."""
    yield namespace("ml")
    yield azure_secret()
    yield of_quickstart("AzureConnection")
    yield workspace()
