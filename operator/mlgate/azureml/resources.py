"""What workspaces, online endpoints and deployments have in common as ARM resources: get, put, patch, delete, list.

Bodies and resources are the wire's own JSON objects. A write never waits for its operation: it returns what the
service accepted, and `progress` of the resource tells how it goes on. PUT creates and updates alike (201 or 202 for
both), and a repeated PUT of the same body is harmless. Drift checks are answered from listings of what the resource is
in, where the kind has one; all other reads are asked of the service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mlgate.errors import Denied, Gone, Terminal
from mlgate.outbound import Urgency, urgency
from mlgate.snapshot import Snapshot

from . import arm_id, faults
from .arm_id import Subject
from .faults import Answer
from .wire import Wire

LONGEST_LIST = 50  # pages
PAGE_SIZE = 100  # resources; ARM chooses it, and this is only for telling whether a listing is worth its requests


@dataclass(frozen=True, slots=True)
class Aging:
    """How long what was listed is evidence for a drift check, in seconds of that clock."""

    max_age: float
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A write that the service took on.

    `resource` is what it answered (None for workspaces and deletions: 202 with no body); an endpoint's still shows its
    old traffic. `operation_uri` is for `Session.operation`.
    """

    resource: dict[str, Any] | None
    operation_uri: str | None


class Resources:
    """The resources of one kind in a session's subscription. All methods raise the errors of mlgate.errors."""

    def __init__(self, wire: Wire, subject: Subject, aging: Aging | None = None) -> None:
        self._wire = wire
        self.subject = subject
        self._aging = aging
        self._snapshots: dict[str, Snapshot] = {}
        self._unlisted: set[str] = set()

    async def get(self, resource_id: str) -> dict[str, Any] | None:
        """The resource, or None when Azure says that it does not exist. A drift check may get what a listing had."""
        path, what = self._read(resource_id)
        snapshot = self._snapshot(path)
        if snapshot is None:
            return await self._get(path, what)
        if urgency() >= Urgency.DRIFT and (kept := await self._kept(snapshot, path)) is not None:
            return kept
        begun = snapshot.begin_read()
        found = await self._get(path, what)
        snapshot.read(path, found, begun)
        return found

    async def close(self) -> None:
        """Ends listings under way."""
        for snapshot in self._snapshots.values():
            await snapshot.close()

    async def _kept(self, snapshot: Snapshot, path: str) -> dict[str, Any] | None:
        parent = _parent(path)
        if parent in self._unlisted:
            return None
        try:
            return await snapshot.get(path)
        except Denied:  # a role for single resources: then they are read one by one
            self._unlisted.add(parent)
        except Gone:
            pass
        return None

    async def _get(self, path: str, what: str) -> dict[str, Any] | None:
        try:
            answer = await self._wire.call("GET", path, what)
        except Gone:
            return None
        if not isinstance(answer.body, dict):
            raise faults.missing(self._wire.asked("GET", what, writes=False), "a body")
        for name in ("id", "properties"):
            if not answer.body.get(name):
                raise faults.missing(self._wire.asked("GET", what, writes=False), name)
        return answer.body

    async def _list_in(self, parent_id: str) -> list[dict[str, Any]] | None:
        """All in `parent_id`; None for kinds that are not listed for drift checks."""
        return None

    def _snapshot(self, path: str) -> Snapshot | None:
        if self._aging is None:
            return None
        parent = _parent(path)
        if parent not in self._snapshots:

            async def listed() -> list[dict[str, Any]]:
                found = await self._list_in(parent) or []
                return [item for item in found if item.get("id") and item.get("properties")]

            self._snapshots[parent] = Snapshot(
                listed,
                key="id",
                page_size=PAGE_SIZE,
                max_age=self._aging.max_age,
                clock=self._aging.clock,
                fold=str.lower,
            )
        return self._snapshots[parent]

    @contextmanager
    def _writing(self, path: str) -> Iterator[None]:
        snapshot = self._snapshot(path)
        if snapshot is None:
            yield
            return
        with snapshot.writing(path):
            yield

    async def put(self, resource_id: str, body: Mapping[str, Any]) -> Accepted:
        """Creates or replaces it with the whole `body`. Raises Wait while an earlier operation is under way."""
        path, what = self._read(resource_id)
        with self._writing(path):
            return self._accepted(await self._wire.call("PUT", path, what, body=dict(body)), what, "PUT")

    async def delete(self, resource_id: str) -> Accepted | None:
        """Starts its deletion; None when there was nothing to delete."""
        return await self._delete(resource_id, {})

    async def _delete(self, resource_id: str, query: Mapping[str, str]) -> Accepted | None:
        path, what = self._read(resource_id)
        try:
            with self._writing(path):
                answer = await self._wire.call("DELETE", path, what, query=query)
        except Gone:
            return None
        return None if answer.status == 204 else self._accepted(answer, what, "DELETE")

    async def _patch(self, resource_id: str, body: Mapping[str, Any]) -> Accepted:
        path, what = self._read(resource_id)
        with self._writing(path):
            return self._accepted(await self._wire.call("PATCH", path, what, body=dict(body)), what, "PATCH")

    async def _list(self, path: str, what: str) -> list[dict[str, Any]]:
        answer = await self._wire.call("GET", path, what)
        found: list[dict[str, Any]] = []
        for _ in range(LONGEST_LIST):
            page = answer.body if isinstance(answer.body, dict) else {}
            items = page.get("value")
            if not isinstance(items, list):
                raise faults.missing(self._wire.asked("GET", what, writes=False), "value")
            found.extend(item for item in items if isinstance(item, dict))
            following = page.get("nextLink")
            if not following:
                break
            answer = await self._wire.follow(str(following), what)
        return found

    async def _ask(self, resource_id: str, action: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A POST that only reads."""
        path, what = self._read(resource_id)
        answer = await self._wire.call(
            "POST", f"{path}/{action}", what, body=None if body is None else dict(body), writes=False
        )
        return answer.body if isinstance(answer.body, dict) else {}

    def _read(self, resource_id: str) -> tuple[str, str]:
        """(path, words for messages) of an id of this kind. Raises Terminal for any other."""
        found = arm_id.read(resource_id)
        if found.subject is not self.subject:
            raise Terminal(f"{resource_id} is the id of a {found.subject}, not of a {self.subject}.")
        return str(found), found.described()

    def _accepted(self, answer: Answer, what: str, method: str) -> Accepted:
        body = answer.body if isinstance(answer.body, dict) else None
        if body is None and method == "PUT" and answer.status in {200, 201}:
            raise faults.missing(self._wire.asked(method, what, writes=True), "a body")
        return Accepted(body, answer.headers.get("azure-asyncoperation"))


def _parent(path: str) -> str:
    """What a resource is in, as a key: ids come in any casing."""
    return path.rsplit("/", 2)[0].lower()
