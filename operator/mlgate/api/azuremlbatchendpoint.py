"""AzureMLBatchEndpoint: the address of batch deployments, which are called with where the data is and run as jobs.

Callers present a Microsoft Entra token: batch endpoints know nothing else (azure-ai-ml's schema allows `aad_token` only;
recording TestBatchEndpoint). Which deployment answers is a default, not a split of traffic.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from .azure import OBJECT_NAME_IS_ENDPOINT_NAME, EndpointName, ProvisioningState, Tags
from .azuremlonlineendpoint import EndpointProperties
from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, Immutable, fixed
from .meta import Api, Column, KindType, columns
from .references import AllowedNamespaces, ObjectRef


class BatchDefaults(Api):
    """What holds for a call that says nothing else."""

    deployment_name: Annotated[str, Field(max_length=32, pattern=r"^([a-zA-Z]([-a-zA-Z0-9]{1,30}[a-zA-Z0-9]))?$")]
    """The deployment that answers, by its name in Azure; it becomes the default once it is ready. Empty: none."""


class AzureMLBatchEndpointSpec(ManagedSpec):
    """Desired state of an Azure ML batch endpoint."""

    validations: ClassVar[tuple[Cel, ...]] = (
        fixed("azureName", "azureName cannot be changed, added or removed later: create another AzureMLBatchEndpoint"),
        fixed(
            "properties", "properties cannot be changed, added or removed later: create another AzureMLBatchEndpoint"
        ),
    )

    workspace_ref: Annotated[
        ObjectRef, Immutable("workspaceRef cannot be changed: create another AzureMLBatchEndpoint")
    ]
    """The AzureMLWorkspace it is in."""
    azure_name: EndpointName | None = None
    """Name in Azure, unique in the region. Unset: the object's name."""
    description: Annotated[str, Field(max_length=1024)] | None = None
    """What it is for."""
    defaults: BatchDefaults | None = None
    """What holds for a call that says nothing else. Unset: left alone."""
    tags: Tags | None = None
    """Tags. Those that are not written here are left alone."""
    properties: EndpointProperties | None = None
    """Properties that Azure keeps with it. Cannot be changed."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may refer to this endpoint. Unset: only this namespace."""


class AzureMLBatchEndpointStatus(ManagedStatus):
    """How the endpoint stands."""

    scoring_uri: Annotated[str, Field(max_length=2048)] | None = None
    """Where it is called."""
    swagger_uri: Annotated[str, Field(max_length=2048)] | None = None
    """Where its OpenAPI document is."""
    auth_mode: Annotated[str, Field(max_length=32)] | None = None
    """What callers present."""
    default_deployment: Annotated[str, Field(max_length=32)] | None = None
    """The deployment that answers calls that name none."""
    provisioning_state: ProvisioningState | None = None
    """What Azure says."""


AZURE_ML_BATCH_ENDPOINT = KindType(
    kind="AzureMLBatchEndpoint",
    plural="azuremlbatchendpoints",
    short_names=("amlbe",),
    spec=AzureMLBatchEndpointSpec,
    status=AzureMLBatchEndpointStatus,
    description="An Azure ML batch endpoint: the address of deployments that work on data as jobs.",
    columns=columns(
        Column("Default", ".status.defaultDeployment"),
        Column("State", ".status.provisioningState"),
        Column("URI", ".status.scoringUri", priority=1),
    ),
    rules=(OBJECT_NAME_IS_ENDPOINT_NAME,),
)
