"""What an object needs before it can be carried out: other objects and Secrets.

A kind names its references; the engine resolves them, checks `allowedNamespaces`, waits for what is missing and wakes the
object when a target changes (`cache` keeps the reverse index).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ..api.references import AllowedNamespaces, may_refer
from ..errors import Denied, Terminal, Wait
from ..reasons import Reason
from ..sensitive import Sensitive
from ..store.protocol import Key, Object
from . import objects

SECRET = "Secret"  # noqa: S105 (a kind, not a secret)
CONFIG_MAP = "ConfigMap"


class Need(Enum):
    """How far the target must be."""

    EXISTS = "exists"
    """It only has to be there (its spec is what counts)."""
    IDENTITY = "identity"
    """It has an external id: it exists outside."""
    STANDING = "standing"
    """It was Ready and Synced when last looked at, for whatever generation: a connection works while its settings
    change."""
    READY = "ready"
    """It is Ready and Synced for its current generation."""
    MAYBE = "maybe"
    """May be missing; the kind says what that means."""


@dataclass(frozen=True, slots=True)
class Ref:
    """One reference. `path` is the field that names it, for messages. `guard` keeps a Secret from vanishing while
    something outside still needs it to be deleted."""

    target: Key
    path: str
    need: Need = Need.READY
    guard: bool = False
    then: Callable[[Target], Iterable[Ref]] | None = None
    """What the target itself refers to and this object needs too (the credentials of a tenant). Resolved along with it.
    A Secret behind a target wakes only the target, which says how it went; other objects wake this one too."""


@dataclass(frozen=True, slots=True)
class Target:
    """A resolved object."""

    object: Object

    @property
    def spec(self) -> Mapping[str, Any]:
        return objects.spec(self.object)

    @property
    def status(self) -> Mapping[str, Any]:
        return objects.status(self.object)

    @property
    def external_id(self) -> str | None:
        return self.status.get("externalId")

    @property
    def namespace(self) -> str:
        return str(self.object["metadata"].get("namespace", ""))

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])

    @property
    def deleting(self) -> bool:
        return objects.deleting(self.object)


@dataclass(frozen=True, slots=True)
class Resolved:
    """The resolved references of one object, by target."""

    targets: Mapping[Key, Target] = field(default_factory=dict)
    secrets: Mapping[Key, Mapping[str, Sensitive]] = field(default_factory=dict)
    config_maps: Mapping[Key, Mapping[str, str]] = field(default_factory=dict)

    def get(self, kind: str, namespace: str, name: str) -> Target:
        """The target. Raises KeyError for what the kind did not name in `references` or what may be missing."""
        return self.targets[Key(kind, namespace, name)]

    def find(self, kind: str, namespace: str, name: str) -> Target | None:
        """The target of a reference that may be missing."""
        return self.targets.get(Key(kind, namespace, name))

    def secret(self, namespace: str, name: str) -> Mapping[str, Sensitive]:
        """The data of a Secret."""
        return self.secrets[Key(SECRET, namespace, name)]

    def config_map(self, namespace: str, name: str) -> Mapping[str, str]:
        """The data of a ConfigMap."""
        return self.config_maps[Key(CONFIG_MAP, namespace, name)]


def check(ref: Ref, owner: Key, target: Object | None, *, deleting: bool = False) -> Target | None:
    """The target when it is as far as the reference needs it. Raises Wait or Denied, naming both sides.

    For an object that is being deleted only existence counts: what it needs is a way to reach the service."""
    if target is None:
        if ref.need is Need.MAYBE or deleting:
            return None
        raise Wait(
            f"{ref.target} does not exist; {ref.path} of {owner} refers to it. Create it, or correct the name.",
            reason=Reason.DEPENDENCY_NOT_FOUND,
        )
    if not deleting and not permitted(owner.namespace, ref.target, target):
        raise Denied(
            f"{ref.target} may not be referred to from namespace {owner.namespace} ({ref.path}). "
            f"Let {owner.namespace} in with its spec.allowedNamespaces, or move the object."
        )
    if deleting or ref.need in (Need.EXISTS, Need.MAYBE):
        return Target(target)
    if ref.need is Need.IDENTITY and objects.status(target).get("externalId") and not objects.deleting(target):
        return Target(target)
    stood = objects.says(target, "Ready") and objects.says(target, "Synced") and not objects.deleting(target)
    if (ref.need is Need.READY and objects.is_ready(target)) or (ref.need is Need.STANDING and stood):
        return Target(target)
    raise Wait(_why_not(ref.target, target), reason=Reason.DEPENDENCY_NOT_READY, brief=stood)


def permitted(namespace: str, key: Key, target: Object) -> bool:
    """Whether objects of `namespace` may refer to `target`: its own namespace always, others by
    `spec.allowedNamespaces`."""
    if namespace == key.namespace or key.kind == SECRET:
        return namespace == key.namespace
    allowed = objects.spec(target).get("allowedNamespaces")
    return may_refer(AllowedNamespaces.model_validate(allowed) if allowed else None, key.namespace, namespace)


def _why_not(key: Key, target: Object) -> str:
    if objects.deleting(target):
        return f"Waits for {key}, which is being deleted."
    ready = objects.condition(target, "Ready") or {}
    synced = objects.condition(target, "Synced") or {}
    if not ready:
        return f"Waits for {key}, which has not been looked at yet."
    worst = ready if ready.get("status") != "True" else synced
    if worst.get("status") == "True":
        return f"Waits for {key}, which was changed and is being looked at."
    message = str(worst.get("message", ""))
    if message.startswith("Waits for "):
        return message  # the end of the chain is what helps
    return f"Waits for {key} ({worst.get('reason', 'Unknown')}): {message}".strip()


def secret_data(ref: Ref, owner: Key, secret: Object | None) -> Mapping[str, Sensitive]:
    """The data of a referenced Secret as sensitive values. Raises Terminal CredentialsMissing."""
    if secret is None:
        raise Terminal(
            f"Secret {ref.target.namespace}/{ref.target.name} does not exist; {ref.path} of {owner} refers to it. "
            "Create it; mlgate goes on as soon as it is there.",
            reason=Reason.CREDENTIALS_MISSING,
        )
    data: dict[str, Sensitive] = {}
    for name, encoded in (secret.get("data") or {}).items():
        try:
            data[name] = Sensitive(base64.b64decode(encoded, validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            raise Terminal(
                f"Key {name} of Secret {ref.target.namespace}/{ref.target.name} is not text. Put plain text there.",
                reason=Reason.CREDENTIALS_MISSING,
            ) from None
    return data


def targets(refs: Iterable[Ref]) -> frozenset[Key]:
    """What must wake the object when it changes."""
    return frozenset(ref.target for ref in refs)
