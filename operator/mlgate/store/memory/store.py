"""`MemoryStore`: the protocol's methods on objects in this process.

One event loop uses it; every method is one step of it, so writes never interleave. What the cluster's controllers do
(garbage collection, emptying a namespace) happens soon after, not within the write that caused it.
"""

from __future__ import annotations

import asyncio
import builtins
import datetime
import secrets
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any

from ..protocol import (
    FIELD_MANAGER,
    NAMESPACES,
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Object,
    Resource,
    WatchEvent,
    merge_patch,
)  # fmt: skip
from . import garbage, metadata
from .admission import admit, check_applied, check_identity
from .apply import Manager, Owners, apply, fields, owned_by_applying, spelled, updated
from .kinds import Kind, builtin, from_crd
from .records import Record, Records
from .schema import copied
from .validation import refusal
from .watch import Watcher

_OWNED = (*metadata.OURS,)
_INITIAL_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_UNDELETABLE = ("default", "kube-public", "kube-system")


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class MemoryStore:
    """The API server's behaviour for the kinds of `crds` (CustomResourceDefinitions as dictionaries) and the built-in
    Namespace, Secret, ConfigMap, Event and Lease. Lost when the process ends.

    Raises UnsupportedRule for a CEL rule that it cannot evaluate.
    """

    def __init__(
        self, crds: Iterable[Mapping[str, Any]] = (), *, clock: Callable[[], datetime.datetime] = _now
    ) -> None:
        self._records = Records([*builtin(), *map(from_crd, crds)], clock)
        self._closed = False
        self._sweeping = False
        for name in _INITIAL_NAMESPACES:
            obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self._add(self._records.kind(NAMESPACES), obj, Manager("kube-apiserver", "Update"), applied=False)

    # Reading

    async def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        await asyncio.sleep(0)
        self._records.kind(resource)
        found = self._records.find(resource, namespace if resource.namespaced else "", name)
        return copied(found.obj) if found else None

    async def list(
        self, resource: Resource, namespace: str | None = None, *, labels: Mapping[str, str] | None = None
    ) -> list[Object]:
        await asyncio.sleep(0)
        self._records.kind(resource)
        wanted = (labels or {}).items()
        return [
            copied(obj)
            for obj in self._records.objects(resource, namespace or None)
            if wanted <= obj["metadata"].get("labels", {}).items()
        ]

    async def watch(self, resource: Resource, namespace: str | None = None) -> AsyncIterator[WatchEvent]:
        self._records.kind(resource)
        watcher = Watcher(namespace or None, lambda: builtins.list(self._records.objects(resource, namespace or None)))
        if self._closed:
            return
        self._records.watchers.add(resource, watcher)
        try:
            async with aclosing(watcher.events()) as events:
                async for event in events:
                    yield event
        finally:
            self._records.watchers.discard(resource, watcher)

    # Writing

    async def create(self, resource: Resource, obj: Object) -> Object:
        await asyncio.sleep(0)
        kind = self._records.kind(resource)
        asked = obj.get("metadata") or {}
        name = asked.get("name") or self._generated(asked)
        check_identity(kind, obj, name)
        if asked.get("resourceVersion"):
            raise Invalid("resourceVersion should not be set on objects to be created")
        self._check_namespace(kind, asked)
        if self._records.find(resource, asked.get("namespace", ""), name):
            raise AlreadyExists(f'{kind.qualified} "{name}" already exists')
        new = {**obj, "metadata": {**asked, "name": name}}
        return copied(self._add(kind, new, Manager(FIELD_MANAGER, "Update"), applied=False).obj)

    async def apply(
        self, resource: Resource, obj: Object, *, manager: str = FIELD_MANAGER, force: bool = True, strict: bool = False
    ) -> Object:
        await asyncio.sleep(0)
        kind = self._records.kind(resource)
        asked: Object = obj.get("metadata") or {}
        name = asked.get("name", "")
        check_identity(kind, obj, name)
        self._check_namespace(kind, asked, only_missing=True)
        check_applied(kind, obj)
        found = self._records.find(resource, asked.get("namespace", ""), name)
        who = Manager(manager, "Apply")
        if found is None:
            return self._apply_new(kind, obj, who)
        self._check_version(kind, found.obj, asked)
        live = _owned_part(kind, found.obj)
        result = apply(kind.schema, live, _owned_part(kind, obj), found.owners, who)
        if result.conflicts and not force:
            raise Conflict(_conflict_message(result.conflicts))
        kept = {"uid": asked["uid"]} if asked.get("uid") else {}
        merged = {**_whole(found.obj, result.value), "metadata": {**(result.value.get("metadata") or {}), **kept}}
        if kind.has_status and "status" in found.obj:
            merged["status"] = found.obj["status"]
        return self._replace(kind, found, merged, owners=result.owners, applied=True)

    def _apply_new(self, kind: Kind, obj: Object, who: Manager) -> Object:
        asked = obj["metadata"]
        if asked.get("uid"):
            raise Conflict(
                f'Operation cannot be fulfilled on {kind.qualified} "{asked.get("name")}": uid mismatch: the provided '
                f"object specified uid {asked['uid']}, and no existing object was found"
            )
        self._check_namespace(kind, asked)
        return copied(self._add(kind, obj, who, applied=True).obj)

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        await asyncio.sleep(0)
        kind, found = self._existing(resource, namespace, name)
        asked = patch.get("metadata") or {}
        if asked.get("name", name) != name:
            raise Invalid(f"the name of the object ({asked['name']}) does not match the name on the URL ({name})")
        if resource.namespaced and asked.get("namespace", namespace) != namespace:
            raise Invalid("the namespace of the provided object does not match the namespace sent on the request")
        patched = merge_patch(found.obj, patch)
        check_identity(kind, patched, name)
        self._check_version(kind, found.obj, asked)
        if kind.has_status:
            patched.pop("status", None)
            if "status" in found.obj:
                patched["status"] = found.obj["status"]
        return self._replace(kind, found, patched, who=Manager(FIELD_MANAGER, "Update"))

    async def patch_status(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        await asyncio.sleep(0)
        kind, found = self._existing(resource, namespace, name)
        if not kind.has_status:
            raise NotFound("404 page not found")
        self._check_version(kind, found.obj, patch.get("metadata") or {})
        patched = merge_patch(found.obj, {"status": patch["status"]} if "status" in patch else {})
        return self._replace(kind, found, patched, who=Manager(FIELD_MANAGER, "Update", "status"))

    async def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
    ) -> None:
        await asyncio.sleep(0)
        kind = self._records.kind(resource)
        found = self._records.find(resource, namespace if resource.namespaced else "", name)
        if found is None:
            return
        live = found.obj["metadata"]
        for field, wanted in (("uid", uid), ("resourceVersion", resource_version)):
            if wanted and wanted != live[field]:
                raise Conflict(
                    f'Operation cannot be fulfilled on {kind.qualified} "{name}": the {field} in the precondition '
                    f"({wanted}) does not match the {field} in record ({live[field]})"
                )
        if resource == NAMESPACES and name in _UNDELETABLE:
            raise Forbidden(f'namespaces "{name}" is forbidden: this namespace may not be deleted')
        self._delete(kind, found)

    async def close(self) -> None:
        self._closed = True
        self._records.watchers.close()

    # Rules that several writes share

    def _existing(self, resource: Resource, namespace: str, name: str) -> tuple[Kind, Record]:
        kind = self._records.kind(resource)
        found = self._records.find(resource, namespace if resource.namespaced else "", name)
        if found is None:
            raise NotFound(f'{kind.qualified} "{name}" not found')
        return kind, found

    @staticmethod
    def _generated(asked: Mapping[str, Any]) -> str:
        prefix = asked.get("generateName")
        return f"{prefix}{secrets.token_hex(3)[:5]}" if prefix else ""

    def _check_namespace(self, kind: Kind, asked: Mapping[str, Any], *, only_missing: bool = False) -> None:
        if not kind.resource.namespaced:
            return
        namespace = asked.get("namespace")
        if not namespace:
            raise NotFound("404 page not found")
        state = self._records.namespace_state(namespace)
        if state is None:
            raise NotFound(f'namespaces "{namespace}" not found')
        if state == "Terminating" and not only_missing:
            raise Forbidden(
                f'{kind.qualified} "{asked.get("name")}" is forbidden: unable to create new content in namespace '
                f"{namespace} because it is being terminated"
            )

    @staticmethod
    def _check_version(kind: Kind, live: Object, asked: Mapping[str, Any]) -> None:
        version = asked.get("resourceVersion")
        if version and version != live["metadata"]["resourceVersion"]:
            raise Conflict(
                f'Operation cannot be fulfilled on {kind.qualified} "{live["metadata"]["name"]}": the object has been '
                "modified; please apply your changes to the latest version and try again"
            )

    def _add(self, kind: Kind, obj: Object, who: Manager, *, applied: bool) -> Record:
        resource, asked = kind.resource, obj["metadata"]
        faults = metadata.name_faults(asked.get("name", ""), dots=resource != NAMESPACES)
        if faults:
            raise Invalid(refusal(resource.kind, resource.group, asked.get("name", ""), faults))
        own = {name: asked[name] for name in ("name", "namespace", "generateName", *_OWNED) if asked.get(name)}
        if not resource.namespaced:
            own.pop("namespace", None)
        new = {**obj, "apiVersion": resource.api_version, "kind": resource.kind, "metadata": own}
        if kind.has_status:
            new.pop("status", None)
        admitted = admit(kind, new, None, applied=applied)
        admitted["metadata"] |= {
            "uid": str(uuid.uuid4()),
            "creationTimestamp": self._records.now(),
            "resourceVersion": self._records.next_version(),
        }
        if kind.counts_generations:
            admitted["metadata"]["generation"] = 1
        owned = _owned_part(kind, obj if applied else admitted)
        paths = owned_by_applying(kind.schema, owned) if applied else frozenset(fields(kind.schema, owned))
        owners = {who: paths} if paths else {}
        record = Record(admitted, owners)
        self._records.put(resource, record)
        self._sweep_soon()
        return record

    def _replace(
        self,
        kind: Kind,
        found: Record,
        obj: Object,
        *,
        who: Manager | None = None,
        owners: Owners | None = None,
        applied: bool = False,
    ) -> Object:
        """Store `obj` in the place of `found`, unless that changes nothing."""
        live = found.obj
        asked = obj["metadata"]
        candidate = {**obj, "metadata": metadata.updated(live["metadata"], asked)}
        admitted = admit(kind, candidate, live, applied=applied, asked=asked)
        if owners is None:
            assert who is not None
            before, after = (fields(kind.schema, _all_owned(part)) for part in (live, admitted))
            owners = updated(found.owners, who, before, after)
        if admitted == live and owners == found.owners:
            return copied(live)
        if kind.counts_generations and _wished(admitted) != _wished(live):
            admitted["metadata"]["generation"] = live["metadata"]["generation"] + 1
        return copied(self._commit(kind, admitted, owners))

    def _commit(self, kind: Kind, obj: Object, owners: Owners) -> Object:
        """A new version; or the end, when nothing holds an object that is being deleted."""
        own = obj["metadata"]
        if own.get("deletionTimestamp") and not own.get("finalizers") and kind.resource != NAMESPACES:
            self._records.drop(kind.resource, obj)
        else:
            own["resourceVersion"] = self._records.next_version()
            self._records.put(kind.resource, Record(obj, owners))
        self._sweep_soon()
        return obj

    def _delete(self, kind: Kind, found: Record) -> None:
        own = found.obj["metadata"]
        if own.get("deletionTimestamp"):
            return
        if kind.resource != NAMESPACES and not own.get("finalizers"):
            self._records.drop(kind.resource, found.obj)
            self._sweep_soon()
            return
        ending = {**own, "deletionTimestamp": self._records.now(), "deletionGracePeriodSeconds": 0}
        if kind.counts_generations:
            ending["generation"] = own["generation"] + 1
        obj = {**found.obj, "metadata": ending}
        if kind.resource == NAMESPACES:
            del ending["deletionGracePeriodSeconds"]
            obj["status"] = {"phase": "Terminating"}
        self._commit(kind, obj, found.owners)

    # What the cluster's controllers do

    def _sweep_soon(self) -> None:
        if self._sweeping:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # made outside a loop: nothing to sweep yet
            return
        self._sweeping = True
        loop.call_soon(self._sweep)

    def _sweep(self) -> None:
        self._sweeping = False
        if self._closed:
            return
        for resource, key in self._records.dependants.take_due():
            found = self._records.find(resource, key.namespace, key.name)
            if found is None:
                continue
            holding = garbage.verdict(found.obj, self._records.by_uid)
            kind = self._records.kind(resource)
            if holding is None:
                self._delete(kind, found)
            elif holding != found.obj["metadata"].get("ownerReferences", []):
                own = {**found.obj["metadata"], "ownerReferences": holding}
                self._commit(kind, {**found.obj, "metadata": own}, found.owners)
        self._empty_namespaces()

    def _empty_namespaces(self) -> None:
        for namespace in builtins.list(self._records.objects(NAMESPACES, None)):
            if namespace["status"]["phase"] != "Terminating":
                continue
            name = namespace["metadata"]["name"]
            for resource, obj in self._records.inside(name):
                found = self._records.find(resource, name, obj["metadata"]["name"])
                if found:
                    self._delete(self._records.kind(resource), found)
            if not self._records.inside(name) and not namespace["metadata"].get("finalizers"):
                self._records.drop(NAMESPACES, namespace)
                self._sweep_soon()


