"""How an organization's members sign in (connections), and which applications it lets in (client grants, clients).

Source: shared facts, auth0 sections 2.2 and 5; recordings TestAccOrganizationConnection*, TestAccOrganizationClient*,
TestOrganizationManager_*Connection*. `/enabled_connections` is the older name of `/connections`: it hides `is_enabled` and
`organization_access_level`. Only database connections know `is_signup_enabled`. Clients are added in batches of at most
ten, each whole or not at all.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

from mlgate_sim.auth0 import validation
from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.errors import ApiError
from mlgate_sim.auth0.organizations import batch, organization
from mlgate_sim.auth0.pages import page_of
from mlgate_sim.auth0.tenant import Tenant

MOST_CONNECTIONS = 10
CLIENTS_A_REQUEST = 10
CONNECTION_PATCH = frozenset(
    ["assign_membership_on_login", "show_as_button", "is_signup_enabled", "is_enabled", "organization_access_level"]
)
CONNECTION_POST = CONNECTION_PATCH | {"connection_id"}
ONLY_NEW = frozenset({"is_enabled", "organization_access_level"})
SIGNUP = "Only database connections with assign_membership_on_login = true support is_signup_enabled = true."


class OrganizationConnections:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        scope = "organization_connections"
        own = OrganizationConnections
        every, one = "/organizations/{id}/connections", "/organizations/{id}/connections/{connection}"
        yield Route("GET", every, (f"read:{scope}",), own.list_all)
        yield Route("POST", every, (f"create:{scope}",), own.add)
        yield Route("GET", one, (f"read:{scope}",), own.get)
        yield Route("PATCH", one, (f"update:{scope}",), own.update)
        yield Route("DELETE", one, (f"delete:{scope}",), own.remove)
        every, one = "/organizations/{id}/enabled_connections", "/organizations/{id}/enabled_connections/{connection}"
        yield Route("GET", every, (f"read:{scope}",), own.list_old)
        yield Route("POST", every, (f"create:{scope}",), _as_old(own.add))
        yield Route("GET", one, (f"read:{scope}",), _as_old(own.get))
        yield Route("PATCH", one, (f"update:{scope}",), _as_old(own.update))
        yield Route("DELETE", one, (f"delete:{scope}",), own.remove)

    def list_all(self, call: Call) -> Reply:
        enabled = call.truth("is_enabled")
        items = [item for item in self._shown(call) if enabled in (None, item["is_enabled"])]
        return 200, page_of(call, "connections", items)

    def list_old(self, call: Call) -> Reply:
        page = page_of(call, "enabled_connections", [_old(i) for i in self._shown(call) if i["is_enabled"]])
        # its limit counts what is there (TestOrganizationManager_Connections)
        return 200, {**page, "limit": len(page["enabled_connections"])} if isinstance(page, dict) else page

    def get(self, call: Call) -> Reply:
        return 200, self._one(call)

    def add(self, call: Call) -> Reply:
        held = self._held(call)
        body = call.json_object()
        validation.known_only(body, CONNECTION_POST)
        validation.required(body, "connection_id")
        connection_id = body["connection_id"]
        if connection_id not in self.tenant.connections:
            raise ApiError(404, "No connection found by that id")
        if connection_id in held:
            raise ApiError(409, "The connection is already enabled for this organization.")
        if len(held) >= MOST_CONNECTIONS:
            raise ApiError(403, "You reached the limit of entities of this type for this tenant.")
        made = {"is_enabled": True, **body}
        self._check(connection_id, made)
        held[connection_id] = made
        return 201, self._show(connection_id, made)

    def update(self, call: Call) -> Reply:
        self._one(call)
        held, connection_id = self._held(call), call.params["connection"]
        body = call.json_object()
        validation.known_only(body, CONNECTION_PATCH)
        after = {**held[connection_id], **body}
        self._check(connection_id, after)
        held[connection_id] = after
        return 200, self._show(connection_id, after)

    def remove(self, call: Call) -> Reply:
        self._held(call).pop(call.params["connection"], None)
        return 204, None

    def _held(self, call: Call) -> dict[str, Json]:
        return self.tenant.organization_connections.setdefault(organization(self.tenant, call)["id"], {})

    def _shown(self, call: Call) -> list[Json]:
        held = self._held(call)
        return [self._show(id_, item) for id_, item in held.items() if id_ in self.tenant.connections]

    def _one(self, call: Call) -> Json:
        item = self._held(call).get(call.params["connection"])
        if item is None:
            raise ApiError(404, "No connection found by that id")
        return self._show(call.params["connection"], item)

    def _database(self, connection_id: str) -> bool:
        return self.tenant.connections.get(connection_id, {}).get("strategy") == "auth0"

    def _show(self, connection_id: str, item: Json) -> Json:
        connection = self.tenant.connections.get(connection_id, {})
        database: Json = {"is_signup_enabled": False} if self._database(connection_id) else {}
        return {
            "connection_id": connection_id,
            **database,
            "assign_membership_on_login": False,
            "show_as_button": True,
            "organization_access_level": "none",
            **copy.deepcopy(item),
            "connection": {"name": connection.get("name"), "strategy": connection.get("strategy")},
        }

    def _check(self, connection_id: str, item: Json) -> None:
        for name in ("assign_membership_on_login", "show_as_button", "is_signup_enabled", "is_enabled"):
            validation.of_type(item, name, bool)
        may = self._database(connection_id) and item.get("assign_membership_on_login")
        if item.get("is_signup_enabled") and not may:
            raise ApiError(400, SIGNUP, "invalid_body")


class OrganizationGrants:
    """Which client grants may be used in the organization."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        every, scope = "/organizations/{id}/client-grants", "organization_client_grants"
        yield Route("GET", every, (f"read:{scope}",), OrganizationGrants.list_all)
        yield Route("POST", every, (f"create:{scope}",), OrganizationGrants.add)
        yield Route("DELETE", f"{every}/{{grant}}", (f"delete:{scope}",), OrganizationGrants.remove)
        of_grant = "/client-grants/{id}/organizations"
        yield Route("GET", of_grant, ("read:organization_client_grants",), OrganizationGrants.organizations)

    def list_all(self, call: Call) -> Reply:
        wanted = call.query.get("grant_ids") or []
        items = [
            {"subject_type": "client", **self.tenant.client_grants[id_]}
            for id_ in self._held(call)
            if id_ in self.tenant.client_grants and (not wanted or id_ in wanted)
        ]
        return 200, page_of(call, "client_grants", items)

    def add(self, call: Call) -> Reply:
        held = self._held(call)
        body = call.json_object()
        validation.known_only(body, {"grant_id"})
        validation.required(body, "grant_id")
        grant = self.tenant.client_grants.get(body["grant_id"])
        if grant is None:
            raise ApiError(404, "The grant does not exist.", "inexistent_client_grant")
        if grant["id"] not in held:
            held.append(grant["id"])
        names = ("client_id", "audience", "scope", "organization_usage", "allow_any_organization")
        return 201, {"grant_id": grant["id"], **{name: grant[name] for name in names if name in grant}}

    def remove(self, call: Call) -> Reply:
        held = self._held(call)
        held[:] = [id_ for id_ in held if id_ != call.params["grant"]]
        return 204, None

    def organizations(self, call: Call) -> Reply:
        using = [id_ for id_, grants in self.tenant.organization_grants.items() if call.params["id"] in grants]
        items = [self.tenant.organizations[id_] for id_ in using if id_ in self.tenant.organizations]
        return 200, page_of(call, "organizations", items, checkpoint=True)

    def _held(self, call: Call) -> list[str]:
        return self.tenant.organization_grants.setdefault(organization(self.tenant, call)["id"], [])


