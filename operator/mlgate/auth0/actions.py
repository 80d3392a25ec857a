"""Actions and the lists of those that run at each trigger. Recordings TestAccAction*, TestAccTriggerActions.

A list of bindings is one ordered list that everybody shares and that is replaced whole; its ids change with each PATCH, so
it is read, merged and written under a lock per trigger. Lists leave out zero values (shared facts, auth0 section 6).
"""

from __future__ import annotations

import asyncio
import copy
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from auth0.management.core.request_options import RequestOptions

from ..errors import Retry, Terminal
from ..outbound import Urgency, urgency
from ..reasons import Reason
from .access import Raw
from .collection import Aging, Body, Collection, Send, checked_id, with_body
from .listing import PAGE_SIZE, list_all
from .wire import Wire


class Actions(Collection):
    """Actions: drafts that are built after each write, and versions of them that are deployed."""

    plural = "actions"

    async def deploy(self, action_id: str) -> Raw:
        """Makes the draft a version and has it deployed; the answer is that version, not live yet. Raises Retry while the
        draft is being built."""
        with self._snapshot.writing(checked_id(action_id)):
            try:
                received = await self._wire.call(lambda api: api.actions.deploy(action_id))
            except Terminal as refused:
                if "'built' state" in refused.message:  # only the sentence tells (shared facts, auth0 section 1)
                    raise Retry(refused.message, reason=Reason.UPDATING, after=1.0) from None
                raise
            return received.body("id")

    async def _list(self) -> list[Raw]:
        return await list_all(
            lambda number: self._wire.call(self._paging(number)),
            plural=self.plural,
            key=(self.key,),
            without_zeros=True,
        )

    def _reading(self, object_id: str) -> Send:
        return lambda api: api.actions.get(object_id)

    def _creating(self, body: Body) -> Send:
        required: dict[str, Any] = {name: body.get(name, ...) for name in ("name", "supported_triggers")}
        return lambda api: api.actions.create(**required, request_options=with_body(body))

    def _updating(self, object_id: str, body: Body) -> Send:
        return lambda api: api.actions.update(object_id, request_options=with_body(body))

    def _deleting(self, object_id: str) -> Send:
        # force: whoever bound it again after it was unbound must not keep it alive
        return lambda api: api.actions.delete(object_id, force=True)

    def _paging(self, number: int) -> Send:
        return lambda api: api.actions.list(request_options=_page(number))


class TriggerBindings:
    """The Actions that run at a trigger, in order, as `{id, trigger_id, action, display_name, ...}`."""

    def __init__(self, wire: Wire, aging: Aging) -> None:
        self._wire = wire
        self._aging = aging
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._kept: dict[str, tuple[float, list[Raw]]] = {}

    async def of(self, trigger: str) -> list[Raw]:
        """The bindings of a trigger. Drift checks of all its Actions share one read."""
        async with self._locks[trigger]:
            kept = self._kept.get(trigger)
            fresh = kept is not None and self._aging.clock() - kept[0] < self._aging.max_age
            if kept is None or not fresh or urgency() is not Urgency.DRIFT:
                kept = self._kept[trigger] = (self._aging.clock(), await self._read(trigger))
            return copy.deepcopy(kept[1])

    async def change(self, trigger: str, merge: Callable[[list[Raw]], Sequence[Body]]) -> list[Raw]:
        """Replaces the list by what `merge` makes of the present one (as the service wants it: `{ref, display_name}`) and
        returns the new one. Nothing is written when nothing changes."""
        async with self._locks[trigger]:
            present = await self._read(trigger)
            wished = [dict(binding) for binding in merge(copy.deepcopy(present))]
            if wished == [as_asked(binding) for binding in present]:
                return present
            self._kept.pop(trigger, None)
            body = {"bindings": wished}
            received = await self._wire.call(
                lambda api: api.actions.triggers.bindings.update_many(
                    checked_id(trigger), request_options=with_body(body)
                )
            )
            bindings: list[Raw] = received.body().get("bindings") or []
            return bindings

    async def _read(self, trigger: str) -> list[Raw]:
        found = await list_all(
            lambda number: self._wire.call(
                lambda api: api.actions.triggers.bindings.list(checked_id(trigger), request_options=_page(number))
            ),
            plural="bindings",
            key=("id",),
            without_zeros=True,
        )
        if not all(isinstance(each.get("action"), dict) and each["action"].get("id") for each in found):
            raise Retry(f"A binding of trigger {trigger} has no field `action.id`. mlgate asks again by itself.")
        return found


def as_asked(binding: Raw) -> dict[str, Any]:
    """A binding that there is, as a PATCH names it."""
    return {
        "ref": {"type": "action_id", "value": binding["action"]["id"]},
        "display_name": binding.get("display_name") or binding["action"].get("name"),
    }


def _page(number: int) -> RequestOptions:
    return {"additional_query_parameters": {"page": number, "per_page": PAGE_SIZE}}
