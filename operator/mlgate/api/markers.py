"""Marks on types that become Kubernetes schema extensions (`x-kubernetes-*`).

Used as `Annotated[str, Immutable("...")]` on a field, or in the `validations` of a model. Rules keep to the part of CEL
that every evaluator knows (has, all, exists, exists_one, matches, size, in, startsWith, duration) plus `sum()` of the
Kubernetes list library, because the embedded store evaluates them too. Every message says what to write instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

VALIDATIONS = "x-kubernetes-validations"


@dataclass(frozen=True, slots=True)
class Cel:
    """One validation rule. `rule` sees the value as `self` and, in an update, the value before as `oldSelf`."""

    rule: str
    message: str

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = dict(handler(core))
        schema[VALIDATIONS] = [*schema.get(VALIDATIONS, []), self.as_json()]
        return schema

    def as_json(self) -> dict[str, str]:
        return {"rule": self.rule, "message": self.message}


def Immutable(message: str) -> Cel:
    """The value can never change once written. For optional fields use `fixed`: this one allows adding and removing."""
    return Cel("self == oldSelf", message)


def fixed(field: str, message: str) -> Cel:
    """A rule of a model: its optional `field` can neither be changed nor added nor removed later."""
    rule = f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
    return Cel(rule, message)


def Within(low: str, high: str) -> Cel:
    """Bounds of a duration, both allowed."""
    rule = f"duration(self) >= duration('{low}') && duration(self) <= duration('{high}')"
    return Cel(rule, f"must be between {low} and {high}")


def exactly_one(*fields: str, message: str) -> Cel:
    """A rule of a model: one of these fields, no more and no less."""
    present = ", ".join(f"has(self.{field})" for field in fields)
    return Cel(f"[{present}].exists_one(given, given)", message)


@dataclass(frozen=True, slots=True)
class _Extension:
    entries: tuple[tuple[str, Any], ...]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core), **{n: list(v) if isinstance(v, tuple) else v for n, v in self.entries}}


def ListMap(*keys: str) -> _Extension:
    """A list whose entries are told apart by `keys` (camelCase): server-side apply merges them one by one."""
    return _Extension((("x-kubernetes-list-type", "map"), ("x-kubernetes-list-map-keys", keys)))


def ListSet() -> _Extension:
    """A list of scalars without repetition, whose order means nothing."""
    return _Extension((("x-kubernetes-list-type", "set"),))


def Format(name: str) -> _Extension:
    """An OpenAPI string or number format, such as `date-time` or `int64`."""
    return _Extension((("format", name),))


def FreeForm() -> _Extension:
    """An object whose fields the service defines and we do not: kept as written, checked by nobody here."""
    return _Extension((("x-kubernetes-preserve-unknown-fields", True),))
