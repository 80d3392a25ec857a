"""kubectl as a function: the tests' administrator, and what the README tells users to type."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ESTABLISHED_SECONDS = 60.0


class KubectlError(Exception):
    """kubectl refused; `stderr` is its own sentence."""

    def __init__(self, arguments: tuple[str, ...], stderr: str) -> None:
        super().__init__(f"kubectl {' '.join(arguments)}: {stderr.strip()}")
        self.stderr = stderr


class Kubectl:
    """`kubectl("get", "ns")` returns standard output. Raises KubectlError."""

    def __init__(self, program: Path | str, kubeconfig: Path, *, own_cache: bool = True) -> None:
        self.program = str(program)
        self.kubeconfig = kubeconfig
        # Discovery is cached by address; a port of 127.0.0.1 is another cluster tomorrow.
        self._cache = ["--cache-dir", str(kubeconfig.parent / "kubectl-cache")] if own_cache else []

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs so that plain `kubectl` and client libraries talk to this cluster."""
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}

    def __call__(self, *arguments: str, stdin: str | None = None, seconds: float = 60.0) -> str:
        done = subprocess.run(
            [self.program, *self._cache, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env=self.environment,
        )
        if done.returncode != 0:
            raise KubectlError(arguments, done.stderr)
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The same with `-o json`, parsed."""
        return json.loads(self(*arguments, "-o", "json"))

    def apply(self, *objects: Mapping[str, Any], namespace: str | None = None) -> str:
        """Apply objects given as dictionaries."""
        where = ("-n", namespace) if namespace else ()
        items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        return self("apply", *where, "-f", "-", stdin=json.dumps(items))

    def install_crds(self, *paths: Path) -> None:
        """Apply CRDs (files, or folders of them) and wait until they are served."""
        files: list[str] = []
        for path in paths:
            found = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
            files += (f"--filename={file}" for file in found if file.name != "kustomization.yaml")
        self("apply", "--server-side", "--force-conflicts", *files)
        deadline = time.monotonic() + ESTABLISHED_SECONDS
        while True:
            try:
                self("wait", "--for=condition=Established", f"--timeout={ESTABLISHED_SECONDS:.0f}s", *files, seconds=90)
                return
            except KubectlError as error:
                # `kubectl wait` cannot bear a CRD whose status has no conditions yet.
                if "accessor error" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
