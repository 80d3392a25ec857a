"""Organizations: a tenant's business customers, each under a name that is unique in the tenant.

Source: shared facts, auth0 section 2.2; recordings TestAccOrganization*, TestOrganizationManager_*. POST answers 201,
DELETE 204 and 404 the second time; errors carry no errorCode. PATCH replaces `metadata` as a map ({} clears it) and keeps
what it leaves out; `token_quota: null` removes the quota. Who belongs to an organization: organization_members.py; how
they sign in and which applications it lets in: organization_access.py.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any

from mlgate_sim.auth0 import validation
from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.errors import ApiError, payload_error
from mlgate_sim.auth0.pages import page_of
from mlgate_sim.auth0.tenant import Tenant, letters

PATCHABLE = frozenset(
    [
        "name",
        "display_name",
        "branding",
        "metadata",
        "token_quota",
        "third_party_client_access",
        "is_app_entitlement_active",
    ]
)
POSTABLE = PATCHABLE | {"enabled_connections"}
NAME = re.compile(r"^[a-z0-9][a-z0-9_-]*$")
LONGEST_NAME, LONGEST_DISPLAY_NAME = 50, 255
METADATA_KEYS, METADATA_CHARACTERS = 25, 255
NEW: Json = {"third_party_client_access": "block", "is_app_entitlement_active": False}
"""What every organization shows since 2026."""
ABSENT_WHEN_EMPTY = ("metadata", "branding", "token_quota")


class Organizations:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        yield Route("GET", "/organizations", ("read:organizations",), Organizations.list_all)
        yield Route("POST", "/organizations", ("create:organizations",), Organizations.create)
        yield Route("GET", "/organizations/name/{name}", ("read:organizations",), Organizations.get_by_name)
        yield Route("GET", "/organizations/{id}", ("read:organizations",), Organizations.get)
        yield Route("PATCH", "/organizations/{id}", ("update:organizations",), Organizations.update)
        yield Route("DELETE", "/organizations/{id}", ("delete:organizations",), Organizations.delete)

    def list_all(self, call: Call) -> Reply:
        items = self.tenant.visible(self.tenant.organizations.items(), call.now)
        client = call.one("include_client_association_for")

        def show(item: Json) -> Json:
            access = self.tenant.organization_clients.get(item["id"], {})
            found = {"client": {"use_for_member_access": access[client]}} if client in access else {}
            return {**copy.deepcopy(item), **found}

        return 200, page_of(call, "organizations", items, show, checkpoint=True)

    def get(self, call: Call) -> Reply:
        return 200, copy.deepcopy(organization(self.tenant, call))

    def get_by_name(self, call: Call) -> Reply:
        found = next((o for o in self.tenant.organizations.values() if o["name"] == call.params["name"]), None)
        if found is None:
            raise not_found()
        return 200, copy.deepcopy(found)

    def create(self, call: Call) -> Reply:
        body = call.json_object()
        validation.known_only(body, POSTABLE)
        validation.required(body, "name")
        check(body)
        self._refuse_second(body["name"], None)
        self.tenant.check_entity_limit("organizations")
        enabled = body.get("enabled_connections") or []
        given = {name: value for name, value in body.items() if name != "enabled_connections" and value is not None}
        made = without_empty({"id": f"org_{letters(16)}", **NEW, **given})
        self.tenant.organizations[made["id"]] = made
        self.tenant.created_at[made["id"]] = call.now
        held = self.tenant.organization_connections.setdefault(made["id"], {})
        for item in enabled:
            held[item["connection_id"]] = {"is_enabled": True, **item}
        return 201, copy.deepcopy(made)

    def update(self, call: Call) -> Reply:
        held = organization(self.tenant, call)
        body = call.json_object()
        validation.known_only(body, PATCHABLE)
        check(body)
        if body.get("name"):
            self._refuse_second(body["name"], held["id"])
        after = without_empty({**held, **copy.deepcopy(body)})
        self.tenant.organizations[held["id"]] = after
        return 200, copy.deepcopy(after)

    def delete(self, call: Call) -> Reply:
        gone = organization(self.tenant, call)["id"]
        for held in (
            self.tenant.organizations,
            self.tenant.organization_members,
            self.tenant.organization_member_roles,
            self.tenant.organization_connections,
            self.tenant.organization_grants,
            self.tenant.organization_clients,
        ):
            held.pop(gone, None)
        return 204, None

    def _refuse_second(self, name: str, own_id: str | None) -> None:
        if any(other["name"] == name and id_ != own_id for id_, other in self.tenant.organizations.items()):
            raise ApiError(409, "An organization with this name already exists.")


def organization(tenant: Tenant, call: Call) -> Json:
    """The organization in the path. Raises ApiError (404)."""
    found = tenant.organizations.get(call.params["id"])
    if found is None:
        raise not_found()
    return found


def not_found() -> ApiError:
    return ApiError(404, "No organization found by that id or name")


def without_empty(item: Json) -> Json:
    return {n: value for n, value in item.items() if not (n in ABSENT_WHEN_EMPTY and value in (None, {}))}


def check(body: Json) -> None:
    """What POST and PATCH have in common. Raises ApiError (400)."""
    validation.text(body, "name", longest=LONGEST_NAME)
    if "name" in body and not NAME.match(str(body["name"])):
        raise payload_error(f"Object didn't pass validation for format organization-name: {body['name']}", "name")
    validation.text(body, "display_name", longest=LONGEST_DISPLAY_NAME)
    for name in ("branding", "metadata", "token_quota"):
        validation.of_type(body, name, dict)
    validation.one_of(body, "third_party_client_access", frozenset({"allow", "block"}))
    validation.of_type(body, "is_app_entitlement_active", bool)
    metadata: Json = body.get("metadata") or {}
    if len(metadata) > METADATA_KEYS:
        raise payload_error(f"Too many properties defined ({len(metadata)}), maximum {METADATA_KEYS}", "metadata")
    for name, value in metadata.items():
        if not isinstance(value, str):
            raise payload_error(
                f"Expected type string but found type {validation.json_type(value)}", f"metadata.{name}"
            )
        validation.text({f"metadata.{name}": value}, f"metadata.{name}", longest=METADATA_CHARACTERS, shortest=0)
    for name, color in ((body.get("branding") or {}).get("colors") or {}).items():
        if not re.match(r"^#([0-9a-fA-F]{3}){1,2}$", str(color)):
            raise payload_error(
                f"Object didn't pass validation for format css-color: {color}", f"branding.colors.{name}"
            )


def batch(body: Json, name: str, *, most: int) -> list[Any]:
    """The entries of a list that takes one to `most` of them. Raises ApiError (400)."""
    items = body.get(name)
    if not isinstance(items, list) or not items:
        raise payload_error("Array is too short (0), minimum 1", name)
    if len(items) > most:
        raise payload_error(f"Array is too long ({len(items)}), maximum {most}", name)
    validation.unique(items, name)
    return items
