"""AzureMLPipelineRun: one run of a registered component in a workspace: started once, watched to its end.

The object is there before the job is, and the job's name is known before it is asked for, so no crash and no repeated event
can start it twice. What a run is asked to do is fixed; only how long it may take, what is shown of it and how long it is
kept can be changed (shared facts, azure-ml section 5; the client that azure-ai-ml carries, api-version 2025-12-01).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .azure import AssetName, Tags
from .azuremlbatchdeployment import ComputeSource
from .azuremlonlinedeployment import AssetId
from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, Immutable, ListMap, ListSet, Within, exactly_one, fixed
from .meta import Api, Column, Duration, KindType, Timestamp, columns
from .references import AllowedNamespaces, ObjectRef

JobName = Annotated[str, Field(min_length=2, max_length=255, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]*$")]
PortName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
Uri = Annotated[str, Field(min_length=1, max_length=2048, pattern=r"^[^\s]+$")]
DataType = Literal["UriFile", "UriFolder", "MLTable", "CustomModel", "MLflowModel", "TritonModel"]


def _once(name: str) -> Cel:
    return fixed(name, f"{name} cannot be changed, added or removed: what a run does is fixed; create another one")


class RunComponent(Api):
    """A version of a component that is registered in the workspace or in a registry."""

    validations: ClassVar[tuple[Cel, ...]] = (
        exactly_one("id", "name", message="write either id or name with version"),
        Cel("has(self.name) == has(self.version)", "name and version go together"),
    )

    type: Literal["Pipeline", "Command"]
    """What it is. A `Command` runs as the one step of a pipeline."""
    id: AssetId | None = None
    """Its ARM id, or `azureml://registries/...`."""
    name: AssetName | None = None
    """Its name in the workspace."""
    version: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9][-_.a-zA-Z0-9]*$")] | None = None
    """Its version."""


class RunInput(Api):
    """What one input gets: a value, or data that lies somewhere."""

    validations: ClassVar[tuple[Cel, ...]] = (
        exactly_one("value", "uri", message="write either value or uri with its type"),
        Cel("has(self.uri) == has(self.type)", "uri and type go together"),
        Cel("!has(self.mode) || has(self.uri)", "mode goes with uri"),
    )

    value: Annotated[str, Field(max_length=8192)] | None = None
    """A text, number or truth value, written as text: `"0.1"`, `"true"`. The component says what it takes it for."""
    uri: Uri | None = None
    """Where the data is: `https://...`, `azureml://datastores/...`, `azureml:name:version`."""
    type: DataType | None = None
    """What is there."""
    mode: Literal["ReadOnlyMount", "ReadWriteMount", "Download", "Direct", "EvalMount", "EvalDownload"] | None = None
    """How a step gets at it. Azure's own default depends on the type."""


class RunOutput(Api):
    """Where one output goes."""

    type: DataType
    """What it is."""
    uri: Uri | None = None
    """Where it is put. Unset: the workspace's own store."""
    mode: Literal["ReadWriteMount", "Upload", "Direct"] | None = None
    """How a step writes it. Azure's own default depends on the type."""


