"""The operator's world, built once per session; a control plane, both simulators, Envoy, `mlgate run`.

The control plane is one of its own, beside that of the other suites (`cluster` stands here again): this operator looks
after every namespace, and would take up what the others make.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controlplane.fixtures import Cluster, cluster
from controlplane.processes import free_port

from .access import operator_access
from .background import Background
from .cluster_api import ClusterApi
from .manifests import ROOT, Manifests
from .operator_process import Operator
from .outside import Outside
from .proxy import Proxy
from .world import World

__all__ = ["cluster", "fresh", "quickstart", "stage"]

Stage = Callable[[], World]


@pytest.fixture(scope="session")
def background() -> Iterator[Background]:
    made = Background()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def outside(background: Background) -> Iterator[Outside]:
    made = Outside(background)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def stage(
    cluster: Cluster, background: Background, outside: Outside, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Makes worlds, one after the other: the operator stopped, the cluster and the simulators empty."""
    if not cluster.has_controllers:
        pytest.skip("KUBEBUILDER_ASSETS has no kube-controller-manager, which removes namespaces")
    folder = tmp_path_factory.mktemp("operator")
    cluster.install_crds(*sorted((ROOT / "crds").glob("mlgate.dev_*.yaml")))
    access = operator_access(cluster, folder)
    numbers = itertools.count(1)
    opened: list[World] = []

    def end() -> None:
        for world in opened:
            world.proxy.stop()
            world.clear()
        opened.clear()

    with ClusterApi(cluster.kubectl, folder) as api:

        def make() -> World:
            end()
            own = _new_folder(folder, next(numbers))
            port = free_port()
            operator = Operator(admin=cluster.kubectl, kubeconfig=access.kubeconfig, outside=outside, folder=own)
            proxy = Proxy(background, own, xds_port=operator.xds_port, port=port)
            world = World(cluster, api, access, outside, operator, proxy, Manifests(own / "quickstart", port))
            opened.append(world)
            proxy.start()
            return world

        yield make
        end()


@pytest.fixture
def fresh(stage: Stage) -> World:
    """A running operator and nothing to do: for one test."""
    world = stage()
    world.operator.start()
    return world


@pytest.fixture(scope="module")
def _shared(stage: Stage) -> list[World]:
    return []


@pytest.fixture
def quickstart(stage: Stage, _shared: list[World], request: pytest.FixtureRequest) -> World:
    """The quickstart, applied and Ready; shared by the tests of a module, which leave it as they found it."""
    if not _shared or not _shared[0].operator.running:
        _shared[:] = [stage()]
        _shared[0].operator.start()
        _shared[0].apply()
    return _shared[0]


def _new_folder(base: Path, number: int) -> Path:
    made = base / f"world-{number}"
    made.mkdir()
    return made
