"""`ClusterStore`: the protocol's methods as requests to the API server."""

from __future__ import annotations

import asyncio
import builtins
import os
import random as randomness
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path

from ... import __version__
from ..protocol import FIELD_MANAGER, Object, Resource, Unavailable, WatchEvent
from ..protocol import NotFound as NotFoundError
from .answers import Expired, MissingKind
from .connection import Connection, Identity, load
from .requests import APPLY_PATCH, MERGE_PATCH, Requests, path_of
from .watch import SILENCE_SECONDS, WATCH_SECONDS, Backoff, closable_wait, list_and_watch, typed

PAGE = 500
"""Objects per page of a list, as kubectl asks for."""


class ClusterStore:
    """The API server. Make it with `await ClusterStore.connect(...)`; `close` it."""

    def __init__(self, identity: Identity, *, random: Callable[[], float] = randomness.random) -> None:
        self._identity = identity
        self._requests = Requests(identity, user_agent=f"mlgate/{__version__}")
        self._random = random
        self._closed = asyncio.Event()

    @classmethod
    async def connect(
        cls,
        kubeconfig: Path | None = None,
        context: str | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
        random: Callable[[], float] = randomness.random,
    ) -> ClusterStore:
        """With the kubeconfig, else as the pod's ServiceAccount, else with KUBECONFIG or ~/.kube/config.

        Sends nothing yet. Raises ClusterConfigError.
        """
        configuration = await load(kubeconfig, context, environ)
        return cls(Identity(configuration, kubeconfig, context, environ=environ), random=random)

    async def connection(self) -> Connection:
        """What another client needs to reach the same API server as the same user."""
        return await self._identity.connection()

    async def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        try:
            return await self._requests.call("GET", path_of(resource, namespace, name))
        except MissingKind:
            raise
        except NotFoundError:
            return None

    async def list(
        self, resource: Resource, namespace: str | None = None, *, labels: Mapping[str, str] | None = None
    ) -> list[Object]:
        return (await self._list(resource, namespace, labels or {}))[0]

    async def _list(
        self, resource: Resource, namespace: str | None, labels: Mapping[str, str]
    ) -> tuple[builtins.list[Object], str]:
        """All pages, and the resourceVersion to watch from."""
        query = {"limit": str(PAGE)}
        if labels:
            query["labelSelector"] = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
        path = path_of(resource, namespace)
        objects: builtins.list[Object] = []
        try:
            while True:
                page = await self._requests.call("GET", path, query=query)
                objects += (typed(item, resource.api_version, resource.kind) for item in page.get("items") or ())
                metadata = page["metadata"]
                if not metadata.get("continue"):
                    return objects, metadata["resourceVersion"]
                query["continue"] = metadata["continue"]
        except Expired as error:
            raise Unavailable(f"{error.message} (the list was too slow, its first pages have expired)") from error

    async def watch(self, resource: Resource, namespace: str | None = None) -> AsyncIterator[WatchEvent]:
        path = path_of(resource, namespace)

        def listing() -> Awaitable[tuple[builtins.list[Object], str]]:
            return self._list(resource, namespace, {})

        async def streaming(version: str) -> AsyncGenerator[Object, None]:
            query = {
                "watch": "true",
                "allowWatchBookmarks": "true",
                "resourceVersion": version,
                "timeoutSeconds": str(WATCH_SECONDS),
            }
            async with self._requests.stream(path, query, silence=SILENCE_SECONDS) as lines:
                async for line in lines:
                    yield line

        wait = closable_wait(self._closed)
        events = list_and_watch(listing, streaming, backoff=Backoff(self._random), wait=wait)
        async with aclosing(events):
            async for event in events:
                yield event

    async def create(self, resource: Resource, obj: Object) -> Object:
        path = path_of(resource, obj["metadata"].get("namespace"))
        return await self._requests.call("POST", path, query={"fieldManager": FIELD_MANAGER}, body=obj)

    async def apply(
        self, resource: Resource, obj: Object, *, manager: str = FIELD_MANAGER, force: bool = True, strict: bool = False
    ) -> Object:
        metadata = obj["metadata"]
        query = {
            "fieldManager": manager,
            "force": "true" if force else "false",
            "fieldValidation": "Strict" if strict else "Ignore",
        }
        path = path_of(resource, metadata.get("namespace"), metadata["name"])
        return await self._requests.call("PATCH", path, query=query, body=obj, content_type=APPLY_PATCH)

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        return await self._merge_patch(path_of(resource, namespace, name), patch)

    async def patch_status(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        return await self._merge_patch(path_of(resource, namespace, name, "status"), patch)

    async def _merge_patch(self, path: str, patch: Object) -> Object:
        query = {"fieldManager": FIELD_MANAGER}
        return await self._requests.call("PATCH", path, query=query, body=patch, content_type=MERGE_PATCH)

    async def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
    ) -> None:
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        if any(preconditions.values()):
            options["preconditions"] = {field: value for field, value in preconditions.items() if value}
        try:
            await self._requests.call("DELETE", path_of(resource, namespace, name), body=options)
        except MissingKind:
            raise
        except NotFoundError:
            return

    async def close(self) -> None:
        self._closed.set()
        await self._requests.close()
