"""What a tenant still has of Rules and Hooks, which are past their end of life: Actions replace them.

Looked for rarely and only with requests to spare, by whoever may read them; whoever may not is told nothing. Shared
facts, auth0 section 0.1.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from auth0.management import AsyncAuth0

from ..errors import Trouble, WriteRefused
from ..outbound import Permit, Unfenced, Urgency, permitting
from .collection import paging
from .wire import Wire

FIRST, EVERY = 600.0, 21600.0
"""Seconds from the first question to the first look, so that a start costs nothing, and between looks."""
NAMED = 5
"""So many are named; of the rest the number is said."""
_ASKED: Mapping[str, Callable[[AsyncAuth0], Awaitable[object]]] = {
    "rules": lambda api: api.rules.list(page=None, per_page=None, include_totals=None, request_options=paging(0)),
    "hooks": lambda api: api.hooks.list(page=None, per_page=None, include_totals=None, request_options=paging(0)),
}


class PastEndOfLife:
    """Of one tenant. `clock` counts seconds."""

    def __init__(self, wire: Wire, clock: Callable[[], float]) -> None:
        self._wire = wire
        self._clock = clock
        self._due: float | None = None
        self._told: dict[str, str] = {}

    async def warnings(self, scopes: frozenset[str]) -> list[str]:
        """A sentence for each of the two that the tenant still has, as last seen with these scopes."""
        now = self._clock()
        if self._due is None:
            self._due = now + FIRST
        if now >= self._due:
            self._due = now + EVERY
            for plural in _ASKED:
                await self._look(plural, scopes)
        return list(self._told.values())

    async def _look(self, plural: str, scopes: frozenset[str]) -> None:
        if f"read:{plural}" not in scopes:
            self._told.pop(plural, None)
            return
        refusal = WriteRefused("Looking for what is past its end of life changes nothing.")
        try:
            with permitting(Permit(Urgency.BACKGROUND, Unfenced(), refusal)):
                received = await self._wire.call(_ASKED[plural])
            body = {} if received.absent else received.body(plural)
        except Trouble:  # nobody waits for it: what was known stays, and it is looked for again
            return
        items = body.get(plural)
        self._told.pop(plural, None)
        if isinstance(items, list) and items:
            names = [str(item.get("name") or item.get("id")) for item in items if isinstance(item, dict)]
            self._told[plural] = sentence(plural.capitalize(), names, int(body.get("total") or len(names)))


def sentence(sort: str, names: list[str], total: int) -> str:
    """What a tenant's status says about them. Pure."""
    shown = ", ".join(names[:NAMED]) + (f" and {total - NAMED} more" if total > NAMED else "")
    return (
        f"The tenant still has {total} of Auth0's {sort} ({shown}), which are past their end of life and may stop running. "
        "Turn them into Auth0Actions or an Auth0MFAPolicy (docs/how-to/mfa-by-role.md)."
    )
