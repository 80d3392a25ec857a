"""Auth0Tenant: the connection to an Auth0 tenant, and the tenant settings that the user wants kept.

Request budgets per subscription plan: shared facts, auth0 section 5. Settings are merged by the service, session
lifetimes are hours there (shared facts, auth0 section 2.2, PATCH /tenants/settings). The tenant itself is never
created or deleted, so `deletionPolicy` and `import` are left out.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .managed import ManagedSpec, ManagedStatus
from .markers import Immutable, ListMap, ListSet
from .meta import Api, Column, Host, HttpsUrl, KindType, Timestamp, columns
from .references import AllowedNamespaces, SecretRef

Text = Annotated[str, Field(max_length=255)]


class Auth0Credentials(Api):
    """How mlgate signs in to the Management API."""

    secret_ref: SecretRef
    """The Secret with `clientId` and either `clientSecret` or `privateKey` (PEM)."""
    method: Literal["ClientSecret", "PrivateKey"] = "ClientSecret"
    """Which of the two the Secret holds: a client secret, or the private key of a private_key_jwt application."""


class Auth0TenantSettings(Api):
    """Settings of the tenant. What is not written here is left alone."""

    friendly_name: Text | None = None
    """Name shown to users on login pages."""
    picture_url: HttpsUrl | None = None
    """Logo shown to users on login pages."""
    support_email: Annotated[str, Field(max_length=254, pattern=r"^[^\s@]+@[^\s@]+$")] | None = None
    """Address shown to users who need help."""
    support_url: HttpsUrl | None = None
    """Page shown to users who need help."""
    default_audience: Annotated[str, Field(max_length=600, pattern=r"^[^\s]*$")] | None = None
    """Identifier of the API that tokens are for when a login names none. Empty: none, as Auth0 itself begins."""
    default_directory: Annotated[str, Field(max_length=128)] | None = None
    """Name of the connection used by the password grant."""
    session_lifetime: Annotated[int, Field(ge=1, le=8760)] | None = None
    """Hours until a session ends, used or not."""
    idle_session_lifetime: Annotated[int, Field(ge=1, le=8760)] | None = None
    """Hours until an unused session ends."""
    allowed_logout_urls: (
        Annotated[list[Annotated[str, Field(max_length=2048)]], Field(max_length=100), ListSet()] | None
    ) = None
    """Where a logout without a client id may return to."""
    enabled_locales: (
        Annotated[list[Annotated[str, Field(max_length=16)]], Field(min_length=1, max_length=100)] | None
    ) = None
    """Languages of the login pages, the first is the default."""
    default_redirection_uri: HttpsUrl | None = None
    """Where users are sent who cannot be sent back to an application."""
    ephemeral_session_lifetime: Annotated[int, Field(ge=1, le=8760)] | None = None
    """Hours until a session ends that does not outlive the browser, used or not."""
    idle_ephemeral_session_lifetime: Annotated[int, Field(ge=1, le=8760)] | None = None
    """Hours until such a session ends unused."""
    sandbox_version: Annotated[str, Field(max_length=16, pattern=r"^[0-9]+$")] | None = None
    """Node.js of the tenant's extensions, such as `22`."""
    flags: Annotated[dict[str, bool], Field(max_length=100)] | None = None
    """Feature switches in Auth0's own words (`enable_client_connections: false`). Those not written are left alone."""
    acr_values_supported: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=255)]], Field(max_length=100), ListSet()] | None
    ) = None
    """Authentication contexts that the tenant offers."""
    customize_mfa_in_postlogin_action: bool | None = None
    """Whether Actions choose the factors of MFA."""
    pushed_authorization_requests_supported: bool | None = None
    """Whether authorization requests may be pushed (PAR)."""
    phone_consolidated_experience: bool | None = None
    """Whether phone messages of all features go through one provider."""
    client_id_metadata_document_supported: bool | None = None
    """Whether applications may be registered by the URL of their metadata."""
    dynamic_client_registration_security_mode: Literal["strict", "permissive"] | None = None
    """Rules for applications that register themselves."""
    resource_parameter_profile: Literal["audience", "compatibility"] | None = None
    """How the `resource` parameter of a request is understood."""


