"""What a user may do: roles and permissions assigned to the user directly.

Source: shared facts, auth0 section 2.2; recordings TestAccUserRoles, TestAccUserPermission, TestUserManager_Roles. Both
are lists that POST adds to and DELETE, with a body, takes from. The permissions of a user are shown with their sources,
directly or by a role.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.errors import ApiError, payload_error
from mlgate_sim.auth0.pages import page_of
from mlgate_sim.auth0.roles import Roles, asked_permissions
from mlgate_sim.auth0.tenant import Tenant
from mlgate_sim.auth0.users import no_user

MOST_ROLES = 50


class UserAccess:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        yield Route("GET", "/users/{id}/roles", ("read:users", "read:role_members"), UserAccess.list_roles)
        yield Route("POST", "/users/{id}/roles", ("update:users", "create:role_members"), UserAccess.add_roles)
        yield Route("DELETE", "/users/{id}/roles", ("update:users", "delete:role_members"), UserAccess.remove_roles)
        yield Route("GET", "/users/{id}/permissions", ("read:users",), UserAccess.list_permissions)
        yield Route("POST", "/users/{id}/permissions", ("update:users",), UserAccess.add_permissions)
        yield Route("DELETE", "/users/{id}/permissions", ("update:users",), UserAccess.remove_permissions)

    def list_roles(self, call: Call) -> Reply:
        return 200, page_of(call, "roles", self._roles(self._user_id(call)), _role)

    def add_roles(self, call: Call) -> Reply:
        user_id = self._user_id(call)
        asked = _asked_roles(call)
        for role_id in asked:
            if role_id not in self.tenant.roles:
                raise ApiError(404, "The role does not exist.")
        held = {role["id"] for role in self._roles(user_id)}
        if len(held | set(asked)) > MOST_ROLES:
            raise ApiError(403, f"A user can have at most {MOST_ROLES} roles.")
        for role_id in asked:
            members = self.tenant.role_users.setdefault(role_id, [])
            if user_id not in members:
                members.append(user_id)
        return 204, None

    def remove_roles(self, call: Call) -> Reply:
        user_id = self._user_id(call)
        for role_id in _asked_roles(call):
            members = self.tenant.role_users.get(role_id, [])
            if user_id in members:
                members.remove(user_id)
        return 204, None

    def list_permissions(self, call: Call) -> Reply:
        user_id = self._user_id(call)
        sources: dict[tuple[str, str], list[Json]] = {}
        for permission in self.tenant.user_permissions.get(user_id, []):
            sources.setdefault(_pair(permission), []).append(
                {"source_id": "", "source_name": "", "source_type": "DIRECT"}
            )
        for role in self._roles(user_id):
            by_role = {"source_id": role["id"], "source_name": role["name"], "source_type": "ROLE"}
            for permission in self.tenant.role_permissions.get(role["id"], []):
                sources.setdefault(_pair(permission), []).append(by_role)
        describe = Roles(self.tenant).described
        found = [
            {**describe({"resource_server_identifier": api, "permission_name": name}), "sources": sources[name, api]}
            for name, api in sorted(sources)
        ]
        return 200, page_of(call, "permissions", found)

    def add_permissions(self, call: Call) -> Reply:
        user_id = self._user_id(call)
        asked = asked_permissions(call)
        for permission in asked:
            Roles(self.tenant).check_permission(permission)
        held = self.tenant.user_permissions.setdefault(user_id, [])
        held.extend(permission for permission in asked if permission not in held)
        return 201, {}

    def remove_permissions(self, call: Call) -> Reply:
        gone = asked_permissions(call)
        held = self.tenant.user_permissions.setdefault(self._user_id(call), [])
        held[:] = [permission for permission in held if permission not in gone]
        return 204, None

    def _roles(self, user_id: str) -> list[Json]:
        found = [role for id_, role in self.tenant.roles.items() if user_id in self.tenant.role_users.get(id_, [])]
        return sorted(found, key=lambda role: str(role["name"]))

    def _user_id(self, call: Call) -> str:
        user_id = str(call.params["id"])
        if user_id not in self.tenant.users:
            raise no_user()
        return user_id


def _role(role: Json) -> Json:
    return {"id": role["id"], "name": role["name"], "description": role.get("description") or ""}


def _pair(permission: Json) -> tuple[str, str]:
    return permission["permission_name"], permission["resource_server_identifier"]


def _asked_roles(call: Call) -> list[str]:
    asked = call.json_object().get("roles")
    if not isinstance(asked, list) or not asked:
        raise payload_error("Array is too short (0), minimum 1", "roles")
    return asked
