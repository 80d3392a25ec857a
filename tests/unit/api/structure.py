"""A small judge of manifests by a CRD's schema and its CEL rules, for tests without an API server.

The real API server is the judge in `tests/e2e/api`; this one tells at once, and shows that the rules keep to the CEL
that an evaluator other than the API server's knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import cel

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "number": (int, float),
}


def complaints(schema: Mapping[str, Any], value: Any, old: Any = None, path: str = "") -> Iterator[str]:
    """Everything that is wrong with `value`, as `path: sentence`. `old` is what an update starts from."""
    if not isinstance(value, _TYPES[schema["type"]]) or (schema["type"] == "integer" and isinstance(value, bool)):
        yield f"{path}: must be of type {schema['type']}"
        return
    yield from _scalar(schema, value, path)
    if isinstance(value, dict):
        yield from _object(schema, value, old if isinstance(old, dict) else {}, path)
    if isinstance(value, list):
        yield from _list(schema, value, path)
    for rule in schema.get("x-kubernetes-validations", ()):
        if "oldSelf" in rule["rule"] and old is None:
            continue
        if not _holds(rule["rule"], value, old):
            yield f"{path}: {rule['message']}"


def with_defaults(schema: Mapping[str, Any], value: Any) -> Any:
    """The value as the API server stores it."""
    if isinstance(value, dict):
        named = schema.get("properties", {})
        value = {**{name: inner["default"] for name, inner in named.items() if "default" in inner}, **value}
        return {name: with_defaults(named.get(name, {}), inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_defaults(schema.get("items", {}), inner) for inner in value]
    return value


def _scalar(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: must be one of {schema['enum']}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: must match {schema['pattern']}"
    for least, most, size in (
        ("minimum", "maximum", lambda: value),
        ("minLength", "maxLength", lambda: len(value)),
        ("minItems", "maxItems", lambda: len(value)),
        ("minProperties", "maxProperties", lambda: len(value)),
    ):
        if (least in schema and size() < schema[least]) or (most in schema and size() > schema[most]):
            yield f"{path}: {least} {schema.get(least)}, {most} {schema.get(most)}"


def _object(schema: Mapping[str, Any], value: Mapping[str, Any], old: Mapping[str, Any], path: str) -> Iterator[str]:
    named, others = schema.get("properties", {}), schema.get("additionalProperties")
    yield from (f"{path}: {name} is required" for name in schema.get("required", ()) if name not in value)
    for name, inner in value.items():
        below = f"{path}.{name}" if path else name
        if name in named:
            yield from complaints(named[name], inner, old.get(name), below)
        elif others is not None:
            yield from complaints(others, inner, old.get(name), path + "{}")
        elif schema.get("x-kubernetes-preserve-unknown-fields"):
            continue
        elif below.partition(".")[0] != "metadata":
            yield f"{below}: unknown field"


def _list(schema: Mapping[str, Any], value: list[Any], path: str) -> Iterator[str]:
    keys = schema.get("x-kubernetes-list-map-keys")
    if schema.get("x-kubernetes-list-type") == "set" or keys:
        seen = [tuple(inner.get(key) for key in keys) if keys else inner for inner in value]
        if len(set(seen)) != len(seen):
            yield f"{path}: an entry stands there twice"
    for inner in value:
        yield from complaints(schema["items"], inner, None, path + "[]")


def _holds(rule: str, value: Any, old: Any) -> bool:
    context = cel.Context(variables={"self": value, "oldSelf": old}, functions={"sum": sum})
    return bool(cel.evaluate(rule, context))
