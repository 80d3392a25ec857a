"""Auth0RoleAssignment: a user has a role, for good or until a moment.

A user has at most 50 roles (shared facts, auth0 section 5).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .managed import ManagedSpec, ManagedStatus
from .markers import Immutable
from .meta import Column, KindType, Timestamp, columns
from .references import ObjectRef, RoleRef, UserRef


class Auth0RoleAssignmentSpec(ManagedSpec):
    """Desired state of a role assignment."""

    tenant_ref: Annotated[ObjectRef, Immutable("tenantRef cannot be changed: create another Auth0RoleAssignment")]
    """The Auth0Tenant that user and role live in."""
    user_ref: Annotated[UserRef, Immutable("userRef cannot be changed: create another Auth0RoleAssignment")]
    """The user."""
    role_ref: Annotated[RoleRef, Immutable("roleRef cannot be changed: create another Auth0RoleAssignment")]
    """The role."""
    expires_at: Timestamp | None = None
    """When the user loses the role, such as `2026-12-31T23:00:00Z`. From then on the object stays and says Expired."""


class Auth0RoleAssignmentStatus(ManagedStatus):
    """How the role assignment stands."""

    user_id: Annotated[str, Field(max_length=320)] | None = None
    """The user's id."""
    role_id: Annotated[str, Field(max_length=64)] | None = None
    """The role's id."""
    assigned: bool | None = None
    """Whether the user has the role."""
    ends_at: Timestamp | None = None
    """When mlgate takes the role away, while that is to come."""


AUTH0_ROLE_ASSIGNMENT = KindType(
    kind="Auth0RoleAssignment",
    plural="auth0roleassignments",
    short_names=("a0ra",),
    spec=Auth0RoleAssignmentSpec,
    status=Auth0RoleAssignmentStatus,
    description="A role that a user has, for good or until a moment.",
    columns=columns(
        Column("User-ID", ".status.userId"),
        Column("Role-ID", ".status.roleId"),
        Column("Expires", ".spec.expiresAt", type="date"),
    ),
)
