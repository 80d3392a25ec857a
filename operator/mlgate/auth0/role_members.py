"""Who has which role. Recordings TestAccUserRoles, TestRoleManager_UsersCheckpointPagination.

A listing of a role's users serves the drift check of every assignment of that role, 100 users a request. A role that has
many users beside ours is not listed twice: as soon as a listing costs more requests than we have users in the role, these
are asked for one by one (a user has at most 50 roles, which is one page). What we assigned or removed ourselves counts
from that moment on, whatever a listing that was under way says (shared facts, auth0 section 2.2).
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field

from ..errors import Retry
from .access import Raw
from .collection import Aging, Send, checked_id, paging
from .faults import missing_field
from .listing import PAGE_SIZE, list_all
from .wire import Wire

_LONGEST = 10_000
"""Pages after which a listing that goes round in circles is given up."""


@dataclass(slots=True)
class _Members:
    """What is known of one role."""

    users: frozenset[str] = frozenset()
    read_at: float | None = None
    asked: set[str] = field(default_factory=set)
    large: bool = False
    known: dict[str, tuple[int, bool]] = field(default_factory=dict)
    """What is newer than the listing, by user: when, on a counter, we changed or asked it, and whether the user has the
    role since."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RoleMembers:
    """Assignments of roles to users."""

    def __init__(self, wire: Wire, aging: Aging) -> None:
        self._wire = wire
        self._aging = aging
        self._events = itertools.count()
        self._roles: dict[str, _Members] = {}

    async def has(self, role_id: str, user_id: str) -> bool:
        """Whether the user has the role, as a listing of the last `max_age` seconds had it."""
        members = self._of(role_id)
        members.asked.add(user_id)
        if members.large:
            return await self.has_now(role_id, user_id)
        async with members.lock:  # whoever comes while it is listed takes what comes out of it
            if members.read_at is None or self._aging.clock() - members.read_at >= self._aging.max_age:
                await self._read(checked_id(role_id), members)
        if members.large:
            return await self.has_now(role_id, user_id)
        newer = members.known.get(user_id)
        return newer[1] if newer else user_id in members.users

    async def has_now(self, role_id: str, user_id: str) -> bool:
        """Whether the user has the role, asked of the service; False also where there is no such user."""
        begun = next(self._events)
        roles: list[Raw] = await list_all(
            lambda number: self._wire.call(
                lambda api: api.users.roles.list(checked_id(user_id), request_options=paging(number))
            ),
            plural="roles",
            key=("id",),
        )
        has = any(role["id"] == role_id for role in roles)
        known = self._of(role_id).known
        if user_id not in known or known[user_id][0] < begun:
            known[user_id] = (begun, has)
        return has

    async def add(self, role_id: str, user_id: str) -> None:
        """Gives the user the role; that the user has it is as good. Raises Gone when one of them is not there."""
        await self._wire.call(lambda api: api.users.roles.assign(checked_id(user_id), roles=[checked_id(role_id)]))
        self._changed(role_id, user_id, has=True)

    async def remove(self, role_id: str, user_id: str) -> None:
        """Takes the role away; that the user does not have it, or is not there, is as good."""
        await self._wire.call(lambda api: api.users.roles.delete(checked_id(user_id), roles=[checked_id(role_id)]))
        self._changed(role_id, user_id, has=False)
        self._of(role_id).asked.discard(user_id)

    def _of(self, role_id: str) -> _Members:
        return self._roles.setdefault(role_id, _Members())

    def _changed(self, role_id: str, user_id: str, *, has: bool) -> None:
        self._of(role_id).known[user_id] = (next(self._events), has)

    async def _read(self, role_id: str, members: _Members) -> None:
        began, order = self._aging.clock(), next(self._events)
        found: set[str] = set()
        cursor: str | None = None
        for page in range(_LONGEST):
            if page >= max(1, len(members.asked)):
                members.large = True
                return
            received = await self._wire.call(_page(role_id, cursor))
            if received.absent:
                break
            body = received.body()
            users = body.get("users")
            if not isinstance(users, list) or not all(isinstance(user, dict) and user.get("user_id") for user in users):
                raise missing_field(received.asked, "users[].user_id")
            found.update(str(user["user_id"]) for user in users)
            following = body.get("next")
            if not following or not users:
                break
            if following == cursor:
                raise Retry(f"The users of role {role_id} cannot be listed to their end. mlgate lists them again.")
            cursor = str(following)
        members.users, members.read_at = frozenset(found), began
        members.known = {user: newer for user, newer in members.known.items() if newer[0] > order}


def _page(role_id: str, after: str | None) -> Send:
    return lambda api: api.roles.users.list(role_id, include_totals=None, take=PAGE_SIZE, from_=after)