class OrganizationClients:
    """Which applications the organization has, and whether its members may use them."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        every, scope = "/organizations/{id}/clients", "organization_clients"
        yield Route("GET", every, (f"read:{scope}",), OrganizationClients.list_all)
        yield Route("POST", every, (f"create:{scope}",), OrganizationClients.add)
        yield Route("DELETE", every, (f"delete:{scope}",), OrganizationClients.remove)
        yield Route("GET", f"{every}/{{client}}", (f"read:{scope}",), OrganizationClients.get)
        yield Route("PATCH", f"{every}/{{client}}", (f"update:{scope}",), OrganizationClients.update)

    def list_all(self, call: Call) -> Reply:
        ids = sorted((id_ for id_ in self._held(call) if id_ in self.tenant.clients), key=str.lower)
        items = [self._show(call, id_) for id_ in ids]
        return 200, page_of(call, "clients", items, key="client_id", checkpoint=True)

    def get(self, call: Call) -> Reply:
        return 200, self._one(call)

    def add(self, call: Call) -> Reply:
        held = self._held(call)
        asked = batch(call.json_object(), "clients", most=CLIENTS_A_REQUEST)
        for item in asked:
            validation.required(item, "client_id")
            if item["client_id"] not in self.tenant.clients:
                raise ApiError(404, "The client does not exist", "inexistent_client")
            if item["client_id"] in held:
                raise ApiError(409, f"The client {item['client_id']} is already associated with the organization.")
        held.update({item["client_id"]: bool(item.get("use_for_member_access")) for item in asked})
        return 201, [self._show(call, item["client_id"]) for item in asked]

    def update(self, call: Call) -> Reply:
        self._one(call)
        body = call.json_object()
        validation.known_only(body, {"use_for_member_access"})
        self._held(call)[call.params["client"]] = bool(body.get("use_for_member_access"))
        return 200, self._one(call)

    def remove(self, call: Call) -> Reply:
        held = self._held(call)
        for client_id in batch(call.json_object(), "clients", most=CLIENTS_A_REQUEST):
            held.pop(client_id, None)
        return 204, None

    def _held(self, call: Call) -> dict[str, bool]:
        return self.tenant.organization_clients.setdefault(organization(self.tenant, call)["id"], {})

    def _one(self, call: Call) -> Json:
        if call.params["client"] not in self._held(call):
            raise ApiError(404, "The client is not associated with the organization.")
        return self._show(call, call.params["client"])

    def _show(self, call: Call, client_id: str) -> Json:
        client = self.tenant.clients.get(client_id, {})
        shown = {"name": client.get("name"), "is_first_party": client.get("is_first_party", True)}
        for name in ("grant_types", "organization_usage"):
            if name in client:
                shown[name] = copy.deepcopy(client[name])
        return {"client_id": client_id, "use_for_member_access": self._held(call)[client_id], "client": shown}


Answer = Callable[[OrganizationConnections, Call], Reply]


def _old(item: Json) -> Json:
    return {name: value for name, value in item.items() if name not in ONLY_NEW}


def _as_old(answer: Answer) -> Answer:
    """The same, with what the older route shows."""

    def old_answer(self: OrganizationConnections, call: Call) -> Reply:
        status, body = answer(self, call)
        return status, _old(body)

    return old_answer
