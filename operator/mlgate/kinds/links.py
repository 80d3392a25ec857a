"""Turning the references of a manifest into the engine's: who is meant, and how far it must be."""

from __future__ import annotations

from ..api.references import ApiRef, ClientRef, ObjectRef, RoleRef, SecretKeyRef, SecretRef, UserRef
from ..engine.protocols import Owner
from ..engine.references import SECRET, Need, Ref, Target
from ..store.protocol import Key


def key(kind: str, owner: Owner, ref: ObjectRef | ApiRef | ClientRef | UserRef | RoleRef) -> Key:
    """The object that a reference of `owner` names: in its own namespace unless another is written."""
    assert ref.name is not None
    return Key(kind, ref.namespace or owner.namespace, ref.name)


def to(
    kind: str, owner: Owner, ref: ObjectRef | ApiRef | ClientRef | UserRef | RoleRef, path: str, need: Need = Need.READY
) -> Ref:
    """A reference to an object."""
    return Ref(key(kind, owner, ref), path, need)


def secret(
    namespace: str, ref: SecretRef | SecretKeyRef, path: str, *, guard: bool = False, need: Need = Need.READY
) -> Ref:
    """A reference to a Secret in the namespace of the object that names it."""
    return Ref(Key(SECRET, namespace, ref.name), path, need, guard=guard)


def tenant(owner: Owner, ref: ObjectRef, path: str = "spec.tenantRef") -> Ref:
    """The Auth0Tenant, with the credentials that it is reached with."""
    return Ref(key("Auth0Tenant", owner, ref), path, Need.STANDING, then=_tenant_credentials)


def connection(owner: Owner, ref: ObjectRef, path: str = "spec.connectionRef") -> Ref:
    """The AzureConnection, with the credentials that it is reached with."""
    return Ref(key("AzureConnection", owner, ref), path, Need.STANDING, then=_connection_credentials)


def _tenant_credentials(target: Target) -> list[Ref]:
    name = target.spec["credentials"]["secretRef"]["name"]
    return [Ref(Key(SECRET, target.namespace, name), f"spec.credentials of Auth0Tenant {target.name}")]


def _connection_credentials(target: Target) -> list[Ref]:
    named = target.spec["auth"].get("secretRef")
    if not named:
        return []
    return [Ref(Key(SECRET, target.namespace, named["name"]), f"spec.auth of AzureConnection {target.name}")]
