"""Where the control plane's programs are: the environment, the user's cache, or a build.

`KUBEBUILDER_ASSETS` is the convention of controller-runtime's envtest; it ships without a kube-controller-manager,
so garbage collection and namespace deletion do not happen there.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

KUBERNETES_VERSION = "v1.37.2"
MODULES = Path(__file__).parent / "modules"
"""go.mod and go.sum: exactly which sources are built."""

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
REQUIRED = ("etcd", "kube-apiserver", "kubectl")

# The version is linked in, or the server calls itself v0.0.0 and kubectl and Helm refuse to work with it.
KUBERNETES_LDFLAGS = (
    f"-s -w -X k8s.io/component-base/version.gitVersion={KUBERNETES_VERSION}"
    f" -X k8s.io/client-go/pkg/version.gitVersion={KUBERNETES_VERSION}"
)
ETCD_LDFLAGS = "-s -w"


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with the programs. `origin` says why this one."""

    folder: Path
    origin: str

    def program(self, name: str) -> Path:
        return self.folder / name

    @property
    def has_controllers(self) -> bool:
        """Whether objects are garbage collected and namespaces emptied."""
        return self.program("kube-controller-manager").exists()

    @property
    def complete(self) -> bool:
        return all(os.access(self.program(name), os.X_OK) for name in REQUIRED)


def cache_root() -> Path:
    """The user's cache for everything built or fetched here."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlgate" / "controlplane"


def cache_folder() -> Path:
    """Where a build of exactly these sources and flags for this machine is kept."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((MODULES / name).read_bytes())
    digest.update("\n".join((KUBERNETES_LDFLAGS, ETCD_LDFLAGS, sys.platform, platform.machine())).encode())
    return cache_root() / f"{KUBERNETES_VERSION}-{digest.hexdigest()[:12]}"


def find_binaries() -> Binaries | None:
    """The programs, if they are here already: `KUBEBUILDER_ASSETS`, then the cache. None means: build them."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets:
        found = Binaries(Path(assets), "KUBEBUILDER_ASSETS")
        if not found.complete:
            raise FileNotFoundError(f"KUBEBUILDER_ASSETS={assets} does not hold all of {', '.join(REQUIRED)}")
        return found
    cached = Binaries(cache_folder(), "cache")
    return cached if cached.complete and cached.has_controllers else None


def binaries() -> Binaries:
    """The programs, built now when they are nowhere (minutes, with progress on stderr)."""
    from .build import build

    return find_binaries() or build()
