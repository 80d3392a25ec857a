"""The callers: which requests show that the model is open to some and closed to others, and what must come back.

Planned from the objects alone (pure): each binding that was granted something calls each rule of that endpoint's route;
one caller comes without a token, one with a token that somebody else signed. Expected answers are those of RFC 6750.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from ...store.protocol import Object
from .tokens import Application, TokenRefused, fetch_token

SAMPLE = {"amount": 1999.0, "currency": "EUR", "merchant": "example"}
"""What is POSTed: the simulated model scores `amount`."""
OTHER_ISSUER = "https://somebody-else.example/"


class Token(Enum):
    """What a caller shows."""

    OWN = "its own"
    NONE = "none"
    FOREIGN = "of another issuer"


@dataclass(frozen=True, slots=True)
class Expected:
    """An answer: its status, and the `error` of its WWW-Authenticate header (RFC 6750 names none without a token)."""

    status: int
    error: str | None = None

    def __str__(self) -> str:
        return f"{self.status} {self.error}" if self.error else str(self.status)


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `secret` is the caller's (namespace, name) Secret; `gateway` the ModelGateway as namespace/name."""

    caller: str
    token: Token
    secret: tuple[str, str] | None
    audience: str
    gateway: str
    hostname: str
    method: str
    path: str
    require: tuple[str, ...]
    expected: Expected

    @property
    def request(self) -> str:
        return f"{self.method} {self.hostname}{self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` None: nothing did, `words` says why."""

    call: Call
    status: int | None
    error: str | None
    words: str

    @property
    def as_expected(self) -> bool:
        return (self.status, self.error) == (self.call.expected.status, self.call.expected.error)

    def __str__(self) -> str:
        return str(Expected(self.status, self.error)) if self.status is not None else "no answer"


def plan(bindings: Iterable[Object], endpoints: Iterable[Object]) -> list[Call]:
    """The calls, allowed ones first."""
    found = list(endpoints)
    calls: list[Call] = []
    for binding in bindings:
        namespace, name = binding["metadata"]["namespace"], binding["metadata"]["name"]
        for endpoint in found:
            granted = _granted(binding, endpoint)
            if granted is None:
                continue
            for rule in endpoint["spec"]["route"]["rules"]:
                allowed = set(rule["require"]) <= granted
                expected = Expected(200) if allowed else Expected(403, "insufficient_scope")
                secret = (namespace, binding["spec"]["secret"]["name"])
                calls.append(_call(f"{namespace}/{name}", Token.OWN, endpoint, rule, expected=expected, secret=secret))
    for endpoint in found:
        rule = endpoint["spec"]["route"]["rules"][0]
        calls.append(_call("anybody", Token.NONE, endpoint, rule, expected=Expected(401)))
        refused = Expected(401, "invalid_token")
        calls.append(_call("a stranger", Token.FOREIGN, endpoint, rule, expected=refused))
    return sorted(calls, key=lambda call: call.expected.status)


def _granted(binding: Object, endpoint: Object) -> set[str] | None:
    """The permissions a binding has for an endpoint; None when it was granted nothing there."""
    own = binding["metadata"]["namespace"]
    where = endpoint["metadata"]["namespace"], endpoint["metadata"]["name"]
    found: set[str] = set()
    for grant in binding["spec"].get("grants") or ():
        ref = grant.get("endpointRef")
        if ref and (ref.get("namespace") or own, ref["name"]) == where:
            found |= set(grant["permissions"])
    return found or None


def _call(
    caller: str,
    token: Token,
    endpoint: Object,
    rule: Mapping[str, Any],
    *,
    expected: Expected,
    secret: tuple[str, str] | None = None,
) -> Call:
    route, access = endpoint["spec"]["route"], endpoint["spec"]["access"]
    gateway = route["gatewayRef"]
    methods = rule.get("methods") or ["POST"]
    return Call(
        caller=caller,
        token=token,
        secret=secret,
        audience=access["audience"],
        gateway=f"{gateway.get('namespace') or endpoint['metadata']['namespace']}/{gateway['name']}",
        hostname=route["hostname"],
        method="POST" if "POST" in methods else methods[0],
        path=rule["path"],
        require=tuple(rule["require"]),
        expected=expected,
    )


class Stranger:
    """An issuer that nobody here trusts, with a key of its own."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def token(self, audience: str, permissions: Sequence[str], now: float) -> str:
        """A token that would be good if its signature and its issuer were."""
        claims = {
            "iss": OTHER_ISSUER,
            "sub": "stranger@clients",
            "azp": "stranger",
            "aud": audience,
            "iat": int(now),
            "exp": int(now) + 3600,
            "permissions": list(permissions),
            "scope": " ".join(permissions),
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": secrets.token_hex(8)})


class Players:
    """Makes the calls. `application` reads a Secret; `address` tells where a gateway is, by its name and as a URL."""

    def __init__(
        self,
        application: Callable[[str, str], Any],
        token_endpoint: str | None,
        address: Callable[[str, str], str],
        *,
        ca_file: str | None = None,
    ) -> None:
        self._application, self._token_endpoint = application, token_endpoint
        self._address = address
        self._ca_file = ca_file
        self._stranger = Stranger()

    async def play(self, calls: Iterable[Call]) -> list[Answer]:
        """One after the other."""
        async with httpx.AsyncClient(timeout=20.0, verify=False, trust_env=False) as http:  # noqa: S501 - loopback
            return [await self._one(http, call) for call in calls]

    async def _one(self, http: httpx.AsyncClient, call: Call) -> Answer:
        headers = {"Host": call.hostname, "Content-Type": "application/json"}
        try:
            token = await self._token(call)
        except TokenRefused as refused:
            return Answer(call, None, None, f"the tenant gave no token: {refused}")
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            url = self._address(call.gateway, call.hostname) + call.path
            content = None if call.method in ("GET", "HEAD") else json.dumps(SAMPLE)
            answer = await http.request(call.method, url, headers=headers, content=content)
        except (httpx.HTTPError, LookupError) as failure:
            return Answer(call, None, None, f"{type(failure).__name__}: {failure}")
        error = challenge_error(answer.headers.get("www-authenticate"))
        return Answer(call, answer.status_code, error, words_of(answer.headers, answer.text))

    async def _token(self, call: Call) -> str | None:
        if call.token is Token.NONE:
            return None
        if call.token is Token.FOREIGN:
            return self._stranger.token(call.audience, call.require, time.time())
        assert call.secret is not None
        application: Application = await self._application(*call.secret)
        granted = await fetch_token(application, call.audience, endpoint=self._token_endpoint, ca_file=self._ca_file)
        return granted.reveal()


def challenge_error(header: str | None) -> str | None:
    """The `error` of a WWW-Authenticate header."""
    found = re.search(r'\berror="([^"]*)"', header or "")
    return found.group(1) if found else None


def words_of(headers: Mapping[str, str], text: str) -> str:
    """What an answer says, in short: the prediction and who made it, or the reason it was refused."""
    deployment = headers.get("azureml-model-deployment")
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if isinstance(body, dict) and "prediction" in body:
        said = json.dumps(body["prediction"])
        by = deployment or body.get("deployment")
        return f"{said} from deployment {by}" if by else said
    if isinstance(body, dict):
        told = body.get("detail") or body.get("title") or body.get("error_description") or body.get("error")
        if told:
            return " ".join(str(told).split())
    return " ".join(text.split())[:120]
