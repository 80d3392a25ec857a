"""From a pydantic model to a Kubernetes structural schema.

Structural means (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/):
every value has a type, no `$ref`, no `anyOf`, no `null`, no `additionalProperties: false`, no `title`. pydantic says
optional as `anyOf [X, null]` with `default: null`; both go, a field is optional by not being required.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .markers import VALIDATIONS
from .meta import Api

Schema = dict[str, Any]

_ORDER = (
    "description",
    "type",
    "format",
    "enum",
    "default",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "required",
    "properties",
    "additionalProperties",
    "x-kubernetes-preserve-unknown-fields",
    "items",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    VALIDATIONS,
)


class NotStructural(TypeError):
    """A type cannot be said as a structural schema; the message has the path of the field."""


def structural(model: type[Api]) -> Schema:
    """The structural schema of a model, by its camelCase names. Raises NotStructural."""
    raw = model.model_json_schema(by_alias=True, mode="validation")
    return _structural(raw, raw.get("$defs", {}), model.__name__)


def _structural(raw: Mapping[str, Any], defs: Mapping[str, Any], path: str) -> Schema:
    schema = _flattened(raw, defs, path)
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if "enum" in schema:
        schema.setdefault("type", "string")
    if "properties" in schema:
        schema["properties"] = {
            name: _structural(value, defs, f"{path}.{name}") for name, value in schema["properties"].items()
        }
    if "items" in schema:
        schema["items"] = _structural(schema["items"], defs, f"{path}[]")
    if isinstance(schema.get("additionalProperties"), Mapping):
        schema["additionalProperties"] = _structural(schema["additionalProperties"], defs, f"{path}{{}}")
    else:
        schema.pop("additionalProperties", None)
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
    unknown = schema.keys() - set(_ORDER)
    if unknown or "type" not in schema:
        raise NotStructural(f"{path}: {sorted(unknown) or 'no type'}")
    return {name: schema[name] for name in _ORDER if name in schema}


def _flattened(raw: Mapping[str, Any], defs: Mapping[str, Any], path: str) -> Schema:
    """`raw` with references, optionality and single `allOf` folded into it."""
    schema = {name: value for name, value in raw.items() if name not in ("title", "$defs")}
    inner: list[Mapping[str, Any]] = []
    if "$ref" in schema:
        inner.append(defs[schema.pop("$ref").rsplit("/", 1)[1]])
    inner.extend(schema.pop("allOf", ()))
    if "anyOf" in schema:
        alternatives = [one for one in schema.pop("anyOf") if one.get("type") != "null"]
        if len(alternatives) != 1:
            raise NotStructural(f"{path}: a union of {len(alternatives)} types")
        inner.extend(alternatives)
    for one in inner:
        schema = _merged(_flattened(one, defs, path), schema)
    if "default" in schema:
        schema["default"] = _without_nulls(schema["default"])
        if schema["default"] is None:
            del schema["default"]
    return schema


def _merged(inner: Schema, outer: Schema) -> Schema:
    """What the field says wins over what its type says, except that rules of both hold."""
    merged = {**inner, **outer}
    rules = [*inner.get(VALIDATIONS, ()), *outer.get(VALIDATIONS, ())]
    if rules:
        merged[VALIDATIONS] = [rule for index, rule in enumerate(rules) if rule not in rules[:index]]
    return merged


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return value
