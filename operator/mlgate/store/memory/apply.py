"""Server-side apply: who owns which field, merging, and removing what an applier left out.

Rules: https://kubernetes.io/docs/reference/using-api/server-side-apply/. A field is a path of names; an item of a
list-map is named by its key fields, an item of a set by its value; other lists and atomic maps are one field. Two
managers with one name count as two when one of them applied and the other updated. Checked against kube-apiserver
1.37, which refuses undeclared fields even without strict validation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .schema import MISSING, Schema, copied

Path = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Manager:
    """Who wrote a field, and how."""

    name: str
    operation: Literal["Apply", "Update"]
    subresource: str = ""


Owners = Mapping[Manager, frozenset[Path]]


@dataclass(frozen=True, slots=True)
class _Item:
    """A path's step into a list: an item's key (map) or value (set)."""

    identity: str


_CONTAINER = object()


def _is_granular_map(schema: Schema | None, value: Any) -> bool:
    return isinstance(value, dict) and not (schema and schema.atomic)


def _is_keyed_list(schema: Schema | None, value: Any) -> bool:
    return isinstance(value, list) and schema is not None and schema.list_type in ("map", "set")


def _step(schema: Schema, item: Any) -> _Item:
    identity = list(schema.key_of(item)) if schema.list_type == "map" else item
    return _Item(json.dumps(identity, sort_keys=True, default=repr))


def owned_by_applying(schema: Schema | None, value: Any) -> frozenset[Path]:
    """The fields that applying `value` owns: leaves, list items, and entries of free-form maps."""
    found: set[Path] = set()
    _collect(schema, value, (), found)
    return frozenset(found)


def _collect(schema: Schema | None, value: Any, prefix: Path, found: set[Path]) -> None:
    if _is_granular_map(schema, value):
        for name, item in value.items():
            path = (*prefix, name)
            _collect(schema.child(name) if schema else None, item, path, found)
            if item is None or item == {} or not (schema and name in schema.properties):
                found.add(path)
    elif schema is not None and _is_keyed_list(schema, value):
        for item in value:
            path = (*prefix, _step(schema, item))
            found.add(path)
            _collect(schema.items, item, path, found)
    elif prefix:
        found.add(prefix)


def fields(schema: Schema | None, value: Any, prefix: Path = (), out: dict[Path, Any] | None = None) -> dict[Path, Any]:
    """Every field and container in `value`; leaves with their value, containers with a mark."""
    found: dict[Path, Any] = {} if out is None else out
    if _is_granular_map(schema, value):
        if prefix:
            found[prefix] = _CONTAINER
        for name, item in value.items():
            fields(schema.child(name) if schema else None, item, (*prefix, name), found)
    elif schema is not None and _is_keyed_list(schema, value):
        found[prefix] = _CONTAINER
        for item in value:
            fields(schema.items, item, (*prefix, _step(schema, item)), found)
    else:
        found[prefix] = value
    return found


def changed(before: Mapping[Path, Any], after: Mapping[Path, Any]) -> tuple[frozenset[Path], frozenset[Path]]:
    """(added or changed, removed) fields."""
    written = frozenset(path for path, value in after.items() if _differs(before.get(path, MISSING), value))
    return written, frozenset(before.keys() - after.keys())


def _differs(one: Any, other: Any) -> bool:
    if one is not MISSING and _CONTAINER in (one, other):
        return False  # emptied to null: what was in it is removed, the container itself is nobody's change
    return one is MISSING or one != other or isinstance(one, bool) is not isinstance(other, bool)


def merge(schema: Schema | None, live: Any, applied: Any) -> Any:
    """`live` with what is applied put in."""
    if _is_granular_map(schema, live) and _is_granular_map(schema, applied):
        merged = dict(live)
        for name, item in applied.items():
            child = schema.child(name) if schema else None
            merged[name] = merge(child, live[name], item) if name in live else copied(item)
        return merged
    if schema is not None and _is_keyed_list(schema, live) and _is_keyed_list(schema, applied):
        return _merge_lists(schema, live, applied)
    return copied(applied)


def _merge_lists(schema: Schema, live: list[Any], applied: list[Any]) -> list[Any]:
    """The applied order; items that only live has keep their place before the shared item that followed them."""
    have = [(_step(schema, item), item) for item in live]
    by_step = dict(have)
    wanted = [(_step(schema, item), item) for item in applied]
    asked = {step for step, _ in wanted}
    merged: list[Any] = []
    done: set[_Item] = set()
    at = 0
    for index, (step, item) in enumerate(wanted):
        next_shared = next((later for later, _ in wanted[index:] if later in by_step), None)
        while at < len(have) and have[at][0] != step:
            here, live_item = have[at]
            if here not in asked:
                merged.append(live_item)
            elif here not in done and here == next_shared:
                break  # a shared item that is still to come: what follows it waits
            at += 1
        if at < len(have) and have[at][0] == step:
            at += 1
        merged.append(merge(schema.items, by_step[step], item) if step in by_step else copied(item))
        done.add(step)
    merged += [item for step, item in have[at:] if step not in asked]
    return merged


def _with_declared_parents(schema: Schema, paths: Iterable[Path]) -> set[Path]:
    """`paths` and those of their parents that are declared properties (not map entries, not list items)."""
    found: set[Path] = set()
    for path in paths:
        found.add(path)
        at: Schema | None = schema
        for length, part in enumerate(path[:-1], start=1):
            if at is None:
                break
            if isinstance(part, _Item):
                at = at.items
                continue
            if part in at.properties:
                found.add(path[:length])
            at = at.child(part)
    return found


def _without(schema: Schema | None, value: Any, removed: set[Path]) -> Any:
    """`value` without the fields in `removed`. A container that this empties becomes null, as it does in the API
    server, where a field that is neither nullable nor defaulted is then refused."""
    above = {path[:length] for path in removed for length in range(1, len(path))}
    return _strip(schema, value, (), removed, above)


def _strip(schema: Schema | None, value: Any, prefix: Path, removed: set[Path], above: set[Path]) -> Any:
    if _is_granular_map(schema, value):
        left = {}
        for name, item in value.items():
            path = (*prefix, name)
            if path not in removed:
                child = schema.child(name) if schema else None
                left[name] = _strip(child, item, path, removed, above) if path in above else item
        return left or None
    if schema is not None and _is_keyed_list(schema, value):
        kept = []
        for item in value:
            path = (*prefix, _step(schema, item))
            if path not in removed:
                kept.append(_strip(schema.items, item, path, removed, above) if path in above else item)
        return kept or None
    return value


def _prune(schema: Schema, merged: Any, last: frozenset[Path], managed: Iterable[Path]) -> Any:
    """Take out what the applier owned (`last`) and nobody owns now (`managed`).

    The three steps are the API server's, with its corner cases: a declared container goes with its last owned field;
    what nobody owns (defaults) goes only along with its container.
    """
    have = _with_declared_parents(schema, owned_by_applying(schema, merged))
    owned = _with_declared_parents(schema, managed)
    last_and_parents = _with_declared_parents(schema, last)

    def left(removed: set[Path]) -> set[Path]:
        rest = _without(schema, merged, removed)
        return _with_declared_parents(schema, owned_by_applying(schema, rest)) if rest else set()

    unowned = have - (left(last_and_parents) | owned)
    return _without(schema, merged, (have - left(unowned)) & last_and_parents)


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply makes of an object, before defaults."""

    value: Any
    owners: dict[Manager, frozenset[Path]]
    conflicts: dict[Manager, frozenset[Path]]


