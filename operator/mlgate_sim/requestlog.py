"""What a simulator was asked: one entry per request, with everything secret taken out.

Tests read it in the process (`simulator.requests`) or over HTTP (`GET /_sim/requests`), count requests in it and wait
for entries to appear. Entries are written when the answer is decided, so their order is the order of effects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

REDACTED = "(redacted)"
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"})
SECRET_FIELDS = frozenset({"client_secret", "client_assertion", "password", "refresh_token", "access_token"})


@dataclass(slots=True)
class LoggedRequest:
    """One request and what became of it. `status` is None when the connection was cut without an answer."""

    number: int
    time: float  # UNIX seconds
    method: str
    host: str
    path: str  # decoded
    raw_path: str  # as sent, without the query
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any  # JSON, or the fields of a form, or text; None when empty
    status: int | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "time": self.time,
            "method": self.method,
            "host": self.host,
            "path": self.path,
            "query": self.query,
            "headers": self.headers,
            "body": self.body,
            "status": self.status,
            "notes": self.notes,
        }

    @property
    def is_write(self) -> bool:
        """True for methods that may change something."""
        return self.method not in {"GET", "HEAD", "OPTIONS"}


class RequestLog:
    """The requests of one simulator, oldest first. Reads like a list."""

    def __init__(self) -> None:
        self._entries: list[LoggedRequest] = []
        self._next = 1

    def add(self, entry: LoggedRequest) -> None:
        self._entries.append(entry)

    def next_number(self) -> int:
        number, self._next = self._next, self._next + 1
        return number

    def clear(self) -> None:
        self._entries.clear()
        self._next = 1

    def matching(self, method: str | None = None, path: str | None = None) -> list[LoggedRequest]:
        """Entries with this method (any case) whose path is found by this regular expression."""
        pattern = re.compile(path) if path else None
        return [
            entry
            for entry in self._entries
            if (method is None or entry.method == method.upper()) and (pattern is None or pattern.search(entry.path))
        ]

    @property
    def writes(self) -> list[LoggedRequest]:
        return [entry for entry in self._entries if entry.is_write]

    def __iter__(self) -> Iterator[LoggedRequest]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> LoggedRequest:
        return self._entries[index]


def redacted_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers with lower-case names; of a secret one only the scheme stays (`Bearer (redacted)`)."""
    seen: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        if key in SECRET_HEADERS:
            scheme, blank, _ = value.partition(" ")
            seen[key] = f"{scheme} {REDACTED}" if blank and key.endswith("authorization") else REDACTED
        else:
            seen[key] = value
    return seen


def readable_body(raw: bytes, content_type: str) -> Any:
    """The body as JSON, as the fields of a form or as text, without secret fields; None when empty."""
    if not raw:
        return None
    text = raw.decode(errors="replace")
    if content_type == "application/x-www-form-urlencoded":
        fields = {name: values[0] if len(values) == 1 else values for name, values in parse_qs(text).items()}
        return without_secrets(fields)
    try:
        return without_secrets(json.loads(text))
    except ValueError:
        return text


def without_secrets(value: Any) -> Any:
    """A copy in which fields that carry secrets hold `(redacted)`."""
    if isinstance(value, Mapping):
        return {
            key: REDACTED if key in SECRET_FIELDS and isinstance(item, str) else without_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value
