"""Sessions: one per tenant and credentials, for the life of the process.

A session holds what must be shared to be cheap: the token, the connections, the request budget, the snapshots. The
budget is the domain's, not the credentials': the tenant counts all requests together.
"""

from __future__ import annotations

import asyncio
import random as _random
import ssl
import time
from collections.abc import Awaitable, Callable

import httpx

from ..errors import Retry
from ..flight import Flight
from ..sensitive import Sensitive
from .access import Granted, Raw, RequestSeen, TenantAccess
from .actions import Actions, TriggerBindings
from .budget import Budget
from .client_grants import ClientGrants
from .clients import Clients
from .collection import Aging
from .connections import Connections
from .faults import missing_field
from .guardian import Guardian
from .logs import Logs
from .organizations import Organizations
from .past import PastEndOfLife
from .ratelimit import Allowed
from .resource_servers import ResourceServers
from .role_members import RoleMembers
from .roles import Roles
from .tenant import Tenant
from .tokens import Token, Tokens, renew_after, scopes_of, token_form
from .users import Users
from .wire import Door, Wire

_IDLE = 300.0
"""Seconds without a request after which a session whose credentials were replaced is closed: longer than a reconcile."""


_CONNECTIONS = httpx.Limits(max_connections=4, max_keepalive_connections=4, keepalive_expiry=30)
"""Few: httpcore looks at every idle connection at every request, and no plan sustains more than 50 requests/s."""


class Session:
    """A tenant, as one set of credentials sees it. Made by Sessions."""

    def __init__(
        self,
        access: TenantAccess,
        *,
        base: str,
        transport: httpx.AsyncBaseTransport,
        budget: Budget,
        clock: Callable[[], float],
        wall: Callable[[], float],
        timeout: float,
        snapshot_max_age: float,
        jwks_max_age: float,
        on_request: Callable[[RequestSeen], None] | None,
    ) -> None:
        self.gate = access.gate
        self.issuer = access.issuer
        self.audience = access.audience
        self.own_client = access.client_id
        self.last_used = clock()
        self._access = access
        self._allowed = budget.allowed
        self._clock = clock
        self._wall = wall
        self._jwks_max_age = jwks_max_age
        self._on_request = on_request
        door = Door(
            transport, access=access, budget=budget, timeout=timeout, clock=clock, on_request=self._request_seen
        )
        self._http = httpx.AsyncClient(transport=door, timeout=httpx.Timeout(timeout))
        self._tokens = Tokens(self._fetch_token, clock=clock)
        self._wire = Wire(self._http, access=access, base=base, tokens=self._tokens)
        aging = Aging(snapshot_max_age, clock)
        self.clients = Clients(self._wire, aging)
        self.resource_servers = ResourceServers(self._wire, aging)
        self.client_grants = ClientGrants(self._wire, aging)
        self.roles = Roles(self._wire, aging)
        self.users = Users(self._wire, aging)
        self.role_members = RoleMembers(self._wire, aging)
        self.actions = Actions(self._wire, aging)
        self.trigger_bindings = TriggerBindings(self._wire, aging)
        self.guardian = Guardian(self._wire)
        self.connections = Connections(self._wire, aging)
        self.organizations = Organizations(self._wire, aging)
        self._collections = (
            self.organizations,
            self.clients,
            self.resource_servers,
            self.client_grants,
            self.roles,
            self.actions,
            self.connections,
        )
        self.tenant = Tenant(self._wire)
        self.past = PastEndOfLife(self._wire, clock)
        self.logs = Logs(self._wire, own_client=access.client_id)
        self._jwks_flight = Flight(self._fetch_jwks)
        self._jwks: tuple[float, Raw] | None = None

    def allowed(self) -> list[Allowed]:
        """How many requests the tenant is taken to allow."""
        return self._allowed()

    async def verify(self) -> Granted:
        """Proves that the credentials work, with the token at hand or a new one. Raises CredentialsRejected."""
        return Granted((await self._tokens.get()).scopes)

    async def jwks(self) -> Raw:
        """The tenant's signing keys, at most `jwks_max_age` seconds old. Anybody may read them: no token is sent."""
        if self._jwks is None or self._clock() - self._jwks[0] >= self._jwks_max_age:
            self._jwks = await self._jwks_flight.join()
        return self._jwks[1]

    async def close(self) -> None:
        """Ends what is under way and closes the connections."""
        await asyncio.gather(
            self._tokens.close(),
            self._jwks_flight.cancel(),
            *(each.close() for each in self._collections),
        )
        await self._http.aclose()

    def __repr__(self) -> str:
        return f"Session({self.gate})"

    async def _fetch_token(self) -> Token:
        began, now = self._clock(), self._wall()
        form = token_form(self._access, now=now)
        signed_at = now if "client_assertion" in form else None
        received = await self._wire.plain("POST", "/oauth/token", form, signed_at=signed_at)
        body = received.body("access_token")
        lifetime = body.get("expires_in")
        if not isinstance(lifetime, int | float) or lifetime <= 0:
            raise missing_field(received.asked, "expires_in")
        bearer = str(body["access_token"])
        return Token(Sensitive(bearer), began + renew_after(float(lifetime)), scopes_of(body.get("scope"), bearer))

    async def _fetch_jwks(self) -> tuple[float, Raw]:
        began = self._clock()
        received = await self._wire.plain("GET", "/.well-known/jwks.json")
        if received.absent:
            raise Retry(
                f"{self._access.domain} has no key set at /.well-known/jwks.json. Is it an Auth0 tenant's domain?"
            )
        return began, received.body("keys")

    def _request_seen(self, seen: RequestSeen) -> None:
        self.last_used = self._clock()
        if self._on_request is not None:
            self._on_request(seen)


