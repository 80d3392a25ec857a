"""Auth0Connection: a source of users, such as a database, a social or an enterprise identity provider.

Names are unique in the tenant (and stay taken while a connection is being deleted); name and strategy never change. The
service keeps `metadata` of 10 keys with 255 characters each, of which two carry our mark (shared facts, auth0 section
2.2 and 2.3; recordings TestAccConnection*). What `options` holds depends on the strategy and grows with the service, so
it is free-form here.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, FreeForm, Immutable, ListMap, ListSet, fixed
from .meta import Api, Column, KindType, columns
from .references import AllowedNamespaces, ClientRef, ObjectRef, SecretSetting

ConnectionName = Annotated[
    str, Field(min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$")
]
ConnectionMetadata = Annotated[
    dict[str, Annotated[str, Field(max_length=255)]],
    Field(max_length=8),
    Cel("self.all(key, size(key) <= 255)", "keys of metadata have at most 255 characters"),
    Cel("self.all(key, !key.startsWith('mlgate'))", "keys of metadata that begin with mlgate are mlgate's own"),
]


class Purpose(Api):
    """Whether the connection may be used for something."""

    active: bool
    """Whether it is in use for that."""


class ResourceApp(Api):
    """The part of the application whose API is called."""

    status: Literal["enabled", "disabled"]
    """Whether it plays this part."""


class Auth0ConnectionSpec(ManagedSpec):
    """Desired state of an Auth0 connection."""

    validations: ClassVar[tuple[Cel, ...]] = (
        fixed("name", "name cannot be changed: create another Auth0Connection"),
        Cel("!self.exclusive || has(self.enabledClients)", "exclusive needs enabledClients, [] to let nobody in"),
    )

    tenant_ref: Annotated[ObjectRef, Immutable("tenantRef cannot be changed: create another Auth0Connection")]
    """The Auth0Tenant that the connection lives in."""
    name: ConnectionName | None = None
    """Name of the connection, unique in the tenant, of letters, digits and hyphens. Unset: the object's name."""
    strategy: Annotated[
        str,
        Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][-_a-z0-9]*$"),
        Immutable("strategy cannot be changed: create another Auth0Connection"),
    ]
    """What kind of source it is, in Auth0's words: `auth0` for a database, `google-oauth2`, `github`, `apple`, ... for
    social ones, `oidc`, `okta`, `samlp`, `waad`, `ad`, `google-apps`, ... for enterprise ones, `email` or `sms` for
    passwordless ones."""
    display_name: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Name that the login page shows."""
    is_domain_connection: bool | None = None
    """Whether third-party applications may use it."""
    show_as_button: bool | None = None
    """Whether the login page shows a button for it. For enterprise connections."""
    realms: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=255)]], Field(max_length=20), ListSet()] | None
    ) = None
    """Realms it answers to. A new connection answers to its name."""
    metadata: ConnectionMetadata | None = None
    """Your own key-value pairs on the connection, at most 8. Keys that are not written here are left alone."""
    authentication: Purpose | None = None
    """Whether it may be used to sign in."""
    connected_accounts: Purpose | None = None
    """Whether it may be used to connect accounts (token vault)."""
    cross_app_access_requesting_app: Purpose | None = None
    """Whether applications may ask its provider for access to other applications (cross app access)."""
    cross_app_access_resource_app: ResourceApp | None = None
    """Whether its provider may give others access to APIs here (cross app access)."""
    options: Annotated[dict[str, Any], Field(max_length=128), FreeForm()] | None = None
    """What the strategy lets one set, with the Management API's own names; not for secrets, those are `optionSecrets`.
    Only keys that are written here are managed, at any depth; all others keep what they have, and `null` removes one.
    For a database: `disable_signup`, `requires_username`, `brute_force_protection`, `passwordPolicy` (`none`, `low`,
    `fair`, `good`, `excellent`), `password_complexity_options: {min_length}`, `password_history: {enable, size}`,
    `password_no_personal_info: {enable}`, `password_dictionary: {enable, dictionary}`, `validation`, `attributes` with
    `precedence`, `authentication_methods`, `passkey_options`, `mfa`, `import_mode`, `enabledDatabaseCustomization` with
    `customScripts`."""
    option_secrets: Annotated[list[SecretSetting], Field(max_length=32), ListMap("path")] | None = None
    """Options that are secrets, with paths such as `client_secret`, `twilio_token` or `configuration.API_KEY`. Their
    values are never shown in status, Events, plans or logs."""
    enabled_clients: Annotated[list[ClientRef], Field(max_length=500)] | None = None
    """Applications whose users may sign in with it. Others that may are left alone unless `exclusive`."""
    exclusive: bool = False
    """True takes the connection from applications that are not written in `enabledClients`."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may refer to this connection. Unset: only this namespace."""


class Auth0ConnectionStatus(ManagedStatus):
    """How the connection stands."""

    connection_id: Annotated[str, Field(max_length=64)] | None = None
    """Its id at Auth0."""
    name: Annotated[str, Field(max_length=128)] | None = None
    """Its name at Auth0, which users and organizations refer to."""
    strategy: Annotated[str, Field(max_length=64)] | None = None
    """Its strategy."""
    enabled_client_count: Annotated[int, Field(ge=0)] | None = None
    """How many applications may use it, where `enabledClients` is written."""


AUTH0_CONNECTION = KindType(
    kind="Auth0Connection",
    plural="auth0connections",
    short_names=("a0conn",),
    spec=Auth0ConnectionSpec,
    status=Auth0ConnectionStatus,
    description="A connection at Auth0: a database, social, enterprise or passwordless source of users.",
    columns=columns(
        Column("Strategy", ".spec.strategy"),
        Column("Connection-ID", ".status.connectionId", priority=1),
        Column("Clients", ".status.enabledClientCount", type="integer", priority=1),
    ),
)
