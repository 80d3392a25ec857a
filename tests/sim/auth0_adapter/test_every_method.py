"""Whatever the service does, every method of every collection says it in the words of `mlgate.errors`, repeats no write,
and keeps what it does not know."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from mlgate.auth0.collection import Collection
from mlgate.errors import CredentialsRejected, Denied, LostAnswer, Quota, Retry, Terminal, Trouble
from mlgate.outbound import permitting
from mlgate.reasons import Reason
from sim.auth0_adapter.every_method import WORK, Method, Reply, Service, answer, cut, methods, said, session_on

METHODS = [pytest.param(each, id=str(each)) for each in methods()]
every = pytest.mark.parametrize("method", METHODS)


async def outcome(method: Method, reply: Reply) -> tuple[Any, Service]:
    """What the method returned, or the Trouble it raised; anything else is a bug and passes through."""
    service = Service(reply)
    sessions, session = session_on(service)
    try:
        with permitting(WORK):
            return await method.call(session), service
    except Trouble as trouble:
        return trouble, service
    finally:
        await sessions.close()


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(said(500, "Internal error", "internal"), id="500"),
        pytest.param(answer(502, "<html>Bad Gateway</html>"), id="a gateway's 502"),
        pytest.param(answer(503), id="503 without a body"),
        pytest.param(answer(200, '{"id": "x1", "na'), id="a truncated answer"),
        pytest.param(answer(200, "<html>Welcome</html>"), id="an answer that is not JSON"),
        pytest.param(cut(httpx.ReadError), id="a cut connection"),
        pytest.param(cut(httpx.ReadTimeout), id="no answer in time"),
        pytest.param(cut(httpx.RemoteProtocolError), id="an answer that is not HTTP"),
    ],
)
@every
async def test_an_answer_that_tells_nothing_is_asked_for_again_or_looked_after(method: Method, reply: Reply) -> None:
    found, service = await outcome(method, reply)
    assert isinstance(found, LostAnswer if service.wrote else Retry), repr(found)
    assert sum(request.method != "GET" for request in service.asked) <= 1, "a write was repeated blindly"
    assert "s3cr3t" not in found.message


@every
async def test_a_token_refused_in_mid_flight_is_replaced_once(method: Method) -> None:
    found, service = await outcome(method, said(401, "Invalid token", "invalid_token"))
    assert isinstance(found, CredentialsRejected), repr(found)
    assert (len(service.asked), service.tokens) == (2, 2)
    assert [request.headers["authorization"] for request in service.asked] == ["Bearer t1", "Bearer t2"]


@pytest.mark.parametrize(
    ("reply", "kind", "reason"),
    [
        pytest.param(
            said(403, "Insufficient scope, expected any of: read:x", "insufficient_scope"),
            Denied,
            Reason.ACCESS_DENIED,
            id="a missing scope",
        ),
        pytest.param(
            said(403, "You reached the limit of entities of this type for this tenant.", "x"),
            Terminal,
            Reason.PLAN_LIMIT,
            id="the entity limit",
        ),
        pytest.param(
            said(403, "Not in your plan", "insufficient_entitlement"),
            Terminal,
            Reason.PLAN_LIMIT,
            id="the subscription",
        ),
        pytest.param(said(400, "Payload validation error", "invalid_body"), Terminal, Reason.INVALID_SPEC, id="400"),
    ],
)
@every
async def test_a_refusal_is_told_apart_by_its_body(
    method: Method, reply: Reply, kind: type[Trouble], reason: Reason
) -> None:
    found, service = await outcome(method, reply)
    assert isinstance(found, kind), repr(found)
    assert found.reason is reason
    assert len(service.asked) == 1, "none of these is asked again at once"


@every
async def test_429_waits_as_long_as_asked(method: Method) -> None:
    found, service = await outcome(method, answer(429, '{"message": "Too many requests"}', **{"retry-after": "17"}))
    assert isinstance(found, Quota)
    assert 17 <= found.after <= 21
    assert len(service.asked) == 1


@pytest.mark.parametrize("body", ["null", "[]", "{}", '"text"', "7", '{"total": "many"}'])
@every
async def test_json_of_another_shape_is_no_bug_of_ours(method: Method, body: str) -> None:
    await outcome(method, answer(200, body))


COLLECTIONS = [each for each in METHODS if each.values[0].name in ("get", "create", "update")]


@pytest.mark.parametrize("method", COLLECTIONS)
async def test_fields_that_nobody_knows_are_kept_and_do_no_harm(method: Method) -> None:
    service = Service(answer(500))
    sessions, session = session_on(service)
    part = getattr(session, method.part)
    if not isinstance(part, Collection):
        await sessions.close()
        pytest.skip("not an object with an id")
    unknown = {part.key: "x1", "brand_new_field": {"x": [1, None]}, "created_at": "not a date", "enabled": "maybe"}
    service.reply = answer(200, json.dumps(unknown))
    with permitting(WORK):
        assert await method.call(session) == unknown
    assert len(service.asked) == 1
    await sessions.close()
