"""The administrator's eyes: objects as plain JSON, through `kubectl proxy` (any kubeconfig, no process per look)."""

from __future__ import annotations

import builtins
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx

from controlplane.kubectl import Kubectl
from controlplane.processes import free_port, spawn, stop
from mlgate.api import KINDS
from mlgate.store.protocol import EVENTS, SECRETS, Object, Resource

from .waiting import eventually

OURS: tuple[Resource, ...] = tuple(kind.resource for kind in KINDS.values())
MERGE = {"Content-Type": "application/merge-patch+json"}


class ClusterApi:
    """Lists, reads and patches. Use as a context manager."""

    def __init__(self, kubectl: Kubectl, folder: Path) -> None:
        self._kubectl, self._folder = kubectl, folder
        self._port = free_port()
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=20.0, trust_env=False)
        self._proxy: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ClusterApi:
        command = [self._kubectl.program, f"--kubeconfig={self._kubectl.kubeconfig}", "proxy", f"--port={self._port}"]
        self._proxy = spawn(command, self._folder / "kubectl-proxy.log")
        eventually(self._answers, "kubectl proxy", seconds=20)
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        if self._proxy is not None:
            stop(self._proxy)

    def _answers(self) -> bool:
        try:
            return self._http.get("/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    def list(self, resource: Resource, namespace: str | None = None) -> builtins.list[Object]:
        found = self._json(self._http.get(path_of(resource, namespace)))["items"]
        return [{"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in found]

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        answer = self._http.get(path_of(resource, namespace, name))
        return None if answer.status_code == 404 else self._json(answer)

    def patch(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object | None:
        """A merge patch; None when the object is gone."""
        answer = self._http.patch(path_of(resource, namespace, name), json=patch, headers=MERGE)
        return None if answer.status_code == 404 else self._json(answer)

    def annotate(self, resource: Resource, namespace: str, name: str, **notes: str | None) -> None:
        """Sets annotations of mlgate.dev (`approve="..."`; underscores stand for hyphens); None removes."""
        found = {f"mlgate.dev/{key.replace('_', '-')}": value for key, value in notes.items()}
        self.patch(resource, namespace, name, {"metadata": {"annotations": found}})

    def delete(self, resource: Resource, namespace: str, name: str) -> None:
        answer = self._http.delete(path_of(resource, namespace, name))
        assert answer.status_code in (200, 202, 404), answer.text

    def ours(self) -> builtins.list[Object]:
        """Every object of mlgate.dev, in all namespaces."""
        return [obj for resource in OURS for obj in self.list(resource)]

    def everything(self, namespaces: Iterable[str]) -> builtins.list[Object]:
        """Ours, and the Secrets of these namespaces: all that mlgate may write but Events and Leases."""
        return [*self.ours(), *(secret for name in namespaces for secret in self.list(SECRETS, name))]

    def versions(self, namespaces: Iterable[str]) -> dict[str, str]:
        """resourceVersion by object: equal before and after means that nothing was written."""
        return {title(obj): obj["metadata"]["resourceVersion"] for obj in self.everything(namespaces)}

    def events(self, namespaces: Iterable[str]) -> builtins.list[Object]:
        return [event for namespace in namespaces for event in self.list(EVENTS, namespace)]

    @staticmethod
    def _json(answer: httpx.Response) -> Any:
        assert answer.status_code < 300, f"{answer.request.method} {answer.request.url}: {answer.text}"
        return answer.json()


def path_of(resource: Resource, namespace: str | None, name: str | None = None) -> str:
    base = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    within = f"/namespaces/{namespace}" if namespace and resource.namespaced else ""
    return f"{base}{within}/{resource.plural}" + (f"/{name}" if name else "")


def title(obj: Object) -> str:
    """`Auth0Client shop/checkout`."""
    return f"{obj['kind']} {obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"


def condition(obj: Object | None, type_: str) -> Object:
    """A condition, or one that is Unknown."""
    found = ((obj or {}).get("status") or {}).get("conditions") or ()
    return next((c for c in found if c["type"] == type_), {"type": type_, "status": "Unknown"})


def holds(obj: Object | None, type_: str) -> bool:
    """Whether a condition is True for the generation that is there now."""
    found = condition(obj, type_)
    return (
        obj is not None and found["status"] == "True" and found["observedGeneration"] == obj["metadata"]["generation"]
    )


def how(obj: Object) -> str:
    """One line: how an object stands."""
    ready = condition(obj, "Ready")
    deleting = " (being deleted)" if obj["metadata"].get("deletionTimestamp") else ""
    said = f"{ready['status']} {ready.get('reason', '')} {ready.get('message', '')}"[:240]
    return f"{title(obj)}{deleting}: Ready={said}, Synced={condition(obj, 'Synced')['status']}"
