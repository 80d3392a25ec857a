"""What a request is, told from its method and path alone: its route without ids, and what it means when it fails.

The Management API's paths alternate collection and id (`roles/{id}/permissions`); those that do not are listed here.
Ids may hold an encoded slash (resource servers can be asked for by identifier), so paths are taken as sent, not decoded.
Source: shared facts, auth0 section 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

_API = "/api/v2/"
_WITHOUT_IDS = frozenset({"tenants/settings"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


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
        """The endpoint group whose bucket it draws from: reads and writes of one collection."""
        if not self.managed:
            return self.template
        collection = self.template.removeprefix(_API).split("/", 1)[0]
        return f"{'write' if self.writes else 'read'} {collection}"

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
    rest = path.removeprefix(_API).strip("/")
    segments = rest.split("/")
    if rest in _WITHOUT_IDS:
        shown, on_collection = segments, False
    else:
        shown = ["{id}" if place % 2 else part for place, part in enumerate(segments)]
        on_collection = len(segments) == 1
    return Route(method, path, _API + "/".join(shown), _intent(method, on_collection=on_collection))


def _intent(method: str, *, on_collection: bool) -> Intent:
    if method in _READS:
        return Intent.READ
    if method == "DELETE":
        return Intent.DELETE
    return Intent.CREATE if method == "POST" and on_collection else Intent.CHANGE
