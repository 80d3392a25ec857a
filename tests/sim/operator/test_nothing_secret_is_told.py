"""No secret of any kind of Auth0 is found where others can read: objects with their status and plans, Events, the log at
debug level; after everything was made, changed, planned and refused in words that repeat it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from mlgate.store.protocol import EVENTS, Object

from .every_kind import API_KEY, NAMESPACE, PASSWORD, SECRETS, every_kind, example, made_whole
from .manifests import secret
from .world import World

NEXT = {"ada-password": ("password", "Difference-Engine-2"), "orders-users": ("api-key", "k3y-that-c0mes-next")}
NEXT |= {"add-team-claim": ("namespace", "s3cret-that-c0mes-next")}
HOLDERS = ("Auth0User", "Auth0Connection", "Auth0Action")
"""Kinds that send what a Secret holds."""


async def told(world: World, log: pytest.LogCaptureFixture) -> dict[str, str]:
    return {
        "an object": json.dumps(await world.all()),
        "an Event": json.dumps(await world.store.list(EVENTS)),
        "the log": log.text,
    }


def values(world: World) -> Iterator[str]:
    """Every secret of this world: those of the manifests, those to come, and what the tenant made itself."""
    yield from SECRETS
    yield from (value for _, value in NEXT.values())
    yield "quickstart-auth0-secret"
    for client in world.auth0.state.clients.values():
        yield str(client.get("client_secret") or "nothing to be found")
    yield "BEGIN PRIVATE"
    yield "BEGIN RSA PRIVATE"


async def nothing_is_told(world: World, log: pytest.LogCaptureFixture) -> None:
    for place, text in (await told(world, log)).items():
        assert text or place == "the log", place
        found = [value for value in values(world) if value in text]
        assert not found, f"{place} tells {found}"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


async def test_of_what_is_made_and_of_what_changes(world: World, log: pytest.LogCaptureFixture) -> None:
    await made_whole(world)
    await world.apply(secret(name, {key: value}) for name, (key, value) in NEXT.items())
    state = world.auth0.state
    await world.until(lambda: {u["password"] for u in state.users.values()} == {NEXT["ada-password"][1]}, "a password")
    await world.until(
        lambda: NEXT["add-team-claim"][1] in str([a.get("_values") for a in state.actions.values()]), "the new value"
    )
    await world.ready(*((obj["kind"], obj["metadata"]["name"]) for obj in every_kind()))
    await nothing_is_told(world, log)
    for kind in HOLDERS:
        kept = json.dumps((await world.get(kind, example(kind)["metadata"]["name"]))["status"]["managed"])
        assert "key" in kept.lower() or "pass" in kept or "secrets" in kept, "what was sent is told by its fingerprint"


async def test_of_what_is_planned(world: World, log: pytest.LogCaptureFixture) -> None:
    await made_whole(world)
    planned = [example(kind) for kind in HOLDERS]
    for obj in planned:
        await world.patch(obj["kind"], obj["metadata"]["name"], {"spec": {"managementPolicy": "Plan"}})
        obj["metadata"]["name"] += "-planned"
        obj["spec"] |= {"managementPolicy": "Plan"} | _other_key(obj)
    await world.apply(planned)
    await world.apply(secret(name, {key: value}) for name, (key, value) in NEXT.items())
    for obj in planned:
        for name in (obj["metadata"]["name"], obj["metadata"]["name"].removesuffix("-planned")):
            synced = await world.says(obj["kind"], name, "PlanPending", condition="Synced")
            assert "waits for approval" in synced
            plan = (await world.get(obj["kind"], name))["status"]["plan"]
            assert "***" in json.dumps(plan), f"the plan of {name} names the secret and hides it"
    await nothing_is_told(world, log)


def _other_key(obj: Object) -> Object:
    """What two objects cannot share."""
    if obj["kind"] == "Auth0User":
        return {"email": "grace@example.com"}
    return {"name": "planned", **({"enabledClients": []} if obj["kind"] == "Auth0Connection" else {})}


async def test_of_what_is_refused_in_words_that_repeat_it(world: World, log: pytest.LogCaptureFixture) -> None:
    paths = {"/api/v2/users$": PASSWORD, "/api/v2/connections$": API_KEY, "/actions/actions$": NAMESPACE}
    for path, value in paths.items():
        message = f'Payload validation error: \'{value} will not do\' on property x, in {{"value": "{value}"}}'
        body = {"statusCode": 400, "error": "Bad Request", "message": message, "errorCode": "invalid_body"}
        world.auth0.faults.add(method="POST", path=path, status=400, body=body)
    await made_whole(world)
    refused = [
        e for e in await world.store.list(EVENTS) if e["reason"] == "InvalidSpec" and "will not do" in e["message"]
    ]
    assert {e["involvedObject"]["kind"] for e in refused} == set(HOLDERS)
    await nothing_is_told(world, log)
