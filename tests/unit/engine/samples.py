"""What the engine's tests share: objects as the API server sends them, and a clock that is moved by hand."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from mlgate.api.meta import API_VERSION, FINALIZER
from mlgate.engine.clock import Clock
from mlgate.engine.marks import Mark
from mlgate.store.protocol import Key, Object

NOON = 1_800_000_000.0
"""Unix seconds at which every test begins: 2027-01-15T08:00:00Z."""


@dataclass(slots=True)
class ByHand:
    """Time that passes only when a test says so; waiting and writing down share it."""

    now: float = 0.0

    def pass_(self, seconds: float) -> None:
        self.now += seconds

    def clock(self, seed: int = 1) -> Clock:
        return Clock(lambda: self.now, lambda: NOON + self.now, Random(seed))


def condition(type_: str, status: str = "True", *, generation: int = 1, reason: str = "Available") -> dict[str, Any]:
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": "",
        "observedGeneration": generation,
        "lastTransitionTime": "2027-01-01T00:00:00Z",
    }


WELL = (condition("Ready"), condition("Synced"))


def an_object(
    kind: str = "Thing",
    name: str = "a",
    *,
    namespace: str = "ml",
    uid: str | None = None,
    version: str = "1",
    generation: int = 1,
    spec: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    conditions: tuple[dict[str, Any], ...] = (),
    deleting: bool = False,
    held: bool = False,
    **metadata: Any,
) -> Object:
    """An object; `held` has our finalizer on it, `conditions` go into its status."""
    found: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "uid": uid or f"uid-{kind}-{namespace}-{name}",
        "resourceVersion": version,
        "generation": generation,
        "creationTimestamp": "2027-01-01T00:00:00Z",
        **metadata,
    }
    if deleting:
        found["deletionTimestamp"] = "2027-01-15T00:00:00Z"
    if held:
        found["finalizers"] = [FINALIZER]
    told = {**(status or {}), **({"conditions": list(conditions)} if conditions else {})}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": found, "spec": spec or {}, "status": told}


def a_key(name: str = "a", kind: str = "Thing", namespace: str = "ml") -> Key:
    return Key(kind, namespace, name)


def a_mark(name: str = "a", *, cluster: str = "prod", uid: str = "uid-1", namespace: str = "ml") -> Mark:
    return Mark(cluster, "Thing", namespace, name, uid)
