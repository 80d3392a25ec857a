"""Reference pages, generated from the same types as the CRDs and from the closed list of reasons.

`python -m mlgate.api.docs --out docs/reference` writes one page per kind under `kinds/`, a list of them in `kinds.md`,
and `conditions.md`; with `--check` it only says what differs (exit 1).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import mlgate.reasons

from . import KINDS, KindType
from .crd import object_schema
from .generated import Generated
from .markers import VALIDATIONS
from .meta import API_VERSION, APPROVE, PAUSED, RECONCILE_REQUESTED_AT

HEADER = (
    "<!-- Generated from operator/mlgate/api by `python -m mlgate.api.docs --out docs/reference`. Do not edit. -->\n"
)

_BOUNDS = (
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {} entries"),
    ("maxItems", "at most {} entries"),
    ("maxProperties", "at most {} entries"),
    ("pattern", "matches `{}`"),
)

_ANNOTATIONS = (
    (PAUSED, "Any value but `false`: mlgate writes nothing outside for this object."),
    (RECONCILE_REQUESTED_AT, "A new value: mlgate looks right now, and echoes it in `status.lastHandledReconcileAt`."),
    (APPROVE, "The hash in `status.plan`: exactly this plan may be carried out."),
)


def files() -> Mapping[str, str]:
    """Path below the reference folder, and text, of every page."""
    pages = {f"kinds/{kind.plural}.md": HEADER + page(kind) for kind in KINDS.values()}
    return {"kinds.md": HEADER + _overview(), "conditions.md": HEADER + conditions(), **pages}


def _overview() -> str:
    rows = [
        [
            f"[{kind.kind}](kinds/{kind.plural}.md)",
            ", ".join(f"`{name}`" for name in kind.short_names),
            kind.description,
        ]
        for kind in KINDS.values()
    ]
    notes = [[f"`{name}`", meaning] for name, meaning in _ANNOTATIONS]
    return (
        f"\n# Kinds of {API_VERSION}\n\nAll are namespaced; `kubectl get mlgate` lists them all.\n\n"
        + _table(["kind", "short", "what it is"], rows)
        + "\n## Annotations that every kind knows\n\n"
        + _table(["annotation", "meaning"], notes)
        + "\n## References\n\nA reference names an object by `name` in the same namespace. With `namespace` it reaches"
        " into another one, which works only where the target's `spec.allowedNamespaces` lets the referring namespace"
        " in: `from: Same` (the default), `from: All`, or `from: Names` with a list. Secrets are only read from the"
        " namespace of the object that names them.\n\n## Durations\n\nAs in Kubernetes: `500ms`, `30s`, `10m`,"
        " `1h30m`, `720h`.\n"
    )


def page(kind: KindType) -> str:
    """The page of one kind."""
    schema = object_schema(kind)
    spec, status = schema["properties"]["spec"], schema["properties"]["status"]
    text = f"\n# {kind.kind}\n\n{kind.description}\n\n"
    text += f"`{API_VERSION}`, plural `{kind.plural}`, short {', '.join(f'`{name}`' for name in kind.short_names)}.\n"
    text += "\n## Spec\n\n" + _table(
        ["field", "type", "default", "description"],
        [[_name(path, needed), _type(one), _default(one), _described(one)] for path, one, needed in _fields(spec, "")],
    )
    text += "\n## Rules\n\n" + _rules(schema)
    text += "\n## Status\n\n" + _table(
        ["field", "type", "description"],
        [[f"`{path}`", _type(one), one.get("description", "")] for path, one, _ in _fields(status, "")],
    )
    if kind.conditions:
        text += "\n## Conditions beyond Ready and Synced\n\n"
        text += _table(["condition", "true means"], [[f"`{name}`", told] for name, told in kind.conditions.items()])
    text += "\n## Columns\n\n" + _table(
        ["column", "from", "shown"],
        [[one.name.upper(), f"`{one.path}`", "with `-o wide`" if one.priority else "always"] for one in kind.columns],
    )
    return text


def _fields(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Every field below an object, depth first: its path, its schema, whether it must be written."""
    for name, inner in schema.get("properties", {}).items():
        below = f"{path}.{name}" if path else name
        yield below, inner, name in schema.get("required", ())
        yield from _fields(inner, below)
        if "items" in inner:
            yield from _fields(inner["items"], f"{below}[]")
        if "additionalProperties" in inner:
            yield from _fields(inner["additionalProperties"], f"{below}.*")


def _name(path: str, needed: bool) -> str:
    return f"`{path}`" + (" **required**" if needed else "")


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " \\| ".join(f"`{value}`" for value in schema["enum"])
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}"
    if "additionalProperties" in schema:
        return f"map to {_type(schema['additionalProperties'])}"
    return str(schema.get("format", schema["type"]))


def _default(schema: Mapping[str, Any]) -> str:
    if "default" not in schema:
        return ""
    value = schema["default"]
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _described(schema: Mapping[str, Any]) -> str:
    bounds = [text.format(_cell(str(schema[name]))) for name, text in _BOUNDS if name in schema]
    return str(schema.get("description", "")) + (f" ({', '.join(bounds)})" if bounds else "")


def _rules(schema: Mapping[str, Any]) -> str:
    found = [[f"`{path}`", rule["message"]] for path, rule in _rules_below(schema, "")]
    return _table(["where", "rule"], found) if found else "None.\n"


def _rules_below(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    for rule in schema.get(VALIDATIONS, ()):
        yield path or "(the object)", rule
    for below, inner, _ in _fields(schema, path):
        for place, one in (
            (below, inner),
            (f"{below}[]", inner.get("items", {})),
            (f"{below}.*", inner.get("additionalProperties", {})),
        ):
            for rule in one.get(VALIDATIONS, ()):
                yield place, rule


def conditions() -> str:
    """The page of conditions and reasons."""
    rows = [[f"`{name}`", meaning] for name, meaning in reasons().items()]
    per_kind = [
        [f"`{name}`", f"[{kind.kind}](kinds/{kind.plural}.md)", told]
        for kind in KINDS.values()
        for name, told in kind.conditions.items()
    ]
    return (
        "\n# Conditions and reasons\n\n"
        + _table(
            ["condition", "on", "true means"],
            [
                ["`Ready`", "every kind", "Usable now."],
                ["`Synced`", "every kind", "This generation is what is out there."],
                ["`Reconciling`", "every kind", "Work is under way; there only while true."],
                ["`Stalled`", "every kind", "Something must change first; there only while true."],
                *per_kind,
            ],
        )
        + "\n## Reasons\n\nA closed list: alert on these words.\n\n"
        + _table(["reason", "meaning"], rows)
    )


def reasons() -> Mapping[str, str]:
    """Every reason with its meaning, in the order of the list. The meaning is the docstring below each member."""
    source = Path(mlgate.reasons.__file__).read_text(encoding="utf-8")
    enum = next(node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == "Reason")
    found: dict[str, str] = {}
    for member, docstring in zip(enum.body, enum.body[1:], strict=False):
        match member, docstring:
            case ast.Assign(value=ast.Constant(value=str(word))), ast.Expr(value=ast.Constant(value=str(meaning))):
                found[word] = " ".join(meaning.split())
    return found


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


GENERATED = Generated("python -m mlgate.api.docs", "Write mlgate's reference pages.", files, "kinds/*.md")
main = GENERATED.main


if __name__ == "__main__":
    sys.exit(main())
