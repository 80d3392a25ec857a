"""Which thing outside is this object's? A pure decision over what was found (ENGINE rules 2, 3, 4 and 6).

The finalizer is the intent: it is stored, with a precondition, before the first create, and taken off again when the
service said clearly that nothing was made. So `may_exist` is known even when status was lost (docs/adr/0002).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import AmbiguousIdentity, Terminal
from ..reasons import Reason
from .protocols import Seen


@dataclass(frozen=True, slots=True)
class Adopt:
    """It is this one."""

    seen: Seen


@dataclass(frozen=True, slots=True)
class Create:
    """There is none."""


def choose(found: Sequence[Seen], *, may_exist: bool, claims: dict[str, str]) -> Adopt | Create:
    """What to do about what `find` returned.

    `may_exist`: a create of ours may have been sent earlier. `claims`: external ids that other objects of this kind hold
    in status, with their names. Raises AmbiguousIdentity, or Terminal ExternalConflict naming the holder."""
    free = [seen for seen in found if seen.id not in claims]
    ours = [seen for seen in free if seen.ours]
    if len(ours) > 1:
        ids = ", ".join(seen.id for seen in ours)
        raise AmbiguousIdentity(
            f"{len(ours)} things outside carry the mark of this object ({ids}). Nothing was written. Delete all but one, "
            "or name the right one in spec.import.id."
        )
    if ours:
        return Adopt(ours[0])
    unmarked = [seen for seen in free if seen.ours is None]
    if unmarked and may_exist:
        if len(unmarked) > 1:
            ids = ", ".join(seen.id for seen in unmarked)
            raise AmbiguousIdentity(
                f"{len(unmarked)} things outside could be this object ({ids}). Nothing was written. "
                "Name the right one in spec.import.id."
            )
        return Adopt(unmarked[0])
    if found:
        raise conflict(found[0], claims)
    return Create()


def conflict(seen: Seen, claims: dict[str, str]) -> Terminal:
    """The refusal to take what is somebody else's."""
    holder = claims.get(seen.id) or seen.holder
    whose = f"belongs to {holder}" if holder else "was not made by mlgate"
    todo = (
        "Remove one of the two objects, or give this one another name."
        if holder
        else f"Set spec.import.id to {seen.id} to take it over, or give this one another name."
    )
    return Terminal(f"{seen.id} already exists outside and {whose}. {todo}", reason=Reason.EXTERNAL_CONFLICT)
