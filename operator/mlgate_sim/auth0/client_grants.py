"""Client grants: which scopes of an API a client may ask for on its own behalf.

Source: shared facts, auth0 section 2.2; recordings TestAccClientGrant, TestAccDataSourceClientGrants. One grant per
client, API and subject type (409 on a second). With `allow_all_scopes` the list of scopes goes. Deleting twice
answers 204 twice.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

from mlgate_sim.auth0 import validation
from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.errors import ApiError
from mlgate_sim.auth0.merge import patched
from mlgate_sim.auth0.pages import page_of
from mlgate_sim.auth0.tenant import Tenant, letters


class ClientGrants:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        yield Route("GET", "/client-grants", ("read:client_grants",), ClientGrants.list_all)
        yield Route("POST", "/client-grants", ("create:client_grants",), ClientGrants.create)
        yield Route("GET", "/client-grants/{id}", ("read:client_grants",), ClientGrants.get)
        yield Route("PATCH", "/client-grants/{id}", ("update:client_grants",), ClientGrants.update)
        yield Route("DELETE", "/client-grants/{id}", ("delete:client_grants",), ClientGrants.delete)

    def list_all(self, call: Call) -> Reply:
        filters = {
            name: call.one(name)
            for name in ("client_id", "audience", "subject_type", "default_for")
            if call.one(name) is not None
        }
        anybody = call.truth("allow_any_organization")
        items = [
            grant
            for grant in self.tenant.visible(self.tenant.client_grants.items(), call.now)
            if all(grant.get(name) == value for name, value in filters.items())
            and anybody in {None, bool(grant.get("allow_any_organization"))}
        ]
        return 200, page_of(call, "client_grants", items, checkpoint=True)

    def get(self, call: Call) -> Reply:
        return 200, copy.deepcopy(self._one(call))

    def create(self, call: Call) -> Reply:
        body = call.json_object()
        validation.known_only(body, validation.GRANT_POST)
        validation.required(body, "audience")
        if not body.get("default_for"):
            validation.required(body, "client_id")
        validation.grant(body)
        if not body.get("default_for") and body["client_id"] not in self.tenant.clients:
            raise ApiError(404, "The client does not exist", "inexistent_client")
        api = self.tenant.api(body["audience"])
        if api is None:
            raise ApiError(404, "The resource server does not exist", "inexistent_resource_server")
        refuse_all_scopes_of_system_api(body, api)
        grant = {"id": f"cgr_{letters(16)}", "subject_type": "client", **body}
        grant = with_scopes(grant)
        self._refuse_second(grant)
        self.tenant.check_entity_limit("client_grants")
        self.tenant.client_grants[grant["id"]] = grant
        self.tenant.created_at[grant["id"]] = call.now
        return 201, copy.deepcopy(grant)

    def update(self, call: Call) -> Reply:
        grant = self._one(call)
        body = call.json_object()
        validation.known_only(body, validation.GRANT_PATCH)
        validation.grant(body)
        refuse_all_scopes_of_system_api(body, self.tenant.api(grant["audience"]) or {})
        after = with_scopes(patched(grant, body))
        self.tenant.client_grants[grant["id"]] = after
        return 200, copy.deepcopy(after)

    def delete(self, call: Call) -> Reply:
        self.tenant.client_grants.pop(call.params["id"], None)
        return 204, None

    def _refuse_second(self, grant: Json) -> None:
        natural_key = ("client_id", "audience", "subject_type", "default_for")
        for other in self.tenant.client_grants.values():
            if all(other.get(name) == grant.get(name) for name in natural_key):
                raise ApiError(
                    409, f"A client grant already exists between {grant.get('client_id')} and {grant['audience']}"
                )

    def _one(self, call: Call) -> Json:
        grant = self.tenant.client_grants.get(call.params["id"])
        if grant is None:
            raise ApiError(404, "The grant does not exist.", "inexistent_client_grant")
        return grant


def refuse_all_scopes_of_system_api(body: Json, api: Json) -> None:
    """Whatever its value, even false (auth0/terraform-provider-auth0#1466, pulumi/pulumi-auth0#1069)."""
    if "allow_all_scopes" in body and api.get("is_system"):
        raise ApiError(400, "`allow_all_scopes` cannot be provided when `audience` is a system API", "invalid_body")


def with_scopes(grant: Json) -> Json:
    """With allow_all_scopes a grant has no list of its own; without it there always is one."""
    if grant.get("allow_all_scopes"):
        return {name: value for name, value in grant.items() if name != "scope"}
    return {**grant, "scope": list(grant.get("scope") or [])}
