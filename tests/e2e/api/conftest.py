"""The real API server, with mlgate's CRDs as committed."""

from __future__ import annotations

import pytest

from controlplane.fixtures import Cluster
from unit.api.manifests import ROOT


@pytest.fixture
def served(cluster: Cluster) -> Cluster:
    """The cluster, with every CRD of `crds/` served."""
    cluster.install_crds(*sorted((ROOT / "crds").glob("mlgate.dev_*.yaml")))
    return cluster
