"""Auth0Role: a role and the permissions it grants.

The service keeps role names unique per tenant, so the name is the natural key (409 on a second POST). Permissions are a
sub-resource: POST adds, DELETE (with a body) removes, there is no replace (shared facts, auth0 section 2.2; recordings
TestAccRole, TestAccRolePermissions).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...api.auth0role import AUTH0_ROLE, Auth0RoleSpec
from ...auth0 import Session
from ...engine.fields import Exact, Fields, SetOf
from ...engine.marks import Mark
from ...engine.plan import Action, Change, Plan
from ...engine.protocols import Applied, Deletion, Outputs, Owner, Seen, Situation, Wanted
from ...engine.references import Ref, Resolved
from ...errors import Trouble
from .. import links
from .apis import audience
from .on_auth0 import EVERY, OnAuth0, may


class Auth0Role(OnAuth0[Auth0RoleSpec]):
    type = AUTH0_ROLE
    scopes = may(EVERY, "roles")
    fields = Fields(description=Exact(absent=""), permissions=SetOf(("api", "name"), shared=True))
    exclusive = Fields(description=Exact(absent=""), permissions=SetOf(("api", "name")))

    def fields_for(self, spec: Auth0RoleSpec) -> Fields:
        return self.exclusive if spec.exclusive else self.fields

    def references(self, owner: Owner, spec: Auth0RoleSpec) -> Iterable[Ref]:
        yield links.tenant(owner, spec.tenant_ref)
        for permission in spec.permissions or ():
            if permission.api_ref.name:
                yield links.to("Auth0API", owner, permission.api_ref, "spec.permissions[].apiRef")

    def desired(self, owner: Owner, spec: Auth0RoleSpec, refs: Resolved) -> Wanted:
        wanted: dict[str, Any] = {"name": spec.name or owner.name}
        if spec.description is not None:
            wanted["description"] = spec.description
        if spec.permissions is not None:
            wanted["permissions"] = [
                {"api": audience(owner, permission.api_ref, refs, [permission.name]), "name": permission.name}
                for permission in spec.permissions
            ]
        return wanted

    async def observe(self, conn: Session, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.roles.get(external_id)
        if raw is None:
            return None
        return _seen(raw, await conn.roles.permissions(external_id) if "permissions" in wanted else [])

    async def find(self, conn: Session, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        raw = await conn.roles.by_name(wanted["name"])
        return [] if raw is None else [_seen(raw, await conn.roles.permissions(raw["id"]))]

    async def apply(self, conn: Session, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        changed = plan.values("name", "description")
        if plan.action is Action.CREATE:
            raw: Mapping[str, Any] = await conn.roles.create(changed)
        else:
            assert plan.external_id is not None and seen is not None
            raw = await conn.roles.update(plan.external_id, changed) if changed else seen.raw
        try:
            granted = await self._grant(conn, raw["id"], plan.change("permissions"), creating=seen is None)
        except Trouble as trouble:
            return Applied(raw["id"], trouble=trouble)
        return Applied(raw["id"], _seen(raw, granted if granted is not None else _wire(_permissions(seen))))

    async def _grant(
        self, conn: Session, role_id: str, change: Change | None, *, creating: bool
    ) -> list[dict[str, Any]] | None:
        """Bring the permissions into their wished state; the new list, or None when there was nothing to do."""
        if change is None:
            return [] if creating else None
        added, removed = (change.new, ()) if creating else (change.added, change.removed)
        await conn.roles.add_permissions(role_id, _wire(added))
        await conn.roles.remove_permissions(role_id, _wire(removed))
        return _wire(change.send)

    async def delete(self, conn: Session, seen: Seen, refs: Resolved) -> Deletion:
        await conn.roles.delete(seen.id)
        return Deletion(done=True)

    async def outputs(self, conn: Session, spec: Auth0RoleSpec, situation: Situation) -> Outputs:
        return Outputs({"roleId": situation.seen.id, "name": situation.seen.raw.get("name")})


def _permissions(seen: Seen | None) -> Sequence[Mapping[str, Any]]:
    return seen.values["permissions"] if seen else ()


def _wire(permissions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"resource_server_identifier": p["api"], "permission_name": p["name"]} for p in permissions]


def _seen(raw: Mapping[str, Any], permissions: Iterable[Mapping[str, Any]]) -> Seen:
    granted = [{"api": p["resource_server_identifier"], "name": p["permission_name"]} for p in permissions]
    return Seen(raw["id"], {**raw, "permissions": granted}, raw)
