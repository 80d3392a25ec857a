"""The reconcile of objects that are made of other objects: apply the children that differ, remove those no longer
wanted, and say how the whole stands. Children go before their owner does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import Retry, Terminal
from ..reasons import Reason
from ..store.protocol import Invalid, Key, NotFound, Object, Store, owners
from . import objects
from .cache import Cache
from .clock import Clock
from .protocols import Child, Composition, Course, Owner, Standing, Summary
from .references import Resolved
from .resolve import Resolver, parse
from .secrets import owner_reference
from .verdict import Notice, Pace, Verdict
from .writer import Writer


@dataclass(frozen=True, slots=True)
class Whole:
    """One composition on its way through one reconcile."""

    kind: Composition[Any]
    key: Key
    obj: Object
    owner: Owner


class CompositionReconciler:
    """Carries `Composition` kinds."""

    def __init__(
        self,
        *,
        store: Store,
        cache: Cache,
        writer: Writer,
        resolver: Resolver,
        clock: Clock,
        applied: Callable[[Object], None],
    ) -> None:
        self._clock = clock
        self._store = store
        self._applied = applied
        self._cache = cache
        self._writer = writer
        self._resolver = resolver

    async def reconcile(self, whole: Whole) -> tuple[Object, Verdict]:
        """Bring the children into their wished state. Raises `Trouble`."""
        if objects.deleting(whole.obj):
            return await self._end(whole)
        kind = whole.kind
        spec = parse(kind.type.spec, whole.key, whole.obj)
        refs = await self._resolver.resolve(whole.key, kind.references(whole.owner, spec))
        present = {_name(o): o for o in self._cache.owned_by(whole.obj, [t.kind for t in kind.child_types])}
        course = await kind.advance(self._standing(whole, spec, refs, present))
        wanted = [_owned(child, whole.obj) for child in kind.children(whole.owner, course.spec, refs)]
        obj = await self._writer.hold(kind.type.resource, whole.obj)
        obj = await self._writer.note(kind.type.resource, obj, course.status)
        notices = [Notice(*said) for said in course.events]
        if not objects.paused(obj):
            for manifest in wanted:
                applied = await self._apply(kind, manifest, present.get(_name(manifest)))
                if applied is not None:
                    notices.append(Notice(*_made(manifest, new=_name(manifest) not in present)))
                    present[_name(manifest)] = applied
            await self._prune(kind, wanted, present, notices)
        names = {_name(manifest) for manifest in wanted}
        children = {name: child for name, child in present.items() if name in names}
        verdict = _verdict(kind.summarise(whole.owner, course.spec, refs, children), course)
        return obj, verdict.noting(*notices)

    def _standing(
        self, whole: Whole, spec: Any, refs: Resolved, present: Mapping[tuple[str, str], Object]
    ) -> Standing[Any]:
        obj = whole.obj
        return Standing(
            owner=whole.owner,
            spec=spec,
            refs=refs,
            status=objects.status(obj),
            notes=objects.notes(obj),
            children=dict(present),
            now=self._clock.wall(),
            held=objects.paused(obj),
        )

    async def _apply(self, kind: Composition[Any], manifest: Object, present: Object | None) -> Object | None:
        """The child after an apply, or None when it is as wanted already, or on its way out: it is made anew once it is
        gone, which wakes this."""
        if present is not None and (objects.deleting(present) or _covers(manifest, present)):
            return None
        self._refuse_strangers(manifest)
        resource = next(t.resource for t in kind.child_types if t.kind == manifest["kind"])
        metadata = manifest["metadata"]
        try:
            if emptied := _emptied(manifest, present):
                patch = {"spec": dict.fromkeys(emptied)}
                await self._store.patch(resource, metadata["namespace"], metadata["name"], patch)
            applied = await self._store.apply(resource, manifest)
            if not _covers(manifest["spec"], applied["spec"]):
                # Entries that somebody else added to a keyed list are theirs for server-side apply; a merge patch
                # replaces the list and takes it over.
                patch = {"spec": {name: manifest["spec"][name] for name in _differing(manifest, applied)}}
                applied = await self._store.patch(resource, metadata["namespace"], metadata["name"], patch)
        except Invalid as error:
            raise Terminal(f"{manifest['kind']} {metadata['name']} was refused: {error.message}") from error
        self._applied(applied)
        return applied

    def _refuse_strangers(self, manifest: Object) -> None:
        """What somebody wrote by hand under the name of a part is not taken over, let alone removed with it later."""
        metadata = manifest["metadata"]
        key = Key(manifest["kind"], metadata["namespace"], metadata["name"])
        there = self._cache.get(key)
        if there is not None and metadata["ownerReferences"][0]["uid"] not in owners(there):
            raise Terminal(
                f"{key} already exists and is not a part of this object. Delete or rename one of the two.",
                reason=Reason.EXTERNAL_CONFLICT,
            )

    async def _prune(
        self,
        kind: Composition[Any],
        wanted: list[Object],
        present: Mapping[tuple[str, str], Object],
        notices: list[Notice],
    ) -> None:
        names = {_name(manifest) for manifest in wanted}
        for name, child in present.items():
            if name in names or objects.deleting(child):
                continue
            await self._delete(kind, child)
            notices.append(Notice(Reason.DELETED, f"Removed {name[0]} {name[1]}, which is no longer wanted."))

    async def _end(self, whole: Whole) -> tuple[Object, Verdict]:
        kind, obj = whole.kind, whole.obj
        if not objects.held(obj):
            return obj, Verdict(False, False, Reason.DELETING)
        if objects.paused(obj):
            message = "Paused by the annotation mlgate.dev/paused: nothing is removed. Remove the annotation to go on."
            return obj, Verdict(False, False, Reason.PAUSED, message, pace=Pace.SLOW)
        left = self._cache.owned_by(obj, [t.kind for t in kind.child_types])
        for child in left:
            if not objects.deleting(child):
                await self._delete(kind, child)
        if left:
            shown = ", ".join(sorted(f"{c['kind']} {c['metadata']['name']}" for c in left)[:4])
            message = f"Waits for its parts to be removed: {shown}{' and more' if len(left) > 4 else ''}."
            return obj, Verdict(
                False,
                False,
                Reason.DELETING,
                message,
                reconciling=True,
                pace=Pace.SLOW,
                notices=(Notice(Reason.DELETING, message),),
            )
        return await self._writer.release(kind.type.resource, obj), Verdict(False, False, Reason.DELETING)

    async def _delete(self, kind: Composition[Any], child: Object) -> None:
        resource = next(t.resource for t in kind.child_types if t.kind == child["kind"])
        metadata = child["metadata"]
        try:
            await self._store.delete(resource, metadata.get("namespace", ""), metadata["name"], uid=metadata["uid"])
        except NotFound:
            return
        except Exception as error:
            raise Retry(f"{child['kind']} {metadata['name']} could not be deleted: {error}") from error


def _owned(child: Child, owner: Object) -> Object:
    """The manifest with what ties it to its owner, and the hash of itself."""
    manifest = child.manifest
    metadata = dict(manifest["metadata"])
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()[:16]
    metadata["namespace"] = owner["metadata"].get("namespace", "")
    metadata["labels"] = {
        **metadata.get("labels", {}),
        objects.MANAGED_LABEL: "true",
        objects.OWNER_LABEL: objects.uid(owner),
    }
    metadata["annotations"] = {**metadata.get("annotations", {}), objects.APPLIED: digest}
    metadata["ownerReferences"] = [owner_reference(owner)]
    return {**manifest, "metadata": metadata}


def _covers(wanted: Any, present: Any) -> bool:
    """Whether everything the manifest says is so already; what the server added does not count."""
    if isinstance(wanted, Mapping) and isinstance(present, Mapping):
        return all(name in present and _covers(value, present[name]) for name, value in wanted.items())
    if isinstance(wanted, list) and isinstance(present, list):
        return len(wanted) == len(present) and all(_covers(w, p) for w, p in zip(wanted, present, strict=True))
    return bool(wanted == present)


def _emptied(wanted: Object, present: Object | None) -> list[str]:
    """Maps that lose their last entry. Applied as `{}` over entries of ours they would become null, which no schema of
    ours takes (structured-merge-diff removes the entries and then the map): they are taken out first."""
    there = objects.spec(present) if present is not None else {}
    return [name for name, value in wanted["spec"].items() if value == {} and there.get(name)]


def _differing(wanted: Object, present: Object) -> list[str]:
    return [name for name, value in wanted["spec"].items() if not _covers(value, present["spec"].get(name))]


def _verdict(summary: Summary, course: Course[Any]) -> Verdict:
    """A stage that is not the last holds nothing back from being used."""
    stages = [health for health in course.parts.values() if not (health.ready and health.settled)]
    worst = next((health for health in stages if health.failed), stages[0] if stages else None)
    failed, settled = summary.failed, summary.settled
    reason, message = summary.reason, summary.message
    if worst is not None and not failed and (settled or worst.failed):
        reason, message, failed = worst.reason, worst.message, worst.failed
    settled = settled and worst is None
    return Verdict(
        ready=summary.ready,
        synced=settled and not failed,
        reason=reason,
        message=message,
        stalled=failed,
        reconciling=not settled and not failed,
        parts={**summary.parts, **course.parts},
        status={**summary.status, **course.status},
        again=course.again,
    )


def _name(obj: Object) -> tuple[str, str]:
    return obj["kind"], obj["metadata"]["name"]


def _made(manifest: Object, *, new: bool) -> tuple[Reason, str]:
    kind, name = _name(manifest)
    return (Reason.CREATED, f"Made {kind} {name}.") if new else (Reason.UPDATED, f"Changed {kind} {name}.")
