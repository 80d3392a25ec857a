"""The only writer of status and finalizers. Compares first: what would change nothing is not written (ENGINE rule 9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..store.protocol import Conflict, NotFound, Object, Resource, Store
from . import objects
from .clock import Clock
from .verdict import Verdict, conditions


class Writer:
    """`written` is told every new state, so that the cache is in step before the doorbell rings."""

    def __init__(self, store: Store, clock: Clock, written: Callable[[Object], None]) -> None:
        self._store = store
        self._clock = clock
        self._written = written

    async def hold(self, resource: Resource, obj: Object) -> Object:
        """Add our finalizer: the stored intent to create something outside. Raises Conflict when our view is stale."""
        return await self._finalizers(resource, obj, objects.FINALIZER, present=True)

    async def release(self, resource: Resource, obj: Object, finalizer: str = objects.FINALIZER) -> Object:
        """Take our finalizer off. An object that is gone already is fine; one that somebody else changed meanwhile is
        read again, so that what it stood for is not deleted outside a second time."""
        try:
            return await self._finalizers(resource, obj, finalizer, present=False)
        except NotFound:
            return obj
        except Conflict:
            metadata = obj["metadata"]
            fresh = await self._store.get(resource, metadata.get("namespace", ""), metadata["name"])
            if fresh is None or objects.uid(fresh) != objects.uid(obj):
                return obj
            return await self._finalizers(resource, fresh, finalizer, present=False)

    async def guard(self, resource: Resource, obj: Object) -> Object:
        """Keep a Secret while something outside may need it to be deleted."""
        return await self._finalizers(resource, obj, objects.GUARD, present=True)

    async def discard(self, resource: Resource, obj: Object) -> None:
        """Delete the object itself, whose manifest says that its time is over; gone already is fine."""
        metadata = obj["metadata"]
        try:
            await self._store.delete(resource, metadata.get("namespace", ""), metadata["name"], uid=metadata["uid"])
        except NotFound:
            return

    async def status(self, resource: Resource, obj: Object, verdict: Verdict) -> Object:
        """Write what a verdict says, if it says anything new."""
        wanted = self._wanted(obj, verdict)
        patch = difference(objects.status(obj), wanted)
        if not patch:
            return obj
        if "lastSyncTime" not in patch and verdict.synced:
            patch["lastSyncTime"] = self._clock.timestamp()
        try:
            return await self._patch_status(resource, obj, patch)
        except Conflict:
            fresh = await self._store.get(resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
            if fresh is None or objects.uid(fresh) != objects.uid(obj):
                return obj
            if objects.status(fresh) != objects.status(obj):
                raise
            return await self._patch_status(resource, fresh, patch)

    async def note(self, resource: Resource, obj: Object, said: Mapping[str, Any]) -> Object:
        """Write some fields of status before what they announce is done (None removes one). Raises Conflict when our view
        is stale."""
        before = objects.status(obj)
        after = {name: value for name, value in {**before, **said}.items() if value is not None}
        patch = difference(before, after)
        return await self._patch_status(resource, obj, patch) if patch else obj

    async def _patch_status(self, resource: Resource, obj: Object, patch: Mapping[str, Any]) -> Object:
        metadata = obj["metadata"]
        body = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "status": dict(patch)}
        written = await self._store.patch_status(resource, metadata.get("namespace", ""), metadata["name"], body)
        return self._remember(written)

    async def _finalizers(self, resource: Resource, obj: Object, finalizer: str, *, present: bool) -> Object:
        metadata = obj["metadata"]
        before = objects.finalizers(obj)
        after = [*before, finalizer] if present and finalizer not in before else before
        if not present:
            after = [name for name in before if name != finalizer]
        if after == before:
            return obj
        patch = {"metadata": {"finalizers": after or None, "resourceVersion": metadata["resourceVersion"]}}
        written = await self._store.patch(resource, metadata.get("namespace", ""), metadata["name"], patch)
        return self._remember(written)

    def _remember(self, written: Object) -> Object:
        self._written(written)
        return written

    def _wanted(self, obj: Object, verdict: Verdict) -> dict[str, Any]:
        before = objects.status(obj)
        said = {**before, **verdict.status}
        wanted: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
        generation = objects.generation(obj)
        wanted["conditions"] = conditions(
            verdict, before.get("conditions") or (), generation=generation, now=self._clock.timestamp()
        )
        wanted["observedGeneration"] = generation
        requested = objects.notes(obj).get(objects.RECONCILE_REQUESTED_AT)
        if requested:
            wanted["lastHandledReconcileAt"] = requested
        return wanted


def difference(before: Any, after: Any) -> dict[str, Any]:
    """The JSON merge patch that turns one object into the other; empty when they are the same."""
    patch: dict[str, Any] = {}
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        patch[name] = difference(old, new) if isinstance(old, dict) and isinstance(new, dict) else new
    return patch
