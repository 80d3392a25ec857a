"""What `mlgate get`, `describe` and `token` ask a running `mlgate dev`: JSON over a Unix socket that only its user can
open. Values of Secrets never leave it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ...store.protocol import EVENTS, SECRETS, Object, Resource, Store, StoreError
from .manifests import RESOURCES

STATE_FILE = "dev.json"
HIDDEN = "***"
READABLE: Mapping[str, Resource] = {each.kind: each for each in (*RESOURCES.values(), EVENTS)}

Tokens = Callable[[str, str, str | None], Awaitable[str]]
"""Namespace and name of a Secret, and an audience or None: an access token. Raises ValueError with the reason."""


class NotRunning(Exception):
    """No `mlgate dev` answers here."""


class LookupServer:
    """Serves until stopped; `folder` gets the state file that says where."""

    def __init__(self, store: Store, folder: Path, tokens: Tokens, about: Mapping[str, Any]) -> None:
        self._store, self._folder, self._tokens, self._about = store, folder, tokens, about
        self._place = ""
        self._runner: Any = None

    async def start(self) -> None:
        from aiohttp import web  # noqa: PLC0415 - `mlgate get` reads this module too

        app = web.Application()
        app.router.add_get("/list", self._answered(self._list))
        app.router.add_get("/object", self._answered(self._object))
        app.router.add_get("/token", self._answered(self._token))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        # A folder of our own: paths of sockets may not be longer than about 100 characters.
        self._place = tempfile.mkdtemp(prefix="mlgate-dev-")
        path = str(Path(self._place) / "socket")
        await web.UnixSite(self._runner, path).start()
        self._folder.mkdir(parents=True, exist_ok=True)
        state = {"pid": os.getpid(), "socket": path, **self._about}
        (self._folder / STATE_FILE).write_text(json.dumps(state, indent=1) + "\n")

    async def stop(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self._folder / STATE_FILE).unlink()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._place:
            shutil.rmtree(self._place, ignore_errors=True)

    def _answered(self, handler: Callable[[Mapping[str, str]], Awaitable[Any]]) -> Any:
        from aiohttp import web  # noqa: PLC0415

        async def answer(request: web.Request) -> web.Response:
            try:
                return web.json_response(await handler(request.query))
            except (StoreError, ValueError, KeyError) as error:
                words = error.message if isinstance(error, StoreError) else str(error)
                return web.json_response({"error": words}, status=400)

        return answer

    async def _list(self, query: Mapping[str, str]) -> list[Object]:
        found = await self._store.list(READABLE[query["kind"]], query.get("namespace"))
        return [redacted(obj) for obj in found]

    async def _object(self, query: Mapping[str, str]) -> Object | None:
        obj = await self._store.get(READABLE[query["kind"]], query.get("namespace", ""), query["name"])
        return redacted(obj) if obj else None

    async def _token(self, query: Mapping[str, str]) -> str:
        return await self._tokens(query["namespace"], query["name"], query.get("audience"))


def redacted(obj: Object) -> Object:
    """A Secret without its values."""
    if obj.get("kind") != SECRETS.kind:
        return obj
    return {**obj, "data": dict.fromkeys(obj.get("data") or {}, HIDDEN)}


class DevSource:
    """The other side: reads objects from the `mlgate dev` that this folder's state file names."""

    def __init__(self, folder: Path) -> None:
        try:
            self.about: Mapping[str, Any] = json.loads((folder / STATE_FILE).read_text())
        except (OSError, ValueError) as error:
            raise NotRunning(f"there is no {folder / STATE_FILE}") from error

    async def list(self, resource: Resource, namespace: str | None = None) -> list[Object]:
        return list(self._ask("/list", kind=resource.kind, namespace=namespace))

    async def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        found: Object | None = self._ask("/object", kind=resource.kind, namespace=namespace, name=name)
        return found

    async def token(self, namespace: str, name: str, audience: str | None) -> str:
        """Raises StoreError with the reason."""
        return str(self._ask("/token", namespace=namespace, name=name, audience=audience))

    async def close(self) -> None:
        return

    def _ask(self, path: str, **query: str | None) -> Any:
        given = {name: value for name, value in query.items() if value is not None}
        connection = _UnixConnection(str(self.about["socket"]))
        try:
            connection.request("GET", f"{path}?{urlencode(given)}")
            answer = connection.getresponse()
            body = json.loads(answer.read())
        except OSError as error:
            raise NotRunning("the mlgate dev that wrote it has ended") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise StoreError(str(body.get("error")))
        return body


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
