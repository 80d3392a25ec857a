"""AzureMLOnlineDeployment: a model served behind an online endpoint.

At most 20 deployments per endpoint and 50 instances per deployment; a request may take 180 s at most on managed compute
(shared facts, azure-ml section 2). Durations are written as `30s` here and sent as ISO 8601.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .azure import OBJECT_NAME_IS_ENDPOINT_NAME, AssetName, EndpointName, ProvisioningState, Tags, Toggle
from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, Immutable, ListMap, ListSet, Within, exactly_one, fixed
from .meta import Api, Column, Duration, KindType, columns
from .references import AllowedNamespaces, ObjectRef, SecretKeyRef

AssetId = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^(/subscriptions/|azureml:)[^\s]+$")]
ModelVersion = Annotated[
    str, Field(min_length=1, max_length=255, pattern=r"^(@[a-zA-Z][-_a-zA-Z0-9]*|[a-zA-Z0-9][-_.a-zA-Z0-9]*)$")
]
AssetVersion = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^(@latest|[a-zA-Z0-9][-_.a-zA-Z0-9]*)$")]
_ID_OR_NAME = (
    exactly_one("id", "name", "ref", message="write one of id, name with version, and ref"),
    Cel("has(self.name) == has(self.version)", "name and version go together"),
)


class ModelSource(Api):
    """A model version that is registered in the workspace or in a registry."""

    validations: ClassVar[tuple[Cel, ...]] = _ID_OR_NAME

    id: AssetId | None = None
    """Its ARM id, or `azureml://registries/...`."""
    ref: ObjectRef | None = None
    """The AzureMLModel that registers it; the deployment waits for it, and it stays while the deployment stands."""
    name: AssetName | None = None
    """Its name in the endpoint's workspace."""
    version: ModelVersion | None = None
    """Its version, or `@latest` for the newest, or a stage such as `@Production` for the newest in it; status says which
    version that is. A deployment keeps the version that it was made with; a SecuredModelEndpoint rolls newer ones out."""


class EnvironmentSource(Api):
    """An environment version that is registered in the workspace or in a registry."""

    validations: ClassVar[tuple[Cel, ...]] = _ID_OR_NAME

    id: AssetId | None = None
    """Its ARM id, or `azureml://registries/...`."""
    ref: ObjectRef | None = None
    """The AzureMLEnvironment that registers it; the deployment waits for it, and it stays while the deployment stands."""
    name: AssetName | None = None
    """Its name in the endpoint's workspace."""
    version: AssetVersion | None = None
    """Its version, or `@latest`, which status resolves to the version in use."""


class CodeSource(Api):
    """The scoring code."""

    id: AssetId
    """ARM id of the code version."""
    scoring_script: Annotated[str, Field(min_length=1, max_length=1024)]
    """The file in it that has `init()` and `run()`."""


class ScaleSettings(Api):
    """How the number of instances is chosen. On managed compute it is `instanceCount`; to follow the load, leave that out
    and let an autoscale rule of Azure Monitor set it."""

    type: Literal["Default"]
    """`Default`: by `instanceCount`, whatever the load. Azure's `TargetUtilization` is for Kubernetes compute, which
    mlgate does not make."""


class Probe(Api):
    """How Azure finds out whether an instance is alive or ready."""

    initial_delay: Annotated[Duration, Within("1s", "24h")] | None = None
    """How long to wait before the first probe."""
    period: Annotated[Duration, Within("1s", "1h")] | None = None
    """How often to probe."""
    timeout: Annotated[Duration, Within("1s", "1h")] | None = None
    """How long to wait for an answer."""
    success_threshold: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Good answers in a row that make an instance good."""
    failure_threshold: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Bad answers in a row that make an instance bad."""


class RequestSettings(Api):
    """How requests are handled."""

    request_timeout: Annotated[Duration, Within("1s", "180s")] | None = None
    """How long a request may take, at most 180s. Azure's own default is 5s."""
    max_concurrent_requests_per_instance: Annotated[int, Field(ge=1, le=10000)] | None = None
    """Requests that one instance handles at the same time. Azure's own default is 1."""
    max_queue_wait: Annotated[Duration, Within("1ms", "180s")] | None = None
    """How long a request may wait for an instance."""


class Collection(Api):
    """One stream of collected data."""

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    """Its name. `request` and `response` are the payloads; any other is what the scoring code collects by itself, such
    as `model_inputs` and `model_outputs`."""
    enabled: bool | None = None
    """Whether it is collected. To end a collection write `false`: one that is left out is left alone."""
    data_id: AssetId | None = None
    """The data asset that it is collected into. Unset: one that Azure makes."""
    client_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Client id of the managed identity that writes it. Unset: the endpoint's own."""
    sampling_percentage: Annotated[int, Field(ge=1, le=100)] | None = None
    """How much of it is collected. Azure's own default is 100."""


class DataCollector(Api):
    """Keeps what goes into and comes out of the model, for monitoring."""

    collections: Annotated[list[Collection], Field(min_length=1, max_length=5), ListMap("name")]
    """What is collected; at most 5."""
    rolling_rate: Literal["Year", "Month", "Day", "Hour", "Minute"] | None = None
    """For how long one folder is written to. Azure's own default is Hour."""
    capture_headers: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=128)]], Field(max_length=32), ListSet()] | None
    ) = None
    """Request headers that are kept with `request` and `response`."""


