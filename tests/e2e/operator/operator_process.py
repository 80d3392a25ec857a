"""The real `mlgate run` as a child process, under its ServiceAccount's token and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from controlplane.kubectl import Kubectl
from controlplane.processes import free_port, spawn, stop

from .outside import Outside
from .waiting import eventually

LEASE_NAMESPACE, LEASE_NAME = "mlgate-system", "mlgate"
POLL_SCALE = "0.05"
"""Azure's simulated operations take a fraction of a second, not minutes."""


class Operator:
    """One replica at a time on fixed ports. `start` waits until it leads."""

    def __init__(self, *, admin: Kubectl, kubeconfig: Path, outside: Outside, folder: Path) -> None:
        self._admin, self._kubeconfig, self._outside = admin, kubeconfig, outside
        self.health_port, self.xds_port = free_port(), free_port()
        self.log_file = folder / "mlgate.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{self.health_port}", timeout=5.0, trust_env=False)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def command_line(self) -> bytes:
        """What the kernel says it was started with."""
        return Path(f"/proc/{self.pid}/cmdline").read_bytes()

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def start(self, *more: str, resync: str = "10m", wait: bool = True) -> None:
        """Starts it with further options. Waits until it is ready and leads, unless told not to."""
        assert not self.running, "the operator runs already"
        azure = self._outside.azure
        command = [
            *(sys.executable, "-m", "mlgate.cli.main", "run"),
            *("--kubeconfig", str(self._kubeconfig)),
            *("--host", "127.0.0.1"),
            *("--health-port", str(self.health_port), "--xds-port", str(self.xds_port)),
            *("--auth0-endpoint", self._outside.auth0.url),
            *("--azure-resource-manager", azure.url, "--azure-authority", azure.url, "--azure-records", azure.url),
            *("--ca-file", str(azure.ca_file), "--upstream-ca-file", str(azure.ca_file)),
            *("--resync", resync, "--drain", "1ms"),
            *("--log-level", "debug", "--log-format", "text"),
            *more,
        ]
        with scoped_environment(MLGATE_AZURE_POLL_SCALE=POLL_SCALE, KUBECONFIG="/nonexistent"):
            self._process = spawn(command, self.log_file)
        if wait:
            eventually(self.leads, "the operator's lead", seconds=60)

    def leads(self) -> bool:
        """Ready, and holding the lease. Fails at once when the process ended."""
        if not self.running:
            status = self._process.returncode if self._process else None
            raise RuntimeError(f"mlgate run ended with {status}: {self.last_words()}")
        try:
            return self._http.get("/readyz").status_code == 200 and self.metric("mlgate_leader") == 1.0
        except httpx.HTTPError:
            return False

    def metrics(self) -> str:
        return self._http.get("/metrics").raise_for_status().text

    def metric(self, name: str) -> float | None:
        """A metric without labels."""
        for line in self.metrics().splitlines():
            if line.startswith(f"{name} "):
                return float(line.rsplit(" ", 1)[1])
        return None

    def looks(self, kind: str | None = None, result: str | None = None) -> int:
        """How many times it looked at an object since it started; of one kind, with one outcome."""
        wanted = [f'{name}="{value}"' for name, value in (("kind", kind), ("result", result)) if value]
        lines = [line for line in self.metrics().splitlines() if line.startswith("mlgate_reconcile_total{")]
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if all(part in line for part in wanted))

    def looked_again(self, objects: Mapping[str, int], *, times: int = 2, seconds: float = 60.0) -> None:
        """Until it has looked `times` more at as many objects of each kind as there are (`{"Auth0API": 1}`)."""
        before = {kind: self.looks(kind) for kind in objects}

        def again() -> bool:
            lacking = {kind: n for kind, n in objects.items() if self.looks(kind) - before[kind] < times * n}
            assert not lacking, f"not looked at again yet: {lacking}"
            return True

        eventually(again, "another look at every object", seconds=seconds)

    def terminate(self) -> int:
        """SIGTERM, and its exit status. The lease is handed over."""
        process = self._process
        assert process is not None
        if process.poll() is None:
            process.terminate()
        try:
            return process.wait(20.0)
        finally:
            stop(process)

    def kill9(self) -> None:
        """SIGKILL: no goodbye, the lease stays held."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def forget_lease(self) -> None:
        """Removes the lease of a replica that is known to be dead, so that the next need not wait until it would have
        expired (15 s, and 30 s more for a request that might still be under way)."""
        assert not self.running, "the lease's holder may be alive"
        self._admin("delete", "lease", LEASE_NAME, "-n", LEASE_NAMESPACE, "--ignore-not-found")

    def restart(self, *more: str, resync: str = "10m") -> None:
        """In order: SIGTERM, then a new process."""
        if self.running:
            self.terminate()
        self.start(*more, resync=resync)

    def stop(self) -> None:
        """Whatever its state, it does not run any more, and no lease is left."""
        if self._process is not None:
            stop(self._process)
            self.forget_lease()

    def last_words(self, lines: int = 30) -> str:
        return "\n".join(self.log.splitlines()[-lines:])


class scoped_environment:
    """Environment variables for the child that is started meanwhile."""

    def __init__(self, **values: str) -> None:
        self._values = values

    def __enter__(self) -> None:
        self._before = {name: os.environ.get(name) for name in self._values}
        os.environ.update(self._values)

    def __exit__(self, *_: object) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
