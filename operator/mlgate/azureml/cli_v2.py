"""Files of the Azure ML CLI v2, read by azure-ai-ml: the one place that imports it.

Nothing here is imported at start: azure-ai-ml takes seconds and about 100 MB (shared facts, azure-ml section 3.3), and
is an extra of the package. No client is made, so nothing is sent anywhere, telemetry included. A file becomes the body
that azure-ai-ml itself would send. What it would upload from this machine first (files of a model, a Dockerfile, scoring
code) is left out and told.
"""

from __future__ import annotations

import importlib
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from mlgate.errors import Terminal

REMOTE = ("azureml:", "https://", "wasb://", "wasbs://", "abfs://", "abfss://", "/subscriptions/")
"""How a reference to something begins that is not a file of this machine."""
NO_LOCATION = "nowhere"
"""azure-ai-ml wants a location for its bodies; ours comes from the workspace."""


class Sort(StrEnum):
    """What a file describes; the value is how messages call it."""

    WORKSPACE = "workspace"
    ENDPOINT = "online endpoint"
    DEPLOYMENT = "online deployment"
    BATCH_ENDPOINT = "batch endpoint"
    BATCH_DEPLOYMENT = "batch deployment"
    MODEL = "model"
    ENVIRONMENT = "environment"
    COMPUTE = "compute"


SCHEMAS = {
    "workspace": Sort.WORKSPACE,
    "managedonlineendpoint": Sort.ENDPOINT,
    "managedonlinedeployment": Sort.DEPLOYMENT,
    "batchendpoint": Sort.BATCH_ENDPOINT,
    "batchdeployment": Sort.BATCH_DEPLOYMENT,
    "modelbatchdeployment": Sort.BATCH_DEPLOYMENT,
    "pipelinecomponentbatchdeployment": Sort.BATCH_DEPLOYMENT,
    "model": Sort.MODEL,
    "environment": Sort.ENVIRONMENT,
    "amlcompute": Sort.COMPUTE,
}
"""The last part of a file's `$schema`."""


@dataclass(frozen=True, slots=True)
class Described:
    """One resource of a file. `within`: the endpoint of a deployment. `left`: what of the file is not in `body`, as
    sentences."""

    sort: Sort
    name: str
    body: Mapping[str, Any]
    version: str | None = None
    within: str | None = None
    left: tuple[str, ...] = ()


def read(file: Path, sort: Sort | None = None) -> list[Described]:
    """What a file describes: itself, after the models and environments that are written out in it. `sort` is needed where
    the file has no `$schema`. Takes seconds the first time. Raises Terminal, which names the line."""
    text = _text(file)
    written = _parsed(file, text)
    found = sort or _sort(file, written)
    sdk = _sdk()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice for users of its classes
            entity = _LOAD[found](sdk, written)(source=str(file))
        return _READ[found](entity, written)
    except Terminal:
        raise
    except Exception as error:  # azure-ai-ml raises classes of its own, of marshmallow's and builtins alike
        raise Terminal(_refusal(file, text, error)) from error


def _sdk() -> Any:
    for name in ("azure.ai.ml", "azure.ai.ml._utils._experimental"):  # the latter says INFO for itself
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module("azure.ai.ml")
    except ImportError as error:
        raise Terminal("Files of the Azure ML CLI need azure-ai-ml: pip install 'mlgate[aml]'.") from error


def _batch_loader(sdk: Any, written: Mapping[str, Any]) -> Callable[..., Any]:
    """By the file's `type`, as `az ml` chooses; without one everything stands on the first level of the file."""
    functions = importlib.import_module("azure.ai.ml.entities._load_functions")
    found: Callable[..., Any] = {
        "model": functions.load_model_batch_deployment,
        "pipeline": functions.load_pipeline_component_batch_deployment,
    }.get(str(written.get("type")), sdk.load_batch_deployment)
    return found


_LOAD: Mapping[Sort, Callable[[Any, Mapping[str, Any]], Callable[..., Any]]] = {
    Sort.WORKSPACE: lambda sdk, _: sdk.load_workspace,
    Sort.ENDPOINT: lambda sdk, _: sdk.load_online_endpoint,
    Sort.DEPLOYMENT: lambda sdk, _: sdk.load_online_deployment,
    Sort.BATCH_ENDPOINT: lambda sdk, _: sdk.load_batch_endpoint,
    Sort.BATCH_DEPLOYMENT: _batch_loader,
    Sort.MODEL: lambda sdk, _: sdk.load_model,
    Sort.ENVIRONMENT: lambda sdk, _: sdk.load_environment,
    Sort.COMPUTE: lambda sdk, _: sdk.load_compute,
}


def _workspace(entity: Any, written: Mapping[str, Any]) -> list[Described]:
    return [Described(Sort.WORKSPACE, entity.name, entity._to_rest_object().as_dict())]


def _compute(entity: Any, written: Mapping[str, Any]) -> list[Described]:
    return [Described(Sort.COMPUTE, entity.name, entity._to_rest_object().as_dict())]


def _endpoint(entity: Any, written: Mapping[str, Any]) -> list[Described]:
    return [Described(Sort.ENDPOINT, entity.name, entity._to_rest_online_endpoint(NO_LOCATION).as_dict())]


def _batch_endpoint(entity: Any, written: Mapping[str, Any]) -> list[Described]:
    return [Described(Sort.BATCH_ENDPOINT, entity.name, entity._to_rest_batch_endpoint(NO_LOCATION).as_dict())]