class Auth0TenantSpec(ManagedSpec):
    """Desired state of an Auth0 tenant and how to reach it."""

    omit: ClassVar[frozenset[str]] = frozenset({"import", "deletionPolicy"})

    domain: Annotated[Host, Immutable("domain cannot be changed, it is another tenant: create another Auth0Tenant")]
    """The tenant's own domain, such as `example.eu.auth0.com` (not a custom domain)."""
    credentials: Auth0Credentials
    """How mlgate signs in to the Management API."""
    plan: Literal[
        "Free", "Essentials", "Professional", "B2B", "Enterprise", "EnterpriseNonProduction", "PrivateCloud", "Auto"
    ] = "Free"
    """The subscription plan, which decides how many requests mlgate sends at most. Headers and refusals of the service
    refine it; `Auto` goes by these alone."""
    follow_logs: bool = False
    """Read the tenant's log every few seconds (one request, when there are some to spare), so that a change made by hand
    is noticed in seconds instead of at the next drift check. Needs the scope `read:logs`."""
    settings: Auth0TenantSettings | None = None
    """Tenant settings to keep. What is not written here is left alone."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may use this tenant through mlgate. Unset: only this namespace."""
    allow_delete: bool = True
    """False keeps mlgate from deleting anything in this tenant."""
    max_deletes_per_hour: Annotated[int, Field(ge=1, le=10000)] | None = None
    """How many objects mlgate deletes in this tenant within an hour, so that a bad commit does not empty it; the rest wait
    and say so. Unset: as many as are deleted."""


Scopes = Annotated[list[Annotated[str, Field(max_length=280)]], Field(max_length=512), ListSet()]


class DeletesInMinute(Api):
    """Deletes within one minute."""

    at: Timestamp
    """When the minute ended."""
    count: Annotated[int, Field(ge=1)]
    """How many."""


class RequestLimit(Api):
    """How many requests of one sort are sent at most."""

    group: Annotated[str, Field(max_length=128)]
    """`tenant` (all together), `others` (those without a limit of their own), or the requests that Auth0 counts together."""
    burst: Annotated[int, Field(ge=1)] | None = None
    """At once, by the plan."""
    per_minute: Annotated[int, Field(ge=1)] | None = None
    """In the long run, by the plan."""
    learned_per_minute: Annotated[int, Field(ge=1)] | None = None
    """In the long run, after refusals taught that it is less: others use the tenant too, or the plan is told wrongly."""


class RequestBudget(Api):
    """What the tenant is taken to allow."""

    per_minute: Annotated[int, Field(ge=1)] | None = None
    """Of the limit that most requests meet, as it is now. Unset: nothing is known yet (plan `Auto`)."""
    limits: Annotated[list[RequestLimit], Field(max_length=64), ListMap("group")] | None = None
    """Each limit."""


class Auth0TenantStatus(ManagedStatus):
    """How the tenant stands."""

    issuer: Annotated[str, Field(max_length=512)] | None = None
    """The `iss` of the tenant's tokens, with its trailing slash."""
    jwks_key_ids: Annotated[list[Annotated[str, Field(max_length=256)]], Field(max_length=32), ListSet()] | None = None
    """Ids of the keys that tokens are signed with now or next."""
    jwks: Annotated[str, Field(max_length=32768)] | None = None
    """The tenant's public signing keys (JWKS) as JSON; gateways verify tokens with it."""
    granted_scopes: Scopes | None = None
    """What the credentials may do."""
    needed_scopes: Scopes | None = None
    """What they need to be allowed for the kinds of objects that refer to this tenant, and for its own settings."""
    missing_scopes: Scopes | None = None
    """What of that they may not do."""
    excess_scopes: Scopes | None = None
    """What they may do and need not."""
    request_budget: RequestBudget | None = None
    """How many requests mlgate sends at most, by `plan` and by what the service refused since."""
    warnings: Annotated[list[Annotated[str, Field(max_length=2048)]], Field(max_length=16)] | None = None
    """What in the tenant wants attention although mlgate does not manage it: Rules and Hooks that are past their end of
    life, where the credentials may read them."""
    deletes: Annotated[list[DeletesInMinute], Field(max_length=61), ListMap("at")] | None = None
    """What mlgate deleted in this tenant within an hour, where `maxDeletesPerHour` is set."""


AUTH0_TENANT = KindType(
    kind="Auth0Tenant",
    plural="auth0tenants",
    short_names=("a0t",),
    spec=Auth0TenantSpec,
    status=Auth0TenantStatus,
    description="An Auth0 tenant: how mlgate signs in to it, who may use it, and the settings that are kept.",
    columns=columns(
        Column("Domain", ".spec.domain"),
        Column("Budget", ".status.requestBudget.perMinute", type="integer"),
    ),
)
