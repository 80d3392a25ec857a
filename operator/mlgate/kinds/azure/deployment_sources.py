"""What online and batch deployments take from other objects: the model and the environment that they register, values of
Secrets, and the newest version of a model where the manifest leaves it open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from ...api.azuremlonlinedeployment import EnvironmentSource, EnvironmentVariable, ModelSource
from ...engine.fields import Fields
from ...engine.protocols import Owner, Seen, Wanted
from ...engine.references import Need, Ref, Resolved
from ...errors import Terminal
from ...sensitive import Sensitive
from ...store.protocol import Key
from .. import links
from . import arm_body, deployment_body
from .in_workspace import Placed


class Sources(Protocol):
    """The fields of a deployment's spec that name other objects."""

    @property
    def model(self) -> ModelSource | None: ...
    @property
    def environment(self) -> EnvironmentSource | None: ...
    @property
    def environment_variables(self) -> Sequence[EnvironmentVariable] | None: ...


def registered(owner: Owner, spec: Sources) -> dict[str, Key]:
    """The objects that register its model and its environment, by field."""
    named = {"AzureMLModel": spec.model, "AzureMLEnvironment": spec.environment}
    fields = {"AzureMLModel": "model", "AzureMLEnvironment": "environment"}
    return {fields[kind]: links.key(kind, owner, source.ref) for kind, source in named.items() if source and source.ref}


def references(owner: Owner, spec: Sources) -> Iterator[Ref]:
    """To all of them."""
    yield from (Ref(key, f"spec.{field}.ref", Need.IDENTITY) for field, key in registered(owner, spec).items())
    for name in sorted({v.secret_ref.name for v in spec.environment_variables or () if v.secret_ref}):
        yield Ref(Key("Secret", owner.namespace, name), "spec.environmentVariables[].secretRef", Need.EXISTS)


def variables(
    owner: Owner, written: Sequence[EnvironmentVariable], refs: Resolved
) -> dict[str, str | Sensitive | None]:
    """Environment variables with their values. Raises Terminal naming a Secret's missing key."""
    return {
        v.name: v.value if v.secret_ref is None else _secret(owner, refs, v.secret_ref.name, v.secret_ref.key)
        for v in written
    }


async def written_out(conn: Placed, wanted: Wanted, seen: Seen | None, fields: Fields, path: str) -> Wanted:
    """The wish with the model version (at `path`) that it means now; one that is there and works stays while it fits."""
    open_version = deployment_body.left_open(str(wanted.get(path)))
    if open_version is None:
        return wanted
    present: Any = arm_body.read(seen.raw, path) if seen and not seen.raw["mlgate"]["failed"] else None
    if present is not None and not fields.diff({path: wanted[path]}, {path: present}, {}, None):
        return {**wanted, path: present}
    workspace, model, label = open_version
    version = await conn.session.models.newest(workspace, model, label)
    return {**wanted, path: f"{workspace}/models/{model}/versions/{version}"}


def _secret(owner: Owner, refs: Resolved, name: str, key: str) -> Sensitive:
    data = refs.secret(owner.namespace, name)
    if key not in data:
        raise Terminal(f"Secret {owner.namespace}/{name} has no key {key}, which spec.environmentVariables refers to.")
    return data[key]
