"""The azure-core side of a session: credential, policies, transport. Imported late, because azure.* costs 0.5 s.

The policy chain is our own and short: request id, headers, authentication, door. No retry policy (azure-core's sleeps
through a whole Retry-After inside the call), no redirects, no logging of requests. `Door` is the last policy: what
passes it leaves the process, what fails before it was never sent.

aiohttp sends PUT and DELETE a second time by itself when the connection breaks before an answer. For a write that would
hide a lost answer, so a middleware turns those breaks into an error that aiohttp does not retry.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Callable
from typing import Any, Final

import aiohttp
from azure.core import AsyncPipelineClient
from azure.core.credentials import AccessTokenInfo
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestTimeoutError,
)
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import (
    AsyncBearerTokenCredentialPolicy,
    AsyncHTTPPolicy,
    HeadersPolicy,
    RequestIdPolicy,
)
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.identity.aio import ClientSecretCredential, ManagedIdentityCredential, WorkloadIdentityCredential
from azure.mgmt.core import AsyncARMPipelineClient
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy

from .access import AzureAccess, ClientSecret, Cloud, ManagedIdentity, WorkloadIdentity
from .entra import EntraRefused
from .faults import Answer, NoAnswer

CONNECT_TIMEOUT: Final = 5.0  # seconds
TOKEN_TIMEOUT: Final = 15.0
# A refused token is the caller's to report, once and with a remedy; azure.identity would log each as a warning besides.
logging.getLogger("azure.identity").setLevel(logging.ERROR)

Credential = ClientSecretCredential | ManagedIdentityCredential | WorkloadIdentityCredential


class Passage:
    """One request's way out. `let_out` is called at the door, each time the request leaves; it may refuse."""

    def __init__(self, let_out: Callable[[], None], timeout: float) -> None:
        self.let_out = let_out
        self.timeout = timeout
        self.sent = False


class Door(AsyncHTTPPolicy[HttpRequest, AsyncHttpResponse]):
    """Where requests leave the process."""

    async def send(self, request: PipelineRequest[HttpRequest]) -> PipelineResponse[HttpRequest, AsyncHttpResponse]:
        passage: Passage = request.context.options.pop("passage", None) or request.context["passage"]
        request.context["passage"] = passage  # an answered claims challenge comes through here again
        passage.let_out()
        passage.sent = True
        async with asyncio.timeout(passage.timeout):
            return await self.next.send(request)


async def _no_second_sending(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method in {"GET", "HEAD"}:
            raise
        raise aiohttp.ClientConnectionError(f"the connection broke before an answer: {error}") from error


class Outlet:
    """The connections of the process to Azure, shared by all its sessions."""

    def __init__(self, ca_file: str | None) -> None:
        # One context for all: azure-core would make one per request, and no connection would be used twice.
        context = ssl.create_default_context(cafile=ca_file)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit_per_host=16),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=True,
            middlewares=(_no_second_sending,),
        )

    def transport(self) -> AioHttpTransport:
        return AioHttpTransport(
            session=self._session,
            session_owner=False,
            connection_timeout=CONNECT_TIMEOUT,
            read_timeout=TOKEN_TIMEOUT,
        )

    async def close(self) -> None:
        await self._session.close()


