"""An Action's whole life against the simulator: built, deployed, bound in its place, changed, and gone without a trace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from mlgate.engine import objects
from mlgate.store.protocol import CONFIG_MAPS, Object

from .manifests import ours, secret, tenant_side
from .world import World, a_world

CODE = "exports.onExecutePostLogin = async (event, api) => {};\n"
CHANGED = "exports.onExecutePostLogin = async (event, api) => { console.log(1); };\n"
HOUR = 3600.0


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as made:
        made.auth0.state.action_build_seconds = 0.4
        await made.apply(tenant_side())
        await made.ready(("Auth0Tenant", "main"))
        yield made


def action(name: str, /, **spec: Any) -> Object:
    said = {"tenantRef": {"name": "main"}, "trigger": {"id": "post-login"}, "code": CODE, **spec}
    return ours("Auth0Action", name, {key: value for key, value in said.items() if value is not None})


def bound(priority: int = 100, **more: Any) -> dict[str, Any]:
    return {"binding": {"priority": priority, **more}}


def order(world: World, trigger: str = "post-login") -> list[str]:
    """The display names at a trigger, in order."""
    return [binding["display_name"] for binding in world.auth0.state.action_bindings.get(trigger, [])]


def writes(world: World) -> list[str]:
    return [
        f"{asked.method} {asked.path.removeprefix('/api/v2')}"
        for asked in world.auth0.requests
        if asked.method != "GET" and "/actions/" in asked.path
    ]


async def by_hand(world: World, method: str, path: str, body: Any = None) -> Any:
    async with httpx.AsyncClient(base_url=world.auth0_url) as http:
        headers = {"Authorization": f"Bearer {world.auth0.management_token()}"}
        answer = await http.request(method, f"/api/v2{path}", json=body, headers=headers)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


async def foreign(world: World, name: str) -> str:
    """An Action that somebody made and deployed by hand."""
    body = {"name": name, "supported_triggers": [{"id": "post-login", "version": "v3"}], "code": CODE}
    made = await by_hand(world, "POST", "/actions/actions", body)
    stored = world.auth0.state.actions[made["id"]]
    stored["_built_at"] = 0.0
    await by_hand(world, "POST", f"/actions/actions/{made['id']}/deploy")
    stored["_deployed_at"] = 0.0
    return str(made["id"])


async def bind_by_hand(world: World, *ids: str) -> None:
    bindings = [
        {"ref": {"type": "action_id", "value": id_}, "display_name": world.auth0.state.actions[id_]["name"]}
        for id_ in ids
    ]
    await by_hand(world, "PATCH", "/actions/triggers/post-login/bindings", {"bindings": bindings})


async def test_an_action_is_made_built_deployed_and_bound_with_one_request_each(world: World) -> None:
    await world.apply(action("claim", **bound(displayName="Add a claim")))
    await world.ready(("Auth0Action", "claim"))
    status = objects.status(await world.get("Auth0Action", "claim"))
    action_id = status["actionId"]
    assert writes(world) == [
        "POST /actions/actions",
        f"POST /actions/actions/{action_id}/deploy",
        "PATCH /actions/triggers/post-login/bindings",
    ]
    assert (status["deployedVersion"], status["allChangesDeployed"], status["bound"]) == (1, True, True)
    assert order(world) == ["Add a claim"]
    assert world.auth0.state.actions[action_id]["runtime"] == "node22"

    await world.passes(HOUR)
    assert len(writes(world)) == 3, "nothing changed, so nothing is written"


async def test_changed_code_is_one_patch_and_one_deploy_while_the_old_version_runs(world: World) -> None:
    await world.apply(action("claim", **bound()))
    await world.ready(("Auth0Action", "claim"))
    before = len(writes(world))
    await world.apply(action("claim", code=CHANGED, **bound()))
    await world.until(lambda: len(writes(world)) == before + 2, "a PATCH and a deploy")
    await world.ready(("Auth0Action", "claim"))
    assert [row.split(" ")[0] for row in writes(world)[before:]] == ["PATCH", "POST"]
    status = objects.status(await world.get("Auth0Action", "claim"))
    assert status["deployedVersion"] == 2
    deployed = next(iter(world.auth0.state.actions.values()))["deployed_version"]["code"]
    assert deployed.endswith(CHANGED)


async def test_an_action_that_does_not_build_says_so_in_the_compilers_words_until_it_is_corrected(world: World) -> None:
    await world.apply(action("claim", dependencies=[{"name": "uuid", "version": "999.0.0"}], **bound()))
    words = ("could not build", "uuid@999.0.0 could not be found", "Correct its code or dependencies")
    await world.says("Auth0Action", "claim", "ProvisioningFailed", *words)
    await world.settled()
    assert writes(world) == ["POST /actions/actions"]
    await world.passes(HOUR)
    assert len(writes(world)) == 1, "trying again the same helps nobody"

    await world.apply(action("claim", dependencies=[{"name": "uuid", "version": "9.0.1"}], **bound()))
    await world.ready(("Auth0Action", "claim"))
    assert order(world) == ["claim"]


async def test_ours_stand_by_priority_in_our_places_and_those_of_others_keep_theirs(world: World) -> None:
    first, last = await foreign(world, "theirs 1"), await foreign(world, "theirs 2")
    await bind_by_hand(world, first)
    await world.apply(action("late", **bound(200)))
    await world.ready(("Auth0Action", "late"))
    await bind_by_hand(
        world, first, *(b["action_id"] for b in world.auth0.state.action_bindings["post-login"][1:]), last
    )
    await world.apply(action("early", **bound(10)))
    await world.ready(("Auth0Action", "early"))
    assert order(world) == ["theirs 1", "early", "late", "theirs 2"]

    await world.apply(action("early", **bound(300)))
    await world.until(lambda: order(world) == ["theirs 1", "late", "early", "theirs 2"], "the new order")
    await world.ready(("Auth0Action", "early"), ("Auth0Action", "late"))
    asked = len(writes(world))
    await world.passes(HOUR)
    assert len(writes(world)) == asked, "two objects must not fight over one list"

    await world.restart()
    await world.passes(HOUR)
    assert len(writes(world)) == asked, "a new process finds the order as it is"


async def test_a_binding_taken_away_by_hand_comes_back_and_one_taken_from_the_manifest_goes(world: World) -> None:
    await world.apply(action("claim", **bound()))
    await world.ready(("Auth0Action", "claim"))
    await bind_by_hand(world)
    await world.until(lambda: order(world) == ["claim"], "the binding again")
    await world.ready(("Auth0Action", "claim"))
    await world.apply(action("claim"))
    await world.until(lambda: order(world) == [], "no binding")
    await world.ready(("Auth0Action", "claim"))


async def test_what_somebody_else_bound_stays_where_the_manifest_is_silent(world: World) -> None:
    await world.apply(action("claim"))
    await world.ready(("Auth0Action", "claim"))
    action_id = objects.status(await world.get("Auth0Action", "claim"))["actionId"]
    await bind_by_hand(world, action_id)
    await world.passes(HOUR)
    assert order(world) == ["claim"]


async def test_code_changed_by_hand_is_set_back_and_deployed(world: World) -> None:
    await world.apply(action("claim", **bound()))
    await world.ready(("Auth0Action", "claim"))
    action_id = objects.status(await world.get("Auth0Action", "claim"))["actionId"]
    await by_hand(world, "PATCH", f"/actions/actions/{action_id}", {"code": "// hacked"})
    stored = world.auth0.state.actions[action_id]
    await world.until(lambda: stored["code"].endswith(CODE) and stored["all_changes_deployed"], "our code deployed")
    await world.ready(("Auth0Action", "claim"))


async def test_secret_values_are_sent_once_and_on_change_and_shown_nowhere(world: World) -> None:
    told = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "key"}}}]
    await world.apply(secret("keys", {"key": "hunter2-first"}), action("claim", secrets=told))
    await world.ready(("Auth0Action", "claim"))
    stored = next(iter(world.auth0.state.actions.values()))
    assert stored["_values"] == {"KEY": "hunter2-first"}
    await world.passes(HOUR)
    assert sum(row.startswith(("POST /actions/actions", "PATCH")) for row in writes(world)) == 2, "made and deployed"

    await world.apply(secret("keys", {"key": "hunter2-second"}))
    await world.until(lambda: stored["_values"] == {"KEY": "hunter2-second"}, "the new value")
    await world.until(lambda: stored["all_changes_deployed"], "the new value deployed")
    await world.ready(("Auth0Action", "claim"))
    seen = str(await world.get("Auth0Action", "claim")) + str(await world.events("Auth0Action", "claim"))
    assert "hunter2" not in seen


async def test_code_from_a_config_map_is_used_and_a_missing_one_is_named(world: World) -> None:
    source = {"configMapRef": {"name": "code", "key": "a.js"}}
    await world.apply(action("claim", code=None, codeFrom=source))
    await world.says("Auth0Action", "claim", "DependencyNotFound", "ConfigMap ml/code does not exist", "Create it")
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "code", "namespace": "ml"}}
    await world.store.apply(CONFIG_MAPS, {**held, "data": {"a.js": CODE}}, manager="kubectl")
    await world.ready(("Auth0Action", "claim"))
    assert next(iter(world.auth0.state.actions.values()))["code"].endswith(CODE)


async def test_an_action_made_by_a_lost_create_is_found_by_its_mark(world: World) -> None:
    world.auth0.faults.add(method="POST", path="/actions/actions$", drop="after", times=1)
    await world.apply(action("claim", **bound()))
    await world.ready(("Auth0Action", "claim"))
    assert len(world.auth0.state.actions) == 1


async def test_an_action_of_the_same_name_is_never_taken_and_named(world: World) -> None:
    theirs = await foreign(world, "claim")
    await world.apply(action("claim"))
    words = (theirs, "was not made by mlgate", f"Set spec.import.id to {theirs}")
    await world.says("Auth0Action", "claim", "ExternalConflict", *words)
    assert world.auth0.state.actions[theirs]["code"] == CODE


async def test_deleting_takes_the_binding_first_and_leaves_those_of_others(world: World) -> None:
    theirs = await foreign(world, "theirs")
    await bind_by_hand(world, theirs)
    await world.apply(action("claim", **bound()))
    await world.ready(("Auth0Action", "claim"))
    before = len(writes(world))
    await world.delete(action("claim"))
    await world.gone(("Auth0Action", "claim"))
    assert [row.split(" ")[0] for row in writes(world)[before:]] == ["PATCH", "DELETE"]
    assert order(world) == ["theirs"]
    assert list(world.auth0.state.actions) == [theirs]
