"""SecuredModelEndpoint: a model, open to those who were granted it, at one URL.

A composition: it owns an endpoint, its deployments, an Auth0API with permissions, roles and a route, whose own kinds
say the details. Lists are bounded so that the rules that tie them together stay cheap for the API server.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from .auth0api import ApiPermission
from .azure import EndpointName, Identity, Tags, Toggle
from .azuremlonlineendpoint import NOT_BOTH_LIVE_AND_MIRRORED, AuthMode, KeyRotation, MirrorTraffic, Traffic
from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, Immutable, ListMap, ListSet, fixed
from .meta import AGE, MESSAGE, READY, REASON, SYNCED, Api, Audience, Column, Host, KindType, ObjectName, Permission
from .modelgateway import MaxBytes
from .modelroute import Methods, Path, RateLimit, Retries, Timeout
from .references import AllowedNamespaces, ObjectRef
from .rollout import ModelDeployment, Rollout, RolloutStatus


class EndpointFields(Api):
    """The online endpoint."""

    validations: ClassVar[tuple[Cel, ...]] = (
        fixed("azureName", "azureName cannot be changed, added or removed later: create another SecuredModelEndpoint"),
        fixed("identity", "identity cannot be changed, added or removed later: create another SecuredModelEndpoint"),
        Cel(
            "!has(self.rotation) || (has(self.authMode) && self.authMode == 'Key')",
            "rotation needs authMode: Key; tokens are renewed by themselves",
        ),
    )

    azure_name: EndpointName | None = None
    """Name in Azure, unique in the region. Unset: the object's name."""
    auth_mode: AuthMode | None = None
    """The credential that the gateway presents to the endpoint; callers never see it. New endpoints get AMLToken."""
    rotation: KeyRotation | None = None
    """How often its keys are replaced, with authMode Key. Unset: never."""
    identity: Identity | None = None
    """As whom deployments act. New endpoints get SystemAssigned. Cannot be changed."""
    description: Annotated[str, Field(max_length=1024)] | None = None
    """What it is for."""
    public_network_access: Toggle | None = None
    """Whether it can be called from the internet."""
    tags: Tags | None = None
    """Tags. Those that are not written here are left alone."""


class AccessRole(Api):
    """A role at Auth0 for users."""

    name: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^<>]+$")]
    """Name of the role, unique in the tenant."""
    description: Annotated[str, Field(max_length=255)] | None = None
    """What the role is for."""
    permissions: Annotated[list[Permission], Field(max_length=64), ListSet()]
    """Which of the endpoint's permissions it grants."""


class Access(Api):
    """Who may call it: an API at Auth0 with its permissions and roles."""

    validations: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "!has(self.roles) || self.roles.all(role, role.permissions.all(wanted,"
            " self.permissions.exists(permission, permission.name == wanted)))",
            "roles can only grant what stands in access.permissions",
        ),
    )

    tenant_ref: Annotated[ObjectRef, Immutable("tenantRef cannot be changed: create another SecuredModelEndpoint")]
    """The Auth0Tenant whose applications and users may call it."""
    audience: Annotated[Audience, Immutable("audience cannot be changed at Auth0: create another SecuredModelEndpoint")]
    """The identifier of its API at Auth0: what callers ask a token for."""
    permissions: Annotated[list[ApiPermission], Field(min_length=1, max_length=64), ListMap("name")]
    """Its permissions."""
    roles: Annotated[list[AccessRole], Field(max_length=20), ListMap("name")] | None = None
    """Roles for users."""


class SecuredRule(Api):
    """Which requests, and what they need."""

    path: Path
    """The path, exactly."""
    methods: Methods | None = None
    """The methods. Unset: any."""
    require: Annotated[list[Permission], Field(min_length=1, max_length=16), ListSet()]
    """Permissions that the caller's token must carry, all of them."""


class SecuredRoute(Api):
    """Where it is called."""

    gateway_ref: ObjectRef
    """The ModelGateway."""
    hostname: Host
    """The host name."""
    rules: Annotated[list[SecuredRule], Field(min_length=1, max_length=32)]
    """Which requests are let through, and what they need; what none matches is refused."""
    rate_limit: RateLimit | None = None
    """How many requests are let through. Unset: as many as the gateway takes."""
    timeout: Timeout | None = None
    """How long an answer may take. Unset: the gateway's limit."""
    retries: Retries | None = None
    """How often a request that the endpoint did not accept is tried again. Unset: not at all."""
    max_request_bytes: MaxBytes | None = None
    """Largest request body, in bytes. Unset: the gateway's limit."""


