"""A tenant can be put away and taken up again, reset, and made slow to show what is new."""

from __future__ import annotations

import httpx

from mlgate_sim.auth0 import Auth0Simulator
from sim.auth0.conftest import Caller

DOMAIN = "tenant.eu.auth0.com"


async def test_a_restart_from_saved_state_changes_nothing() -> None:
    async with Auth0Simulator(domain=DOMAIN) as first, httpx.AsyncClient(base_url=first.url) as http:
        call = Caller(first, http)
        await call("POST", "/clients", {"name": "checkout", "client_metadata": {"team": "payments"}})
        await call("POST", "/roles", {"name": "analyst"})
        token, jwks = first.management_token(), (await http.get("/.well-known/jwks.json")).json()
        listed = (await call("GET", "/clients")).json()
        saved = (await http.get("/_sim/state")).json()
    second = Auth0Simulator(domain=DOMAIN, client_id=first.client_id, client_secret=first.client_secret)
    async with second, httpx.AsyncClient(base_url=second.url) as http:
        call = Caller(second, http)
        assert (await http.put("/_sim/state", json=saved)).status_code == 204
        assert (await http.get("/_sim/state")).json() == saved
        assert (await http.get("/.well-known/jwks.json")).json() == jwks
        assert (await call("GET", "/clients", token=token)).json() == listed


async def test_stopping_and_starting_keeps_the_tenant_and_its_port() -> None:
    auth0 = Auth0Simulator()
    async with auth0:
        url, domain = auth0.url, auth0.domain
        auth0.state.settings["friendly_name"] = "kept"
    async with auth0:
        assert (auth0.url, auth0.domain) == (url, domain)
        assert auth0.state.settings["friendly_name"] == "kept"


async def test_reset_goes_back_to_a_new_tenant(auth0: Auth0Simulator, call: Caller) -> None:
    await call("POST", "/roles", {"name": "analyst"})
    auth0.faults.add(path=".*", status=500, times=None)
    assert (await call.http.post("/_sim/reset")).status_code == 204
    assert (auth0.state.roles, len(auth0.requests)) == ({}, 0)
    assert (await call.token()).status_code == 200  # the operator's own application is there again


async def test_what_is_no_state_is_refused_and_changes_nothing(auth0: Auth0Simulator, call: Caller) -> None:
    before = auth0.save_state()
    assert (await call.http.put("/_sim/state", json={"clients": {}})).status_code == 400
    assert auth0.save_state() == before


async def test_a_new_object_can_be_late_in_lists_but_not_by_its_id() -> None:
    now = 1_800_000_000.0
    auth0 = Auth0Simulator(visibility_delay_seconds=2.0, clock=lambda: now)
    async with auth0, httpx.AsyncClient(base_url=auth0.url) as http:
        call = Caller(auth0, http)
        role = (await call("POST", "/roles", {"name": "analyst"})).json()
        assert (await call("GET", "/roles")).json() == []
        assert (await call("GET", f"/roles/{role['id']}")).status_code == 200
        now += 2.0
        assert [item["id"] for item in (await call("GET", "/roles")).json()] == [role["id"]]


async def test_the_system_api_and_the_global_client_are_there_and_protected(
    auth0: Auth0Simulator, call: Caller
) -> None:
    system = next(api for api in auth0.state.resource_servers.values() if api.get("is_system"))
    assert system["identifier"] == auth0.management_audience
    refused = await call("PATCH", f"/resource-servers/{system['id']}", {"name": "mine"})
    assert (refused.status_code, refused.json()["message"]) == (400, "System resource servers cannot be patched.")
    assert (await call("DELETE", f"/resource-servers/{system['id']}")).status_code == 400
    names = [client["name"] for client in (await call("GET", "/clients?is_global=false")).json()]
    assert names == ["mlgate operator"]
    assert (await call("GET", "/clients?is_global=true")).json()[0]["name"] == "All Applications"
