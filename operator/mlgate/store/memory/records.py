"""The objects themselves, their versions, and what follows when one changes: watches, owners, namespaces."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..protocol import NAMESPACES, Key, NotFound, Object, Resource
from . import garbage
from .apply import Owners
from .kinds import Kind
from .watch import Watchers


@dataclass(frozen=True, slots=True)
class Record:
    """A stored object, never changed in place, and who owns its fields."""

    obj: Object
    owners: Owners


class Records:
    """All objects of one store."""

    def __init__(self, kinds: Iterable[Kind], clock: Callable[[], datetime.datetime]) -> None:
        self._kinds = {kind.resource: kind for kind in kinds}
        self._records: dict[Resource, dict[tuple[str, str], Record]] = {resource: {} for resource in self._kinds}
        self._by_uid: dict[str, Object] = {}
        self._clock = clock
        self._version = 0
        self.watchers = Watchers()
        self.dependants = garbage.Dependants()

    def kind(self, resource: Resource) -> Kind:
        """Raises NotFound for a kind that is not served."""
        try:
            return self._kinds[resource]
        except KeyError:
            raise NotFound("404 page not found") from None

    def now(self) -> str:
        return self._clock().astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def next_version(self) -> str:
        self._version += 1
        return str(self._version)

    def find(self, resource: Resource, namespace: str, name: str) -> Record | None:
        return self._records[resource].get((namespace, name))

    def by_uid(self, uid: str) -> Object | None:
        return self._by_uid.get(uid)

    def objects(self, resource: Resource, namespace: str | None) -> Iterator[Object]:
        """In the order of namespace and name, as the API server lists them."""
        for key in sorted(self._records[resource]):
            if namespace is None or key[0] == namespace:
                yield self._records[resource][key].obj

    def inside(self, namespace: str) -> list[tuple[Resource, Object]]:
        """Everything in a namespace."""
        return [
            (resource, record.obj)
            for resource, records in self._records.items()
            for (where, _), record in records.items()
            if where == namespace
        ]

    def namespace_state(self, name: str) -> str | None:
        """Active, Terminating, or None when there is none."""
        found = self.find(NAMESPACES, "", name)
        return str(found.obj["status"]["phase"]) if found else None

    def put(self, resource: Resource, record: Record) -> None:
        """Store an object that has its new resourceVersion, and tell everybody."""
        records = self._records[resource]
        metadata = record.obj["metadata"]
        where = (metadata.get("namespace", ""), metadata["name"])
        before = records.get(where)
        records[where] = record
        self._by_uid[metadata["uid"]] = record.obj
        self.dependants.written((resource, self._key(resource, where)), before.obj if before else None, record.obj)
        self.watchers.tell(resource, "MODIFIED" if before else "ADDED", record.obj)

    def drop(self, resource: Resource, obj: Object) -> None:
        """An object ends; `obj` is its last state."""
        metadata = obj["metadata"]
        where = (metadata.get("namespace", ""), metadata["name"])
        before = self._records[resource].pop(where)
        del self._by_uid[metadata["uid"]]
        self.dependants.written((resource, self._key(resource, where)), before.obj, None)
        last = {**obj, "metadata": {**metadata, "resourceVersion": self.next_version()}}
        self.watchers.tell(resource, "DELETED", last)

    @staticmethod
    def _key(resource: Resource, where: tuple[str, str]) -> Key:
        return Key(resource.kind, *where)
