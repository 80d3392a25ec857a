"""`mlgate dev` as its user runs it: one command, real processes, the quickstart."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.binaries import binaries
from controlplane.fixtures import Cluster
from controlplane.processes import free_port
from controlplane.servers import ControlPlane

pytestmark = pytest.mark.envoy

ROOT = Path(__file__).parents[3]
MLGATE = (sys.executable, "-m", "mlgate.cli.main")
SECRETS = ("quickstart-auth0-secret", "quickstart-azure-secret")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the quickstart whose gateway listens on a free port."""
    shutil.copytree(ROOT / "examples" / "quickstart", tmp_path / "quickstart")
    gateway = tmp_path / "quickstart" / "31-gateway.yaml"
    gateway.write_text(gateway.read_text().replace("port: 8080", f"port: {free_port()}"))
    return tmp_path


def run(folder: Path, *arguments: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MLGATE, *arguments], cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
    )


class Terminal:
    """A process on a pseudo terminal, and what it showed."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        environment = {**os.environ, "COLUMNS": "160", "LINES": "50", "TERM": "xterm"}
        self.process = subprocess.Popen(
            [*MLGATE, *arguments], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
        )
        os.close(theirs)
        self.shown = ""

    def expect(self, pattern: str, seconds: float = 90.0) -> None:
        """Waits until this was shown."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.shown):
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern!r} was not shown within {seconds:.0f} s: {self.shown[-3000:]}"
            assert self._read(min(left, 1.0)) or self.process.poll() is None, f"it ended: {self.shown[-3000:]}"

    def drain(self) -> None:
        while self._read(0.1):
            pass

    def _read(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        with contextlib.suppress(OSError):  # the other side is closed
            data = os.read(self._ours, 65536)
            self.shown += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", data.decode(errors="replace"))
            return bool(data)
        return False

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        os.close(self._ours)


@pytest.fixture
def terminal(folder: Path) -> Iterator[Terminal]:
    made = Terminal(folder, "dev", "quickstart")
    yield made
    made.close()


def descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [found for child in map(int, children) for found in (child, *descendants(child))]


def test_once_makes_everything_ready_and_shows_who_gets_in(folder: Path) -> None:
    done = run(folder, "dev", "quickstart", "--once")
    said = done.stdout
    assert done.returncode == 0, said + done.stderr
    assert re.search(r"All Ready after \d+\.\d s\.", said)
    for line in (
        r"✔ +shop/checkout +its own +POST fraud\.models\.example\.com/score +200 .*fraud_probability.* from deployment blue",
        r"✔ +shop/reporting +its own .* 403 insufficient_scope ",
        r"✔ +anybody +none .* 401 ",
        r"✔ +a stranger +of another issuer .* 401 invalid_token ",
    ):
        assert re.search(line, said), said
    assert "Every answer is as expected." in said
    left = said + done.stderr + (folder / ".mlgate" / "dev.log").read_text()
    assert not [secret for secret in SECRETS if secret in left]
    assert not (folder / ".mlgate" / "dev.json").exists()


def test_a_typo_ends_it_with_file_field_and_status_1(folder: Path) -> None:
    tenant = folder / "quickstart" / "20-auth0-tenant.yaml"
    tenant.write_text(tenant.read_text().replace("plan: Free", "plann: Free"))
    done = run(folder, "dev", "quickstart", "--once")
    assert done.returncode == 1
    assert re.search(r"20-auth0-tenant\.yaml:\d+: Auth0Tenant main was refused: .*plann", done.stdout), done.stdout


def test_what_does_not_become_ready_is_explained_cause_first(folder: Path) -> None:
    (folder / "quickstart" / "10-credentials.yaml").unlink()
    done = run(folder, "dev", "quickstart", "--once", "--timeout", "3")
    assert done.returncode == 1
    explained = done.stdout.partition("What waits for what:")[2]
    assert re.search(r"Auth0Tenant ml/main: CredentialsMissing: .*auth0-management", explained), done.stdout
    assert re.search(r"SecuredModelEndpoint ml/fraud: DependencyNot\w+: ", explained)
    assert "ANSWER" not in done.stdout, "nobody calls what is not there"


def test_it_stays_answers_questions_follows_edits_and_ends_with_everything_it_started(
    folder: Path, terminal: Terminal
) -> None:
    terminal.expect(r"Every answer is as expected")
    terminal.expect(r"Ctrl-C ends everything")
    assert "No mlgate dev runs" not in terminal.shown
    pids = descendants(terminal.process.pid)
    assert pids, "an Envoy runs"

    listed = run(folder, "get")
    assert re.search(r"ml +securedmodelendpoint\.mlgate\.dev/fraud +http\S+/score +True +blue=100", listed.stdout)
    assert run(folder, "get", "sme", "-o", "name").stdout == "securedmodelendpoint.mlgate.dev/fraud\n"
    secret = json.loads(run(folder, "get", "secret", "checkout-auth0", "-o", "json").stdout)
    assert set(secret["data"].values()) == {"***"}
    told = run(folder, "describe", "sme", "fraud").stdout
    assert re.search(r"Normal +Available +\S+ +Ready\.", told), told

    command = re.search(r"curl -s .*", terminal.shown.replace("\r", ""))
    assert command is not None
    line = command.group().replace("mlgate token", f"{sys.executable} -m mlgate.cli.main token")
    called = subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, text=True, check=False)
    assert json.loads(called.stdout)["deployment"] == "blue", called

    file = folder / "quickstart" / "40-fraud.yaml"
    file.write_text(file.read_text().replace("Scores card transactions", "Rates card transactions"))
    terminal.expect(r"Manifests: 1 applied\.")
    file.write_text(file.read_text().replace("workspaceRef:", "workspaceReff:"))
    terminal.expect(r"40-fraud\.yaml:\d+: SecuredModelEndpoint fraud was refused: .*workspaceReff")
    (folder / "quickstart" / "51-reporting.yaml").unlink()
    terminal.expect(r"Manifests: 1 deleted\.")

    terminal.process.send_signal(signal.SIGINT)
    terminal.drain()
    assert terminal.process.wait(30) == 0, terminal.shown[-2000:]
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert run(folder, "get").returncode == 1


