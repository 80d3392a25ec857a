"""On somebody's cluster: what `mlgate dev` may write there. Pure.

It writes what is not there yet, or what an earlier `mlgate dev` wrote and could not take away again (it was killed);
what others made stays as it is. Who wrote something is in `metadata.managedFields`, so nothing is added to manifests.
It does not begin where another mlgate works, or where objects of mlgate's kinds are somebody else's: it would set them
to what its simulators say.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...api.meta import GROUP
from ...engine.clock import unix
from ...shell.replicas import LABEL, SILENT
from ...store.protocol import NAMESPACES, Object, key_of

MANAGER = "mlgate-dev"
"""Our name as the one who applies, as kubectl has one."""
MOST_NAMED = 3


def is_ours(obj: Object) -> bool:
    """Whether `mlgate dev` applied it, in this run or an earlier one."""
    return any(entry.get("manager") == MANAGER for entry in obj["metadata"].get("managedFields") or ())


def may_apply(there: Object | None) -> bool:
    """Whether a manifest may be written over what is there under its name."""
    return there is None or is_ours(there)


def objection(there: Object) -> str | None:
    """What to say when it may not; nothing about a Namespace, which serves as it is."""
    if there["kind"] == NAMESPACES.kind:
        return None
    return (
        f"{key_of(there)} is there already and was not made by mlgate dev, so it stays as it is. "
        "Give yours another name or another namespace."
    )


def of_others(objects: Iterable[Object]) -> list[str]:
    """Objects of our kinds that neither `mlgate dev` nor something of ours made."""
    return [str(key_of(obj)) for obj in objects if not is_ours(obj) and not is_part(obj)]


def is_part(obj: Object) -> bool:
    """What an object of ours owns: whoever made the owner is asked instead."""
    refs = obj["metadata"].get("ownerReferences") or ()
    return any(ref["apiVersion"].startswith(f"{GROUP}/") for ref in refs)


def at_work(leases: Iterable[Object], now: float) -> list[str]:
    """The replicas of mlgate, in production or in another `mlgate dev`, that gave a sign of life of late."""
    found = []
    for lease in leases:
        spec = lease.get("spec") or {}
        labelled = LABEL in (lease["metadata"].get("labels") or {})
        if labelled and spec.get("renewTime") and now - unix(spec["renewTime"]) <= SILENT:
            found.append(f"{spec.get('holderIdentity') or key_of(lease)}")
    return found


def some(names: list[str]) -> str:
    """The first few, and how many more."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
