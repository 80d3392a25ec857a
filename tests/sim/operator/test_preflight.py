"""A deployment that would fail after minutes is not begun: found out by a few reads, against the simulated Azure."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mlgate.azureml.preflight_reads import KEPT
from mlgate_sim.azure.endpoints import user_assigned_principal

from .manifests import SUBSCRIPTION, deployment, endpoint, namespace, of_quickstart, workspace
from .manifests import azure_secret as credentials
from .world import World, a_world

BLUE = ("AzureMLOnlineDeployment", "blue")
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/quickstart/providers"
REGISTRY = f"{GROUP}/Microsoft.ContainerRegistry/registries/models"
STORAGE = f"{GROUP}/Microsoft.Storage/storageAccounts/models"
USER = f"{GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/scorer"
ACR_PULL, BLOB_READER = "7f951dda-4ed3-4680-a7ca-43fe172d538d", "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


@pytest.fixture
async def strict() -> AsyncIterator[World]:
    """An Azure whose models are those that are registered."""
    async with a_world(check_models=True) as made:
        yield made


async def standing(world: World, **more: object) -> None:
    """An endpoint, with a workspace that has a registry and a storage account."""
    await world.apply(namespace("ml"), credentials(), of_quickstart("AzureConnection"))
    await world.apply(workspace(containerRegistryId=REGISTRY, storageAccountId=STORAGE))
    await world.apply(endpoint("fraud", **more))
    await world.ready(("AzureMLOnlineEndpoint", "fraud"))


def register(world: World, version: str) -> None:
    path = f"{world.azure.workspace_id('ml-workspace')}/models/fraud/versions/{version}"
    answer = world.azure.arm("PUT", path, {"properties": {"modelUri": f"azureml://jobs/j/{version}"}})
    assert answer.status == 201


def begun(world: World) -> int:
    return len(world.azure.requests.matching("PUT", "/deployments/blue$"))


async def test_a_model_version_that_is_missing_is_waited_for(strict: World) -> None:
    await standing(strict)
    register(strict, "6")
    await strict.apply(deployment("blue", "fraud"))
    words = ("fraud version 7", "not registered", "would fail")
    await strict.says("AzureMLOnlineDeployment", "blue", "DependencyNotFound", *words)
    assert begun(strict) == 0
    register(strict, "7")
    await strict.ready(BLUE)


async def test_an_instance_type_that_is_not_offered_is_told_with_others(world: World) -> None:
    await standing(world)
    await world.apply(deployment("blue", "fraud", instanceType="Standard_DS9_v9"))
    words = ("Standard_DS9_v9 is not offered in westeurope", "Standard_DS3_v2")
    await world.says("AzureMLOnlineDeployment", "blue", "InvalidSpec", *words)
    assert begun(world) == 0
    await world.apply(deployment("blue", "fraud"))
    await world.ready(BLUE)


async def test_missing_cores_are_counted_before_and_not_after_ten_minutes(world: World) -> None:
    await standing(world)
    world.azure.memory.quota["standardDSv2Family"] = 10
    await world.apply(deployment("blue", "fraud"))
    await world.ready(BLUE)
    await world.apply(deployment("green", "fraud"))
    words = ("6 cores too few", "8 of 10 are used", "8 are needed", "20 %")
    await world.says("AzureMLOnlineDeployment", "green", "PlanLimit", *words)
    assert not world.azure.requests.matching("PUT", "/deployments/green$")
    world.azure.memory.quota["standardDSv2Family"] = 16
    await world.ready(("AzureMLOnlineDeployment", "green"))


async def test_the_claims_are_those_of_azure_itself(world: World) -> None:
    """What preflight would refuse is refused by the simulated service too, and the other way round."""
    await standing(world)
    world.azure.memory.quota["standardDSv2Family"] = 10
    await world.apply(deployment("blue", "fraud", instanceCount=2, preflight="Skip"))
    await world.says("AzureMLOnlineDeployment", "blue", "PlanLimit", "quota")
    assert begun(world) >= 1


async def test_an_identity_that_azure_gives_its_roles_passes(world: World) -> None:
    await standing(world)
    await world.apply(deployment("blue", "fraud"))
    await world.ready(BLUE)
    assert len(world.azure.requests.matching("GET", "/roleAssignments$")) == 2


async def test_a_missing_role_is_waited_for_with_its_name(world: World) -> None:
    await standing(world, identity={"type": "UserAssigned", "userAssignedIdentities": [USER]})
    await world.apply(deployment("blue", "fraud"))
    words = ("AcrPull", "Storage Blob Data Reader", REGISTRY, STORAGE)
    await world.says("AzureMLOnlineDeployment", "blue", "AccessDenied", *words)
    assert begun(world) == 0
    principal = user_assigned_principal(USER)
    given = [(REGISTRY, ACR_PULL), (f"/subscriptions/{SUBSCRIPTION}", BLOB_READER)]
    world.azure.memory.role_assignments += [{"scope": s, "principal": principal, "role": r} for s, r in given]
    await world.ready(BLUE)


async def test_what_may_not_be_read_is_not_claimed(strict: World) -> None:
    strict.azure.forbid(
        "Microsoft.Authorization/*",
        "Microsoft.MachineLearningServices/locations/*",
        "Microsoft.MachineLearningServices/workspaces/models/*",
    )
    strict.azure.memory.grants_roles = False
    await standing(strict)
    register_unseen = f"{strict.azure.workspace_id('ml-workspace')}/models/fraud/versions/7"
    strict.azure.memory.resources[register_unseen.lower()] = {"id": register_unseen, "name": "7", "properties": {}}
    await strict.apply(deployment("blue", "fraud"))
    await strict.ready(BLUE)


async def test_it_is_asked_once_for_many_and_only_before_a_new_one_is_made(world: World) -> None:
    await standing(world)
    await world.apply(deployment(name, "fraud") for name in ("blue", "green", "red"))
    await world.ready(BLUE, ("AzureMLOnlineDeployment", "green"), ("AzureMLOnlineDeployment", "red"))
    reads = [
        e for e in world.azure.requests if "/locations/" in e.path and e.method == "GET" and "perations" not in e.path
    ]
    assert len([e for e in reads if e.path.endswith("/vmSizes")]) == 1
    before = len(world.azure.requests)
    await world.apply(deployment("blue", "fraud", instanceCount=2))
    await world.until(lambda: world.azure.requests.matching("PATCH", "/deployments/blue$"), "the PATCH")
    await world.ready(BLUE)
    later = [e.path for e in list(world.azure.requests)[before:]]
    assert not [path for path in later if "/vmSizes" in path or "/usages" in path or "roleAssignments" in path]


async def test_an_endpoint_that_is_made_anew_is_not_taken_for_the_old_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has another identity, with roles of its own."""
    monkeypatch.setitem(KEPT, "resource", 3600.0)  # the old one is remembered, its roles are not
    monkeypatch.setitem(KEPT, "roles", 0.0)
    await standing(world)
    await world.apply(deployment("blue", "fraud"))
    await world.ready(BLUE)
    await world.delete(deployment("blue", "fraud"), endpoint("fraud"))
    await world.gone(BLUE, ("AzureMLOnlineEndpoint", "fraud"))
    await world.apply(endpoint("fraud"), deployment("blue", "fraud"))
    await world.ready(BLUE)
    assert not [e for e in await world.events(*BLUE) if e["reason"] == "AccessDenied"]
