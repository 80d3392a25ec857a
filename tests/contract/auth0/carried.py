"""Which settings of the service a kind's manifest can say: the paths of its type, in the words of the wire.

Names of fields are the wire's but for their case. Below what is free-form everything can be said.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

FREE = "*"


def paths(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every path of a type, `a.b` for a field of an object or of the objects of a list; `a.*` for what is free-form."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        yield from _below(field.annotation, f"{prefix}{name}.")


def _below(annotation: Any, prefix: str) -> Iterator[str]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _below(get_args(annotation)[0], prefix)
    elif origin in {Union, types.UnionType, list}:
        for each in get_args(annotation):
            yield from _below(each, prefix)
    elif origin is dict or annotation is Any:
        yield f"{prefix}{FREE}"
    elif origin is not Literal and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from paths(annotation, prefix)


def says(carried: frozenset[str], path: str) -> bool:
    """Whether a path of a body is among those of a type, or below something free-form."""
    parts = path.split(".")
    return path in carried or any(f"{'.'.join(parts[:n])}.{FREE}" in carried for n in range(1, len(parts)))


def written(body: Any, prefix: str = "") -> Iterator[str]:
    """Every path of a recorded body."""
    if isinstance(body, Mapping):
        for name, below in body.items():
            yield f"{prefix}{name}"
            yield from written(below, f"{prefix}{name}.")
    elif isinstance(body, list):
        for below in body:
            yield from written(below, prefix)
