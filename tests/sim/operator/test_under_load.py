"""No call is refused while traffic moves and keys rotate: through a real Envoy, with callers that never stop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from mlgate.engine.clock import rfc3339

from .served import HOST, Served, served
from .world import World, a_world

pytestmark = pytest.mark.envoy


@pytest.fixture
async def fraud(world: World, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(world, tmp_path) as made:
        yield made


async def test_no_call_fails_while_keys_rotate(fraud: Served) -> None:
    (keys,) = fraud.world.azure.memory.keys.values()
    old = set(keys.values())
    async with fraud.callers() as callers:
        for _ in range(2):
            before = set(keys.values())
            moment = rfc3339(fraud.world.timeline.wall() + 1)
            await fraud.apply(weights={"blue": 100}, rotateAt=moment)
            await fraud.shows(
                lambda status, before=before: (
                    not before & set(keys.values()) and not status["credential"].get("retiring")
                ),
                "both keys replaced",
            )
            await callers.more()
    assert not old & set(keys.values())
    assert callers.failed == 0, callers.answers
    waited = [e for e in fraud.world.azure.requests.matching("POST", "/regenerateKeys") if e.status == 202]
    assert len(waited) == 4


async def test_no_call_fails_while_traffic_moves_in_five_steps(fraud: Served) -> None:
    async with fraud.callers() as callers:
        for green in (20, 40, 60, 80, 100):
            wanted = {"blue": 100 - green, "green": green}
            await fraud.apply(weights=wanted)
            await fraud.shows(lambda status, wanted=wanted: status["traffic"] == wanted, f"traffic {wanted}")
            await callers.more(30)
    assert callers.failed == 0, callers.answers
    assert callers.deployments["green"] > 0
    for put in fraud.world.azure.requests.matching("PUT", "/onlineEndpoints/fraud"):
        if put.path.endswith("/fraud"):
            assert isinstance(put.body["properties"].get("traffic"), dict), "a PUT without it would stop all traffic"


async def test_no_call_fails_when_a_token_is_renewed(world: World, tmp_path: Path) -> None:
    async with served(world, tmp_path, "AMLToken") as fraud, fraud.callers() as callers:
        before = (await fraud.endpoint())["credential"]["fingerprint"]
        world.timeline.push(13 * 3600.0)
        await fraud.shows(lambda status: status["credential"]["fingerprint"] != before, "a new token")
        await callers.more()
        assert callers.failed == 0, callers.answers


async def test_an_answer_in_pieces_comes_through_piece_by_piece(tmp_path: Path) -> None:
    """The second piece is only made when the first has arrived at the caller."""
    arrived = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await arrived.wait()

    async with a_world(sleep=sleep) as world, served(world, tmp_path) as fraud:
        world.azure.script_scoring("fraud", events=3, pause_seconds=1.0)
        headers = {"Host": HOST, "Accept": "text/event-stream"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(fraud.url, json={"amount": 5}, headers=headers) as answer,
        ):
            assert (answer.status, answer.content_type) == (200, "text/event-stream")
            first = await answer.content.readuntil(b"\n\n")
            assert json.loads(first.removeprefix(b"data: "))["part"] == 1
            arrived.set()
            rest = (await answer.content.read()).decode()
    assert [part.removeprefix("data: ")[:9] for part in rest.split("\n\n")][:3] == ['{"part": ', '{"part": ', "[DONE]"]


async def test_a_caller_cannot_choose_the_deployment(fraud: Served) -> None:
    """Azure would honour the header without regard to traffic."""
    headers = {"Host": HOST, "azureml-model-deployment": "green"}
    async with aiohttp.ClientSession() as session:
        for _ in range(5):
            async with session.post(fraud.url, json={"amount": 5}, headers=headers) as answer:
                assert (await answer.json())["deployment"] == "blue"
