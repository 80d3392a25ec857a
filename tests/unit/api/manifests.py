"""Manifests for the tests: the examples, and the wrong ones that the rules of the CRDs refuse.

`refusals/<Kind>.yaml` says what is wrong as a change of `examples/kinds/<Kind>.yaml`: `set` writes values at paths (null
removes), `before` does so in the object that an update starts from. `x*513` stands for 513 times the letter x.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from mlgate.api.crd import crds

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"
REFUSALS = Path(__file__).with_name("refusals")


@dataclass(frozen=True)
class Rule:
    """A CEL rule of a CRD. `at` is the path in the schema: `[]` for entries of a list, `{}` for those of a map."""

    kind: str
    at: str
    message: str
    cel: str

    def __str__(self) -> str:
        return f"{self.kind} {self.at or 'object'}: {self.message}"


@dataclass(frozen=True)
class Refusal:
    """A wrong manifest, or a wrong change from `before` to `after`, and the rule that refuses it."""

    rule: Rule
    before: dict[str, Any] | None
    after: dict[str, Any]
    number: int

    def __str__(self) -> str:
        return f"{self.rule} ({self.number})"


def schema_of(crd: Mapping[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def fields(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every place in a schema, depth first."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from fields(inner, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from fields(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from fields(schema["additionalProperties"], f"{path}{{}}")


@cache
def rules() -> list[Rule]:
    """Every CEL rule of every CRD."""
    return [
        Rule(crd["spec"]["names"]["kind"], path, one["message"], one["rule"])
        for crd in crds()
        for path, schema in fields(schema_of(crd))
        for one in schema.get("x-kubernetes-validations", ())
    ]


def example_files() -> list[Path]:
    return sorted(EXAMPLES.rglob("*.yaml"))


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]


def example(kind: str) -> dict[str, Any]:
    """The example of one kind."""
    (only,) = documents(EXAMPLES / "kinds" / f"{kind}.yaml")
    return only


@cache
def refusals() -> list[Refusal]:
    """Every wrong manifest of the tables. Raises LookupError for one whose rule is in no CRD."""
    known = {(rule.kind, rule.at, rule.message): rule for rule in rules()}
    shared = _table("every-kind")
    found: list[Refusal] = []
    for kind in dict.fromkeys(rule.kind for rule in rules()):
        common = [entry for entry in shared if (kind, entry["at"], entry["refuses"]) in known]
        for entry in [*common, *_table(kind)]:
            named = (kind, entry["at"], entry["refuses"])
            if named not in known:
                raise LookupError(f"no CRD has this rule any more: {named}")
            found.append(_refusal(known[named], entry, len(found)))
    return found


def _table(name: str) -> list[dict[str, Any]]:
    path = REFUSALS / f"{name}.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else []


def _refusal(rule: Rule, entry: Mapping[str, Any], number: int) -> Refusal:
    before = example(rule.kind)
    for path, value in entry.get("before", {}).items():
        _set(before, path, value)
    after = copy.deepcopy(before)
    for path, value in entry["set"].items():
        _set(after, path, value)
    return Refusal(rule, before if entry.get("update") else None, after, number)


def _set(target: Any, path: str, value: Any) -> None:
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
    for part in parents:
        target = target[part]
    if value is None:
        del target[last]
    else:
        target[last] = _expanded(value)


def _expanded(value: Any) -> Any:
    if isinstance(value, dict):
        return {_expanded(name): _expanded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_expanded(inner) for inner in value]
    if isinstance(value, str) and (long := re.fullmatch(r"(.)\*(\d+)", value)):
        return long[1] * int(long[2])
    return value
