"""`mlgate import`: files of the Azure ML CLI v2 become manifests; what does not fit is told with its line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from mlgate.cli.main import main

pytest.importorskip("azure.ai.ml", reason="azure-ai-ml is an extra")

SCHEMAS = "https://azuremlschemas.azureedge.net/latest"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def run(folder: Path, sort: str, text: str, *options: str) -> Result:
    file = folder / "given.yml"
    file.write_text(f"$schema: {SCHEMAS}/{sort}.schema.json\n{text}")
    return CliRunner().invoke(main, ["import", "-f", str(file), *options])


def manifests(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return list(yaml.safe_load_all(result.output))


def test_an_endpoint_becomes_a_manifest_that_names_its_workspace(folder: Path) -> None:
    found = run(folder, "managedOnlineEndpoint", "name: fraud-eu\nauth_mode: key\n", "-n", "ml", "--workspace", "prod")
    (manifest,) = manifests(found)
    assert manifest["metadata"] == {"name": "fraud-eu", "namespace": "ml"}
    assert manifest["spec"]["workspaceRef"] == {"name": "prod"}
    assert (manifest["spec"]["azureName"], manifest["spec"]["authMode"]) == ("fraud-eu", "Key")


def test_what_is_written_out_in_a_deployment_becomes_an_object_of_its_own_and_local_files_are_told(
    folder: Path,
) -> None:
    (folder / "src").mkdir()
    (folder / "model").mkdir()
    (folder / "conda.yaml").write_text("name: x\ndependencies:\n- python=3.11\n")
    found = run(
        folder,
        "managedOnlineDeployment",
        """name: blue
endpoint_name: fraud
model: {path: ./model}
environment:
  image: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04
  conda_file: conda.yaml
code_configuration: {code: ./src, scoring_script: score.py}
instance_type: Standard_DS3_v2
instance_count: 1
""",
    )
    environment, deployment = manifests(found)
    assert environment["kind"] == "AzureMLEnvironment"
    assert "dependencies:" in environment["spec"]["condaFile"]
    asset = environment["spec"]
    assert deployment["spec"]["environment"] == {"name": asset["azureName"], "version": asset["version"]}
    assert "model" not in deployment["spec"] and "code" not in deployment["spec"]
    told = [line for line in found.output.splitlines() if line.startswith("# Not carried over")]
    assert [words for words in ("model: The files", "scoring code is on this machine") if words not in str(told)] == []


def test_a_wrong_file_is_refused_with_the_lines_of_what_is_wrong(folder: Path) -> None:
    text = "name: blue\nendpoint_name: fraud\ninstance_type: Standard_DS3_v2\ninstance_count: many\nunknown: 1\n"
    found = run(folder, "managedOnlineDeployment", text)
    assert found.exit_code == 1
    assert "given.yml:5: instance_count: Not a valid integer." in found.output
    assert "given.yml:6: unknown: Unknown field." in found.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("name: [", "this is no YAML", id="no YAML is told with its line"),
        pytest.param("- a\n", "a map is expected", id="a list describes nothing"),
        pytest.param("name: x\n", "has no $schema", id="a file without $schema asks for --as"),
        pytest.param(f"$schema: {SCHEMAS}/pipelineJob.schema.json\n", "no kind for pipelinejob", id="no kind of ours"),
    ],
)
def test_what_cannot_be_read_is_said(folder: Path, text: str, words: str) -> None:
    file = folder / "given.yml"
    file.write_text(text)
    found = CliRunner().invoke(main, ["import", "-f", str(file)])
    assert (found.exit_code, words in found.output) == (1, True), found.output


def test_a_model_on_this_machine_is_refused_with_what_to_do(folder: Path) -> None:
    (folder / "files").mkdir()
    found = run(folder, "model", "name: churn\nversion: 1\npath: ./files\n")
    assert found.exit_code == 1
    assert "azureml://datastores/" in found.output


def test_a_model_without_a_version_gets_one_and_says_so(folder: Path) -> None:
    found = run(folder, "model", "name: churn\npath: azureml://datastores/a/paths/b\n")
    (manifest,) = manifests(found)
    assert manifest["spec"]["version"] == "1"
    assert "# Not carried over: version:" in found.output


def test_neither_the_operator_nor_another_command_pays_for_azure_ai_ml() -> None:
    """At start nothing of it is loaded: it takes seconds and about 100 MB."""
    code = (
        "import sys, importlib, pkgutil, mlgate\n"
        "for each in pkgutil.walk_packages(mlgate.__path__, 'mlgate.'):\n"
        "    importlib.import_module(each.name)\n"
        "print([name for name in sys.modules if name.startswith('azure.ai')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


def test_a_batch_deployment_names_its_cluster_and_a_local_component_is_refused(folder: Path) -> None:
    text = "name: forest\nendpoint_name: monthly\nmodel: azureml:churn:3\ncompute: azureml:nightly\n"
    (manifest,) = manifests(run(folder, "batchDeployment", text))
    assert (manifest["kind"], manifest["metadata"]["name"]) == ("AzureMLBatchDeployment", "monthly-forest")
    assert manifest["spec"]["compute"] == {"name": "nightly"}
    (folder / "train.yml").write_text(
        f"$schema: {SCHEMAS}/pipelineComponent.schema.json\nname: train\nversion: '1'\ntype: pipeline\njobs: {{}}\n"
    )
    text = "name: retrain\nendpoint_name: monthly\ntype: pipeline\ncomponent: ./train.yml\n"
    refused = run(folder, "pipelineComponentBatchDeployment", text)
    assert (refused.exit_code, "az ml component create" in refused.output) == (1, True), refused.output


def test_a_component_by_name_says_that_azure_wants_its_id(folder: Path) -> None:
    text = "name: retrain\nendpoint_name: monthly\ntype: pipeline\ncomponent: azureml:train:4\n"
    found = run(folder, "pipelineComponentBatchDeployment", text)
    (manifest,) = manifests(found)
    assert manifest["spec"]["pipeline"] == {"componentId": "azureml:train:4"}
    assert "# Not carried over: pipeline.componentId" in found.output
