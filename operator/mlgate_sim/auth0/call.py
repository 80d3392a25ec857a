"""One call of the Management API as its handlers see it: without HTTP, so that a handler is a plain function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlgate_sim.auth0.errors import invalid_body

Json = dict[str, Any]
Reply = tuple[int, Any]  # status, body; a body of None sends nothing


@dataclass(frozen=True, slots=True)
class Call:
    params: Mapping[str, str]  # from the path, decoded
    query: Mapping[str, list[str]]
    body: Any
    scopes: frozenset[str]  # of the caller's token
    now: float  # UNIX seconds
    headers: Mapping[str, str] = field(default_factory=dict)  # by any case of their names

    def one(self, name: str) -> str | None:
        """The last value of a query parameter."""
        values = self.query.get(name)
        return values[-1] if values else None

    def truth(self, name: str) -> bool | None:
        value = self.one(name)
        return None if value is None else value.lower() == "true"

    def json_object(self) -> Json:
        """The body, which must be a JSON object."""
        if not isinstance(self.body, dict):
            raise invalid_body("Payload validation error: 'Expected type object but found type null'.")
        return self.body


@dataclass(frozen=True, slots=True)
class Route:
    """A route below `/api/v2`; a token with any of `scopes` may use it."""

    method: str
    path: str
    scopes: tuple[str, ...]
    answer: Callable[[Any, Call], Reply]  # a method of the resource's class, not bound yet
    family: str = field(default="")  # its rate-limit bucket, where `plans.family_of` does not know