class AzureMLPipelineRunSpec(ManagedSpec):
    """What is to run."""

    omit: ClassVar[frozenset[str]] = frozenset({"driftPolicy"})
    validations: ClassVar[tuple[Cel, ...]] = tuple(
        _once(name)
        for name in (
            "azureName",
            "compute",
            "experimentName",
            "displayName",
            "description",
            "tags",
            "inputs",
            "outputs",
            "continueOnStepFailure",
            "forceRerun",
        )
    )

    workspace_ref: Annotated[ObjectRef, Immutable("workspaceRef cannot be changed: create another AzureMLPipelineRun")]
    """The AzureMLWorkspace it runs in."""
    azure_name: JobName | None = None
    """Name of the job, unique in the workspace for ever. Unset: the object's name and the beginning of its uid, so that an
    object that is deleted and applied again is another run."""
    component: Annotated[RunComponent, Immutable("component cannot be changed: create another AzureMLPipelineRun")]
    """What runs."""
    compute: ComputeSource | None = None
    """Where the steps run that do not say it themselves."""
    experiment_name: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """The experiment it is listed under. Azure's own default is `Default`."""
    display_name: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """What the studio calls it. New ones get the object's name."""
    description: Annotated[str, Field(max_length=1024)] | None = None
    """What it is for."""
    tags: Tags | None = None
    """Tags of the job."""
    inputs: (
        Annotated[
            dict[str, RunInput],
            Field(max_length=64),
            Cel("self.all(name, name.matches('^[a-zA-Z_][a-zA-Z0-9_]*$'))", "inputs are named as in Python"),
        ]
        | None
    ) = None
    """Its inputs by name."""
    outputs: (
        Annotated[
            dict[str, RunOutput],
            Field(max_length=32),
            Cel("self.all(name, name.matches('^[a-zA-Z_][a-zA-Z0-9_]*$'))", "outputs are named as in Python"),
        ]
        | None
    ) = None
    """Its outputs by name. Those that are not written go to the workspace's own store."""
    continue_on_step_failure: bool | None = None
    """Whether the other steps go on when one fails. Azure's own default is that they do not."""
    force_rerun: bool | None = None
    """Whether steps run again whose result Azure still has. Azure's own default is that they do not."""
    metrics: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=250)]], Field(max_length=32), ListSet()] | None
    ) = None
    """Names of the metrics that status shows, and `/metrics`."""
    deadline: Annotated[Duration, Within("1m", "720h")] | None = None
    """How long it may take from the moment it is asked for until it is canceled. Unset: as long as it likes."""
    ttl_after_finished: Annotated[Duration, Within("0s", "8760h")] | None = None
    """How long this object is kept after the run has ended. The job itself stays in the workspace's history. Unset: for
    ever."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may refer to it. Unset: only this namespace."""


class RunStep(Api):
    """One step of a run."""

    name: Annotated[str, Field(max_length=255)]
    """What the pipeline calls it."""
    state: Annotated[str, Field(max_length=32)]
    """What Azure says."""
    started_at: Timestamp | None = None
    """When it began."""
    finished_at: Timestamp | None = None
    """When it ended."""


class RunFailure(Api):
    """Why a run failed."""

    code: Annotated[str, Field(max_length=128)] | None = None
    """Azure's word for it."""
    message: Annotated[str, Field(max_length=4096)]
    """What Azure says, without secrets."""


class AzureMLPipelineRunStatus(ManagedStatus):
    """How the run goes."""

    azure_name: JobName | None = None
    """The name of the job."""
    state: Annotated[str, Field(max_length=32)] | None = None
    """What Azure says: `NotStarted`, `Queued`, `Preparing`, `Running`, ..., `Completed`, `Failed`, `Canceled`."""
    experiment_name: Annotated[str, Field(max_length=255)] | None = None
    """The experiment it is listed under."""
    studio_url: Annotated[str, Field(max_length=2048)] | None = None
    """Where people look at it."""
    started_at: Timestamp | None = None
    """When it began to run."""
    finished_at: Timestamp | None = None
    """When it ended."""
    steps: Annotated[list[RunStep], Field(max_length=256), ListMap("name")] | None = None
    """Its steps; at most 256 are listed."""
    metrics: Annotated[dict[str, Annotated[str, Field(max_length=64)]], Field(max_length=32)] | None = None
    """The latest values of the metrics that the manifest names."""
    recorded: bool | None = None
    """Whether steps and metrics were read after the end: the run is not asked about any more then."""
    failure: RunFailure | None = None
    """Why it failed."""
    deadline_passed_at: Timestamp | None = None
    """When it was canceled because it took longer than the manifest allows."""
    expires_at: Timestamp | None = None
    """When this object is removed, as `ttlAfterFinished` says."""


AZURE_ML_PIPELINE_RUN = KindType(
    kind="AzureMLPipelineRun",
    plural="azuremlpipelineruns",
    short_names=("amlrun",),
    spec=AzureMLPipelineRunSpec,
    status=AzureMLPipelineRunStatus,
    description="One run of a component in an Azure ML workspace.",
    columns=columns(
        Column("State", ".status.state"),
        Column("Started", ".status.startedAt", type="date"),
        Column("Finished", ".status.finishedAt", type="date"),
        Column("Experiment", ".status.experimentName", priority=1),
        Column("Studio", ".status.studioUrl", priority=1),
    ),
)
