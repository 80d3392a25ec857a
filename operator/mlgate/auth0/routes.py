"""What a request is, told from its method and path alone: its route without ids, and what it means when it fails.

The Management API's paths alternate collection and id (`roles/{id}/permissions`); those that do not are listed here.
Endpoint groups: requests that Auth0 counts together (shared facts, auth0 section 5). Requests of a group that no plan
names are still told apart by collection, because the headers may speak of a bucket of their own.
Ids may hold an encoded slash (resource servers can be asked for by identifier), so paths are taken as sent, not decoded.
Source: shared facts, auth0 section 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

_API = "/api/v2/"
_COMPOUND = frozenset(
    {
        "actions/actions",
        "actions/executions",
        "actions/modules",
        "actions/triggers",
        "attack-protection/breached-password-detection",
        "attack-protection/brute-force-protection",
        "attack-protection/suspicious-ip-throttling",
        "guardian/factors",
        "guardian/policies",
        "organizations/name",
        "prompts/mfa-push",
        "tenants/settings",
    }
)
"""Collections (or single things) of two words: what follows them is an id."""
_READS = frozenset({"GET", "HEAD", "OPTIONS"})

_READ_GROUPS = {
    "clients": "read clients",
    "clients/{id}": "read clients",
    "connections": "read connections",
    "connections/{id}": "read connections",
    "users": "read users",
    "users/{id}": "read users",
    "users-by-email": "read users",
    "organizations": "read organizations",
    "organizations/{id}": "read organization",
    "organizations/name/{id}": "read organization",
    "organizations/{id}/client-grants": "read organization client grants",
}
_WRITE_GROUPS = {
    "users": "write users",
    "users/{id}": "write users",
    "organizations": "write organizations",
    "organizations/{id}": "write organizations",
    "organizations/{id}/client-grants": "write organization client grants",
    "organizations/{id}/client-grants/{id}": "write organization client grants",
}
_GROUPS = {
    "organizations/{id}/enabled_connections": "organization connections",
    "organizations/{id}/enabled_connections/{id}": "organization connections",
    "organizations/{id}/connections": "organization connections",
    "organizations/{id}/connections/{id}": "organization connections",
    "organizations/{id}/members": "organization members",
    "organizations/{id}/members/{id}/roles": "organization member roles",
}
"""Reads and writes alike."""


class Intent(Enum):
    """What the request wants; decides what its failure means."""

    TOKEN = "token"  # noqa: S105
    READ = "read"
    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Route:
    """A request's method, path as sent (no query) and path with ids replaced."""

    method: str
    path: str
    template: str
    intent: Intent

    @property
    def writes(self) -> bool:
        """Whether it changes something outside. A token changes nothing, although it is asked for by POST."""
        return self.intent not in (Intent.READ, Intent.TOKEN)

    @property
    def managed(self) -> bool:
        """Whether the Management API answers it (the token endpoint and the key set have limits of their own)."""
        return self.template.startswith(_API)

    @property
    def group(self) -> str:
        """The endpoint group whose bucket it draws from."""
        if not self.managed:
            return self.template
        below = self.template.removeprefix(_API)
        known = _GROUPS.get(below) or (_WRITE_GROUPS if self.writes else _READ_GROUPS).get(below)
        words = [word for word in below.split("/") if word != "{id}"]
        return known or f"{'write' if self.writes else 'read'} {'/'.join(words)}"

    @property
    def said(self) -> str:
        """For messages."""
        return f"{self.method} {self.path}"


def route_of(method: str, path: str) -> Route:
    """`path` is the path as sent, still percent-encoded, with or without a query."""
    path = path.split("?", 1)[0]
    if not path.startswith(_API):
        token = path == "/oauth/token"
        return Route(method, path, path, Intent.TOKEN if token else _intent(method, on_collection=False))
    segments = path.removeprefix(_API).strip("/").split("/")
    head = 2 if "/".join(segments[:2]) in _COMPOUND else 1
    shown = segments[:head] + [part if place % 2 else "{id}" for place, part in enumerate(segments[head:])]
    return Route(method, path, _API + "/".join(shown), _intent(method, on_collection=len(segments) == head))


def _intent(method: str, *, on_collection: bool) -> Intent:
    if method in _READS:
        return Intent.READ
    if method == "DELETE":
        return Intent.DELETE
    return Intent.CREATE if method == "POST" and on_collection else Intent.CHANGE
