"""Workspaces through azure-mgmt-core: operations, soft delete, the gateway's refusals."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_sim.azure import AzureSimulator
from sim.azure.arm_caller import Arm, ManualClock


async def test_nothing_is_there_unless_it_is_seeded() -> None:
    async with AzureSimulator() as azure:
        assert azure.state == {}


async def test_a_workspace_is_created_by_an_operation(azure: AzureSimulator, clock: ManualClock) -> None:
    arm = Arm(azure, "ws2")
    missing = await arm("GET")
    assert (missing.status_code, missing.headers["x-ms-failure-cause"]) == (404, "gateway")
    assert missing.json()["error"]["code"] == "ResourceNotFound"
    vault = f"/subscriptions/{azure.subscription}/resourcegroups/x/providers/Microsoft.KeyVault/vaults/v"
    body = {"location": "West Europe", "sku": {"name": "Standard_S1"}, "properties": {"keyVault": vault}}
    accepted = await arm("PUT", "", body)
    assert (accepted.status_code, accepted.content, "Retry-After" in accepted.headers) == (202, b"", False)
    status_url, result_url = accepted.headers["Azure-AsyncOperation"], accepted.headers["Location"]
    assert (await arm("GET", status_url)).json() == {"status": "InProgress"}
    assert (await arm("GET", result_url)).status_code == 202
    assert (await arm("GET")).json()["properties"]["provisioningState"] == "Creating"
    clock.forward(540)
    assert (await arm("GET", status_url)).json() == {"status": "Succeeded", "percentComplete": 100.0}
    assert (await arm("GET", result_url)).json()["name"] == "ws2"
    seen = (await arm("GET")).json()
    assert seen["properties"]["provisioningState"] == "Succeeded"
    assert (seen["sku"]["name"], seen["location"], seen["etag"]) == ("Basic", "westeurope", None)
    assert "resourceGroups/x/providers/Microsoft.Keyvault" in seen["properties"]["keyVault"]
    await arm.close()


async def test_a_patch_changes_tags_and_mutable_properties(arm: Arm, clock: ManualClock) -> None:
    changed = await arm("PATCH", "", {"tags": {"a": "b"}, "properties": {"description": "new", "storageAccount": "x"}})
    assert changed.status_code == 202
    clock.forward(540)
    seen = (await arm("GET")).json()
    assert (seen["tags"], seen["properties"]["description"]) == ({"a": "b"}, "new")
    assert seen["properties"]["storageAccount"] is None


async def test_a_deleted_workspace_keeps_its_name_until_it_is_purged(
    azure: AzureSimulator, arm: Arm, clock: ManualClock, serving: str
) -> None:
    assert (await arm("DELETE")).status_code == 202
    clock.forward(540)
    assert (await arm("GET")).status_code == 404
    assert azure.state == {}, "endpoints inside are gone with it"
    held = await arm("PUT", "", {"location": "westeurope"})
    assert (held.status_code, held.json()["error"]["code"]) == (400, "BadRequest")
    assert "Soft-deleted workspace exists" in held.json()["error"]["message"]
    assert (await arm("DELETE", forceToPurge="true")).status_code == 204
    assert (await arm("PUT", "", {"location": "westeurope"})).status_code == 202


async def test_a_purging_delete_frees_the_name(arm: Arm, clock: ManualClock) -> None:
    await arm("DELETE", forceToPurge="true")
    clock.forward(540)
    assert (await arm("PUT", "", {"location": "westeurope"})).status_code == 202


async def test_a_soft_deleted_workspace_is_gone_after_a_fortnight(azure: AzureSimulator, clock: ManualClock) -> None:
    path = azure.workspace_id("ws1")
    azure.arm("DELETE", path)
    clock.forward(540)
    assert azure.arm("PUT", path, {"location": "westeurope"}).status == 400
    clock.forward(14 * 24 * 3600)
    assert azure.arm("PUT", path, {"location": "westeurope"}).status == 202


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        pytest.param("GET", "/subscriptions/00/resourceGroups/{rg}", None, 404, "SubscriptionNotFound",
                     id="subscription"),
        pytest.param("GET", "{sub}/resourceGroups/none", None, 404, "ResourceGroupNotFound", id="resource group"),
        pytest.param("PUT", "{sub}/resourceGroups/none/{ml}/workspaces/abc", {"location": "westeurope"}, 404,
                     "ResourceGroupNotFound", id="resource group of a workspace"),
        pytest.param("GET", "{ws}none", None, 404, "ResourceNotFound", id="workspace"),
        pytest.param("GET", "{ws}none/onlineEndpoints/e", None, 404, "ParentResourceNotFound",
                     id="workspace of an endpoint"),
        pytest.param("GET", "{ws}ws1/onlineEndpoints/fraud", None, 404, "NotFound", id="endpoint"),
        pytest.param("GET", "{ws}ws1/models/m/versions/1", None, 404, "UserError", id="model version"),
        pytest.param("GET", "{ws}ws1/gizmos/g", None, 404, "InvalidResourceType", id="resource type"),
        pytest.param("PUT", "{ws}x", {"location": "westeurope"}, 400, "BadRequest", id="workspace name too short"),
        pytest.param("PUT", "{ws}abc", {}, 400, "LocationRequired", id="workspace without a location"),
        pytest.param("PUT", "{ws}ws1", {"location": "eastus"}, 409, "InvalidResourceLocation",
                     id="workspace that moves"),
    ],
)  # fmt: skip
async def test_refusals_in_arms_own_words(
    azure: AzureSimulator, arm: Arm, method: str, path: str, body: Any, status: int, code: str
) -> None:
    sub, ml = f"/subscriptions/{azure.subscription}", "providers/Microsoft.MachineLearningServices"
    whole = path.format(sub=sub, rg=azure.resource_group, ml=ml, ws=azure.workspace_id(""))
    refused = await arm(method, whole, body)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (status, code)
    from_gateway = set(error) == {"code", "message"}
    assert from_gateway == (code not in {"NotFound", "UserError"}), "the provider says more than the gateway"
    assert ("x-ms-failure-cause" in refused.headers) == (
        from_gateway and status == 404 and code != "InvalidResourceType"
    )


async def test_a_call_without_an_api_version_is_refused(azure: AzureSimulator, arm: Arm) -> None:
    refused = azure.arm("GET", azure.workspace_id("ws1"), query={"api-version": ""})
    assert refused.status == 400
    assert "MissingApiVersionParameter" in str(refused.body)


async def test_lists_come_in_pages_with_a_link_to_the_next() -> None:
    async with AzureSimulator(page_size=2, operation_seconds=0) as azure:
        for name in ("ws1", "ws2", "ws3"):
            azure.arm("PUT", azure.workspace_id(name), {"location": "westeurope"})
        arm = Arm(azure)
        collection = azure.workspace_id("")[:-1]
        first = (await arm("GET", collection)).json()
        assert [one["name"] for one in first["value"]] == ["ws1", "ws2"]
        second = (await arm("GET", first["nextLink"])).json()
        assert ([one["name"] for one in second["value"]], "nextLink" in second) == (["ws3"], False)
        await arm.close()


async def test_operations_also_end_on_the_real_clock() -> None:
    async with AzureSimulator(operation_seconds=0.1) as azure:
        arm = Arm(azure)
        await arm("PUT", "", {"location": "westeurope"})
        assert (await arm.settled())["name"] == "ws1"
        await arm.close()


async def test_a_scripted_failure_of_a_workspace_shows_in_its_operation(
    azure: AzureSimulator, clock: ManualClock
) -> None:
    azure.fail_operation("workspaces/ws2", code="InternalServerError")
    arm = Arm(azure, "ws2")
    accepted = await arm("PUT", "", {"location": "westeurope"})
    clock.forward(540)
    ended = await arm("GET", accepted.headers["Azure-AsyncOperation"])
    assert (ended.status_code, ended.json()["status"]) == (200, "Failed")
    assert (await arm("GET")).json()["properties"]["provisioningState"] == "Failed"
    await arm.close()


async def test_the_whole_state_survives_being_written_out_and_read_back(
    azure: AzureSimulator, arm: Arm, clock: ManualClock, serving: str
) -> None:
    azure.fail_deployment("fraud", "green", code="OutOfQuota")
    await arm("DELETE", "onlineEndpoints/fraud")
    saved = azure.save_state()
    azure.reset()
    azure.load_state(saved)
    assert azure.save_state() == saved
    clock.forward(540)
    assert azure.resource("onlineEndpoints", "ws1", "fraud") is None, "the running operation goes on"


async def test_reset_goes_back_to_the_seeds(azure: AzureSimulator, serving: str) -> None:
    azure.reset()
    assert [one["name"] for one in azure.state.values()] == ["ws1"]
    assert len(azure.requests) == 0
