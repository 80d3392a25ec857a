"""The harness itself: nothing outlives it, tokens work, builds do not trip over each other."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from controlplane.access import ServiceAccountAccess
from controlplane.binaries import binaries, cache_folder, find_binaries
from controlplane.build import Progress, describe
from controlplane.fixtures import Cluster
from controlplane.kubectl import KubectlError
from controlplane.toolchain import new_enough

TESTS = Path(__file__).parents[2]


@pytest.mark.controlplane
def test_a_service_accounts_kubeconfig_may_do_what_its_rbac_says_and_no_more(
    cluster: Cluster, cluster_namespace: str, service_account: Callable[..., ServiceAccountAccess]
) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "reader", "namespace": cluster_namespace},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}],
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "reader", "namespace": cluster_namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": cluster_namespace}],
    }
    access = service_account(namespace=cluster_namespace, name="reader", objects=[role, binding])
    assert access.kubeconfig.stat().st_mode & 0o077 == 0
    who = access.kubectl.json("auth", "whoami")["status"]["userInfo"]["username"]
    assert who == f"system:serviceaccount:{cluster_namespace}:reader"
    access.kubectl("get", "configmaps", "-n", cluster_namespace)
    with pytest.raises(KubectlError, match="forbidden"):
        access.kubectl("get", "secrets", "-n", cluster_namespace)


def _running(folder: Path) -> list[int]:
    """Processes whose command line names `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(folder) in (entry / "cmdline").read_text():
                found.append(int(entry.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


@pytest.mark.controlplane
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "standard input closes"])
def test_nothing_outlives_a_control_plane(tmp_path: Path, how: str) -> None:
    binaries()
    folder = tmp_path / "plane"
    process = subprocess.Popen(
        [sys.executable, "-m", "controlplane", "up", "--dir", str(folder), "--with-parent"],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    ready = json.loads(process.stdout.readline())
    assert Path(ready["kubeconfig"]).is_file()
    assert len(_running(folder)) >= 4
    if how == "SIGKILL":
        process.kill()
    elif how == "SIGTERM":
        process.send_signal(signal.SIGTERM)
    else:
        process.stdin.close()
    assert process.wait(30) == (-signal.SIGKILL if how == "SIGKILL" else 0)
    process.stdout.close()
    if not process.stdin.closed:
        process.stdin.close()
    deadline = time.monotonic() + 30
    while left := _running(folder):
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("line", "expect"),
    [
        ("go version go1.26.8 linux/amd64", True),
        ("go version go1.27.0 darwin/arm64", True),
        ("go version go1.25.9 linux/amd64", False),
        ("go version go1.9 linux/amd64", False),
        ("", False),
    ],
)
def test_go_is_used_only_when_it_is_new_enough(line: str, expect: bool) -> None:
    assert new_enough(line) is expect


def test_progress_says_what_go_is_doing() -> None:
    assert describe("go: downloading k8s.io/api v0.37.2", 0, 9) == "downloading k8s.io/api v0.37.2"
    assert describe("k8s.io/api/core/v1", 3, 9) == "compiling k8s.io/api/core/v1 (3 of at most 9 packages)"
    assert describe("# some warning: text", 3, 9) is None


def test_progress_in_a_log_has_a_first_and_a_last_line() -> None:
    out = io.StringIO()
    with Progress(out) as progress:
        progress.say("ready")
    lines = out.getvalue().splitlines()
    assert len(lines) >= 2
    assert re.fullmatch(r"control plane \[0:0\d\] ready", lines[-1])


def test_the_cache_is_named_after_what_is_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    assert cache_folder().parent == tmp_path / "mlgate" / "controlplane"
    assert re.fullmatch(r"v1\.37\.2-[0-9a-f]{12}", cache_folder().name)
    assert find_binaries() is None
    half = cache_folder()
    half.mkdir(parents=True)
    (half / "etcd").touch()
    assert find_binaries() is None, "a folder that is not complete is not used"
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(half))
    with pytest.raises(FileNotFoundError, match="KUBEBUILDER_ASSETS"):
        find_binaries()
