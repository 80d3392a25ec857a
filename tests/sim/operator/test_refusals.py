"""What a user sees when a service refuses, fails, throttles or is away: why, and what to do; and that it recovers."""

from __future__ import annotations

import pytest

from mlgate.engine import objects
from mlgate_sim.azure import AzureSimulator

from .manifests import (
    api,
    azure_secret,
    azure_side,
    client,
    deployment,
    endpoint,
    namespace,
    of_quickstart,
    ours,
    tenant_side,
    workspace,
)
from .world import World

HOUR = 3600.0


async def test_a_name_that_auth0_refuses_is_told_in_its_words_and_not_tried_again(world: World) -> None:
    await world.apply(tenant_side())
    await world.ready(("Auth0Tenant", "main"))
    sentence = "Payload validation error: 'String does not match pattern ^[^<>]+$' on property name (The name)."
    refused = {"statusCode": 400, "error": "Bad Request", "message": sentence, "errorCode": "invalid_body"}
    world.auth0.faults.add(method="POST", path="/clients$", status=400, body=refused, times=None)
    await world.apply(client("shop", name="forbidden"))
    words = ("Auth0Tenant ml/main refused", "invalid_body", "on property name", "Correct the field behind `name`")
    await world.says("Auth0Client", "shop", "InvalidSpec", *words)
    await world.event("Auth0Client", "shop", "InvalidSpec", *words)
    await world.settled()
    asked = len(world.auth0.requests.matching("POST", "/clients$"))
    await world.passes(HOUR)
    assert len(world.auth0.requests.matching("POST", "/clients$")) - asked <= 6

    world.auth0.faults.clear()
    await world.apply(client("shop", name="shop"))
    await world.ready(("Auth0Client", "shop"))


async def test_auth0_away_is_told_and_everything_recovers_when_it_is_back(world: World) -> None:
    await world.apply(tenant_side())
    await world.ready(("Auth0Tenant", "main"))
    await world.auth0.stop()
    await world.apply(client("shop"))
    words = ("Auth0Tenant ml/main cannot be reached", "refused the connection", "tries again by itself")
    await world.says("Auth0Tenant", "main", "Unreachable", *words)
    await world.event("Auth0Tenant", "main", "Unreachable", *words)
    told = (objects.condition(await world.get("Auth0Client", "shop"), "Ready") or {})["message"]
    assert "Auth0Tenant ml/main cannot be reached" in told
    await world.passes(1800)

    await world.auth0.start()
    await world.ready(("Auth0Client", "shop"), ("Auth0Tenant", "main"))
    assert len(world.auth0.requests.matching("POST", "/clients$")) == 1


