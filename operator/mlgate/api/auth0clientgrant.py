"""Auth0ClientGrant: which permissions of an API an application gets, by itself or in the name of its users.

Auth0 keeps one grant per application, API and subject type; these three are immutable, the scopes are replaced as a
whole. With `allow_all_scopes` a grant has no list of scopes (shared facts, auth0 sections 2.2 and 2.3; recordings
TestAccClientGrant, TestClientGrantManager_Create).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, Immutable, ListSet
from .meta import Audience, Column, KindType, Permission, columns
from .references import ApiRef, ClientRef, ObjectRef


class Auth0ClientGrantSpec(ManagedSpec):
    """Desired state of a client grant."""

    validations: ClassVar[tuple[Cel, ...]] = (
        # an empty list may stay beside allowAllScopes: nobody owns one, so server-side apply cannot take it away
        Cel(
            "has(self.allowAllScopes) && self.allowAllScopes"
            " ? !has(self.permissions) || size(self.permissions) == 0 : has(self.permissions)",
            "write either permissions ([] for none) or allowAllScopes: true",
        ),
        Cel(
            "!has(self.allowAnyOrganization) || !self.allowAnyOrganization || !has(self.organizationUsage)"
            " || self.organizationUsage != 'deny'",
            "allowAnyOrganization: true contradicts organizationUsage: deny",
        ),
    )

    tenant_ref: Annotated[ObjectRef, Immutable("tenantRef cannot be changed: create another Auth0ClientGrant")]
    """The Auth0Tenant that application and API live in."""
    client_ref: Annotated[ClientRef, Immutable("clientRef cannot be changed at Auth0: create another Auth0ClientGrant")]
    """The application that gets the permissions."""
    api_ref: Annotated[ApiRef, Immutable("apiRef cannot be changed at Auth0: create another Auth0ClientGrant")]
    """The API that the permissions are for."""
    subject_type: Annotated[
        Literal["client", "user"],
        Immutable("subjectType cannot be changed at Auth0: create another Auth0ClientGrant"),
    ] = "client"
    """In whose name. `client`: the application's own (client credentials). `user`: what its users may let it have. An
    application has at most one grant of each for an API."""
    permissions: Annotated[list[Permission], Field(max_length=1000), ListSet()] | None = None
    """All permissions the application gets. Empty: it may get tokens for the API, without any permission."""
    allow_all_scopes: bool | None = None
    """True grants every permission that the API has, also those it gets later. Not for Auth0's own APIs."""
    organization_usage: Literal["deny", "allow", "require"] | None = None
    """Whether the application may ask for tokens in the name of an organization."""
    allow_any_organization: bool | None = None
    """True: of any organization; otherwise only of those that the grant is associated with."""
    authorization_details_types: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=255)]], Field(max_length=100), ListSet()] | None
    ) = None
    """Kinds of rich authorization requests the application may send."""


class Auth0ClientGrantStatus(ManagedStatus):
    """How the client grant stands."""

    client_id: Annotated[str, Field(max_length=64)] | None = None
    """The application's client id."""
    audience: Audience | None = None
    """The API's identifier."""


AUTH0_CLIENT_GRANT = KindType(
    kind="Auth0ClientGrant",
    plural="auth0clientgrants",
    short_names=("a0cg",),
    spec=Auth0ClientGrantSpec,
    status=Auth0ClientGrantStatus,
    description="The permissions of an API that an application gets, for itself or in the name of its users.",
    columns=columns(
        Column("Client-ID", ".status.clientId"),
        Column("Audience", ".status.audience"),
        Column("Subject", ".spec.subjectType", priority=1),
    ),
)
