"""What a caller hands in about a tenant, and the small facts it gets back."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..sensitive import Sensitive

Raw = dict[str, Any]
"""An object as it is on the wire: what the service sent, untouched, or what is to be sent."""


class Plan(StrEnum):
    """The tenant's subscription, which decides how many requests it takes. Auto: learn from
    headers and refusals."""

    FREE = "Free"
    ESSENTIALS = "Essentials"
    PROFESSIONAL = "Professional"
    B2B = "B2B"
    ENTERPRISE = "Enterprise"
    ENTERPRISE_NON_PRODUCTION = "EnterpriseNonProduction"
    PRIVATE_CLOUD = "PrivateCloud"
    AUTO = "Auto"


@dataclass(frozen=True, slots=True)
class TenantAccess:
    """How to reach a tenant. Exactly one of `client_secret` and `private_key_pem` is set.

    `name` and `secret_name` are how messages call the tenant and its credentials ("Auth0Tenant ml/main",
    "Secret ml/auth0-management"). `domain` has no scheme ("acme.eu.auth0.com").
    """

    domain: str
    client_id: str
    client_secret: Sensitive | None = None
    private_key_pem: Sensitive | None = None
    plan: Plan = Plan.AUTO
    name: str = ""
    secret_name: str = ""
    signing_alg: str = "RS256"

    def __post_init__(self) -> None:
        if (self.client_secret is None) == (self.private_key_pem is None):
            raise ValueError("a TenantAccess has either a client secret or a private key")

    @property
    def issuer(self) -> str:
        """As `iss` of the tenant's tokens says it: with the trailing slash (reference: access token, Auth0 profile)."""
        return f"https://{self.domain}/"

    @property
    def audience(self) -> str:
        """The identifier of the Management API, always the domain's, wherever the tenant is reached."""
        return f"https://{self.domain}/api/v2/"

    @property
    def fingerprint(self) -> str:
        """Tells whether two accesses use the same credentials, and nothing else."""
        key = self.client_secret or self.private_key_pem
        assert key is not None
        return Sensitive(f"{self.client_id}\n{key.reveal()}").fingerprint()

    @property
    def gate(self) -> str:
        """What Quota and CredentialsRejected carry: everything behind it waits together."""
        return f"auth0:{self.domain}:{self.fingerprint}"

    @property
    def called(self) -> str:
        """The tenant's name for messages."""
        return self.name or self.domain

    @property
    def secret_called(self) -> str:
        """The name of its credentials for messages."""
        return self.secret_name or "its credentials Secret"


@dataclass(frozen=True, slots=True)
class Granted:
    """What the tenant lets us do: the scopes of the management token."""

    scopes: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class RequestSeen:
    """One request that left the process, for metrics and request counts. `status` is None when no answer came.

    `route` has its ids replaced. `remaining` is what the service said is left in the endpoint's bucket.
    """

    system: str
    tenant: str
    method: str
    route: str
    status: int | None
    seconds: float
    remaining: int | None
