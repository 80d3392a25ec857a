"""Secrets that objects give away: written with server-side apply, owned, only when they differ, never over a stranger's."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping

from ..errors import Terminal
from ..reasons import Reason
from ..sensitive import Sensitive
from ..store.protocol import SECRETS, Key, Object, Store, key_of, owners
from . import objects
from .protocols import SecretOutput

OWNER_NAME = f"{objects.GROUP}/owner"
"""Annotation: kind and name of the owner; lets a restored object (new uid) recognise its restored Secret."""


class OutputSecrets:
    """Reads and writes the Secrets of one reconcile."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def current(self, owner: Object, names: Iterable[str]) -> dict[str, Object | None]:
        """The Secrets as they are. Raises Terminal ExternalConflict for one that is somebody else's: asked before
        anything is created outside, so that a credential never ends up with nowhere to go."""
        namespace = owner["metadata"].get("namespace", "")
        found: dict[str, Object | None] = {}
        for name in names:
            secret = found[name] = await self._store.get(SECRETS, namespace, name)
            if secret is not None and not owned(secret, owner):
                raise Terminal(
                    f"Secret {namespace}/{name} already exists and does not belong to {key_of(owner)}. "
                    "Delete it, or choose another name.",
                    reason=Reason.EXTERNAL_CONFLICT,
                )
        return found

    async def write(self, owner: Object, output: SecretOutput, before: Object | None) -> Object | None:
        """Bring one Secret into its state; None when it already is."""
        body = manifest(owner, output)
        if before is not None and _same(before, body):
            return None
        return await self._store.apply(SECRETS, body)


def owned(secret: Object, owner: Object) -> bool:
    """Whether a Secret is this object's."""
    if objects.uid(owner) in owners(secret):
        return True
    ours = (secret["metadata"].get("labels") or {}).get(objects.MANAGED_LABEL) == "true"
    return ours and objects.notes(secret).get(OWNER_NAME) == _owner_name(key_of(owner))


def decoded(secret: Object | None) -> Mapping[str, Sensitive] | None:
    """The data of a Secret; keys that are not text are left out."""
    if secret is None:
        return None
    data: dict[str, Sensitive] = {}
    for name, encoded in (secret.get("data") or {}).items():
        try:
            data[name] = Sensitive(base64.b64decode(encoded).decode())
        except ValueError:
            continue
    return data


def manifest(owner: Object, output: SecretOutput) -> Object:
    """The Secret to apply. Labels of the owner are not copied: GitOps tools would prune what carries theirs."""
    metadata = owner["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": output.name,
            "namespace": metadata.get("namespace", ""),
            "labels": {**output.labels, objects.MANAGED_LABEL: "true"},
            "annotations": {OWNER_NAME: _owner_name(key_of(owner))},
            "ownerReferences": [owner_reference(owner)],
        },
        "type": output.type,
        "data": {
            name: base64.b64encode((value.reveal() if isinstance(value, Sensitive) else value).encode()).decode()
            for name, value in sorted(output.data.items())
        },
    }


def owner_reference(owner: Object) -> dict[str, object]:
    """The controller reference to an object."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _owner_name(key: Key) -> str:
    return f"{key.kind}/{key.name}"


def _same(before: Object, after: Object) -> bool:
    old, new = before["metadata"], after["metadata"]
    return bool(
        before.get("data", {}) == after["data"]
        and all((old.get("labels") or {}).get(name) == value for name, value in new["labels"].items())
        and all((old.get("annotations") or {}).get(name) == value for name, value in new["annotations"].items())
        and any(ref.get("uid") == new["ownerReferences"][0]["uid"] for ref in old.get("ownerReferences") or ())
    )
