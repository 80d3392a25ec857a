"""ARM bodies as flat fields: `properties.authMode`, `sku.capacity`. Wishes and observations are compared field by field;
a PUT needs the whole body, so what is there is carried along (shared facts, azure-ml sections 1.3 and 2)."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from ...api.managed import ManagedSpec
from ...azureml import compare
from ...engine.fields import Alike, CreateOnly, Fields, MapOf, Rule
from ...sensitive import Sensitive

READ_ONLY = ("provisioningState", "scoringUri", "swaggerUri", "mlFlowTrackingUri", "workspaceId", "discoveryUrl")
"""Properties that the service sets and that have no place in a request."""
SHARED = ("tags", "properties.tags", "properties.environmentVariables")
"""Maps that others may write to as well."""
CARRIED = ("location", "kind", "identity", "sku", "tags")


def rules(table: Mapping[str, compare.Same], *, fixed: Iterable[str] = ()) -> Fields:
    """The rules of a resource from the adapter's table of recorded read-is-not-write facts. Tags of others are left
    alone; `fixed` fields cannot be changed once the resource exists."""
    found: dict[str, Rule] = {path: Alike(same) for path, same in table.items()}
    for path in fixed:
        found[path] = CreateOnly(found.get(path) or Alike(compare.exact))
    found |= {path: MapOf(merges=False) for path in SHARED}
    return Fields(Alike(compare.exact), **found)


def wish(spec: ManagedSpec, written: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """What the manifest writes, by place in the body: `written` says where the spec's fields stand there, `more` are
    those that every manifest means."""
    said = spec.model_dump(include=set(written), by_alias=False, exclude_unset=True, exclude_none=True)
    return {**{written[name]: value for name, value in said.items()}, **more}


def read(raw: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, or None."""
    value: Any = raw
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def values(raw: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What is there for every wished field."""
    return {path: read(raw, path) for path in wanted}


def body(wanted: Mapping[str, Any], sent: Mapping[str, Any], raw: Mapping[str, Any] | None) -> dict[str, Any]:
    """The whole body of a PUT: what is there, with the wish put over it; `sent` is what a plan changes of it (for a
    shared map the whole map, without the keys that go)."""
    seen = raw or {}
    whole: dict[str, Any] = {name: copy.deepcopy(seen[name]) for name in CARRIED if seen.get(name) is not None}
    kept = {name: value for name, value in (seen.get("properties") or {}).items() if name not in READ_ONLY}
    whole["properties"] = copy.deepcopy(kept)
    for path, wish in wanted.items():
        value = sent.get(path, wish)
        if path in SHARED and path not in sent:
            value = {**(read(whole, path) or {}), **value}
        place = whole
        *parents, last = path.split(".")
        for name in parents:
            if not isinstance(place.get(name), dict):
                place[name] = {}
            place = place[name]
        place[last] = _revealed(value)
    return whole


def _revealed(value: Any) -> Any:
    """Requests are the one place where secret values are written out."""
    if isinstance(value, Mapping):
        return {name: _revealed(inner) for name, inner in value.items()}
    return value.reveal() if isinstance(value, Sensitive) else value
