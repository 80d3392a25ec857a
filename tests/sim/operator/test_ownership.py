"""Two claims on one thing, things that are somebody else's, and things that others change: nobody's work is taken."""

from __future__ import annotations

import base64

import httpx

from mlgate.api import KINDS
from mlgate.engine import objects
from mlgate.store.protocol import Object

from .census import carried_out
from .manifests import api, azure_side, client, endpoint, of_quickstart, ours, secret, tenant_side
from .world import World

IDENTIFIER = "https://fraud.example.com"
HOUR = 3600.0


async def test_of_two_apis_with_one_identifier_the_second_names_the_first(world: World) -> None:
    await world.apply(tenant_side())
    await world.apply(api("first", IDENTIFIER))
    await world.ready(("Auth0API", "first"))
    await world.apply(api("second", IDENTIFIER, permissions=[{"name": "predict:fraud"}]))
    words = ("already exists outside", "Auth0API ml/first", "Remove one of the two objects")
    await world.says("Auth0API", "second", "ExternalConflict", *words)
    await world.event("Auth0API", "second", "ExternalConflict", *words)
    await world.passes(HOUR)
    assert [a["identifier"] for a in _apis(world)] == [IDENTIFIER]
    assert not world.auth0.requests.matching("PATCH", "/resource-servers/"), "nothing of the first may be changed"

    await world.delete(api("second", IDENTIFIER))
    await world.gone(("Auth0API", "second"))
    assert len(_apis(world)) == 1, "what belongs to the first must stay"
    await world.ready(("Auth0API", "first"))


async def test_of_two_endpoints_with_one_azure_name_the_second_names_the_first(world: World) -> None:
    await world.apply(azure_side())
    await world.apply(endpoint("first", azureName="fraud"))
    await world.ready(("AzureMLOnlineEndpoint", "first"))
    await world.apply(endpoint("second", azureName="fraud", description="mine"))
    words = ("already exists outside", "first")
    await world.says("AzureMLOnlineEndpoint", "second", "ExternalConflict", *words)
    await world.event("AzureMLOnlineEndpoint", "second", "ExternalConflict", *words)
    await world.delete(endpoint("second"))
    await world.gone(("AzureMLOnlineEndpoint", "second"))
    await world.passes(HOUR)
    assert len(world.azure.requests.matching("PUT", "/onlineEndpoints/fraud$")) == 1
    assert world.azure.resource("onlineEndpoints", "ml-workspace", "fraud") is not None


async def test_an_api_that_somebody_else_made_is_named_and_taken_over_only_on_request(world: World) -> None:
    await world.apply(tenant_side())
    await world.ready(("Auth0Tenant", "main"))
    foreign = await _by_hand(world, IDENTIFIER)
    await world.apply(api("fraud", IDENTIFIER, name="Fraud"))
    words = (foreign, "was not made by mlgate", f"Set spec.import.id to {foreign}")
    await world.says("Auth0API", "fraud", "ExternalConflict", *words)
    await world.event("Auth0API", "fraud", "ExternalConflict", *words)
    await world.passes(HOUR)
    assert _apis(world)[0]["name"] == "made by hand"

    await world.apply(api("fraud", IDENTIFIER, name="Fraud", **{"import": {"id": foreign}}))
    await world.ready(("Auth0API", "fraud"))
    await world.event("Auth0API", "fraud", "Adopted", foreign, "spec.import")
    assert [(a["id"], a["name"]) for a in _apis(world)] == [(foreign, "Fraud")]


async def test_an_import_of_what_is_not_there_says_so_and_makes_nothing(world: World) -> None:
    await world.apply(tenant_side())
    await world.apply(api("fraud", IDENTIFIER, **{"import": {"id": "0123456789abcdef01234567"}}))
    words = ("0123456789abcdef01234567", "nothing outside with this id", "remove spec.import")
    await world.says("Auth0API", "fraud", "ExternalGone", *words)
    await world.event("Auth0API", "fraud", "ExternalGone", *words)
    assert not _apis(world)


