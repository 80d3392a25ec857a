"""Auth0Client: an application.

Wire contract: shared facts, auth0 section 2.2 (POST/PATCH /clients). `app_type` can be changed later. client_metadata
holds 10 keys of 255 characters; two carry our mark. An application holds at most two public keys, which is what makes a
rotation without an outage possible for private_key_jwt and impossible for a client secret (rotate-secret ends the old
one at once).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from .application_settings import (
    Active,
    Addons,
    ClientAuthenticationMethods,
    DefaultOrganization,
    ExpressConfiguration,
    JwtConfiguration,
    Mobile,
    MyOrganization,
    Names,
    NativeSocialLogin,
    OidcLogout,
    RefreshToken,
    SessionTransfer,
    SignedRequestObject,
    TokenExchange,
    TokenQuota,
    TokenVaultPrivilegedAccess,
    Urls,
)
from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, Immutable, ListMap, ListSet, Within, fixed
from .meta import Api, Audience, Column, Duration, KindType, ObjectName, Timestamp, columns
from .references import AllowedNamespaces, ObjectRef, SecretSetting

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


Unsettable = Literal[
    "addons",
    "asyncApprovalNotificationChannels",
    "defaultOrganization",
    "identityAssertionAuthorizationGrant",
    "oidcLogout",
    "organizationDiscoveryMethods",
    "sessionTransfer",
    "signedRequestObject",
    "skipNonVerifiableCallbackUriConfirmationPrompt",
    "tokenQuota",
    "tokenVaultPrivilegedAccess",
]
"""Settings that the service removes when it is sent null (recordings TestAccClient*)."""


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
    once. Unset: 24 hours, or half of `rotateEvery` if that is shorter."""
    accept_outage: bool = False
    """True allows `rotateEvery` for a client secret too: at each rotation workloads are refused until they have read
    the Secret again."""


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
        Cel(
            "!has(self.credentialsSecret) || !has(self.credentialsSecret.rotateEvery)"
            " || (has(self.credentialsSecret.acceptOutage) && self.credentialsSecret.acceptOutage)"
            " || (has(self.tokenEndpointAuthMethod) && self.tokenEndpointAuthMethod == 'private_key_jwt')",
            "rotateEvery needs tokenEndpointAuthMethod: private_key_jwt, or acceptOutage: true,"
            " for a replaced client secret ends at once",
        ),
        Cel(
            "!has(self.tokenEndpointAuthMethod) || self.tokenEndpointAuthMethod != 'private_key_jwt'"
            " || has(self.credentialsSecret)",
            "tokenEndpointAuthMethod: private_key_jwt needs credentialsSecret, where the private key is kept",
        ),
        Cel(
            "!has(self.unset) || !self.unset.exists(name, "
            + " || ".join(f"(name == '{name}' && has(self.{name}))" for name in get_args(Unsettable))
            + ")",
            "a setting is either written or in unset, not both",
        ),
        Cel(
            "!has(self.unset) || !('addons' in self.unset) || !has(self.addonSecrets)",
            "addonSecrets needs the add-ons that unset removes",
        ),
        Cel(
            "!has(self.clientAuthenticationMethods) || !has(self.tokenEndpointAuthMethod)",
            "write either tokenEndpointAuthMethod or clientAuthenticationMethods: the two exclude each other",
        ),
        Cel(
            "!has(self.resourceServerIdentifier) || (has(self.appType) && self.appType == 'resource_server')",
            "resourceServerIdentifier goes with appType: resource_server",
        ),
        fixed(
            "resourceServerIdentifier",
            "resourceServerIdentifier cannot be changed at Auth0: create another Auth0Client",
        ),
    )

    tenant_ref: Annotated[ObjectRef, Immutable("tenantRef cannot be changed: create another Auth0Client")]
    """The Auth0Tenant that the application lives in."""
    name: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^<>]+$")] | None = None
    """Name shown to users. Unset: the object's name. Need not be unique in the tenant."""
    app_type: (
        Literal[
            "native",
            "spa",
            "regular_web",
            "non_interactive",
            "sso_integration",
            "resource_server",
            "express_configuration",
        ]
        | None
    ) = None
    """What kind of application it is. New applications get `non_interactive` (machine to machine)."""
    resource_server_identifier: Audience | None = None
    """Identifier of the API that the application stands for, with `appType: resource_server`."""
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
    client_authentication_methods: ClientAuthenticationMethods | None = None
    """Mutual TLS, instead of `tokenEndpointAuthMethod`."""
    signed_request_object: SignedRequestObject | None = None
    """Authorization requests that the application signs (JAR)."""
    oidc_conformant: bool | None = None
    """Whether Auth0 sticks strictly to OpenID Connect. New applications get true."""
    is_first_party: bool | None = None
    """Whether the application is your own. False: users are asked for consent."""
    logo_uri: Annotated[str, Field(max_length=2048)] | None = None
    """Logo shown to users, as a URL."""
    initiate_login_uri: Annotated[str, Field(max_length=2048)] | None = None
    """Where Auth0 sends users to begin a login. Empty removes it."""
    allowed_clients: Names | None = None
    """Client ids that may ask for delegation to this application."""
    client_aliases: Names | None = None
    """Audiences that mean this application in SAML."""
    sso: bool | None = None
    """Whether Auth0 does single sign-on for it, or the identity provider (classic login)."""
    sso_disabled: bool | None = None
    """True keeps the application out of single sign-on."""
    cross_origin_authentication: bool | None = None
    """Whether credentials may be sent from another origin."""
    cross_origin_loc: Annotated[str, Field(max_length=2048)] | None = None
    """Page of yours that stands in where browsers block third-party cookies."""
    is_token_endpoint_ip_header_trusted: bool | None = None
    """Whether the token endpoint believes the `auth0-forwarded-for` header of this application."""
    custom_login_page_on: bool | None = None
    """Whether a login page of its own is used (classic login)."""
    custom_login_page: Annotated[str, Field(max_length=65536)] | None = None
    """That page, as HTML."""
    form_template: Annotated[str, Field(max_length=65536)] | None = None
    """Form of the WS-Federation response, as HTML."""
    organization_usage: Literal["deny", "allow", "require"] | None = None
    """Whether users log in to the application through an organization."""
    organization_require_behavior: Literal["no_prompt", "pre_login_prompt", "post_login_prompt"] | None = None
    """When users are asked for their organization, with `organizationUsage: require`."""
    organization_discovery_methods: (
        Annotated[list[Literal["email", "organization_name"]], Field(min_length=1, max_length=2), ListSet()] | None
    ) = None
    """How a user's organization is found, with `pre_login_prompt`."""
    default_organization: DefaultOrganization | None = None
    """The organization that is meant when a request names none."""
    oidc_logout: OidcLogout | None = None
    """Back-channel logout."""
    mobile: Mobile | None = None
    """The apps of a native application."""
    native_social_login: NativeSocialLogin | None = None
    """Social logins without a browser, for native applications."""
    session_transfer: SessionTransfer | None = None
    """Native to web: carrying a session from an app into a browser."""
    token_quota: TokenQuota | None = None
    """How many machine-to-machine tokens the application may get."""
    token_exchange: TokenExchange | None = None
    """Custom token exchange."""
    token_vault_privileged_access: TokenVaultPrivilegedAccess | None = None
    """Tokens of the token vault for the application itself."""
    express_configuration: ExpressConfiguration | None = None
    """Single sign-on that organizations set up from the Okta Integration Network."""
    require_pushed_authorization_requests: bool | None = None
    """Whether authorization requests must be pushed first (PAR)."""
    require_proof_of_possession: bool | None = None
    """Whether access tokens must be bound to a key."""
    compliance_level: (
        Literal["none", "fapi1_adv_pkj_par", "fapi1_adv_mtls_par", "fapi2_sp_pkj_mtls", "fapi2_sp_mtls_mtls"] | None
    ) = None
    """The security profile that is enforced."""
    skip_non_verifiable_callback_uri_confirmation_prompt: bool | None = None
    """Whether users are spared the question whether they trust a callback that cannot be verified."""
    async_approval_notification_channels: (
        Annotated[list[Literal["email", "guardian-push"]], Field(min_length=1, max_length=2), ListSet()] | None
    ) = None
    """How users are asked to approve in the background (CIBA)."""
    identity_assertion_authorization_grant: Active | None = None
    """Whether the application may use identity assertions."""
    third_party_security_mode: Literal["strict", "permissive"] | None = None
    """Rules for an application that is not your own. Auth0 gives new ones `strict`."""
    redirection_policy: Literal["allow_always", "open_redirect_protection"] | None = None
    """Whether errors may be redirected to the application without asking the user."""
    my_organization_configuration: MyOrganization | None = None
    """What organizations may set up by themselves through this application."""
    addons: Addons | None = None
    """Add-ons by name, with their settings in Auth0's own words (`samlp: {audience: ...}`). Add-ons that are not written
    here are left alone. Not for secrets, which are refused here: those are `addonSecrets`."""
    addon_secrets: Annotated[list[SecretSetting], Field(max_length=32), ListMap("path")] | None = None
    """Settings of add-ons that are secrets, with paths such as `azure_blob.storageAccessKey`, `sap_api.servicePassword`
    or `wams.masterkey`. Their values are never shown in status, Events, plans or logs."""
    unset: Annotated[list[Unsettable], Field(max_length=16), ListSet()] | None = None
    """Settings to remove at Auth0. Leaving a setting out of the manifest only leaves it alone."""
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
    credential_ids: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=4), ListSet()] | None = None
    """What Auth0 calls the keys that the application accepts."""
    issued_at: Timestamp | None = None
    """When it came into use."""
    rotate_at: Timestamp | None = None
    """When the next one is made."""
    next_step_at: Timestamp | None = None
    """When mlgate does something about it next: makes the next one, or removes the one before."""
    blocked_by: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=4), ListSet()] | None = None
    """What Auth0 calls the keys of others that leave no room for the next one. The one in use works on."""


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
