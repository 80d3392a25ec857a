"""The lists below an organization: how wish and service say them, and how a difference is carried out.

Each is a sub-resource of its own, read only where the manifest mentions it and changed by deltas. One that cannot be
carried out does not keep the others from it (recordings TestAccOrganizationConnection*, TestAccOrganizationMember*,
TestAccOrganizationClient*).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from ...auth0 import Session
from ...engine.plan import Action, Plan
from ...errors import Terminal, Trouble
from ...reasons import Reason
from .organization_members import grouped, members_seen, roles_seen, user_ids

LISTS = ("connections", "members", "member_roles", "clients", "client_grants")
"""In the order in which they are carried out: a role goes to who is a member by then."""


async def read(conn: Session, organization_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What is there of the lists that are wished."""
    found: dict[str, Any] = {}
    organizations = conn.organizations
    if "connections" in wanted:
        found["connections"] = connections_seen(await organizations.connections(organization_id))
    if "members" in wanted:
        with_roles = "member_roles" in wanted
        members = await organizations.members(organization_id, with_roles=with_roles)
        found["members"] = members_seen(members)
        if with_roles:
            found["member_roles"] = roles_seen(members)
    if "clients" in wanted:
        found["clients"] = await organizations.clients(organization_id)
    if "client_grants" in wanted:
        grants = await organizations.client_grants(organization_id)
        found["client_grants"] = [{"grant_id": grant["id"]} for grant in grants]
    return found


def connections_seen(shown: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Connections as they compare: enterprise ones do not show what only databases know."""
    return [{"is_signup_enabled": False, **item} for item in shown]


async def carry_out(
    conn: Session, organization_id: str, plan: Plan, seen: Mapping[str, Any]
) -> tuple[dict[str, Any], Trouble | None]:
    """Bring the lists into their wished state. What they are then, and the first thing that could not be done."""
    now = {name: seen[name] for name in LISTS if name in seen}
    first: Trouble | None = None
    for name in LISTS:
        change = plan.change(name)
        if change is None:
            continue
        new = plan.action is Action.CREATE
        added, removed = (_every(name, change.new), ()) if new else (change.added, change.removed)
        there = () if new else seen.get(name) or ()
        try:
            await _STEPS[name](conn, organization_id, added, removed, there)
            now[name] = {u: r or [] for u, r in change.send.items()} if name == "member_roles" else change.send
        except Trouble as trouble:
            first = first or trouble
            if not isinstance(trouble, Terminal) and trouble.reason is not Reason.DEPENDENCY_NOT_FOUND:
                break  # nobody answers, or nobody may ask now
    return now, first


Entries = Sequence[Mapping[str, Any]]
Step = Callable[[Session, str, Entries, Entries, Any], Awaitable[None]]


async def _connections(conn: Session, organization_id: str, added: Entries, removed: Entries, there: Any) -> None:
    known = {item["connection_id"] for item in there}
    for item in removed:  # first: there may be at most ten
        await conn.organizations.remove_connection(organization_id, item["connection_id"])
    for item in added:
        if item["connection_id"] in known:
            settings = {name: value for name, value in item.items() if name != "connection_id"}
            await conn.organizations.update_connection(organization_id, item["connection_id"], settings)
        else:
            await conn.organizations.add_connection(organization_id, item)


async def _members(conn: Session, organization_id: str, added: Entries, removed: Entries, there: Any) -> None:
    ids, trouble = await user_ids(conn, [item["user_id"] for item in added])
    await conn.organizations.add_members(organization_id, list(ids.values()))
    await conn.organizations.remove_members(organization_id, [item.get("id", item["user_id"]) for item in removed])
    if trouble:
        raise trouble


async def _roles(conn: Session, organization_id: str, added: Entries, removed: Entries, there: Any) -> None:
    gives, takes = grouped(added), grouped(removed)
    ids, trouble = await user_ids(conn, list(dict.fromkeys([*gives, *takes])))
    for user, roles in gives.items():
        if user in ids:
            await conn.organizations.add_roles(organization_id, ids[user], roles)
    for user, roles in takes.items():
        if user in ids:
            await conn.organizations.remove_roles(organization_id, ids[user], roles)
    if trouble:
        raise trouble


async def _clients(conn: Session, organization_id: str, added: Entries, removed: Entries, there: Any) -> None:
    known = {item["client_id"] for item in there}
    new = [item for item in added if item["client_id"] not in known]
    # a batch with one that is there already would be refused whole
    await conn.organizations.add_clients(organization_id, new)
    for item in added:
        if item["client_id"] in known:
            settings = {name: value for name, value in item.items() if name != "client_id"}
            await conn.organizations.update_client(organization_id, item["client_id"], settings)
    await conn.organizations.remove_clients(organization_id, [item["client_id"] for item in removed])


async def _grants(conn: Session, organization_id: str, added: Entries, removed: Entries, there: Any) -> None:
    for item in added:
        await conn.organizations.add_client_grant(organization_id, item["grant_id"])
    for item in removed:
        await conn.organizations.remove_client_grant(organization_id, item["grant_id"])


_STEPS: Mapping[str, Step] = {
    "connections": _connections,
    "members": _members,
    "member_roles": _roles,
    "clients": _clients,
    "client_grants": _grants,
}


def _every(name: str, value: Any) -> Entries:
    """A whole list, as what is to be added to nothing."""
    if name != "member_roles":
        return list(value)
    return [{"user_id": user, "role_id": role} for user, roles in value.items() for role in roles or ()]
