"""What a recording of organizations takes for granted: things made before it."""

from __future__ import annotations

from contract.auth0.recordings import Exchange
from mlgate_sim.auth0.tenant import Tenant


def put_targets(tenant: Tenant, exchange: Exchange, ids: dict[str, str]) -> None:
    """What a POST below an organization refers to and the recording did not show."""
    asked = exchange.request or {}
    for user_id in asked.get("members") or []:
        known = ids.get(user_id, user_id)
        tenant.users.setdefault(known, {"user_id": known})
    for item in asked.get("clients") or []:
        client_id = ids.get(item["client_id"], item["client_id"])
        shown = next((c["client"] for c in exchange.response if c["client_id"] == item["client_id"]), {})
        tenant.clients.setdefault(client_id, {"client_id": client_id, **shown})
    for role_id in asked.get("roles") or []:
        known = ids.get(role_id, role_id)
        tenant.roles.setdefault(known, {"id": known, "name": "seeded"})
    connection_id = asked.get("connection_id")
    if connection_id and isinstance(exchange.response, dict) and "connection" in exchange.response:
        known = ids.get(connection_id, connection_id)
        tenant.connections.setdefault(known, {"id": known, **exchange.response["connection"]})


def put_seen(tenant: Tenant, exchange: Exchange, ids: dict[str, str], made_here: set[str]) -> bool:
    """What a GET below an organization that the recording did not make shows."""
    organization_id = exchange.ids[0]
    if organization_id in made_here or organization_id in ids:
        return False
    tenant.organizations.setdefault(organization_id, {"id": organization_id, "name": "seeded"})
    if not exchange.route.endswith("/connections") or organization_id in tenant.organization_connections:
        return False
    held = tenant.organization_connections.setdefault(organization_id, {})
    for item in exchange.response["connections"]:
        connection = item["connection"]
        tenant.connections.setdefault(item["connection_id"], {"id": item["connection_id"], **connection})
        held[item["connection_id"]] = {name: value for name, value in item.items() if name != "connection"}
    return bool(held)
