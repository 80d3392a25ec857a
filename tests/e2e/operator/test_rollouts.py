"""A new deployment takes over while callers call through a real Envoy, and a bad one never gets a call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from mlgate.api.rollout import ModelDeployment
from mlgate.kinds.secured_endpoint import revisions

from .waiting import eventually
from .world import World

MANIFEST = "40-fraud.yaml"


def rolled_out(manifest: Any) -> None:
    """The quickstart's model with a rollout; as fast as a test wants it."""
    spec = manifest["spec"]
    del spec["traffic"], spec["route"]["rateLimit"]
    smoke = {
        "request": {"body": '{"amount": 120}'},
        "expect": {"contains": '{"prediction": {"fraud_probability": 0.0237}}'},
        "interval": "100ms",
    }
    probes = {"requests": 3}
    spec["rollout"] = {
        "steps": [{"weight": 20, "pause": "200ms"}, {"weight": 60, "pause": "200ms"}],
        "mirror": {"weight": 10, "pause": "200ms"},
        "gates": {"smoke": smoke, "probes": probes},
        "keepPrevious": "0s",
    }


def version(number: str) -> Any:
    def change(manifest: Any) -> None:
        manifest["spec"]["deployments"][0]["model"]["version"] = number

    return change


def reaches(world: World, progress: str, stable: str) -> None:
    def there() -> bool:
        status = (world.get("SecuredModelEndpoint", "fraud") or {}).get("status") or {}
        found = status.get("rollout") or {}
        assert (found.get("progress"), (found.get("stable") or {}).get("name")) == (progress, stable), found
        return True

    eventually(there, f"a rollout that is {progress} with {stable}", seconds=60.0)


def named(number: str, world: World) -> str:
    """The name of the revision with this version."""
    (fraud,) = (
        o for o in world.manifests.objects() if (o["kind"], o["metadata"]["name"]) == ("SecuredModelEndpoint", "fraud")
    )
    version(number)(fraud)
    return revisions.revision(ModelDeployment.model_validate(fraud["spec"]["deployments"][0])).name


@contextmanager
def calling(world: World, token: str) -> Iterator[list[tuple[int, str]]]:
    """Somebody calls all the time; (status, who answered) of every call."""
    answers: list[tuple[int, str]] = []
    over = threading.Event()

    def call() -> None:
        while not over.wait(0.02):
            try:
                answer = world.proxy.call(token)
                who = answer.body.get("deployment", "") if isinstance(answer.body, dict) else str(answer.body)
                answers.append((answer.status, who))
            except httpx.HTTPError as error:
                answers.append((0, repr(error)))

    callers = [threading.Thread(target=call, daemon=True) for _ in range(2)]
    for caller in callers:
        caller.start()
    try:
        yield answers
    finally:
        over.set()
        for caller in callers:
            caller.join()


@pytest.fixture
def world(quickstart: World) -> World:
    """What answered before there was a rollout goes on answering."""
    if (quickstart.get("SecuredModelEndpoint", "fraud") or {})["spec"].get("rollout") is None:
        quickstart.manifests.edit(MANIFEST, rolled_out)
        quickstart.apply(wait=False)
        reaches(quickstart, "complete", "blue")
    return quickstart


def test_callers_never_see_an_error_while_a_new_version_takes_over(world: World) -> None:
    before, new = serving(world), named("8", world)
    with calling(world, world.token("checkout")) as answers:
        world.manifests.edit(MANIFEST, version("8"))
        world.apply(wait=False)
        reaches(world, "complete", new)
    assert {status for status, _ in answers} == {200}, [a for a in answers if a[0] != 200][:5]
    assert {who for _, who in answers} == {before, new}


def test_callers_never_reach_a_new_version_that_answers_badly(world: World) -> None:
    before, bad = serving(world), named("9", world)
    world.outside.do(lambda: world.outside.azure.script_scoring("fraud", deployment=bad, status=424))
    with calling(world, world.token("checkout")) as answers:
        world.manifests.edit(MANIFEST, version("9"))
        world.apply(wait=False)
        reaches(world, "failed", before)
    assert set(answers) == {(200, before)}
    assert world.condition("SecuredModelEndpoint", "fraud")["status"] == "True"
    assert world.condition("SecuredModelEndpoint", "fraud", "Stalled")["reason"] == "RolledBack"
    shown = world.kubectl("get", "sme", "fraud", "-n", "ml")
    assert "failed" in shown
    assert f"{before}=100" in shown


def serving(world: World) -> str:
    """Who answers all calls."""
    status = (world.get("SecuredModelEndpoint", "fraud") or {})["status"]
    return str(status["rollout"]["stable"]["name"])
