"""The tenant's log, from where it was left: who changed what through the Management API.

`GET /logs?from=<log_id>&take=100` answers what follows that entry, oldest first, as a bare array; totals and queries do
not go with `from` (Auth0 docs: Retrieve Logs, checkpoint method). A change made through the Management API, by the
dashboard too, is an entry of type `sapi` with the request in `details.request` and the answer in `details.response`;
`client_id` is the application that asked. Needs the scope `read:logs`. No recording shows this route.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from auth0.management.core.request_options import RequestOptions

from .access import Raw
from .routes import Route, route_of
from .wire import Wire

TAKE = 100
"""Entries a request: the most that the service gives."""
MOST_REQUESTS = 5
"""In one look. A log that grows faster than that is not followed entry by entry: one skips to its end."""
_API = "/api/v2/"
_READ = "mgmt_api_read"


@dataclass(frozen=True, slots=True)
class Touched:
    """Something that another application asked the Management API to change. `ids`: all that it may be known by."""

    collection: str
    ids: frozenset[str]


class Logs:
    """The log of one tenant. The place in it lives in memory: after a restart it goes on from its end."""

    def __init__(self, wire: Wire, *, own_client: str) -> None:
        self._wire = wire
        self._own = own_client
        self._checkpoint: str | None = None

    async def news(self) -> list[Touched]:
        """What others touched since the last call; nothing at the first, which only finds the log's end.

        One request where nothing much happens. Raises what requests raise: Denied without `read:logs`, Quota when
        others need the requests."""
        if self._checkpoint is None:
            await self._skip_to_the_end()
            return []
        found: list[Touched] = []
        for _ in range(MOST_REQUESTS):
            entries = await self._ask({"from": self._checkpoint, "take": TAKE})
            self._checkpoint = next((str(e["log_id"]) for e in reversed(entries) if e.get("log_id")), self._checkpoint)
            found += touched(entries, own_client=self._own)
            if len(entries) < TAKE:
                return found
        await self._skip_to_the_end()
        return found

    async def _skip_to_the_end(self) -> None:
        newest = await self._ask({"page": 0, "per_page": 1, "sort": "date:-1"})
        self._checkpoint = next((str(entry["log_id"]) for entry in newest if entry.get("log_id")), self._checkpoint)

    async def _ask(self, query: dict[str, Any]) -> list[Raw]:
        options: RequestOptions = {"additional_query_parameters": query}
        received = await self._wire.call(
            lambda api: api.logs.list(page=None, per_page=None, include_totals=None, request_options=options)
        )
        body = received.answer.body
        return [entry for entry in body if isinstance(entry, dict)] if isinstance(body, list) else []


def touched(entries: Iterable[Raw], *, own_client: str) -> list[Touched]:
    """What applications other than `own_client` changed, or tried to: an answer that says failure may have had an
    effect. Reads and entries that do not say what was asked (logins) are left out."""
    return [change for entry in entries if (change := _touched(entry, own_client)) is not None]


def _touched(entry: Raw, own_client: str) -> Touched | None:
    details = _object(entry.get("details"))
    request, response = _object(details.get("request")), _object(details.get("response"))
    method, path = request.get("method"), request.get("path")
    if not isinstance(method, str) or not isinstance(path, str) or not path.startswith(_API):
        return None
    if entry.get("type") == _READ or entry.get("client_id") == own_client:
        return None
    route = route_of(method.upper(), path)
    if not route.writes:
        return None
    answered = _object(response.get("body"))
    names = ("id", "client_id", "user_id", "identifier") if route.template.count("{id}") <= 1 else ()
    said = {str(answered[name]) for name in names if isinstance(answered.get(name), str)}
    return Touched(_collection(route), frozenset(_ids(route)) | said)


def _collection(route: Route) -> str:
    return route.template.removeprefix(_API).split("/{id}", 1)[0]


def _ids(route: Route) -> Iterator[str]:
    """The object's id in the path: the first, for what lies below it is a part of it. Escaped once or twice."""
    shown, sent = route.template.split("/"), route.path.split("/")
    for word, part in zip(shown, sent, strict=False):
        if word == "{id}":
            yield from {part, unquote(part), unquote(unquote(part))}
            return


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
