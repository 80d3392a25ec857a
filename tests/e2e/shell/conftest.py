"""Replicas of the real `mlgate run` on the real API server, each test in a namespace of its own.

They run under the RBAC of `deploy/base`, with the lease's Role moved into the test's namespace and everything renamed,
so that other suites on the same control plane are not disturbed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from controlplane.access import ServiceAccountAccess, service_account_kubeconfig
from controlplane.fixtures import Cluster
from controlplane.kubectl import Kubectl, KubectlError
from controlplane.processes import free_port, spawn, stop
from mlgate.cli import rbac

ROOT = Path(__file__).parents[3]
LEASE = "mlgate"


@dataclass
class Replica:
    """One process. Nothing answers until it is up; `get` says so with status 0."""

    command: list[str]
    log: Path
    health_port: int
    process: subprocess.Popen[bytes]

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError:
            if self.process.poll() is not None:
                raise AssertionError(f"it ended with {self.process.returncode}: {self.words()}") from None
            return 0, ""

    def ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def leads(self) -> bool:
        return "\nmlgate_leader 1.0\n" in self.get("/metrics")[1]

    def wait(self, seconds: float = 30.0) -> int:
        return self.process.wait(seconds)

    def words(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]


@dataclass
class Place:
    """A namespace with a ServiceAccount that may do what `deploy/base` says, and nothing else."""

    admin: Kubectl
    namespace: str
    folder: Path
    access: ServiceAccountAccess
    roles: list[dict[str, Any]]
    replicas: list[Replica] = field(default_factory=list)

    def start(self, *more: str) -> Replica:
        port, number = free_port(), len(self.replicas)
        command = [
            *(sys.executable, "-m", "mlgate.cli.main", "run"),
            *("--kubeconfig", str(self.access.kubeconfig), "--namespace", self.namespace),
            *("--lease-namespace", self.namespace, "--lease-name", LEASE),
            *("--host", "127.0.0.1", "--health-port", str(port), "--xds-port", "0", "--drain", "1ms"),
            *more,
        ]
        log = self.folder / f"replica-{number}.log"
        replica = Replica(command, log, port, spawn(command, log))
        self.replicas.append(replica)
        return replica

    def lease(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self.admin.json("get", "lease", LEASE, "-n", self.namespace)["spec"]
        except KubectlError:
            return {}
        return found

    def grant(self) -> None:
        """Give the ServiceAccount its permissions."""
        self.admin.apply(*self.roles)


def roles(namespace: str, account: str) -> list[dict[str, Any]]:
    """The shipped RBAC for this namespace's ServiceAccount."""
    found = []
    for document in rbac.documents():
        if document["kind"] == "ServiceAccount" or document["metadata"]["name"] in ("mlgate-view", "mlgate-edit"):
            continue
        made = json.loads(json.dumps(document))
        made["metadata"]["name"] = f"{namespace}-{made['metadata']['name']}"
        if "namespace" in made["metadata"]:
            made["metadata"]["namespace"] = namespace
        if "roleRef" in made:
            made["roleRef"]["name"] = f"{namespace}-{made['roleRef']['name']}"
            made["subjects"] = [{"kind": "ServiceAccount", "name": account, "namespace": namespace}]
        found.append(made)
    return found


@pytest.fixture
def place(cluster: Cluster, cluster_namespace: str, tmp_path: Path) -> Iterator[Place]:
    """Without permissions yet: call `grant`."""
    cluster.install_crds(*sorted((ROOT / "crds").glob("mlgate.dev_*.yaml")))
    access = service_account_kubeconfig(cluster.kubectl, tmp_path, namespace=cluster_namespace, name="mlgate")
    made = Place(cluster.kubectl, cluster_namespace, tmp_path, access, roles(cluster_namespace, "mlgate"))
    yield made
    for replica in made.replicas:
        stop(replica.process)
    for role in made.roles:
        if role["kind"].startswith("Cluster"):
            cluster.kubectl("delete", role["kind"], role["metadata"]["name"], "--ignore-not-found")
