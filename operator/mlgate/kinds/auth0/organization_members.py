"""Members of an organization and their roles: told apart by user id, or by the address that the manifest names them by.

The service lists members with their ids and addresses (recording TestAccOrganizationMembers), so who is a member by an
address is seen without asking for users; only who has to be added is looked up. Addresses are written as
`mailto:ada@example.com` among the ids, which no id of a user looks like.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...auth0 import Session
from ...engine.fields import SetOf
from ...engine.plan import Change
from ...errors import AmbiguousIdentity, Retry, Trouble
from ...reasons import Reason

_ADDRESS = "mailto:"


def by_address(email: str) -> str:
    """How the wish names a user by address."""
    return f"{_ADDRESS}{email.lower()}"


@dataclass(frozen=True, slots=True)
class Members:
    """The rule of the list of members: each counts under the name that the manifest uses for it, or used before."""

    rule: SetOf

    def change(self, path: str, wanted: Any, seen: Any, managed: Sequence[str]) -> Change | None:
        want, put = {item["user_id"] for item in wanted or ()}, set(managed)
        have = [named for item in seen or () for named in _named(item, want, put)]
        return self.rule.change(path, wanted, have, managed)

    def entries(self, wanted: Any) -> list[str]:
        return self.rule.entries(wanted)


def _named(item: Mapping[str, Any], want: set[str], put: set[str]) -> list[dict[str, Any]]:
    own = item.get("id", item["user_id"])
    names = [own, *([by_address(item["email"])] if item.get("email") else ())]
    used = [n for n in names if n in want] or [n for n in names if n in put] or [own]
    return [{"user_id": name, "id": own} for name in used]


def members_seen(members: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Members as they compare."""
    return [{name: member[name] for name in ("user_id", "email") if member.get(name)} for member in members]


def roles_seen(members: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Members with the ids of their roles."""
    shown = members_seen(members := list(members))
    return [
        {**one, "roles": [role["id"] for role in member.get("roles") or ()]}
        for one, member in zip(shown, members, strict=True)
    ]


async def user_ids(conn: Session, names: Iterable[str]) -> tuple[dict[str, str], Trouble | None]:
    """The ids of users that are named by id or by address, and why one of them is not among them."""
    found: dict[str, str] = {}
    trouble: Trouble | None = None
    for name in names:
        try:
            found[name] = await _by_address(conn, name.removeprefix(_ADDRESS)) if name.startswith(_ADDRESS) else name
        except (Retry, AmbiguousIdentity) as why:
            if isinstance(why, Retry) and why.reason is not Reason.DEPENDENCY_NOT_FOUND:
                raise
            trouble = trouble or why
    return found, trouble


async def _by_address(conn: Session, email: str) -> str:
    users = await conn.users.by_email(email)
    if not users:
        raise Retry(
            f"The tenant has no user with the address {email}. Create it, or correct spec.members; mlgate looks again by "
            "itself.",
            reason=Reason.DEPENDENCY_NOT_FOUND,
        )
    if len(users) > 1:
        ids = ", ".join(sorted(str(user["user_id"]) for user in users))
        raise AmbiguousIdentity(
            f"{len(users)} users of the tenant have the address {email} ({ids}), and none of them was made a member. Name "
            "the right one by userId in spec.members."
        )
    return str(users[0]["user_id"])


@dataclass(frozen=True, slots=True)
class RolesOfMembers:
    """What each member may do: `{user: [role, ...]}`, None for a member whose roles are not managed.

    `shared`: roles that others gave stay. Those that this object gave to somebody who is no longer named go."""

    shared: bool

    def change(self, path: str, wanted: Any, seen: Any, managed: Sequence[str]) -> Change | None:
        seen = _by_name(seen, set(wanted), {_pair(pair)["user_id"] for pair in managed})
        want, have, put = set(self.entries(wanted)), set(self.entries(seen)), set(managed)
        asked = {user for user, roles in wanted.items() if roles is not None}

        def ours(pair: str) -> bool:
            user = pair.partition("\n")[0]
            return (user in asked and (pair in put or not self.shared)) or (user not in wanted and pair in put)

        added = sorted(want - have)
        removed = sorted(pair for pair in have - want if ours(pair))
        if not added and not removed:
            return None
        after = (have | want) - set(removed)
        touched = {pair.partition("\n")[0] for pair in (*added, *removed)}
        old = {user: sorted(seen.get(user) or ()) for user in sorted(touched)}
        new = {user: roles for user, roles in _by_user(after).items() if user in touched}
        return Change(path, old, new, _by_user(after), tuple(map(_pair, added)), tuple(map(_pair, removed)))

    def entries(self, wanted: Any) -> list[str]:
        return sorted(f"{user}\n{role}" for user, roles in (wanted or {}).items() for role in roles or ())


def _by_name(seen: Any, want: set[str], put: set[str]) -> Mapping[str, Sequence[str]]:
    """Roles by the name that the manifest uses for the member, or used before."""
    if isinstance(seen, Mapping):
        return seen
    return {named["user_id"]: item["roles"] for item in seen or () for named in _named(item, want, put)}


def grouped(pairs: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Roles by user."""
    found: dict[str, list[str]] = {}
    for pair in pairs:
        found.setdefault(pair["user_id"], []).append(pair["role_id"])
    return found


def _by_user(pairs: Iterable[str]) -> dict[str, list[str]]:
    return grouped([_pair(pair) for pair in sorted(pairs)])


def _pair(pair: str) -> dict[str, str]:
    user, _, role = pair.partition("\n")
    return {"user_id": user, "role_id": role}
