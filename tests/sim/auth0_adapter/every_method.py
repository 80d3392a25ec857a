"""Every method of a session that asks the service something, found by looking, and arguments to call it with.

A new collection is covered as soon as the session has it; a parameter of a type that is new here makes the tests skip it and
say so.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from mlgate.auth0 import Plan, Session, Sessions, TenantAccess
from mlgate.auth0.logs import Logs
from mlgate.auth0.past import PastEndOfLife
from mlgate.outbound import Permit, Unfenced, Urgency
from mlgate.sensitive import Sensitive

WORK = Permit(Urgency.USER, Unfenced())
ACCESS = TenantAccess(
    domain="acme.eu.auth0.com",
    client_id="c1",
    client_secret=Sensitive("s3cr3t"),
    plan=Plan.AUTO,
    name="Auth0Tenant ml/main",
)
ARGUMENTS: dict[str, Any] = {
    "str": "x1",
    "str | None": "x1",
    "bool": True,
    "int": 1,
    "Body": dict.fromkeys(
        ("name", "connection", "connection_id", "client_id", "strategy", "identifier", "audience", "grant_id"), "x1"
    ),
    "Raw": {"name": "x1"},
    "Sequence[Body]": [{"name": "x1", "client_id": "x1", "connection_id": "x1"}],
    "Sequence[Raw]": [{"name": "x1", "client_id": "x1", "connection_id": "x1"}],
    "Sequence[str]": ["x1"],
    "Iterable[str]": ["x1"],
    "Mapping[str, bool]": {"x1": True},
    "Mapping[str, Any]": {"x1": "x1"},
    "bool | None": True,
    "int | None": 1,
    "Callable[[Raw], bool]": lambda _: True,
    "Callable[[list[Raw]], Sequence[Body]]": lambda _: [{"ref": {"type": "action_id", "value": "x1"}}],
}
"""By annotation as written."""

Reply = Callable[[httpx.Request], httpx.Response]


@dataclass
class Service(httpx.AsyncBaseTransport):
    """What is behind the door: gives tokens, and answers everything else with `reply`."""

    reply: Reply
    asked: list[httpx.Request] = field(default_factory=list)
    tokens: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            self.tokens += 1
            return httpx.Response(200, json={"access_token": f"t{self.tokens}", "expires_in": 86400, "scope": ""})
        self.asked.append(request)
        return self.reply(request)

    @property
    def wrote(self) -> bool:
        """Whether the last request may have changed something."""
        return self.asked[-1].method != "GET"


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a part of the session (`clients.get`)."""

    part: str
    name: str

    def __str__(self) -> str:
        return f"{self.part}.{self.name}"

    async def call(self, session: Session) -> Any:
        method: Callable[..., Awaitable[Any]] = getattr(getattr(session, self.part), self.name)
        positional, named = [], {}
        for parameter in inspect.signature(method).parameters.values():
            if parameter.default is not parameter.empty:
                continue
            written = str(parameter.annotation)
            if written not in ARGUMENTS:
                pytest.skip(f"{self}: add an example of {written} to ARGUMENTS")
            if parameter.kind is parameter.KEYWORD_ONLY:
                named[parameter.name] = ARGUMENTS[written]
            else:
                positional.append(ARGUMENTS[written])
        return await method(*positional, **named)


def session_on(service: Service, **options: Any) -> tuple[Sessions, Session]:
    """A session whose network is `service`."""
    sessions = Sessions(endpoint="http://auth0.test", transport=lambda: service, **options)
    return sessions, sessions.session(ACCESS)


def methods() -> Iterator[Method]:
    """All of them but two for which nobody waits: following the log, and looking for what is past its end of life. What they
    cannot read they leave."""
    _, session = session_on(Service(lambda _: httpx.Response(500)))
    for part, value in vars(session).items():
        if part.startswith("_") or not hasattr(value, "_wire") or isinstance(value, Logs | PastEndOfLife):
            continue
        for name, _ in inspect.getmembers(type(value), inspect.iscoroutinefunction):
            if not name.startswith("_") and name != "close":
                yield Method(part, name)


def answer(status: int, text: str = "", **headers: str) -> Reply:
    return lambda _: httpx.Response(status, text=text, headers={"content-type": "application/json", **headers})


def said(status: int, message: str, code: str) -> Reply:
    return answer(status, json.dumps({"statusCode": status, "error": "x", "message": message, "errorCode": code}))


def cut(error: type[httpx.TransportError]) -> Reply:
    def reply(request: httpx.Request) -> httpx.Response:
        raise error("gone", request=request)

    return reply
