"""Owners, references and objects as the kinds are given them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlgate.engine.marks import Mark
from mlgate.engine.protocols import Owner
from mlgate.engine.references import Resolved, Target
from mlgate.sensitive import Sensitive
from mlgate.store.protocol import Key, Object, key_of
from unit.engine.samples import an_object

MARK = Mark("prod", "Kind", "ml", "fraud", "uid-1")
OWNER = Owner("ml", "fraud", "uid-1", 1, MARK)


def owner(name: str = "fraud", namespace: str = "ml") -> Owner:
    return Owner(namespace, name, "uid-1", 1, Mark("prod", "Kind", namespace, name, "uid-1"))


def resolved(*objects: Object, secrets: Mapping[Key, Mapping[str, Sensitive]] | None = None) -> Resolved:
    return Resolved({key_of(obj): Target(obj) for obj in objects}, secrets or {})


def an_api(*permissions: str, name: str = "fraud", namespace: str = "ml", silent: bool = False) -> Object:
    spec: dict[str, Any] = {"identifier": f"https://{name}"}
    if not silent:
        spec["permissions"] = [{"name": permission} for permission in permissions]
    return an_object("Auth0API", name, namespace=namespace, spec=spec)


def a_secured_endpoint(
    name: str = "fraud", namespace: str = "ml", url: str | None = "https://fraud.example/score"
) -> Object:
    status = {"url": url} if url else {}
    spec = {"access": {"audience": f"https://{name}"}}
    return an_object("SecuredModelEndpoint", name, namespace=namespace, spec=spec, status=status)
