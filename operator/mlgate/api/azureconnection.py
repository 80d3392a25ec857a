"""AzureConnection: which Azure, which subscription, and as whom. Nothing outside belongs to it.

Cloud names are those of the Azure CLI.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .managed import ManagedSpec, ManagedStatus
from .markers import Cel
from .meta import Api, Audience, Column, HttpsUrl, KindType, Uuid, columns
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


class AzureEndpoints(Api):
    """Where an Azure listens that is none of the known clouds, and for whom its tokens are meant. What is not written is
    the cloud's own."""

    resource_manager: HttpsUrl | None = None
    """Azure Resource Manager, such as `https://management.local.azurestack.external`."""
    authority: HttpsUrl | None = None
    """Microsoft Entra, or what gives tokens in its place."""
    resource_manager_audience: Audience | None = None
    """Whom tokens for Azure Resource Manager are meant for. Unset: the cloud's own, whatever the address."""
    scoring_audience: Audience | None = None
    """Whom tokens for endpoints with authMode AADToken are meant for."""


class AzureConnectionSpec(ManagedSpec):
    """Which Azure, which subscription, and as whom."""

    omit: ClassVar[frozenset[str]] = frozenset({"import", "managementPolicy", "deletionPolicy", "driftPolicy"})

    cloud: Literal["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"] = "AzureCloud"
    """Which Azure, by the Azure CLI's name."""
    endpoints: AzureEndpoints | None = None
    """Addresses and audiences that replace the cloud's own. Whoever runs mlgate allows their hosts beforehand
    (`mlgate run --azure-endpoint-host`), because mlgate signs in there."""
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
