"""Files that are generated are what the code says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from mlgate.api import KINDS
from mlgate.cli import rbac
from mlgate.cli.main import COMMANDS, main
from mlgate.engine.protocols import Composition
from mlgate.kinds import build

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
XDS_FILES = {"ca": "ca.crt", "cert": "tls.crt", "key": "tls.key"}


def test_the_rbac_in_the_repository_is_what_the_kinds_say() -> None:
    assert rbac.main(["--out", str(DEPLOY / "base" / "rbac.yaml"), "--check"]) == 0


def test_a_stale_rbac_is_found(tmp_path: Path) -> None:
    file = tmp_path / "rbac.yaml"
    assert rbac.main(["--out", str(file), "--check"]) == 1
    assert rbac.main(["--out", str(file)]) == 0
    assert rbac.main(["--out", str(file), "--check"]) == 0


def test_the_rbac_knows_every_composition() -> None:
    nothing: Any = None
    compositions = {type(kind) for kind in build(nothing, nothing, nothing).values() if isinstance(kind, Composition)}
    assert compositions == set(rbac.COMPOSITIONS)


def test_only_children_of_compositions_may_be_made_or_deleted() -> None:
    making = {
        resource
        for rule in rbac.operator_rules()
        for resource in rule["resources"]
        if {"create", "delete"} & set(rule["verbs"])
    }
    assert KINDS["Auth0Tenant"].plural not in making
    assert KINDS["Auth0Client"].plural in making
    for rule in rbac.operator_rules():
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        assert "secrets" not in rule["resources"] or "delete" not in rule["verbs"]


def test_the_example_gateway_has_the_bootstrap_that_mlgate_prints() -> None:
    printed = CliRunner().invoke(main, ["envoy-bootstrap", "--gateway", "ml/public", "--node", "gateway"])
    assert printed.exit_code == 0
    assert json.loads(printed.output) == json.loads((DEPLOY / "gateway" / "bootstrap.json").read_text())


def test_the_example_gateway_with_tls_has_the_bootstrap_that_mlgate_prints() -> None:
    files = [f"--xds-{name}-file=/etc/envoy-xds/{file}" for name, file in XDS_FILES.items()]
    printed = CliRunner().invoke(main, ["envoy-bootstrap", "--gateway", "ml/public", "--node", "gateway", *files])
    assert printed.exit_code == 0
    kept = DEPLOY / "components" / "xds-tls" / "gateway" / "bootstrap.json"
    assert json.loads(printed.output) == json.loads(kept.read_text())


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--xds-ca-file=ca", "--xds-cert-file=crt"], id="a certificate without its key"),
        pytest.param(["--xds-cert-file=crt", "--xds-key-file=key"], id="a certificate without an authority to trust"),
    ],
)
def test_half_a_tls_configuration_is_refused(options: list[str]) -> None:
    answer = CliRunner().invoke(main, ["envoy-bootstrap", "--gateway", "ml/public", *options])
    assert answer.exit_code == 2
    assert "go together" in answer.output


def test_argo_cd_gets_the_health_check_that_stands_beside_it() -> None:
    config = yaml.safe_load((DEPLOY / "argocd" / "argocd-cm.yaml").read_text())
    customizations = yaml.safe_load(config["data"]["resource.customizations"])
    assert customizations == {"mlgate.dev/*": {"health.lua": (DEPLOY / "argocd" / "health.lua").read_text()}}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself(command: str) -> None:
    answer = CliRunner().invoke(main, [command, "--help"])
    assert answer.exit_code == 0, answer.output
    assert "Usage:" in answer.output


def test_the_deployment_uses_options_that_exist() -> None:
    documents = list(yaml.safe_load_all((DEPLOY / "base" / "deployment.yaml").read_text()))
    container = documents[0]["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["run"]
    patch = yaml.safe_load((DEPLOY / "components" / "xds-tls" / "operator" / "deployment.yaml").read_text())
    patched = patch["spec"]["template"]["spec"]["containers"][0]
    assert patched["name"] == container["name"]
    offered = CliRunner().invoke(main, ["run", "--help"]).output
    for variable in [*container["env"], *patched["env"]]:
        assert variable["name"] in offered


def test_crds_can_be_printed_and_checked(tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(main, ["crds", "--out", str(ROOT / "crds"), "--check"]).exit_code == 0
    assert runner.invoke(main, ["crds", "--out", str(tmp_path), "--check"]).exit_code == 1
    printed = list(yaml.safe_load_all(runner.invoke(main, ["crds"]).output))
    assert [each["spec"]["names"]["kind"] for each in printed] == list(KINDS)
