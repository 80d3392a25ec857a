"""Reading objects of the API server: small pure questions about plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..api.meta import ABORT, APPROVE, FINALIZER, GROUP, PAUSED, PROMOTE, RECONCILE_REQUESTED_AT, RETRY
from ..store.protocol import Object

GUARD = f"{GROUP}/in-use"
"""Finalizer on a Secret: something outside may need it to be deleted."""
MANAGED_LABEL = f"{GROUP}/managed"
"""On everything mlgate makes in the cluster; Secrets are watched by it."""
OWNER_LABEL = f"{GROUP}/owner-uid"
APPLIED = f"{GROUP}/applied"
"""On children of compositions: hash of the manifest that was applied last."""
ANNOTATIONS = (PAUSED, RECONCILE_REQUESTED_AT, APPROVE, PROMOTE, ABORT, RETRY)
"""The annotations that users steer mlgate with; a change of one is looked at as a change of spec is."""

__all__ = ["APPROVE", "FINALIZER", "GROUP", "PAUSED", "RECONCILE_REQUESTED_AT"]


def spec(obj: Object) -> Mapping[str, Any]:
    return obj.get("spec") or {}


def status(obj: Object) -> Mapping[str, Any]:
    return obj.get("status") or {}


def uid(obj: Object) -> str:
    return str(obj["metadata"]["uid"])


def generation(obj: Object) -> int:
    return int(obj["metadata"].get("generation", 1))


def notes(obj: Object) -> Mapping[str, str]:
    """The annotations."""
    return obj["metadata"].get("annotations") or {}


def finalizers(obj: Object) -> list[str]:
    return list(obj["metadata"].get("finalizers") or ())


def held(obj: Object) -> bool:
    """Whether our finalizer holds it: something outside exists for it, or may."""
    return FINALIZER in finalizers(obj)


def deleting(obj: Object) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))


def paused(obj: Object) -> bool:
    """Whether the user holds every write to this object's outside: any value of the annotation but `false`."""
    return notes(obj).get(PAUSED, "false").lower() != "false"


def asked_for(obj: Object) -> bool:
    """Whether the user asked for a look that was not given yet."""
    requested = notes(obj).get(RECONCILE_REQUESTED_AT)
    return bool(requested and requested != status(obj).get("lastHandledReconcileAt"))


def condition(obj: Object, type_: str) -> Mapping[str, Any] | None:
    """A condition by type, current or not."""
    return next((c for c in status(obj).get("conditions") or () if c.get("type") == type_), None)


def holds(obj: Object, type_: str) -> bool:
    """Whether a condition is True for the object's current generation."""
    found = condition(obj, type_)
    return bool(found and found.get("status") == "True" and found.get("observedGeneration") == generation(obj))


def is_ready(obj: Object) -> bool:
    """Ready and Synced, for the generation that is there now, and not being deleted."""
    return not deleting(obj) and holds(obj, "Ready") and holds(obj, "Synced")


def steering(obj: Object) -> tuple[Any, ...]:
    """What of an object is the user's wish: a change of it is worth a look, a change of the rest is not."""
    found = notes(obj)
    return (
        uid(obj),
        generation(obj),
        deleting(obj),
        tuple(found.get(name) for name in ANNOTATIONS),
        obj.get("data"),
    )


VOLATILE = (
    "lastSyncTime",
    "operationSince",
    "plan",
    "jwks",
    "jwksKeyIds",
    "grantedScopes",
    "neededScopes",
    "missingScopes",
    "excessScopes",
    "deletes",
    "warnings",
    "requestBudget",
)
"""Parts of a status that no referring object builds on; the gateway reads some of them for itself."""


def says(obj: Object, type_: str) -> bool:
    """Whether a condition is True, for whatever generation."""
    return (condition(obj, type_) or {}).get("status") == "True"


def depended(obj: Object) -> tuple[Any, ...]:
    """What of an object those that refer to it build on."""
    steered, conditions, rest = visible(obj)
    return (steered, conditions, {name: value for name, value in rest.items() if name not in VOLATILE})


def visible(obj: Object) -> tuple[Any, ...]:
    """What of an object anybody builds on: spec, outputs and health, but not the words of its messages."""
    conditions = tuple(
        (c.get("type"), c.get("status"), c.get("reason"), c.get("observedGeneration"))
        for c in status(obj).get("conditions") or ()
    )
    rest = {
        name: value
        for name, value in status(obj).items()
        if name not in ("conditions", "lastSyncTime", "operationSince", "plan")
    }
    return (steering(obj), conditions, rest)
