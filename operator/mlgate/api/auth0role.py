"""Auth0Role: a role and the permissions it grants.

Role names are unique per tenant; a tenant has at most 1000 roles, a role at most 1000 permissions (shared facts, auth0
sections 2.2 and 5). Permissions are a list that others may add to.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .managed import ManagedSpec, ManagedStatus
from .markers import Immutable
from .meta import Api, Column, KindType, Permission, columns
from .references import AllowedNamespaces, ApiRef, ObjectRef


class RolePermission(Api):
    """A permission that the role grants."""

    api_ref: ApiRef
    """The API whose permission it is."""
    name: Permission
    """Its name, such as `predict:fraud`."""


class Auth0RoleSpec(ManagedSpec):
    """Desired state of an Auth0 role."""

    tenant_ref: Annotated[ObjectRef, Immutable("tenantRef cannot be changed: create another Auth0Role")]
    """The Auth0Tenant that the role lives in."""
    name: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^<>]+$")] | None = None
    """Name of the role, unique in the tenant. Unset: the object's name."""
    description: Annotated[str, Field(max_length=255)] | None = None
    """What the role is for."""
    permissions: Annotated[list[RolePermission], Field(max_length=1000)] | None = None
    """The permissions the role grants. Others that it has are left alone unless `exclusive`."""
    exclusive: bool = False
    """True removes permissions from the role that are not written here."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may refer to this role. Unset: only this namespace."""


class Auth0RoleStatus(ManagedStatus):
    """How the role stands."""

    role_id: Annotated[str, Field(max_length=64)] | None = None
    """Its id at Auth0."""
    name: Annotated[str, Field(max_length=255)] | None = None
    """Its name at Auth0."""


AUTH0_ROLE = KindType(
    kind="Auth0Role",
    plural="auth0roles",
    short_names=("a0r",),
    spec=Auth0RoleSpec,
    status=Auth0RoleStatus,
    description="A role at Auth0 and the permissions it grants to the users who have it.",
    columns=columns(Column("Role-ID", ".status.roleId", priority=1)),
)
