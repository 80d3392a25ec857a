"""The tests' own kind (widget.yaml) and how they wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from mlgate.store.protocol import Object, Resource

WIDGETS = Resource("test.mlgate.dev", "v1", "Widget", "widgets")


def widget(namespace: str, name: str = "w", /, *, metadata: Object | None = None, **spec: Any) -> Object:
    """A Widget with a title."""
    return {
        "apiVersion": "test.mlgate.dev/v1",
        "kind": "Widget",
        "metadata": {"name": name, "namespace": namespace, **(metadata or {})},
        "spec": {"title": "t", **spec},
    }


async def eventually(check: Callable[[], Awaitable[Any]], seconds: float = 60.0) -> Any:
    """The first true answer of `check`, which is asked until then."""
    async with asyncio.timeout(seconds):
        while not (answer := await check()):
            await asyncio.sleep(0.05)
        return answer


def version(obj: Object) -> str:
    return str(obj["metadata"]["resourceVersion"])
