"""The operator's ServiceAccount and its RBAC, as generated into `deploy/`: nothing is added to it here."""

from __future__ import annotations

from pathlib import Path

import yaml

from controlplane.access import ServiceAccountAccess, service_account_kubeconfig
from controlplane.fixtures import Cluster

from .manifests import ROOT
from .operator_process import LEASE_NAMESPACE

SHIPPED = ROOT / "deploy" / "base" / "rbac.yaml"


def operator_access(cluster: Cluster, folder: Path) -> ServiceAccountAccess:
    """A kubeconfig that holds only the token of the operator's ServiceAccount."""
    objects = [obj for obj in yaml.safe_load_all(SHIPPED.read_text()) if obj]
    account = next(obj for obj in objects if obj["kind"] == "ServiceAccount")["metadata"]
    namespace = account.get("namespace", LEASE_NAMESPACE)
    cluster.kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    return service_account_kubeconfig(
        cluster.kubectl, folder, namespace=namespace, name=account["name"], objects=objects
    )
