"""Auth0Organization: a business customer in the tenant: how its people sign in, who they are and what they may do there.

Names are unique in a tenant. An organization has at most 10 connections, a member at most 50 roles, `metadata` at most 25
keys (shared facts, auth0 sections 2.2 and 5; recordings TestAccOrganization*). Connections, members, roles, client grants
and clients are lists that others may add to.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, Immutable, exactly_one
from .meta import Api, Column, HttpsUrl, KindType, Namespace, ObjectName, columns
from .references import AllowedNamespaces, ClientRef, ObjectRef, UserRef

Color = Annotated[str, Field(min_length=4, max_length=7, pattern=r"^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$")]
Metadata = Annotated[dict[str, Annotated[str, Field(max_length=255)]], Field(max_length=23)]
Quota = Annotated[int, Field(ge=1, le=2147483647)]


class OrganizationColors(Api):
    """Colors of the organization's login pages."""

    primary: Color | None = None
    """Of buttons and links, such as `#0059d6`."""
    page_background: Color | None = None
    """Of the page."""


class OrganizationBranding(Api):
    """How the organization's login pages look."""

    logo_url: HttpsUrl | None = None
    """Where the logo is."""
    colors: OrganizationColors | None = None
    """The colors."""


class OrganizationClientQuota(Api):
    """Tokens by the client credentials grant."""

    enforce: bool | None = None
    """False only counts."""
    per_hour: Quota | None = None
    """Tokens an hour."""
    per_day: Quota | None = None
    """Tokens a day."""


class OrganizationTokenQuota(Api):
    """How many tokens applications get for the organization."""

    client_credentials: OrganizationClientQuota
    """By the client credentials grant."""


class OrganizationConnectionRef(Api):
    """Points at an Auth0Connection, or at a connection that mlgate does not manage."""

    validations: ClassVar[tuple[Cel, ...]] = (
        exactly_one(
            "name", "connectionId", message="write either name (of an Auth0Connection) or connectionId, not both"
        ),
    )

    name: ObjectName | None = None
    """Name of the Auth0Connection."""
    namespace: Namespace | None = None
    """Its namespace, when it is not this one; goes with `name`. The target's `allowedNamespaces` must let us in."""
    connection_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^con_[a-zA-Z0-9]+$")] | None = None
    """The id of a connection that is not managed here."""


class OrganizationConnection(Api):
    """A way for the organization's members to sign in."""

    validations: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "!has(self.isSignupEnabled) || !self.isSignupEnabled"
            " || (has(self.assignMembershipOnLogin) && self.assignMembershipOnLogin)",
            "isSignupEnabled needs assignMembershipOnLogin: true",
        ),
    )

    connection_ref: OrganizationConnectionRef
    """The connection."""
    assign_membership_on_login: bool | None = None
    """True makes everybody who signs in this way a member."""
    show_as_button: bool | None = None
    """Whether the login page has a button for it (enterprise connections)."""
    is_signup_enabled: bool | None = None
    """Whether users may sign up (database connections)."""


class OrganizationRoleRef(Api):
    """Points at an Auth0Role, or at a role that mlgate does not manage."""

    validations: ClassVar[tuple[Cel, ...]] = (
        exactly_one("name", "roleId", message="write either name (of an Auth0Role) or roleId, not both"),
    )

    name: ObjectName | None = None
    """Name of the Auth0Role."""
    namespace: Namespace | None = None
    """Its namespace, when it is not this one; goes with `name`. The target's `allowedNamespaces` must let us in."""
    role_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^rol_[a-zA-Z0-9]+$")] | None = None
    """The id of a role that is not managed here."""


class OrganizationMember(Api):
    """A user who belongs to the organization."""

    user_ref: UserRef
    """The user. By `email`, whoever has the address when the member is added; it must be one user of the tenant."""
    roles: Annotated[list[OrganizationRoleRef], Field(max_length=50)] | None = None
    """Roles the user has in this organization (not elsewhere). Unset: not managed."""


