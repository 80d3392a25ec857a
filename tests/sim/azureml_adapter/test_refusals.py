"""What goes wrong on the way to Azure, and what the object is told."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import jwt
import pytest

from mlgate.azureml import AzureAccess, Sessions, WorkloadIdentity, explain, wire
from mlgate.errors import (
    AlreadyHeld,
    CredentialsRejected,
    Denied,
    LostAnswer,
    Quota,
    Retry,
    Terminal,
    Trouble,
    Wait,
    WriteRefused,
)
from mlgate.outbound import Permit, Unfenced, Urgency, permitting
from mlgate.reasons import Reason
from mlgate_sim.azure import AzureSimulator
from mlgate_sim.azure.settings import FederatedCredential

from . import journey
from .conftest import CANARY, World

pytestmark = pytest.mark.usefixtures("permit")


@pytest.mark.parametrize("status", [400, 409])
async def test_a_busy_endpoint_is_a_wait_whichever_status_it_has(world: World, status: int) -> None:
    object.__setattr__(world.azure.settings, "busy_status", status)
    endpoint_id = await journey.endpoint(world.session, world.azure.resource_group)
    world.azure.operation_seconds = 60
    await world.session.endpoints.put(endpoint_id, journey.endpoint_body())
    with pytest.raises(Wait) as caught:
        await world.session.deployments.put(
            world.session.deployments.id(endpoint_id, "blue"), journey.deployment_body()
        )
    assert caught.value.reason is Reason.UPDATING and caught.value.after == pytest.approx(10 * 0.005)


async def test_a_failed_deployment_is_explained_with_the_end_of_its_log(world: World) -> None:
    session = world.session
    endpoint_id = await journey.endpoint(session, world.azure.resource_group)
    logs = ["loading model", "password=hunter2-canary", "ValueError: model.pkl was written by scikit-learn 1.9"]
    world.azure.fail_deployment("fraud", "blue", code="ResourceNotReady", logs=logs)
    blue = session.deployments.id(endpoint_id, "blue")
    await session.deployments.put(blue, journey.deployment_body())
    _, progress = await journey.settled(session, session.deployments, blue)
    assert progress.failed and progress.operation_uri
    operation = await session.operation(progress.operation_uri)
    assert operation is not None and operation.failed
    log = await session.deployments.logs(blue, 20)
    assert "loading model" in log and "hunter2" not in log
    failure = explain("online deployment blue of endpoint fraud", operation.error, log)
    assert failure.code == "ResourceNotReady"
    assert "scikit-learn 1.9" in failure.sentence and "scoring script" in failure.sentence
    assert "hunter2" not in failure.sentence
    assert failure.trouble().reason is Reason.PROVISIONING_FAILED


async def test_too_little_quota_says_how_many_cores_are_missing(world: World) -> None:
    endpoint_id = await journey.endpoint(world.session, world.azure.resource_group)
    world.azure.fail_deployment("fraud", "blue", code="OutOfQuota", at="request")
    with pytest.raises(Terminal, match="2 cores too few") as caught:
        await world.session.deployments.put(
            world.session.deployments.id(endpoint_id, "blue"), journey.deployment_body()
        )
    assert caught.value.reason is Reason.PLAN_LIMIT


async def test_a_put_whose_answer_is_lost_is_told_so_and_putting_again_is_harmless(world: World) -> None:
    session = world.session
    workspace_id = await journey.workspace(session, world.azure.resource_group)
    endpoint_id = session.endpoints.id(workspace_id, "fraud")
    world.azure.faults.add(method="PUT", path="/onlineEndpoints/fraud$", drop="after")
    with pytest.raises(LostAnswer):
        await session.endpoints.put(endpoint_id, journey.endpoint_body())
    assert len(world.azure.requests.matching("PUT", "/onlineEndpoints/fraud$")) == 1, (
        "it was sent again behind our back"
    )
    await journey.settled(session, session.endpoints, endpoint_id)
    await session.endpoints.put(endpoint_id, journey.endpoint_body())
    await journey.settled(session, session.endpoints, endpoint_id)
    assert len(await session.endpoints.of_workspace(workspace_id)) == 1


async def test_a_write_answered_by_a_gateways_502_is_a_lost_answer_and_a_read_is_a_retry(world: World) -> None:
    session, workspace_id = world.session, world.session.workspaces.id(world.azure.resource_group, "models")
    world.azure.faults.add(path="/workspaces/models$", status=502, body="<html>Bad Gateway</html>", times=2)
    with pytest.raises(LostAnswer):
        await session.workspaces.put(workspace_id, journey.WORKSPACE)
    with pytest.raises(Retry) as caught:
        await session.workspaces.get(workspace_id)
    assert not isinstance(caught.value, LostAnswer) and caught.value.reason is Reason.UNREACHABLE


async def test_a_read_whose_connection_breaks_is_a_retry(world: World) -> None:
    workspace_id = world.session.workspaces.id(world.azure.resource_group, "models")
    world.azure.faults.add(path="/workspaces/models$", drop="before", times=2)
    with pytest.raises(Retry) as caught:
        await world.session.workspaces.get(workspace_id)
    assert not isinstance(caught.value, LostAnswer)


async def test_a_proxys_404_is_no_proof_that_something_is_gone(world: World) -> None:
    world.azure.faults.add(path="/workspaces/models$", status=404, body="<html>not here</html>")
    with pytest.raises(Retry, match="not Azure"):
        await world.session.workspaces.get(world.session.workspaces.id(world.azure.resource_group, "models"))


async def test_throttling_is_a_quota_of_the_subscriptions_gate_and_never_shorter_than_asked(world: World) -> None:
    body = {"error": {"code": "SubscriptionRequestsThrottled", "message": "Please try again after '10' seconds."}}
    world.azure.faults.add(path="/workspaces/", status=429, body=body, headers={"Retry-After": "10"})
    with pytest.raises(Quota) as caught:
        await world.session.workspaces.get(world.session.workspaces.id(world.azure.resource_group, "models"))
    assert caught.value.gate == world.session.gate and 10 <= caught.value.after <= 12.5


async def test_when_few_requests_are_left_drift_checks_wait_and_users_do_not(world: World) -> None:
    workspace_id = world.session.workspaces.id(world.azure.resource_group, "models")
    world.azure.faults.add(
        path="/workspaces/models$",
        status=200,
        body={"id": workspace_id, "properties": {"provisioningState": "Succeeded"}},
        headers={"x-ms-ratelimit-remaining-subscription-reads": "7"},
    )
    await world.session.workspaces.get(workspace_id)
    before = len(world.arm)
    with permitting(Permit(Urgency.DRIFT, Unfenced())), pytest.raises(Quota) as caught:
        await world.session.workspaces.get(workspace_id)
    assert len(world.arm) == before and caught.value.gate != world.session.gate
    await world.session.workspaces.get(workspace_id)
    assert len(world.arm) == before + 1


async def test_a_missing_role_is_named_with_its_action_and_scope(world: World) -> None:
    workspace_id = await journey.workspace(world.session, world.azure.resource_group)
    world.azure.forbid("Microsoft.MachineLearningServices/workspaces/onlineEndpoints/write")
    with pytest.raises(Denied, match=r"onlineEndpoints/write on /subscriptions/.*AzureML Data Scientist"):
        await world.session.endpoints.put(world.session.endpoints.id(workspace_id, "fraud"), journey.endpoint_body())


async def test_a_wrong_client_secret_names_the_connection_and_the_secret_and_sends_nothing_to_arm(world: World) -> None:
    session = world.sessions.session(world.access("canary-wrong-secret"))
    with pytest.raises(CredentialsRejected) as caught:
        await session.workspaces.get(session.workspaces.id(world.azure.resource_group, "models"))
    assert caught.value.gate == session.gate and world.arm == []
    assert "AzureConnection ml/azure" in caught.value.message and "ml/azure-credentials" in caught.value.message
    assert "AADSTS7000215" in caught.value.message and "canary" not in caught.value.message


async def test_an_unknown_tenant_is_a_credentials_problem_that_names_it(world: World) -> None:
    tenant = "11111111-2222-3333-4444-555555555555"
    session = world.sessions.session(world.access(tenant_id=tenant))
    with pytest.raises(CredentialsRejected, match=tenant):
        await session.verify()


async def test_a_missing_workload_identity_token_is_told_by_its_file(world: World) -> None:
    access = AzureAccess(
        "Public",
        world.azure.tenant,
        world.azure.subscription,
        WorkloadIdentity(world.azure.client_id, "/nowhere/token"),
        "AzureConnection ml/wi",
    )
    with pytest.raises(CredentialsRejected, match="/nowhere/token"):
        await world.sessions.session(access).verify()


async def test_an_expired_token_is_replaced_by_a_new_one_on_the_next_try(world: World) -> None:
    workspace_id = world.session.workspaces.id(world.azure.resource_group, "models")
    body = {
        "error": {
            "code": "ExpiredAuthenticationToken",
            "message": "The access token expiry UTC time is earlier than now.",
        }
    }
    world.azure.faults.add(path="/workspaces/models$", status=401, body=body)
    with pytest.raises(CredentialsRejected):
        await world.session.workspaces.get(workspace_id)
    assert await world.session.workspaces.get(workspace_id) is None
    assert world.tokens == 2


async def test_an_unreachable_azure_is_a_retry_and_a_write_that_never_left_is_not_lost(world: World) -> None:
    workspace_id = world.session.workspaces.id(world.azure.resource_group, "models")
    await world.session.verify()
    await world.azure.stop()
    for attempt in (
        world.session.workspaces.get(workspace_id),
        world.session.workspaces.put(workspace_id, journey.WORKSPACE),
    ):
        with pytest.raises(Retry, match=r"no connection to 127\.0\.0\.1") as caught:
            await attempt
        assert not isinstance(caught.value, LostAnswer)


async def test_a_certificate_that_is_not_trusted_is_told_as_such(world: World) -> None:
    sessions = Sessions(resource_manager=world.azure.url, authority=world.azure.url)
    try:
        with pytest.raises(Retry, match="not trusted"):
            await sessions.session(world.access()).verify()
    finally:
        await sessions.close()


async def test_the_name_of_somebody_elses_endpoint_is_already_held(world: World) -> None:
    workspace_id = await journey.workspace(world.session, world.azure.resource_group)
    world.azure.memory.taken_names.add("fraud")
    with pytest.raises(AlreadyHeld, match="unique within a region"):
        await world.session.endpoints.put(world.session.endpoints.id(workspace_id, "fraud"), journey.endpoint_body())


async def test_a_deleted_workspace_that_holds_its_name_says_what_to_do(world: World) -> None:
    workspace_id = await journey.workspace(world.session, world.azure.resource_group)
    await world.session.workspaces.delete(workspace_id)
    await journey.gone(world.session.workspaces, workspace_id)
    with pytest.raises(Terminal, match="purge") as caught:
        await world.session.workspaces.put(workspace_id, journey.WORKSPACE)
    assert caught.value.reason is Reason.EXTERNAL_CONFLICT


async def test_a_missing_resource_group_or_subscription_is_named(world: World) -> None:
    with pytest.raises(Terminal, match="nowhere"):
        await world.session.workspaces.get(world.session.workspaces.id("nowhere", "models"))
    other = world.session.workspaces.id(
        world.azure.resource_group, "models", subscription="99999999-0000-0000-0000-000000000000"
    )
    with pytest.raises((Terminal, CredentialsRejected, Denied)):
        await world.session.workspaces.get(other)


class TestOutsideOfAPermit:
    async def test_no_write_leaves_and_no_token_is_asked_for(self, world: World) -> None:
        workspace_id = world.session.workspaces.id(world.azure.resource_group, "models")
        refused = WriteRefused("only a plan")
        with permitting(Permit(Urgency.USER, Unfenced(), refuse_writes=refused)):
            for write in (
                world.session.workspaces.put(workspace_id, journey.WORKSPACE),
                world.session.workspaces.delete(workspace_id),
                world.session.endpoints.patch_tags(f"{workspace_id}/onlineEndpoints/fraud", {}),
                world.session.deployments.patch(f"{workspace_id}/onlineEndpoints/fraud/deployments/blue", capacity=2),
            ):
                with pytest.raises(WriteRefused):
                    await write
        assert len(world.azure.requests) == 0

    async def test_reads_and_posts_that_only_read_go_through(self, world: World) -> None:
        endpoint_id = await journey.endpoint(world.session, world.azure.resource_group)
        with permitting(Permit(Urgency.USER, Unfenced(), refuse_writes=WriteRefused("only a plan"))):
            assert (await world.session.endpoints.keys(endpoint_id)).primary
            assert await world.session.endpoints.get(endpoint_id)


async def test_an_operations_url_on_another_host_never_gets_our_token(world: World) -> None:
    with pytest.raises(Retry, match=r"evil\.example"):
        await world.session.operation("https://evil.example/subscriptions/x/operations/y")
    assert len(world.azure.requests) == 0


async def test_no_message_of_any_refusal_holds_a_secret(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    session = world.session
    endpoint_id = await journey.endpoint(session, world.azure.resource_group)
    keys = await session.endpoints.keys(endpoint_id)
    said: list[str] = []
    leaks = f"client_secret={CANARY} Bearer {keys.primary.reveal()} key: {keys.secondary.reveal()}"
    for status in (400, 401, 403, 404, 409, 429, 500):
        body = {"error": {"code": "Oops", "message": leaks, "details": [{"code": "Inner", "message": leaks}]}}
        world.azure.faults.add(path="/onlineEndpoints/fraud$", status=status, body=body)
        with pytest.raises(Trouble) as caught:
            await session.endpoints.put(endpoint_id, journey.endpoint_body())
        said += [caught.value.message, repr(caught.value), str(caught.value)]
    said += [repr(keys), repr(world.access()), repr(world.seen), caplog.text]
    for secret in (CANARY, keys.primary.reveal(), keys.secondary.reveal()):
        assert not [text for text in said if secret in text]


async def test_a_lease_that_ends_while_a_token_is_fetched_holds_the_write_back(world: World) -> None:
    class EndsSoon:
        checks = 0

        def check(self, timeout: float) -> None:
            assert timeout == 30.0
            self.checks += 1
            if self.checks > 1:
                raise WriteRefused("not the leader any more")

    workspace_id = world.session.workspaces.id(world.azure.resource_group, "models")
    with permitting(Permit(Urgency.USER, EndsSoon())), pytest.raises(WriteRefused, match="leader"):
        await world.session.workspaces.put(workspace_id, journey.WORKSPACE)
    assert world.tokens == 1 and world.arm == []


async def test_a_service_that_hangs_is_left_at_the_timeout(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(wire.TIMEOUTS, "PUT", 0.2)
    monkeypatch.setitem(wire.TIMEOUTS, "GET", 0.2)
    workspace_id = world.session.workspaces.id(world.azure.resource_group, "models")
    world.azure.faults.add(path="/workspaces/models$", delay_seconds=30, times=2)
    with pytest.raises(LostAnswer, match="no answer within"):
        await world.session.workspaces.put(workspace_id, journey.WORKSPACE)
    with pytest.raises(Retry, match="no answer within"):
        await world.session.workspaces.get(workspace_id)


async def test_a_workload_identity_needs_no_secret(world: World, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(assertion())
    auth = WorkloadIdentity(world.azure.client_id, str(token))
    access = AzureAccess("Public", world.azure.tenant, world.azure.subscription, auth, "AzureConnection ml/wi")
    session = world.sessions.session(access)
    assert await session.workspaces.get(session.workspaces.id(world.azure.resource_group, "models")) is None


async def test_a_service_account_that_entra_does_not_trust_says_what_to_add(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(assertion())
    trusted = [FederatedCredential(issuer="https://other.example", subject="system:serviceaccount:mlgate:mlgate")]
    async with AzureSimulator(federated_credentials=trusted) as azure:
        sessions = Sessions(resource_manager=azure.url, authority=azure.url, ca_file=str(azure.ca_file))
        auth = WorkloadIdentity(azure.client_id, str(token))
        access = AzureAccess("Public", azure.tenant, azure.subscription, auth, "AzureConnection ml/wi")
        with pytest.raises(CredentialsRejected, match="federated identity credential"):
            await sessions.session(access).verify()
        await sessions.close()


def assertion() -> str:
    """A service account's token, as a projected volume holds it."""
    claims = {"iss": "https://cluster.example", "sub": "system:serviceaccount:mlgate:mlgate"}
    now = int(time.time())
    return jwt.encode({**claims, "aud": "api://AzureADTokenExchange", "iat": now, "exp": now + 3600}, "x" * 32)


def test_an_address_without_tls_is_refused() -> None:
    access = AzureAccess("Public", "t", "s", WorkloadIdentity("c", "/t"), "AzureConnection ml/wi")
    with pytest.raises(ValueError, match="https"):
        Sessions(resource_manager="http://127.0.0.1:1").session(access)


async def test_concurrent_calls_share_one_token_and_keep_apart(world: World) -> None:
    names = [f"ml-{number}" for number in range(8)]
    ids = [world.session.workspaces.id(world.azure.resource_group, name) for name in names]
    assert await asyncio.gather(*(world.session.workspaces.get(one) for one in ids)) == [None] * 8
    assert world.tokens == 1
