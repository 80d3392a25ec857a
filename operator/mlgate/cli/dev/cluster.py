"""`mlgate dev --cluster`: the same stage on a real API server, one of our own or one that is there already."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ...api import crd
from ...shell.process import Replica, Settings
from ...store.cluster import ClusterStore
from ...store.protocol import Object, Resource
from .envoys import Envoys, Ports
from .scene import Scene
from .stage import RESYNC, Remark, Stage, services

CRDS = Resource("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False)
ESTABLISHED_SECONDS = 30.0
TESTS = Path(__file__).resolve().parents[4] / "tests"
"""Where a checkout of mlgate's source has the control plane."""


class NoCluster(Exception):
    """There is no cluster to work on; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Where:
    """An API server, and how people call it."""

    kubeconfig: Path | None
    context: str | None
    told: str


@asynccontextmanager
async def own_cluster(folder: Path) -> AsyncIterator[Where]:
    """A control plane for as long as we live: built once from source into the user's cache, started in seconds.

    Raises NoCluster.
    """
    if not (TESTS / "controlplane" / "__main__.py").is_file():
        raise NoCluster(
            "mlgate dev --cluster starts a real API server from a checkout of mlgate's source, and this is an installed"
            " package. Say --kubeconfig FILE to use a cluster that is there, such as kind."
        )
    definitions = folder / "crds.json"  # one file: the folder `mlgate crds` writes has a kustomization beside them
    definitions.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": crd.crds()}))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "controlplane", "up", "--with-parent", "--crds", str(definitions)),
        cwd=TESTS,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C in the terminal is ours to handle
    )
    assert process.stdout is not None and process.stdin is not None
    try:
        line = await process.stdout.readline()
        if not line:
            raise NoCluster(f"the control plane did not start (status {await process.wait()}); see above.")
        kubeconfig = Path(json.loads(line)["kubeconfig"])
        yield Where(kubeconfig, None, f"a control plane of its own: export KUBECONFIG={kubeconfig}")
    finally:
        process.stdin.close()  # it ends with its standard input
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def existing_cluster(kubeconfig: Path | None, context: str | None) -> AsyncIterator[Where]:
    """A cluster that is there; gets the CRDs."""
    store = await ClusterStore.connect(kubeconfig, context)
    try:
        server = (await store.connection()).server
        for definition in crd.crds():
            await store.apply(CRDS, definition, manager="mlgate-dev")
        await _established(store)
    finally:
        await store.close()
    yield Where(kubeconfig, context, f"{f'context {context} ' if context else ''}at {server}")


async def _established(store: ClusterStore) -> None:
    names = {definition["metadata"]["name"] for definition in crd.crds()}
    try:
        async with asyncio.timeout(ESTABLISHED_SECONDS):
            while names:  # another process answers: polling is all there is
                for name in list(names):
                    found = await store.get(CRDS, "", name)
                    if found is not None and _is_established(found):
                        names.discard(name)
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise NoCluster(f"the API server does not serve {', '.join(sorted(names))}") from None


def _is_established(definition: Object) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


@asynccontextmanager
async def on_cluster(scene: Scene, where: Where, folder: Path, remark: Remark) -> AsyncIterator[Stage]:
    """A replica of the operator in this process, working on that cluster, with the simulators outside."""
    ports: Ports = {}
    async with services(scene) as running:
        replica = Replica(
            Settings(
                kubeconfig=where.kubeconfig,
                context=where.context,
                lease_namespace="default",
                lease_name="mlgate-dev",
                health_host="127.0.0.1",
                health_port=0,
                xds_host="127.0.0.1",
                xds_port=0,
                resync=RESYNC,
                outside=running.outside(ports, folder / "access.log"),
                drain=0.0,
            )
        )
        await replica.start()
        operator = replica.operator
        envoys = Envoys(operator.engine, lambda: operator.gateway.port, ports, folder / "envoy", remark)
        store = await ClusterStore.connect(where.kubeconfig, where.context)
        try:
            yield Stage(store, operator.engine, envoys, running)
        finally:
            await envoys.stop()
            await store.close()
            await replica.stop()
