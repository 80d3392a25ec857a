"""Manifests from files: which documents there are, and what is wrong with those that are none."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ...api import KINDS
from ...store.protocol import CONFIG_MAPS, NAMESPACES, SECRETS, Key, Object, Resource

RESOURCES: dict[tuple[str, str], Resource] = {
    (each.api_version, each.kind): each
    for each in (NAMESPACES, SECRETS, CONFIG_MAPS, *(kind.resource for kind in KINDS.values()))
}
"""What may stand in a manifest here, by apiVersion and kind."""
SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One document of a file. `line` is where it begins."""

    file: Path
    line: int
    resource: Resource
    obj: Object

    @property
    def key(self) -> Key:
        metadata = self.obj["metadata"]
        return Key(self.obj["kind"], metadata.get("namespace", ""), metadata["name"])


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with a file: where, what, and what to do."""

    file: Path
    line: int | None
    words: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{place}: {self.words}"


def files(paths: Iterable[Path]) -> list[Path]:
    """The manifest files of these files and folders, in the order kubectl takes them: by name within a folder."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found.extend(sorted(each for each in path.iterdir() if each.suffix in SUFFIXES and each.is_file()))
        else:
            found.append(path)
    return found


def read(file: Path) -> tuple[list[Manifest], list[Fault]]:
    """The documents of a file, and what is wrong with it."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return [], [Fault(file, None, f"it cannot be read: {error}")]
    return parse(text, file)


def parse(text: str, file: Path) -> tuple[list[Manifest], list[Fault]]:
    """The same for a text."""
    manifests: list[Manifest] = []
    faults: list[Fault] = []
    try:
        for line, document in _documents(text):
            made = _manifest(document, file, line)
            if isinstance(made, Fault):
                faults.append(made)
            elif made is not None:
                manifests.append(made)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        faults.append(Fault(file, mark.line + 1 if mark else None, f"this is not YAML: {error.problem}"))
    except yaml.YAMLError as error:
        faults.append(Fault(file, None, f"this is not YAML: {error}"))
    return manifests, faults


class _OnceLoader(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping, as the API server's strict validation does."""


def _mapping(loader: _OnceLoader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if isinstance(key, str | int | bool) and key in seen and key_node.tag != "tag:yaml.org,2002:merge":
            raise yaml.MarkedYAMLError(problem=f"{key!r} stands here twice", problem_mark=key_node.start_mark)
        if isinstance(key, str | int | bool):
            seen.add(key)
    loader.flatten_mapping(node)
    return dict(yaml.SafeLoader.construct_mapping(loader, node, deep=True))


_OnceLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
# Times stay text, as in JSON.
_OnceLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _documents(text: str) -> Iterator[tuple[int, Any]]:
    loader = _OnceLoader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                yield node.start_mark.line + 1, loader.construct_document(node)
    finally:
        loader.dispose()


def _manifest(document: Any, file: Path, line: int) -> Manifest | Fault | None:
    if document is None:
        return None
    if not isinstance(document, dict):
        return Fault(file, line, "a manifest is a mapping with apiVersion, kind and metadata.")
    missing = [name for name in ("apiVersion", "kind", "metadata") if not document.get(name)]
    if missing:
        return Fault(file, line, f"{' and '.join(missing)} must be written.")
    api_version, kind, metadata = document["apiVersion"], document["kind"], document["metadata"]
    resource = RESOURCES.get((api_version, kind))
    if resource is None:
        known = ", ".join(sorted(kind for _, kind in RESOURCES))
        return Fault(file, line, f"{api_version} {kind} is no kind that mlgate dev knows. Known: {known}.")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        return Fault(file, line, f"metadata.name of this {kind} must be written.")
    if resource.namespaced:
        document = {**document, "metadata": {"namespace": "default", **metadata}}
    elif metadata.get("namespace"):
        return Fault(file, line, f"{kind} has no namespace: remove metadata.namespace.")
    return Manifest(file, line, resource, _stored(document))


def _stored(document: Object) -> Object:
    """A Secret as the API server keeps it: `stringData` is written in the clear and stored as `data`."""
    if document["kind"] != SECRETS.kind or not isinstance(document.get("stringData"), dict):
        return document
    texts = {name: base64.b64encode(str(text).encode()).decode() for name, text in document["stringData"].items()}
    kept = {name: value for name, value in document.items() if name != "stringData"}
    return {**kept, "data": {**(document.get("data") or {}), **texts}}


def secret_values(obj: Object) -> dict[str, str]:
    """The texts of a Secret; what is not base64 of text is left out."""
    found = {}
    for name, value in (obj.get("data") or {}).items():
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except (ValueError, TypeError):
            continue
    return found
