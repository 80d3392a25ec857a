"""A gateway on the real Envoy with what surrounds it: an issuer that signs tokens, an upstream that records, a
caller."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import aiohttp
import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mlgate.gateway.bootstrap import Bootstrap, bootstrap
from mlgate.gateway.envoy import EnvoyProcess
from mlgate.gateway.model import (
    Certificate,
    Credential,
    Gateway,
    Listener,
    PathType,
    Route,
    Rule,
    Tenant,
    Upstream,
)
from mlgate.gateway.server import GatewayServer, Published
from mlgate.sensitive import Sensitive

AUDIENCE = "https://fraud.models.example.com"
HOST = "fraud.models.example.com"
KEY = "upstream-key-CANARY-1"
DEADLINE = 20.0


async def eventually(condition: Callable[[], Any] | Callable[[], Awaitable[Any]], what: str) -> Any:
    """Waits for a condition, not for a time; says what did not come."""
    last: Any = None
    try:
        async with asyncio.timeout(DEADLINE):
            while True:
                last = condition()
                if asyncio.iscoroutine(last):
                    last = await last
                if last:
                    return last
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"{what} did not come within {DEADLINE} s; last seen: {last!r}") from None


@lru_cache
def _private_key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Issuer:
    """A tenant: signs with ``kid``; its JWKS has every key in ``published``."""

    url: str
    kid: str = "k1"
    published: list[str] = field(default_factory=lambda: ["k1"])

    def key(self, kid: str) -> rsa.RSAPrivateKey:
        return _private_key(f"{self.url}:{kid}")

    def public_pem(self) -> bytes:
        encoding, shape = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key(self.kid).public_key().public_bytes(encoding, shape)

    @property
    def jwks(self) -> dict[str, Any]:
        keys = []
        for kid in self.published:
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key(kid).public_key()))
            keys.append({**public, "kid": kid, "use": "sig", "alg": "RS256"})
        return {"keys": keys}

    def claims(self, **claims: Any) -> dict[str, Any]:
        now = int(time.time())
        usual = {
            "iss": self.url,
            "sub": "checkout@clients",
            "azp": "checkout",
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 600,
            "permissions": ["predict:fraud"],
        }
        return {name: value for name, value in {**usual, **claims}.items() if value is not None}

    def token(self, **claims: Any) -> str:
        return jwt.encode(self.claims(**claims), self.key(self.kid), "RS256", headers={"kid": self.kid})


@dataclass
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Recorder:
    """An upstream that keeps what it gets. ``accepts`` None takes any credential."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.accepts: set[str] | None = None
        self.status = 200
        self.port = 0
        self.delay = 0.0
        self.release = asyncio.Event()

    async def start(self) -> None:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        self.release.set()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append(Seen(request.method, request.path_qs, headers, await request.read()))
        if self.accepts is not None and headers.get("authorization") not in self.accepts:
            return web.Response(status=401, headers={"www-authenticate": 'Bearer realm="azureml"'}, text="bad key")
        if request.path.endswith("/stream"):
            response = web.StreamResponse(headers={"content-type": "text/event-stream"})
            await response.prepare(request)
            await response.write(b"data: one\n\n")
            await self.release.wait()
            await response.write(b"data: two\n\n")
            return response
        inside = {"azureml-model-deployment": "blue", "x-ms-server-version": "7", "set-cookie": "a=b"}
        return web.json_response({"score": 0.5}, status=self.status, headers=inside)


class World:
    """``route`` and ``publish`` write the wish, ``settled`` waits until Envoy has it, ``call`` is a caller."""

    name = "ml/public"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.issuer = Issuer("https://main.auth0.test/")
        self.upstream = Recorder()
        self.server = GatewayServer()
        self.credentials: dict[str, Credential | Certificate] = {"ml/key": Credential("ml/key", Sensitive(KEY))}
        self.log = folder / "access.log"
        self.gateway = Gateway(
            name=self.name,
            listeners=(Listener(port=0, address="127.0.0.1"),),
            access_log=str(self.log),
            public_scheme="https",
        )
        self.port = 0

    @property
    def tenant(self) -> Tenant:
        return Tenant("ml/main", self.issuer.url, self.issuer.jwks)

    def route(self, name: str = "ml/fraud", **different: Any) -> Route:
        score = Rule("/score", PathType.EXACT, ("POST",), ("predict:fraud",))
        upstream = Upstream(f"http://127.0.0.1:{self.upstream.port}", credential="ml/key")
        usual = Route(name, (HOST,), upstream, (score,), tenant=self.tenant, audience=AUDIENCE)
        return replace(usual, **different)

    async def start(self) -> None:
        await self.upstream.start()
        await self.server.start()
        self.envoy = EnvoyProcess(self.bootstrap(), self.folder / "envoy")
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    def bootstrap(self, node: str = "proxy-0") -> dict[str, Any]:
        return bootstrap(Bootstrap(self.name, node, "127.0.0.1", self.server.port))

    async def stop(self) -> None:
        await self.session.close()
        await self.envoy.stop(drain=False)
        await self.server.stop()
        await self.upstream.stop()

    def publish(self, *routes: Route, **different: Any) -> Published:
        self.gateway = replace(self.gateway, routes=routes, **different)
        return self.server.publish(self.gateway, self.credentials)

    async def settled(self) -> None:
        def current() -> bool:
            state = self.server.state(self.name)
            return state.acknowledged is not None and state.acknowledged == state.version

        await eventually(current, f"acknowledgement {self.server.state(self.name)}")

    async def serve(self, *routes: Route, **different: Any) -> Published:
        """Publishes, and starts Envoy if it is not there yet; returns when Envoy has it."""
        published = self.publish(*routes, **different)
        if not self.envoy.running:
            await self.envoy.start()
        await self.settled()
        if not self.port:
            self.port = (await eventually(self.envoy.listener_ports, "the listener"))["http"]
        return published

    async def call(
        self,
        path: str = "/score",
        *,
        token: str | None = None,
        method: str = "POST",
        host: str = HOST,
        body: Any = b"{}",
        headers: Any = (),
        session: aiohttp.ClientSession | None = None,
    ) -> Answer:
        sent = [("Host", host), *(headers.items() if isinstance(headers, dict) else headers)]
        if token:
            sent.append(("Authorization", f"Bearer {token}"))
        url = f"http://127.0.0.1:{self.port}{path}"
        async with (session or self.session).request(method, url, data=body, headers=sent) as response:
            text = await response.text()
            return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, text)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def challenge(self) -> str:
        return self.headers.get("www-authenticate", "")

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers.get("content-type", "").startswith("application/problem+json"), self
        return dict(json.loads(self.text))
