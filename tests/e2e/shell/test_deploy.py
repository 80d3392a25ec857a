"""What `deploy/` holds is accepted by a real API server, with strict validation."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from controlplane.fixtures import Cluster

pytestmark = pytest.mark.controlplane

DEPLOY = Path(__file__).parents[3] / "deploy"


@pytest.mark.parametrize("name", ["base", "gateway"])
def test_the_api_server_accepts(cluster: Cluster, name: str, tmp_path: Path) -> None:
    built = [each for each in yaml.safe_load_all(cluster.kubectl("kustomize", str(DEPLOY / name))) if each]
    for namespace in {each["metadata"]["namespace"] for each in built if "namespace" in each["metadata"]}:
        cluster.kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    file = tmp_path / "built.yaml"
    file.write_text(yaml.safe_dump_all(built))
    said = cluster.kubectl(
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", str(file)
    )
    assert len(said.splitlines()) == len(built)
    assert "Warning" not in said, "the namespace enforces the restricted Pod Security Standard"
