"""What is never deleted outside, whatever a manifest says, and what is deleted only when somebody approves."""

from __future__ import annotations

from typing import Any

import httpx

from mlgate.engine import objects

from .manifests import AUTH0_DOMAIN, api, client, ours, tenant_side
from .world import World


async def by_hand(world: World, method: str, path: str, body: Any = None) -> Any:
    async with httpx.AsyncClient(base_url=world.auth0_url, trust_env=False) as http:
        headers = {"Authorization": f"Bearer {world.auth0.management_token()}"}
        answer = await http.request(method, f"/api/v2{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


def the_global_client(world: World) -> dict[str, Any]:
    """ "All Applications", as every tenant has it."""
    clients = world.auth0.state.clients
    found = {**clients["quickstart"], "client_id": "everyone", "name": "All Applications", "global": True}
    clients["everyone"] = found
    return found


async def spared(world: World, kind: str, name: str, why: str) -> None:
    """It goes here, stays outside, and says why."""
    before = len(world.auth0.requests.matching("DELETE", "/api/v2/"))
    found = await world.get(kind, name)
    await world.delete(found)
    await world.event(kind, name, "Orphaned", why)
    await world.gone((kind, name))
    assert len(world.auth0.requests.matching("DELETE", "/api/v2/")) == before


async def test_the_application_that_mlgate_signs_in_with_is_never_deleted(world: World) -> None:
    await world.apply(tenant_side())
    await world.apply(client("self", **{"import": {"id": "quickstart"}}))
    await world.ready(("Auth0Client", "self"))
    await spared(world, "Auth0Client", "self", "the application that mlgate itself signs in with")


async def test_the_grant_that_mlgate_works_with_is_never_deleted(world: World) -> None:
    await world.apply(tenant_side())
    audience = f"https://{AUTH0_DOMAIN}/api/v2/"
    grant = next(g for g in world.auth0.state.client_grants.values() if g["client_id"] == "quickstart")
    refs = {
        "tenantRef": {"name": "main"},
        "clientRef": {"clientId": "quickstart"},
        "apiRef": {"identifier": audience},
        "permissions": list(grant["scope"])[:200],
    }
    await world.apply(ours("Auth0ClientGrant", "self", {**refs, "import": {"id": grant["id"]}}))
    await world.ready(("Auth0ClientGrant", "self"))
    await spared(world, "Auth0ClientGrant", "self", "what lets mlgate itself use the Management API")


async def test_an_api_of_auth0_itself_is_never_deleted(world: World) -> None:
    await world.apply(tenant_side())
    identifier = f"https://{AUTH0_DOMAIN}/api/v2/"
    known = next(a for a in world.auth0.state.resource_servers.values() if a["identifier"] == identifier)
    observed = api("management", identifier, **{"import": {"id": known["id"]}, "managementPolicy": "Observe"})
    await world.apply(observed)
    await world.settled()
    await world.delete(observed)
    await world.gone(("Auth0API", "management"))
    assert known["id"] in world.auth0.state.resource_servers


async def test_the_default_connection_is_never_deleted(world: World) -> None:
    await world.apply(tenant_side())
    name = "Username-Password-Authentication"
    made = await by_hand(world, "POST", "/connections", {"name": name, "strategy": "auth0"})
    refs = {"tenantRef": {"name": "main"}, "strategy": "auth0", "name": name, "import": {"id": made["id"]}}
    await world.apply(ours("Auth0Connection", "users", refs))
    await world.ready(("Auth0Connection", "users"))
    await spared(world, "Auth0Connection", "users", "the tenant's default connection")


async def test_an_application_whose_mark_was_taken_off_is_left(world: World) -> None:
    await world.apply(tenant_side(), client("shop"))
    await world.ready(("Auth0Client", "shop"))
    client_id = (await world.get("Auth0Client", "shop"))["status"]["externalId"]
    world.auth0.state.clients[client_id]["client_metadata"] = {}
    await spared(world, "Auth0Client", "shop", "does not carry mlgate's mark")


async def test_an_api_with_grants_of_others_says_so_and_goes_when_somebody_approves(world: World) -> None:
    identifier = "https://orders.example.com"
    orders = api("orders", identifier, permissions=[{"name": "read"}])
    await world.apply(tenant_side(), orders)
    await world.ready(("Auth0API", "orders"))
    theirs = await by_hand(world, "POST", "/clients", {"name": "theirs", "app_type": "non_interactive"})
    body = {"client_id": theirs["client_id"], "audience": identifier, "scope": ["read"]}
    grant = await by_hand(world, "POST", "/client-grants", body)

    await world.delete(orders)
    words = (
        "would also remove 1 client grant (",
        f"on {identifier}",
        grant["id"],
        theirs["client_id"],
        "mlgate.dev/approve=",
    )
    await world.says("Auth0API", "orders", "DeletionBlocked", *words)
    assert not world.auth0.requests.matching("DELETE", "/resource-servers/")

    ready = objects.condition(await world.get("Auth0API", "orders"), "Ready") or {}
    approval = ready["message"].split("mlgate.dev/approve=")[1][:10]
    await world.patch("Auth0API", "orders", {"metadata": {"annotations": {"mlgate.dev/approve": approval}}})
    await world.gone(("Auth0API", "orders"))
    assert len(world.auth0.requests.matching("DELETE", "/resource-servers/")) == 1


async def test_an_api_goes_by_itself_once_the_grants_of_others_are_gone(world: World) -> None:
    identifier = "https://orders.example.com"
    orders = api("orders", identifier, permissions=[{"name": "read"}])
    await world.apply(tenant_side(), orders)
    await world.ready(("Auth0API", "orders"))
    theirs = await by_hand(world, "POST", "/clients", {"name": "theirs", "app_type": "non_interactive"})
    body = {"client_id": theirs["client_id"], "audience": identifier, "scope": ["read"]}
    grant = await by_hand(world, "POST", "/client-grants", body)
    await world.delete(orders)
    await world.says("Auth0API", "orders", "DeletionBlocked", grant["id"])
    await by_hand(world, "DELETE", f"/client-grants/{grant['id']}")
    await world.gone(("Auth0API", "orders"))


async def test_an_api_whose_permissions_a_role_of_others_grants_says_so(world: World) -> None:
    identifier = "https://orders.example.com"
    orders = api("orders", identifier, permissions=[{"name": "read"}])
    await world.apply(tenant_side(), orders)
    await world.ready(("Auth0API", "orders"))
    role = await by_hand(world, "POST", "/roles", {"name": "clerks", "description": "theirs"})
    pair = {"resource_server_identifier": identifier, "permission_name": "read"}
    await by_hand(world, "POST", f"/roles/{role['id']}/permissions", {"permissions": [pair]})
    await world.delete(orders)
    words = ("would also remove 1 role's permissions (clerks)", identifier)
    await world.says("Auth0API", "orders", "DeletionBlocked", *words)
    assert not world.auth0.requests.matching("DELETE", "/resource-servers/")
    await by_hand(world, "DELETE", f"/roles/{role['id']}")
    await world.gone(("Auth0API", "orders"))


async def test_an_approved_deletion_is_none_of_what_would_go_with_it(world: World) -> None:
    identifier = "https://orders.example.com"
    orders = api("orders", identifier, permissions=[{"name": "read"}], managementPolicy="Plan")
    await world.apply(tenant_side(), {**orders, "spec": {**orders["spec"], "managementPolicy": "Manage"}})
    await world.ready(("Auth0API", "orders"))
    await world.apply(orders)
    await world.delete(orders)
    await world.says("Auth0API", "orders", "PlanPending", condition="Synced")
    plain = (await world.get("Auth0API", "orders"))["status"]["plan"]["hash"]
    theirs = await by_hand(world, "POST", "/clients", {"name": "theirs", "app_type": "non_interactive"})
    body = {"client_id": theirs["client_id"], "audience": identifier, "scope": ["read"]}
    grant = await by_hand(world, "POST", "/client-grants", body)
    await world.patch("Auth0API", "orders", {"metadata": {"annotations": {"mlgate.dev/approve": plain}}})
    await world.says("Auth0API", "orders", "DeletionBlocked", grant["id"])
    ready = objects.condition(await world.get("Auth0API", "orders"), "Ready") or {}
    approval = ready["message"].split("mlgate.dev/approve=")[1][:10]
    assert approval != plain
    assert not world.auth0.requests.matching("DELETE", "/resource-servers/")
    await world.patch("Auth0API", "orders", {"metadata": {"annotations": {"mlgate.dev/approve": approval}}})
    await world.gone(("Auth0API", "orders"))


async def test_what_is_only_observed_is_never_deleted_be_it_the_global_client_or_the_system_api(world: World) -> None:
    await world.apply(tenant_side())
    state = world.auth0.state
    system = next(a for a in state.resource_servers.values() if a["identifier"].endswith("/api/v2/"))
    every = the_global_client(world)
    for found in (
        api("system", system["identifier"], managementPolicy="Observe", **{"import": {"id": system["id"]}}),
        client("every", managementPolicy="Observe", **{"import": {"id": every["client_id"]}}),
    ):
        await world.apply(found)
        await world.settled()
        await world.delete(found)
        await world.gone((found["kind"], found["metadata"]["name"]))
    assert not world.auth0.requests.matching("DELETE", "/api/v2/")
    assert system["id"] in state.resource_servers
    assert every["client_id"] in state.clients


async def test_the_global_client_is_not_deleted_even_when_it_is_asked_for(world: World) -> None:
    await world.apply(tenant_side())
    every = the_global_client(world)
    taken = client("every", **{"import": {"id": every["client_id"]}})
    await world.apply(taken)
    await world.says("Auth0Client", "every", "InvalidSpec")  # it takes no mark of ours
    await world.delete(taken)
    await world.gone(("Auth0Client", "every"))
    assert not world.auth0.requests.matching("DELETE", "/api/v2/")
    assert every["client_id"] in world.auth0.state.clients


async def test_the_system_api_is_not_deleted_even_when_it_is_asked_for(world: World) -> None:
    await world.apply(tenant_side())
    state = world.auth0.state
    system = next(a for a in state.resource_servers.values() if a["identifier"].endswith("/api/v2/"))
    await world.apply(api("system", system["identifier"], **{"import": {"id": system["id"]}}))
    await world.settled()
    await spared(world, "Auth0API", "system", "it is an API of Auth0 itself")
    assert system["id"] in state.resource_servers
