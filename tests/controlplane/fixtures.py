"""The control plane as pytest fixtures. Import them in a conftest.

`cluster` is what tests ask for: `MLGATE_TEST_KUBECONFIG` when that is set, else a control plane of our own, started
once per test session.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .access import ServiceAccountAccess, service_account_kubeconfig
from .binaries import binaries
from .kubectl import Kubectl, KubectlError
from .servers import ControlPlane


@dataclass(slots=True)
class Cluster:
    """A real API server to test against. `own` is None on a cluster that was there before us."""

    kubeconfig: Path
    kubectl: Kubectl
    has_controllers: bool
    own: ControlPlane | None = None
    _installed: set[Path] = field(default_factory=set)

    def install_crds(self, *paths: Path) -> None:
        """Install CRDs (files or folders) once per session and wait until they are served."""
        missing = [path.resolve() for path in paths if path.resolve() not in self._installed]
        if not missing:
            return
        if self.own:
            self.own.install_crds(*missing)
        else:
            self.kubectl.install_crds(*missing)
        self._installed.update(missing)


def _existing(kubeconfig: Path) -> Cluster:
    program = shutil.which("kubectl") or str(binaries().program("kubectl"))
    return Cluster(kubeconfig, Kubectl(program, kubeconfig, own_cache=False), has_controllers=True)


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """A real API server, shared by the whole session."""
    named = os.environ.get("MLGATE_TEST_KUBECONFIG")
    if named:
        yield _existing(Path(named))
        return
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():  # a build takes minutes and shows its progress
        programs = binaries()
    with ControlPlane(programs) as plane:
        yield Cluster(plane.kubeconfig, plane.kubectl, plane.has_controllers, own=plane)


@pytest.fixture
def controllers(cluster: Cluster) -> None:
    """For tests that need garbage collection or namespace deletion."""
    if not cluster.has_controllers:
        pytest.skip("KUBEBUILDER_ASSETS has no kube-controller-manager")


@pytest.fixture
def cluster_namespace(cluster: Cluster) -> Iterator[str]:
    """The name of a fresh namespace; its deletion is started afterwards and not waited for."""
    name = f"test-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)
    yield name
    try:
        cluster.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
    except KubectlError:
        if cluster.own is None:
            raise


@pytest.fixture
def service_account(cluster: Cluster, tmp_path: Path) -> Callable[..., ServiceAccountAccess]:
    """`service_account(namespace=..., name=..., manifests=[...], objects=[...])`: a kubeconfig with only its token."""

    def make(**wanted: object) -> ServiceAccountAccess:
        return service_account_kubeconfig(cluster.kubectl, tmp_path / "access", **wanted)  # type: ignore[arg-type]

    return make
