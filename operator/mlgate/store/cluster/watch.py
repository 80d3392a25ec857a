"""List, then watch, for as long as anybody listens (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes).

The API server ends every watch sooner or later, and forgets old resourceVersions (410). Bookmarks keep ours young;
after a gap the list is read again and compared with what was reported, so that nothing that ended goes unnoticed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from ..protocol import Object, StoreError, Unavailable, WatchEvent
from ..reported import Reported
from .answers import Expired, error_for

log = logging.getLogger(__name__)

WATCH_SECONDS = 290
"""How long the API server is asked to keep one watch; below the idle limit of common load balancers (300 s)."""
SILENCE_SECONDS = 130.0
"""A bookmark comes about every minute, so two missing ones mean a dead connection."""
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 30.0

Listing = Callable[[], Awaitable[tuple[list[Object], str]]]
Streaming = Callable[[str], AsyncGenerator[Object, None]]


class Backoff:
    """Exponential with full jitter, so that many watches do not come back together."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._failures = 0

    def succeeded(self) -> None:
        self._failures = 0

    def next(self) -> float:
        """Seconds to wait before another try."""
        ceiling = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(self._failures, 10))
        self._failures += 1
        return ceiling * self._random()


async def list_and_watch(
    listing: Listing,
    streaming: Streaming,
    *,
    backoff: Backoff,
    wait: Callable[[float], Awaitable[bool]],
) -> AsyncGenerator[WatchEvent, None]:
    """Events until `wait` says (True) that the store is closed.

    Raises Forbidden and NotFound of the first listing; later ones are waited out, as credentials rotate and CRDs are
    reinstalled.
    """
    reported = Reported()
    version: str | None = None
    listed_once = False
    while True:
        try:
            if version is None:
                objects, version = await listing()
                listed_once = True
                for event in reported.listed(objects):
                    yield event
            backoff.succeeded()
            async with aclosing(streaming(version)) as stream:
                async for raw in stream:
                    kind, obj = raw["type"], raw["object"]
                    if kind == "ERROR":
                        raise error_for(int(obj.get("code", 500)), str(obj.get("message", "")))
                    version = obj["metadata"]["resourceVersion"]
                    if kind != "BOOKMARK":
                        yield reported.changed(kind, obj)
            if await wait(0):
                return
        except Expired:
            version = None
        except StoreError as error:
            if not listed_once and not isinstance(error, Unavailable):
                raise
            seconds = backoff.next()
            log.debug("watch interrupted, again in %.1f s: %s", seconds, error)
            if await wait(seconds):
                return


def closable_wait(closed: asyncio.Event) -> Callable[[float], Awaitable[bool]]:
    """Wait up to so many seconds; True as soon as `closed` is set."""

    async def wait(seconds: float) -> bool:
        if seconds > 0 and not closed.is_set():
            try:
                await asyncio.wait_for(closed.wait(), seconds)
            except TimeoutError:
                return False
        return closed.is_set()

    return wait


def typed(obj: dict[str, Any], api_version: str, kind: str) -> Object:
    """Lists of built-in kinds leave apiVersion and kind out of their items."""
    if "kind" in obj:
        return obj
    return {"apiVersion": api_version, "kind": kind, **obj}
