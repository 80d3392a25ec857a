"""A service that answers nonsense for an hour: every object says so in a sentence, nobody asks in a hurry, nothing is lost,
and all is as it was when the service is well again. And answers that say more than is known today.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web

from mlgate.engine import objects
from mlgate.reasons import Reason
from mlgate.store.protocol import Object

from .every_kind import every_kind, in_tenant, is_whole, made_whole
from .world import World, resource

HOUR = 3600.0
ASKED = "mlgate.dev/reconcile-requested-at"
ANSWERS = [
    pytest.param({"status": 200, "body": "<html>Welcome</html>"}, id="HTML"),
    pytest.param({"status": 200}, id="an empty answer"),
    pytest.param({"status": 200, "body": [{"unexpected": True}]}, id="a list"),
    pytest.param({"status": 200, "body": {}}, id="an empty object"),
    pytest.param({"status": 200, "body": "null"}, id="null"),
    pytest.param({"status": 200, "body": '{"id": "x'}, id="a truncated answer"),
    pytest.param({"status": 500, "body": {"statusCode": 500, "message": "Internal error"}}, id="500"),
]
PARTS = "^/api/v2/(?!tenants/)"
"""Everything but the tenant itself, whose failure would be everybody's."""
CHANGES: dict[str, Object] = {
    "Auth0API": {"name": "Orders and returns"},
    "Auth0Role": {"description": "Looks after returns too"},
    "Auth0Client": {"description": "The shop's new web site"},
    "Auth0ClientGrant": {"permissions": ["read:orders", "write:orders"]},
    "Auth0Connection": {"displayName": "Orders and returns"},
    "Auth0User": {"nickname": "countess"},
    "Auth0Action": {"code": "exports.onExecutePostLogin = async () => {};\n"},
    "Auth0MFAFactorSet": {"enabled": ["otp", "webauthn-roaming", "email"]},
    "Auth0MFAPolicy": {"allowRememberBrowser": True},
    "Auth0Organization": {"displayName": "Acme Ltd."},
}
"""Something that takes a request, for every kind that has one."""
MOST = 40
"""Requests an object and hour: back-off goes from a second to 15 minutes, and some looks take several."""


async def look_at_all(world: World, when: str) -> None:
    for obj in every_kind():
        name = obj["metadata"]["name"]
        await world.store.patch(resource(obj["kind"]), "ml", name, {"metadata": {"annotations": {ASKED: when}}})


async def told(world: World) -> dict[str, list[str]]:
    """What is not True of any object, by object."""
    found = {}
    for obj in await world.all():
        said = [c["message"] for c in objects.status(obj).get("conditions") or () if c["status"] == "False"]
        reasons = {c["reason"] for c in objects.status(obj).get("conditions") or ()}
        assert reasons <= {reason.value for reason in Reason}
        found[f"{obj['kind']} {obj['metadata']['name']}"] = said
    return found


@pytest.mark.parametrize("answer", ANSWERS)
async def test_answers_that_mean_nothing_are_told_and_waited_for(world: World, answer: dict[str, Any]) -> None:
    await made_whole(world)
    before = in_tenant(world)
    for method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
        world.auth0.faults.add(method=method, path=PARTS, times=None, **answer)
    since = len(world.auth0.requests)
    for obj in every_kind():
        if changed := CHANGES.get(obj["kind"]):
            await world.patch(obj["kind"], obj["metadata"]["name"], {"spec": changed})
    await look_at_all(world, "1")
    await world.passes(HOUR)

    said = await told(world)
    for words in said.values():
        assert not any("error of its own (" in each and "mlgate ran into" in each for each in words), said
    silent = [name for name, words in said.items() if not words and name.partition(" ")[0] in CHANGES]
    assert not silent, "every object whose manifest changed says why it is not so"
    asked = list(world.auth0.requests)[since:]
    assert len(asked) <= MOST * len(said), f"{len(asked)} requests in an hour"
    assert in_tenant(world) == before, "nothing had an effect"

    world.auth0.faults.clear()
    await look_at_all(world, "2")
    await world.until(lambda: is_whole(world), "everything Ready again")
    nicknames = {user["nickname"] for user in world.auth0.state.users.values()}
    assert nicknames == {"countess"}
    assert len(world.auth0.state.connections) == len(world.auth0.state.organizations) == 1


async def test_fields_that_nobody_knows_yet_change_nothing(world: World) -> None:
    """In every object of every answer, at every depth, but where the manifest's author chooses the names."""

    def more(request: web.Request, response: web.StreamResponse) -> None:
        assert isinstance(response, web.Response)
        if request.path.startswith("/api/v2/") and response.text and response.status < 300:
            response.text = json.dumps(_with_more(json.loads(response.text)))

    world.auth0.decorate = more  # type: ignore[method-assign]
    await made_whole(world)
    writes = len(world.writes())
    await world.passes(HOUR)
    assert [f"{e.method} {e.path}" for e in world.writes()[writes:]] == []
    await world.restart()
    await look_at_all(world, "1")
    await world.until(lambda: is_whole(world), "everything Ready")
    await world.settled()
    assert [f"{e.method} {e.path}" for e in world.writes()[writes:]] == []


def _with_more(value: Any, name: str = "") -> Any:
    if isinstance(value, list):
        return [_with_more(each, name) for each in value]
    if not isinstance(value, dict) or name.endswith("metadata") or name == "configuration":
        return value
    return {key: _with_more(each, key) for key, each in value.items()} | {"of_tomorrow": {"deep": [1]}, "and_one": None}
