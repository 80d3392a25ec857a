"""Notices what others change in an Auth0 tenant within seconds: follows the log of tenants with `followLogs`.

A doorbell only: whatever the log says, the object is looked at as by a drift check, only sooner and with a fresh read.
What the log cannot tell (another tool with our own client id, an entry that comes late) the drift check still finds.
One request per tenant and look, of the lowest class: none while the budget is wanted for anything else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from ...auth0 import Session, Sessions, Touched
from ...engine import objects
from ...engine.engine import Engine
from ...errors import Denied, Quota, Trouble, WriteRefused
from ...outbound import Permit, Unfenced, Urgency, permitting
from ...store.protocol import Key, Object, key_of

log = logging.getLogger(__name__)

EVERY = 10.0
"""Seconds between two looks at a tenant's log."""
WITHOUT_IDS = {
    "tenants/settings": ("Auth0Tenant", "Auth0MFAFactorSet"),
    "actions/triggers": ("Auth0Action",),
    "guardian/factors": ("Auth0MFAFactorSet",),
    "guardian/policies": ("Auth0MFAFactorSet",),
}
"""Shared things that no object has as its external id, and the kinds that look at them."""


class LogFollower:
    """`start` once this process leads; `stop` before its sessions are closed."""

    def __init__(self, engine: Engine, sessions: Sessions, *, every: float = EVERY) -> None:
        self._engine = engine
        self._sessions = sessions
        self._every = every
        self._task: asyncio.Task[None] | None = None
        self._denied: dict[Key, tuple[int, Session]] = {}
        """Tenants that do not let us read their log: not asked again before their manifest or credentials change."""

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="log-follower")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def look(self) -> None:
        """One look at the log of every tenant that is to be followed and is well."""
        followed = [obj for obj in self._engine.cache.of_kind("Auth0Tenant") if _followed(obj)]
        await asyncio.gather(*(self._look_at(obj) for obj in followed))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.look()
            except Exception:
                log.exception("the log of a tenant could not be followed")

    async def _look_at(self, tenant: Object) -> None:
        key = key_of(tenant)
        session = self._sessions.current(f"{key.kind} {key.namespace}/{key.name}")
        if session is None or self._denied.get(key) == (objects.generation(tenant), session):
            return
        self._denied.pop(key, None)
        refusal = WriteRefused("Following the log never writes.")
        try:
            with permitting(Permit(Urgency.BACKGROUND, Unfenced(), refusal)):
                news = await session.logs.news()
        except Quota:
            return
        except Denied as trouble:
            self._denied[key] = (objects.generation(tenant), session)
            log.warning("the log of %s cannot be followed: %s", key, trouble.message)
            return
        except Trouble as trouble:
            log.info("the log of %s was not read: %s", key, trouble.message)
            return
        for woken in {each for change in news for each in self._concerned(key, change)}:
            self._engine.queue.add(woken, Urgency.PROGRESS)  # not DRIFT, which is served from what was read before

    def _concerned(self, tenant: Key, change: Touched) -> Iterator[Key]:
        cache = self._engine.cache
        users = [tenant, *cache.referrers(tenant)]
        kinds = WITHOUT_IDS.get(change.collection, ())
        yield from (key for key in users if key.kind in kinds)
        for key in users:
            obj = cache.get(key)
            external_id = str(objects.status(obj).get("externalId") or "") if obj is not None else ""
            # an assignment is known by a pair, <role id>/<user id>, and the log names one of the two
            if external_id and not change.ids.isdisjoint({external_id, *external_id.split("/")}):
                yield key


def _followed(tenant: Object) -> bool:
    return objects.spec(tenant).get("followLogs") is True and objects.is_ready(tenant) and not objects.deleting(tenant)
