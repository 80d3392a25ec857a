"""Who goes when an owner goes (https://kubernetes.io/docs/concepts/architecture/garbage-collection/).

A dependant is deleted when none of its owners exists: same uid, same kind and name, in its own namespace or
cluster-scoped. With some left, references to those that are gone are taken out. Pure: the store acts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..protocol import Key, Object

Alive = Callable[[str], Object | None]
"""The object with that uid, if it exists."""


def _is_owner(reference: dict[str, Any], owner: Object | None, dependant: Object) -> bool:
    if owner is None:
        return False
    metadata = owner["metadata"]
    return (
        owner["kind"] == reference["kind"]
        and owner["apiVersion"].rpartition("/")[0] == reference["apiVersion"].rpartition("/")[0]
        and metadata["name"] == reference["name"]
        and metadata.get("namespace", "") in ("", dependant["metadata"].get("namespace", ""))
    )


def verdict(dependant: Object, alive: Alive) -> list[dict[str, Any]] | None:
    """The owner references that hold; None when there were some and none does (the object goes)."""
    references = dependant["metadata"].get("ownerReferences", [])
    holding = [reference for reference in references if _is_owner(reference, alive(reference["uid"]), dependant)]
    return None if references and not holding else holding


@dataclass(slots=True)
class Dependants:
    """Which objects name which owners, and what must be looked at."""

    _by_owner: dict[str, set[tuple[Any, Key]]] = field(default_factory=dict)
    _due: set[tuple[Any, Key]] = field(default_factory=set)

    def written(self, where: tuple[Any, Key], before: Object | None, after: Object | None) -> None:
        """An object changed: keep the index, look at it when its owners changed, and at its dependants when it went."""
        old = {ref["uid"] for ref in before["metadata"].get("ownerReferences", ())} if before else set()
        new = {ref["uid"] for ref in after["metadata"].get("ownerReferences", ())} if after else set()
        for uid in old - new:
            self._by_owner.get(uid, set()).discard(where)
        for uid in new - old:
            self._by_owner.setdefault(uid, set()).add(where)
        if new - old:
            self._due.add(where)
        if before and not after:
            self._due |= self._by_owner.pop(before["metadata"]["uid"], set())
            self._due.discard(where)

    def take_due(self) -> list[tuple[Any, Key]]:
        """What must be looked at now."""
        due, self._due = self._due, set()
        return sorted(due, key=lambda where: (str(where[0]), where[1]))
