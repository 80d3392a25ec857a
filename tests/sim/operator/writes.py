"""Every write of the quickstart to the outside. `test_crashes` proves that the list is complete."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlgate_sim.requestlog import LoggedRequest


@dataclass(frozen=True, slots=True)
class Write:
    """One write of the quickstart to the outside: the `nth` request of this method and path, for an object of `kind`."""

    method: str
    path: str
    nth: int
    kind: str

    def __str__(self) -> str:
        return f"{self.method} {re.sub(r'[^a-zA-Z/-]+', '', self.path)} {self.nth}"

    def fits(self, entry: LoggedRequest) -> bool:
        return entry.method == self.method and bool(re.search(self.path, entry.path))


CREATES = [
    Write("PATCH", "/tenants/settings$", 1, "Auth0Tenant"),
    Write("POST", "/resource-servers$", 1, "Auth0API"),
    Write("POST", "/clients$", 1, "Auth0Client"),
    Write("POST", "/clients$", 2, "Auth0Client"),
    Write("POST", "/client-grants$", 1, "Auth0ClientGrant"),
    Write("POST", "/client-grants$", 2, "Auth0ClientGrant"),
    Write("POST", "/roles$", 1, "Auth0Role"),
    Write("POST", "/permissions$", 1, "Auth0Role"),
    Write("PUT", "/workspaces/[^/]+$", 1, "AzureMLWorkspace"),
    Write("PUT", "/onlineEndpoints/[^/]+$", 1, "AzureMLOnlineEndpoint"),
    Write("PUT", "/deployments/[^/]+$", 1, "AzureMLOnlineDeployment"),
    Write("PUT", "/onlineEndpoints/[^/]+$", 2, "AzureMLOnlineEndpoint"),
]
DELETES = [
    Write("DELETE", "/client-grants/[^/]+$", 1, "Auth0ClientGrant"),
    Write("DELETE", "/client-grants/[^/]+$", 2, "Auth0ClientGrant"),
    Write("DELETE", "/roles/[^/]+$", 1, "Auth0Role"),
    Write("DELETE", "/clients/[^/]+$", 1, "Auth0Client"),
    Write("DELETE", "/clients/[^/]+$", 2, "Auth0Client"),
    Write("DELETE", "/resource-servers/[^/]+$", 1, "Auth0API"),
    Write("DELETE", "/onlineEndpoints/[^/]+$", 1, "AzureMLOnlineEndpoint"),
    Write("DELETE", "/workspaces/[^/]+$", 1, "AzureMLWorkspace"),
]