@pytest.mark.controlplane
@pytest.mark.usefixtures("cluster")  # builds the control plane if nobody has yet
def test_on_a_real_api_server_it_is_the_same(folder: Path) -> None:
    done = run(folder, "dev", "quickstart", "--once", "--cluster", seconds=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a real API server" in done.stdout
    assert "Every answer is as expected." in done.stdout


@pytest.fixture
def somebodys(cluster: Cluster, tmp_path: Path) -> Iterator[tuple[Path, ControlPlane]]:
    """A cluster that nothing of ours was ever on, in a kubeconfig whose current context is another one."""
    assert cluster  # its programs are built by now
    with ControlPlane(binaries()) as plane:
        config = json.loads(plane.kubeconfig.read_text())
        nowhere = {**config["clusters"][0]["cluster"], "server": f"https://127.0.0.1:{free_port()}"}
        config["clusters"].append({"name": "nowhere", "cluster": nowhere})
        config["contexts"] = [
            {"name": "wrong", "context": {"cluster": "nowhere", "user": "admin"}},
            {"name": "right", "context": {"cluster": "mlgate", "user": "admin"}},
        ]
        config["current-context"] = "wrong"
        file = tmp_path / "somebodys-kubeconfig"
        file.write_text(json.dumps(config))
        yield file, plane


ITS_OWN = {"kube-apiserver", "kube-controller-manager"}  # who writes what a cluster keeps for itself


def everything(plane: ControlPlane) -> set[str]:
    """Every object of every kind, by name.

    Events tell stories and go by themselves. What only the cluster's own processes wrote (a namespace's default
    ServiceAccount, say) comes when they get round to it, so it is not counted.
    """
    kinds = plane.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    asked = ",".join(kind for kind in kinds if not kind.startswith("events"))
    listed = json.loads(plane.kubectl("get", asked, "-A", "-o", "json", "--show-managed-fields"))["items"]
    return {
        f"{each['kind']} {each['metadata'].get('namespace', '')}/{each['metadata']['name']}"
        for each in listed
        if {written["manager"] for written in each["metadata"].get("managedFields", [])} - ITS_OWN
    }


@pytest.mark.controlplane
def test_somebodys_cluster_is_used_by_context_and_is_afterwards_as_it_was(
    folder: Path, somebodys: tuple[Path, ControlPlane]
) -> None:
    kubeconfig, plane = somebodys
    on = ("dev", "quickstart", "--kubeconfig", str(kubeconfig), "--context", "right", "--once")
    plane.kubectl("create", "namespace", "shop")
    plane.kubectl("create", "configmap", "theirs", "-n", "shop", "--from-literal=whose=theirs")
    before = everything(plane)
    assert "ConfigMap shop/theirs" in before

    done = run(folder, *on, seconds=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"context right of {kubeconfig}" in done.stdout
    assert re.search(r"✔ +shop/checkout +its own .* 200 ", done.stdout), done.stdout
    assert "Every answer is as expected." in done.stdout
    assert everything(plane) == before

    # What is somebody else's is neither overwritten nor taken away.
    plane.kubectl("create", "namespace", "ml")
    plane.kubectl("create", "secret", "generic", "auth0-management", "-n", "ml", "--from-literal=clientId=theirs")
    before = everything(plane)
    refused = run(folder, *on, seconds=60)
    assert refused.returncode == 1
    assert "Secret ml/auth0-management is there already and was not made by mlgate dev" in refused.stdout
    assert everything(plane) == before

    plane.install_crds(ROOT / "crds" / "mlgate.dev_auth0roles.yaml")
    role = {"tenantRef": {"name": "main"}, "name": "theirs"}
    api = {"apiVersion": "mlgate.dev/v1alpha1", "kind": "Auth0Role", "metadata": {"name": "theirs", "namespace": "ml"}}
    plane.kubectl.apply({**api, "spec": role})
    refused = run(folder, *on, seconds=60)
    assert refused.returncode == 1
    assert "objects that mlgate dev did not make (Auth0Role ml/theirs)" in refused.stderr
