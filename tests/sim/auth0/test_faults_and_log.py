"""What the simulator can do to a test: lose answers, refuse, delay, remember. True of every simulator built on the core."""

from __future__ import annotations

import asyncio
import ssl

import httpx
import pytest
from auth0.management import AsyncAuth0

from mlgate_sim.auth0 import Auth0Simulator
from mlgate_sim.requestlog import LoggedRequest
from mlgate_sim.server import DropAnswer
from sim.auth0.conftest import Caller


async def test_an_answer_can_be_lost_after_the_write_took_effect(auth0: Auth0Simulator, sdk: AsyncAuth0) -> None:
    auth0.faults.add(method="POST", path="/clients$", drop="after")
    before = len(auth0.state.clients)
    with pytest.raises(httpx.TransportError):
        await sdk.clients.create(name="once")
    assert len(auth0.state.clients) == before + 1
    lost = auth0.requests[-1]
    assert (lost.status, lost.notes["effect_status"]) == (None, 201)


async def test_a_request_can_be_lost_before_it_took_effect(auth0: Auth0Simulator, sdk: AsyncAuth0) -> None:
    auth0.faults.add(method="POST", path="/clients$", drop="before")
    before = len(auth0.state.clients)
    with pytest.raises(httpx.TransportError):
        await sdk.clients.create(name="never")
    assert len(auth0.state.clients) == before


async def test_a_gateway_can_answer_502_although_the_write_took_effect(auth0: Auth0Simulator, call: Caller) -> None:
    auth0.faults.add(method="POST", path="/roles$", status=502, applies=True)
    assert (await call("POST", "/roles", {"name": "r"})).status_code == 502
    assert [role["name"] for role in auth0.state.roles.values()] == ["r"]


async def test_a_fault_begins_at_its_call_and_ends_after_its_times(call: Caller) -> None:
    script = [{"method": "GET", "path": "/roles$", "nth": 2, "times": 2, "status": 503, "body": {"oops": True}}]
    added = await call.http.post("/_sim/faults", json=script)
    assert added.status_code == 201
    answers = [await call("GET", "/roles") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 503, 503, 200]
    assert answers[1].json() == {"oops": True}
    await call.http.delete("/_sim/faults")
    assert (await call.http.get("/_sim/faults")).json() == []


async def test_a_fault_without_an_effect_or_with_a_typo_is_refused(call: Caller) -> None:
    assert (await call.http.post("/_sim/faults", json={"path": "/roles"})).status_code == 400
    assert (await call.http.post("/_sim/faults", json={"statuss": 500})).status_code == 400
    assert (await call.http.post("/_sim/faults", json={"drop": "during"})).status_code == 400


async def test_a_late_answer_runs_into_the_callers_timeout_and_the_write_still_happens(
    auth0: Auth0Simulator, call: Caller
) -> None:
    auth0.faults.add(method="POST", path="/roles$", delay_seconds=0.3)
    headers = {"Authorization": f"Bearer {auth0.management_token()}"}
    with pytest.raises(httpx.ReadTimeout):
        await call.http.post("/api/v2/roles", json={"name": "late"}, headers=headers, timeout=0.05)
    async with asyncio.timeout(10):
        while not auth0.state.roles:
            await asyncio.sleep(0.01)


async def test_an_observer_sees_every_write_before_its_answer_leaves(auth0: Auth0Simulator, call: Caller) -> None:
    seen: list[tuple[str, str]] = []
    auth0.observers.append(lambda entry: seen.append((entry.method, entry.path)) if entry.is_write else None)
    await call("POST", "/roles", {"name": "r"})
    await call("GET", "/roles")
    assert seen == [("POST", "/api/v2/roles")]


async def test_an_observer_can_keep_the_answer_from_leaving(auth0: Auth0Simulator, call: Caller) -> None:
    async def cut(entry: LoggedRequest) -> None:
        raise DropAnswer

    auth0.observers.append(cut)
    with pytest.raises(httpx.TransportError):
        await call("POST", "/roles", {"name": "r"})
    assert len(auth0.state.roles) == 1


async def test_the_log_answers_by_method_and_path(auth0: Auth0Simulator, call: Caller) -> None:
    await call("POST", "/roles", {"name": "r"})
    await call("GET", "/roles?per_page=5")
    await call("GET", "/clients")
    found = (await call.http.get("/_sim/requests", params={"method": "get", "path": "/roles$"})).json()
    assert [(entry["method"], entry["path"], entry["query"]) for entry in found] == [
        ("GET", "/api/v2/roles", {"per_page": ["5"]})
    ]
    assert found[0]["headers"]["authorization"] == "Bearer (redacted)"
    assert [entry.body for entry in auth0.requests.writes] == [{"name": "r"}]
    assert len(auth0.requests) == 3  # the simulator's own routes are not logged


async def test_tls_is_real_and_trusted_through_the_written_ca() -> None:
    async with Auth0Simulator(tls=True, domain="tenant.eu.auth0.com") as auth0:
        assert auth0.ca_file is not None
        context = ssl.create_default_context(cafile=str(auth0.ca_file))
        async with httpx.AsyncClient(verify=context) as http:
            assert (await http.get(f"{auth0.url}/.well-known/jwks.json")).status_code == 200
            named = await http.get(
                f"{auth0.url}/.well-known/openid-configuration",
                extensions={"sni_hostname": "tenant.eu.auth0.com"},
            )
            assert named.json()["issuer"] == "https://tenant.eu.auth0.com/"
        async with httpx.AsyncClient() as http:
            with pytest.raises(httpx.ConnectError):
                await http.get(f"{auth0.url}/.well-known/jwks.json")