def _batch_deployment(entity: Any, written: Mapping[str, Any]) -> list[Described]:
    component = getattr(entity, "component", None)
    if component is not None and not isinstance(component, str):
        raise Terminal(
            f"The pipeline component of deployment {entity.name} is on this machine, and mlgate uploads nothing. Register "
            "it (az ml component create) and write component: azureml:<name>:<version>."
        )
    return _deployment(entity, written, Sort.BATCH_DEPLOYMENT)


def _model(entity: Any, written: Mapping[str, Any]) -> list[Described]:
    if not str(entity.path or "").startswith(REMOTE):
        raise Terminal(
            f"The files of model {entity.name} are on this machine ({written.get('path')}), and mlgate uploads nothing. "
            "Put them into a datastore and write path: azureml://datastores/<name>/paths/<path>."
        )
    body = entity._to_rest_object().as_dict()
    return [Described(Sort.MODEL, entity.name, body, version=_version(entity))]


def _environment(entity: Any, written: Mapping[str, Any]) -> list[Described]:
    if entity.build is not None and not str(entity.build.path or "").startswith(REMOTE):
        raise Terminal(
            f"The Dockerfile of environment {entity.name} is on this machine, and mlgate uploads nothing. Build the image "
            "and write image, or put the files into a datastore and write build: {path: azureml://datastores/…}."
        )
    body = entity._to_rest_object().as_dict()
    return [Described(Sort.ENVIRONMENT, entity.name, body, version=_version(entity))]


def _deployment(entity: Any, written: Mapping[str, Any], sort: Sort = Sort.DEPLOYMENT) -> list[Described]:
    before: list[Described] = []
    left: list[str] = []
    for part, describe in (("model", _model), ("environment", _environment)):
        asset = getattr(entity, part)
        if asset is None or isinstance(asset, str):
            continue
        version = _version(asset) or "1"
        name = asset.name if isinstance(written.get(part), Mapping) and written[part].get("name") else None
        asset.name = name or f"{entity.endpoint_name}-{entity.name}-{part}"
        try:
            before += [replace(each, version=version) for each in describe(asset, written.get(part) or {})]
            setattr(entity, part, f"{asset.name}:{version}")
        except Terminal as reason:
            left.append(f"{part}: {reason.message}")
            setattr(entity, part, None)
    code = entity.code_configuration
    if code is not None and not str(code.code or "").startswith(REMOTE):
        left.append(
            f"code_configuration: the scoring code is on this machine ({code.code}). Register it (az ml code create) and "
            f"write code: {{id: <ARM id>, scoringScript: {code.scoring_script}}}."
        )
        entity.code_configuration = None
    body = entity._to_rest_object(NO_LOCATION).as_dict()
    own = Described(sort, entity.name, body, within=entity.endpoint_name, left=tuple(left))
    return [*before, own]


_READ: Mapping[Sort, Callable[[Any, Mapping[str, Any]], list[Described]]] = {
    Sort.WORKSPACE: _workspace,
    Sort.ENDPOINT: _endpoint,
    Sort.DEPLOYMENT: _deployment,
    Sort.BATCH_ENDPOINT: _batch_endpoint,
    Sort.BATCH_DEPLOYMENT: _batch_deployment,
    Sort.MODEL: _model,
    Sort.ENVIRONMENT: _environment,
    Sort.COMPUTE: _compute,
}


def _version(entity: Any) -> str | None:
    return str(entity.version) if entity.version else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Terminal(f"{file} cannot be read: {error}") from error


def _parsed(file: Path, text: str) -> Mapping[str, Any]:
    try:
        written = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        raise Terminal(f"{where}: this is no YAML: {getattr(error, 'problem', None) or error}.") from error
    if not isinstance(written, Mapping):
        raise Terminal(f"{file}:1: this describes no resource of Azure ML: a map is expected.")
    return written


def _sort(file: Path, written: Mapping[str, Any]) -> Sort:
    schema = str(written.get("$schema") or "")
    name = schema.rsplit("/", 1)[-1].removesuffix(".json").removesuffix(".schema").lower()
    if name in SCHEMAS:
        return SCHEMAS[name]
    known = ", ".join(sort.value for sort in Sort)
    if not schema:
        raise Terminal(f"{file} has no $schema, so what it describes is not known. Say it with --as: {known}.")
    raise Terminal(f"{file}: mlgate has no kind for {name}; it reads {known}.")


def _refusal(file: Path, text: str, error: Exception) -> str:
    """What azure-ai-ml says against a file, field by field, with lines."""
    said = str(error)
    start = said.find("{")
    try:
        found, _ = json.JSONDecoder().raw_decode(said[start:]) if start >= 0 else ({}, 0)
    except ValueError:
        found = {}
    told = list(_fields(found, ()))
    if not told:
        return f"{file}: azure-ai-ml does not take it: {' '.join(said.split())[:1000]}"
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return "\n".join(f"{file}:{_line(node, path)}: {'.'.join(path) or 'file'}: {what}" for path, what in told)


def _fields(found: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(found, Mapping):
        for name, inner in found.items():
            yield from _fields(inner, (*path, str(name)))
    elif isinstance(found, list):
        if all(isinstance(each, str) for each in found):
            yield path, " ".join(found)
        else:
            for each in found:
                yield from _fields(each, path)
    else:
        yield path, str(found)


def _line(node: Any, path: tuple[str, ...]) -> int:
    """The line of a field, or of the innermost thing around it that is there."""
    line = int(node.start_mark.line) + 1
    for name in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        found = next(((key, value) for key, value in pairs if key.value == name), None)
        if found is None:
            break
        line, node = int(found[0].start_mark.line) + 1, found[1]
    return line
