"""One HTTP request to the API server: its path, its deadline, its answer or the protocol's error."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from kubernetes.aio.client.rest import RESTClientObject

from ..protocol import Object, Resource, Unavailable
from .answers import error_for
from .connection import Identity

REQUEST_SECONDS = 30.0
"""Every request ends by then; the API server itself gives up a request after 60 s."""
CONNECT_SECONDS = 10.0

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"  # JSON is YAML


def path_of(resource: Resource, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
    """The path of a collection, an object or its subresource. No discovery: a Resource says all of it."""
    parts = ["apis", resource.group, resource.version] if resource.group else ["api", resource.version]
    if resource.namespaced and namespace:
        parts += ["namespaces", namespace]
    parts.append(resource.plural)
    if name is not None:
        parts.append(name)
    if subresource is not None:
        parts.append(subresource)
    return "/" + "/".join(quote(part, safe="") for part in parts)


class Requests:
    """Sends requests as `identity` over one connection pool."""

    def __init__(self, identity: Identity, *, user_agent: str) -> None:
        self._identity = identity
        self._rest: Any = RESTClientObject(identity.configuration)
        self._user_agent = user_agent
        self._watches: set[aiohttp.ClientResponse] = set()
        self._closed = False

    async def close(self) -> None:
        self._closed = True
        for answer in self._watches:
            # Closing a TLS connection waits for the other side's goodbye; a reader need not.
            answer.content.set_exception(aiohttp.ClientConnectionError("the store is closed"))
        await self._rest.close()

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = JSON,
    ) -> Object:
        """The JSON of a 2xx answer. Raises the protocol's errors."""
        deadline = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)
        async with self._answer(method, path, query or {}, deadline, body=body, content_type=content_type) as answer:
            return _parse(await answer.read())

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, str], *, silence: float
    ) -> AsyncIterator[AsyncIterator[Object]]:
        """A watch: the lines of an endless answer as objects. `silence` seconds without a byte end it."""
        deadline = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence)
        async with self._answer("GET", path, query, deadline) as answer:
            self._watches.add(answer)
            try:
                yield _lines(answer)
            finally:
                self._watches.discard(answer)

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        deadline: aiohttp.ClientTimeout,
        *,
        body: Object | None = None,
        content_type: str = JSON,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._closed:
            raise Unavailable("the store is closed")
        headers = {"Accept": JSON, "Content-Type": content_type, "User-Agent": self._user_agent}
        authorization = await self._identity.authorization()
        if authorization:
            headers["Authorization"] = authorization
        url = self._identity.configuration.host + path + (f"?{urlencode(query)}" if query else "")
        answer: aiohttp.ClientResponse | None = None
        try:
            sent = await self._rest.request(method, url, headers=headers, body=body, _request_timeout=deadline)
            answer = sent.response
            if answer.status >= 400:
                if answer.status == 401:
                    self._identity.refused()
                raise error_for(answer.status, await answer.read())
            yield answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"{method} {path}: {error or type(error).__name__}") from error
        finally:
            if answer is not None:
                answer.close() if not answer.content.at_eof() else answer.release()


def _parse(body: bytes) -> Object:
    try:
        parsed: Object = json.loads(body)
    except ValueError as error:
        raise Unavailable(f"the API server's answer is not JSON: {error}") from error
    return parsed


async def _lines(answer: aiohttp.ClientResponse) -> AsyncIterator[Object]:
    rest = b""
    async for chunk in answer.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                yield _parse(line)
