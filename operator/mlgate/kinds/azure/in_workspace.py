"""What lives inside a workspace: how its session and its ARM id are found from the objects it refers to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...api.references import ObjectRef
from ...azureml import Session, Sessions
from ...engine.protocols import Owner
from ...engine.references import Need, Ref, Resolved, Target
from ...errors import Wait
from ...store.protocol import Key
from .. import links
from .on_azure import session


@dataclass(frozen=True, slots=True)
class Placed:
    """A session, and the ARM id of the resource that an object means."""

    session: Session
    id: str

    @property
    def gate(self) -> str:
        return self.session.gate


def workspace(owner: Owner, ref: ObjectRef, path: str = "spec.workspaceRef") -> Ref:
    """The workspace and, behind it, its connection and credentials."""
    return Ref(links.key("AzureMLWorkspace", owner, ref), path, Need.IDENTITY, then=_connection)


def endpoint(owner: Owner, ref: ObjectRef, path: str = "spec.endpointRef", kind: str = "AzureMLOnlineEndpoint") -> Ref:
    """The endpoint and, behind it, its workspace, connection and credentials."""
    return Ref(links.key(kind, owner, ref), path, Need.IDENTITY, then=_workspace)


def find_session(sessions: Sessions, refs: Resolved) -> Session:
    """The session of the one connection among the resolved references. Raises KeyError when it is gone."""
    target = next((t for key, t in refs.targets.items() if key.kind == "AzureConnection"), None)
    if target is None:
        raise KeyError("AzureConnection")
    return session(sessions, target, refs.secrets)


def target_of(kind: str, refs: Resolved) -> Target:
    """The one resolved object of a kind. Raises KeyError when it is gone."""
    target = next((t for key, t in refs.targets.items() if key.kind == kind), None)
    if target is None:
        raise KeyError(kind)
    return target


def arm_id_of(kind: str, refs: Resolved) -> str:
    """The ARM id of the one resolved object of a kind. Raises KeyError when it has none (any more)."""
    found = target_of(kind, refs).external_id
    if found is None:
        raise KeyError(kind)
    return found


def location(refs: Resolved) -> str:
    """The region of the workspace. Raises Wait until it says it."""
    within = target_of("AzureMLWorkspace", refs)
    found = within.status.get("location")
    if found is None:
        raise Wait(f"AzureMLWorkspace {within.namespace}/{within.name} does not say its location yet.")
    return str(found)


def being_made(refs: Resolved) -> str:
    """Why nothing can be made in the workspace yet (empty: it can)."""
    within = target_of("AzureMLWorkspace", refs)
    if within.status.get("provisioningState") != "Succeeded":
        return f"AzureMLWorkspace {within.namespace}/{within.name} is still being made."
    return ""


def busy(kind: str, refs: Resolved) -> str:
    """Why no deployment of the endpoint can be changed now (empty: it can)."""
    behind = target_of(kind, refs)
    state = behind.status.get("provisioningState")
    if state == "Succeeded":
        return ""
    name = f"{kind} {behind.namespace}/{behind.name}"
    if state in ("Failed", "Canceled"):
        return f"Waits for {name}, which failed: Azure changes no deployment of it until it is well again."
    return f"Waits for {name}, which is being {'made' if state in (None, 'Creating') else 'changed'}."


def _connection(target: Target) -> Iterable[Ref]:
    named = target.spec["connectionRef"]
    asking = Owner(target.namespace, target.name, "", 0, None)  # type: ignore[arg-type]
    ref = ObjectRef.model_validate(named)
    yield links.connection(asking, ref, f"spec.connectionRef of AzureMLWorkspace {target.name}")


def _workspace(target: Target) -> Iterable[Ref]:
    named = target.spec["workspaceRef"]
    key = Key("AzureMLWorkspace", named.get("namespace") or target.namespace, named["name"])
    path = f"spec.workspaceRef of {target.object['kind']} {target.name}"
    yield Ref(key, path, Need.IDENTITY, then=_connection)
