"""How one object points at another, at a Secret, or at something outside; and who may point at it.

A reference names an object by `name` in the same namespace. `namespace` reaches into another one, which works only
where the target's `spec.allowedNamespaces` lets the referring namespace in: the owner of the target decides, as with
`allowedRoutes.namespaces` of Gateway API. Secrets are only ever read from the namespace of the object that names them.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .markers import Cel, ListSet, exactly_one
from .meta import Api, Audience, Namespace, ObjectName, SecretKey


class ObjectRef(Api):
    """Points at an object of the kind that the field is about."""

    name: ObjectName
    """Name of the object."""
    namespace: Namespace | None = None
    """Its namespace, when it is not this one. The target's `allowedNamespaces` must let this namespace in."""


class SecretRef(Api):
    """Points at a Secret in the same namespace."""

    name: ObjectName
    """Name of the Secret."""


class SecretKeyRef(Api):
    """Points at one key of a Secret in the same namespace."""

    name: ObjectName
    """Name of the Secret."""
    key: SecretKey
    """Key inside the Secret."""


class SecretSource(Api):
    """Where a secret value stands."""

    secret_key_ref: SecretKeyRef
    """The key of a Secret in this namespace."""


SettingPath = Annotated[
    str, Field(min_length=1, max_length=255, pattern=r"^[-_a-zA-Z0-9]{1,64}(\.[-_a-zA-Z0-9]{1,64}){0,3}$")
]


class SecretSetting(Api):
    """A setting that is a secret."""

    path: SettingPath
    """Where among the settings it goes, as a path of their names with dots between them."""
    value_from: SecretSource
    """Where its value stands. Auth0 follows when the Secret changes."""


class ClientRef(Api):
    """Points at an Auth0Client, or at an application that mlgate does not manage."""

    validations: ClassVar[tuple[Cel, ...]] = (
        exactly_one("name", "clientId", message="write either name (of an Auth0Client) or clientId, not both"),
    )

    name: ObjectName | None = None
    """Name of the Auth0Client."""
    namespace: Namespace | None = None
    """Its namespace, when it is not this one; goes with `name`. The target's `allowedNamespaces` must let us in."""
    client_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[-_a-zA-Z0-9]+$")] | None = None
    """The client id of an application that is not managed here."""


class ApiRef(Api):
    """Points at an Auth0API, or at an API (resource server) that mlgate does not manage."""

    validations: ClassVar[tuple[Cel, ...]] = (
        exactly_one("name", "identifier", message="write either name (of an Auth0API) or identifier, not both"),
    )

    name: ObjectName | None = None
    """Name of the Auth0API."""
    namespace: Namespace | None = None
    """Its namespace, when it is not this one; goes with `name`. The target's `allowedNamespaces` must let us in."""
    identifier: Audience | None = None
    """The identifier (audience) of an API that is not managed here."""


class UserRef(Api):
    """Points at an Auth0User, or at a user that mlgate does not manage."""

    validations: ClassVar[tuple[Cel, ...]] = (
        exactly_one("name", "email", "userId", message="write one of name (of an Auth0User), email and userId"),
    )

    name: ObjectName | None = None
    """Name of the Auth0User."""
    namespace: Namespace | None = None
    """Its namespace, when it is not this one; goes with `name`. The target's `allowedNamespaces` must let us in."""
    email: Annotated[str, Field(min_length=3, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    """The email address of a user that is not managed here. Only one user of the tenant may have it."""
    user_id: Annotated[str, Field(min_length=3, max_length=320, pattern=r"^[^|\s]+\|[^\s]+$")] | None = None
    """The id of a user that is not managed here, with its provider: the `sub` of the user's tokens."""


class RoleRef(Api):
    """Points at an Auth0Role, or at a role that mlgate does not manage."""

    validations: ClassVar[tuple[Cel, ...]] = (
        exactly_one("name", "roleId", "roleName", message="write one of name (of an Auth0Role), roleId and roleName"),
    )

    name: ObjectName | None = None
    """Name of the Auth0Role."""
    namespace: Namespace | None = None
    """Its namespace, when it is not this one; goes with `name`. The target's `allowedNamespaces` must let us in."""
    role_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^rol_[a-zA-Z0-9]+$")] | None = None
    """The id of a role that is not managed here."""
    role_name: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^<>]+$")] | None = None
    """The name, at Auth0, of a role that is not managed here."""


class AllowedNamespaces(Api):
    """Which namespaces may refer to this object. Left out: only its own."""

    validations: ClassVar[tuple[Cel, ...]] = (
        Cel("has(self.names) == (self.from == 'Names')", "names goes with from: Names, and only with it"),
    )

    from_: Annotated[Literal["Same", "All", "Names"], Field(alias="from")] = "Same"
    """`Same`: only the object's own namespace. `All`: every namespace. `Names`: its own and those in `names`."""
    names: Annotated[list[Namespace], Field(min_length=1, max_length=64), ListSet()] | None = None
    """The namespaces that may refer to this object besides its own."""

    def allows(self, own: str, asking: str) -> bool:
        """Whether objects in namespace `asking` may refer to this object in namespace `own`."""
        if asking == own or self.from_ == "All":
            return True
        return self.from_ == "Names" and asking in (self.names or ())


def may_refer(allowed: AllowedNamespaces | None, own: str, asking: str) -> bool:
    """The same decision for a field that may be unset: then only the object's own namespace."""
    return (allowed or AllowedNamespaces()).allows(own, asking)
