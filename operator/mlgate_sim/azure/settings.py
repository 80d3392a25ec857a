"""What one simulated Azure is: the directory, its client, the subscription, and how it behaves."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FederatedCredential:
    """A workload identity the application trusts: assertions of `issuer` for `subject`, meant for `audience`."""

    issuer: str
    subject: str
    audience: str = "api://AzureADTokenExchange"


@dataclass(frozen=True, slots=True)
class Limit:
    """A token bucket of ARM requests: `capacity` at most, `per_second` flowing back."""

    capacity: float
    per_second: float


# Recorded remaining-headers start one below these (TestOnlineDeployment); the refill of an hour's budget is the hour.
RECORDED_LIMITS: Mapping[str, Limit] = {
    "reads": Limit(12_000, 12_000 / 3600),
    "writes": Limit(1_200, 1_200 / 3600),
    "deletes": Limit(15_000, 15_000 / 3600),
    "resource-requests": Limit(25, 25 / 300),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The fixed facts of one simulated Azure. Times are seconds."""

    tenant: str
    client_id: str
    client_secret: str = field(repr=False)
    subscription: str
    resource_group: str
    location: str
    cloud: str = "Public"
    """Public, China or USGovernment: which audiences its tokens have."""
    operation_seconds: float = 0.5
    token_seconds: int = 3599
    busy_status: int = 409
    """What a busy endpoint answers; the public reports do not show whether it is 409 or 400."""
    page_size: int = 100
    check_models: bool = False
    """True refuses deployments of model versions that are not in the workspace."""
    seed_workspace: str | None = None
    federated_credentials: tuple[FederatedCredential, ...] | None = None
    """None trusts any assertion meant for the token exchange; an empty tuple trusts none."""
    limits: Mapping[str, Limit] = field(default_factory=lambda: RECORDED_LIMITS)

    @property
    def service_principal(self) -> str:
        """The object id of the client's service principal: stable, made from the client id."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"service-principal/{self.tenant}/{self.client_id}"))

    def knows_tenant(self, tenant: str) -> bool:
        """Whether Entra has this tenant, by its id."""
        return tenant.lower() == self.tenant.lower()


ENDPOINT_NAME = re.compile(r"[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?")
WORKSPACE_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}")


def is_endpoint_name(name: str) -> bool:
    """The rule for endpoints and deployments: 3 to 32 characters, a letter first, no hyphen last."""
    return 3 <= len(name) <= 32 and ENDPOINT_NAME.fullmatch(name) is not None


def is_workspace_name(name: str) -> bool:
    """The rule for workspaces: 3 to 33 characters, a letter or digit first."""
    return WORKSPACE_NAME.fullmatch(name) is not None
