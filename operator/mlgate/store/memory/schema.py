"""Structural schemas (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema):
what they keep of an object and what they fill in. Whether values are allowed is `validation`'s and `cel`'s.

Checked against kube-apiserver 1.37: a null is dropped where the field is not nullable, unless server-side apply sent
it (then only a default replaces it); defaults go only into objects that exist or have a default themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast

from .cel import Rule

T = TypeVar("T")


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final[Any] = _Missing()
"""No value, where None is one."""


def copied(value: T) -> T:
    """A deep copy of JSON."""
    copy: Any = value
    if isinstance(value, dict):
        copy = {name: copied(item) for name, item in value.items()}
    elif isinstance(value, list):
        copy = [copied(item) for item in value]
    return cast(T, copy)


class Schema:
    """One node of an openAPIV3Schema, parsed once."""

    __slots__ = (
        "additional", "atomic", "default", "format", "has_defaults", "has_rules", "int_or_string", "items", "list_keys",
        "list_type", "nullable", "preserve", "properties", "raw", "required", "rules", "type",
    )  # fmt: skip

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self.type: str | None = raw.get("type")
        self.nullable: bool = raw.get("nullable", False)
        self.format: str | None = raw.get("format")
        self.default: Any = raw.get("default", MISSING)
        self.preserve: bool = raw.get("x-kubernetes-preserve-unknown-fields", False)
        self.int_or_string: bool = raw.get("x-kubernetes-int-or-string", False)
        self.required: list[str] = list(raw.get("required", ()))
        self.properties = {name: Schema(child) for name, child in raw.get("properties", {}).items()}
        additional = raw.get("additionalProperties")
        self.additional = Schema(additional) if isinstance(additional, Mapping) else None
        items = raw.get("items")
        self.items = Schema(items) if isinstance(items, Mapping) else None
        self.list_type: str = raw.get("x-kubernetes-list-type", "atomic")
        self.list_keys: list[str] = list(raw.get("x-kubernetes-list-map-keys", ()))
        self.atomic: bool = raw.get("x-kubernetes-map-type") == "atomic" or (
            self.type == "array" and self.list_type == "atomic"
        )
        self.rules = [Rule(rule, raw) for rule in raw.get("x-kubernetes-validations", ())]
        children = [*self.properties.values(), *(child for child in (self.additional, self.items) if child)]
        self.has_defaults: bool = any(child.default is not MISSING or child.has_defaults for child in children)
        self.has_rules: bool = bool(self.rules) or any(child.has_rules for child in children)

    def child(self, name: str) -> Schema | None:
        """The schema of a field of an object, or of a map's values."""
        return self.properties.get(name, self.additional)

    def key_of(self, item: Any) -> tuple[Any, ...]:
        """A list-map item's key; absent keys with a default have the default."""
        assert self.items is not None
        found = []
        for name in self.list_keys:
            value = item.get(name, MISSING) if isinstance(item, dict) else MISSING
            if value is MISSING:
                child = self.items.properties.get(name)
                value = child.default if child else MISSING
            found.append(value)
        return tuple(found)


def prune(schema: Schema, value: Any, *, drop_nulls: bool, unknown: list[str] | None = None, path: str = "") -> Any:
    """A copy of `value` without what the schema does not know; the paths of that are added to `unknown`."""
    if isinstance(value, dict):
        kept = {}
        for name, item in value.items():
            child = schema.child(name)
            if child is None:
                if schema.preserve:
                    kept[name] = copied(item)
                elif unknown is not None:
                    unknown.append(f"{path}.{name}")
                continue
            if item is None and drop_nulls and not child.nullable:
                continue
            kept[name] = prune(child, item, drop_nulls=drop_nulls, unknown=unknown, path=f"{path}.{name}")
        return kept
    if isinstance(value, list) and schema.items is not None:
        return [
            prune(schema.items, item, drop_nulls=drop_nulls, unknown=unknown, path=f"{path}[{index}]")
            for index, item in enumerate(value)
        ]
    return copied(value)


def fill_defaults(schema: Schema, value: Any) -> None:
    """Put the schema's defaults into `value`, in place."""
    if not schema.has_defaults:
        return
    if isinstance(value, dict):
        for name, child in schema.properties.items():
            if child.default is not MISSING and (name not in value or (value[name] is None and not child.nullable)):
                value[name] = copied(child.default)
            if child.has_defaults and name in value:
                fill_defaults(child, value[name])
        if schema.additional is not None and schema.additional.has_defaults:
            for name, item in value.items():
                if name not in schema.properties:
                    fill_defaults(schema.additional, item)
    elif isinstance(value, list) and schema.items is not None:
        for item in value:
            fill_defaults(schema.items, item)