class Sessions:
    """The sessions of the process.

    `endpoint` is where tenants are reached instead of `https://{domain}` (development, tests), as a URL without a path;
    issuer and audiences stay the domain's. `ca_file` holds further authorities to trust. `timeout` bounds each request,
    connection and answer together, `longest_wait` the time in the queue of the request budget; all are seconds.
    `transport` makes the way to the network, for tests; `proxy` is a URL.
    """

    def __init__(
        self,
        *,
        endpoint: str | None = None,
        ca_file: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = _random.random,
        on_request: Callable[[RequestSeen], None] | None = None,
        timeout: float = 10.0,
        longest_wait: float = 5.0,
        snapshot_max_age: float = 60.0,
        jwks_max_age: float = 60.0,
        proxy: str | None = None,
        transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        self._endpoint = endpoint.rstrip("/") if endpoint else None
        self._ca_file = ca_file
        self._clock = clock
        self._wall = wall
        self._sleep = sleep
        self._random = random
        self._on_request = on_request
        self._timeout = timeout
        self._longest_wait = longest_wait
        self._snapshot_max_age = snapshot_max_age
        self._jwks_max_age = jwks_max_age
        self._proxy = proxy
        self._transport = transport or self._network
        self._tls: ssl.SSLContext | None = None
        self._sessions: dict[str, Session] = {}
        self._current: dict[str, str] = {}
        self._budgets: dict[str, Budget] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def session(self, access: TenantAccess) -> Session:
        """The session of that tenant with those credentials. Other credentials are another session.

        The one that `access.name` used before is closed once nothing has used it for a while. Needs a running loop.
        """
        budget = self._budget(access)
        session = self._sessions.get(access.gate)
        if session is None:
            session = self._sessions[access.gate] = Session(
                access,
                base=self._endpoint or f"https://{access.domain}",
                transport=self._transport(),
                budget=budget,
                clock=self._clock,
                wall=self._wall,
                timeout=self._timeout,
                snapshot_max_age=self._snapshot_max_age,
                jwks_max_age=self._jwks_max_age,
                on_request=self._on_request,
            )
        self._current[access.called] = access.gate
        session.last_used = self._clock()
        self._close_unused()
        return session

    def current(self, name: str) -> Session | None:
        """The session that an access called `name` uses now; None before its first use."""
        return self._sessions.get(self._current.get(name, ""))

    def forget(self, name: str) -> None:
        """The tenant that an access called `name` is gone; its session ends once nothing has used it for a while."""
        self._current.pop(name, None)
        self._close_unused()

    async def close(self) -> None:
        """Closes all of them."""
        sessions, self._sessions = list(self._sessions.values()), {}
        self._current.clear()
        await asyncio.gather(*(session.close() for session in sessions), *self._closing)

    def _budget(self, access: TenantAccess) -> Budget:
        budget = self._budgets.get(access.domain)
        if budget is None:
            budget = self._budgets[access.domain] = Budget(
                access.plan,
                longest_wait=self._longest_wait,
                clock=self._clock,
                wall=self._wall,
                sleep=self._sleep,
                random=self._random,
            )
        elif budget.plan is not access.plan:
            budget.use(access.plan)
        return budget

    def _close_unused(self) -> None:
        wanted = set(self._current.values())
        for gate, session in list(self._sessions.items()):
            if gate not in wanted and self._clock() - session.last_used >= _IDLE:
                del self._sessions[gate]
                task = asyncio.create_task(session.close())
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)

    def _network(self) -> httpx.AsyncBaseTransport:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            if self._ca_file:
                self._tls.load_verify_locations(cafile=self._ca_file)
        return httpx.AsyncHTTPTransport(verify=self._tls, retries=0, proxy=self._proxy, limits=_CONNECTIONS)
