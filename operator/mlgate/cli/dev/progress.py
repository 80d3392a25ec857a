"""How far every object is: what the live view shows, as data. Pure but for the clock it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ...engine import objects
from ...store.protocol import Key, Object, key_of

LONGEST_MESSAGE = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One object. `depth` 1 is a child of the object above it. `seconds`: until it was Ready, or so far."""

    key: Key
    depth: int
    ready: str
    synced: str
    reason: str
    message: str
    seconds: float
    well: bool
    stalled: bool
    stage: str = ""
    """How far something is that goes in stages, such as a rollout: `2/4 25%`."""

    @property
    def state(self) -> tuple[str, ...]:
        """What of a row is news when it changes. While something waits its message changes all the time."""
        return self.ready, self.synced, self.reason, self.message if self.stalled else "", self.stage


@dataclass(slots=True)
class _Seen:
    since: float
    ready_after: float | None = None


@dataclass(slots=True)
class Progress:
    """Remembers since when each object is there and when it became Ready."""

    monotonic: Callable[[], float]
    _seen: dict[Key, _Seen] = field(default_factory=dict)

    def rows(self, present: Iterable[Object]) -> list[Row]:
        """The objects as rows, children below their owner."""
        found = sorted(present, key=_order)
        by_uid = {objects.uid(obj): obj for obj in found}
        children: dict[str, list[Object]] = {}
        tops = []
        for obj in found:
            owner = next((ref["uid"] for ref in obj["metadata"].get("ownerReferences") or ()), None)
            if owner in by_uid:
                children.setdefault(str(owner), []).append(obj)
            else:
                tops.append(obj)
        rows = []
        for top in tops:
            rows.append(self._row(top, 0))
            rows += [self._row(child, 1) for child in children.get(objects.uid(top), ())]
        here = {row.key for row in rows}
        for key in [key for key in self._seen if key not in here]:
            del self._seen[key]
        return rows

    def _row(self, obj: Object, depth: int) -> Row:
        key, now = key_of(obj), self.monotonic()
        seen = self._seen.setdefault(key, _Seen(now))
        well = objects.is_ready(obj)
        if well and seen.ready_after is None:
            seen.ready_after = now - seen.since
        if not well and seen.ready_after is not None:
            seen.since, seen.ready_after = now, None
        ready, synced = objects.condition(obj, "Ready") or {}, objects.condition(obj, "Synced") or {}
        failing = ready if ready.get("status") != "True" else synced
        shown = ready if well else failing
        return Row(
            key=key,
            depth=depth,
            ready=str(ready.get("status", "")),
            synced=str(synced.get("status", "")),
            reason="Deleting" if objects.deleting(obj) else str(shown.get("reason", "")),
            message="" if well else str(shown.get("message", "")),
            seconds=seen.ready_after if seen.ready_after is not None else now - seen.since,
            well=well,
            stalled=objects.says(obj, "Stalled"),
            stage=str((objects.status(obj).get("rollout") or {}).get("progress", "")),
        )


ORDER = (
    "Auth0Tenant",
    "AzureConnection",
    "AzureMLWorkspace",
    "AzureMLCompute",
    "AzureMLModel",
    "AzureMLEnvironment",
    "ModelGateway",
    "SecuredModelEndpoint",
    "AzureMLOnlineEndpoint",
    "AzureMLOnlineDeployment",
    "AzureMLBatchEndpoint",
    "AzureMLBatchDeployment",
    "AzureMLPipelineRun",
    "Auth0API",
    "Auth0Role",
    "ModelRoute",
    "Auth0AppBinding",
    "Auth0Client",
    "Auth0ClientGrant",
)


def _order(obj: Object) -> tuple[int, str, str]:
    key = key_of(obj)
    return (ORDER.index(key.kind) if key.kind in ORDER else len(ORDER), key.namespace, key.name)


def settled(rows: Iterable[Row], wanted: Iterable[Key]) -> bool:
    """Everything that was applied is there, and everything that is there is well."""
    by_key = {row.key: row for row in rows}
    return all(key in by_key for key in wanted) and all(row.well for row in by_key.values())


def shorten(text: str, length: int = LONGEST_MESSAGE) -> str:
    """On one line and not too long."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def why_not(rows: Iterable[Row], wanted: Iterable[Key]) -> list[str]:
    """One sentence per object that is not well, children before those who only wait for them."""
    listed = list(rows)
    by_key = {row.key: row for row in listed}
    said = [f"{key} was applied but has not been looked at yet." for key in wanted if key not in by_key]
    for row in sorted((row for row in listed if not row.well), key=lambda row: -row.depth):
        reason = row.reason or "no condition yet"
        message = " ".join(row.message.split())
        said.append(f"{row.key}: {reason}" + (f": {message}" if message else ""))
    return said
