"""A world whose gateway is a real Envoy, in front of an endpoint with two deployments, and callers that never stop.

The route is public: what is looked at here is what happens behind the gateway. Time is pushed for the operator and for
Azure; Envoy and the callers live in the machine's.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from mlgate.engine import objects
from mlgate.gateway.bootstrap import Bootstrap, bootstrap
from mlgate.gateway.envoy import EnvoyProcess
from mlgate.kinds.gateway.assembly import Surroundings
from mlgate.store.protocol import Object

from .manifests import azure_side, deployment, endpoint, ours
from .world import World

HOST = "fraud.example.com"
SECRET = "fraud-credential"


class Callers:
    """Call the route without a pause until told to stop, and count what they got."""

    def __init__(self, url: str, count: int = 8) -> None:
        self._url, self._count = url, count
        self.answers: Counter[str] = Counter()
        """By status, or by the name of the exception."""
        self.deployments: Counter[str] = Counter()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    @property
    def total(self) -> int:
        return sum(self.answers.values())

    @property
    def failed(self) -> int:
        return self.total - self.answers["200"]

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        self._tasks = [asyncio.create_task(self._call()) for _ in range(self._count)]

    async def stop(self) -> None:
        """Lets the calls under way end."""
        self._stopping = True
        await asyncio.gather(*self._tasks)
        await self._session.close()

    async def more(self, number: int = 50) -> None:
        """Waits for so many calls more."""
        enough = self.total + number
        while self.total < enough:
            await asyncio.sleep(0.01)

    async def _call(self) -> None:
        while not self._stopping:
            try:
                async with self._session.post(self._url, json={"amount": 5}, headers={"Host": HOST}) as answer:
                    body = await answer.json(content_type=None)
                    self.answers[str(answer.status)] += 1
                    self.deployments[str(body.get("deployment"))] += 1
            except (aiohttp.ClientError, ValueError) as error:
                self.answers[type(error).__name__] += 1


class Served:
    """`world` with Envoy on `url`."""

    def __init__(self, world: World, envoy: EnvoyProcess) -> None:
        self.world, self.envoy = world, envoy
        self.url = ""

    @asynccontextmanager
    async def callers(self) -> AsyncIterator[Callers]:
        """Callers for the length of the block; its end waits for their last answers."""
        found = Callers(self.url)
        await found.start()
        try:
            await found.more()
            yield found
        finally:
            await found.stop()

    async def apply(self, mode: str = "Key", *, weights: dict[str, int], **secret: Any) -> None:
        """The endpoint as it is to be."""
        said = {"authMode": mode, "traffic": weights, "credentialsSecret": {"name": SECRET, **secret}}
        await self.world.apply(endpoint("fraud", **said))

    async def endpoint(self) -> Object:
        """Its status."""
        found: Object = objects.status(await self.world.get("AzureMLOnlineEndpoint", "fraud"))
        return found

    async def shows(self, holds: Callable[[Object], Any], what: str) -> None:
        """Waits until the endpoint's status is so, and it is Ready and Synced."""
        await self.world.until(lambda: self._shows(holds), what, patience=30.0)

    def _shows(self, holds: Callable[[Object], Any]) -> Coroutine[Any, Any, bool]:
        async def so() -> bool:
            obj = await self.world.get("AzureMLOnlineEndpoint", "fraud")
            return objects.is_ready(obj) and bool(holds(objects.status(obj)))

        return so()


@asynccontextmanager
async def served(world: World, folder: Path, mode: str = "Key") -> AsyncIterator[Served]:
    """The endpoint behind Envoy, all of its traffic at deployment blue."""
    ca = Path(str(world.azure.ca_file)).read_text()
    world.operator.surround(
        Surroundings(ca, {("ml/public", 8080): 0}, access_log=str(folder / "access.log"), address="127.0.0.1")
    )
    listener = {"name": "http", "port": 8080, "protocol": "HTTP"}
    route = {
        "gatewayRef": {"name": "public"},
        "hostnames": [HOST],
        "upstream": {"endpointRef": {"name": "fraud"}},
        "rules": [{"path": "/score", "methods": ["POST"]}],
        "public": True,
    }
    await world.apply(azure_side())
    envoy = EnvoyProcess(bootstrap(Bootstrap("ml/public", "proxy-0", "127.0.0.1", world.operator.xds_port)), folder)
    found = Served(world, envoy)
    await found.apply(mode, weights={"blue": 100})
    await world.apply(deployment("blue", "fraud"), deployment("green", "fraud"))
    await world.apply(ours("ModelGateway", "public", {"listeners": [listener]}), ours("ModelRoute", "fraud", route))
    try:
        await envoy.start()
        await world.until(envoy.listener_ports, "Envoy listening", patience=30.0)
        found.url = f"http://127.0.0.1:{(await envoy.listener_ports())['http']}/score"
        everything = [("AzureMLOnlineDeployment", name) for name in ("blue", "green")]
        await world.ready(("AzureMLOnlineEndpoint", "fraud"), ("ModelRoute", "fraud"), *everything)
        yield found
    finally:
        await envoy.stop(drain=False)
