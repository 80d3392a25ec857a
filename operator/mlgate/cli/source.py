"""Where `mlgate get` reads: a cluster, or the `mlgate dev` of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import click

from ..api import KINDS
from ..store.protocol import EVENTS, NAMESPACES, SECRETS, Object, Resource, StoreError
from .dev.lookup import DevSource, NotRunning


class Source(Protocol):
    """Reads of a store."""

    async def list(self, resource: Resource, namespace: str | None = None) -> list[Object]: ...
    async def get(self, resource: Resource, namespace: str, name: str) -> Object | None: ...
    async def close(self) -> None: ...


@asynccontextmanager
async def source(kubeconfig: Path | None, context: str | None, state: Path) -> AsyncIterator[Source]:
    """A cluster when a kubeconfig or a context is named, else the running `mlgate dev`. Raises ClickException."""
    if kubeconfig is None and context is None:
        try:
            yield DevSource(state)
        except NotRunning as reason:
            raise click.ClickException(
                f"No mlgate dev runs in this folder ({reason}). Start one, go to its folder, or say --kubeconfig FILE"
                " or --context NAME to read a cluster."
            ) from reason
        except StoreError as error:
            raise click.ClickException(error.message) from error
        return
    from ..store.cluster import ClusterConfigError, ClusterStore  # noqa: PLC0415 - half a second to import

    try:
        store = await ClusterStore.connect(kubeconfig, context)
        try:
            yield store
        finally:
            await store.close()
    except (ClusterConfigError, StoreError) as error:
        raise click.ClickException(str(error)) from error


def resource_named(word: str) -> Resource:
    """A kind by any of its names, as kubectl takes them. Raises BadParameter."""
    wanted = word.lower().removesuffix(".mlgate.dev")
    for kind in KINDS.values():
        if wanted in (kind.singular, kind.plural, *kind.short_names):
            return kind.resource
    for resource, short in ((SECRETS, ""), (EVENTS, "ev"), (NAMESPACES, "ns")):
        if wanted in (resource.kind.lower(), resource.plural, short):
            return resource
    known = ", ".join(f"{kind.singular} ({', '.join(kind.short_names)})" for kind in KINDS.values())
    raise click.BadParameter(f"{word!r} is no kind of mlgate. Known: {known}, secret, event, namespace.")
