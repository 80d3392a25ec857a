"""The tenant's log, as far as the Management API writes to it: one entry per write, whoever asked.

Source: Auth0's documentation (Logs Search, Log Event Type Codes: `sapi` success, `fapi` failure; checkpoint method with
`from` and `take`, oldest first); no recording shows the route. Secrets of bodies are not kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.pages import LARGEST_SIZE, page_of
from mlgate_sim.auth0.tenant import Tenant
from mlgate_sim.requestlog import without_secrets

MOST = 5000
"""Entries kept."""


class Logs:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        yield Route("GET", "/logs", ("read:logs", "read:logs_users"), Logs.list_all)

    def list_all(self, call: Call) -> Reply:
        entries = list(self.tenant.logs.values())
        if (after := call.one("from")) is not None:
            size = min(int(call.one("take") or 50), LARGEST_SIZE)
            return 200, [entry for entry in entries if entry["log_id"] > after][:size]
        if call.one("sort") != "date:1":
            entries.reverse()
        found = page_of(call, "logs", entries, key="log_id")
        return 200, {**found, "length": len(found["logs"])} if isinstance(found, dict) else found


def note(tenant: Tenant, call: Call, asked: tuple[str, str], claims: Json, answer: tuple[int, Any]) -> None:
    """Writes an entry for a request (`asked`: method and path) that was answered so."""
    status, body = answer
    number = int(next(reversed(tenant.logs), "0")[-12:]) + 1
    date = datetime.fromtimestamp(call.now, UTC)
    log_id = f"900{date:%Y%m%d%H%M%S}{date.microsecond:06d}{number:030d}"
    credentials = {"scopes": str(claims.get("scope") or "").split()}
    tenant.logs[log_id] = {
        "date": f"{date:%Y-%m-%dT%H:%M:%S}.{date.microsecond // 1000:03d}Z",
        "type": "sapi" if status < 400 else "fapi",
        "description": f"{asked[0]} {asked[1]}",
        "client_id": claims.get("azp"),
        "client_name": tenant.clients.get(str(claims.get("azp")), {}).get("name", ""),
        "ip": "127.0.0.1",
        "details": {
            "request": {
                "method": asked[0].lower(),
                "path": asked[1],
                "query": {name: values[-1] for name, values in call.query.items()},
                "body": without_secrets(call.body),
                "auth": {"strategy": "jwt", "credentials": credentials},
            },
            "response": {"statusCode": status, "body": without_secrets(body)},
        },
        "log_id": log_id,
        "_id": log_id,
        "isMobile": False,
    }
    while len(tenant.logs) > MOST:
        del tenant.logs[next(iter(tenant.logs))]
