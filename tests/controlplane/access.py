"""A ServiceAccount's way in: a kubeconfig that holds only its token, so that a test runs under the RBAC it names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .kubectl import Kubectl
from .servers import kubeconfig_document


@dataclass(frozen=True, slots=True)
class ServiceAccountAccess:
    """`kubectl` acts as the ServiceAccount."""

    namespace: str
    name: str
    kubeconfig: Path
    kubectl: Kubectl


def service_account_kubeconfig(
    admin: Kubectl,
    folder: Path,
    *,
    namespace: str,
    name: str,
    manifests: Iterable[Path] = (),
    objects: Iterable[Mapping[str, Any]] = (),
    duration: str = "8h",
) -> ServiceAccountAccess:
    """Make the ServiceAccount if it is missing, apply its RBAC (files and dictionaries), ask for a token.

    The token comes from the TokenRequest API (`kubectl create token`) and lasts `duration`.
    """
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}
    admin.apply(account, *objects)
    for manifest in manifests:
        admin("apply", "-f", str(manifest))
    token = admin("create", "token", name, "-n", namespace, f"--duration={duration}").strip()
    view = json.loads(admin("config", "view", "--raw", "--flatten", "--minify", "-o", "json"))
    cluster = view["clusters"][0]["cluster"]
    document = kubeconfig_document(
        cluster["server"], cluster.get("certificate-authority-data", ""), token, user=f"{namespace}-{name}"
    )
    document["clusters"] = [{"name": "mlgate", "cluster": cluster}]  # with its TLS server name or proxy, if any
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{namespace}-{name}.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(document, indent=1))
    return ServiceAccountAccess(namespace, name, path, Kubectl(admin.program, path))
