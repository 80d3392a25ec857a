"""Auth0Client: an application.

Wire contract: shared facts, auth0 section 2.2 (POST/PATCH /clients). `app_type` can be changed later. client_metadata
holds 10 keys of 255 characters; two carry our mark. An application holds at most two public keys, which is what makes a
rotation without an outage possible for private_key_jwt and impossible for a client secret (rotate-secret ends the old
one at once).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, Immutable, ListSet, Within
from .meta import Api, Column, Duration, KindType, ObjectName, Timestamp, columns
from .references import AllowedNamespaces, ObjectRef

Seconds = Annotated[int, Field(ge=1, le=31557600)]
Url = Annotated[str, Field(min_length=1, max_length=2048, pattern=r"^[^\s]+$")]
Urls = Annotated[list[Url], Field(max_length=100), ListSet()]
ClientMetadata = Annotated[
    dict[str, Annotated[str, Field(max_length=255)]],
    Field(max_length=8),
    Cel("self.all(key, size(key) <= 255)", "keys of clientMetadata have at most 255 characters"),
    Cel("self.all(key, !key.startsWith('mlgate'))", "keys of clientMetadata that begin with mlgate are mlgate's own"),
]
ROTATION_RULES = (
    Cel("!has(self.overlap) || has(self.rotateEvery)", "overlap needs rotateEvery"),
    Cel(
        "!has(self.overlap) || !has(self.rotateEvery) || duration(self.overlap) < duration(self.rotateEvery)",
        "overlap must be shorter than rotateEvery",
    ),
)
RotateEvery = Annotated[Duration, Within("1h", "8760h")]
Overlap = Annotated[Duration, Within("1m", "720h")]


class SecretTemplate(Api):
    """A Secret that mlgate writes and owns."""

    name: ObjectName
    """Name of the Secret, in this namespace."""
    labels: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32)] | None = None
    """Labels to put on the Secret."""
    data: (
        Annotated[
            dict[str, Annotated[str, Field(max_length=4096)]],
            Field(max_length=32),
            Cel("self.all(key, key.matches('^[-._a-zA-Z0-9]{1,253}$'))", "keys of data must be valid keys of a Secret"),
        ]
        | None
    ) = None
    """Further entries to put into the Secret as they are. Not for secrets: they stand here in the clear."""


class CredentialsSecret(SecretTemplate):
    """The Secret that receives the application's credentials, and how often they are replaced."""

    validations: ClassVar[tuple[Cel, ...]] = ROTATION_RULES

    rotate_every: RotateEvery | None = None
    """How often the credential is replaced, such as `720h`. Unset: never."""
    overlap: Overlap | None = None
    """How long the old key stays valid after a rotation. For private_key_jwt only: a replaced client secret ends at
    once."""


class JwtConfiguration(Api):
    """ID tokens of the application."""

    alg: Literal["RS256", "RS512", "PS256", "HS256"] | None = None
    """How ID tokens are signed. New applications get RS256."""
    lifetime_in_seconds: Annotated[int, Field(ge=1, le=2592000)] | None = None
    """Seconds an ID token is valid."""


class RefreshToken(Api):
    """Refresh tokens of the application."""

    rotation_type: Literal["rotating", "non-rotating"] | None = None
    """Whether every use replaces the refresh token."""
    expiration_type: Literal["expiring", "non-expiring"] | None = None
    """Whether refresh tokens end at all."""
    leeway: Annotated[int, Field(ge=0, le=31557600)] | None = None
    """Seconds in which a replaced refresh token may be used again."""
    token_lifetime: Seconds | None = None
    """Seconds until a refresh token ends, used or not."""
    idle_token_lifetime: Seconds | None = None
    """Seconds until an unused refresh token ends."""
    infinite_token_lifetime: bool | None = None
    """True ignores `tokenLifetime`."""
    infinite_idle_token_lifetime: bool | None = None
    """True ignores `idleTokenLifetime`."""


