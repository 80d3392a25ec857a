"""CustomResourceDefinitions of all kinds, generated from their types.

`python -m mlgate.api.crd --out crds` writes them, with `--check` it only says what differs (exit 1). The files are
committed; CI runs the check, so types and CRDs cannot drift apart.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from . import KINDS, KindType
from .markers import VALIDATIONS
from .meta import GROUP, VERSION
from .schema import structural

HEADER = "# Generated from operator/mlgate/api by `python -m mlgate.api.crd --out crds`. Do not edit.\n"


def crds() -> list[dict[str, Any]]:
    """One CustomResourceDefinition per kind, in the order of KINDS."""
    return [crd(kind) for kind in KINDS.values()]


def crd(kind: KindType) -> dict[str, Any]:
    """The CustomResourceDefinition of one kind."""
    metadata: dict[str, Any] = {"name": f"{kind.plural}.{GROUP}"}
    if kind.labels:
        metadata["labels"] = dict(kind.labels)
    names: dict[str, Any] = {
        "kind": kind.kind,
        "listKind": f"{kind.kind}List",
        "plural": kind.plural,
        "singular": kind.singular,
        "shortNames": list(kind.short_names),
        "categories": list(kind.categories),
    }
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [column.as_json() for column in kind.columns],
        "schema": {"openAPIV3Schema": object_schema(kind)},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {"group": GROUP, "names": names, "scope": "Namespaced", "versions": [version]},
    }


def object_schema(kind: KindType) -> dict[str, Any]:
    """The schema of a whole object of a kind."""
    schema: dict[str, Any] = {
        "description": kind.description,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"description": f"Always {GROUP}/{VERSION}.", "type": "string"},
            "kind": {"description": f"Always {kind.kind}.", "type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(kind.spec),
            "status": structural(kind.status),
        },
    }
    if kind.rules:
        schema[VALIDATIONS] = [rule.as_json() for rule in kind.rules]
    return schema


def files() -> Mapping[str, str]:
    """Name and text of every generated file."""
    texts = {f"{GROUP}_{kind.plural}.yaml": HEADER + _yaml(crd(kind)) for kind in KINDS.values()}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(texts),
    }
    return {**texts, "kustomization.yaml": HEADER + _yaml(kustomization)}


class _Plain(yaml.SafeDumper):
    """YAML without anchors, so that equal parts of a schema stay readable on their own."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _yaml(document: Mapping[str, Any]) -> str:
    return yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)


def write(directory: Path) -> None:
    """Writes every file into `directory` and removes CRDs there that no kind stands for any more."""
    write_files(directory, files(), f"{GROUP}_*.yaml")


def drift(directory: Path) -> list[str]:
    """What in `directory` is not as generated, one sentence each; empty when all is."""
    return drift_of_files(directory, files(), f"{GROUP}_*.yaml")


def write_files(directory: Path, texts: Mapping[str, str], generated: str) -> None:
    """Makes the files in `directory` that match the glob `generated` exactly `texts`."""
    directory.mkdir(parents=True, exist_ok=True)
    for path in directory.glob(generated):
        if path.relative_to(directory).as_posix() not in texts:
            path.unlink()
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8")


def drift_of_files(directory: Path, texts: Mapping[str, str], generated: str) -> list[str]:
    """How the files in `directory` that match the glob `generated` differ from `texts`."""
    found = []
    for name, text in texts.items():
        path = directory / name
        if not path.is_file():
            found.append(f"{path} is missing")
        elif path.read_text(encoding="utf-8") != text:
            found.append(f"{path} is not what the types say")
    for path in sorted(directory.glob(generated)):
        if path.relative_to(directory).as_posix() not in texts:
            found.append(f"{path} stands for no kind")
    return found


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m mlgate.api.crd", description="Write mlgate's CRDs.")
    parser.add_argument("--out", type=Path, required=True, help="directory of the CRDs")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, say what differs and exit 1 if anything does"
    )
    given = parser.parse_args(arguments)
    if not given.check:
        write(given.out)
        return 0
    differences = drift(given.out)
    for difference in differences:
        print(difference, file=sys.stderr)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
