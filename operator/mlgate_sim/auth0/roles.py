"""Roles, the permissions they grant and the users who have them.

Source: shared facts, auth0 section 2.2; recordings TestAccRole*, TestRoleManager_*. POST answers 200, DELETE 200 `{}`
and 404 the second time. Names are unique per tenant (per organization for its own roles). A description that was
never given is absent from the answer to POST and "" in later ones. Permissions are added with POST, removed with
DELETE and a body, and listed by name.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

from mlgate_sim.auth0 import validation
from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.errors import ApiError, payload_error
from mlgate_sim.auth0.pages import page_of
from mlgate_sim.auth0.tenant import Tenant, letters

MOST_PERMISSIONS = 1000


class Roles:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        yield Route("GET", "/roles", ("read:roles",), Roles.list_all)
        yield Route("POST", "/roles", ("create:roles",), Roles.create)
        yield Route("GET", "/roles/{id}", ("read:roles",), Roles.get)
        yield Route("PATCH", "/roles/{id}", ("update:roles",), Roles.update)
        yield Route("DELETE", "/roles/{id}", ("delete:roles",), Roles.delete)
        yield Route("GET", "/roles/{id}/permissions", ("read:roles",), Roles.list_permissions)
        yield Route("POST", "/roles/{id}/permissions", ("update:roles",), Roles.add_permissions)
        yield Route("DELETE", "/roles/{id}/permissions", ("update:roles",), Roles.remove_permissions)
        yield Route("GET", "/roles/{id}/users", ("read:users", "read:role_members"), Roles.list_users)
        yield Route("POST", "/roles/{id}/users", ("update:roles", "create:role_members"), Roles.add_users)

    def list_all(self, call: Call) -> Reply:
        part = (call.one("name_filter") or "").lower()
        kind, owner = call.one("type"), call.one("owner_id")
        items = [
            role
            for role in self.tenant.visible(self.tenant.roles.items(), call.now)
            if part in role["name"].lower()
            and kind in {None, role.get("type", "tenant")}
            and owner in {None, role.get("owner_id")}
        ]
        return 200, page_of(call, "roles", items, shown)

    def get(self, call: Call) -> Reply:
        return 200, shown(self._one(call))

    def create(self, call: Call) -> Reply:
        body = call.json_object()
        validation.known_only(body, validation.ROLE_POST)
        validation.required(body, "name")
        check(body)
        self._refuse_second(body, None)
        self.tenant.check_entity_limit("roles")
        given = {name: value for name, value in body.items() if value is not None}
        role = {"id": f"rol_{letters(16)}", "type": "tenant", **given}
        self.tenant.roles[role["id"]] = role
        self.tenant.created_at[role["id"]] = call.now
        return 200, dict(role)

    def update(self, call: Call) -> Reply:
        role = self._one(call)
        body = call.json_object()
        validation.known_only(body, validation.ROLE_PATCH)
        check(body)
        after = {**role, **{name: value for name, value in body.items() if value is not None}}
        self._refuse_second(after, role["id"])
        self.tenant.roles[role["id"]] = after
        return 200, shown(after)

    def delete(self, call: Call) -> Reply:
        role = self._one(call)
        for held in (self.tenant.roles, self.tenant.role_permissions, self.tenant.role_users):
            held.pop(role["id"], None)
        return 200, {}

    def list_permissions(self, call: Call) -> Reply:
        held = self.tenant.role_permissions.get(self._one(call)["id"], [])
        in_order = sorted(held, key=lambda item: (item["permission_name"], item["resource_server_identifier"]))
        return 200, page_of(call, "permissions", in_order, self.described)

    def add_permissions(self, call: Call) -> Reply:
        role = self._one(call)
        asked = asked_permissions(call)
        for permission in asked:
            self.check_permission(permission)
        held = self.tenant.role_permissions.setdefault(role["id"], [])
        new = [permission for permission in asked if permission not in held]
        if len(held) + len(new) > MOST_PERMISSIONS:
            raise ApiError(400, f"A role can have at most {MOST_PERMISSIONS} permissions.", "invalid_body")
        held.extend(new)
        return 201, {}

    def remove_permissions(self, call: Call) -> Reply:
        role = self._one(call)
        gone = asked_permissions(call)
        held = self.tenant.role_permissions.setdefault(role["id"], [])
        held[:] = [permission for permission in held if permission not in gone]
        return 204, None

    def list_users(self, call: Call) -> Reply:
        ids = self.tenant.role_users.get(self._one(call)["id"], [])
        users = [self.tenant.users.get(id_, {"user_id": id_}) for id_ in ids]
        return 200, page_of(call, "users", users, _member, key="user_id", checkpoint=True)

    def add_users(self, call: Call) -> Reply:
        role = self._one(call)
        asked = call.json_object().get("users")
        if not isinstance(asked, list) or not asked:
            raise payload_error("Array is too short (0), minimum 1", "users")
        held = self.tenant.role_users.setdefault(role["id"], [])
        held.extend(user for user in asked if user not in held)
        return 200, {}

    def described(self, permission: Json) -> Json:
        api = self.tenant.api(permission["resource_server_identifier"]) or {}
        scope: Json = next(
            (item for item in api.get("scopes") or [] if item["value"] == permission["permission_name"]),
            {},
        )
        return {
            "permission_name": permission["permission_name"],
            "description": scope.get("description"),
            "resource_server_name": api.get("name"),
            "resource_server_identifier": permission["resource_server_identifier"],
        }

    def check_permission(self, permission: Json) -> None:
        identifier, name = permission["resource_server_identifier"], permission["permission_name"]
        api = self.tenant.api(identifier)
        if api is None:
            raise ApiError(404, f"The resource server does not exist: '{identifier}'", "inexistent_resource_server")
        if name not in {scope["value"] for scope in api.get("scopes") or []}:
            raise ApiError(404, f"The permission '{name}' does not exist in resource server '{identifier}'")

    def _refuse_second(self, role: Json, own_id: str | None) -> None:
        for other in self.tenant.roles.values():
            same = other["name"] == role.get("name") and other.get("owner_id") == role.get("owner_id")
            if same and other["id"] != own_id:
                raise ApiError(409, "The role already exists.")

    def _one(self, call: Call) -> Json:
        role = self.tenant.roles.get(call.params["id"])
        if role is None:
            raise ApiError(404, "The role does not exist.")
        return role


def _member(user: Json) -> Json:
    """What a role tells of a user."""
    return {name: user[name] for name in ("user_id", "email", "picture", "name") if name in user}


def shown(role: Json) -> Json:
    return {**copy.deepcopy(role), "description": role.get("description") or ""}


def check(body: Json) -> None:
    if "name" in body and body["name"] is None:
        raise payload_error("Expected type string but found type null", "name")
    validation.text(body, "name", longest=250)
    validation.text(body, "description", longest=500, shortest=0)


def asked_permissions(call: Call) -> list[Json]:
    """The permissions in a body, at least one. Raises ApiError (400)."""
    asked = call.json_object().get("permissions")
    if asked is None:
        raise payload_error("Missing required property: permissions")
    if not isinstance(asked, list) or not asked:
        raise payload_error("Array is too short (0), minimum 1", "permissions")
    for permission in asked:
        validation.required(permission, "permission_name", "resource_server_identifier")
    names = ("resource_server_identifier", "permission_name")
    return [{name: permission[name] for name in names} for permission in asked]
