"""The rules of `metadata`, the same for every kind. Sentences are those of kube-apiserver 1.37."""

from __future__ import annotations

import re
from typing import Any

from ..protocol import Object
from .validation import Fault, invalid

_STRINGS = {"type": "object", "additionalProperties": {"type": "string"}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        **{name: {"type": "string"} for name in ("name", "namespace", "generateName", "uid", "resourceVersion")},
        "selfLink": {"type": "string"},
        "generation": {"type": "integer"},
        "creationTimestamp": {"type": "string", "nullable": True},
        "deletionTimestamp": {"type": "string", "nullable": True},
        "deletionGracePeriodSeconds": {"type": "integer"},
        "managedFields": {"type": "array", "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        "labels": _STRINGS,
        "annotations": _STRINGS,
        "finalizers": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "ownerReferences": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["uid"],
            "items": {
                "type": "object",
                "x-kubernetes-map-type": "atomic",
                "properties": {
                    **{name: {"type": "string"} for name in ("apiVersion", "kind", "name", "uid")},
                    "controller": {"type": "boolean"},
                    "blockOwnerDeletion": {"type": "boolean"},
                },
            },
        },
    },
}
OURS = ("labels", "annotations", "finalizers", "ownerReferences")
"""What writers may change; everything else is the server's."""

_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_LABEL_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_MAX_ANNOTATIONS = 256 * 1024


def name_faults(name: str, *, dots: bool = True) -> list[Fault]:
    """Whether an object may be called that. Namespaces and others that end in DNS labels have no dots."""
    if not name:
        return [Fault("Required", "metadata.name: Required value: name or generateName is required")]
    limit = 253 if dots else 63
    if len(name) > limit:
        return [invalid("metadata.name", name, f"must be no more than {limit} characters")]
    if not dots and "." in name:
        return [invalid("metadata.name", name, "must not contain dots")]
    if not re.fullmatch(_SUBDOMAIN, name):
        detail = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
            f"start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
        )
        return [invalid("metadata.name", name, detail)]
    return []


def _qualified(name: str) -> bool:
    prefix, slash, last = name.rpartition("/")
    if slash and not (re.fullmatch(_SUBDOMAIN, prefix) and len(prefix) <= 253):
        return False
    return len(last) <= 63 and bool(_LABEL_NAME.fullmatch(last))


def faults(metadata: Object) -> list[Fault]:
    """What is wrong with labels, annotations and owner references."""
    found: list[Fault] = []
    for name, value in metadata.get("labels", {}).items():
        if not _qualified(name):
            detail = (
                "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with one"
            )
            found.append(invalid("metadata.labels", name, detail))
        if value and not (len(value) <= 63 and _LABEL_NAME.fullmatch(value)):
            detail = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'"
            found.append(invalid("metadata.labels", value, detail))
    annotations = metadata.get("annotations", {})
    for name in annotations:
        if not _qualified(name.lower()):
            found.append(invalid("metadata.annotations", name, "name part must consist of alphanumeric characters"))
    if sum(len(name) + len(value) for name, value in annotations.items()) > _MAX_ANNOTATIONS:
        found.append(Fault("TooLong", f"metadata.annotations: Too long: may not be more than {_MAX_ANNOTATIONS} bytes"))
    references = metadata.get("ownerReferences", ())
    for index, reference in enumerate(references):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not reference.get(field):
                where = f"metadata.ownerReferences[{index}].{field}"
                found.append(Fault("Required", f"{where}: Required value: must not be empty"))
    if sum(1 for reference in references if reference.get("controller")) > 1:
        detail = "Only one reference can have Controller set to true"
        found.append(invalid("metadata.ownerReferences", references, detail))
    return found


def update_faults(live: Object, asked: Object) -> list[Fault]:
    """What an update may not do to `metadata`. `asked` is the metadata as the writer wants it."""
    found: list[Fault] = []
    for field in ("uid", "deletionTimestamp"):
        if asked.get(field) and asked[field] != live.get(field):
            found.append(invalid(f"metadata.{field}", asked[field], "field is immutable"))
    if live.get("deletionTimestamp"):
        new = [name for name in asked.get("finalizers", ()) if name not in live.get("finalizers", ())]
        if new:
            listed = ", ".join(f'"{name}"' for name in new)
            detail = "no new finalizers can be added if the object is being deleted, found new finalizers []string"
            found.append(Fault("Forbidden", f"metadata.finalizers: Forbidden: {detail}{{{listed}}}"))
    return found


def updated(live: Object, asked: Object) -> Object:
    """The metadata after an update: the writer's fields from `asked`, the server's from `live`."""
    kept = {name: value for name, value in live.items() if name not in OURS}
    return {**kept, **{name: asked[name] for name in OURS if asked.get(name)}}
