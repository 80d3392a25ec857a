"""What to do about a refused manifest: the field that was probably meant. Pure.

The API server names an unknown field as `.spec.workspaceReff: field not declared in schema` (server-side apply with
strict validation) or `unknown field "spec.workspaceReff"` (kubectl's own strict validation).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from ...api import KINDS
from ...api.crd import object_schema

_UNKNOWN = (
    re.compile(r"(?P<path>\.[^\s:]+): field not declared in schema"),
    re.compile(r'unknown field "(?P<path>[^"]+)"'),
)
MOST_NAMED = 12


def advice(kind: str, message: str) -> str:
    """One sentence, or nothing where there is nothing to add to the store's own words."""
    for pattern in _UNKNOWN:
        found = pattern.search(message)
        if found and kind in KINDS:
            return _about_field(kind, found["path"])
    return ""


def _about_field(kind: str, path: str) -> str:
    names = re.findall(r"([A-Za-z0-9_-]+)(?:\[[^\]]*\])*", path)
    known = sorted(_fields(object_schema(KINDS[kind]), names[:-1]))
    if not known:
        return ""
    where, wrong = ".".join(names[:-1]) or "the object", names[-1]
    close = difflib.get_close_matches(wrong, known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]}?"
    listed = ", ".join(known[:MOST_NAMED]) + (", …" if len(known) > MOST_NAMED else "")
    return f"{where} has: {listed}."


def _fields(schema: Mapping[str, Any], names: list[str]) -> list[str]:
    """The fields that may stand at a path."""
    for name in names:
        schema = schema.get("items", schema)
        schema = (schema.get("properties") or {}).get(name) or {}
    return list((schema.get("items", schema).get("properties")) or {})