def apply(schema: Schema, live: Any, applied: Any, owners: Owners, manager: Manager) -> Applied:
    """Merge `applied` into `live` as `manager`. The caller refuses conflicts unless the apply is forced."""
    wanted = owned_by_applying(schema, applied)
    result = merge(schema, live, applied)
    others = {other: paths for other, paths in owners.items() if other != manager}
    last = owners.get(manager, frozenset())
    if last - wanted:
        result = _prune(schema, result, last, wanted.union(*others.values())) or {}
    written, removed = changed(fields(schema, live), fields(schema, result))
    conflicts = {other: paths & written for other, paths in others.items() if paths & written}
    now = {other: left for other, paths in others.items() if (left := paths - written - removed)}
    if wanted:
        now[manager] = wanted
    return Applied(result, now, conflicts)


def updated(owners: Owners, manager: Manager, before: Mapping[Path, Any], after: Mapping[Path, Any]) -> Owners:
    """The owners after an ordinary write by `manager` that turned `before` into `after`."""
    written, removed = changed(before, after)
    if not written and not removed:
        return owners
    now = {who: left for who, paths in owners.items() if (left := paths - written - removed)}
    if written:
        now[manager] = now.get(manager, frozenset()) | written
    return now


def spelled(path: Path) -> str:
    """A path as the API server writes it."""
    return "".join(f"[{part.identity}]" if isinstance(part, _Item) else f".{part}" for part in path)


def mistyped(schema: Schema, value: Any, path: str = "") -> list[str]:
    """What keeps a value from being merged: wrong containers, list items without or with the same key."""
    wrong: list[str] = []
    if isinstance(value, dict):
        for name, item in value.items():
            child = schema.child(name)
            if child is None or item is None:
                continue
            if child.type == "array" and not isinstance(item, list):
                wrong.append(f"{path}.{name}: expected list")
            elif child.type == "object" and not isinstance(item, dict):
                wrong.append(f"{path}.{name}: expected map")
            else:
                wrong += mistyped(child, item, f"{path}.{name}")
    elif isinstance(value, list) and schema.items is not None:
        seen: set[_Item] = set()
        for index, item in enumerate(value):
            wrong += mistyped(schema.items, item, f"{path}[{index}]")
            if schema.list_type not in ("map", "set"):
                continue
            if schema.list_type == "map" and MISSING in schema.key_of(item):
                keys = json.dumps(schema.list_keys)
                wrong.append(f"{path}: element {index}: associative list with keys has an element that omits {keys}")
            elif (step := _step(schema, item)) in seen:
                wrong.append(f"{path}: duplicate entries for key {step.identity}")
            else:
                seen.add(step)
    return wrong
