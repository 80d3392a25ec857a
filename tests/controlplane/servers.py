"""Start and stop etcd, kube-apiserver and kube-controller-manager on free ports of 127.0.0.1."""

from __future__ import annotations

import base64
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from .binaries import Binaries
from .certificates import Certificates, issue
from .kubectl import Kubectl
from .processes import free_port, spawn, stop

START_SECONDS = 60.0
START_ATTEMPTS = 3
# What mlgate relies on; others (nodes, pods, endpoints) have nothing to do here.
CONTROLLERS = "garbage-collector-controller,namespace-controller,serviceaccount-controller"


class ControlPlaneError(Exception):
    """A server did not start or died; the message names the log and quotes its end."""


class ControlPlane:
    """A running control plane. `kubeconfig` is the administrator's. Use as a context manager, from the main thread."""

    def __init__(self, binaries: Binaries, folder: Path | None = None) -> None:
        self.binaries = binaries
        self._own_folder = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="mlgate-controlplane-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.kubeconfig = self.folder / "kubeconfig"
        self.audit_log = self.folder / "audit.log"
        """One JSON object per line: what ServiceAccounts asked for (metadata only)."""
        self.url = f"https://127.0.0.1:{free_port()}"
        self.kubectl = Kubectl(binaries.program("kubectl"), self.kubeconfig)
        self.token = os.urandom(16).hex()
        self.started_in = 0.0
        self._servers: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def has_controllers(self) -> bool:
        return self.binaries.has_controllers

    def __enter__(self) -> ControlPlane:
        started = time.monotonic()
        try:
            self._start_api_server_somewhere()
            if self.has_controllers:
                self._start_controllers()
        except BaseException:
            self.stop()
            raise
        self.started_in = time.monotonic() - started
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def install_crds(self, *paths: Path) -> None:
        """Apply CRDs (files or folders) and wait until they are served, also by the garbage collector."""
        self.kubectl.install_crds(*paths)
        if self.has_controllers:
            # The garbage collector looks for new kinds only every 30 s; a new one looks at once.
            stop(self._servers.pop("kube-controller-manager"))
            self._start_controllers()

    def stop(self) -> None:
        """End every server; etcd last, or the API server hangs in its own shutdown."""
        for name in reversed(list(self._servers)):
            stop(self._servers.pop(name))
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def check(self) -> None:
        """Raises ControlPlaneError when a server has died."""
        for name, server in self._servers.items():
            if server.poll() is not None:
                log = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()
                raise ControlPlaneError(f"{name} ended with {server.returncode}:\n" + "\n".join(log[-15:]))

    def _start(self, name: str, *arguments: str) -> None:
        command = [str(self.binaries.program(name)), *arguments]
        self._servers[name] = spawn(command, self.folder / f"{name}.log")

    def _start_api_server_somewhere(self) -> None:
        """A server that dies at once found its port taken in the meantime: try others."""
        for attempt in range(START_ATTEMPTS):
            try:
                self._start_api_server()
                break
            except ControlPlaneError:
                for name in reversed(list(self._servers)):
                    stop(self._servers.pop(name))
                if attempt == START_ATTEMPTS - 1:
                    raise
                self.url = f"https://127.0.0.1:{free_port()}"

    def _start_api_server(self) -> None:
        etcd, peers = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
        port = self.url.rsplit(":", 1)[1]
        tokens = self.folder / "tokens.csv"
        tokens.touch(mode=0o600)
        tokens.write_text(f'{self.token},admin,admin,"system:masters"\n')
        # fmt: off
        self._start(
            "etcd", f"--data-dir={self.folder}/etcd", f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}",
            f"--listen-peer-urls={peers}", "--unsafe-no-fsync", "--log-level=error",
        )
        certificates = issue(self.folder / "pki")
        self._write_kubeconfig(certificates)
        self._start(
            "kube-apiserver", f"--etcd-servers={etcd}", "--bind-address=127.0.0.1", f"--secure-port={port}",
            f"--tls-cert-file={certificates.certificate}", f"--tls-private-key-file={certificates.key}",
            f"--token-auth-file={tokens}", "--authorization-mode=RBAC", "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={certificates.service_account_key}",
            f"--service-account-key-file={certificates.service_account_key}",
            f"--audit-policy-file={self._audit_policy()}", f"--audit-log-path={self.audit_log}",
            # Nothing runs pods here; without this plugin a pod object needs no default ServiceAccount.
            "--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none",
        )
        # fmt: on
        self._wait_ready(ssl.create_default_context(cafile=str(certificates.ca)))

    def _audit_policy(self) -> Path:
        rules = [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}]
        policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules}
        file = self.folder / "audit-policy.json"
        file.write_text(json.dumps(policy))
        return file

    def _wait_ready(self, tls: ssl.SSLContext) -> None:
        deadline = time.monotonic() + START_SECONDS
        # The default namespace is made after /readyz says ok; without it the first create of a test fails.
        for path in ("/readyz", "/api/v1/namespaces/default"):
            request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.token}"})
            while True:
                self.check()
                try:
                    with urllib.request.urlopen(request, context=tls, timeout=2):
                        break
                except (OSError, urllib.error.URLError):
                    if time.monotonic() > deadline:
                        raise ControlPlaneError(f"{path} not ready in {START_SECONDS:.0f} s: {self.folder}") from None
                    time.sleep(0.05)

    def _start_controllers(self) -> None:
        self._start(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig}",
            "--leader-elect=false",
            "--use-service-account-credentials=false",
            f"--service-account-private-key-file={self.folder}/pki/sa.key",
            f"--cert-dir={self.folder}/kube-controller-manager",
            "--bind-address=127.0.0.1",
            f"--secure-port={free_port()}",
            f"--controllers={CONTROLLERS}",
            "--concurrent-gc-syncs=4",
        )

    def _write_kubeconfig(self, certificates: Certificates) -> None:
        ca = base64.b64encode(certificates.ca.read_bytes()).decode()
        config = kubeconfig_document(self.url, ca, self.token, user="admin")
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(json.dumps(config, indent=1))


def kubeconfig_document(server: str, ca_data: str, token: str, *, user: str) -> dict[str, object]:
    """A kubeconfig with one context; `ca_data` is base64 of PEM."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "mlgate",
        "clusters": [{"name": "mlgate", "cluster": {"server": server, "certificate-authority-data": ca_data}}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "mlgate", "context": {"cluster": "mlgate", "user": user}}],
    }
