"""CustomResourceDefinitions of all kinds, generated from their types.

`python -m mlgate.api.crd --out crds` writes them, with `--check` it only says what differs (exit 1). The files are
committed; CI runs the check, so types and CRDs cannot drift apart.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import yaml

from . import KINDS, KindType
from .generated import Generated
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


GENERATED = Generated("python -m mlgate.api.crd", "Write mlgate's CRDs.", files, f"{GROUP}_*.yaml")
main = GENERATED.main


if __name__ == "__main__":
    sys.exit(main())
