"""From workspace to keys and back, over TLS, by provisioningState only."""

from __future__ import annotations

import time

import pytest

from mlgate.azureml import State
from mlgate.errors import Terminal

from . import journey
from .conftest import World

pytestmark = pytest.mark.usefixtures("permit")


async def test_workspace_endpoint_deployment_traffic_keys_and_back_by_provisioning_state_alone(world: World) -> None:
    session, group = world.session, world.azure.resource_group
    workspace_id = session.workspaces.id(group, "models")
    assert await session.workspaces.get(workspace_id) is None

    accepted = await session.workspaces.put(workspace_id, journey.WORKSPACE)
    assert accepted.resource is None and accepted.operation_uri
    await journey.settled(session, session.workspaces, workspace_id)

    endpoint_id = session.endpoints.id(workspace_id, "fraud")
    accepted = await session.endpoints.put(endpoint_id, journey.endpoint_body())
    assert accepted.resource is not None
    under_way = session.progress(accepted.resource)
    assert under_way.state is State.CREATING and under_way.after is not None and not under_way.settled
    seen, _ = await journey.settled(session, session.endpoints, endpoint_id)
    assert seen["properties"]["scoringUri"]

    blue = session.deployments.id(endpoint_id, "blue")
    accepted = await session.deployments.put(blue, journey.deployment_body())
    assert accepted.resource is not None and session.progress(accepted.resource).state is State.UPDATING
    _, done = await journey.settled(session, session.deployments, blue)
    assert done.state is State.SUCCEEDED

    await session.endpoints.put(endpoint_id, journey.endpoint_body(traffic={"blue": 100}))
    seen, _ = await journey.settled(session, session.endpoints, endpoint_id)
    assert seen["properties"]["traffic"] == {"blue": 100}

    keys = await session.endpoints.keys(endpoint_id)
    assert keys.primary.reveal() != keys.secondary.reveal()
    assert [one["name"] for one in await session.deployments.of_endpoint(endpoint_id)] == ["blue"]
    assert [one["name"] for one in await session.endpoints.of_workspace(workspace_id)] == ["fraud"]

    await session.deployments.patch(blue, capacity=3)
    seen, _ = await journey.settled(session, session.deployments, blue)
    assert seen["sku"]["capacity"] == 3
    await session.endpoints.patch_tags(endpoint_id, {"team": "risk"})
    seen, _ = await journey.settled(session, session.endpoints, endpoint_id)
    assert seen["tags"] == {"team": "risk"} and seen["properties"]["traffic"] == {"blue": 100}

    assert await session.endpoints.delete(endpoint_id) is not None
    await journey.gone(session.endpoints, endpoint_id)
    assert await session.endpoints.delete(endpoint_id) is None
    assert await session.workspaces.delete(workspace_id) is not None
    await journey.gone(session.workspaces, workspace_id)

    assert not any("operations" in path.lower() for _, path in world.arm), "an operation's URL was polled"
    assert {one.query["api-version"][0] for one in world.azure.requests if one.path.startswith("/subscriptions")} == {
        "2025-12-01"
    }


async def test_one_token_serves_many_calls(world: World) -> None:
    session = world.session
    await session.verify()
    for _ in range(5):
        await session.workspaces.get(session.workspaces.id(world.azure.resource_group, "models"))
    assert world.tokens == 1
    assert len(world.arm) == 5


async def test_verifying_credentials_costs_one_token_and_no_arm_request(world: World) -> None:
    await world.session.verify()
    assert (world.tokens, world.arm) == (1, [])


async def test_verifying_a_resource_group_costs_one_read_and_names_a_missing_one(world: World) -> None:
    await world.session.verify(world.azure.resource_group)
    assert len(world.arm) == 1
    with pytest.raises(Terminal, match="nowhere"):
        await world.session.verify("nowhere")


async def test_an_endpoint_token_tells_when_to_renew_it(world: World) -> None:
    endpoint_id = await journey.endpoint(world.session, world.azure.resource_group, auth_mode="AMLToken")
    token = await world.session.endpoints.token(endpoint_id)
    assert token.value.reveal()
    assert time.time() < token.refresh_after < token.expires_at
    with pytest.raises(Terminal):
        await world.session.endpoints.keys(endpoint_id)


async def test_an_entra_token_for_scoring_is_another_one_than_for_arm_and_has_its_whole_life_before_it(
    world: World,
) -> None:
    await world.session.verify()
    token = await world.session.scoring_token()
    again = await world.session.scoring_token()
    assert time.time() < token.refresh_after < token.expires_at
    assert token.value != again.value and world.tokens == 3


async def test_every_request_is_reported_without_ids(world: World) -> None:
    endpoint_id = await journey.endpoint(world.session, world.azure.resource_group)
    await world.session.endpoints.keys(endpoint_id)
    assert len(world.seen) == len(world.arm)
    last = world.seen[-1]
    assert (last.system, last.method, last.route, last.status) == (
        "azure",
        "POST",
        "workspaces/{}/onlineEndpoints/{}/listKeys",
        200,
    )
    assert last.remaining is not None and last.subscription == world.azure.subscription
    assert world.session.requests_left()["reads"] > 0


async def test_a_changed_secret_is_a_new_session_and_the_same_one_is_kept(world: World) -> None:
    assert world.sessions.session(world.access()) is world.session
    changed = world.sessions.session(world.access("another"))
    assert changed is not world.session and changed.gate != world.session.gate


async def test_an_endpoint_body_without_its_traffic_is_never_sent(world: World) -> None:
    endpoint_id = await journey.endpoint(world.session, world.azure.resource_group)
    before = len(world.arm)
    body = journey.endpoint_body()
    del body["properties"]["traffic"]
    with pytest.raises(Terminal, match="traffic"):
        await world.session.endpoints.put(endpoint_id, body)
    assert len(world.arm) == before
