"""A connection's whole life against the simulator: made once, merged before it is written, its secrets told by nobody, the
applications of others left alone, and gone only when the service says so."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from mlgate.engine import objects
from mlgate.store.protocol import EVENTS, Object

from .manifests import client, ours, secret, tenant_side
from .world import World, a_world

HOUR = 3600.0
API_KEY, CLIENT_SECRET = "k3y-of-the-legacy-database", "s3cret-of-the-provider"
KEY = {"path": "configuration.API_KEY", "valueFrom": {"secretKeyRef": {"name": "legacy", "key": "api-key"}}}
PROVIDER = {"path": "client_secret", "valueFrom": {"secretKeyRef": {"name": "provider", "key": "secret"}}}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as made:
        await made.apply(tenant_side())
        await made.ready(("Auth0Tenant", "main"))
        yield made


def connection(name: str = "users", /, **spec: Any) -> Object:
    said = {"tenantRef": {"name": "main"}, "strategy": "auth0", **spec}
    return ours("Auth0Connection", name, {key: value for key, value in said.items() if value is not None})


def held(world: World) -> list[Object]:
    return list(world.auth0.state.connections.values())


def only(world: World) -> Object:
    (found,) = held(world)
    return found


def writes(world: World) -> list[str]:
    return [
        f"{asked.method} {asked.path.removeprefix('/api/v2')}"
        for asked in world.auth0.requests
        if asked.method != "GET" and "/connections" in asked.path
    ]


async def by_hand(world: World, method: str, path: str, body: Any = None) -> Any:
    async with httpx.AsyncClient(base_url=world.auth0_url, trust_env=False) as http:
        headers = {"Authorization": f"Bearer {world.auth0.management_token()}"}
        answer = await http.request(method, f"/api/v2{path}", json=body, headers=headers)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


async def say_nothing_of(world: World, *values: str) -> None:
    """No object of ours and no Event holds any of these."""
    told = json.dumps([await world.all(), await world.store.list(EVENTS)], default=str)
    assert not [value for value in values if value in told]


async def test_a_database_is_made_once_with_its_secret_and_its_applications(world: World) -> None:
    await world.apply(secret("legacy", {"api-key": API_KEY}), client("portal", appType="regular_web"))
    options = {"disable_signup": True, "password_history": {"enable": True, "size": 5}}
    enabled = [{"name": "portal"}]
    manifest = connection(metadata={"team": "orders"}, options=options, optionSecrets=[KEY], enabledClients=enabled)
    await world.apply(manifest)
    await world.ready(("Auth0Connection", "users"), ("Auth0Client", "portal"))

    made = only(world)
    assert (made["name"], made["strategy"], made["metadata"]["team"]) == ("users", "auth0", "orders")
    assert made["options"]["password_history"] == {"enable": True, "size": 5}
    assert made["options"]["configuration"]["API_KEY"].startswith("2.0$"), "the service encrypts it"
    portal = objects.status(await world.get("Auth0Client", "portal"))["clientId"]
    assert world.auth0.state.connection_clients[made["id"]] == [portal]
    status = objects.status(await world.get("Auth0Connection", "users"))
    assert (status["connectionId"], status["name"], status["enabledClientCount"]) == (made["id"], "users", 1)

    before = writes(world)
    assert before == ["POST /connections", f"PATCH /connections/{made['id']}/clients"]
    await world.passes(HOUR)
    await world.apply(manifest)
    await world.settled()
    assert writes(world) == before, "a second look writes nothing"
    await say_nothing_of(world, API_KEY)


async def test_options_of_others_survive_a_change_and_what_we_wrote_is_set_back(world: World) -> None:
    await world.apply(connection(options={"disable_signup": True, "password_complexity_options": {"min_length": 10}}))
    await world.ready(("Auth0Connection", "users"))
    made = only(world)
    theirs = {**made["options"], "import_mode": True, "disable_signup": False, "twilio_token": "someb0dys-secret"}
    theirs["password_complexity_options"] = {"min_length": 10, "theirs": 1}
    await by_hand(world, "PATCH", f"/connections/{made['id']}", {"options": theirs})
    await world.passes(HOUR)
    now = only(world)["options"]
    assert now["disable_signup"] is True, "set back"
    assert (now["import_mode"], now["twilio_token"]) == (True, "someb0dys-secret"), "theirs stays"

    await world.apply(connection(options={"disable_signup": True, "password_complexity_options": {"min_length": 12}}))
    await world.until(
        lambda: only(world)["options"]["password_complexity_options"]["min_length"] == 12, "the new length"
    )
    now = only(world)["options"]
    assert now["password_complexity_options"] == {"min_length": 12, "theirs": 1}
    assert (now["import_mode"], now["twilio_token"], now["mfa"]["active"]) == (True, "someb0dys-secret", True)
    await say_nothing_of(world, "someb0dys-secret")


async def test_a_secret_is_sent_again_when_it_changes_and_set_back_when_somebody_changes_it(world: World) -> None:
    await world.apply(secret("provider", {"secret": CLIENT_SECRET}))
    options = {"client_id": "abc", "scope": ["email", "profile"]}
    await world.apply(connection("google", strategy="google-oauth2", options=options, optionSecrets=[PROVIDER]))
    await world.ready(("Auth0Connection", "google"))
    id_ = only(world)["id"]
    assert only(world)["options"]["client_secret"] == CLIENT_SECRET

    await world.apply(secret("provider", {"secret": "a-n3w-one"}))
    await world.until(lambda: only(world)["options"]["client_secret"] == "a-n3w-one", "the new secret")
    await world.settled()
    assert writes(world) == ["POST /connections", f"PATCH /connections/{id_}"]

    await by_hand(world, "PATCH", f"/connections/{id_}", {"options": {"client_id": "abc", "client_secret": "th3irs"}})
    await world.passes(HOUR)
    assert only(world)["options"]["client_secret"] == "a-n3w-one"
    await say_nothing_of(world, CLIENT_SECRET, "a-n3w-one", "th3irs")


async def test_a_plan_shows_that_a_secret_is_set_and_not_which(world: World) -> None:
    await world.apply(secret("provider", {"secret": CLIENT_SECRET}))
    await world.apply(connection("google", strategy="google-oauth2", optionSecrets=[PROVIDER], managementPolicy="Plan"))
    await world.says("Auth0Connection", "google", "PlanPending")
    plan = objects.status(await world.get("Auth0Connection", "google"))["plan"]
    shown = {change["path"]: change["new"] for change in plan["changes"]}
    assert json.loads(shown["option_secrets"]) == {"client_secret": "***"}
    assert held(world) == []
    await say_nothing_of(world, CLIENT_SECRET)


async def test_a_secret_in_the_options_is_refused_with_where_to_put_it(world: World) -> None:
    await world.apply(connection("google", strategy="google-oauth2", options={"client_secret": "1nline"}))
    words = ("spec.options.client_secret is a secret", "spec.optionSecrets, with path: client_secret")
    told = await world.says("Auth0Connection", "google", "InvalidSpec", *words)
    assert "1nline" not in told
    assert held(world) == []


async def test_a_secret_that_is_not_there_is_named(world: World) -> None:
    await world.apply(secret("provider", {"other": "x"}))
    await world.apply(connection("google", strategy="google-oauth2", optionSecrets=[PROVIDER]))
    await world.says("Auth0Connection", "google", "CredentialsMissing", "Secret ml/provider has no key secret")
    await world.apply(secret("provider", {"secret": CLIENT_SECRET}))
    await world.ready(("Auth0Connection", "google"))


@pytest.mark.parametrize(
    ("exclusive", "left"),
    [
        pytest.param(False, ["portal", "theirs"], id="applications of others keep it"),
        pytest.param(True, ["portal"], id="exclusive takes it from the others"),
    ],
)
async def test_enabled_applications(world: World, exclusive: bool, left: list[str]) -> None:
    names = ("portal", "theirs", "batch")
    await world.apply(client(name, appType="regular_web") for name in names)
    await world.ready(*(("Auth0Client", name) for name in names))
    ids = {name: objects.status(await world.get("Auth0Client", name))["clientId"] for name in names}
    both = [{"name": "portal"}, {"clientId": ids["batch"]}]
    await world.apply(connection(enabledClients=both))
    await world.ready(("Auth0Connection", "users"))
    id_ = only(world)["id"]
    await by_hand(world, "PATCH", f"/connections/{id_}/clients", [{"client_id": ids["theirs"], "status": True}])

    await world.apply(connection(enabledClients=[{"name": "portal"}], exclusive=exclusive))
    wanted = {ids[name] for name in left}
    await world.until(lambda: set(world.auth0.state.connection_clients[id_]) == wanted, "the applications")
    await world.passes(HOUR)
    assert set(world.auth0.state.connection_clients[id_]) == wanted
    await by_hand(world, "PATCH", f"/connections/{id_}/clients", [{"client_id": ids["portal"], "status": False}])
    await world.passes(HOUR)
    assert ids["portal"] in world.auth0.state.connection_clients[id_], "set back"


async def test_a_name_that_somebody_else_holds_is_taken_over_only_on_request(world: World) -> None:
    foreign = (await by_hand(world, "POST", "/connections", {"name": "users", "strategy": "auth0"}))["id"]
    await world.apply(connection(options={"disable_signup": True}))
    words = (foreign, "was not made by mlgate", f"Set spec.import.id to {foreign}")
    await world.says("Auth0Connection", "users", "ExternalConflict", *words)
    await world.passes(HOUR)
    assert "disable_signup" not in only(world)["options"]

    await world.apply(connection(options={"disable_signup": True}, **{"import": {"id": foreign}}))
    await world.ready(("Auth0Connection", "users"))
    assert (only(world)["id"], only(world)["options"]["disable_signup"]) == (foreign, True)


async def test_a_connection_whose_answer_was_lost_is_found_and_not_made_twice(world: World) -> None:
    world.auth0.faults.add(method="POST", path="/connections", drop="after")
    await world.apply(connection())
    await world.ready(("Auth0Connection", "users"))
    assert writes(world).count("POST /connections") == 1
    assert len(held(world)) == 1


async def test_a_deletion_lasts_until_the_service_says_that_it_is_gone(world: World) -> None:
    await world.apply(connection())
    await world.ready(("Auth0Connection", "users"))
    world.auth0.state.deletion_delay = 60.0
    await world.delete(connection())
    await world.says("Auth0Connection", "users", "Deleting", "Auth0 is deleting connection")
    assert len(held(world)) == 1
    await world.gone(("Auth0Connection", "users"))
    assert held(world) == []

    await world.apply(connection())
    await world.ready(("Auth0Connection", "users"))


async def test_a_name_that_is_still_being_freed_is_waited_for(world: World) -> None:
    world.auth0.faults.add(
        method="POST",
        path="/connections",
        status=409,
        body={"statusCode": 409, "error": "Conflict", "message": "taken"},
    )
    await world.apply(connection())
    await world.ready(("Auth0Connection", "users"))
    assert len(held(world)) == 1


async def test_an_application_goes_although_a_connection_names_it(world: World) -> None:
    await world.apply(client("portal", appType="regular_web"))
    await world.apply(connection(enabledClients=[{"name": "portal"}]))
    await world.ready(("Auth0Connection", "users"))
    await world.delete(client("portal"))
    await world.gone(("Auth0Client", "portal"))
    await world.says("Auth0Connection", "users", "DependencyNotFound", "Auth0Client ml/portal")
    await world.apply(connection(enabledClients=[]))
    await world.ready(("Auth0Connection", "users"))


async def test_a_drift_check_of_many_connections_is_one_request(world: World) -> None:
    for number in range(5):
        await world.apply(connection(f"users-{number}"))
    await world.ready(*(("Auth0Connection", f"users-{number}") for number in range(5)))
    await world.settled()
    before = len(world.auth0.requests.matching("GET", "/connections"))
    await world.passes(world.resync * 1.2)
    assert len(world.auth0.requests.matching("GET", "/connections")) - before <= 2
