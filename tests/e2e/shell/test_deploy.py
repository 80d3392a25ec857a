"""What `deploy/` holds is accepted by a real API server, with strict validation."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from controlplane.fixtures import Cluster

pytestmark = pytest.mark.controlplane

DEPLOY = Path(__file__).parents[3] / "deploy"


def overlay(folder: Path, base: str, component: str) -> Path:
    """A folder as its user writes it."""
    said = {
        "resources": [os.path.relpath(DEPLOY / base, folder)],
        "components": [os.path.relpath(DEPLOY / "components" / component, folder)],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(said))
    return folder


@pytest.mark.parametrize(
    ("base", "component"),
    [("base", None), ("gateway", None), ("base", "xds-tls/operator"), ("gateway", "xds-tls/gateway")],
)
def test_the_api_server_accepts(cluster: Cluster, base: str, component: str | None, tmp_path: Path) -> None:
    folder = overlay(tmp_path, base, component) if component else DEPLOY / base
    built = [each for each in yaml.safe_load_all(cluster.kubectl("kustomize", str(folder))) if each]
    if component:
        certificates = [each for each in built if each["apiVersion"] == "cert-manager.io/v1"]
        assert certificates, "the API server here has no cert-manager to ask about them"
        built = [each for each in built if each not in certificates]
        secrets = {each["spec"].get("secretName") for each in certificates}
        (pod,) = (each["spec"]["template"]["spec"] for each in built if each["kind"] == "Deployment")
        assert {v["secret"]["secretName"] for v in pod["volumes"] if "secret" in v} <= secrets
    for namespace in {each["metadata"]["namespace"] for each in built if "namespace" in each["metadata"]}:
        cluster.kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    file = tmp_path / "built.yaml"
    file.write_text(yaml.safe_dump_all(built))
    said = cluster.kubectl(
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", str(file)
    )
    assert len(said.splitlines()) == len(built)
    assert "Warning" not in said, "the namespace enforces the restricted Pod Security Standard"
