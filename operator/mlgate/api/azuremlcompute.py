"""AzureMLCompute: a cluster of machines in a workspace (AmlCompute), on which runs happen.

Only its size in nodes can be changed once it exists, and what is said about it; machines, priority, network and region
cannot (shared facts, azure-ml section 2; the client that azure-ai-ml carries: `ClusterUpdateParameters`).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .azure import Identity, ProvisioningState, Tags
from .azureconnection import Location
from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, Immutable, Within, fixed
from .meta import Api, ArmId, Column, Duration, KindType, columns
from .references import AllowedNamespaces, ObjectRef

ComputeName = Annotated[str, Field(min_length=2, max_length=24, pattern=r"^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$")]


def _fixed(name: str) -> Cel:
    return fixed(name, f"{name} cannot be changed, added or removed later: create another AzureMLCompute")


class NodeCounts(Api):
    """How many nodes are in which state."""

    idle: Annotated[int, Field(ge=0)] | None = None
    """Wait for work."""
    running: Annotated[int, Field(ge=0)] | None = None
    """Work."""
    preparing: Annotated[int, Field(ge=0)] | None = None
    """Are started."""
    leaving: Annotated[int, Field(ge=0)] | None = None
    """Are given back."""
    unusable: Annotated[int, Field(ge=0)] | None = None
    """Broken."""
    preempted: Annotated[int, Field(ge=0)] | None = None
    """Taken away by Azure, which LowPriority allows."""


class AzureMLComputeSpec(ManagedSpec):
    """Desired state of a cluster of machines."""

    validations: ClassVar[tuple[Cel, ...]] = (
        _fixed("azureName"),
        _fixed("location"),
        _fixed("priority"),
        _fixed("subnetId"),
        _fixed("publicNodeIps"),
        Cel(
            "!has(self.minNodes) || self.minNodes <= self.maxNodes",
            "minNodes must not be more than maxNodes",
        ),
    )

    workspace_ref: Annotated[ObjectRef, Immutable("workspaceRef cannot be changed: create another AzureMLCompute")]
    """The AzureMLWorkspace it belongs to."""
    azure_name: ComputeName | None = None
    """Name in Azure. Unset: the object's name."""
    location: Location | None = None
    """Its region. Unset: the workspace's."""
    size: Annotated[
        str,
        Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_]+$"),
        Immutable("size cannot be changed: create another AzureMLCompute"),
    ]
    """Size of its machines, such as `Standard_DS3_v2`."""
    priority: Literal["Dedicated", "LowPriority"] | None = None
    """`LowPriority` is cheaper, and Azure may take nodes away at any time. New ones are Dedicated."""
    min_nodes: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Nodes that are kept, and paid for, without work. New ones get 0."""
    max_nodes: Annotated[int, Field(ge=1, le=1000)]
    """Most nodes."""
    idle_time: Annotated[Duration, Within("1m", "24h")] | None = None
    """How long a node may be idle before it is given back, such as `5m`. New ones get 2m."""
    subnet_id: ArmId | None = None
    """ARM id of the subnet its nodes are in."""
    public_node_ips: bool | None = None
    """Whether nodes have public addresses. False needs subnetId or a managed network."""
    identity: Identity | None = None
    """As whom runs act on it."""
    description: Annotated[str, Field(max_length=1024)] | None = None
    """What it is for."""
    tags: Tags | None = None
    """Tags. Those that are not written here are left alone."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may refer to it. Unset: only this namespace."""


class AzureMLComputeStatus(ManagedStatus):
    """How the cluster stands."""

    provisioning_state: ProvisioningState | None = None
    """What Azure says."""
    allocation_state: Annotated[str, Field(max_length=32)] | None = None
    """`Steady`, or `Resizing` while nodes come and go."""
    nodes: Annotated[int, Field(ge=0)] | None = None
    """Nodes it has."""
    target_nodes: Annotated[int, Field(ge=0)] | None = None
    """Nodes it is to have."""
    node_counts: NodeCounts | None = None
    """How many nodes are in which state."""
    principal_id: Annotated[str, Field(max_length=64)] | None = None
    """Object id of its own identity, for role assignments."""


AZURE_ML_COMPUTE = KindType(
    kind="AzureMLCompute",
    plural="azuremlcomputes",
    short_names=("amlc",),
    spec=AzureMLComputeSpec,
    status=AzureMLComputeStatus,
    description="A cluster of machines in an Azure ML workspace.",
    columns=columns(
        Column("Size", ".spec.size"),
        Column("Nodes", ".status.nodes", type="integer"),
        Column("Max", ".spec.maxNodes", type="integer"),
        Column("State", ".status.provisioningState"),
        Column("Allocation", ".status.allocationState", priority=1),
    ),
    rules=(
        Cel(
            "has(self.spec.azureName) || (size(self.metadata.name) >= 2 && size(self.metadata.name) <= 24"
            " && self.metadata.name.matches('^[a-z][-a-z0-9]*$'))",
            "Azure takes names of 2 to 24 letters, digits and dashes that begin with a letter: name the object so,"
            " or write azureName",
        ),
    ),
)
