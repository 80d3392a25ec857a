"""The order of the Actions at a trigger, as pure decisions.

The list is shared: Actions that mlgate does not manage keep their place in it. Ours stand in the places that ours have, by
priority; a new one comes behind the last of ours that goes before it, else before the first that goes after it, else last.
Only what this process has met counts as ours: one that it has not met yet keeps its place until it is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the list."""

    action_id: str
    display_name: str


def with_ours(present: Sequence[Place], mine: Place, priorities: Mapping[str, int]) -> list[Place]:
    """The list with `mine` in it, as it should be. `priorities` are those of ours, `mine` among them."""

    def rank(action_id: str) -> tuple[int, str]:
        return priorities[action_id], action_id

    found = [mine if place.action_id == mine.action_id else place for place in present]
    if mine not in found:
        ours = [position for position, place in enumerate(found) if place.action_id in priorities]
        before = [position for position in ours if rank(found[position].action_id) < rank(mine.action_id)]
        found.insert(before[-1] + 1 if before else ours[0] if ours else len(found), mine)
    places = [position for position, place in enumerate(found) if place.action_id in priorities]
    ordered = sorted((found[position] for position in places), key=lambda place: rank(place.action_id))
    for position, place in zip(places, ordered, strict=True):
        found[position] = place
    return found


def without(present: Sequence[Place], action_id: str) -> list[Place]:
    """The list without one Action."""
    return [place for place in present if place.action_id != action_id]
