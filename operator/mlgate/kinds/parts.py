"""How the parts of a composition add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..engine import objects
from ..engine.protocols import Child, Health, Summary
from ..reasons import Reason
from ..store.protocol import Object

Children = Mapping[tuple[str, str], Object]


def part(children: Children, wanted: Iterable[tuple[str, str]]) -> Health:
    """The health of some children together: the first that is stalled, else the first that is not ready, speaks."""
    worst: Health | None = None
    for kind, name in wanted:
        one = _health(kind, name, children.get((kind, name)))
        if one.failed:
            return one
        if worst is None and not (one.ready and one.settled):
            worst = one
    return worst or Health(True)


def summary(parts: Mapping[str, Health], status: Mapping[str, object], *, usable: bool | None = None) -> Summary:
    """The whole from its parts. `usable`: whether it can be used although a part is not as wished (None: it cannot)."""
    bad = [health for health in parts.values() if health.failed] or [
        health for health in parts.values() if not (health.ready and health.settled)
    ]
    ready = all(health.ready for health in parts.values()) if usable is None else usable
    if not bad:
        return Summary(True, parts=parts, status=status)
    first = bad[0]
    return Summary(ready, first.reason, first.message, settled=False, failed=first.failed, parts=parts, status=status)


def names(children: Iterable[Child], part_: str) -> list[tuple[str, str]]:
    """The children that count for a part."""
    return [(c.manifest["kind"], c.manifest["metadata"]["name"]) for c in children if c.part == part_]


def _health(kind: str, name: str, child: Object | None) -> Health:
    if child is None:
        return Health(False, Reason.CREATING, f"{kind} {name} is being made.", settled=False)
    ready, synced = objects.holds(child, "Ready"), objects.holds(child, "Synced")
    if ready and synced:
        return Health(True)
    condition = objects.condition(child, "Synced" if ready else "Ready") or {}
    current = condition.get("observedGeneration") == objects.generation(child)
    if not condition or not current:
        return Health(
            objects.says(child, "Ready"), Reason.UPDATING, f"{kind} {name} is being looked at.", settled=False
        )
    try:
        reason = Reason(condition.get("reason", ""))
    except ValueError:
        reason = Reason.DEPENDENCY_NOT_READY
    stalled = objects.holds(child, "Stalled")
    return Health(ready, reason, f"{kind} {name}: {condition.get('message', '')}", settled=False, failed=stalled)
