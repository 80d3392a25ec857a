"""Whether a value fits its schema, with the API server's sentences.

On update an unchanged value is not judged again ("ratcheting",
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-ratcheting).
Sentences are those of kube-apiserver 1.37.
"""

from __future__ import annotations

import datetime
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from .schema import MISSING, Schema

Why = Literal["Required", "TypeInvalid", "Unsupported", "TooLong", "TooMany", "Duplicate", "Invalid", "Forbidden"]
_BLOCKING = {"Required", "TypeInvalid", "Unsupported", "TooLong", "TooMany"}
UNCHECKED = (
    "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)
_INTEGERS = {"int32": 2**31, "int64": 2**63}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `text` is complete: path, class and detail."""

    why: Why
    text: str

    @property
    def blocking(self) -> bool:
        """Whether rules are not evaluated with this fault in the object."""
        return self.why in _BLOCKING


def invalid(path: str, value: Any, detail: str) -> Fault:
    """`path: Invalid value: <value>: detail`; objects and lists are not shown, as the API server does."""
    shown = "" if isinstance(value, dict | list) else f"{json.dumps(value)}: "
    return Fault("Invalid", f"{path}: Invalid value: {shown}{detail}")


def refusal(kind: str, group: str, name: str, faults: list[Fault]) -> str:
    """The whole message for an object."""
    texts = list(dict.fromkeys(fault.text for fault in faults))
    if any(fault.blocking for fault in faults) and group:
        texts.append(UNCHECKED)
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    return f'{kind}{f".{group}" if group else ""} "{name}" is invalid: {listed}'


def json_type(value: Any) -> str:
    """The schema's word for a value's type."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def validate(schema: Schema, value: Any, old: Any, path: str, faults: list[Fault]) -> None:
    """Add to `faults` what is wrong with `value`. `old` is what it was, or MISSING."""
    if old is not MISSING and old == value and json_type(old) == json_type(value):
        return
    if value is None and schema.nullable:
        return
    found = json_type(value)
    wanted = _wanted_types(schema)
    if wanted and found not in wanted and not (found == "integer" and "number" in wanted):
        words = ",".join(wanted)
        detail = f'Invalid value: "{found}": {path} in body must be of type {words}: "{found}"'
        faults.append(Fault("TypeInvalid", f"{path}: {detail}"))
        return
    if "enum" in schema.raw and value not in schema.raw["enum"]:
        supported = ", ".join(json.dumps(item) for item in schema.raw["enum"])
        detail = f"Unsupported value: {json.dumps(value)}: supported values: {supported}"
        faults.append(Fault("Unsupported", f"{path}: {detail}"))
    if found == "string":
        _string(schema, value, path, faults)
    elif found in ("integer", "number"):
        _number(schema, value, path, faults)
    elif found == "array":
        _array(schema, value, old, path, faults)
    elif found == "object":
        _object(schema, value, old, path, faults)


def _wanted_types(schema: Schema) -> tuple[str, ...]:
    if schema.int_or_string:
        return ("integer", "string")
    return (schema.type,) if schema.type else ()


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    # RE2's $ is the very end; Python's also stands before a final newline.
    if pattern.endswith("$") and not pattern.endswith("\\$"):
        pattern = pattern[:-1] + r"\Z"
    return re.compile(pattern)


def _string(schema: Schema, value: str, path: str, faults: list[Fault]) -> None:
    raw = schema.raw
    if "maxLength" in raw and len(value) > raw["maxLength"]:
        faults.append(Fault("TooLong", f"{path}: Too long: may not be more than {raw['maxLength']} bytes"))
    if len(value) < raw.get("minLength", 0):
        faults.append(invalid(path, value, f"{path} in body should be at least {raw['minLength']} chars long"))
    if "pattern" in raw and not _pattern(raw["pattern"]).search(value):
        faults.append(invalid(path, value, f"{path} in body should match '{raw['pattern']}'"))
    if schema.format in _FORMATS and not _FORMATS[schema.format](value):
        detail = f'Invalid value: {json.dumps(value)}: {path} in body must be of type {schema.format}: "{value}"'
        faults.append(Fault("TypeInvalid", f"{path}: {detail}"))


def _is_date_time(value: str) -> bool:
    if not re.match(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d", value):
        return False
    try:
        datetime.datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_duration(value: str) -> bool:
    return bool(
        re.fullmatch(r"[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))*|0", value)
    )


_FORMATS = {"date-time": _is_date_time, "duration": _is_duration}


def _number(schema: Schema, value: float, path: str, faults: list[Fault]) -> None:
    raw = schema.raw
    if "minimum" in raw and (value <= raw["minimum"] if raw.get("exclusiveMinimum") else value < raw["minimum"]):
        words = "greater than" if raw.get("exclusiveMinimum") else "greater than or equal to"
        faults.append(invalid(path, value, f"{path} in body should be {words} {raw['minimum']}"))
    if "maximum" in raw and (value >= raw["maximum"] if raw.get("exclusiveMaximum") else value > raw["maximum"]):
        words = "less than" if raw.get("exclusiveMaximum") else "less than or equal to"
        faults.append(invalid(path, value, f"{path} in body should be {words} {raw['maximum']}"))
    if "multipleOf" in raw and value % raw["multipleOf"]:
        faults.append(invalid(path, value, f"{path} in body should be a multiple of {raw['multipleOf']}"))
    limit = _INTEGERS.get(schema.format or "")
    if limit and not -limit <= value < limit:
        detail = f"Checked value must be of type integer with format {schema.format} in {path}"
        faults.append(Fault("Invalid", f'<nil>: Invalid value: "": {detail}'))


def _array(schema: Schema, value: list[Any], old: Any, path: str, faults: list[Fault]) -> None:
    raw = schema.raw
    if "maxItems" in raw and len(value) > raw["maxItems"]:
        detail = f"Too many: {len(value)}: must have at most {raw['maxItems']} items"
        faults.append(Fault("TooMany", f"{path}: {detail}"))
    if len(value) < raw.get("minItems", 0):
        faults.append(invalid(path, len(value), f"{path} in body should have at least {raw['minItems']} items"))
    if schema.items is None:
        return
    before = old_items(schema, old)
    for index, item in enumerate(value):
        validate(schema.items, item, old_item(schema, before, item), f"{path}[{index}]", faults)
    if schema.list_type in ("set", "map"):
        _unique(schema, value, path, faults)


def _unique(schema: Schema, value: list[Any], path: str, faults: list[Fault]) -> None:
    seen: set[str] = set()
    for index, item in enumerate(value):
        if schema.list_type == "map":
            key = schema.key_of(item)
            if MISSING in key:
                continue  # said by `required`
            shown = json.dumps(dict(zip(schema.list_keys, key, strict=True)), separators=(",", ":"))
        else:
            shown = json.dumps(item, sort_keys=True)
        if shown in seen:
            faults.append(Fault("Duplicate", f"{path}[{index}]: Duplicate value: {shown}"))
        seen.add(shown)


def _object(schema: Schema, value: dict[str, Any], old: Any, path: str, faults: list[Fault]) -> None:
    before = old if isinstance(old, dict) else {}
    prefix = f"{path}." if path else ""
    for name in schema.required:
        if name not in value:
            faults.append(Fault("Required", f"{prefix}{name}: Required value"))
    if "maxProperties" in schema.raw and len(value) > schema.raw["maxProperties"]:
        detail = f"Too many: {len(value)}: must have at most {schema.raw['maxProperties']} items"
        faults.append(Fault("TooMany", f"{path}: {detail}"))
    if len(value) < schema.raw.get("minProperties", 0):
        detail = f"{path} in body should have at least {schema.raw['minProperties']} properties"
        faults.append(invalid(path, len(value), detail))
    for name, item in value.items():
        child = schema.child(name)
        if child is not None:
            validate(child, item, before.get(name, MISSING), f"{prefix}{name}", faults)


def old_items(schema: Schema, old: Any) -> dict[tuple[Any, ...], Any]:
    """The items of the list as it was, by key. Only list-maps say which item became which."""
    if schema.list_type != "map" or not isinstance(old, list):
        return {}
    return {key: item for item in old if _hashable(key := schema.key_of(item))}


def old_item(schema: Schema, before: dict[tuple[Any, ...], Any], item: Any) -> Any:
    """What `item` was, or MISSING."""
    if not before:
        return MISSING
    key = schema.key_of(item)
    return before.get(key, MISSING) if _hashable(key) else MISSING


def _hashable(key: tuple[Any, ...]) -> bool:
    return all(isinstance(part, str | int | float | bool) for part in key)


def rule_faults(schema: Schema, value: Any, old: Any, path: str, faults: list[Fault]) -> None:
    """Add what the CEL rules of `schema` and below say about `value`."""
    if not schema.has_rules or value is None:
        return
    unchanged = old is not MISSING and old == value
    for rule in schema.rules:
        if rule.transition:
            if old is MISSING and not rule.optional_old:
                continue
        elif unchanged:
            continue
        message = rule.broken(value, old, has_old=old is not MISSING)
        if message is not None:
            faults.append(rule.fault(path, value, message, invalid))
    if isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        for name, item in value.items():
            child = schema.child(name)
            if child is not None and child.has_rules:
                where = f"{path}.{name}" if path else name
                rule_faults(child, item, before.get(name, MISSING), where, faults)
    elif isinstance(value, list) and schema.items is not None and schema.items.has_rules:
        was = old_items(schema, old)
        for index, item in enumerate(value):
            rule_faults(schema.items, item, old_item(schema, was, item), f"{path}[{index}]", faults)
