"""The official SDK cannot tell: auth0-python against the simulated tenant."""

from __future__ import annotations

import httpx
import pytest
from auth0.management import AsyncAuth0
from auth0.management.core.api_error import ApiError
from auth0.management.errors import ConflictError, ForbiddenError, NotFoundError

from mlgate_sim.auth0 import Auth0Simulator

API = "https://fraud.models.example.com"


async def test_a_client_lives_through_the_sdk(auth0: Auth0Simulator, sdk: AsyncAuth0) -> None:
    made = await sdk.clients.with_raw_response.create(name="checkout", app_type="non_interactive")
    assert made.status_code == 201
    client_id = made.data.client_id
    assert made.data.client_secret
    assert "x-ratelimit-remaining" in made.headers

    changed = await sdk.clients.update(client_id, description="pays", client_metadata={"team": "payments"})
    assert changed.client_metadata == {"team": "payments"}
    rotated = await sdk.clients.rotate_secret(client_id)
    assert rotated.client_secret != made.data.client_secret

    await sdk.clients.delete(client_id)
    await sdk.clients.delete(client_id)  # 204 again
    with pytest.raises(NotFoundError) as gone:
        await sdk.clients.get(client_id)
    assert gone.value.body["errorCode"] == "inexistent_client"
    assert client_id not in auth0.state.clients


async def test_an_api_its_grant_and_a_role_live_through_the_sdk(auth0: Auth0Simulator, sdk: AsyncAuth0) -> None:
    api = await sdk.resource_servers.create(identifier=API, name="fraud", scopes=[{"value": "predict:fraud"}])
    assert (await sdk.resource_servers.get(API)).id == api.id
    rbac = await sdk.resource_servers.update(api.id, enforce_policies=True, token_dialect="access_token_authz")
    assert rbac.scopes[0].value == "predict:fraud"  # omitted fields stay

    client = await sdk.clients.create(name="checkout")
    grant = await sdk.client_grants.create(client_id=client.client_id, audience=API, scope=["predict:fraud"])
    assert [g.id async for g in await sdk.client_grants.list(client_id=client.client_id)] == [grant.id]

    role = await sdk.roles.create(name="fraud-analyst")
    permission = {"resource_server_identifier": API, "permission_name": "predict:fraud"}
    await sdk.roles.permissions.add(role.id, permissions=[permission])
    assert [p.permission_name async for p in await sdk.roles.permissions.list(role.id)] == ["predict:fraud"]
    await sdk.roles.permissions.delete(role.id, permissions=[permission])
    assert [p async for p in await sdk.roles.permissions.list(role.id)] == []
    await sdk.roles.delete(role.id)
    with pytest.raises(NotFoundError):
        await sdk.roles.delete(role.id)

    await sdk.resource_servers.delete(api.id)
    assert grant.id not in auth0.state.client_grants


async def test_settings_are_changed_key_by_key(sdk: AsyncAuth0) -> None:
    await sdk.tenants.settings.update(friendly_name="Models", flags={"enable_apis_section": True})
    seen = await sdk.tenants.settings.get()
    assert seen.friendly_name == "Models"
    assert seen.flags.enable_apis_section is True
    assert seen.flags.universal_login is True
    assert seen.sandbox_versions_available


async def test_natural_keys_conflict(sdk: AsyncAuth0) -> None:
    await sdk.resource_servers.create(identifier=API)
    client = await sdk.clients.create(name="checkout")
    await sdk.client_grants.create(client_id=client.client_id, audience=API, scope=[])
    await sdk.roles.create(name="analyst")
    for again in (
        sdk.resource_servers.create(identifier=API),
        sdk.client_grants.create(client_id=client.client_id, audience=API, scope=[]),
        sdk.roles.create(name="analyst"),
    ):
        with pytest.raises(ConflictError):
            await again


async def test_names_of_clients_are_not_unique(sdk: AsyncAuth0) -> None:
    first, second = await sdk.clients.create(name="same"), await sdk.clients.create(name="same")
    assert first.client_id != second.client_id


async def test_a_long_list_is_paged_through(auth0: Auth0Simulator, sdk: AsyncAuth0) -> None:
    for number in range(7):
        await sdk.roles.create(name=f"role-{number}")
    auth0.requests.clear()
    names = [role.name async for role in await sdk.roles.list(per_page=3)]
    assert names == [f"role-{number}" for number in range(7)]
    assert len(auth0.requests) == 4  # three full or partial pages and the empty one that the SDK always asks for


async def test_a_grant_for_what_does_not_exist_is_not_found(sdk: AsyncAuth0) -> None:
    await sdk.resource_servers.create(identifier=API)
    with pytest.raises(NotFoundError):
        await sdk.client_grants.create(client_id="nobody", audience=API, scope=[])


async def test_a_weak_token_is_told_which_scope_it_lacks(auth0: Auth0Simulator, http: httpx.AsyncClient) -> None:
    weak = AsyncAuth0(
        base_url=f"{auth0.url}/api/v2", token=auth0.management_token("read:roles"), httpx_client=http, max_retries=0
    )
    with pytest.raises(ForbiddenError) as refused:
        await weak.roles.create(name="x")
    assert refused.value.body == {
        "statusCode": 403,
        "error": "Forbidden",
        "message": "Insufficient scope, expected any of: create:roles",
        "errorCode": "insufficient_scope",
    }


async def test_a_refused_body_names_the_property(sdk: AsyncAuth0) -> None:
    with pytest.raises(ApiError) as refused:
        await sdk.clients.create(name="x", request_options={"additional_body_parameters": {"future_field": True}})
    assert refused.value.status_code == 400
    assert refused.value.body["message"] == (
        "Payload validation error: 'Additional properties not allowed: future_field'."
    )
