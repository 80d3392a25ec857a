"""The core of every simulator: an HTTP server with a request log, a fault script, a state that can be saved, and TLS.

A simulator is built on it by saying what its routes, its state and its errors are:

    class Greeter(Simulator):
        def __init__(self, **options: Unpack[ServerOptions]) -> None:
            super().__init__(**options)
            self.names: list[str] = []

        def routes(self) -> Iterable[web.RouteDef]:  # aiohttp routes; handlers take web.Request
            yield web.post("/hello/{name}", self._hello)  # web.route("*", "/{path:.*}", ...) is fine too

        def sim_routes(self) -> Iterable[web.RouteDef]:  # more routes under /_sim/ (never logged or faulted)
            return ()

        def initial_state(self) -> dict[str, Any]: ...       # JSON; what reset() goes back to
        def save_state(self) -> dict[str, Any]: ...          # JSON; the whole state now
        def load_state(self, state: Mapping[str, Any]) -> None: ...

        async def _hello(self, request: web.Request) -> web.StreamResponse:
            notes(request)["greeted"] = request.match_info["name"]      # shown in the request log
            return json_answer(200, {"hello": request.match_info["name"]})

    async with Greeter(tls=True) as greeter:                 # or: await greeter.start() ... await greeter.stop()
        greeter.url                                          # https://127.0.0.1:PORT
        greeter.faults.add(method="POST", path="/hello", drop="after")
        greeter.observers.append(lambda entry: print(entry.method, entry.path, entry.status))

Further hooks: `before(request)` may answer in a handler's place (authentication, rate limits), `decorate(request,
response)` adds headers to every answer, `error_answer(request, status, message)` shapes 404, 405, 500 and what handlers
raise as web.HTTPException. The order for one request: fault (delay, drop before, status) -> before -> handler ->
decorate -> log -> observers -> fault (drop after) -> the answer leaves. `reset()` is `load_state(initial_state())` and
an empty log; a simulator's __init__ leaves the same state.

Routes that every simulator has: `GET /_sim/requests?method=&path=`, `GET|POST|DELETE /_sim/faults`, `POST /_sim/reset`,
`GET|PUT /_sim/state`.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from mlgate_sim.certificates import CertificateAuthority, server_context
from mlgate_sim.faults import Fault, FaultScript, FaultScriptError, faults_from_json
from mlgate_sim.requestlog import LoggedRequest, RequestLog, readable_body, redacted_headers

Observer = Callable[[LoggedRequest], Awaitable[None] | None]
LARGEST_BODY = 64 * 1024 * 1024  # bytes
NOTES = web.RequestKey("notes", dict[str, Any])
STOP_GRACE = 0.2  # seconds that requests under way get when the server stops


class DropAnswer(Exception):
    """Raised by an observer: the request has taken effect, its answer must not arrive."""


class ServerOptions(TypedDict, total=False):
    """Options of every simulator.

    host: where it listens and how it is called, `127.0.0.1` (default) or `localhost`, or a wildcard such as `0.0.0.0`.
    port: 0 (default) takes a free one. tls: serve TLS. ca_out: where the CA's certificate is written (default: a
    temporary file that goes when the server stops). host_names: further names for the certificate. clock: UNIX seconds.
    """

    host: str
    port: int
    tls: bool
    ca_out: Path | None
    host_names: Iterable[str]
    clock: Callable[[], float]


class Simulator:
    """An HTTP server that plays an outside service. See the module's text for how to build one."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: bool = False,
        ca_out: Path | None = None,
        host_names: Iterable[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.host = host
        self.port = port
        self.tls = tls
        self.clock = clock
        self.requests = RequestLog()
        self.faults = FaultScript()
        self.observers: list[Observer] = []
        self.ca_file: Path | None = None
        self._ca_out = ca_out
        self._host_names = tuple(host_names)
        self._runner: web.AppRunner | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    # What a simulator says about itself.

    def routes(self) -> Iterable[web.RouteDef]:
        """The routes of the service that is played."""
        return ()

    def sim_routes(self) -> Iterable[web.RouteDef]:
        """Further routes under `/_sim/`."""
        return ()

    def initial_state(self) -> dict[str, Any]:
        """The state that `reset` goes back to, as JSON."""
        return {}

    def save_state(self) -> dict[str, Any]:
        """The whole state as JSON."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Replaces the whole state by one that `save_state` gave. Raises ValueError or KeyError on anything else."""

    async def before(self, request: web.Request) -> web.StreamResponse | None:
        """Answers in the handler's place, or returns None."""
        return None

    def decorate(self, request: web.Request, response: web.StreamResponse) -> None:
        """Adds headers to an answer that has not been sent yet."""

    def error_answer(self, request: web.Request, status: int, message: str) -> web.StreamResponse:
        """The service's own shape of an error that no handler made."""
        return json_answer(status, {"error": message})

    # Running.

    @property
    def url(self) -> str:
        """Where it answers, without a trailing slash. Known once it has started."""
        return f"{'https' if self.tls else 'http'}://{self.authority}"

    @property
    def authority(self) -> str:
        """`host:port` as clients on this machine reach it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(self.host, self.host)
        return f"{host}:{self.port}"

    async def start(self) -> None:
        """Starts to listen, in the running event loop. Raises OSError when the port is taken."""
        app = web.Application(middlewares=[self._middleware()], client_max_size=LARGEST_BODY)
        app.add_routes([*self._own_routes(), *self.sim_routes(), *self.routes()])
        context = None
        if self.tls:
            self._folder = tempfile.TemporaryDirectory(prefix="mlgate-sim-")
            folder = Path(self._folder.name)
            authority = CertificateAuthority()
            self.ca_file = self._ca_out or folder / "ca.pem"
            self.ca_file.write_bytes(authority.pem)
            context = server_context(authority, self._host_names, folder)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_GRACE)
        await self._runner.setup()
        # "localhost" would be two sockets, each with a free port of its own.
        bind = "127.0.0.1" if self.host == "localhost" else self.host
        await web.TCPSite(self._runner, bind, self.port, ssl_context=context).start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stops listening and cuts what is still connected. The state stays, so it can be started again."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def reset(self) -> None:
        """Back to the initial state, with an empty request log and no faults. Observers stay."""
        self.load_state(self.initial_state())
        self.requests.clear()
        self.faults.clear()

    # One request.

    def _middleware(self) -> Middleware:
        @web.middleware
        async def each_request(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.startswith("/_sim/"):
                return await handler(request)
            return await self._serve(request, handler)

        return each_request

    async def _serve(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        entry = self._entry(request, await request.read())
        fault = self.faults.next_for(request.method, request.path)
        if fault is not None:
            entry.notes["fault"] = describe(fault)
            if fault.delay_seconds:
                await asyncio.sleep(fault.delay_seconds)
        if fault is not None and fault.drop == "before":
            await self._finish(entry)
            return cut(request)
        if fault is not None and fault.status is not None and not fault.applies:
            response: web.StreamResponse = fault_answer(fault)
        else:
            response = await self._effect(request, handler, entry)
            if fault is not None and fault.status is not None:
                entry.notes["effect_status"] = response.status
                response = fault_answer(fault)
        if fault is not None and fault.drop == "after":
            entry.notes["effect_status"] = response.status
            await self._finish(entry)
            return cut(request)
        entry.status = response.status
        try:
            await self._finish(entry)
        except DropAnswer:
            entry.notes["effect_status"], entry.status = entry.status, None
            return cut(request)
        return response

    async def _effect(self, request: web.Request, handler: Handler, entry: LoggedRequest) -> web.StreamResponse:
        try:
            response = await self.before(request) or await handler(request)
        except web.HTTPException as error:
            response = self.error_answer(request, error.status, error.text or error.reason)
        except Exception as error:  # a defect of the simulator must show in the log, not only as a 500 far away
            entry.notes["exception"] = traceback.format_exc()
            response = self.error_answer(request, 500, f"{type(error).__name__}: {error}")
        if not response.prepared:
            self.decorate(request, response)
        return response

    def _entry(self, request: web.Request, raw: bytes) -> LoggedRequest:
        entry = LoggedRequest(
            number=self.requests.next_number(),
            time=self.clock(),
            method=request.method,
            host=request.host,
            path=request.path,
            raw_path=request.rel_url.raw_path,
            query={name: request.query.getall(name) for name in request.query},
            headers=redacted_headers(request.headers.items()),
            body=readable_body(raw, request.content_type),
        )
        request[NOTES] = entry.notes
        return entry

    async def _finish(self, entry: LoggedRequest) -> None:
        self.requests.add(entry)
        for observer in list(self.observers):
            outcome = observer(entry)
            if inspect.isawaitable(outcome):
                await outcome

    # The simulator's own routes.

    def _own_routes(self) -> Iterable[web.RouteDef]:
        yield web.get("/_sim/requests", self._get_requests)
        yield web.get("/_sim/faults", self._get_faults)
        yield web.post("/_sim/faults", self._add_faults)
        yield web.delete("/_sim/faults", self._clear_faults)
        yield web.post("/_sim/reset", self._reset)
        yield web.get("/_sim/state", self._get_state)
        yield web.put("/_sim/state", self._put_state)

    async def _get_requests(self, request: web.Request) -> web.StreamResponse:
        try:
            found = self.requests.matching(request.query.get("method"), request.query.get("path"))
        except re.error as error:
            return json_answer(400, {"error": f"path is not a regular expression: {error}"})
        return json_answer(200, [entry.as_json() for entry in found])

    async def _get_faults(self, request: web.Request) -> web.StreamResponse:
        return json_answer(200, self.faults.as_json())

    async def _add_faults(self, request: web.Request) -> web.StreamResponse:
        try:
            added = [self.faults.add(fault) for fault in faults_from_json(await request.json())]
        except (FaultScriptError, ValueError, TypeError) as error:
            return json_answer(400, {"error": str(error)})
        return json_answer(201, [fault.as_json() for fault in added])

    async def _clear_faults(self, request: web.Request) -> web.StreamResponse:
        self.faults.clear()
        return web.Response(status=204)

    async def _reset(self, request: web.Request) -> web.StreamResponse:
        self.reset()
        return web.Response(status=204)

    async def _get_state(self, request: web.Request) -> web.StreamResponse:
        return json_answer(200, self.save_state())

    async def _put_state(self, request: web.Request) -> web.StreamResponse:
        try:
            self.load_state(await request.json())
        except (KeyError, TypeError, ValueError) as error:
            return json_answer(400, {"error": f"not a state of this simulator: {type(error).__name__}: {error}"})
        return web.Response(status=204)


def notes(request: web.Request) -> dict[str, Any]:
    """What the request log shows beside this request."""
    return request[NOTES]


def json_answer(status: int, body: object, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(status=status, text=json.dumps(body), content_type="application/json", headers=headers)


def cut(request: web.Request) -> web.StreamResponse:
    """Cuts the connection; the response is never written because there is nowhere to write it to."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def fault_answer(fault: Fault) -> web.Response:
    headers = {"Content-Type": "application/json; charset=utf-8", **fault.headers}
    if fault.body is None:
        return web.Response(status=fault.status or 500, headers=headers)
    text = fault.body if isinstance(fault.body, str) else json.dumps(fault.body)
    return web.Response(status=fault.status or 500, body=text.encode(), headers=headers)


def describe(fault: Fault) -> str:
    parts = [f"delay {fault.delay_seconds} s"] if fault.delay_seconds else []
    if fault.status is not None:
        parts.append(f"status {fault.status}" + (" after the effect" if fault.applies else ""))
    if fault.drop is not None:
        parts.append(f"drop {fault.drop}")
    return ", ".join(parts)
