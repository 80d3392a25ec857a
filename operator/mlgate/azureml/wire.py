"""The one place from which requests to Azure leave, and where each outcome becomes a value or an error of mlgate.

One pinned api-version, timeouts per method, `about_to_send` right before leaving, the subscription's throttle, one
report per request. What an outcome means is decided in faults.py. A token that was refused is forgotten, so the next
try gets a new one.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from mlgate import outbound
from mlgate.errors import Retry, Trouble
from mlgate.sensitive import Sensitive

from . import arm_id, faults
from .access import AzureAccess, Cloud, ManagedIdentity
from .entra import EntraRefused
from .faults import Answer, Asked, NoAnswer
from .throttle import Throttle

if TYPE_CHECKING:
    from . import pipeline

API_VERSION = "2025-12-01"
TIMEOUTS = {"GET": 15.0, "POST": 15.0, "PUT": 30.0, "PATCH": 30.0, "DELETE": 30.0}  # seconds


@dataclass(frozen=True, slots=True)
class RequestSeen:
    """One request, for metrics. `status` is None without an answer, `remaining` what the subscription has left."""

    subscription: str
    method: str
    route: str
    status: int | None
    seconds: float
    remaining: int | None
    system: str = "azure"


@dataclass(frozen=True, slots=True)
class EndpointToken:
    """A bearer for scoring. Times are UNIX seconds."""

    value: Sensitive
    expires_at: float
    refresh_after: float


class Outlets:
    """Makes the connections when they are first needed: importing azure.* takes half a second, off the event loop."""

    def __init__(self, ca_file: str | None) -> None:
        self._ca_file = ca_file
        self._outlet: pipeline.Outlet | None = None
        self._lock = asyncio.Lock()

    async def connection(self, access: AzureAccess, cloud: Cloud) -> pipeline.Connection:
        """A new connection. Raises ValueError for ids that cannot be ids."""
        module: Any = await asyncio.to_thread(importlib.import_module, "mlgate.azureml.pipeline")
        async with self._lock:
            if self._outlet is None:
                self._outlet = module.Outlet(self._ca_file)
        connection: pipeline.Connection = module.Connection(access, cloud, self._outlet)
        return connection

    async def close(self) -> None:
        if self._outlet is not None:
            await self._outlet.close()
            self._outlet = None


class Wire:
    """Sends the requests of one session."""

    def __init__(
        self,
        access: AzureAccess,
        cloud: Cloud,
        outlets: Outlets,
        *,
        clock: Callable[[], float],
        random: Callable[[], float],
        poll_scale: float,
        on_request: Callable[[RequestSeen], None] | None,
    ) -> None:
        self._access = access
        self._cloud = cloud
        self._outlets = outlets
        self._clock = clock
        self._random = random
        self._poll_scale = poll_scale
        self._on_request = on_request
        self._connection: pipeline.Connection | None = None
        self._lock = asyncio.Lock()
        self.throttle = Throttle(access.gate, access.subscription_id, clock)

    def now(self) -> float:
        """UNIX seconds."""
        return self._clock()

    def jitter(self) -> float:
        """From 0 up to 1."""
        return self._random()

    async def call(
        self,
        method: str,
        path: str,
        subject: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        writes: bool | None = None,
    ) -> Answer:
        """Sends one request to a path below the resource manager and returns its good (2xx) answer.

        `writes` is False for POSTs that only read. Raises the errors of mlgate.errors; Gone for 404.
        """
        parameters = urlencode({"api-version": API_VERSION, **(query or {})})
        url = f"{self._cloud.resource_manager.rstrip('/')}{quote(path, safe='/:()')}?{parameters}"
        asked = self.asked(method, subject, writes=method != "GET" if writes is None else writes)
        return await self._send(asked, url, path, body)

    async def follow(self, url: str, subject: str) -> Answer:
        """GETs a URL that an answer of Azure named. Our token goes to no other host: raises Retry for one."""
        ours, theirs = urlsplit(self._cloud.resource_manager), urlsplit(url)
        if (ours.scheme, ours.netloc.lower()) != (theirs.scheme, theirs.netloc.lower()):
            raise Retry(
                f"Azure's answer about {subject} points to another host, {theirs.netloc}. mlgate does not follow it."
            )
        return await self._send(self.asked("GET", subject, writes=False), url, theirs.path, None)

    async def record(self, url: str, scope: str, subject: str) -> Answer:
        """GETs a URL of the host that a workspace names for its records, with a token for `scope`."""
        asked = self.asked("GET", subject, writes=False)
        return await self._send(asked, url, urlsplit(url).path, None, scope=scope)

    async def token(self, scope: str, subject: str, *, fresh: bool = False) -> EndpointToken:
        """An Entra token for `scope`; `fresh`: not one from before. Raises CredentialsRejected, Retry."""
        asked = self.asked("POST", subject, writes=False)
        connection = await self._connected(asked)
        got = await (connection.fresh_token(scope) if fresh else connection.token(scope))
        if isinstance(got, NoAnswer | EntraRefused):
            self._forget(connection, got)
            raise self._trouble(asked, got)
        module: Any = importlib.import_module("mlgate.azureml.pipeline")
        expires, refresh = module.token_times(got, self._clock())
        return EndpointToken(Sensitive(got.token), expires, refresh)

    def asked(self, method: str, subject: str, *, writes: bool) -> Asked:
        """The frame of messages about a request."""
        access, auth = self._access, self._access.auth
        client = f"the application {auth.client_id}" if auth.client_id else "the managed identity"
        if isinstance(auth, ManagedIdentity) and auth.client_id:
            client = f"the managed identity {auth.client_id}"
        return Asked(
            method=method,
            subject=subject,
            writes=writes,
            gate=access.gate,
            connection=access.name,
            tenant=access.tenant_id,
            subscription=access.subscription_id,
            client=client,
            secret=access.secret_name,
            pace=self._poll_scale,
        )

    async def _send(self, asked: Asked, url: str, path: str, body: Any, scope: str | None = None) -> Answer:
        timeout = TIMEOUTS[asked.method]

        def let_out() -> None:
            outbound.about_to_send(f"{asked.method} {path}", writes=asked.writes, timeout=timeout)

        let_out()  # before a token is fetched for nothing; the door asks again, for a token may take its time
        if scope is None:  # the budget is that of Azure Resource Manager
            self.throttle.admit(asked.method, path, outbound.urgency(), jitter=self._random())
        connection = await self._connected(asked)
        module: Any = importlib.import_module("mlgate.azureml.pipeline")
        passage = module.Passage(let_out, timeout)
        started = time.monotonic()
        if scope is None:
            outcome = await connection.send(asked.method, url, body, passage)
        else:
            outcome = await connection.read(url, scope, passage)
        if passage.sent:
            self._report(asked.method, path, outcome, time.monotonic() - started)
        if isinstance(outcome, Answer) and 200 <= outcome.status < 300:
            return outcome
        self._forget(connection, outcome)
        raise self._trouble(asked, outcome)

    def _forget(self, connection: pipeline.Connection, outcome: faults.Outcome) -> None:
        """What was refused is not presented again: its credential keeps tokens, and a projected token's text for minutes."""
        refused = isinstance(outcome, EntraRefused) or (isinstance(outcome, Answer) and outcome.status == 401)
        if refused and self._connection is connection:
            self._connection = None

    async def _connected(self, asked: Asked) -> pipeline.Connection:
        async with self._lock:
            if self._connection is None:
                try:
                    self._connection = await self._outlets.connection(self._access, self._cloud)
                except ValueError as error:
                    raise self._trouble(asked, EntraRefused(None, "invalid identity", str(error))) from error
            return self._connection

    def _report(self, method: str, path: str, outcome: faults.Outcome, seconds: float) -> None:
        answer = outcome if isinstance(outcome, Answer) else None
        remaining = self.throttle.learn(answer.headers) if answer else None
        if self._on_request is not None:
            self._on_request(
                RequestSeen(
                    subscription=self._access.subscription_id,
                    method=method,
                    route=arm_id.route(path),
                    status=answer.status if answer else None,
                    seconds=seconds,
                    remaining=remaining,
                )
            )

    def _trouble(self, asked: Asked, outcome: faults.Outcome) -> Trouble:
        return faults.trouble(asked, outcome, now=self._clock(), jitter=self._random())


def with_addresses(cloud: Cloud, *, resource_manager: str | None, authority: str | None) -> Cloud:
    """The cloud at other addresses, for development and private clouds; audiences stay the cloud's own.

    Raises ValueError for an address that is not https: a token would travel in the open.
    """
    for address in (resource_manager, authority):
        if address and not address.startswith("https://"):
            raise ValueError(f"Azure's addresses start with https://, unlike {address}.")
    return replace(
        cloud,
        resource_manager=(resource_manager or cloud.resource_manager).rstrip("/"),
        authority=(authority or cloud.authority).rstrip("/"),
    )
