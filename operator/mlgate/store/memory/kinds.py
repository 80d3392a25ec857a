"""What the store knows of a kind: a CustomResourceDefinition read once, and the few built-in kinds that mlgate uses.

The built-in kinds' schemas say what their Go types say (k8s.io/api v1.37): enough to prune, to own fields and to
refuse wrong types.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..protocol import CONFIG_MAPS, EVENTS, LEASES, NAMESPACES, SECRETS, Invalid, Object, Resource
from . import metadata
from .schema import Schema
from .validation import Fault, invalid

Prepare = Callable[[Object], None]
Check = Callable[[Object, Object | None], list[Fault]]


def _nothing(obj: Object) -> None:
    return


def _no_faults(obj: Object, old: Object | None) -> list[Fault]:
    return []


@dataclass(frozen=True, slots=True)
class Kind:
    """`drops_applied_nulls`: whether null means absent in server-side apply too, as it does for Go types.

    `prepare` finishes an object before validation, in place; `check` is what a schema cannot say."""

    resource: Resource
    schema: Schema
    has_status: bool
    counts_generations: bool
    drops_applied_nulls: bool = False
    prepare: Prepare = _nothing
    check: Check = _no_faults

    @property
    def qualified(self) -> str:
        """`widgets.test.mlgate.dev`, as in the API server's messages."""
        resource = self.resource
        return f"{resource.plural}.{resource.group}" if resource.group else resource.plural


def _root(raw: Mapping[str, Any]) -> Schema:
    properties = {
        **raw.get("properties", {}),
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": metadata.SCHEMA,
    }
    return Schema({**raw, "type": "object", "properties": properties})


def from_crd(crd: Mapping[str, Any]) -> Kind:
    """A kind from its CustomResourceDefinition: the storage version. Raises UnsupportedRule, KeyError."""
    spec = crd["spec"]
    version = next(version for version in spec["versions"] if version.get("storage"))
    names = spec["names"]
    resource = Resource(
        spec["group"], version["name"], names["kind"], names["plural"], namespaced=spec["scope"] == "Namespaced"
    )
    has_status = "status" in version.get("subresources", {})
    return Kind(resource, _root(version["schema"]["openAPIV3Schema"]), has_status, counts_generations=True)


_STRING = {"type": "string"}
_STRINGS = {"type": "object", "additionalProperties": _STRING}
_TIME = {"type": "string", "format": "date-time", "nullable": True}
_REFERENCE = {
    "type": "object",
    "x-kubernetes-map-type": "atomic",
    "properties": dict.fromkeys(
        ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"), _STRING
    ),
}
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_MAX_DATA = 1024 * 1024


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _key_faults(obj: Object, *fields: str) -> list[Fault]:
    found = []
    for field in fields:
        for name in obj.get(field, {}):
            if not (_DATA_KEY.fullmatch(name) and len(name) <= 253):
                detail = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
                found.append(invalid(f"{field}[{name}]", name, detail))
        if sum(len(value) for value in obj.get(field, {}).values()) > _MAX_DATA * 4 / 3:
            found.append(Fault("TooLong", f"{field}: Too long: may not be more than {_MAX_DATA} bytes"))
    return found


def _immutable_faults(obj: Object, old: Object | None, *fields: str) -> list[Fault]:
    if not (old and old.get("immutable")):
        return []
    found = [field for field in fields if obj.get(field) != old.get(field)]
    if not obj.get("immutable"):
        found.append("immutable")
    return [Fault("Forbidden", f"{name}: Forbidden: field is immutable when `immutable` is set") for name in found]


def _prepare_secret(obj: Object) -> None:
    plain = obj.pop("stringData", None)
    if isinstance(plain, dict):
        encoded = {name: base64.b64encode(str(value).encode()).decode() for name, value in plain.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}
    if not obj.get("type"):
        obj["type"] = "Opaque"
    for value in (obj.get("data") or {}).values():
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            message = 'Secret in version "v1" cannot be handled as a Secret: illegal base64 data'
            raise Invalid(message) from error


def _check_secret(obj: Object, old: Object | None) -> list[Fault]:
    found = _key_faults(obj, "data") + _immutable_faults(obj, old, "data")
    if old and obj.get("type") != old.get("type"):
        found.append(invalid("type", obj.get("type"), "field is immutable"))
    return found


def _check_config_map(obj: Object, old: Object | None) -> list[Fault]:
    return _key_faults(obj, "data", "binaryData") + _immutable_faults(obj, old, "data", "binaryData")


def _prepare_event(obj: Object) -> None:
    for field, absent in (("source", {}), ("firstTimestamp", None), ("lastTimestamp", None), ("eventTime", None)):
        obj.setdefault(field, absent)
    for field in ("reportingComponent", "reportingInstance"):
        obj.setdefault(field, "")


def _check_event(obj: Object, old: Object | None) -> list[Fault]:
    namespace = obj.get("involvedObject", {}).get("namespace", "")
    if namespace != obj["metadata"].get("namespace") and not (namespace == "" and _in_default(obj)):
        return [invalid("involvedObject.namespace", namespace, "does not match event.namespace")]
    return []


def _in_default(obj: Object) -> bool:
    return bool(obj["metadata"].get("namespace") == "default")


def _prepare_namespace(obj: Object) -> None:
    labels = obj["metadata"].setdefault("labels", {})
    labels["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
    obj.setdefault("spec", {"finalizers": ["kubernetes"]})
    obj.setdefault("status", {"phase": "Active"})


def builtin() -> list[Kind]:
    """Namespace, Secret, ConfigMap, Event and Lease."""
    secret = _object(data=_STRINGS, stringData=_STRINGS, type=_STRING, immutable={"type": "boolean"})
    config_map = _object(data=_STRINGS, binaryData=_STRINGS, immutable={"type": "boolean"})
    event = _object(
        involvedObject=_REFERENCE,
        related=_REFERENCE,
        source=_object(component=_STRING, host=_STRING),
        count={"type": "integer"},
        series=_object(count={"type": "integer"}, lastObservedTime=_TIME),
        firstTimestamp=_TIME,
        lastTimestamp=_TIME,
        eventTime=_TIME,
        **dict.fromkeys(("reason", "message", "type", "action", "reportingComponent", "reportingInstance"), _STRING),
    )
    lease = _object(
        spec=_object(
            holderIdentity=_STRING,
            leaseDurationSeconds={"type": "integer", "minimum": 1},
            acquireTime=_TIME,
            renewTime=_TIME,
            leaseTransitions={"type": "integer", "minimum": 0},
            strategy=_STRING,
            preferredHolder=_STRING,
        )
    )
    finalizers = {"type": "array", "items": _STRING}
    namespace = _object(spec=_object(finalizers=finalizers), status=_object(phase=_STRING))
    made = (
        (NAMESPACES, namespace, _prepare_namespace, _no_faults),
        (SECRETS, secret, _prepare_secret, _check_secret),
        (CONFIG_MAPS, config_map, _nothing, _check_config_map),
        (EVENTS, event, _prepare_event, _check_event),
        (LEASES, lease, _nothing, _no_faults),
    )
    return [
        Kind(
            resource,
            _root(raw),
            resource == NAMESPACES,
            counts_generations=False,
            drops_applied_nulls=True,
            prepare=prepare,
            check=check,
        )
        for resource, raw, prepare, check in made
    ]
