"""AzureConnection: which Azure, which subscription, and as whom. Nothing outside belongs to it.

Cloud names are those of the Azure CLI.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .managed import ManagedSpec, ManagedStatus
from .markers import Cel
from .meta import Api, Column, KindType, Uuid, columns
from .references import AllowedNamespaces, SecretRef

ResourceGroup = Annotated[str, Field(min_length=1, max_length=90, pattern=r"^[-a-zA-Z0-9_.()]+$")]
Location = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9]+$")]


class AzureAuth(Api):
    """As whom mlgate signs in to Azure."""

    validations: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "self.type != 'ClientSecret' || (has(self.clientId) && has(self.secretRef))",
            "type ClientSecret needs clientId and secretRef",
        ),
        Cel("self.type == 'ClientSecret' || !has(self.secretRef)", "secretRef goes with type: ClientSecret only"),
    )

    type: Literal["WorkloadIdentity", "ManagedIdentity", "ClientSecret"]
    """`WorkloadIdentity`: the operator's projected service account token. `ManagedIdentity`: that of the node.
    `ClientSecret`: an app registration's secret."""
    client_id: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[-_a-zA-Z0-9]+$")] | None = None
    """Client id of the app registration or of the user-assigned identity. Unset: the environment's."""
    secret_ref: SecretRef | None = None
    """The Secret with the key `clientSecret`."""


class AzureConnectionSpec(ManagedSpec):
    """Which Azure, which subscription, and as whom."""

    omit: ClassVar[frozenset[str]] = frozenset({"import", "managementPolicy", "deletionPolicy", "driftPolicy"})

    cloud: Literal["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"] = "AzureCloud"
    """Which Azure, by the Azure CLI's name."""
    tenant_id: Uuid
    """The Microsoft Entra tenant to sign in to."""
    subscription_id: Uuid
    """The subscription that everything is in."""
    resource_group: ResourceGroup | None = None
    """Resource group of objects that do not name one."""
    location: Location | None = None
    """Region of objects that do not name one, such as `westeurope`."""
    auth: AzureAuth
    """As whom mlgate signs in."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may use this connection through mlgate. Unset: only this namespace."""


class AzureConnectionStatus(ManagedStatus):
    """How the connection stands."""


AZURE_CONNECTION = KindType(
    kind="AzureConnection",
    plural="azureconnections",
    short_names=("azc",),
    spec=AzureConnectionSpec,
    status=AzureConnectionStatus,
    description="A connection to Azure: the subscription, its defaults, and as whom mlgate signs in.",
    columns=columns(
        Column("Subscription", ".spec.subscriptionId", priority=1),
        Column("Auth", ".spec.auth.type"),
    ),
)
