"""The processes behind `mlgate dev`: simulators, an operator on the embedded store or on a cluster, and the Envoys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...engine.clock import Clock
from ...engine.engine import Engine
from ...engine.engine import Settings as EngineSettings
from ...outbound import Unfenced
from ...shell.assembly import Operator, Outside, Parts
from ...shell.metrics import Metrics
from ...shell.store_doorbells import StoreDoorbells
from ...store.protocol import Store
from .envoys import Envoys, Ports
from .scene import Scene

if TYPE_CHECKING:
    from mlgate_sim.auth0 import Auth0Simulator
    from mlgate_sim.azure import AzureSimulator

OPERATION_SECONDS = 1.5
"""How long the simulated Azure takes for its long operations: enough to be seen."""
RESYNC = 30.0
"""Seconds between drift checks: soon enough to watch mlgate set back what was changed in a simulator."""

Remark = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Services:
    """The simulators."""

    auth0: Auth0Simulator
    azure: AzureSimulator

    def outside(self, ports: Ports, access_log: Path) -> Outside:
        """Where the operator finds them."""
        azure_ca = self.azure.ca_file
        return Outside(
            auth0_endpoint=self.auth0.url,
            azure_resource_manager=self.azure.url,
            azure_authority=self.azure.url,
            azure_records=self.azure.url,
            azure_ca_file=azure_ca,
            azure_poll_scale=0.1,
            upstream_ca_file=azure_ca,
            ports=ports,
            listen="127.0.0.1",
            access_log=str(access_log),
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything runs. `guest`: the store is somebody's cluster, which gets back what it gave."""

    store: Store
    engine: Engine
    envoys: Envoys
    services: Services
    guest: bool = False


@asynccontextmanager
async def services(scene: Scene) -> AsyncIterator[Services]:
    """The simulators, playing what the manifests say."""
    from mlgate_sim.auth0 import Auth0Simulator  # noqa: PLC0415 - not in the production image
    from mlgate_sim.azure import AzureSimulator  # noqa: PLC0415

    tenant, facts = scene.auth0, scene.azure
    auth0 = Auth0Simulator(domain=tenant.domain, client_id=tenant.client_id, client_secret=tenant.client_secret)
    azure = AzureSimulator(
        operation_seconds=OPERATION_SECONDS,
        tenant=facts.tenant,
        client_id=facts.client_id,
        client_secret=facts.client_secret,
        subscription=facts.subscription,
        resource_group=facts.resource_group or "mlgate",
        location=facts.location or "westeurope",
    )
    async with auth0, azure:
        yield Services(auth0, azure)


@asynccontextmanager
async def embedded(scene: Scene, folder: Path, remark: Remark) -> AsyncIterator[Stage]:
    """On the embedded store, in this process."""
    from ...api.crd import crds  # noqa: PLC0415
    from ...store.memory import MemoryStore  # noqa: PLC0415

    ports: Ports = {}
    async with services(scene) as running:
        store = MemoryStore(crds())
        outside = running.outside(ports, folder / "access.log")
        parts = Parts(store, Unfenced(), outside, EngineSettings(resync=RESYNC, cluster="mlgate-dev"))
        operator = Operator(parts, Clock(), Metrics())
        doorbells = StoreDoorbells(store, operator.watched, operator.engine.ring)
        envoys = Envoys(operator.engine, lambda: operator.gateway.port, ports, folder / "envoy", remark)
        await operator.start()
        doorbells.start()
        operator.lead()
        try:
            yield Stage(store, operator.engine, envoys, running)
        finally:
            await operator.stop_working()
            await doorbells.stop()
            await envoys.stop()
            await operator.stop_serving()
            await store.close()
