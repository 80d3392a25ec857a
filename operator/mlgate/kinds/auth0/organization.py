"""Auth0Organization: a business customer of the tenant.

The name is unique, and `metadata` has room for our mark: what holds the name without it is somebody else's. `metadata` is
replaced as a map, so what is there is sent along; `branding` and quota likewise, whichever way the service merges them
(shared facts, auth0 section 2.2; recordings TestAccOrganization, TestAccOrganizationTokenQuota). Deleting an organization
ends all that hangs below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from ...api.auth0organization import AUTH0_ORGANIZATION, Auth0OrganizationSpec
from ...api.references import ObjectRef
from ...auth0 import Session
from ...engine.fields import Fields, MapOf, Nested, Rule, SetOf
from ...engine.marks import Mark
from ...engine.plan import Action, Plan
from ...engine.protocols import Applied, Deletion, Outputs, Owner, Seen, Situation, Wanted
from ...engine.references import Need, Ref, Resolved
from ...errors import Terminal
from .. import links
from . import organization_lists
from .on_auth0 import EVERY, LISTED, OnAuth0, mark_values, may, unmarked, whose
from .organization_lists import LISTS
from .organization_members import Members, RolesOfMembers, by_address

PLAIN = ("display_name", "branding", "token_quota", "third_party_client_access", "is_app_entitlement_active")
"""Fields that are on the wire as in the manifest, but for the case of their names."""
MOST_ROLES = 1000
"""Roles of all members together: what `status.managed` has room for."""


KEYS = {
    "connections": "connection_id",
    "members": "user_id",
    "clients": "client_id",
    "client_grants": "grant_id",
}
"""What tells the entries of a list apart."""


class _Ref(Protocol):
    @property
    def name(self) -> str | None: ...


def _rules(*, shared: bool) -> Fields:
    rules: dict[str, Rule] = {
        "branding": Nested(merges=False, fields={"colors": Nested(merges=False)}),
        "metadata": MapOf(merges=False),
        "token_quota": Nested(merges=False, fields={"client_credentials": Nested(merges=False)}),
        "member_roles": RolesOfMembers(shared=shared),
        **{name: SetOf((key,), shared=shared) for name, key in KEYS.items()},
        "members": Members(SetOf(("user_id",), shared=shared)),
    }
    return Fields(**rules)


class Auth0Organization(OnAuth0[Auth0OrganizationSpec]):
    type = AUTH0_ORGANIZATION
    scopes = may(EVERY, "organizations", "organization_connections", "organization_clients") | may(
        LISTED, "organization_members", "organization_member_roles", "organization_client_grants"
    )
    looks_before_deleting = True
    fields = _rules(shared=True)
    exclusive = _rules(shared=False)

    def fields_for(self, spec: Auth0OrganizationSpec) -> Fields:
        return self.exclusive if spec.exclusive else self.fields

    def references(self, owner: Owner, spec: Auth0OrganizationSpec) -> Iterable[Ref]:
        yield links.tenant(owner, spec.tenant_ref)
        for kind, ref, path in _named(spec):
            yield links.to(kind, owner, ref, path, Need.IDENTITY)

    def desired(self, owner: Owner, spec: Auth0OrganizationSpec, refs: Resolved) -> Wanted:
        wanted: dict[str, Any] = spec.model_dump(
            include=set(PLAIN), by_alias=False, exclude_unset=True, exclude_none=True
        )
        wanted |= {"name": spec.name or owner.name, "metadata": dict(spec.metadata or {})}

        def id_of(kind: str, ref: _Ref, raw: str | None) -> str:
            if ref.name is None:
                assert raw is not None
                return raw
            return str(refs.targets[links.key(kind, owner, _object(ref))].external_id)

        return wanted | _lists(spec, id_of)

    def with_mark(self, wanted: Wanted, mark: Mark) -> Wanted:
        return {**wanted, "metadata": {**wanted["metadata"], **mark_values(mark)}}

    async def observe(self, conn: Session, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.organizations.get(external_id)
        return None if raw is None else _seen(raw, await organization_lists.read(conn, raw["id"], wanted), mark)

    async def find(self, conn: Session, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        raw = await conn.organizations.by_name(wanted["name"])
        if raw is None:
            return []
        seen = _seen(raw, {}, mark)
        if not seen.ours:  # made in one request with its mark: without it, it is not ours
            return [replace(seen, ours=False)]
        return [_seen(raw, await organization_lists.read(conn, raw["id"], wanted), mark)]

    async def apply(self, conn: Session, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        changed = {name: value for name, value in plan.values().items() if name not in LISTS}
        if plan.action is Action.CREATE:
            raw: Mapping[str, Any] = await conn.organizations.create(changed)
        else:
            assert plan.external_id is not None and seen is not None
            raw = await conn.organizations.update(plan.external_id, changed) if changed else seen.raw
        before = {name: seen.values[name] for name in LISTS if name in seen.values} if seen else {}
        lists, trouble = await organization_lists.carry_out(conn, raw["id"], plan, before)
        return Applied(raw["id"], _seen(raw, lists, mark), trouble=trouble)

    def spared(self, conn: Session, seen: Seen, status: Mapping[str, Any]) -> str:
        return unmarked(seen)

    async def delete(self, conn: Session, seen: Seen, refs: Resolved) -> Deletion:
        await conn.organizations.delete(seen.id)
        return Deletion(done=True)

    async def outputs(self, conn: Session, spec: Auth0OrganizationSpec, situation: Situation) -> Outputs:
        values = situation.seen.values
        members = len(values["members"]) if "members" in values else None
        return Outputs({"organizationId": situation.seen.id, "name": values.get("name"), "members": members})


def _object(ref: _Ref) -> ObjectRef:
    return ObjectRef(name=str(ref.name), namespace=getattr(ref, "namespace", None))


def _named(spec: Auth0OrganizationSpec) -> Iterable[tuple[str, ObjectRef, str]]:
    """The objects that the lists name, with their kinds and where they are written."""
    every: list[tuple[str, _Ref, str]] = []
    every += [("Auth0Connection", c.connection_ref, "spec.connections[].connectionRef") for c in spec.connections or ()]
    for member in spec.members or ():
        every.append(("Auth0User", member.user_ref, "spec.members[].userRef"))
        every += [("Auth0Role", role, "spec.members[].roles[]") for role in member.roles or ()]
    every += [("Auth0Client", c.client_ref, "spec.clients[].clientRef") for c in spec.clients or ()]
    every += [("Auth0ClientGrant", g.client_grant_ref, "spec.clientGrants[]") for g in spec.client_grants or ()]
    return [(kind, _object(ref), path) for kind, ref, path in every if ref.name]


def _lists(spec: Auth0OrganizationSpec, id_of: Callable[[str, _Ref, str | None], str]) -> dict[str, Any]:
    """The lists that the manifest mentions, in the service's words."""
    found: dict[str, Any] = {}
    if spec.connections is not None:
        found["connections"] = [
            {
                "connection_id": id_of("Auth0Connection", c.connection_ref, c.connection_ref.connection_id),
                "is_enabled": True,
                **c.model_dump(exclude={"connection_ref"}, by_alias=False, exclude_unset=True, exclude_none=True),
            }
            for c in spec.connections
        ]
    if spec.members is not None:
        roles: dict[str, list[str] | None] = {}
        for member in spec.members:
            address = member.user_ref.email
            raw = by_address(address) if address else member.user_ref.user_id
            user = id_of("Auth0User", member.user_ref, raw)
            found.setdefault("members", []).append({"user_id": user})
            given = member.roles
            roles[user] = None if given is None else sorted({id_of("Auth0Role", r, r.role_id) for r in given})
        found.setdefault("members", [])
        if any(given is not None for given in roles.values()):
            found["member_roles"] = _bounded(roles)
    if spec.clients is not None:
        found["clients"] = [
            {
                "client_id": id_of("Auth0Client", c.client_ref, c.client_ref.client_id),
                **c.model_dump(exclude={"client_ref"}, by_alias=False, exclude_unset=True, exclude_none=True),
            }
            for c in spec.clients
        ]
    if spec.client_grants is not None:
        grants = [g.client_grant_ref for g in spec.client_grants]
        found["client_grants"] = [{"grant_id": id_of("Auth0ClientGrant", ref, ref.grant_id)} for ref in grants]
    for name, key in KEYS.items():
        _once(name, [entry[key] for entry in found.get(name, ())])
    return found


def _once(where: str, ids: Sequence[str]) -> None:
    """Raises Terminal when two entries mean the same thing: which of them counts would be chance."""
    twice = sorted({entry for entry in ids if ids.count(entry) > 1})
    if twice:
        raise Terminal(f"The manifest names {', '.join(twice)} twice in {where.replace('_', ' ')}. Leave one entry.")


def _bounded(roles: dict[str, list[str] | None]) -> dict[str, list[str] | None]:
    count = sum(len(given or ()) for given in roles.values())
    if count > MOST_ROLES:
        raise Terminal(
            f"spec.members has {count} roles of members, more than the {MOST_ROLES} that one object can look after. "
            "Give the rest by other means; they are left alone unless exclusive."
        )
    return roles


def _seen(raw: Mapping[str, Any], lists: Mapping[str, Any], mark: Mark) -> Seen:
    ours, holder = whose(raw.get("metadata"), mark)
    return Seen(raw["id"], {**raw, **lists}, raw, ours, holder)