class Connection:
    """Azure Resource Manager as one identity. Calls return an outcome and raise only what `let_out` raises."""

    def __init__(self, access: AzureAccess, cloud: Cloud, outlet: Outlet) -> None:
        self._new_credential: Callable[[], Credential] = lambda: _credential(access, cloud, outlet)
        self._credential = self._new_credential()
        self._tokens = asyncio.Lock()
        policies = [
            RequestIdPolicy(),
            HeadersPolicy(base_headers={"Accept": "application/json", "User-Agent": "mlgate"}),
            AsyncARMChallengeAuthenticationPolicy(self._credential, cloud.arm_scope),
            Door(),
        ]
        self._client: AsyncARMPipelineClient[HttpRequest, AsyncHttpResponse] = AsyncARMPipelineClient(
            cloud.resource_manager, policies=policies, transport=outlet.transport()
        )
        self._outlet = outlet
        self._others: dict[str, AsyncPipelineClient[HttpRequest, AsyncHttpResponse]] = {}

    async def send(self, method: str, url: str, body: Any, passage: Passage) -> Answer | NoAnswer | EntraRefused:
        """Sends one request to an absolute URL."""
        return await self._sent(self._client, method, url, body, passage)

    async def read(self, url: str, scope: str, passage: Passage) -> Answer | NoAnswer | EntraRefused:
        """GETs an absolute URL of another service of Azure, whose tokens are for `scope`."""
        if scope not in self._others:
            policies = [
                RequestIdPolicy(),
                HeadersPolicy(base_headers={"Accept": "application/json", "User-Agent": "mlgate"}),
                AsyncBearerTokenCredentialPolicy(self._credential, scope),
                Door(),
            ]
            self._others[scope] = AsyncPipelineClient("", policies=policies, transport=self._outlet.transport())
        return await self._sent(self._others[scope], "GET", url, None, passage)

    async def _sent(
        self, client: Any, method: str, url: str, body: Any, passage: Passage
    ) -> Answer | NoAnswer | EntraRefused:
        request = HttpRequest(method, url, json=body) if body is not None else HttpRequest(method, url)
        try:
            response = await client.send_request(request, passage=passage, read_timeout=passage.timeout)
        except (AzureError, TimeoutError, OSError, ValueError) as error:
            return outcome_of(error, sent=passage.sent, timeout=passage.timeout)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, _json(response))

    async def token(self, scope: str) -> AccessTokenInfo | NoAnswer | EntraRefused:
        """A token for `scope`; the credential keeps it until it is close to its end."""
        try:
            async with self._tokens, asyncio.timeout(TOKEN_TIMEOUT + CONNECT_TIMEOUT):
                return await self._credential.get_token_info(scope)
        except (AzureError, TimeoutError, OSError, ValueError) as error:
            return outcome_of(error, sent=False, timeout=TOKEN_TIMEOUT)

    async def fresh_token(self, scope: str) -> AccessTokenInfo | NoAnswer | EntraRefused:
        """A token for `scope` with its whole life before it: from a credential that remembers none."""
        credential = self._new_credential()
        try:
            async with asyncio.timeout(TOKEN_TIMEOUT + CONNECT_TIMEOUT):
                return await credential.get_token_info(scope)
        except (AzureError, TimeoutError, OSError, ValueError) as error:
            return outcome_of(error, sent=False, timeout=TOKEN_TIMEOUT)
        finally:
            await credential.close()

    async def close(self) -> None:
        await self._credential.close()


def _credential(access: AzureAccess, cloud: Cloud, outlet: Outlet) -> Credential:
    """The credential. Raises ValueError for ids that cannot be ids."""
    # Retries are ours: a call must end within its timeout.
    options: dict[str, Any] = {"transport": outlet.transport(), "retry_total": 0}
    match access.auth:
        case ClientSecret(client_id, secret):
            return ClientSecretCredential(
                access.tenant_id, client_id, secret.reveal(), authority=cloud.authority, **options
            )
        case WorkloadIdentity(client_id, token_file):
            return WorkloadIdentityCredential(
                tenant_id=access.tenant_id,
                client_id=client_id,
                token_file_path=token_file,
                authority=cloud.authority,
                **options,
            )
        case ManagedIdentity(client_id):
            return ManagedIdentityCredential(client_id=client_id, **options)


def outcome_of(error: Exception, *, sent: bool, timeout: float) -> NoAnswer | EntraRefused:
    """What an exception of azure-core, aiohttp or the operating system means. `sent`: it came from behind the door."""
    if isinstance(error, ClientAuthenticationError):
        name = re.search(r"error '\((\w+)\)", error.message)
        return EntraRefused(error.status_code, name[1] if name else type(error).__name__, error.message)
    if isinstance(error, OSError) and not isinstance(error, TimeoutError) and not sent and error.filename:
        return EntraRefused(None, "no token file", f"the token file {error.filename} cannot be read ({error.strerror})")
    if isinstance(error, ValueError) and not sent:
        return EntraRefused(None, "invalid identity", str(error))
    cause = getattr(error, "inner_exception", None) or error.__cause__ or error
    if isinstance(error, ServiceRequestTimeoutError):
        return NoAnswer(sent=False, why=f"no connection within {CONNECT_TIMEOUT:.0f} s")
    if isinstance(cause, aiohttp.ClientConnectorCertificateError):
        return NoAnswer(sent=False, why=f"the certificate of {cause.host} is not trusted ({cause.certificate_error})")
    if isinstance(cause, aiohttp.ClientConnectorError):
        return NoAnswer(sent=False, why=f"no connection to {cause.host}:{cause.port} ({cause.strerror or cause})")
    if isinstance(error, TimeoutError) or isinstance(cause, TimeoutError):
        return NoAnswer(sent=sent, why=f"no answer within {timeout:.0f} s")
    if isinstance(error, HttpResponseError) and not sent:
        return EntraRefused(error.status_code, type(error).__name__, error.message)
    return NoAnswer(sent=sent, why="the connection broke before the answer was complete")


def _json(response: AsyncHttpResponse) -> Any:
    try:
        return response.json() if response.content else None
    except (ValueError, HttpResponseError):
        return None


def token_times(token: AccessTokenInfo, now: float) -> tuple[float, float]:
    """(expires, refresh), UNIX seconds: when Entra says, and not after half of what is left. Who presents it gets the next
    one from us, and we may be away for a while just then."""
    expires = float(token.expires_on)
    refresh = now + (expires - now) / 2
    if token.refresh_on is not None:
        refresh = min(refresh, float(token.refresh_on))
    return expires, max(min(refresh, expires), min(now, expires))
