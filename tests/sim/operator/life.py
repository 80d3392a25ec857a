"""What makes an operator mortal: at the end of its life nothing of it reaches the store or the outside any more.

SIGKILL runs no `finally`; a cancelled task does. So at the moment of death the store stops answering and the fence lets
no request out, and only then the tasks are cancelled: what they still try on their way down has no effect, as if the
process were gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from mlgate.errors import WriteRefused
from mlgate.store.protocol import EVENTS, FIELD_MANAGER, Object, Resource, Store, Unavailable, WatchEvent

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoreWrite:
    """One write to the store, as a point at which a process may die. Events are not counted: they are only told."""

    number: int
    verb: str
    resource: str
    name: str

    def __str__(self) -> str:
        return f"{self.number}. {self.verb} {self.resource} {self.name}"


class Life:
    """Of one process. `before_write` and `after_write` are asked around every write to the store; True means death."""

    def __init__(self) -> None:
        self.over = False
        self.writes: list[StoreWrite] = []
        self.before_write: Callable[[StoreWrite], bool] = lambda write: False
        self.after_write: Callable[[StoreWrite], bool] = lambda write: False
        self.on_end: Callable[[], None] = lambda: None

    def end(self) -> None:
        """Dies, at this very point."""
        if not self.over:
            self.over = True
            self.on_end()

    def check(self, timeout: float) -> None:
        """The fence of this life (`outbound.Fence`)."""
        if self.over:
            raise WriteRefused("the process is dead")


class MortalStore:
    """Passes everything on while its process lives."""

    def __init__(self, store: Store, life: Life) -> None:
        self._store, self._life = store, life

    async def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        self._alive()
        return await self._store.get(resource, namespace, name)

    async def list(
        self, resource: Resource, namespace: str | None = None, *, labels: Mapping[str, str] | None = None
    ) -> list[Object]:
        self._alive()
        return await self._store.list(resource, namespace, labels=labels)

    def watch(self, resource: Resource, namespace: str | None = None) -> AsyncIterator[WatchEvent]:
        return self._store.watch(resource, namespace)

    async def create(self, resource: Resource, obj: Object) -> Object:
        return await self._write("create", resource, obj["metadata"]["name"], lambda: self._store.create(resource, obj))

    async def apply(
        self, resource: Resource, obj: Object, *, manager: str = FIELD_MANAGER, force: bool = True, strict: bool = False
    ) -> Object:
        return await self._write(
            "apply",
            resource,
            obj["metadata"]["name"],
            lambda: self._store.apply(resource, obj, manager=manager, force=force, strict=strict),
        )

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        return await self._write("patch", resource, name, lambda: self._store.patch(resource, namespace, name, patch))

    async def patch_status(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        return await self._write(
            "status of", resource, name, lambda: self._store.patch_status(resource, namespace, name, patch)
        )

    async def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
    ) -> None:
        return await self._write(
            "delete",
            resource,
            name,
            lambda: self._store.delete(resource, namespace, name, uid=uid, resource_version=resource_version),
        )

    async def close(self) -> None:
        """The store outlives the process."""

    def _alive(self) -> None:
        if self._life.over:
            raise Unavailable("the process is dead")

    async def _write(self, verb: str, resource: Resource, name: str, do: Callable[[], Awaitable[T]]) -> T:
        self._alive()
        if resource == EVENTS:
            return await do()
        write = StoreWrite(len(self._life.writes) + 1, verb, resource.kind, name)
        self._life.writes.append(write)
        if self._life.before_write(write):
            self._life.end()
            raise asyncio.CancelledError
        done = await do()
        if self._life.after_write(write):
            self._life.end()
            raise asyncio.CancelledError
        return done
