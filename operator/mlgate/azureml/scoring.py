"""One scoring request to one deployment, as a caller of the endpoint would send it.

The request header `azureml-model-deployment` picks the deployment whatever the traffic is; the answer's header of the
same name says who answered (shared facts, azure-ml section 4). Only the start of an answer is read: a model may stream.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from mlgate.sensitive import Sensitive

if TYPE_CHECKING:
    import aiohttp

DEPLOYMENT = "azureml-model-deployment"
LONGEST_ANSWER = 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class ScoringRequest:
    """What to send. `path` None: the scoring URI's own."""

    method: str
    path: str | None
    body: str | None
    content_type: str
    timeout: float


@dataclass(frozen=True, slots=True)
class ScoringAnswer:
    """What came back. `status` None: nothing, and `text` says why. `deployment`: who answered, as far as it says."""

    status: int | None
    text: str
    deployment: str | None = None


class Scoring:
    """Sends scoring requests. `ca_file` is the authority of the scoring hosts (None: the system's)."""

    def __init__(self, ca_file: str | None) -> None:
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, uri: str, credential: Sensitive, deployment: str, request: ScoringRequest) -> ScoringAnswer:
        """The answer of `deployment`, whatever it is. Nothing is sent where it could be read on the way."""
        scheme, host, path, query, _ = urlsplit(uri)
        if scheme != "https":
            return ScoringAnswer(None, f"the scoring URI {uri} is not https")
        if request.path is not None:
            path, _, query = request.path.partition("?")
        headers = {
            "Authorization": f"Bearer {credential.reveal()}",
            DEPLOYMENT: deployment,
            "Content-Type": request.content_type,
            "User-Agent": "mlgate",
        }
        import aiohttp  # noqa: PLC0415 - 40 MB and 0.2 s that a process without rollouts need not pay for

        try:
            async with (
                asyncio.timeout(request.timeout),
                self._connected().request(
                    request.method,
                    urlunsplit((scheme, host, path, query, "")),
                    data=request.body.encode() if request.body is not None else None,
                    headers=headers,
                    allow_redirects=False,
                ) as response,
            ):
                content = await response.content.read(LONGEST_ANSWER)
                while len(content) < LONGEST_ANSWER and (more := await response.content.read(LONGEST_ANSWER)):
                    content += more
                text = content[:LONGEST_ANSWER].decode(errors="replace")
                return ScoringAnswer(response.status, text, response.headers.get(DEPLOYMENT))
        except TimeoutError:
            return ScoringAnswer(None, f"no answer within {request.timeout:g} s")
        except aiohttp.ClientConnectorCertificateError as error:
            return ScoringAnswer(None, f"the certificate of {error.host} is not trusted")
        except (aiohttp.ClientError, OSError) as error:
            return ScoringAnswer(None, f"no answer from {host} ({type(error).__name__})")

    def _connected(self) -> aiohttp.ClientSession:
        import aiohttp  # noqa: PLC0415

        if self._session is None:
            context = ssl.create_default_context(cafile=self._ca_file)
            connector = aiohttp.TCPConnector(ssl=context, limit=16, keepalive_timeout=5)
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=True
            )
        return self._session

    async def close(self) -> None:
        """Closes every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None
