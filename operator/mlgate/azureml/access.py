"""How one AzureConnection reaches Azure: which cloud, which subscription, and as whom.

The endpoints and audiences of the three clouds are those of Azure's own documentation (Entra authentication endpoints,
Azure Resource Manager endpoints, the audience of Azure ML's data plane).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from mlgate.errors import Terminal
from mlgate.sensitive import Sensitive


@dataclass(frozen=True, slots=True)
class WorkloadIdentity:
    """A Kubernetes service account that Entra trusts. `token_file` is where its projected token is mounted."""

    client_id: str
    token_file: str


@dataclass(frozen=True, slots=True)
class ManagedIdentity:
    """The identity of the machine; `client_id` picks a user-assigned one."""

    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """An Entra application and its secret."""

    client_id: str
    secret: Sensitive


Auth = WorkloadIdentity | ManagedIdentity | ClientSecret


@dataclass(frozen=True, slots=True)
class Cloud:
    """Where one Azure cloud listens and for whom its tokens are meant."""

    resource_manager: str
    authority: str
    arm_scope: str
    scoring_scope: str


CLOUDS = {
    "Public": Cloud(
        resource_manager="https://management.azure.com",
        authority="https://login.microsoftonline.com",
        arm_scope="https://management.azure.com/.default",
        scoring_scope="https://ml.azure.com/.default",
    ),
    "China": Cloud(
        resource_manager="https://management.chinacloudapi.cn",
        authority="https://login.chinacloudapi.cn",
        arm_scope="https://management.chinacloudapi.cn/.default",
        scoring_scope="https://ml.azure.cn/.default",
    ),
    "USGovernment": Cloud(
        resource_manager="https://management.usgovcloudapi.net",
        authority="https://login.microsoftonline.us",
        arm_scope="https://management.usgovcloudapi.net/.default",
        scoring_scope="https://ml.azure.us/.default",
    ),
}


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What replaces a cloud's own addresses and audiences; None: nothing does."""

    resource_manager: str | None = None
    authority: str | None = None
    arm_audience: str | None = None
    scoring_audience: str | None = None

    def hosts(self) -> list[str]:
        """The hosts that would be signed in at, with their ports where they name one."""
        return [urlsplit(url).netloc.lower() for url in (self.resource_manager, self.authority) if url]


@dataclass(frozen=True, slots=True)
class AzureAccess:
    """Everything a session needs.

    `name` is how messages call the connection (`AzureConnection ml/azure`), `secret_name` how they call the Secret that
    holds its credentials (`ml/azure-credentials`), where there is one.
    """

    cloud: str
    tenant_id: str
    subscription_id: str
    auth: Auth
    name: str
    secret_name: str | None = None
    elsewhere: Elsewhere | None = None

    def endpoints(self) -> Cloud:
        """The cloud's addresses. Raises Terminal for a cloud that does not exist."""
        try:
            cloud = CLOUDS[self.cloud]
        except KeyError:
            known = ", ".join(CLOUDS)
            raise Terminal(f"{self.name} names the cloud {self.cloud!r}. Known clouds are {known}.") from None
        other = self.elsewhere or Elsewhere()
        return replace(
            cloud,
            resource_manager=other.resource_manager or cloud.resource_manager,
            authority=other.authority or cloud.authority,
            arm_scope=_scope(other.arm_audience) or cloud.arm_scope,
            scoring_scope=_scope(other.scoring_audience) or cloud.scoring_scope,
        )

    def fingerprint(self) -> str:
        """Twelve hex digits that change when any part of the credentials changes; they give nothing away."""
        match self.auth:
            case WorkloadIdentity(client_id, token_file):
                who = ("workload", client_id, token_file)
            case ManagedIdentity(client_id):
                who = ("managed", client_id or "", "")
            case ClientSecret(client_id, secret):
                who = ("secret", client_id, secret.fingerprint())
        parts = (self.cloud, self.tenant_id.lower(), self.subscription_id.lower(), *who, repr(self.elsewhere))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]

    @property
    def gate(self) -> str:
        """The name of what is shut while this subscription throttles us or refuses these credentials."""
        return f"azure:{self.subscription_id}:{self.fingerprint()}"


def _scope(audience: str | None) -> str | None:
    return f"{audience.rstrip('/')}/.default" if audience else None
