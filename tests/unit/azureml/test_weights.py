"""Traffic is checked before it leaves: what Azure would refuse, and what it would take and should not."""

from __future__ import annotations

from typing import Any, cast

import pytest

from mlgate.azureml.endpoints import Endpoints
from mlgate.azureml.faults import Answer
from mlgate.errors import Terminal

ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/ml-ws/onlineEndpoints/fraud"


class Sends:
    """Takes every request."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []

    async def call(self, method: str, path: str, subject: str, *, body: Any = None, **more: Any) -> Answer:
        self.bodies.append(body)
        return Answer(201, {}, {"id": path, **body})


async def put(traffic: Any, mirror: Any = None) -> int:
    wire = Sends()
    properties = {"traffic": traffic, "mirrorTraffic": mirror or {}}
    await Endpoints(cast(Any, wire)).put(ID, {"properties": properties})
    return len(wire.bodies)


@pytest.mark.parametrize(
    ("traffic", "mirror"),
    [
        pytest.param({}, {}, id="no traffic"),
        pytest.param({"blue": 0}, {}, id="none for anybody"),
        pytest.param({"blue": 90, "green": 10}, {}, id="a hundred in all"),
        pytest.param({"blue": 100}, {"green": 50}, id="a shadow"),
        pytest.param({"blue": 100, "green": 0}, {"green": 5}, id="a shadow without traffic"),
    ],
)
async def test_a_possible_split_is_sent(traffic: Any, mirror: Any) -> None:
    assert await put(traffic, mirror) == 1


@pytest.mark.parametrize(
    ("traffic", "mirror", "words"),
    [
        pytest.param(None, {}, "no traffic map", id="a body without the map would stop all traffic"),
        pytest.param({"blue": 90}, {}, "add up", id="too little"),
        pytest.param({"blue": 90, "green": 20}, {}, "add up", id="too much"),
        pytest.param({"blue": 150, "green": -50}, {}, "add up", id="less than nothing"),
        pytest.param({"blue": 100}, {"green": 60}, "mirror", id="more than half of it mirrored"),
        pytest.param({"blue": 100}, {"green": 5, "red": 5}, "mirror", id="two shadows"),
        pytest.param({"blue": 100}, {"Blue": 5}, "mirror", id="a shadow that serves"),
    ],
)
async def test_an_impossible_split_is_not(traffic: Any, mirror: Any, words: str) -> None:
    with pytest.raises(Terminal, match=words):
        await put(traffic, mirror)
