"""Revisions: what makes a new deployment, and what it is called."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mlgate.api.rollout import ModelDeployment, Rollout
from mlgate.azureml import Sessions
from mlgate.engine.protocols import Standing
from mlgate.kinds.secured_endpoint import open_versions, revisions
from mlgate.kinds.secured_endpoint.rollout import Pause, Step
from unit.kinds.given import OWNER, resolved
from unit.kinds.test_secured_model_endpoint import a_spec

PATTERN: dict[str, Any] = {
    "name": "fraud",
    "model": {"name": "fraud", "version": "7"},
    "instanceType": "Standard_DS3_v2",
    "instanceCount": 2,
}


def name(**changes: Any) -> str:
    return revisions.revision(ModelDeployment.model_validate({**PATTERN, **changes})).name


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"name": "fraud", "version": "8"}},
        {"instanceType": "Standard_F4s_v2"},
        {"environment": {"name": "sklearn", "version": "2"}},
        {"environmentVariables": [{"name": "A", "value": "b"}]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_make_up_is_another_deployment(change: dict[str, Any]) -> None:
    assert name(**change) != name()


@pytest.mark.parametrize(
    "change",
    [{"instanceCount": 5}, {"tags": {"team": "ml"}}, {"description": "new words"}],
    ids=lambda change: next(iter(change)),
)
def test_what_can_be_changed_in_place_is_no_new_deployment(change: dict[str, Any]) -> None:
    assert name(**change) == name()


@pytest.mark.parametrize("base", ["abc", "fraud", "a" * 32, "a" * 22 + "-bcdefghi"])
def test_every_name_is_one_that_azure_takes(base: str) -> None:
    assert re.fullmatch(r"[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?", name(name=base))
    assert len(name(name=base)) <= 32


def test_a_deployment_that_is_there_is_the_revision_it_was_made_from() -> None:
    child = {
        "endpointRef": {"name": "fraud"},
        "azureName": "blue",
        "deletionPolicy": "Delete",
        **{field: value for field, value in PATTERN.items() if field != "name"},
    }
    found = revisions.existing("blue", child)
    wanted = revisions.revision(ModelDeployment.model_validate(PATTERN))
    assert (found.name, found.hash, found.deployment) == ("blue", wanted.hash, wanted.deployment)


def test_a_rollout_reads_as_it_is_written() -> None:
    said = Rollout.model_validate(
        {
            "steps": [{"weight": 5, "pause": "10m"}, {"weight": 25, "pause": "UntilPromoted"}, {"weight": 50}],
            "mirror": {"weight": 10, "pause": "30s"},
            "gates": {"smoke": {"request": {}, "interval": "2s"}, "probes": {"requests": 30, "maxErrorPercent": 10}},
            "keepPrevious": "2h",
        }
    )
    found = revisions.rules(said)
    assert found.steps == (Step(5, Pause(600.0)), Step(25, Pause(None)), Step(50, Pause(0.0)))
    assert found.mirror == Step(10, Pause(30.0))
    assert (found.smoke, found.attempts, found.interval) == (True, 3, 2.0)
    assert (found.probes, found.allowed, found.keep_previous) == (30, 3, 7200.0)


def test_versions_that_are_left_open_are_written_out_in_what_is_carried_out_only() -> None:
    spec = a_spec("blue", "green")
    deployments = [d.model_copy() for d in spec.deployments]
    deployments[1] = deployments[1].model_copy(
        update={"model": deployments[1].model.model_copy(update={"version": "@Production"})}
    )
    spec = spec.model_copy(update={"deployments": deployments})
    assert open_versions.left_open(spec) == {"fraud@Production": ("fraud", "Production")}
    carried = open_versions.written_out(spec, {"fraud@Production": "12"})
    assert [d.model.version for d in carried.deployments] == ["7", "12"]
    assert spec.deployments[1].model.version == "@Production"


async def test_a_version_that_cannot_be_looked_up_now_stays_what_it_was() -> None:
    spec = a_spec("blue")
    deployment = spec.deployments[0]
    latest = deployment.model_copy(update={"model": deployment.model.model_copy(update={"version": "@latest"})})
    spec = spec.model_copy(update={"deployments": [latest]})
    standing = Standing(OWNER, spec, resolved(), {"modelVersions": {"fraud@latest": "7"}}, {}, {}, 0.0)
    assert await open_versions.resolved(Sessions(), standing) == {"fraud@latest": "7"}