async def test_azure_away_is_told_and_everything_recovers_when_it_is_back(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    world.azure.faults.add(path="/subscriptions/", drop="before", times=None)
    await world.apply(endpoint("fraud"))
    await world.says("AzureMLOnlineEndpoint", "fraud", "Unreachable")
    await world.event("AzureMLOnlineEndpoint", "fraud", "Unreachable")
    asked = world.asked
    await world.passes(HOUR)
    assert world.asked - asked < 100, "it must back off"

    world.azure.faults.clear()
    await world.ready(("AzureMLOnlineEndpoint", "fraud"), ("AzureMLWorkspace", "ml-workspace"))
    assert len(world.azure.requests.matching("PUT", "/onlineEndpoints/fraud$")) == 1


async def test_429_from_auth0_waits_as_long_as_asked_with_one_probe_for_all(world: World) -> None:
    await world.apply(tenant_side())
    await world.ready(("Auth0Tenant", "main"))
    reset = int(world.timeline.wall()) + 120
    limited = {"statusCode": 429, "error": "Too Many Requests", "message": "Global limit has been reached"}
    headers = {
        "retry-after": "120",
        "x-ratelimit-limit": "10",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(reset),
    }
    world.auth0.faults.add(method="POST", path="/clients$", status=429, body=limited, headers=headers, times=3)
    names = [f"client-{number}" for number in range(20)]
    await world.apply(client(name) for name in names)
    words = ("Auth0 asks for fewer requests", "Auth0Tenant ml/main", "goes on by itself")
    told: list[str] = []

    async def one_says() -> bool:
        told[:] = [
            condition["message"]
            for name in names
            if (condition := objects.condition(await world.get("Auth0Client", name), "Ready"))
            and condition["reason"] == "QuotaLimited"
        ]
        return any(all(word in message for word in words) for message in told)

    await world.until(one_says, "QuotaLimited")
    await world.ready(*(("Auth0Client", name) for name in names))
    assert len(world.auth0.requests.matching("POST", "/clients$")) <= 20 + 3
    created = [c for c in world.auth0.state.clients.values() if c["name"] in names]
    assert len(created) == 20


async def test_429_for_one_sort_of_objects_does_not_hold_up_others(world: World) -> None:
    await world.apply(tenant_side())
    await world.ready(("Auth0Tenant", "main"))
    limited = {"statusCode": 429, "error": "Too Many Requests", "message": "Too many requests to this endpoint"}
    headers = {"retry-after": "120", "x-ratelimit-limit": "5", "x-ratelimit-remaining": "0"}
    world.auth0.faults.add(method="POST", path="/clients$", status=429, body=limited, headers=headers)
    await world.apply(client("shop"))
    await world.says("Auth0Client", "shop", "QuotaLimited")
    refused = world.timeline.monotonic()
    await world.apply(ours("Auth0Role", "analyst", {"tenantRef": {"name": "main"}, "name": "analyst"}))
    await world.ready(("Auth0Role", "analyst"))
    assert world.timeline.monotonic() - refused < 60
    await world.ready(("Auth0Client", "shop"))
    assert world.timeline.monotonic() - refused > 60


async def test_429_from_arm_waits_as_long_as_asked_and_goes_on_by_itself(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    limited = {"error": {"code": "SubscriptionRequestsThrottled", "message": "Number of requests exceeded the limit."}}
    world.azure.faults.add(method="PUT", status=429, body=limited, headers={"Retry-After": "240"})
    begun = world.timeline.monotonic()
    await world.apply(endpoint("fraud"))
    words = ("throttles subscription 00000000-0000-0000-0000-000000000002", "240 s", "goes on by itself")
    await world.says("AzureMLOnlineEndpoint", "fraud", "QuotaLimited", *words)
    await world.event("AzureMLOnlineEndpoint", "fraud", "QuotaLimited", *words)
    await world.ready(("AzureMLOnlineEndpoint", "fraud"))
    assert world.timeline.monotonic() - begun >= 240
    assert len(world.azure.requests.matching("PUT", "/onlineEndpoints/fraud$")) == 2


async def test_a_name_that_azure_refuses_is_told_in_its_words(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(("AzureMLWorkspace", "ml-workspace"))
    world.azure.fail_operation(
        "onlineEndpoints/fraud", code="BadArgument", message="Endpoint name fraud is reserved.", at="request"
    )
    await world.apply(endpoint("fraud"))
    await world.says("AzureMLOnlineEndpoint", "fraud", "InvalidSpec", "Endpoint name fraud is reserved")
    await world.event("AzureMLOnlineEndpoint", "fraud", "InvalidSpec", "Endpoint name fraud is reserved")
    await world.settled()
    asked = len(world.azure.requests.matching("PUT", "/onlineEndpoints/"))
    await world.passes(HOUR)
    assert len(world.azure.requests.matching("PUT", "/onlineEndpoints/")) - asked <= 6


async def test_a_missing_resource_group_is_told_with_what_to_do(world: World) -> None:
    await world.apply(namespace("ml"), azure_secret(), of_quickstart("AzureConnection"))
    await world.apply(workspace(resourceGroup="nowhere"))
    words = ("nowhere", "does not create resource groups")
    await world.says("AzureMLWorkspace", "ml-workspace", "DependencyNotFound", *words)
    await world.event("AzureMLWorkspace", "ml-workspace", "DependencyNotFound", *words)


@pytest.mark.parametrize(
    ("code", "log", "words"),
    [
        pytest.param(
            "ImageBuildFailure",
            "ERROR: No matching distribution found for torch==99",
            ("image of the environment could not be built", "conda file", "torch==99"),
            id="an image that cannot be built: the log line and where to look",
        ),
        pytest.param(
            "OutOfQuota", "", ("quota", "instanceType"), id="no quota: how much is missing and what to choose"
        ),
        pytest.param(
            "ResourceNotReady",
            "ModuleNotFoundError: No module named 'sklearn'",
            ("never becomes ready", "scoring script", "No module named 'sklearn'"),
            id="a script that crashes: its exception",
        ),
    ],
)
async def test_a_failed_deployment_says_why_and_recovers_when_the_manifest_changes(
    world: World, code: str, log: str, words: tuple[str, ...]
) -> None:
    await world.apply(azure_side())
    await world.apply(endpoint("fraud"))
    world.azure.fail_deployment("fraud", "blue", code=code, logs=[log])
    manifest = deployment("blue", "fraud")
    await world.apply(manifest)
    await world.says("AzureMLOnlineDeployment", "blue", "ProvisioningFailed", code, *words)
    await world.event("AzureMLOnlineDeployment", "blue", "ProvisioningFailed", code)
    failed = await world.get("AzureMLOnlineDeployment", "blue")
    assert objects.status(failed)["failure"]["code"] == code
    assert objects.says(failed, "Stalled")
    await world.settled()
    puts = len(world.azure.requests.matching("PUT", "/deployments/blue$"))
    await world.passes(HOUR)
    assert len(world.azure.requests.matching("PUT", "/deployments/blue$")) == puts, "the same wish is not sent again"

    world.azure.heal_deployment("fraud", "blue")
    manifest["spec"]["model"]["version"] = "8"
    await world.apply(manifest)
    await world.ready(("AzureMLOnlineDeployment", "blue"))
    assert "failure" not in objects.status(await world.get("AzureMLOnlineDeployment", "blue"))


async def test_a_missing_role_in_azure_is_told_with_the_action(world: World) -> None:
    azure: AzureSimulator = world.azure
    azure.forbid("Microsoft.MachineLearningServices/workspaces/write")
    await world.apply(azure_side())
    words = ("Microsoft.MachineLearningServices/workspaces/write",)
    await world.says("AzureMLWorkspace", "ml-workspace", "AccessDenied", *words)
    await world.event("AzureMLWorkspace", "ml-workspace", "AccessDenied", *words)


async def test_one_bad_object_does_not_hold_up_the_others(world: World) -> None:
    await world.apply(tenant_side())
    await world.apply(of_quickstart("Secret", "azure-credentials"), of_quickstart("AzureConnection"))
    world.auth0.faults.add(method="POST", path="/resource-servers$", drop="before", times=None)
    await world.apply(api("broken", "https://broken.example.com"), client("shop"))
    await world.ready(("Auth0Client", "shop"), ("AzureConnection", "azure"))
    await world.says("Auth0API", "broken", "Unreachable")