def _wished(obj: Object) -> Object:
    """What counts for `metadata.generation`."""
    return {name: value for name, value in obj.items() if name not in ("metadata", "status")}


def _all_owned(obj: Object) -> Object:
    own = {name: obj["metadata"][name] for name in _OWNED if obj["metadata"].get(name)}
    rest = {name: value for name, value in obj.items() if name not in ("apiVersion", "kind", "metadata")}
    return {**rest, "metadata": own} if own else rest


def _owned_part(kind: Kind, obj: Object) -> Object:
    """What an applier can own: everything but the identity and, where it is a subresource, the status."""
    owned = _all_owned(obj)
    if kind.has_status:
        owned.pop("status", None)
    return owned


def _whole(live: Object, value: Object) -> Object:
    return {"apiVersion": live["apiVersion"], "kind": live["kind"], **value}


def _conflict_message(conflicts: Mapping[Manager, Iterable[tuple[Any, ...]]]) -> str:
    parts = []
    count = 0
    for manager, paths in conflicts.items():
        listed = sorted(map(spelled, paths))
        count += len(listed)
        parts.append(f'conflicts with "{manager.name}":\n' + "\n".join(f"- {path}" for path in listed))
    return f"Apply failed with {count} conflict{'s' if count > 1 else ''}: " + "\n".join(parts)
