"""What a refusal by Entra means and what to do about it.

Codes: seen in public reports (shared facts, azure-ml section 8) and Entra's own list of AADSTS codes. One code comes
with different HTTP statuses, so the code decides, not the status.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CODE = re.compile(r"AADSTS(\d{5,7})")

# Entra asks to try again; nothing is wrong with the credentials.
TRANSIENT = {"90006", "90033", "50196", "700048", "90085"}

_MEANING: dict[str, tuple[str, str]] = {
    "7000215": ("the client secret is wrong", "Put the secret's value (not its id) into {secret}"),
    "7000222": ("the client secret has expired", "Make a new secret for the application and put it into {secret}"),
    "7000216": ("no client secret or assertion was sent", "Put the client secret into {secret}"),
    "700016": (
        "{client} does not exist in tenant {tenant}",
        "Check clientId and tenantId, and that the application exists in that tenant",
    ),
    "90002": ("there is no tenant {tenant}", "Check tenantId"),
    "900021": ("{tenant} is not the id of a tenant", "Check tenantId"),
    "70021": (
        "no federated identity credential of {client} matches the service account's token",
        "Add one whose issuer, subject and audience are the cluster's issuer, mlgate's service account and "
        "api://AzureADTokenExchange",
    ),
    "700211": (
        "no federated identity credential of {client} has this cluster's issuer",
        "Add a federated identity credential with the cluster's OIDC issuer",
    ),
    "700213": (
        "no federated identity credential of {client} has this service account as its subject",
        "Add a federated identity credential with mlgate's service account as the subject",
    ),
    "700024": (
        "the service account's token is outside of the time in which it is valid",
        "Check the cluster's clock and that the token in the file is renewed",
    ),
    "7000112": ("{client} is disabled", "Enable it in Entra"),
    "7000229": ("{client} has no service principal in tenant {tenant}", "Create it"),
    "53003": ("a Conditional Access policy blocks {client}", "Exempt it or meet the policy"),
    "500011": ("Azure Resource Manager is not known in tenant {tenant}", "Check tenantId and cloud"),
    "CredentialUnavailableError": (
        "{client} is not one that this node or pod has",
        "Assign it to the node or pod, or choose WorkloadIdentity or ClientSecret",
    ),
    "90038": ("tenant {tenant} belongs to another cloud", "Check cloud"),
}


@dataclass(frozen=True, slots=True)
class EntraRefused:
    """No token was given. `status` is None when Entra was never asked (no token file, no managed identity)."""

    status: int | None
    error: str
    description: str

    @property
    def aadsts(self) -> str | None:
        """The AADSTS number, without its prefix."""
        found = _CODE.search(self.description)
        return found[1] if found else None

    @property
    def transient(self) -> bool:
        """Whether the credentials may be good all the same."""
        if self.aadsts in TRANSIENT or self.error == "temporarily_unavailable":
            return True
        return self.aadsts is None and self.status is not None and (self.status >= 500 or self.status == 408)


def meaning(code: str | None) -> tuple[str, str] | None:
    """Templates (what, what to do) for a known code; fields: secret, client, tenant."""
    return _MEANING.get(code or "")
