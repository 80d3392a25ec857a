"""The real API server, with mlgate's CRDs as committed."""

from __future__ import annotations

import pytest

from controlplane.fixtures import Cluster, cluster, cluster_namespace
from unit.api.manifests import ROOT

__all__ = ["cluster", "cluster_namespace", "served"]


@pytest.fixture
def served(cluster: Cluster) -> Cluster:
    """The cluster, with every CRD of `crds/` served."""
    cluster.install_crds(*sorted((ROOT / "crds").glob("mlgate.dev_*.yaml")))
    return cluster