class SecuredModelEndpointSpec(ManagedSpec):
    """A model, open to those who were granted it, at one URL."""

    omit: ClassVar[frozenset[str]] = frozenset({"import"})
    validations: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "!has(self.traffic) || self.traffic.all(name, self.deployments.exists(d, d.name == name))",
            "traffic can only go to what stands in deployments",
        ),
        Cel(
            "!has(self.mirrorTraffic) || self.mirrorTraffic.all(name, self.deployments.exists(d, d.name == name))",
            "mirrorTraffic can only go to what stands in deployments",
        ),
        NOT_BOTH_LIVE_AND_MIRRORED,
        Cel(
            "!has(self.rollout) || size(self.deployments) == 1",
            "with rollout, deployments has exactly one entry: mlgate deploys its revisions beside each other",
        ),
        Cel(
            "!has(self.rollout) || (!has(self.traffic) && !has(self.mirrorTraffic))",
            "with rollout, mlgate moves the traffic: remove traffic and mirrorTraffic (rollout.mirror copies calls)",
        ),
        Cel(
            "!has(self.rollout) || self.managementPolicy != 'Observe'",
            "a rollout changes things outside: it does not go with managementPolicy: Observe",
        ),
        Cel(
            "self.route.rules.all(rule, rule.require.all(wanted,"
            " self.access.permissions.exists(permission, permission.name == wanted)))",
            "route.rules can only require what stands in access.permissions",
        ),
    )

    workspace_ref: Annotated[
        ObjectRef, Immutable("workspaceRef cannot be changed: create another SecuredModelEndpoint")
    ]
    """The AzureMLWorkspace that serves the model."""
    endpoint: EndpointFields = EndpointFields()
    """The online endpoint."""
    deployments: Annotated[list[ModelDeployment], Field(min_length=1, max_length=20), ListMap("name")]
    """What is deployed behind the endpoint, at most 20."""
    traffic: Traffic | None = None
    """Percent of the calls that each deployment answers. Unset: the only deployment gets all, else left alone."""
    mirror_traffic: MirrorTraffic | None = None
    """Percent of the calls that are copied to one deployment whose answers are dropped, at most 50."""
    rollout: Rollout | None = None
    """How a new deployment takes over when the one in `deployments` changes. Unset: as `deployments` and `traffic` say,
    at once. With it, `deployments` has one entry, the pattern of its revisions, and traffic is mlgate's."""
    access: Access
    """Who may call it."""
    route: SecuredRoute
    """Where it is called."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may be granted permissions with an Auth0AppBinding. Unset: only this namespace."""


class DeploymentSummary(Api):
    """How one deployment stands."""

    name: Annotated[str, Field(max_length=32)]
    """Its name."""
    ready: bool = False
    """Whether it can answer."""
    traffic: Annotated[int, Field(ge=0, le=100)] | None = None
    """Percent of the calls that it answers now."""
    state: Annotated[str, Field(max_length=32)] | None = None
    """What Azure says."""
    model_id: Annotated[str, Field(max_length=1024)] | None = None
    """The model version in use."""


class SecuredModelEndpointStatus(ManagedStatus):
    """How the model stands."""

    url: Annotated[str, Field(max_length=2048)] | None = None
    """Where it is called, such as `https://fraud.models.example.com/score`."""
    endpoint: Annotated[str, Field(max_length=2048)] | None = None
    """The scoring URI behind the gateway."""
    audience: Audience | None = None
    """What callers ask a token for."""
    traffic: Annotated[str, Field(max_length=1024)] | None = None
    """Who answers how many percent of the calls, such as `blue=90,green=10`."""
    auth: Annotated[str, Field(max_length=32)] | None = None
    """The credential that the gateway presents to the endpoint."""
    deployments: Annotated[list[DeploymentSummary], Field(max_length=20), ListMap("name")] | None = None
    """How each deployment stands."""
    api_name: ObjectName | None = None
    """The Auth0API that holds its permissions."""
    rollout: RolloutStatus | None = None
    """How the rollout stands."""
    model_versions: Annotated[dict[str, Annotated[str, Field(max_length=255)]], Field(max_length=20)] | None = None
    """Which versions are meant now where the manifest leaves them open, by `name@latest` or `name@Production`."""


SECURED_MODEL_ENDPOINT = KindType(
    kind="SecuredModelEndpoint",
    plural="securedmodelendpoints",
    short_names=("sme",),
    spec=SecuredModelEndpointSpec,
    status=SecuredModelEndpointStatus,
    description="A model of Azure ML, open to the Auth0 applications and roles that were granted it, at one URL.",
    columns=(
        Column("URL", ".status.url"),
        READY,
        Column("Traffic", ".status.traffic"),
        Column("Rollout", ".status.rollout.progress", description="How far a new deployment has taken over."),
        Column("Auth", ".status.auth"),
        AGE,
        Column("Synced", SYNCED.path, priority=1, description=SYNCED.description),
        Column("Reason", REASON.path, priority=1, description=REASON.description),
        Column("Workspace", ".spec.workspaceRef.name", priority=1),
        MESSAGE,
    ),
    conditions={
        "ModelReady": "The endpoint exists and every deployment that gets traffic answers.",
        "AccessReady": "Its API, permissions and roles stand at Auth0 as written.",
        "TrafficReady": "Traffic is split as written.",
        "RouteReady": "The gateway serves the route.",
        "RolloutReady": "The deployment that the manifest describes answers all calls. Only with `rollout`.",
    },
    rules=(
        Cel(
            "has(self.spec.endpoint.azureName) || (size(self.metadata.name) >= 3"
            " && size(self.metadata.name) <= 32 && self.metadata.name.matches('^[a-z][-a-z0-9]*$'))",
            "Azure takes names of 3 to 32 letters, digits and dashes that begin with a letter: name the object so,"
            " or write endpoint.azureName",
        ),
    ),
)
