"""What a user reads when Azure refuses, fails or answers badly: the whole sentence, in the condition and in the Event,
and that mlgate does not ask the same over and over."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate.engine import objects
from mlgate_sim.azure.arm_message import Json

from .manifests import SUBSCRIPTION, azure_secret, azure_side, deployment, endpoint, namespace, of_quickstart, workspace
from .world import World

HOUR = 3600.0
FRAUD, BLUE = ("AzureMLOnlineEndpoint", "fraud"), ("AzureMLOnlineDeployment", "blue")
WORKSPACE, CONNECTION = ("AzureMLWorkspace", "ml-workspace"), ("AzureConnection", "azure")
PLACE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/quickstart/providers/Microsoft.MachineLearningServices"
AT_FRAUD = f"{PLACE}/workspaces/ml-workspace/onlineEndpoints/fraud"
ACTIONS = "Microsoft.MachineLearningServices/workspaces"


async def told(world: World, which: tuple[str, str], reason: str, sentence: str) -> None:
    """The condition says exactly this, and so does an Event."""
    assert await world.says(*which, reason, sentence) == sentence
    assert (await world.event(*which, reason, sentence))["message"] == sentence


async def calm(world: World, path: str, *, writes: int = 12, requests: int = 130) -> None:
    """In two hours little is asked: 13 resyncs of what stands around, and of a write some tries at the slow pace."""
    sent = len(world.azure.requests.matching("PUT", path))
    asked = world.asked
    await world.passes(2 * HOUR)
    assert len(world.azure.requests.matching("PUT", path)) - sent <= writes
    assert world.asked - asked <= requests


async def serving(world: World) -> None:
    await world.apply(azure_side(), endpoint("fraud"))
    await world.ready(FRAUD)


async def test_a_name_that_is_taken_in_the_region(world: World) -> None:
    world.azure.memory.taken_names.add("fraud")
    await world.apply(azure_side(), endpoint("fraud"))
    await told(
        world,
        FRAUD,
        "ExternalConflict",
        "The name of the online endpoint fraud in workspace ml-workspace is taken: endpoint names are unique within a "
        "region, across all customers. Choose another name.",
    )
    await calm(world, "/onlineEndpoints/fraud$")


async def test_a_field_that_azure_does_not_let_change(world: World) -> None:
    await serving(world)
    words = "The property publicNetworkAccess cannot be changed after creation."
    body = {"error": {"code": "BadRequest", "message": "The request is invalid.", "details": [{"message": words}]}}
    world.azure.faults.add(method="PUT", path="/onlineEndpoints/fraud$", status=400, body=body, times=None)
    await world.patch(*FRAUD, {"spec": {"publicNetworkAccess": "Disabled"}})
    await told(
        world,
        FRAUD,
        "InvalidSpec",
        f"Azure refuses the online endpoint fraud in workspace ml-workspace (400 BadRequest): {words} "
        "Change the manifest accordingly.",
    )
    await calm(world, "/onlineEndpoints/fraud$")


async def test_an_endpoint_that_failed_to_be_made_is_put_again(world: World) -> None:
    world.azure.fail_operation("onlineEndpoints/fraud", code="InternalServerError", times=1)
    await world.apply(azure_side(), endpoint("fraud"))
    await told(
        world,
        FRAUD,
        "ProvisioningFailed",
        "Azure's last operation on it ended as Failed, and its answer does not say why; the activity log in the Azure portal "
        "may. mlgate sends the manifest again by itself, though not at once.",
    )
    await world.ready(FRAUD)
    assert len(world.azure.requests.matching("PUT", "/onlineEndpoints/fraud$")) == 2
    assert not world.azure.requests.matching("DELETE", "/onlineEndpoints/")


async def test_a_workspace_that_failed_says_how_it_is_tried_again(world: World) -> None:
    world.azure.fail_operation("workspaces/ml-workspace", code="InternalServerError", times=1)
    await world.apply(azure_side())
    await told(
        world,
        WORKSPACE,
        "ProvisioningFailed",
        "Azure's last operation on it ended as Failed, and its answer does not say why; the activity log in the Azure portal "
        "may. To have the manifest sent again, set the annotation mlgate.dev/reconcile-requested-at to a new value.",
    )
    await calm(world, "/workspaces/ml-workspace$", writes=0)
    await world.patch(*WORKSPACE, {"metadata": {"annotations": {"mlgate.dev/reconcile-requested-at": "1"}}})
    await world.ready(WORKSPACE)


async def test_a_workspace_that_is_no_object(world: World) -> None:
    await world.apply(namespace("ml"), azure_secret(), of_quickstart("AzureConnection"), endpoint("fraud"))
    await told(
        world,
        FRAUD,
        "DependencyNotFound",
        "AzureMLWorkspace ml/ml-workspace does not exist; spec.workspaceRef of AzureMLOnlineEndpoint ml/fraud refers to it. "
        "Create it, or correct the name.",
    )
    await calm(world, "/", writes=0, requests=20)
    await world.apply(workspace())
    await world.ready(FRAUD)


async def test_a_workspace_to_observe_that_is_not_there(world: World) -> None:
    observed = workspace(managementPolicy="Observe")
    await world.apply(namespace("ml"), azure_secret(), of_quickstart("AzureConnection"), observed, endpoint("fraud"))
    sentence = (
        "There is nothing outside to observe, and managementPolicy: Observe never makes anything. Correct the name, or choose "
        "managementPolicy: Manage to have it made."
    )
    await told(world, WORKSPACE, "Drifted", sentence)
    await world.says(*FRAUD, "DependencyNotReady", f"Waits for AzureMLWorkspace ml/ml-workspace (Drifted): {sentence}")
    await calm(world, "/", writes=0)


@pytest.mark.parametrize(
    ("action", "which", "scope"),
    [
        pytest.param(f"{ACTIONS}/onlineEndpoints/write", FRAUD, AT_FRAUD, id="to make an endpoint"),
        pytest.param(f"{ACTIONS}/onlineEndpoints/read", FRAUD, AT_FRAUD, id="to look at one"),
        pytest.param(
            f"{ACTIONS}/onlineEndpoints/deployments/write",
            BLUE,
            f"{AT_FRAUD}/deployments/blue",
            id="to make a deployment",
        ),
    ],
)
async def test_a_permission_that_is_missing(world: World, action: str, which: tuple[str, str], scope: str) -> None:
    world.azure.forbid(action)
    await world.apply(azure_side(), endpoint("fraud"), deployment("blue", "fraud"))
    await told(
        world,
        which,
        "AccessDenied",
        f"AzureConnection ml/azure may not do {action} on {scope}. The role `AzureML Data Scientist` allows it: assign it to "
        "the application quickstart there; a new assignment takes up to 10 minutes to be known.",
    )
    await calm(world, scope.removeprefix(PLACE) + "$")
    world.azure.memory.forbidden_actions.clear()
    await world.ready(which)


async def test_a_token_that_azure_refuses(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(WORKSPACE)
    body = {"error": {"code": "InvalidAuthenticationToken", "message": "The access token is invalid."}}
    world.azure.faults.add(path="/onlineEndpoints", status=401, body=body, times=None)
    await world.apply(endpoint("fraud"))
    await told(
        world,
        FRAUD,
        "CredentialsRejected",
        "Azure Resource Manager refused the token of AzureConnection ml/azure (401 InvalidAuthenticationToken). Check "
        "tenantId, subscriptionId and the Secret ml/azure-credentials; mlgate tries again with a new token.",
    )
    await calm(world, "/onlineEndpoints/")
    world.azure.faults.clear()
    await world.ready(FRAUD)


async def test_cores_that_are_missing_when_azure_counts_them(world: World) -> None:
    await serving(world)
    world.azure.memory.quota["standardDSv2Family"] = 10
    await world.apply(deployment("blue", "fraud", instanceCount=2, preflight="Skip"))
    await told(
        world,
        BLUE,
        "PlanLimit",
        "The subscription's quota does not allow the online deployment blue of endpoint fraud in workspace ml-workspace: "
        f"VmSize: Not enough quota available for Standard_DS3_v2 in SubscriptionId {SUBSCRIPTION}. Current usage/limit: 0/10. "
        "Additional needed: 12. 2 cores too few: 0 of 10 are used and 12 are needed (Azure ML reserves 20 % on top of the "
        "instances). Ask for more quota in Azure, or choose a smaller instanceType or fewer instances.",
    )
    await calm(world, "/deployments/blue$")


async def test_a_region_without_the_instance_type(world: World) -> None:
    await serving(world)
    await world.apply(deployment("blue", "fraud", instanceType="Standard_DS9_v9"))
    await told(
        world,
        BLUE,
        "InvalidSpec",
        "Not begun, because it would fail: Instance type Standard_DS9_v9 is not offered in westeurope (there is "
        "Standard_DS2_v2, Standard_DS3_v2, Standard_DS4_v2). Choose another instanceType, or a workspace in another region. "
        "(spec.preflight: Skip goes ahead all the same.)",
    )
    await calm(world, "/deployments/blue$", writes=0)


@pytest.mark.parametrize(
    ("body", "lacking"),
    [
        pytest.param({}, "id", id="its id"),
        pytest.param({"id": "x", "properties": {}}, "properties", id="its state"),
        pytest.param([], "a body", id="all of it"),
    ],
)
async def test_an_answer_without_what_is_needed(world: World, body: Any, lacking: str) -> None:
    await serving(world)
    world.azure.faults.add(method="GET", path="/onlineEndpoints", status=200, body=body, times=None)
    await world.patch(*FRAUD, {"spec": {"description": "new"}})
    await told(
        world,
        FRAUD,
        "Unreachable",
        f"Azure's answer about online endpoint fraud in workspace ml-workspace lacks {lacking}. mlgate looks again.",
    )
    await calm(world, "/onlineEndpoints/", writes=0)
    world.azure.faults.clear()
    await world.ready(FRAUD)
    found: Json | None = world.azure.resource("onlineEndpoints", "ml-workspace", "fraud")
    assert found is not None and found["properties"]["description"] == "new"


async def test_an_operation_that_does_not_end(world: World) -> None:
    await world.apply(azure_side())
    await world.ready(WORKSPACE)
    world.azure.operation_seconds = HOUR / 2 + 120
    await world.apply(endpoint("fraud"))
    await world.says(*FRAUD, "ProvisioningTimeout")
    since = objects.status(await world.get(*FRAUD))["operationSince"]
    await told(
        world,
        FRAUD,
        "ProvisioningTimeout",
        f"Azure is making it. It takes longer than such an operation may (30 minutes); it began at {since}. mlgate goes on "
        "watching. Look at it in the service's own portal; deleting the object removes it.",
    )
    await world.ready(FRAUD)
    events = [e for e in await world.events(*FRAUD) if e["reason"] == "ProvisioningTimeout"]
    assert len(events) == 1
    assert events[0]["type"] == "Warning"


async def test_a_workspace_deleted_behind_our_back_is_made_anew_with_all_that_was_in_it(world: World) -> None:
    await serving(world)
    inside = [path for path in world.azure.memory.resources if "/workspaces/ml-workspace" in path]
    for path in inside:
        del world.azure.memory.resources[path]
    place = f"{PLACE}/workspaces/ml-workspace"
    sentence = "is not there any more; it is made anew."
    assert (await world.event(*WORKSPACE, "ExternalGone"))["message"] == f"{place} {sentence}"
    assert (await world.event(*FRAUD, "ExternalGone"))["message"] == f"{AT_FRAUD} {sentence}"
    await world.ready(WORKSPACE, FRAUD)
    assert world.azure.resource("onlineEndpoints", "ml-workspace", "fraud") is not None
    assert len(world.azure.requests.matching("PUT", "/workspaces/ml-workspace$")) == 2


async def test_a_connection_that_names_a_host_where_mlgate_may_not_sign_in(world: World) -> None:
    connection = of_quickstart("AzureConnection")
    connection["spec"]["endpoints"] = {"resourceManager": "https://azure.attacker.example"}
    await world.apply(namespace("ml"), azure_secret(), connection)
    await told(
        world,
        CONNECTION,
        "AccessDenied",
        "spec.endpoints of AzureConnection ml/azure names azure.attacker.example, where mlgate may not sign in (it may at: "
        "none). Remove it, or have it allowed by whoever runs mlgate: mlgate run --azure-endpoint-host azure.attacker.example.",
    )
    assert len(world.azure.requests) == 0
