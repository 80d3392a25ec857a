"""AzureMLOnlineEndpoint: the address and the traffic split of online deployments.

Names are unique per region; identity and location cannot be changed, the authentication mode can (every client's
credential changes with it); traffic sums to 0 or 100; at most 20 deployments (shared facts, azure-ml section 2). A
deployment gets live or mirrored traffic, not both.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .azure import OBJECT_NAME_IS_ENDPOINT_NAME, EndpointName, Identity, ProvisioningState, Tags, Toggle
from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, Immutable, ListSet, Within, fixed
from .meta import Api, Column, Duration, KindType, ObjectName, Timestamp, columns
from .references import AllowedNamespaces, ObjectRef, SecretRef

AuthMode = Literal["Key", "AMLToken", "AADToken"]
Percent = Annotated[int, Field(ge=0, le=100)]
Traffic = Annotated[
    dict[str, Percent],
    Field(max_length=20),
    Cel("self.map(name, self[name]).sum() in [0, 100]", "the percentages of traffic must add up to 100 (or all be 0)"),
    Cel("self.all(name, size(name) <= 32)", "keys of traffic are deployment names of at most 32 characters"),
]
MirrorTraffic = Annotated[
    dict[str, Annotated[int, Field(ge=0, le=50)]],
    Field(max_length=1),
    Cel("self.all(name, size(name) <= 32)", "keys of mirrorTraffic are deployment names of at most 32 characters"),
]
NOT_BOTH_LIVE_AND_MIRRORED = Cel(
    "!has(self.mirrorTraffic) || !has(self.traffic)"
    " || self.mirrorTraffic.all(name, !(name in self.traffic) || self.traffic[name] == 0)",
    "a deployment gets either traffic or mirrorTraffic, not both",
)
EndpointProperties = Annotated[
    dict[str, Annotated[str, Field(max_length=1024)]],
    Field(max_length=32),
    Cel("self.all(name, size(name) <= 256)", "keys of properties have at most 256 characters"),
    Cel(
        "self.all(name, !name.startsWith('azureml.') && name != 'AzureAsyncOperationUri')",
        "properties that begin with azureml. and AzureAsyncOperationUri are Azure's own",
    ),
]


class KeyRotation(Api):
    """How often the keys of an endpoint are replaced."""

    rotate_every: Annotated[Duration, Within("1h", "8760h")] | None = None
    """How often the keys of an endpoint with authMode Key are replaced, such as `720h`. Unset: never. Tokens are renewed
    by themselves."""
    rotate_at: Timestamp | None = None
    """Keys that came into use before this moment are replaced as soon as it has passed: write the present time to have
    them replaced now."""
    overlap: Annotated[Duration, Within("1m", "720h")] | None = None
    """How long the old key stays valid after the new one was put into the Secret, for readers other than mlgate's
    gateways. Unset: until every gateway that uses it has taken the new one, which is waited for in any case."""


class EndpointCredentialsSecret(KeyRotation, SecretRef):
    """The Secret that receives what callers present, and how often keys are replaced."""


class AzureMLOnlineEndpointSpec(ManagedSpec):
    """Desired state of an Azure ML online endpoint."""

    validations: ClassVar[tuple[Cel, ...]] = (
        fixed("azureName", "azureName cannot be changed, added or removed later: create another AzureMLOnlineEndpoint"),
        fixed("identity", "identity cannot be changed, added or removed later: create another AzureMLOnlineEndpoint"),
        fixed(
            "properties", "properties cannot be changed, added or removed later: create another AzureMLOnlineEndpoint"
        ),
        NOT_BOTH_LIVE_AND_MIRRORED,
        Cel(
            "!has(self.credentialsSecret) || !(has(self.credentialsSecret.rotateEvery)"
            " || has(self.credentialsSecret.rotateAt) || has(self.credentialsSecret.overlap))"
            " || (has(self.authMode) && self.authMode == 'Key')",
            "rotateEvery, rotateAt and overlap need authMode: Key; tokens are renewed by themselves",
        ),
    )

    workspace_ref: Annotated[
        ObjectRef, Immutable("workspaceRef cannot be changed: create another AzureMLOnlineEndpoint")
    ]
    """The AzureMLWorkspace it is in."""
    azure_name: EndpointName | None = None
    """Name in Azure, unique in the region. Unset: the object's name."""
    auth_mode: AuthMode | None = None
    """The credential that callers present: a key, a token of Azure ML, or one of Microsoft Entra. New endpoints get
    AMLToken. Changing it invalidates every credential in use."""
    identity: Identity | None = None
    """As whom deployments act. New endpoints get SystemAssigned. Cannot be changed."""
    description: Annotated[str, Field(max_length=1024)] | None = None
    """What it is for."""
    traffic: Traffic | None = None
    """Percent of the calls that each deployment answers, by deployment name. Unset: left alone."""
    mirror_traffic: MirrorTraffic | None = None
    """Percent of the calls that are copied to one deployment whose answers are dropped, at most 50."""
    public_network_access: Toggle | None = None
    """Whether it can be called from the internet."""
    tags: Tags | None = None
    """Tags. Those that are not written here are left alone."""
    properties: EndpointProperties | None = None
    """Properties that Azure keeps with it. Cannot be changed."""
    credentials_secret: EndpointCredentialsSecret | None = None
    """The Secret that mlgate writes, with the current credential, and keeps fresh. Unset: none is written."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may refer to this endpoint. Unset: only this namespace."""


