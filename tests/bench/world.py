"""What the benchmarks on a cluster run on: a control plane of their own, simulators and `mlgate run` as processes.

Everything that is measured is a process of its own, so that nobody shares an event loop with what it is compared with.
The operator runs under its ServiceAccount's token and the generated RBAC, as in production.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from controlplane.access import service_account_kubeconfig
from controlplane.binaries import binaries
from controlplane.kubectl import Kubectl
from controlplane.processes import free_port, spawn, stop
from controlplane.servers import ControlPlane

ROOT = Path(__file__).resolve().parents[2]
LEASE_NAMESPACE = "mlgate-system"
DOMAIN, CLIENT_ID, CLIENT_SECRET = "bench.eu.auth0.com", "bench", "bench-secret"


@dataclass(frozen=True, slots=True)
class World:
    """A running control plane with the CRDs, and the operator's own way in."""

    plane: ControlPlane
    kubectl: Kubectl
    access: Path
    """kubeconfig with the operator's ServiceAccount token."""
    folder: Path


@contextmanager
def world() -> Iterator[World]:
    """A control plane with CRDs, namespace `mlgate-system` and the operator's RBAC."""
    with tempfile.TemporaryDirectory(prefix="mlgate-bench-") as name, ControlPlane(binaries()) as plane:
        folder = Path(name)
        plane.install_crds(_one_file(folder / "crds.yaml", sorted((ROOT / "crds").glob("mlgate*.yaml"))))
        kubectl = plane.kubectl
        kubectl("create", "namespace", LEASE_NAMESPACE)
        found = service_account_kubeconfig(
            kubectl,
            folder,
            namespace=LEASE_NAMESPACE,
            name="mlgate",
            manifests=[ROOT / "deploy" / "base" / "rbac.yaml"],
        )
        yield World(plane, kubectl, found.kubeconfig, folder)


def _one_file(path: Path, parts: Sequence[Path]) -> Path:
    path.write_text("\n---\n".join(part.read_text() for part in parts))
    return path


@contextmanager
def auth0(folder: Path, plan: str = "none") -> Iterator[str]:
    """The Auth0 simulator as a process; its URL. Plan `none`: no rate limits, no rate headers."""
    more = ["--domain", DOMAIN, "--client-id", CLIENT_ID, "--client-secret", CLIENT_SECRET, "--plan", plan]
    command = [sys.executable, "-m", "mlgate_sim", "auth0", *more]
    with running(command, folder / "auth0.log") as process:
        yield str(first_line(process)["url"])


@contextmanager
def running(
    command: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose output we read and whose errors go to `log`; it ends with the block."""
    with log.open("ab") as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=env)
    try:
        yield process
    finally:
        stop(process)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def first_line(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The next line of JSON that a process prints. Raises RuntimeError when it ended instead."""
    output: IO[bytes] | None = process.stdout
    assert output is not None
    line = output.readline()
    if not line:
        raise RuntimeError(f"{process.args!r} ended with {process.wait()} before it said anything")
    told: dict[str, Any] = json.loads(line)
    return told


class OperatorProcess:
    """`mlgate run` against `world`. `started_in`: seconds from exec to the first ok of /readyz."""

    def __init__(self, place: World, auth0_url: str, *, before: Sequence[str] = ()) -> None:
        self._place = place
        self._auth0 = auth0_url
        self._before = tuple(before)
        self.port = free_port()
        self.started_in = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> Path:
        return self._place.folder / "mlgate.log"

    def start(self) -> None:
        """Until it is ready and leads."""
        command = [
            *(sys.executable, *(self._before or ["-m"]), "mlgate.cli.main", "run"),
            *("--kubeconfig", str(self._place.access), "--host", "127.0.0.1", "--lease-namespace", LEASE_NAMESPACE),
            *("--health-port", str(self.port), "--xds-port", str(free_port())),
            *("--auth0-endpoint", self._auth0, "--resync", "10m", "--drain", "1ms", "--log-format", "text"),
        ]
        began = time.monotonic()
        self._process = spawn(command, self.log)
        self._until(lambda: self._status("/readyz") == 200, "ready")
        self.started_in = time.monotonic() - began
        self._until(lambda: "mlgate_leader 1.0" in self.metrics(), "the leader")

    def metrics(self) -> str:
        return _get(f"http://127.0.0.1:{self.port}/metrics")[1]

    def stop(self) -> None:
        """SIGTERM; it hands its lease over."""
        if self._process is not None:
            stop(self._process, 15.0)

    def _status(self, path: str) -> int:
        return _get(f"http://127.0.0.1:{self.port}{path}")[0]

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace").splitlines()[-15:]
                raise RuntimeError(f"mlgate run is not {what}:\n" + "\n".join(tail))
            time.sleep(0.02)


def _get(url: str) -> tuple[int, str]:
    """Status and text; 0 where nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError:
        return 0, ""


def tenant(namespace: str) -> list[dict[str, Any]]:
    """The namespace, the credentials and the Auth0Tenant that the clients refer to.

    plan Auto: the operator goes by the service's rate headers alone. The simulator's plan `none` sends none, so neither
    side is throttled; a preset would measure its own arithmetic (Enterprise: 300 creates take 16 s at 16 a second).
    """
    where = {"namespace": namespace}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "auth0-management", **where},
            "stringData": {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET},
        },
        {
            "apiVersion": "mlgate.dev/v1alpha1",
            "kind": "Auth0Tenant",
            "metadata": {"name": "main", **where},
            "spec": {
                "domain": DOMAIN,
                "plan": "Auto",
                "credentials": {"secretRef": {"name": "auth0-management"}},
            },
        },
    ]


def clients(namespace: str, count: int) -> list[dict[str, Any]]:
    """Auth0Clients as users write them, without a Secret."""
    return [
        {
            "apiVersion": "mlgate.dev/v1alpha1",
            "kind": "Auth0Client",
            "metadata": {"name": f"app-{number:04}", "namespace": namespace},
            "spec": {
                "tenantRef": {"name": "main"},
                "appType": "regular_web",
                "callbacks": [f"https://app-{number:04}.example.com/callback"],
                "grantTypes": ["authorization_code", "refresh_token"],
                "clientMetadata": {"team": "bench"},
            },
        }
        for number in range(count)
    ]


def list_file(path: Path, objects: Sequence[dict[str, Any]]) -> Path:
    """Objects as one file for `kubectl apply -f`."""
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))
    return path


def rss(pid: int) -> float:
    """Resident memory of a process in MB (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no VmRSS")


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used so far, in all its threads (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children() -> dict[str, int]:
    """Our own child processes, by the name of their program (Linux): etcd and kube-apiserver among them."""
    found: dict[str, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, rest = stat.read_text().split("(", 1)[1].rsplit(")", 1)
            if int(rest.split()[1]) == os.getpid():
                found[name] = int(stat.parent.name)
    return found


def child_environment(**more: str) -> dict[str, str]:
    """For processes that import this package."""
    paths = [str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more}
