"""From what a writer sent to what may be stored: prune, default, validate. Pure; raises Invalid.

The order is kube-apiserver's: unknown fields go, the kind's own defaults, the schema's defaults, then metadata, the
schema and, when nothing blocks them, the rules.
"""

from __future__ import annotations

from ..protocol import Invalid, Object
from . import apply, metadata
from .kinds import Kind
from .schema import MISSING, fill_defaults, prune
from .validation import Fault, refusal, rule_faults, validate


def check_identity(kind: Kind, obj: Object, name: str) -> None:
    """apiVersion and kind must be the resource's. Raises Invalid."""
    resource = kind.resource
    if obj.get("kind", resource.kind) != resource.kind:
        said = f'{obj["kind"]}.{resource.group} "{name}" is invalid'
        raise Invalid(f'{said}: kind: Invalid value: "{obj["kind"]}": must be {resource.kind}')
    if obj.get("apiVersion", resource.api_version) != resource.api_version:
        raise Invalid(f"the API version in the data ({obj['apiVersion']}) does not match the expected API version")
    if not isinstance(obj.get("metadata"), dict):
        raise Invalid("metadata: expected map")


def check_applied(kind: Kind, obj: Object) -> None:
    """What server-side apply refuses before it merges. Raises Invalid."""
    if obj["metadata"].get("managedFields"):
        raise Invalid("metadata.managedFields must be nil")
    wrong: list[str] = []
    prune(kind.schema, obj, drop_nulls=False, unknown=wrong)
    wrong = [f"{path}: field not declared in schema" for path in wrong] + apply.mistyped(kind.schema, obj)
    if wrong:
        resource, where = kind.resource, obj["metadata"]
        who = f"{where.get('namespace', '')}/{where.get('name', '')}; {resource.api_version}, Kind={resource.kind}"
        listed = wrong[0] if len(wrong) == 1 else "errors:\n  " + "\n  ".join(wrong)
        raise Invalid(f"failed to create typed patch object ({who}): {listed}")


def admit(kind: Kind, obj: Object, live: Object | None, *, applied: bool, asked: Object | None = None) -> Object:
    """The object to store. `live` is what it replaces; `asked` the metadata that the writer sent for an update.

    Raises Invalid with every fault.
    """
    admitted: Object = prune(kind.schema, obj, drop_nulls=kind.drops_applied_nulls or not applied)
    faults: list[Fault] = []
    if live is not None and asked is not None:
        faults += metadata.update_faults(live["metadata"], asked)
    # Wrong types first: what follows relies on them.
    meta = kind.schema.properties["metadata"]
    validate(meta, admitted["metadata"], MISSING, "metadata", faults)
    if not faults:
        kind.prepare(admitted)
        fill_defaults(kind.schema, admitted)
        faults += metadata.faults(admitted["metadata"])
        before = live if live is not None else MISSING
        validate(kind.schema, admitted, before, "", faults)
        if not any(fault.blocking for fault in faults):
            rule_faults(kind.schema, admitted, before, "", faults)
        if not faults:
            faults += kind.check(admitted, live)
    if faults:
        resource = kind.resource
        raise Invalid(refusal(resource.kind, resource.group, admitted["metadata"].get("name", ""), faults))
    return admitted
