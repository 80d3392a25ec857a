"""kopf embedded: what it rings, and that it comes back when a watch ends it.

A real API server cannot be told to send a watch ERROR, so a few lines play one here: discovery, an empty or given list,
and watches from a script.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mlgate.api import MODEL_GATEWAY
from mlgate.shell.doorbells import KopfDoorbells, kopf_settings
from mlgate.store.cluster import ClusterStore
from mlgate.store.protocol import SECRETS, Object

RESOURCES = (MODEL_GATEWAY.resource, SECRETS)


class Script:
    """`gateways` is what is listed. Each watch of gateways sends the next of `watches` and then stays open."""

    def __init__(self) -> None:
        self.gateways: list[Object] = []
        self.watches: list[list[dict[str, Any]]] = []
        self.writes: list[str] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = f"/{request.match_info['path']}"
        if request.method != "GET":
            self.writes.append(f"{request.method} {path}")
        if (found := self._discovery().get(path)) is not None:
            return web.json_response(found)
        ours = path.endswith("/modelgateways")
        if request.query.get("watch"):
            return await self._watch(request, self.watches.pop(0) if ours and self.watches else [])
        items = self.gateways if ours else []
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": items})

    async def _watch(self, request: web.Request, events: list[dict[str, Any]]) -> web.StreamResponse:
        stream = web.StreamResponse()
        await stream.prepare(request)
        for event in events:
            await stream.write(json.dumps(event).encode() + b"\n")
        await asyncio.sleep(3600)
        return stream

    @staticmethod
    def _discovery() -> dict[str, Any]:
        def listed(group_version: str, **plurals: str) -> dict[str, Any]:
            verbs = ["get", "list", "watch", "patch"]
            resources = [
                {"name": plural, "kind": kind, "singularName": "", "namespaced": kind != "Namespace", "verbs": verbs}
                for kind, plural in plurals.items()
            ]
            return {"kind": "APIResourceList", "groupVersion": group_version, "resources": resources}

        version = {"groupVersion": "mlgate.dev/v1alpha1", "version": "v1alpha1"}
        group = {"name": "mlgate.dev", "versions": [version], "preferredVersion": version}
        return {
            "/version": {},
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "groups": [group]},
            "/api/v1": listed("v1", Secret="secrets", Namespace="namespaces", Event="events"),
            "/apis/mlgate.dev/v1alpha1": listed("mlgate.dev/v1alpha1", ModelGateway="modelgateways"),
        }


def gateway(name: str, version: str = "1") -> Object:
    return {
        "apiVersion": "mlgate.dev/v1alpha1",
        "kind": "ModelGateway",
        "metadata": {"name": name, "namespace": "ml", "uid": f"uid-{name}", "resourceVersion": version},
    }


class Heard:
    def __init__(self) -> None:
        self.rung: list[tuple[str, str]] = []
        self.fails_on = ""

    def __call__(self, event: str, obj: Object) -> None:
        self.rung.append((event, obj["metadata"]["name"]))
        if obj["metadata"]["name"] == self.fails_on:
            raise RuntimeError("an odd object")

    async def until(self, *wanted: tuple[str, str]) -> None:
        async with asyncio.timeout(30):
            while not set(wanted) <= set(self.rung):
                await asyncio.sleep(0.01)


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    made = Script()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def store(script: Script, tmp_path: Path) -> AsyncIterator[ClusterStore]:
    named = {"name": "test", "cluster": {"server": script.url}}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [named],
        "users": [{"name": "test", "user": {"token": "anything"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(document))
    made = await ClusterStore.connect(tmp_path / "kubeconfig")
    yield made
    await made.close()


async def test_what_is_there_and_what_comes_is_rung_and_nothing_is_written(script: Script, store: ClusterStore) -> None:
    script.gateways = [gateway("there")]
    script.watches = [
        [{"type": "ADDED", "object": gateway("new", "2")}, {"type": "DELETED", "object": gateway("there", "3")}]
    ]
    heard = Heard()
    doorbells = KopfDoorbells(store, RESOURCES, heard)
    doorbells.start()
    await heard.until(("ADDED", "there"), ("ADDED", "new"), ("DELETED", "there"))
    assert doorbells.problem is None
    await doorbells.stop()
    assert script.writes == []


async def test_a_watch_that_breaks_kopf_is_started_again_and_misses_nothing(
    script: Script, store: ClusterStore
) -> None:
    error = {"type": "ERROR", "object": {"kind": "Status", "code": 500, "message": "etcdserver: leader changed"}}
    script.gateways = [gateway("there")]
    script.watches = [[error], [{"type": "ADDED", "object": gateway("new", "2")}]]
    heard, restarted = Heard(), asyncio.Event()
    doorbells = KopfDoorbells(store, RESOURCES, heard)
    doorbells.on_restart = restarted.set
    doorbells.start()
    await asyncio.wait_for(restarted.wait(), 30)
    await heard.until(("ADDED", "new"))
    assert doorbells.restarts == 1
    assert doorbells.problem is None
    assert heard.rung.count(("ADDED", "there")) == 2, "it listed again"
    await doorbells.stop()


async def test_our_own_tasks_survive_the_end_of_kopf(script: Script, store: ClusterStore) -> None:
    doorbells = KopfDoorbells(store, RESOURCES, Heard())
    doorbells.start()
    ours = asyncio.create_task(asyncio.sleep(3600))
    await asyncio.sleep(0)
    await doorbells.stop()
    assert not ours.done()
    ours.cancel()


async def test_one_object_that_cannot_be_taken_in_does_not_silence_the_rest(
    script: Script, store: ClusterStore
) -> None:
    script.gateways = [gateway("odd"), gateway("good")]
    heard = Heard()
    heard.fails_on = "odd"
    doorbells = KopfDoorbells(store, RESOURCES, heard)
    doorbells.start()
    await heard.until(("ADDED", "odd"), ("ADDED", "good"))
    await doorbells.stop()


def test_kopf_posts_nothing_scans_nothing_and_never_gives_up() -> None:
    settings = kopf_settings()
    assert not settings.posting.enabled
    assert settings.scanning.disabled
    assert settings.process.ultimate_exiting_timeout is None
    pauses = iter(settings.networking.error_backoffs)  # type: ignore[arg-type]
    some = [next(pauses) for _ in range(100)]
    assert max(some) <= 30 and min(some) > 0
