"""Every object of ours as last seen, and who refers to whom. Watches are doorbells: they fill this and ring the queue.

Every replica keeps it warm; only the leader acts on it. Secrets are kept as metadata only: their data is read by name
when it is needed (ENGINE rule 11).
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator

from ..store.protocol import Key, Object, key_of, owners
from . import objects

REMEMBERED = 10_000
"""Objects of which it is known that they are gone; an answer to a request that was on its way is younger than that."""


class Cache:
    """Objects by key, owners by uid, referrers by target. All methods are called from one event loop."""

    def __init__(self) -> None:
        self._objects: dict[Key, Object] = {}
        self._by_uid: dict[str, Key] = {}
        self._kinds: dict[str, set[Key]] = defaultdict(set)
        self._targets: dict[Key, frozenset[Key]] = {}
        self._referrers: dict[Key, set[Key]] = defaultdict(set)
        self._claims: dict[tuple[str, str], set[Key]] = defaultdict(set)
        self._claimed: dict[Key, tuple[str, str]] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: Key) -> Object | None:
        """The object as last seen."""
        return self._objects.get(key)

    def of_kind(self, kind: str) -> Iterator[Object]:
        """All objects of a kind, by name."""
        return (self._objects[key] for key in sorted(self._kinds.get(kind, ())))

    def put(self, obj: Object) -> Object | None:
        """Keep a newer state; returns the one before. An older state (a late doorbell), or one of an object that is gone
        (the answer to a write that its end overtook), is ignored and returned as is."""
        if objects.uid(obj) in self._gone:
            return obj
        key = key_of(obj)
        before = self._objects.get(key)
        if before is not None and not _newer(obj, before):
            return obj
        obj["metadata"].pop("managedFields", None)
        self._objects[key] = obj
        if before is not None:
            self._by_uid.pop(objects.uid(before), None)
        self._by_uid[objects.uid(obj)] = key
        self._kinds[key.kind].add(key)
        self._claim(key, objects.status(obj).get("externalId"))
        return before

    def drop(self, key: Key, uid: str) -> Object | None:
        """The object with this uid is gone, for good: uids are not used twice. Returns it as last seen, which is nothing
        when it was never seen, or when another one has its name by now."""
        self._gone[uid] = None
        if len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)
        before = self._objects.get(key)
        if before is None or objects.uid(before) != uid:
            return None
        del self._objects[key]
        self._by_uid.pop(uid, None)
        self._kinds[key.kind].discard(key)
        self._claim(key, None)
        return before

    def refers(self, key: Key, targets: frozenset[Key]) -> None:
        """Remember what an object refers to, so that a change of a target wakes it."""
        for target in self._targets.pop(key, frozenset()) - targets:
            self._referrers[target].discard(key)
            if not self._referrers[target]:
                del self._referrers[target]
        if targets:
            self._targets[key] = targets
            for target in targets:
                self._referrers[target].add(key)

    def referrers(self, target: Key) -> list[Key]:
        """Who refers to this."""
        return sorted(self._referrers.get(target, ()))

    def targets(self, key: Key) -> frozenset[Key]:
        """What this refers to."""
        return self._targets.get(key, frozenset())

    def owners_of(self, obj: Object) -> Iterable[Key]:
        """The objects of ours that own this one."""
        return [self._by_uid[uid] for uid in owners(obj) if uid in self._by_uid]

    def owned_by(self, owner: Object, kinds: Iterable[str]) -> list[Object]:
        """The objects of these kinds in the owner's namespace that it owns."""
        uid, namespace = objects.uid(owner), owner["metadata"].get("namespace", "")
        return [
            obj
            for kind in kinds
            for obj in self.of_kind(kind)
            if obj["metadata"].get("namespace", "") == namespace and uid in owners(obj)
        ]

    def claims(self, kind: str, external_id: str) -> list[Key]:
        """The objects of a kind whose status holds this external id."""
        return sorted(self._claims.get((kind, external_id), ()))

    def _claim(self, key: Key, external_id: str | None) -> None:
        before = self._claimed.pop(key, None)
        if before is not None:
            self._claims[before].discard(key)
            if not self._claims[before]:
                del self._claims[before]
        if external_id:
            self._claimed[key] = (key.kind, external_id)
            self._claims[self._claimed[key]].add(key)


def _newer(obj: Object, than: Object) -> bool:
    """resourceVersions of one kind are comparable numbers (KEP-5504); another uid is always another object."""
    if objects.uid(obj) != objects.uid(than):
        return True
    now, before = obj["metadata"].get("resourceVersion", ""), than["metadata"].get("resourceVersion", "")
    if now.isdigit() and before.isdigit():
        return int(now) > int(before)
    return bool(now != before)
