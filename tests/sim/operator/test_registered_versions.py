"""Versions of models and environments: made once, their content never touched, the rest kept as written, found after a
lost answer, and never taken from anybody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgate.engine import objects
from mlgate.store.protocol import Object
from mlgate_sim.azure.arm_message import Json

from .manifests import SUBSCRIPTION, azure_side, deployment, endpoint, of_quickstart
from .world import World

EXAMPLES = Path(__file__).parents[3] / "examples" / "kinds"
KINDS = {
    "AzureMLModel": ("models", "churn", "3"),
    "AzureMLEnvironment": ("environments", "sklearn", "12"),
}
HOUR = 3600.0
each = pytest.mark.parametrize("kind", KINDS)


def example(kind: str, **spec: Any) -> Object:
    manifest: Object = yaml.safe_load((EXAMPLES / f"{kind}.yaml").read_text())
    manifest["metadata"]["namespace"] = "ml"
    manifest["spec"] |= spec
    return manifest


def key(manifest: Object) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def place(kind: str) -> str:
    collection, name, version = KINDS[kind]
    group = of_quickstart("AzureConnection")["spec"]["resourceGroup"]
    workspace = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.MachineLearningServices"
    return f"{workspace}/workspaces/ml-workspace/{collection}/{name}/versions/{version}"


def at_azure(world: World, kind: str) -> Json | None:
    return world.azure.state.get(place(kind).lower())


def sent(world: World, method: str) -> list[Json]:
    return [found.body for found in world.azure.requests.matching(method, "/versions/[^/]+$")]


@each
async def test_every_field_is_sent_once_and_never_seen_as_changed(world: World, kind: str) -> None:
    manifest = example(kind)
    await world.apply(azure_side(), manifest)
    await world.ready(key(manifest))
    (body,) = sent(world, "PUT")
    assert body["properties"].pop("tags").keys() == {"team", "mlgate-owner", "mlgate-uid"}
    assert set(body) == {"properties"}
    spec = manifest["spec"]
    shared = {name: spec[name] for name in ("description", "stage", "properties")} | {"isArchived": False}
    if kind == "AzureMLModel":
        own = {"modelUri": spec["path"], "modelType": "mlflow_model", "flavors": spec["flavors"]}
    else:
        own = {name: spec[name] for name in ("image", "condaFile", "inferenceConfig", "osType")}
    assert body["properties"] == shared | own
    status = objects.status(await world.get(*key(manifest)))
    assert (status["assetId"], status["version"], status["stage"]) == (place(kind), spec["version"], "Production")
    await world.passes(2 * HOUR)
    assert len(sent(world, "PUT")) == 1


@each
async def test_what_can_be_changed_is_and_the_content_goes_back_as_azure_has_it(world: World, kind: str) -> None:
    manifest = example(kind)
    await world.apply(azure_side(), manifest)
    await world.ready(key(manifest))
    found = at_azure(world, kind)
    assert found is not None
    found["properties"]["tags"]["theirs"] = "stays"
    manifest["spec"] |= {"stage": "Archived", "description": "old", "tags": {"team": "ops"}, "archived": True}
    await world.apply(manifest)
    await world.ready(key(manifest))
    assert len(sent(world, "PUT")) == 2
    found = at_azure(world, kind)
    assert found is not None
    properties = found["properties"]
    assert (properties["stage"], properties["description"], properties["isArchived"]) == ("Archived", "old", True)
    assert {properties["tags"]["team"], properties["tags"]["theirs"]} == {"ops", "stays"}


@each
async def test_a_change_by_hand_is_set_back(world: World, kind: str) -> None:
    manifest = example(kind)
    await world.apply(azure_side(), manifest)
    await world.ready(key(manifest))

    def stage() -> Json:
        found = at_azure(world, kind)
        assert found is not None
        properties: Json = found["properties"]
        return properties

    stage()["stage"] = "Development"
    await world.until(lambda: stage()["stage"] == "Production", "the stage")


@each
async def test_it_is_deleted_with_its_object_and_only_then(world: World, kind: str) -> None:
    manifest = example(kind)
    await world.apply(azure_side(), manifest)
    await world.ready(key(manifest))
    await world.delete(manifest)
    await world.until(lambda: at_azure(world, kind) is None, "the version is gone")
    await world.gone(key(manifest))
    assert len(sent(world, "DELETE")) == 1


@each
async def test_a_version_of_somebody_else_is_not_taken(world: World, kind: str) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    manifest = example(kind)
    theirs: Json = {"properties": {"modelUri": "azureml://datastores/x/paths/y", "image": "theirs"}}
    world.azure.arm("PUT", place(kind), theirs)
    await world.apply(manifest)
    await world.says(*key(manifest), "ExternalConflict", place(kind).rsplit("/", 3)[1])
    assert not sent(world, "PUT")
    await world.delete(manifest)
    await world.gone(key(manifest))
    assert at_azure(world, kind) is not None


async def test_an_import_with_other_content_says_what_differs(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    theirs: Json = {"properties": {"modelUri": "azureml://datastores/x/paths/y", "modelType": "mlflow_model"}}
    world.azure.arm("PUT", place("AzureMLModel"), theirs)
    manifest = example("AzureMLModel", **{"import": {"id": place("AzureMLModel")}})
    for name in ("flavors", "properties"):
        del manifest["spec"][name]
    await world.apply(manifest)
    await world.says(*key(manifest), "InvalidSpec", "properties.modelUri", "datastores/x/paths/y")
    assert not sent(world, "PUT")


@each
async def test_a_lost_answer_leaves_one(world: World, kind: str) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    manifest = example(kind)
    world.operator.life.end()  # dies; the next life finds what the first one may have made
    await world.apply(manifest)
    await world.ready(key(manifest))
    assert len(sent(world, "PUT")) == 1


async def test_an_upload_that_azure_copied_is_no_change(world: World) -> None:
    uploaded = (
        f"azureml://subscriptions/{SUBSCRIPTION}/resourcegroups/models/workspaces/ml-workspace/datastores/"
        "workspaceblobstore/paths/LocalUpload/0123/churn"
    )
    manifest = example("AzureMLModel", path=uploaded)
    await world.apply(azure_side(), manifest)
    await world.ready(key(manifest))
    assert "ServiceReplicated" in objects.status(await world.get(*key(manifest)))["path"]
    await world.passes(HOUR)
    manifest["spec"]["stage"] = "Development"
    await world.apply(manifest)
    await world.ready(key(manifest))
    assert len(sent(world, "PUT")) == 2


async def test_a_workspace_stays_while_a_model_is_in_it(world: World) -> None:
    manifest = example("AzureMLModel")
    await world.apply(azure_side(), manifest, endpoint("fraud"))
    await world.ready(key(manifest))
    await world.delete(of_quickstart("AzureMLWorkspace"))
    await world.says("AzureMLWorkspace", "ml-workspace", "DeletionBlocked", "AzureMLModel ml/churn-3")


async def test_a_deployment_waits_for_the_model_and_environment_it_refers_to_and_keeps_them(world: World) -> None:
    manifest = deployment("blue", "fraud", environment={"ref": {"name": "sklearn-12"}})
    manifest["spec"]["model"] = {"ref": {"name": "churn-3"}}
    await world.apply(azure_side(), endpoint("fraud"), manifest)
    await world.says("AzureMLOnlineDeployment", "blue", "DependencyNotFound", "AzureMLModel ml/churn-3")
    model, environment = example("AzureMLModel"), example("AzureMLEnvironment")
    await world.apply(model, environment)
    await world.ready(("AzureMLOnlineDeployment", "blue"), key(model), key(environment))
    made = world.azure.resource("onlineEndpoints/deployments", "ml-workspace", "fraud", "blue")
    assert made is not None
    assert made["properties"]["model"] == place("AzureMLModel")
    assert made["properties"]["environmentId"] == place("AzureMLEnvironment")
    await world.delete(model)
    await world.says(*key(model), "DeletionBlocked", "AzureMLOnlineDeployment ml/blue")
    assert at_azure(world, "AzureMLModel") is not None
    await world.delete(manifest)
    await world.gone(key(model), ("AzureMLOnlineDeployment", "blue"))
