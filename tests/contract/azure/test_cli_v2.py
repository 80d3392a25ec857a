"""Our bodies are those of azure-ai-ml: what it would send for a file of the Azure ML CLI v2, mlgate sends for the manifest
that the file becomes. The files of `cli_v2` are in the style of public examples.

Differences that are meant stand in two tables: what only azure-ai-ml sends and Azure has as its default, and what only
mlgate sends because its kinds have safer defaults.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlgate import kinds
from mlgate.azureml import cli_v2, compare
from mlgate.azureml.cli_v2 import Described
from mlgate.cli.imported import Around, Imported, manifest
from mlgate.engine.marks import Mark
from mlgate.engine.protocols import Owner
from mlgate.engine.references import Resolved, Target
from mlgate.kinds.azure import deployment_body
from mlgate.kinds.gateway.programmer import Gateways
from mlgate.store.protocol import Key

pytest.importorskip("azure.ai.ml", reason="azure-ai-ml is an extra")

FILES = sorted((Path(__file__).parent / "cli_v2").glob("*.yml"))
ARM = "/subscriptions/00000000-0000-0000-0000-000000000002/resourceGroups/models/providers/Microsoft.MachineLearningServices"
WORKSPACE = f"{ARM}/workspaces/ml-workspace"
TABLES: Mapping[str, Mapping[str, compare.Same]] = {
    "AzureMLWorkspace": compare.WORKSPACE,
    "AzureMLCompute": compare.COMPUTE,
    "AzureMLModel": compare.MODEL,
    "AzureMLEnvironment": compare.ENVIRONMENT,
    "AzureMLOnlineEndpoint": compare.ENDPOINT,
    "AzureMLOnlineDeployment": compare.DEPLOYMENT,
    "AzureMLBatchEndpoint": compare.BATCH_ENDPOINT,
    "AzureMLBatchDeployment": compare.BATCH_DEPLOYMENT,
}
ONLY_THEIRS = {
    "AzureMLCompute": {"properties.properties.remoteLoginPortPublicAccess"},
    "AzureMLWorkspace": {"name", "kind", "properties.enableDataIsolation"},
    "AzureMLModel": {"properties.isAnonymous", "properties.isArchived"},
    "AzureMLEnvironment": {"properties.isAnonymous", "properties.isArchived"},
}
"""All of it is what Azure assumes where nothing is said."""
ONLY_OURS = {
    "AzureMLCompute": {"properties.properties.remoteLoginPortPublicAccess"},
    "AzureMLWorkspace": {"identity"},
    "AzureMLOnlineEndpoint": {"kind"},
    "AzureMLOnlineDeployment": {"kind", "properties.scaleSettings.scaleType"},
}
"""A new workspace has an identity; managed is said, not assumed; nobody signs in to nodes (theirs: `NotSpecified`)."""


def kind_of(name: str) -> Any:
    return kinds.build(None, None, Gateways())[name]  # type: ignore[arg-type]


def our_body(found: Imported) -> dict[str, Any]:
    """What mlgate sends to create what the manifest wants."""
    name = found.manifest["metadata"]["name"]
    owner = Owner("ml", name, "uid", 1, Mark("c", found.manifest["kind"], "ml", name, "uid"))
    workspace = {"externalId": WORKSPACE, "location": cli_v2.NO_LOCATION, "provisioningState": "Succeeded"}
    objects = {
        Key("AzureMLWorkspace", "ml", "ml-workspace"): {"status": workspace},
        Key("AzureMLBatchEndpoint", "ml", "churn-monthly"): {"status": {"provisioningState": "Succeeded"}},
        Key("AzureConnection", "ml", "azure"): {"spec": {"location": "westeurope"}},
    }
    refs = Resolved(
        {
            key: Target({"kind": key.kind, "metadata": {"namespace": "ml", "name": key.name}, "spec": {}, **obj})
            for key, obj in objects.items()
        },
        {},
    )
    kind = kind_of(found.manifest["kind"])
    spec = kind.type.spec.model_validate(found.manifest["spec"])
    wanted = {**kind.defaults(owner, spec), **kind.desired(owner, spec, refs)}
    return deployment_body.body(wanted, {}, None)


def theirs(described: Described) -> dict[str, Any]:
    """What azure-ai-ml sends; it resolves `name:version` when it has a client. Words are compared in Azure's casing."""
    body = copy.deepcopy(dict(described.body))
    properties = body["properties"]
    for collection in (properties.get("dataCollector") or {}).get("collections", {}).values():
        collection["dataCollectionMode"] = collection["dataCollectionMode"].capitalize()
    if properties.get("deploymentConfiguration"):  # what a pipeline has no use for
        for field in ("errorThreshold", "maxConcurrencyPerInstance", "miniBatchSize", "outputFileName"):
            properties.pop(field, None)
    if isinstance(properties.get("compute"), str) and "computes" not in properties["compute"]:
        properties["compute"] = f"{WORKSPACE}/computes/{properties['compute']}"
    if isinstance(properties.get("model"), dict):
        reference = properties["model"]
        reference["assetId"] = (
            f"{WORKSPACE}/models/{reference['assetId'].replace(':', '/versions/').replace('@', '/versions/@')}"
        )
    for field in ("model", "environmentId"):
        if isinstance(properties.get(field), str) and not properties[field].startswith(("azureml:", "/")):
            properties[field] = f"azureml:{properties[field]}"
    return body


def described(file: Path) -> list[tuple[Described, Imported]]:
    around = Around("ml-workspace", "azure")
    return [(each, manifest(each, around)) for each in cli_v2.read(file)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.stem} is sent as azure-ai-ml sends it")
def test_bodies(file: Path) -> None:
    for each, found in described(file):
        kind = found.manifest["kind"]
        ours, sdk = our_body(found), theirs(each)
        lacking = {one.path: one for one in compare.differences(sdk, ours, TABLES[kind])}
        added = {one.path: one for one in compare.differences(ours, sdk, TABLES[kind])}
        assert {path: one for path, one in lacking.items() if path not in ONLY_THEIRS.get(kind, set())} == {}
        assert {path: one for path, one in added.items() if path not in ONLY_OURS.get(kind, set())} == {}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.stem} loses nothing on the way")
def test_nothing_is_lost_in_silence(file: Path) -> None:
    left = [line for _, found in described(file) for line in found.left]
    assert left == []


@pytest.mark.parametrize(
    "kind",
    sorted(TABLES),
)
def test_every_kind_is_compared(kind: str) -> None:
    assert any(found.manifest["kind"] == kind for file in FILES for _, found in described(file))
