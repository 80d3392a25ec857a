"""What mlgate asks of the place where objects live.

Objects are plain JSON dictionaries, exactly as the API server sends them. Semantics are those of the Kubernetes API
(https://kubernetes.io/docs/reference/using-api/api-concepts/); a store that cannot keep one of these promises is wrong.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Object = dict[str, Any]
"""One Kubernetes object as JSON: apiVersion, kind, metadata, and whatever the kind has."""

FIELD_MANAGER = "mlgate"
"""Our name in `metadata.managedFields`."""


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """One kind as the API server serves it. `group` is empty for core/v1."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


NAMESPACES = Resource("", "v1", "Namespace", "namespaces", namespaced=False)
SECRETS = Resource("", "v1", "Secret", "secrets")
CONFIG_MAPS = Resource("", "v1", "ConfigMap", "configmaps")
EVENTS = Resource("", "v1", "Event", "events")
LEASES = Resource("coordination.k8s.io", "v1", "Lease", "leases")


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Which object: its kind and its name. `namespace` is empty for cluster-scoped kinds."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One change. The first events of a watch are ADDED for everything that exists."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: Object


class StoreError(Exception):
    """The store refused or could not be reached. `message` is the store's own sentence."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(StoreError):
    """404: no such object (or no such namespace to create it in)."""


class AlreadyExists(StoreError):
    """409 on create: the name is taken."""


class Conflict(StoreError):
    """409 on write: the resourceVersion or uid we named is not the current one (or another manager owns a field)."""


class Invalid(StoreError):
    """422 (schema, CEL, immutable metadata) or 400 (strict decoding: unknown field): the object is wrong."""


class Forbidden(StoreError):
    """401 or 403: our identity may not do this."""


class Unavailable(StoreError):
    """The store did not answer, timed out, throttled us or answered 5xx. Nothing is known about the write."""


class Store(Protocol):
    """Reads and writes of objects. Every method is one request; none retries by itself.

    All raise `Forbidden` and `Unavailable`; the rest is said per method.
    """

    async def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """The object now, read from the source (never a cache), or None when there is none."""
        ...

    async def list(
        self, resource: Resource, namespace: str | None = None, *, labels: Mapping[str, str] | None = None
    ) -> list[Object]:
        """All objects of a kind, in one namespace or everywhere, whose labels include `labels`."""
        ...

    def watch(self, resource: Resource, namespace: str | None = None) -> AsyncIterator[WatchEvent]:
        """What exists, then every change, in order, until closed. Survives lost connections; never misses the end
        of an object that it reported (after a gap, DELETED is made up for what is no longer there)."""
        ...

    async def create(self, resource: Resource, obj: Object) -> Object:
        """Create. Raises AlreadyExists, Invalid, NotFound (no such namespace)."""
        ...

    async def apply(
        self, resource: Resource, obj: Object, *, manager: str = FIELD_MANAGER, force: bool = True, strict: bool = False
    ) -> Object:
        """Server-side apply of `obj` by `manager`: creates or merges; what this manager applied before and leaves out
        now is removed. An apply that changes nothing keeps the resourceVersion. With `metadata.resourceVersion` it is
        conditional where the object exists; where it does not, it is created all the same. Fields that the schema does
        not declare are refused (Invalid) with and without `strict`: server-side apply never prunes. Raises Invalid,
        Conflict, NotFound."""
        ...

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """JSON merge patch (RFC 7396) of everything but status. With `metadata.resourceVersion` in the patch it is
        conditional. Removing the last finalizer of an object that is being deleted ends it: the answer is then its
        last state. Raises NotFound, Conflict, Invalid."""
        ...

    async def patch_status(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """JSON merge patch of the status subresource: `patch` is `{"status": {...}}`, optionally with
        `metadata.resourceVersion`; nothing but status changes. Raises NotFound, Conflict, Invalid."""
        ...

    async def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
    ) -> None:
        """Delete in the background (dependants by owner reference follow). With finalizers the object only gets a
        deletionTimestamp. Deleting what is not there is fine. Raises Conflict when a precondition does not hold."""
        ...

    async def close(self) -> None:
        """Let go of connections and watches."""
        ...


def key_of(obj: Object) -> Key:
    """The key of an object as the API server sends it."""
    metadata = obj["metadata"]
    return Key(obj["kind"], metadata.get("namespace", ""), metadata["name"])


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: the result of `patch` on `target`; neither is changed."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def owners(obj: Object) -> Iterable[str]:
    """The uids of the objects that own `obj`."""
    return (ref["uid"] for ref in obj["metadata"].get("ownerReferences", ()))