class Auth0ClientSpec(ManagedSpec):
    """Desired state of an Auth0 application."""

    validations: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "!has(self.tokenEndpointAuthMethod) || self.tokenEndpointAuthMethod != 'none' || !has(self.grantTypes)"
            " || !('client_credentials' in self.grantTypes)",
            "client_credentials needs a tokenEndpointAuthMethod other than none",
        ),
        Cel(
            "!has(self.credentialsSecret) || !has(self.credentialsSecret.overlap)"
            " || (has(self.tokenEndpointAuthMethod) && self.tokenEndpointAuthMethod == 'private_key_jwt')",
            "overlap needs tokenEndpointAuthMethod: private_key_jwt, a replaced client secret ends at once",
        ),
    )

    tenant_ref: Annotated[ObjectRef, Immutable("tenantRef cannot be changed: create another Auth0Client")]
    """The Auth0Tenant that the application lives in."""
    name: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^<>]+$")] | None = None
    """Name shown to users. Unset: the object's name. Need not be unique in the tenant."""
    app_type: Literal["native", "spa", "regular_web", "non_interactive"] | None = None
    """What kind of application it is. New applications get `non_interactive` (machine to machine)."""
    description: Annotated[str, Field(max_length=140)] | None = None
    """What the application is for."""
    callbacks: Urls | None = None
    """Where a login may return to."""
    allowed_logout_urls: Urls | None = None
    """Where a logout may return to."""
    web_origins: Urls | None = None
    """Origins that may use silent authentication."""
    allowed_origins: Urls | None = None
    """Origins that may call Auth0 from a browser."""
    grant_types: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=128)]], Field(max_length=32), ListSet()] | None
    ) = None
    """OAuth grants the application may use. New applications get the secure minimum of their type, never `implicit`."""
    client_metadata: ClientMetadata | None = None
    """Your own key-value pairs on the application, at most 8. Keys that are not written here are left alone."""
    jwt_configuration: JwtConfiguration | None = None
    """ID tokens of the application."""
    refresh_token: RefreshToken | None = None
    """Refresh tokens of the application."""
    token_endpoint_auth_method: (
        Literal["none", "client_secret_post", "client_secret_basic", "private_key_jwt"] | None
    ) = None
    """How the application proves who it is. With `private_key_jwt` mlgate makes the key pair and keeps the private key
    in `credentialsSecret` only."""
    oidc_conformant: bool | None = None
    """Whether Auth0 sticks strictly to OpenID Connect. New applications get true."""
    credentials_secret: CredentialsSecret | None = None
    """The Secret that receives the client id and its secret or private key. Unset: none is written."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may refer to this application. Unset: only this namespace."""


class CredentialStatus(Api):
    """The credential in `credentialsSecret`."""

    method: Annotated[str, Field(max_length=32)] | None = None
    """How it proves who the application is."""
    key_ids: Annotated[list[Annotated[str, Field(max_length=256)]], Field(max_length=4), ListSet()] | None = None
    """Ids of the public keys at Auth0 that are ours, the one in use first."""
    issued_at: Timestamp | None = None
    """When it was made."""
    rotate_at: Timestamp | None = None
    """When the next one is made."""


class Auth0ClientStatus(ManagedStatus):
    """How the application stands."""

    client_id: Annotated[str, Field(max_length=64)] | None = None
    """Its client id."""
    name: Annotated[str, Field(max_length=255)] | None = None
    """Its name at Auth0."""
    credentials_secret_name: ObjectName | None = None
    """The Secret that holds its credentials."""
    credential: CredentialStatus | None = None
    """The credential in that Secret."""


AUTH0_CLIENT = KindType(
    kind="Auth0Client",
    plural="auth0clients",
    short_names=("a0c",),
    spec=Auth0ClientSpec,
    status=Auth0ClientStatus,
    description="An application registered at Auth0.",
    columns=columns(
        Column("Client-ID", ".status.clientId"),
        Column("Type", ".spec.appType", priority=1),
        Column("Secret", ".status.credentialsSecretName", priority=1),
    ),
)
