"""What Prometheus and the kubelet see, over real HTTP."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import aiohttp
import pytest

from mlgate.sensitive import Sensitive
from mlgate.shell import logs
from mlgate.shell.health import Check, HealthServer, report
from mlgate.shell.metrics import Metrics, tally
from mlgate.store.protocol import Object


@dataclass(frozen=True)
class Seen:
    system: str = "auth0"
    tenant: str = "example.eu.auth0.com"
    method: str = "POST"
    route: str = "/clients/{id}"
    status: int | None = 201
    seconds: float = 0.1
    remaining: int | None = 7


def obj(name: str, **conditions: str) -> Object:
    found = [{"type": type_, "status": status} for type_, status in conditions.items()]
    return {"kind": "Auth0Client", "metadata": {"name": name}, "status": {"conditions": found}}


class World:
    def __init__(self) -> None:
        self.metrics = Metrics()
        self.problem: str | None = None
        checks: dict[str, Check] = {"watches": lambda: self.problem}
        self.server = HealthServer("127.0.0.1", 0, healthy={}, ready=checks, metrics=self.metrics)

    async def get(self, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.server.port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.server.start()
    yield made
    await made.server.stop()


async def test_a_ready_replica_says_so_and_one_that_is_not_says_why(world: World) -> None:
    assert await world.get("/readyz") == (200, "[+]watches ok\n")
    world.problem = "auth0clients is forbidden"
    assert await world.get("/readyz") == (503, "[-]watches failed: auth0clients is forbidden\n")
    assert (await world.get("/healthz"))[0] == 200


async def test_metrics_tell_what_happened_without_naming_objects(world: World) -> None:
    metrics = world.metrics
    metrics.reconciled("Auth0Client", "ready", 0.2)
    metrics.reconciled("Auth0Client", "Unreachable", 0.2)
    metrics.became_ready("Auth0Client", 3.0)
    metrics.drifted("Auth0Client")
    metrics.requested(Seen())
    metrics.requested(Seen(status=None, remaining=None))
    metrics.leads(True)
    metrics.watch_cache(lambda: [obj("secret-project", Ready="True", Synced="False")], lambda: 5)
    status, text = await world.get("/metrics")
    assert status == 200
    for line in (
        'mlgate_reconcile_total{kind="Auth0Client",result="ready"} 1.0',
        'mlgate_reconcile_total{kind="Auth0Client",result="Unreachable"} 1.0',
        'mlgate_drift_detected_total{kind="Auth0Client"} 1.0',
        'mlgate_external_requests_total{code="201",operation="POST /clients/{id}",system="auth0"} 1.0',
        'mlgate_external_requests_total{code="none",operation="POST /clients/{id}",system="auth0"} 1.0',
        'mlgate_quota_remaining{system="auth0",tenant="example.eu.auth0.com"} 7.0',
        "mlgate_leader 1.0",
        "mlgate_queue_depth 5.0",
        'mlgate_condition{kind="Auth0Client",status="True",type="Ready"} 1.0',
        'mlgate_condition{kind="Auth0Client",status="False",type="Synced"} 1.0',
    ):
        assert line in text
    assert "secret-project" not in text


def test_an_object_without_conditions_counts_as_unknown() -> None:
    assert tally([obj("a")]) == {("Auth0Client", "Ready", "Unknown"): 1, ("Auth0Client", "Synced", "Unknown"): 1}


def test_one_failed_check_is_enough() -> None:
    assert report({"a": lambda: None, "b": lambda: "hung"}) == (False, "[+]a ok\n[-]b failed: hung\n")


@pytest.fixture
def restored_logging() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.mark.usefixtures("restored_logging")
def test_a_log_line_is_one_json_object_and_shows_no_secret() -> None:
    stream = io.StringIO()
    logs.configure("info", json_lines=True, stream=stream)
    logging.getLogger("mlgate.test").info("rotated %s", Sensitive("canary"), extra={"tenant": "main"})
    logging.getLogger("kopf.objects").error("noise")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    line = json.loads(lines[0])
    assert (line["message"], line["level"], line["tenant"]) == ("rotated ***", "info", "main")
    assert "canary" not in lines[0]
