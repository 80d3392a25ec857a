"""How many deletes an hour what objects refer to (a tenant) allows: the brake on a bad commit. Pure.

The count is kept in that object's status, a minute an entry, named by the moment that minute ends, so that none of it
is forgotten before its hour is over. It is written before the delete leaves; so a restart forgets nothing, and a delete
that is tried again after one counts twice rather than not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .clock import rfc3339, unix

HOUR, MINUTE = 3600.0, 60.0


def within_the_hour(deletes: Sequence[Mapping[str, Any]], now: float) -> list[Mapping[str, Any]]:
    """The entries of `status.deletes` that still count, oldest first."""
    return sorted((each for each in deletes if now - unix(each["at"]) < HOUR), key=lambda each: str(each["at"]))


def wait(deletes: Sequence[Mapping[str, Any]], limit: int, now: float) -> float:
    """Seconds until another delete is allowed; 0 when now, an hour where none ever is."""
    entries = within_the_hour(deletes, now)
    over = sum(each["count"] for each in entries) + 1 - limit
    if over <= 0:
        return 0.0
    for each in entries:
        over -= each["count"]
        if over <= 0:
            return float(unix(each["at"]) + HOUR - now)
    return HOUR


def with_one_more(deletes: Sequence[Mapping[str, Any]], now: float) -> list[dict[str, Any]]:
    """The entries after a delete that happens now."""
    minute = rfc3339(now - now % MINUTE + MINUTE)
    counts = {each["at"]: each["count"] for each in within_the_hour(deletes, now)}
    counts[minute] = counts.get(minute, 0) + 1
    return [{"at": at, "count": count} for at, count in sorted(counts.items())]