class EndpointCredentialStatus(Api):
    """The credential in the credentials Secret."""

    mode: Annotated[str, Field(max_length=32)] | None = None
    """The authMode that it is for."""
    slot: Annotated[str, Field(max_length=16)] | None = None
    """Which of the two keys it is: Primary or Secondary."""
    fingerprint: Annotated[str, Field(max_length=64)] | None = None
    """Tells whether the Secret still holds it, and nothing else."""
    issued_at: Timestamp | None = None
    """When it came into use."""
    refresh_after: Timestamp | None = None
    """When a token is replaced."""
    expires_at: Timestamp | None = None
    """When it ends. Unset: it does not end by itself."""
    rotate_at: Timestamp | None = None
    """When the next rotation of keys begins."""
    retiring: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=2), ListSet()] | None = None
    """Fingerprints of the keys that the rotation under way replaces."""
    regenerating: Annotated[str, Field(max_length=16)] | None = None
    """The key that Azure was asked to replace in this rotation."""
    regenerating_since: Timestamp | None = None
    """When it was asked."""
    waits_for: Annotated[str, Field(max_length=1024)] | None = None
    """What the rotation under way waits for."""
    checked_at: Timestamp | None = None
    """When Azure was last asked for its keys."""
    endpoint_created_at: Annotated[str, Field(max_length=64)] | None = None
    """When the endpoint was made that accepts it, as Azure says."""


class AzureMLOnlineEndpointStatus(ManagedStatus):
    """How the endpoint stands."""

    scoring_uri: Annotated[str, Field(max_length=2048)] | None = None
    """Where it is called."""
    swagger_uri: Annotated[str, Field(max_length=2048)] | None = None
    """Where its OpenAPI document is."""
    principal_id: Annotated[str, Field(max_length=64)] | None = None
    """Object id of its system-assigned identity."""
    auth_mode: Annotated[str, Field(max_length=32)] | None = None
    """The authentication mode in force."""
    traffic: Annotated[dict[str, int], Field(max_length=20)] | None = None
    """The traffic in force."""
    provisioning_state: ProvisioningState | None = None
    """What Azure says."""
    credentials_secret_name: ObjectName | None = None
    """The Secret that holds the current credential."""
    credential: EndpointCredentialStatus | None = None
    """The credential in that Secret."""


AZURE_ML_ONLINE_ENDPOINT = KindType(
    kind="AzureMLOnlineEndpoint",
    plural="azuremlonlineendpoints",
    short_names=("amle",),
    spec=AzureMLOnlineEndpointSpec,
    status=AzureMLOnlineEndpointStatus,
    description="An Azure ML online endpoint: the address of deployed models and the traffic split between them.",
    columns=columns(
        Column("Auth", ".status.authMode"),
        Column("State", ".status.provisioningState"),
        Column("URI", ".status.scoringUri", priority=1),
    ),
    rules=(OBJECT_NAME_IS_ENDPOINT_NAME,),
)
