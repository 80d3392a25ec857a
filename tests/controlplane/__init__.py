"""A real Kubernetes control plane on 127.0.0.1 for tests and for `mlgate dev --cluster`.

etcd, kube-apiserver, kube-controller-manager and kubectl, built from their Go modules once and kept in the user's
cache. `python -m controlplane up` starts one by hand, `controlplane.fixtures` gives it to pytest.
"""

from .access import ServiceAccountAccess, service_account_kubeconfig
from .binaries import Binaries, find_binaries
from .kubectl import Kubectl, KubectlError
from .servers import ControlPlane, ControlPlaneError

__all__ = [
    "Binaries",
    "ControlPlane",
    "ControlPlaneError",
    "Kubectl",
    "KubectlError",
    "ServiceAccountAccess",
    "find_binaries",
    "service_account_kubeconfig",
]
