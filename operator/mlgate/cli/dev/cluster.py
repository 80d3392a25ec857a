"""`mlgate dev --cluster`: the same stage on a real API server, one of our own or one that is there already."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ...api import KINDS, crd
from ...shell.process import Replica, Settings
from ...shell.replicas import SILENT
from ...store.cluster import ClusterStore
from ...store.protocol import LEASES, Object, Resource
from . import guest
from .envoys import Envoys, Ports
from .scene import Scene
from .stage import RESYNC, Remark, Stage, services

CRDS = Resource("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False)
ESTABLISHED_SECONDS = 30.0
LEASE_NAMESPACE, LEASE_NAME = "default", "mlgate-dev"
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
    guest: bool = False
    """It was there before us."""


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
async def existing_cluster(kubeconfig: Path | None, context: str | None, remark: Remark) -> AsyncIterator[Where]:
    """A cluster that is there; has the CRDs for as long as we live, or keeps those it has.

    Raises NoCluster, StoreError, ClusterConfigError.
    """
    store = await ClusterStore.connect(kubeconfig, context)
    try:
        server = (await store.connection()).server
        await _nobody_else(store)
        ours = await _install(store, remark)
        try:
            yield Where(kubeconfig, context, f"{f'context {context} ' if context else ''}at {server}", guest=True)
        finally:
            await _uninstall(store, ours, remark)
    finally:
        await store.close()


async def _nobody_else(store: ClusterStore) -> None:
    """Raises NoCluster where we would meddle with somebody else's mlgate."""
    busy = guest.at_work(await store.list(LEASES), time.time())
    if busy:
        raise NoCluster(
            f"mlgate works on this cluster already ({guest.some(busy)}): both would want the same objects, one at the "
            f"real services and one at simulators. Use another cluster; if that was an mlgate dev that did not end "
            f"well, try again in {SILENT:.0f} s."
        )
    others: list[str] = []
    for kind in KINDS.values():
        if await store.get(CRDS, "", f"{kind.plural}.{kind.resource.group}") is not None:
            others += guest.of_others(await store.list(kind.resource))
    if others:
        raise NoCluster(
            f"this cluster has objects that mlgate dev did not make ({guest.some(others)}), and would set them to what "
            "its simulators say. Use another cluster."
        )


async def _install(store: ClusterStore, remark: Remark) -> list[str]:
    """The names of the CRDs that are ours; those that somebody else installed stay as they are."""
    ours: list[str] = []
    for definition in crd.crds():
        name = definition["metadata"]["name"]
        there = await store.get(CRDS, "", name)
        if guest.may_apply(there):
            await store.apply(CRDS, definition, manager=guest.MANAGER)
            ours.append(name)
    if len(ours) < len(crd.crds()):
        remark("The cluster has CRDs of mlgate: they stay as they are, of whatever version they may be.")
    await _established(store)
    return ours


async def _uninstall(store: ClusterStore, ours: Iterable[str], remark: Remark) -> None:
    """A CRD takes its objects along, so one that still has any stays; the lease that we worked under goes."""
    kept = []
    for kind in KINDS.values():
        name = f"{kind.plural}.{kind.resource.group}"
        if name not in ours:
            continue
        if await store.list(kind.resource):
            kept.append(name)
        else:
            await store.delete(CRDS, "", name)
    await store.delete(LEASES, LEASE_NAMESPACE, LEASE_NAME)
    if kept:
        remark(f"These CRDs stay, for there are objects of theirs: {', '.join(kept)}.")


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
                lease_namespace=LEASE_NAMESPACE,
                lease_name=LEASE_NAME,
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
            yield Stage(store, operator.engine, envoys, running, guest=where.guest)
        finally:
            await envoys.stop()
            await store.close()
            await replica.stop()