class EnvironmentVariable(Api):
    """An environment variable of the scoring container."""

    validations: ClassVar[tuple[Cel, ...]] = (
        exactly_one("value", "secretRef", message="write either value or secretRef, not both"),
    )

    name: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    """Its name."""
    value: Annotated[str, Field(max_length=4096)] | None = None
    """Its value, in the clear."""
    secret_ref: SecretKeyRef | None = None
    """Where its value is, when it is secret."""


class DeploymentFields(Api):
    """What a deployment is made of; SecuredModelEndpoint uses the same words."""

    model: ModelSource | None = None
    """The model it serves."""
    environment: EnvironmentSource | None = None
    """What it runs in. MLflow models need none."""
    code: CodeSource | None = None
    """The scoring code. MLflow models need none."""
    instance_type: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_]+$")] | None = None
    """Size of its machines, such as `Standard_DS3_v2`."""
    instance_count: Annotated[int, Field(ge=1, le=50)] | None = None
    """How many machines. New deployments get 1."""
    scale: ScaleSettings | None = None
    """How the number of instances is chosen."""
    liveness_probe: Probe | None = None
    """How Azure finds out whether an instance is alive."""
    readiness_probe: Probe | None = None
    """How Azure finds out whether an instance is ready."""
    startup_probe: Probe | None = None
    """How Azure finds out whether an instance has started; the other probes begin then."""
    request_settings: RequestSettings | None = None
    """How requests are handled."""
    environment_variables: Annotated[list[EnvironmentVariable], Field(max_length=100), ListMap("name")] | None = None
    """Environment variables of the scoring container."""
    app_insights_enabled: bool | None = None
    """Whether calls and logs go to Application Insights."""
    data_collector: DataCollector | None = None
    """Keeps what goes into and comes out of the model, for monitoring."""
    egress_public_network_access: Toggle | None = None
    """Whether the container may reach the internet. Azure's own default is Enabled."""
    model_mount_path: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^/")] | None = None
    """Where the model is mounted in a custom container."""
    description: Annotated[str, Field(max_length=1024)] | None = None
    """What it is for."""
    tags: Tags | None = None
    """Tags. Those that are not written here are left alone."""
    failure_policy: Literal["Update", "Recreate"] | None = None
    """What is done about a deployment that Azure could not make, once the manifest changes or another try is asked for
    (annotation `mlgate.dev/reconcile-requested-at`). `Update`, the default: the wish is sent again over what is there.
    `Recreate`: it is removed first, but only while no traffic goes to it."""
    preflight: Literal["Check", "Skip"] | None = None
    """Whether mlgate looks, before a new deployment is made, for what would let it fail after minutes: a missing model
    version, an instance type that the region does not offer, too little quota, missing roles. The default is Check."""


class AzureMLOnlineDeploymentSpec(ManagedSpec, DeploymentFields):
    """Desired state of an Azure ML online deployment."""

    validations: ClassVar[tuple[Cel, ...]] = (
        fixed(
            "azureName", "azureName cannot be changed, added or removed later: create another AzureMLOnlineDeployment"
        ),
    )

    endpoint_ref: Annotated[
        ObjectRef, Immutable("endpointRef cannot be changed: create another AzureMLOnlineDeployment")
    ]
    """The AzureMLOnlineEndpoint it serves behind."""
    azure_name: EndpointName | None = None
    """Name in Azure, unique in the endpoint; `traffic` uses it. Unset: the object's name."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may refer to this deployment. Unset: only this namespace."""


class DeploymentFailure(Api):
    """Why Azure could not make it work."""

    code: Annotated[str, Field(max_length=256)]
    """Azure's code, such as `OutOfQuota`."""
    message: Annotated[str, Field(max_length=8192)] = ""
    """What happened, why, and what to do."""
    log: Annotated[list[Annotated[str, Field(max_length=512)]], Field(max_length=20)] | None = None
    """The last lines of the container's log, with secrets masked."""


class AzureMLOnlineDeploymentStatus(ManagedStatus):
    """How the deployment stands."""

    provisioning_state: ProvisioningState | None = None
    """What Azure says."""
    azure_name: Annotated[str, Field(max_length=32)] | None = None
    """Its name in Azure."""
    model_id: Annotated[str, Field(max_length=1024)] | None = None
    """The model version in use."""
    environment_id: Annotated[str, Field(max_length=1024)] | None = None
    """The environment version in use."""
    instance_count: Annotated[int, Field(ge=0)] | None = None
    """How many machines it has."""
    failure: DeploymentFailure | None = None
    """Why it failed."""


AZURE_ML_ONLINE_DEPLOYMENT = KindType(
    kind="AzureMLOnlineDeployment",
    plural="azuremlonlinedeployments",
    short_names=("amld",),
    spec=AzureMLOnlineDeploymentSpec,
    status=AzureMLOnlineDeploymentStatus,
    description="A model served behind an Azure ML online endpoint.",
    columns=columns(
        Column("Endpoint", ".spec.endpointRef.name"),
        Column("Instances", ".status.instanceCount", type="integer"),
        Column("State", ".status.provisioningState"),
        Column("Model", ".status.modelId", priority=1),
    ),
    rules=(OBJECT_NAME_IS_ENDPOINT_NAME,),
)
