"""The one place where requests to Auth0 leave the process and their answers come in.

`Door` is the transport of the httpx client that the SDK and the token request share, so that nothing can go around it:
it waits for a turn in the request budget, asks `outbound` right before the request leaves, bounds the whole exchange in
time, keeps the answer's JSON as the service sent it, tells the budget and the metrics. `Wire.call` runs one SDK call
through it, refreshes a refused token once, and turns everything else that can happen into `errors` by `faults.trouble`.

Why the answer is kept here: the SDK's models turn dates into other dates, raise ParsingError on answers of writes that
succeeded and drop the body of 204s (shared facts, auth0 section 4). What callers get is the raw JSON, whatever the SDK
makes of it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

import httpx
from auth0.management import AsyncAuth0

from ..outbound import about_to_send, urgency
from .access import Raw, RequestSeen, TenantAccess
from .budget import Budget
from .faults import Answer, Asked, missing_field, secrets_in, trouble
from .routes import Route, route_of
from .tokens import Tokens


@dataclass(slots=True)
class Exchange:
    """One request of ours: what goes with it, and what the door saw of it."""

    bearer: str = field(default="", repr=False)
    route: Route | None = None
    answer: Answer | None = field(default=None, repr=False)
    sent: frozenset[str] = field(default=frozenset(), repr=False)
    """Secret texts of the request's body."""
    after: float = 0.0
    signed_at: float | None = None


_exchange: ContextVar[Exchange] = ContextVar("mlgate_auth0_exchange")


class Door(httpx.AsyncBaseTransport):
    """Lets requests out, one rule for all of them. `inner` is the transport with the network behind it."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        *,
        access: TenantAccess,
        budget: Budget,
        timeout: float,
        clock: Callable[[], float] = time.monotonic,
        on_request: Callable[[RequestSeen], None] | None = None,
    ) -> None:
        self._inner = inner
        self._access = access
        self._budget = budget
        self._timeout = timeout
        self._clock = clock
        self._on_request = on_request

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        exchange = _exchange.get()
        route = exchange.route = route_of(request.method, request.url.raw_path.decode("ascii"))
        body = await request.aread()
        exchange.sent = frozenset(secrets_in(_json(body)))
        who = self._access
        async with self._budget.slot(route, urgency(), tenant=who.called):
            about_to_send(route.said, writes=route.writes, timeout=self._timeout)
            started = self._clock()
            try:
                # httpx bounds each read, not the exchange; the lease must outlive all of it
                async with asyncio.timeout(self._timeout):
                    response = await self._inner.handle_async_request(request)
                    content = await response.aread()
            except Exception:
                self._tell(route, None, started)
                raise
            exchange.answer = answer = _answer(response, content)
            message = str(answer.fields.get("message", ""))
            exchange.after = self._budget.saw(route, answer.status, answer.headers, message)
            self._tell(route, answer, started)
            return response

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _tell(self, route: Route, answer: Answer | None, started: float) -> None:
        if self._on_request is None:
            return
        left = answer.headers.get("x-ratelimit-remaining", "") if answer else ""
        self._on_request(
            RequestSeen(
                system="auth0",
                tenant=self._access.called,
                method=route.method,
                route=route.template,
                status=answer.status if answer else None,
                seconds=self._clock() - started,
                remaining=int(left) if left.isdigit() else None,
            )
        )


class Wire:
    """A tenant's requests: through the SDK for the Management API, plain for the token and the key set.

    `http` is the client whose transport is the Door. `base` is the URL that the tenant is reached at, without a path.
    """

    def __init__(self, http: httpx.AsyncClient, *, access: TenantAccess, base: str, tokens: Tokens) -> None:
        self._http = http
        self._base = base
        self._access = access
        self._sdk = AsyncAuth0(
            base_url=f"{base}/api/v2",
            token=lambda: _exchange.get().bearer,
            httpx_client=http,
            max_retries=0,  # the SDK would repeat POST on 5xx and 409: duplicates
        )
        self.tokens = tokens

    async def call(self, send: Callable[[AsyncAuth0], Awaitable[object]]) -> Received:
        """Runs one SDK call and returns the answer as the service sent it; 404 only for reads and deletes.

        Raises what `faults.trouble` says, and WriteRefused. A refused token is replaced once: a 401 did nothing, so
        asking again is no repetition, and the second request passes the door's rules like the first.
        """
        token = await self.tokens.get()
        exchange = await self._attempt(send, token.bearer.reveal())
        if exchange.answer is not None and exchange.answer.status == 401:
            self.tokens.refused(token)
            token = await self.tokens.get()
            exchange = await self._attempt(send, token.bearer.reveal())
        return self._received(exchange)

    async def plain(
        self, method: str, path: str, form: dict[str, str] | None = None, *, signed_at: float | None = None
    ) -> Received:
        """A request without a token: the token itself and the key set. `signed_at` is our UNIX time, for a form that
        holds an assertion. Raises like `call`."""
        exchange = await self._attempt(lambda _: self._http.request(method, self._base + path, data=form))
        exchange.signed_at = signed_at
        return self._received(exchange)

    async def _attempt(self, send: Callable[[AsyncAuth0], Awaitable[object]], bearer: str = "") -> Exchange:
        exchange = Exchange(bearer=bearer)
        before = _exchange.set(exchange)
        try:
            await send(self._sdk)
        except Exception as error:
            # with an answer at hand the SDK's opinion of it (ApiError, ParsingError) adds nothing
            if exchange.answer is None:
                if not isinstance(error, httpx.HTTPError | OSError | TimeoutError) or exchange.route is None:
                    raise
                asked = self._asked(exchange, exchange.route)
                problem = trouble(asked, error)
                assert problem is not None
                raise problem from None  # the cause may carry the request, and so the token
        finally:
            _exchange.reset(before)
        return exchange

    def _received(self, exchange: Exchange) -> Received:
        assert exchange.route is not None
        assert exchange.answer is not None
        asked = self._asked(exchange, exchange.route)
        problem = trouble(asked, exchange.answer, after=exchange.after)
        if problem is not None:
            raise problem
        return Received(asked, exchange.answer)

    def _asked(self, exchange: Exchange, route: Route) -> Asked:
        own = self._access.client_secret
        return Asked(
            route, self._access, exchange.sent | {exchange.bearer, own.reveal() if own else ""}, exchange.signed_at
        )


@dataclass(frozen=True, slots=True)
class Received:
    """A good answer, and what it answers."""

    asked: Asked = field(repr=False)
    answer: Answer = field(repr=False)

    @property
    def absent(self) -> bool:
        """Whether the service said 404."""
        return self.answer.status == 404

    def body(self, *needed: str) -> Raw:
        """The answer's object. Raises Retry, after a write LostAnswer, naming a field of `needed` that it lacks."""
        fields = self.answer.fields
        for name in needed:
            if fields.get(name) in (None, ""):
                raise missing_field(self.asked, name)
        return fields


def _answer(response: httpx.Response, content: bytes) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    if not content:
        return Answer(response.status_code, headers, None)
    try:
        return Answer(response.status_code, headers, json.loads(content))
    except ValueError:
        return Answer(response.status_code, headers, content.decode("utf-8", "replace"), is_json=False)


def _json(content: bytes) -> object:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return None