async def test_an_endpoint_that_somebody_else_made_is_never_overwritten(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    external_id = world.azure.workspace_id("ml-workspace") + "/onlineEndpoints/fraud"
    body = {"location": "westeurope", "properties": {"authMode": "Key"}, "identity": {"type": "SystemAssigned"}}
    world.azure.arm("PUT", external_id, body)
    await world.apply(endpoint("fraud"))
    words = ("/onlineEndpoints/fraud", "was not made by mlgate", "spec.import.id")
    await world.says("AzureMLOnlineEndpoint", "fraud", "ExternalConflict", *words)
    await world.delete(endpoint("fraud"))
    await world.gone(("AzureMLOnlineEndpoint", "fraud"))
    assert not world.azure.requests.matching("PUT", "/onlineEndpoints/")
    assert not world.azure.requests.matching("DELETE", "/onlineEndpoints/")


async def test_a_secret_of_the_user_is_never_overwritten(world: World) -> None:
    await world.apply(tenant_side())
    await world.apply(secret("checkout-auth0", {"precious": "gold"}))
    await world.apply(client("checkout", credentialsSecret={"name": "checkout-auth0"}))
    words = ("Secret ml/checkout-auth0", "does not belong to", "choose another name")
    await world.says("Auth0Client", "checkout", "ExternalConflict", *words)
    await world.event("Auth0Client", "checkout", "ExternalConflict", *words)
    await world.passes(HOUR)
    kept = await world.get("Secret", "checkout-auth0")
    assert {n: base64.b64decode(v) for n, v in kept["data"].items()} == {"precious": b"gold"}
    assert not world.auth0.requests.matching("POST", "/clients$"), "an application whose secret has no place"

    await world.delete(secret("checkout-auth0", {}))
    await world.ready(("Auth0Client", "checkout"))


async def test_what_was_deleted_outside_is_made_again_exactly_once(world: World) -> None:
    await world.apply(tenant_side())
    await world.apply(client("shop", credentialsSecret={"name": "shop-auth0"}), api("fraud", IDENTIFIER))
    await world.ready(("Auth0Client", "shop"), ("Auth0API", "fraud"))
    first = objects.status(await world.get("Auth0Client", "shop"))["externalId"]
    del world.auth0.state.clients[first]

    await world.event("Auth0Client", "shop", "ExternalGone", first, "made anew")

    async def anew() -> bool:
        return objects.status(await world.get("Auth0Client", "shop")).get("externalId") not in (None, first)

    await world.until(anew, "another application")
    await world.ready(("Auth0Client", "shop"))
    await world.passes(HOUR)
    assert len(world.auth0.requests.matching("POST", "/clients$")) == 2
    [now] = [c for c in world.auth0.state.clients.values() if c["name"] == "shop"]
    data = (await world.get("Secret", "shop-auth0"))["data"]
    assert base64.b64decode(data["client-id"]).decode() == now["client_id"]
    assert base64.b64decode(data["client-secret"]).decode() == now["client_secret"]


async def test_what_others_changed_outside_is_set_back_and_told(world: World) -> None:
    await world.apply(tenant_side())
    await world.apply(api("fraud", IDENTIFIER, permissions=[{"name": "predict:fraud"}]))
    await world.ready(("Auth0API", "fraud"))
    _apis(world)[0]["scopes"] = [{"value": "everything"}]
    await world.event("Auth0API", "fraud", "DriftCorrected", "scopes")
    assert [s["value"] for s in _apis(world)[0]["scopes"]] == ["predict:fraud"]
    await world.passes(HOUR)
    assert len(world.auth0.requests.matching("PATCH", "/resource-servers/")) == 1


async def test_an_edit_of_a_part_of_a_composition_is_set_back(world: World) -> None:
    await carried_out(world)
    for kind, name, patch, path in (
        ("Auth0API", "fraud", {"permissions": [{"name": "predict:fraud", "description": "changed"}]}, "permissions"),
        ("AzureMLOnlineDeployment", "fraud-blue", {"instanceCount": 5}, "instanceCount"),
    ):
        before = objects.spec(await world.get(kind, name))[path]
        await world.patch(kind, name, {"spec": patch})

        async def set_back(kind: str = kind, name: str = name, path: str = path, before: object = before) -> bool:
            return bool(objects.spec(await world.get(kind, name))[path] == before)

        await world.until(set_back, f"{path} of {kind} {name} set back")
        await world.ready((kind, name))
    assert [s["description"] for s in _apis(world)[0]["scopes"] if s["value"] == "predict:fraud"] == [
        "Score transactions"
    ]


async def test_what_somebody_added_to_a_part_of_a_composition_is_taken_away_again(world: World) -> None:
    await carried_out(world)
    await world.patch("Auth0API", "fraud", {"spec": {"permissions": [{"name": "everything"}]}})
    await world.passes(HOUR)
    assert "everything" not in {s["value"] for s in _apis(world)[0]["scopes"]}


async def test_a_part_that_was_deleted_comes_back_with_what_it_stood_for(world: World) -> None:
    await carried_out(world)
    gone = await world.get("Auth0Role", "fraud-fraud-analyst")
    await world.delete(gone)

    async def back() -> bool:
        now = await world.find("Auth0Role", "fraud-fraud-analyst")
        return now is not None and objects.uid(now) != objects.uid(gone) and objects.is_ready(now)

    await world.until(back, "the role again")
    assert [role["name"] for role in world.auth0.state.roles.values()] == ["fraud-analyst"]


async def test_a_lost_output_secret_comes_back(world: World) -> None:
    await world.apply(tenant_side())
    await world.apply(client("shop", credentialsSecret={"name": "shop-auth0"}))
    await world.ready(("Auth0Client", "shop"))
    await world.delete(await world.get("Secret", "shop-auth0"))

    async def back() -> bool:
        return await world.find("Secret", "shop-auth0") is not None

    await world.until(back, "the Secret")
    [now] = [c for c in world.auth0.state.clients.values() if c["name"] == "shop"]
    data = (await world.get("Secret", "shop-auth0"))["data"]
    assert base64.b64decode(data["client-secret"]).decode() == now["client_secret"]


async def test_two_owners_of_one_workspace_name_do_not_fight(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    other: Object = of_quickstart("AzureMLWorkspace")
    other["metadata"]["name"], other["spec"]["azureName"] = "twin", "ml-workspace"
    other["spec"]["friendlyName"] = "Mine"
    await world.apply(other)
    await world.says("AzureMLWorkspace", "twin", "ExternalConflict", "ml-workspace")
    await world.passes(HOUR)
    assert len(world.azure.requests.matching("PUT", "/workspaces/ml-workspace$")) == 1


def _apis(world: World) -> list[Object]:
    return [a for a in world.auth0.state.resource_servers.values() if not a.get("is_system")]


async def _by_hand(world: World, identifier: str) -> str:
    """What a colleague made in the dashboard; returns its id."""
    async with httpx.AsyncClient(base_url=world.auth0.url, trust_env=False) as http:
        answer = await http.post(
            "/api/v2/resource-servers",
            json={"identifier": identifier, "name": "made by hand"},
            headers={"Authorization": f"Bearer {world.auth0.management_token()}"},
        )
    return str(answer.raise_for_status().json()["id"])


async def test_entries_of_a_binding_that_mean_one_api_are_one_grant_with_all_permissions(world: World) -> None:
    await world.apply(tenant_side())
    await world.apply(api("fraud", IDENTIFIER, permissions=[{"name": "read"}, {"name": "write"}]))
    by_name = {"apiRef": {"name": "fraud"}, "permissions": ["read"]}
    by_identifier = {"apiRef": {"identifier": IDENTIFIER}, "permissions": ["write"]}
    spec = {
        "tenantRef": {"name": "main"},
        "application": {"type": "MachineToMachine"},
        "secret": {"name": "checkout-auth0"},
        "grants": [by_name, by_identifier],
    }
    await world.apply(ours("Auth0AppBinding", "checkout", spec))
    await world.ready(("Auth0AppBinding", "checkout"))
    [grant] = [g for g in world.auth0.state.client_grants.values() if g["audience"] == IDENTIFIER]
    assert sorted(grant["scope"]) == ["read", "write"]

    await world.apply(ours("Auth0AppBinding", "checkout", {**spec, "grants": [by_identifier, by_name]}))

    async def named_otherwise() -> bool:
        grants = await world.store.list(KINDS["Auth0ClientGrant"].resource, "ml")
        return [g["spec"]["apiRef"] for g in grants] == [{"identifier": IDENTIFIER}]

    await world.until(named_otherwise, "a grant that the other entry names")
    await world.ready(("Auth0AppBinding", "checkout"))
    [grant] = [g for g in world.auth0.state.client_grants.values() if g["audience"] == IDENTIFIER]
    assert sorted(grant["scope"]) == ["read", "write"]
