"""AzureMLBatchDeployment: how the calls of a batch endpoint are worked on: by a model on a cluster, in mini-batches, or by a
pipeline component.

Azure's own defaults where nothing is said: mini-batches of 10, one at a time per node, no threshold for errors, rows
appended to `predictions.csv`, 3 retries of 30s (the client that azure-ai-ml carries, api-version 2025-12-01).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .azure import OBJECT_NAME_IS_ENDPOINT_NAME, EndpointName, ProvisioningState, Tags
from .azuremlcompute import ComputeName
from .azuremlonlinedeployment import (
    AssetId,
    CodeSource,
    DeploymentFailure,
    EnvironmentSource,
    EnvironmentVariable,
    ModelSource,
)
from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, Immutable, ListMap, Within, exactly_one, fixed
from .meta import Api, Column, Duration, KindType, columns
from .references import AllowedNamespaces, ObjectRef


class ComputeSource(Api):
    """The machines that a call's job runs on."""

    validations: ClassVar[tuple[Cel, ...]] = (exactly_one("ref", "name", message="write either ref or name"),)

    ref: ObjectRef | None = None
    """The AzureMLCompute; the deployment waits for it, and it stays while the deployment stands."""
    name: ComputeName | None = None
    """Its name in the endpoint's workspace."""


class BatchRetrySettings(Api):
    """What happens to a mini-batch that fails."""

    max_retries: Annotated[int, Field(ge=0, le=100)] | None = None
    """How often it is tried again. Azure's own default is 3."""
    timeout: Annotated[Duration, Within("1s", "24h")] | None = None
    """How long one try may take. Azure's own default is 30s."""


class PipelineSource(Api):
    """A pipeline component that every call runs."""

    component_id: AssetId
    """ARM id of the component's version, or `azureml://registries/...`."""
    settings: (
        Annotated[
            dict[str, Annotated[str, Field(max_length=1024)]],
            Field(max_length=32),
            Cel("self.all(name, size(name) <= 128)", "keys of settings have at most 128 characters"),
        ]
        | None
    ) = None
    """Settings of its runs, in Azure's words: `default_compute`, `continue_on_step_failure`. What Azure adds
    to them is left alone."""


class AzureMLBatchDeploymentSpec(ManagedSpec):
    """Desired state of an Azure ML batch deployment."""

    validations: ClassVar[tuple[Cel, ...]] = (
        fixed(
            "azureName", "azureName cannot be changed, added or removed later: create another AzureMLBatchDeployment"
        ),
        Cel("!has(self.model) || !has(self.pipeline)", "a deployment runs either a model or a pipeline, not both"),
        Cel(
            "!has(self.outputFileName) || !has(self.outputAction) || self.outputAction != 'SummaryOnly'",
            "outputFileName goes with outputAction: AppendRow; SummaryOnly writes no such file",
        ),
        Cel(
            "has(self.pipeline) == has(oldSelf.pipeline)",
            "a model cannot become a pipeline, nor a pipeline a model: create another AzureMLBatchDeployment",
        ),
    )

    endpoint_ref: Annotated[
        ObjectRef, Immutable("endpointRef cannot be changed: create another AzureMLBatchDeployment")
    ]
    """The AzureMLBatchEndpoint it works behind."""
    azure_name: EndpointName | None = None
    """Name in Azure, unique in the endpoint; `defaults.deploymentName` uses it. Unset: the object's name."""
    model: ModelSource | None = None
    """The model it runs."""
    pipeline: PipelineSource | None = None
    """The pipeline component it runs instead of a model."""
    environment: EnvironmentSource | None = None
    """What it runs in. MLflow models need none."""
    code: CodeSource | None = None
    """The scoring code. MLflow models need none."""
    compute: ComputeSource | None = None
    """The machines that a call's job runs on."""
    instance_count: Annotated[int, Field(ge=1, le=1000)] | None = None
    """How many of its nodes a job takes. Azure's own default is 1."""
    mini_batch_size: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """How many files one call of `run()` gets; for tables, how many bytes. Azure's own default is 10."""
    max_concurrency_per_instance: Annotated[int, Field(ge=1, le=1000)] | None = None
    """How many mini-batches a node works on at the same time. Azure's own default is 1."""
    error_threshold: Annotated[int, Field(ge=-1, le=2147483647)] | None = None
    """How many files (for tables: rows) may fail before the job is given up. -1, Azure's own default: any number."""
    output_action: Literal["AppendRow", "SummaryOnly"] | None = None
    """`AppendRow`, Azure's own default: what `run()` returns goes into one file. `SummaryOnly`: the scoring code writes
    its output itself."""
    output_file_name: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^/\\]+$")] | None = None
    """The file of AppendRow. Azure's own default is `predictions.csv`."""
    retry_settings: BatchRetrySettings | None = None
    """What happens to a mini-batch that fails."""
    logging_level: Literal["Warning", "Info", "Debug"] | None = None
    """How much is logged. Azure's own default is Info."""
    environment_variables: Annotated[list[EnvironmentVariable], Field(max_length=100), ListMap("name")] | None = None
    """Environment variables of the scoring code."""
    description: Annotated[str, Field(max_length=1024)] | None = None
    """What it is for."""
    tags: Tags | None = None
    """Tags. Those that are not written here are left alone."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may refer to this deployment. Unset: only this namespace."""


class AzureMLBatchDeploymentStatus(ManagedStatus):
    """How the deployment stands."""

    provisioning_state: ProvisioningState | None = None
    """What Azure says."""
    azure_name: Annotated[str, Field(max_length=32)] | None = None
    """Its name in Azure."""
    model_id: Annotated[str, Field(max_length=1024)] | None = None
    """The model version in use."""
    component_id: Annotated[str, Field(max_length=1024)] | None = None
    """The component version in use."""
    environment_id: Annotated[str, Field(max_length=1024)] | None = None
    """The environment version in use."""
    compute_id: Annotated[str, Field(max_length=1024)] | None = None
    """ARM id of the machines in use."""
    failure: DeploymentFailure | None = None
    """Why it failed."""


AZURE_ML_BATCH_DEPLOYMENT = KindType(
    kind="AzureMLBatchDeployment",
    plural="azuremlbatchdeployments",
    short_names=("amlbd",),
    spec=AzureMLBatchDeploymentSpec,
    status=AzureMLBatchDeploymentStatus,
    description="A model or a pipeline component behind an Azure ML batch endpoint.",
    columns=columns(
        Column("Endpoint", ".spec.endpointRef.name"),
        Column("State", ".status.provisioningState"),
        Column("Model", ".status.modelId", priority=1),
        Column("Compute", ".status.computeId", priority=1),
    ),
    rules=(OBJECT_NAME_IS_ENDPOINT_NAME,),
)
