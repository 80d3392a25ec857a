"""What a recording of connections takes for granted: connections and applications made before it, what an identity
provider told the service (discovery documents, certificates), and features that only its tenant had."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from contract.auth0.recordings import Exchange
from mlgate_sim.auth0.tenant import Tenant

TOLD_BY_PROVIDER = (
    "app_domain", "assertion_decryption_settings", "authorization_endpoint", "cert", "expires", "issuer", "jwks_uri",
    "oidc_metadata", "signInEndpoint", "subject", "thumbprints", "token_endpoint", "userinfo_endpoint",
)  # fmt: skip
FEATURES = ("password_options",)
"""Options that a database has by itself in some tenants; there it has no `passwordPolicy` by itself."""


def put_needed(tenant: Tenant, exchange: Exchange, ids: dict[str, str], made_here: set[str], partial: set[str]) -> bool:
    """Puts in what the answer shows and nothing before it explains. True when there was something."""
    if exchange.route == "/connections/{id}/clients":
        return _put_clients(tenant, exchange, ids, partial)
    if exchange.method == "POST":
        return _tell(tenant, exchange, exchange.request["strategy"], partial)
    shown = exchange.response
    items = [shown] if exchange.route == "/connections/{id}" else _listed(shown)
    changed = False
    for item in items:
        if isinstance(item, dict) and item.get("id") and item["id"] not in made_here:
            changed |= _put(tenant, exchange, item, partial)
    if exchange.route == "/connections" and not set(exchange.query) - {"include_totals", "take", "per_page", "page"}:
        here = {ids.get(item["id"], item["id"]) for item in items}
        for id_ in [id_ for id_ in tenant.connections if id_ not in here]:
            del tenant.connections[id_]
            changed = True
    if exchange.method == "PATCH" and "options" in exchange.request:
        changed |= _tell(tenant, exchange, shown["strategy"], partial)
    return changed


def _put(tenant: Tenant, exchange: Exchange, item: dict[str, Any], partial: set[str]) -> bool:
    id_ = item["id"]
    _put_applications(tenant, item.get("enabled_clients") or (), partial)
    before = tenant.connections.get(id_)
    asked = exchange.request or {}
    seen = {
        name: copy.deepcopy(value) for name, value in item.items() if name not in asked and name != "enabled_clients"
    }
    tenant.connections[id_] = {"name": "seeded", "strategy": "auth0", "options": {}, **(before or {}), **seen}
    if "enabled_clients" in item:
        tenant.connection_clients[id_] = list(item["enabled_clients"])
    return before != tenant.connections[id_]


def _tell(tenant: Tenant, exchange: Exchange, strategy: str, partial: set[str]) -> bool:
    """What the outside adds to the options of this very request, and what of them it takes."""
    asked, shown = exchange.request.get("options") or {}, exchange.response.get("options") or {}
    names = (*TOLD_BY_PROVIDER, *(FEATURES if exchange.method == "POST" else ()))
    adds = {name: shown[name] for name in names if name in shown and asked.get(name) != shown[name]}
    gone = [name for name in ("signingCert", "schema_version") if name in asked and name not in shown]
    if "password_options" in adds and "passwordPolicy" not in shown:
        gone.append("passwordPolicy")
    tenant.discoveries[strategy] = [{"of": {}, "adds": adds, "gone": gone}]
    _put_applications(tenant, exchange.request.get("enabled_clients") or (), partial)
    return bool(adds or gone)


def _put_clients(tenant: Tenant, exchange: Exchange, ids: dict[str, str], partial: set[str]) -> bool:
    id_ = ids.get(exchange.ids[0], exchange.ids[0])
    missing = id_ not in tenant.connections
    if missing:
        tenant.connections[id_] = {"id": id_, "name": "seeded", "strategy": "auth0", "options": {}}
    named = exchange.response["clients"] if exchange.method == "GET" else exchange.request
    known = [ids.get(entry["client_id"], entry["client_id"]) for entry in named]
    _put_applications(tenant, known, partial)
    if exchange.method == "GET" and id_ not in ids.values() and tenant.connection_clients.get(id_, []) != known:
        tenant.connection_clients[id_] = known
        return True
    return missing


def end(tenant: Tenant, exchange: Exchange, exchanges: list[Exchange], ids: dict[str, str]) -> bool:
    """How long this deletion lasted, as told by a later one of the same connection; others delete too."""
    id_ = ids.get(exchange.ids[0], exchange.ids[0])
    later = [e for e in exchanges if e.position > exchange.position and (e.method, e.url) == ("DELETE", exchange.url)]
    tenant.deletion_delay = float("inf") if any(e.status == 202 for e in later) else 0.0
    if exchange.status == 204 and id_ not in tenant.connections_going:
        return tenant.connections.pop(id_, None) is not None
    if exchange.status == 202 and id_ not in tenant.connections:
        tenant.connections[id_] = {"id": id_, "name": "seeded", "strategy": "auth0"}
        return True
    if exchange.status == 204:
        tenant.connections_going[id_] = 0.0
    return False


def _put_applications(tenant: Tenant, client_ids: Iterable[str], partial: set[str]) -> None:
    for client_id in client_ids:
        if client_id not in tenant.clients:
            tenant.clients[client_id] = {"client_id": client_id, "name": "seeded"}
            partial.add(client_id)


def _listed(answer: Any) -> list[Any]:
    found = answer.get("connections", []) if isinstance(answer, dict) else answer
    return found if isinstance(found, list) else []
