"""Who belongs to an organization, and the roles they have there.

Source: shared facts, auth0 sections 2.2, 2.6, 5 and 6; recordings TestAccOrganizationMember*,
TestOrganizationManager_Members*. Both are added and removed in lists; 204 whether or not anything changed. Listings give
`next` even when nothing follows. `fields=user_id,roles` shows each member's roles. A role can be given before membership.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.errors import ApiError
from mlgate_sim.auth0.organizations import batch, organization
from mlgate_sim.auth0.pages import only_fields, page_of
from mlgate_sim.auth0.tenant import Tenant

MEMBERS_A_REQUEST = 10
MOST_ROLES = 50
SHOWN = ("user_id", "email", "picture", "name")


class OrganizationMembers:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        members, of_member = "/organizations/{id}/members", "/organizations/{id}/members/{user}/roles"
        yield Route("GET", members, ("read:organization_members",), OrganizationMembers.list_all)
        yield Route("POST", members, ("create:organization_members",), OrganizationMembers.add)
        yield Route("DELETE", members, ("delete:organization_members",), OrganizationMembers.remove)
        yield Route("GET", of_member, ("read:organization_member_roles",), OrganizationMembers.list_roles)
        yield Route("POST", of_member, ("create:organization_member_roles",), OrganizationMembers.add_roles)
        yield Route("DELETE", of_member, ("delete:organization_member_roles",), OrganizationMembers.remove_roles)

    def list_all(self, call: Call) -> Reply:
        found = organization(self.tenant, call)["id"]
        with_roles = "roles" in (call.one("fields") or "")
        if with_roles and "read:organization_member_roles" not in call.scopes:
            missing = "Insufficient scope, expected any of: read:organization_member_roles"
            raise ApiError(403, missing, "insufficient_scope")

        def show(item: Json) -> Json:
            user = self.tenant.users.get(item["user_id"], item)
            shown: Json = {name: user[name] for name in SHOWN if name in user}
            if with_roles:
                shown["roles"] = [{"id": r["id"], "name": r["name"]} for r in self._roles(found, item["user_id"])]
            return only_fields(call, shown)

        held = self.tenant.organization_members.get(found, {})
        since = [(at, user_id) for user_id, at in held.items() if user_id in self.tenant.users]
        # a member who left and came back gives another cursor
        items = [{"user_id": user_id, "since": f"{at:.6f},{user_id}"} for at, user_id in since]
        return 200, page_of(call, "members", items, show, key="since", checkpoint=True, always_next=True)

    def add(self, call: Call) -> Reply:
        found = organization(self.tenant, call)["id"]
        asked = batch(call.json_object(), "members", most=MEMBERS_A_REQUEST)
        for user_id in asked:
            if user_id not in self.tenant.users:
                raise ApiError(404, "The user does not exist.", "inexistent_user")
        held = self.tenant.organization_members.setdefault(found, {})
        for user_id in asked:
            held.setdefault(user_id, call.now)
        return 204, None

    def remove(self, call: Call) -> Reply:
        found = organization(self.tenant, call)["id"]
        asked = batch(call.json_object(), "members", most=MEMBERS_A_REQUEST)
        for user_id in asked:
            self.tenant.organization_members.get(found, {}).pop(user_id, None)
            self.tenant.organization_member_roles.get(found, {}).pop(user_id, None)
        return 204, None

    def list_roles(self, call: Call) -> Reply:
        roles = self._roles(organization(self.tenant, call)["id"], call.params["user"])
        shown = [{"id": r["id"], "name": r["name"], "description": r.get("description") or ""} for r in roles]
        return 200, page_of(call, "roles", shown)

    def add_roles(self, call: Call) -> Reply:
        found = organization(self.tenant, call)["id"]
        asked = batch(call.json_object(), "roles", most=MOST_ROLES)
        for role_id in asked:
            if role_id not in self.tenant.roles:
                raise ApiError(404, "The role does not exist.")
        held = self.tenant.organization_member_roles.setdefault(found, {}).setdefault(call.params["user"], [])
        new = [role_id for role_id in asked if role_id not in held]
        if len(held) + len(new) > MOST_ROLES:
            raise ApiError(400, f"A member can have at most {MOST_ROLES} roles.", "invalid_body")
        held.extend(new)
        return 204, None

    def remove_roles(self, call: Call) -> Reply:
        found = organization(self.tenant, call)["id"]
        asked = batch(call.json_object(), "roles", most=MOST_ROLES)
        held = self.tenant.organization_member_roles.setdefault(found, {}).setdefault(call.params["user"], [])
        held[:] = [role_id for role_id in held if role_id not in asked]
        return 204, None

    def _roles(self, found: str, user_id: str) -> list[Json]:
        held = self.tenant.organization_member_roles.get(found, {}).get(user_id, [])
        return [self.tenant.roles[role_id] for role_id in held if role_id in self.tenant.roles]
