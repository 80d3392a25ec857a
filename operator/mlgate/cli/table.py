"""Objects as `kubectl get` prints them. Pure: columns come from the kinds, times from the caller."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ..api import KINDS
from ..api.meta import Column
from ..store.protocol import Object

AGE = Column("Age", ".metadata.creationTimestamp", type="date")
BUILT_IN: Mapping[str, tuple[Column, ...]] = {
    "Secret": (Column("Type", ".type"), Column("Keys", ".data"), AGE),
    "ConfigMap": (Column("Keys", ".data"), AGE),
    "Namespace": (Column("Status", ".status.phase"), AGE),
    "Event": (
        Column("Last-Seen", ".lastTimestamp", type="date"),
        Column("Type", ".type"),
        Column("Reason", ".reason"),
        Column("Object", ".involvedObject"),
        Column("Message", ".message"),
    ),
}
_STEP = re.compile(r"""\.(?P<name>[A-Za-z0-9_-]+)|\[\?\(@\.(?P<field>\w+)==["'](?P<value>[^"']*)["']\)\]""")


def columns(kind: str, *, wide: bool) -> list[Column]:
    """The columns of a kind; those of priority 1 only when wide."""
    found = KINDS[kind].columns if kind in KINDS else BUILT_IN.get(kind, (AGE,))
    return [column for column in found if wide or not column.priority]


def look_up(obj: Any, path: str) -> Any:
    """The value at a path as printer columns have it: names and `[?(@.type=="Ready")]`. None where there is none."""
    position = 0
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            return None
        position = step.end()
        if (name := step["name"]) is not None:
            obj = obj.get(name) if isinstance(obj, Mapping) else None
        else:
            items = obj if isinstance(obj, list) else []
            obj = next((item for item in items if item.get(step["field"]) == step["value"]), None)
        if obj is None:
            return None
    return obj


def age(timestamp: Any, now: float) -> str:
    """How long ago, as kubectl says it: `45s`, `12m`, `3h5m`, `2d`."""
    if not isinstance(timestamp, str):
        return "<unknown>"
    seconds = int(max(0.0, now - datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()))
    if seconds < 120:
        return f"{seconds}s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    return f"{days}d{hours % 24}h" if days < 8 and hours % 24 else f"{days}d"


def cell(obj: Object, column: Column, now: float) -> str:
    """One value as text."""
    value = look_up(obj, column.path)
    if column.type == "date":
        return age(value, now)
    if value is None:
        return ""
    if isinstance(value, Mapping):
        if "kind" in value and "name" in value:
            return f"{str(value['kind']).lower()}/{value['name']}"
        return ",".join(sorted(str(key) for key in value))
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return " ".join(str(value).split())


def rows(
    objects: Sequence[Object], *, now: float, wide: bool = False, namespaced: bool = True, prefix: str = ""
) -> list[list[str]]:
    """Header and one row per object; all of one kind. `prefix` goes before each name."""
    if not objects:
        return []
    shown = columns(objects[0]["kind"], wide=wide)
    header = [*(["NAMESPACE"] if namespaced else []), "NAME", *(column.name.upper() for column in shown)]
    body = []
    for obj in objects:
        metadata = obj["metadata"]
        where = [metadata.get("namespace", "")] if namespaced else []
        body.append([*where, prefix + metadata["name"], *(cell(obj, column, now) for column in shown)])
    return [header, *body]


def align(table: Sequence[Sequence[str]]) -> str:
    """Columns side by side, three blanks apart, as kubectl does."""
    if not table:
        return ""
    widths = [max(len(row[index]) for row in table) for index in range(len(table[0]))]
    lines = ("   ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip() for row in table)
    return "\n".join(lines) + "\n"


def now_unix() -> float:
    """Now, as unix seconds."""
    return datetime.now(UTC).timestamp()
