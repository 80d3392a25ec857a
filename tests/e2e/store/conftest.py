"""The same tests against every store: `store` is the embedded one, then the real API server.

Wherever the two differ, the embedded store is wrong.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from mlgate.store.cluster import ClusterStore
from mlgate.store.memory import MemoryStore
from mlgate.store.protocol import NAMESPACES, Store, Unavailable

WIDGET_CRD = Path(__file__).with_name("widget.yaml")


@dataclass(frozen=True, slots=True)
class Place:
    """Where objects live in this test. `kubeconfig` is None for the embedded store."""

    kubeconfig: Path | None
    has_controllers: bool


@pytest.fixture(params=["memory", pytest.param("cluster", marks=pytest.mark.controlplane)])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "memory":
        return Place(None, has_controllers=True)
    cluster = request.getfixturevalue("cluster")
    cluster.install_crds(WIDGET_CRD)
    return Place(cluster.kubeconfig, cluster.has_controllers)


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    made: Store
    if place.kubeconfig is None:
        made = MemoryStore([yaml.safe_load(WIDGET_CRD.read_text())])
    else:
        made = await ClusterStore.connect(place.kubeconfig)
    yield made
    await made.close()


@pytest.fixture
def needs_controllers(place: Place) -> None:
    """For garbage collection and namespace deletion."""
    if not place.has_controllers:
        pytest.skip("KUBEBUILDER_ASSETS has no kube-controller-manager")


@pytest.fixture
async def namespace(store: Store) -> AsyncIterator[str]:
    """A fresh namespace. Its deletion is started afterwards; what a test left with finalizers dies with the server."""
    name = f"store-{secrets.token_hex(4)}"
    await store.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    with contextlib.suppress(Unavailable):  # a test may have closed its store
        await store.delete(NAMESPACES, "", name)
