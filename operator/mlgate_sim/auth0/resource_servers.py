"""APIs (resource servers).

Source: shared facts, auth0 section 2.2; recordings TestAccResourceServer*. The identifier is unique and immutable, and
names the API in a path too (escaped once or twice). PATCH keeps omitted fields, replaces nested objects and scopes
whole, and null clears. scopes, enforce_policies and token_dialect are absent until set; signing_alg is RS256 whatever
the OpenAPI description says. The system API can only have its lifetimes and consent changed, and is never deleted.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import re
from collections.abc import Iterable
from urllib.parse import unquote

from mlgate_sim.auth0 import validation
from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.errors import ApiError, payload_error
from mlgate_sim.auth0.keys import base64url
from mlgate_sim.auth0.merge import patched
from mlgate_sim.auth0.pages import only_fields, page_of
from mlgate_sim.auth0.tenant import Tenant, new_object_id

SYSTEM_PATCH = frozenset(
    {"token_lifetime", "token_lifetime_for_web", "skip_consent_for_verifiable_first_party_clients", "scopes"}
)
LONGEST_IDENTIFIER = 600
MOST_SCOPES = 1000
MOST_IDENTIFIERS_ASKED = 10


class ResourceServers:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        yield Route("GET", "/resource-servers", ("read:resource_servers",), ResourceServers.list_all)
        yield Route("POST", "/resource-servers", ("create:resource_servers",), ResourceServers.create)
        yield Route("GET", "/resource-servers/{id}", ("read:resource_servers",), ResourceServers.get)
        yield Route("PATCH", "/resource-servers/{id}", ("update:resource_servers",), ResourceServers.update)
        yield Route("DELETE", "/resource-servers/{id}", ("delete:resource_servers",), ResourceServers.delete)

    def list_all(self, call: Call) -> Reply:
        asked = [*call.query.get("identifiers", []), *call.query.get("identifiers[]", [])]
        wanted = {name for value in asked for name in value.split(",")}
        if len(wanted) > MOST_IDENTIFIERS_ASKED:
            raise ApiError(400, "Query validation error: too many identifiers.", "invalid_query_string")
        items = [
            api
            for api in self.tenant.visible(self.tenant.resource_servers.items(), call.now)
            if not wanted or api["identifier"] in wanted
        ]
        return 200, page_of(call, "resource_servers", items, lambda api: only_fields(call, copy.deepcopy(api)))

    def get(self, call: Call) -> Reply:
        return 200, only_fields(call, copy.deepcopy(self._one(call)))

    def create(self, call: Call) -> Reply:
        body = call.json_object()
        validation.known_only(body, validation.API_POST)
        validation.required(body, "identifier")
        validation.text(body, "identifier", longest=LONGEST_IDENTIFIER)
        check_api(body)
        if self.tenant.api(body["identifier"]) is not None:
            raise ApiError(409, "A resource server with the same identifier already exists.")
        self.tenant.check_entity_limit("resource_servers")
        api = new_resource_server(body, new_object_id())
        if api["identifier"] == f"https://{self.tenant.domain}/me/":
            api |= {"name": "Auth0 My Account API", "is_system": True}
        self.tenant.resource_servers[api["id"]] = api
        self.tenant.created_at[api["id"]] = call.now
        return 201, copy.deepcopy(api)

    def update(self, call: Call) -> Reply:
        api = self._one(call)
        body = call.json_object()
        if "identifier" in body:
            raise payload_error("Additional properties not allowed: identifier")
        validation.known_only(body, validation.API_PATCH)
        check_api(body)
        if api.get("is_system") and set(body) - SYSTEM_PATCH:
            raise ApiError(400, "System resource servers cannot be patched.")
        after = patched(api, presentable(body))
        self.tenant.resource_servers[api["id"]] = after
        if "scopes" in body:
            self._forget_permissions(after)
        return 200, copy.deepcopy(after)

    def delete(self, call: Call) -> Reply:
        api = self._find(call)
        if api is None:
            return 204, None
        if api.get("is_system"):
            raise ApiError(400, "System resource servers cannot be deleted.")
        del self.tenant.resource_servers[api["id"]]
        grants = self.tenant.client_grants
        for id_ in [id_ for id_, grant in grants.items() if grant["audience"] == api["identifier"]]:
            del grants[id_]
        self._forget_permissions({**api, "scopes": []})
        return 204, None

    def _forget_permissions(self, api: Json) -> None:
        """Roles and grants lose what the API no longer has."""
        left = {scope["value"] for scope in api.get("scopes") or []}
        for held in self.tenant.role_permissions.values():
            held[:] = [
                kept
                for kept in held
                if kept["resource_server_identifier"] != api["identifier"] or kept["permission_name"] in left
            ]

    def _find(self, call: Call) -> Json | None:
        id_ = call.params["id"]
        return self.tenant.resource_server(id_) or self.tenant.resource_server(unquote(id_))

    def _one(self, call: Call) -> Json:
        api = self._find(call)
        if api is None:
            raise ApiError(404, "The resource server does not exist", "inexistent_resource_server")
        return api


def check_api(body: Json) -> None:
    """What POST and PATCH refuse beyond the schema. Raises ApiError (400)."""
    validation.api(body)
    if len(body.get("scopes") or []) > MOST_SCOPES:
        raise payload_error(f"Array is too long ({len(body['scopes'])}), maximum {MOST_SCOPES}", "scopes")
    dialect = str(body.get("token_dialect") or "")
    if dialect.endswith("_authz") and body.get("enforce_policies") is False:
        raise ApiError(400, f"token_dialect {dialect} needs enforce_policies to be true", "invalid_body")


def new_resource_server(body: Json, id_: str) -> Json:
    """An API as the service makes it from a POST."""
    return {
        "id": id_,
        "allow_offline_access": False,
        "skip_consent_for_verifiable_first_party_clients": False,
        "subject_type_authorization": {"client": {"policy": "require_client_grant"}, "user": {"policy": "allow_all"}},
        "token_lifetime": 86400,
        "token_lifetime_for_web": 7200,
        "signing_alg": "RS256",
        **{name: value for name, value in presentable(body).items() if value is not None},
    }


def presentable(body: Json) -> Json:
    """The body without the public key of token encryption, which comes back as a thumbprint."""
    shown = copy.deepcopy(body)
    key = (shown.get("token_encryption") or {}).get("encryption_key")
    if isinstance(key, dict) and "pem" in key:
        content = re.sub(r"-----[^-]+-----|\s", "", str(key.pop("pem")))
        key["thumbprint_sha256"] = base64url(hashlib.sha256(base64.b64decode(content)).digest())
    return shown
