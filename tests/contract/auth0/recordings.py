"""Finding and reading the recorded exchanges with live Auth0 tenants. They are not part of the repository.

Looked for in $MLGATE_RECORDINGS, then beside the repository in ../shared/recordings.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

REPOSITORY = Path(__file__).resolve().parents[3]
ROUTES = re.compile(
    r"^/(tenants/settings"
    r"|clients(/\{id\}(/(credentials(/\{id\})?|rotate-secret))?)?"
    r"|resource-servers(/\{id\})?|client-grants(/\{id\})?"
    r"|roles(/\{id\}(/(permissions|users))?)?"
    r"|actions/actions(/\{id\}(/deploy|/versions/\{id\}/deploy)?)?|actions/triggers(/[a-z-]+/bindings)?"
    r"|guardian/policies|guardian/factors(/[a-z-]+(/[a-z0-9-]+)*)?"
    r"|users-by-email|users(/\{id\}(/(permissions|roles))?)?"
    r"|client-grants/\{id\}/organizations"
    r"|connections(/\{id\}(/clients)?)?"
    r"|organizations(/name/[^/]+|/\{id\}(/members(/\{id\}/roles)?"
    r"|/(connections|enabled_connections|client-grants|clients)(/\{id\})?)?)?)$"
)
READ_ONLY = {"/rules", "/hooks", "/actions/modules"}  # routes of which the simulator has only GET
NAMED = re.compile(r"^/organizations/name/.+$")
SHOWN_AFTER_ITS_END = {("terraform/TestAccOrganizationClient.yaml", 26)}
"""The service lagged: an organization's client, read right after the organization and the client were deleted."""
MANAGEMENT_API = re.compile(r"https://([a-z0-9.-]+\.auth0\.com)/api/v2/")


@dataclass(frozen=True)
class Exchange:
    source: str
    position: int
    method: str
    url: str
    route: str
    request: Any
    status: int
    response: Any

    @property
    def kind(self) -> str:
        """clients, resource-servers, ..."""
        return self.route.strip("/").split("/", maxsplit=1)[0]

    @property
    def ids(self) -> list[str]:
        """What stands in the path after the kind, as sent."""
        segments = urlsplit(self.url).path.removeprefix("/api/v2/").split("/")
        return segments[2:] if segments[0] in {"actions", "guardian"} else segments[1:]

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.url).query)

    @property
    def is_raw(self) -> bool:
        """False when the body passed through a Go struct, which loses fields it does not know."""
        through_go = {"clients"} if self.source.startswith("terraform/") else {"clients", "resource-servers"}
        return self.source.startswith("deploy-cli/") or self.kind not in through_go


def folder() -> Path | None:
    named = os.environ.get("MLGATE_RECORDINGS")
    candidates = [Path(named)] if named else []
    candidates.append(REPOSITORY.parent / "shared" / "recordings")
    return next((path for path in candidates if (path / "auth0" / "exchanges.jsonl").is_file()), None)


def read(recordings: Path) -> dict[str, list[Exchange]]:
    """Every exchange by recording, in order."""
    by_source: dict[str, list[Exchange]] = {}
    with (recordings / "auth0" / "exchanges.jsonl").open() as lines:
        for line in lines:
            row = json.loads(line)
            exchange = Exchange(
                row["src"],
                row["i"],
                row["method"],
                row["url"],
                NAMED.sub("/organizations/name/{name}", row["route"]),
                row["request"],
                row["status"],
                row["response"],
            )
            by_source.setdefault(exchange.source, []).append(exchange)
    return by_source


def is_replayed(exchange: Exchange) -> bool:
    """Whether the route is simulated. A conflict of custom domains is decided by a header, which no recording shows."""
    if exchange.route in READ_ONLY:
        return exchange.method == "GET"
    if isinstance(exchange.response, dict) and exchange.response.get("errorCode") == "custom_domain_conflict":
        return False
    lagged = (exchange.source, exchange.position) in SHOWN_AFTER_ITS_END
    return exchange.url.startswith("/api/v2/") and bool(ROUTES.match(exchange.route)) and not lagged


def tenant_domain(exchanges: list[Exchange]) -> str:
    """The domain of the recorded tenant, where the recording tells it."""
    for exchange in exchanges:
        found = MANAGEMENT_API.search(json.dumps([exchange.url, exchange.request, exchange.response]))
        if found:
            return found.group(1)
    for exchange in exchanges:
        named = re.search(r'"tenant": "([a-z0-9-]+)"', json.dumps(exchange.response))
        if named:
            return f"{named.group(1)}.eu.auth0.com"
    return "recorded.eu.auth0.com"
