"""AzureMLWorkspace: an Azure Machine Learning workspace.

Name, region, storage account, key vault and HBI cannot be changed (shared facts, azure-ml section 2). Deleting soft
deletes for 14 days, which keeps the name taken; endpoints inside are gone at once.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .azure import Identity, ProvisioningState, Tags, Toggle, WorkspaceName
from .azureconnection import Location, ResourceGroup
from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, Immutable, fixed
from .meta import ArmId, Column, KindType, columns
from .references import AllowedNamespaces, ObjectRef


def _fixed(name: str) -> Cel:
    return fixed(name, f"{name} cannot be changed, added or removed later: create another AzureMLWorkspace")


class AzureMLWorkspaceSpec(ManagedSpec):
    """Desired state of an Azure ML workspace."""

    validations: ClassVar[tuple[Cel, ...]] = (
        *(
            _fixed(name)
            for name in ("azureName", "resourceGroup", "location", "storageAccountId", "keyVaultId", "hbiWorkspace")
        ),
        Cel(
            "has(self.storageAccountId) == has(self.keyVaultId)",
            "storageAccountId and keyVaultId go together: Azure creates no workspace without both",
        ),
    )

    connection_ref: Annotated[ObjectRef, Immutable("connectionRef cannot be changed: create another AzureMLWorkspace")]
    """The AzureConnection to reach it through."""
    azure_name: WorkspaceName | None = None
    """Name in Azure. Unset: the object's name."""
    resource_group: ResourceGroup | None = None
    """Its resource group. Unset: the connection's."""
    location: Location | None = None
    """Its region, such as `westeurope`. Unset: the connection's."""
    sku: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Its SKU, such as `Basic`."""
    friendly_name: Annotated[str, Field(max_length=255)] | None = None
    """Name shown in the studio."""
    description: Annotated[str, Field(max_length=1024)] | None = None
    """What it is for."""
    identity: Identity | None = None
    """As whom the workspace acts. New workspaces get SystemAssigned."""
    storage_account_id: ArmId | None = None
    """ARM id of its storage account."""
    key_vault_id: ArmId | None = None
    """ARM id of its key vault."""
    application_insights_id: ArmId | None = None
    """ARM id of its Application Insights."""
    container_registry_id: ArmId | None = None
    """ARM id of its container registry."""
    public_network_access: Toggle | None = None
    """Whether it can be reached from the internet."""
    hbi_workspace: bool | None = None
    """Whether it holds data of high business impact, so that Microsoft collects less."""
    tags: Tags | None = None
    """Tags. Those that are not written here are left alone."""
    purge_on_delete: bool = False
    """True also purges it when it is deleted: nothing can bring it back then. Otherwise Azure keeps it for 14 days."""
    soft_deleted_twin: Literal["Refuse", "Purge"] | None = None
    """What is done when a deleted workspace of the same name still holds it. `Refuse`, the default: the object says so.
    `Purge`: it is purged with everything in it, whoever deleted it, and this one is made. To get the old one back, recover
    it in the Azure portal."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may put endpoints into this workspace through mlgate. Unset: only this namespace."""


class AzureMLWorkspaceStatus(ManagedStatus):
    """How the workspace stands."""

    workspace_url: Annotated[str, Field(max_length=2048)] | None = None
    """The studio."""
    mlflow_tracking_uri: Annotated[str, Field(max_length=2048)] | None = None
    """Where MLflow finds its runs and models."""
    location: Location | None = None
    """Its region."""
    provisioning_state: ProvisioningState | None = None
    """What Azure says."""


AZURE_ML_WORKSPACE = KindType(
    kind="AzureMLWorkspace",
    plural="azuremlworkspaces",
    short_names=("amlws",),
    spec=AzureMLWorkspaceSpec,
    status=AzureMLWorkspaceStatus,
    description="An Azure Machine Learning workspace.",
    columns=columns(
        Column("Location", ".status.location"),
        Column("State", ".status.provisioningState"),
        Column("Studio", ".status.workspaceUrl", priority=1),
    ),
    rules=(
        Cel(
            "has(self.spec.azureName) || (size(self.metadata.name) >= 3 && size(self.metadata.name) <= 33"
            " && self.metadata.name.matches('^[a-z0-9][-a-z0-9]*$'))",
            "Azure takes workspace names of 3 to 33 letters, digits and dashes: name the object so, or write azureName",
        ),
    ),
)