class OrganizationGrantRef(Api):
    """Points at an Auth0ClientGrant in the same namespace, or at a client grant that mlgate does not manage."""

    validations: ClassVar[tuple[Cel, ...]] = (
        exactly_one("name", "grantId", message="write either name (of an Auth0ClientGrant) or grantId, not both"),
    )

    name: ObjectName | None = None
    """Name of the Auth0ClientGrant."""
    grant_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^cgr_[a-zA-Z0-9]+$")] | None = None
    """The id of a client grant that is not managed here."""


class OrganizationGrant(Api):
    """A client grant that may be used for the organization."""

    client_grant_ref: OrganizationGrantRef
    """The client grant."""


class OrganizationClient(Api):
    """An application of the organization."""

    client_ref: ClientRef
    """The application."""
    use_for_member_access: bool | None = None
    """Whether members may sign in to it."""


class Auth0OrganizationSpec(ManagedSpec):
    """Desired state of an organization. What is left out is not managed."""

    validations: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "!self.exclusive || !has(self.members) || !has(self.connections)"
            " || !self.connections.exists(c, has(c.assignMembershipOnLogin) && c.assignMembershipOnLogin)",
            "exclusive members contradict assignMembershipOnLogin: true, which makes members of all who sign in",
        ),
    )

    tenant_ref: Annotated[ObjectRef, Immutable("tenantRef cannot be changed: create another Auth0Organization")]
    """The Auth0Tenant that the organization lives in."""
    name: Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[a-z0-9][a-z0-9_-]*$")] | None = None
    """Name of the organization, unique in the tenant: lower-case letters, digits, `_` and `-`. Unset: the object's name."""
    display_name: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """Name shown to users."""
    branding: OrganizationBranding | None = None
    """How its login pages look."""
    metadata: Metadata | None = None
    """Your own key-value pairs on the organization, at most 23. Keys that are not written here are left alone."""
    token_quota: OrganizationTokenQuota | None = None
    """How many tokens applications get for it."""
    third_party_client_access: Literal["allow", "block"] | None = None
    """Whether third-party applications may be used for it."""
    is_app_entitlement_active: bool | None = None
    """True lets members use only the applications in `clients`."""
    connections: Annotated[list[OrganizationConnection], Field(max_length=10)] | None = None
    """How its members sign in. Others that it has are left alone unless `exclusive`."""
    members: Annotated[list[OrganizationMember], Field(max_length=1000)] | None = None
    """Users who belong to it. Others that it has are left alone unless `exclusive`."""
    client_grants: Annotated[list[OrganizationGrant], Field(max_length=100)] | None = None
    """Client grants that may be used for it. Others that it has are left alone unless `exclusive`."""
    clients: Annotated[list[OrganizationClient], Field(max_length=500)] | None = None
    """Applications of the organization. Others that it has are left alone unless `exclusive`."""
    exclusive: bool = False
    """True removes from the lists written here what is not written in them, and other roles of members with `roles`."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may refer to this organization. Unset: only this namespace."""


class Auth0OrganizationStatus(ManagedStatus):
    """How the organization stands."""

    organization_id: Annotated[str, Field(max_length=64)] | None = None
    """Its id at Auth0: `organization` of a login, `org_id` in tokens."""
    name: Annotated[str, Field(max_length=255)] | None = None
    """Its name at Auth0."""
    members: Annotated[int, Field(ge=0)] | None = None
    """How many members it has, those of others included, where `members` is managed."""


AUTH0_ORGANIZATION = KindType(
    kind="Auth0Organization",
    plural="auth0organizations",
    short_names=("a0org",),
    spec=Auth0OrganizationSpec,
    status=Auth0OrganizationStatus,
    description="An organization at Auth0: a business customer, its members, their roles and how they sign in.",
    columns=columns(
        Column("Organization-ID", ".status.organizationId"),
        Column("Members", ".status.members", type="integer", priority=1),
    ),
    rules=(
        Cel(
            "has(self.spec.name) || self.metadata.name.matches('^[a-z0-9][a-z0-9_-]{0,49}$')",
            "the object's name is no name of an organization (at most 50 of a-z, 0-9, _ and -): write spec.name",
        ),
    ),
)
