"""Endpoints, deployments, traffic, keys and failures through azure-mgmt-core."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlgate_sim.azure import KNOWN_CODES, AzureSimulator
from sim.azure.arm_caller import Arm, ManualClock, deployment_body, endpoint_body

ENDPOINT = "onlineEndpoints/fraud"
BLUE = f"{ENDPOINT}/deployments/blue"


async def test_an_endpoint_has_no_uri_before_its_creation_ends(
    azure: AzureSimulator, arm: Arm, clock: ManualClock
) -> None:
    created = await arm("PUT", ENDPOINT, endpoint_body())
    properties = created.json()["properties"]
    assert (created.status_code, properties["provisioningState"], properties["scoringUri"]) == (201, "Creating", None)
    assert created.headers["x-ms-async-operation-timeout"] == "PT30M"
    status_url = created.headers["Azure-AsyncOperation"]
    assert properties["properties"]["AzureAsyncOperationUri"] == status_url
    assert (await arm("GET", status_url)).json()["status"] == "Updating"
    clock.forward(540)
    ended = (await arm("GET", status_url)).json()
    assert (ended["status"], ended["percentComplete"]) == ("Succeeded", 100.0)
    seen = (await arm("GET", ENDPOINT)).json()["properties"]
    assert seen["scoringUri"] == f"{azure.url}/scoring/fraud.westeurope/score"


async def test_the_answer_of_a_traffic_update_shows_the_old_traffic(arm: Arm, clock: ManualClock, serving: str) -> None:
    await arm("PUT", f"{ENDPOINT}/deployments/green", deployment_body())
    clock.forward(540)
    updated = await arm("PUT", ENDPOINT, endpoint_body(traffic={"blue": 90, "green": 10}))
    assert (updated.status_code, updated.json()["properties"]["traffic"]) == (201, {"blue": 100})
    clock.forward(540)
    assert (await arm("GET", ENDPOINT)).json()["properties"]["traffic"] == {"blue": 90, "green": 10}


async def test_a_put_without_traffic_takes_all_traffic_away(arm: Arm, clock: ManualClock, serving: str) -> None:
    await arm("PUT", ENDPOINT, endpoint_body(description="innocent change"))
    clock.forward(540)
    assert (await arm("GET", ENDPOINT)).json()["properties"]["traffic"] == {}


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        pytest.param(endpoint_body(traffic={"blue": 60}), 400, "add up to 0 or 100", id="weights that add up to 60"),
        pytest.param(endpoint_body(traffic={"red": 100}), 400, "does not exist", id="traffic to an unknown deployment"),
        pytest.param(endpoint_body(traffic={"blue": 100}, mirrorTraffic={"blue": 10}), 400, "live and mirrored",
                     id="mirroring to the live deployment"),
        pytest.param({**endpoint_body(), "identity": {"type": "UserAssigned"}}, 400, "immutable",
                     id="another identity"),
        pytest.param(endpoint_body(auth_mode="Password"), 400, "AuthMode", id="an unknown authMode"),
        pytest.param(endpoint_body(properties={"new": "x"}), 400, "cannot be changed",
                     id="other properties.properties"),
        pytest.param(endpoint_body("eastus"), 409, "already exists in location", id="another region"),
    ],
)  # fmt: skip
async def test_an_update_of_an_endpoint_is_refused(
    arm: Arm, serving: str, body: dict[str, Any], status: int, words: str
) -> None:
    refused = await arm("PUT", ENDPOINT, body)
    assert refused.status_code == status
    assert words in refused.text()
    assert (await arm("GET", ENDPOINT)).json()["properties"]["traffic"] == {"blue": 100}


@pytest.mark.parametrize("name", ["ab", "1abc", "abc-", "a" * 33, "a_bc"])
async def test_a_name_that_breaks_the_rule_is_refused(arm: Arm, name: str) -> None:
    assert (await arm("PUT", f"onlineEndpoints/{name}", endpoint_body())).status_code == 400


async def test_an_endpoints_name_is_unique_in_its_region(azure: AzureSimulator, arm: Arm, serving: str) -> None:
    for name in ("ws2", "ws3"):
        azure.operation_seconds = 0
        azure.arm("PUT", azure.workspace_id(name), {"location": "westeurope"})
    refused = azure.arm("PUT", f"{azure.workspace_id('ws2')}/onlineEndpoints/Fraud", endpoint_body())
    assert refused.status == 400
    assert "unique within a region" in str(refused.body)
    azure.memory.taken_names.add("theirs")
    assert azure.arm("PUT", f"{azure.workspace_id('ws2')}/onlineEndpoints/theirs", endpoint_body()).status == 400
    elsewhere = azure.arm("PUT", f"{azure.workspace_id('ws2')}/onlineEndpoints/fraud", endpoint_body("eastus"))
    assert elsewhere.status == 201


async def test_defaults_of_a_deployment_appear_when_its_operation_ends(arm: Arm, clock: ManualClock) -> None:
    await arm("PUT", ENDPOINT, endpoint_body())
    clock.forward(540)
    created = await arm("PUT", BLUE, deployment_body(readinessProbe={"period": "PT30S"}))
    assert created.status_code == 201
    assert created.headers["x-ms-ratelimit-remaining-subscription-resource-requests"] == "24"
    early = created.json()["properties"]
    assert (early["provisioningState"], early["requestSettings"]["requestTimeout"]) == ("Updating", "PT0S")
    clock.forward(540)
    late = (await arm("GET", BLUE)).json()
    assert (late["properties"]["provisioningState"], late["sku"]["tier"]) == ("Succeeded", "Standard")
    assert late["properties"]["requestSettings"]["requestTimeout"] == "PT5S"
    assert late["properties"]["livenessProbe"]["period"] == "PT10S"
    assert late["properties"]["readinessProbe"] == {**late["properties"]["livenessProbe"], "period": "PT30S"}


@pytest.mark.parametrize("busy_status", [409, 400])
async def test_one_operation_at_a_time_per_endpoint(busy_status: int) -> None:
    clock = ManualClock()
    async with AzureSimulator(
        clock=clock, operation_seconds=540, seed_workspace="ws1", busy_status=busy_status
    ) as azure:
        arm = Arm(azure)
        await arm("PUT", ENDPOINT, endpoint_body())
        refused = await arm("PUT", BLUE, deployment_body())
        assert refused.status_code == busy_status
        assert "in endpoint fraud because it is in Creating provisioning state" in refused.json()["error"]["message"]
        clock.forward(540)
        assert (await arm("PUT", BLUE, deployment_body())).status_code == 201
        for method, path, body in (
            ("PUT", ENDPOINT, endpoint_body()),
            ("PUT", f"{ENDPOINT}/deployments/green", deployment_body()),
            ("DELETE", BLUE, None),
            ("DELETE", ENDPOINT, None),
            ("POST", f"{ENDPOINT}/regenerateKeys", {"keyType": "Primary"}),
        ):
            refused = await arm(method, path, body)
            assert (refused.status_code, "Updating provisioning state" in refused.text()) == (busy_status, True)
        await arm.close()


async def test_a_deployment_with_traffic_cannot_be_deleted(arm: Arm, clock: ManualClock, serving: str) -> None:
    refused = await arm("DELETE", BLUE)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "UserError")
    await arm("PUT", ENDPOINT, endpoint_body(traffic={"blue": 0}))
    clock.forward(540)
    deleted = await arm("DELETE", BLUE)
    assert (deleted.status_code, deleted.content) == (202, b"null")
    assert (await arm("GET", deleted.headers["Location"])).status_code == 202
    clock.forward(540)
    assert (await arm("GET", deleted.headers["Location"])).status_code == 200
    assert (await arm("GET", BLUE)).status_code == 404
    assert (await arm("DELETE", BLUE)).status_code == 204


async def test_deleting_an_endpoint_takes_its_deployments_along(
    azure: AzureSimulator, arm: Arm, clock: ManualClock, serving: str
) -> None:
    assert (await arm("DELETE", ENDPOINT)).status_code == 202
    assert (await arm("GET", ENDPOINT)).json()["properties"]["provisioningState"] == "Deleting"
    clock.forward(540)
    assert (await arm("GET", ENDPOINT)).status_code == 404
    assert [one["type"].split("/")[-1] for one in azure.state.values()] == ["workspaces"]


async def test_patch_scales_a_deployment_and_tags_an_endpoint(arm: Arm, clock: ManualClock, serving: str) -> None:
    scaled = await arm("PATCH", BLUE, {"sku": {"capacity": 3}})
    assert (scaled.status_code, scaled.headers["Retry-After"]) == (202, "10")
    assert (await arm("GET", BLUE)).json()["properties"]["provisioningState"] == "Scaling"
    clock.forward(540)
    assert (await arm("GET", BLUE)).json()["sku"]["capacity"] == 3
    tagged = await arm("PATCH", ENDPOINT, {"tags": {"a": "b"}, "properties": {"traffic": {}}})
    assert (tagged.status_code, tagged.json()["tags"]) == (200, {"a": "b"})
    assert tagged.json()["properties"]["traffic"] == {"blue": 100}, "PATCH does not know traffic"
    assert (await arm("PATCH", BLUE, {"sku": {"capacity": 51}})).status_code == 400
    assert (await arm("GET", f"{BLUE}/skus")).json()["value"][0]["capacity"]["maximum"] == 50


async def test_keys_change_when_the_operation_ends_and_may_be_given(arm: Arm, clock: ManualClock, serving: str) -> None:
    before = (await arm("POST", f"{ENDPOINT}/listKeys")).json()
    assert set(before) == {"primaryKey", "secondaryKey"}
    accepted = await arm("POST", f"{ENDPOINT}/regenerateKeys", {"keyType": "Secondary"})
    assert (accepted.status_code, "Location" in accepted.headers) == (202, True)
    assert (await arm("POST", f"{ENDPOINT}/listKeys")).json() == before
    clock.forward(540)
    after = (await arm("POST", f"{ENDPOINT}/listKeys")).json()
    assert after["primaryKey"] == before["primaryKey"]
    assert after["secondaryKey"] != before["secondaryKey"]
    await arm("POST", f"{ENDPOINT}/regenerateKeys", {"keyType": "Primary", "keyValue": "chosen"})
    clock.forward(540)
    assert (await arm("POST", f"{ENDPOINT}/listKeys")).json()["primaryKey"] == "chosen"


@pytest.mark.parametrize(("mode", "keys", "token"), [("Key", 200, 400), ("AMLToken", 400, 200), ("AADToken", 400, 400)])
async def test_each_auth_mode_has_its_own_credential(
    arm: Arm, clock: ManualClock, mode: str, keys: int, token: int
) -> None:
    await arm("PUT", ENDPOINT, endpoint_body(auth_mode=mode.lower()))
    clock.forward(540)
    assert (await arm("GET", ENDPOINT)).json()["properties"]["authMode"] == mode
    assert (await arm("POST", f"{ENDPOINT}/listKeys")).status_code == keys
    answer = await arm("POST", f"{ENDPOINT}/token")
    assert answer.status_code == token
    if token == 200:
        body = answer.json()
        assert body["expiryTimeUtc"] == int(clock()) + 86_400
        assert body["refreshAfterTimeUtc"] == int(clock()) + 43_200


@pytest.mark.parametrize("code", sorted(KNOWN_CODES))
async def test_a_failed_deployment_says_why(azure: AzureSimulator, arm: Arm, clock: ManualClock, code: str) -> None:
    await arm("PUT", ENDPOINT, endpoint_body())
    clock.forward(540)
    azure.fail_deployment("fraud", "blue", code=code, message="the cause in words", logs=["first", "second", "third"])
    created = await arm("PUT", BLUE, deployment_body())
    assert created.status_code == 201
    clock.forward(540)
    status = await arm("GET", created.headers["Azure-AsyncOperation"])
    error = status.json()["error"]
    assert (status.status_code, status.json()["status"]) == (200, "Failed")
    assert code in json.dumps(error)
    assert "the cause in words" in json.dumps(error)
    if error["code"] == "BadRequest":
        inner = error["details"][0]["message"].partition("error detail: ")[2]
        assert json.loads(inner)["status"] == 400
        assert error["additionalInfo"][-1] == {
            "type": "InnerError",
            "info": {"value": {"code": code, "innerError": None}},
        }
    assert (await arm("GET", BLUE)).json()["properties"]["provisioningState"] == "Failed"
    logs = await arm("POST", f"{BLUE}/getLogs", {"containerType": "InferenceServer", "tail": 2})
    assert logs.json() == {"content": "second\nthird\n"}


async def test_a_deployment_that_is_put_again_after_the_cause_is_gone_succeeds(
    azure: AzureSimulator, arm: Arm, clock: ManualClock
) -> None:
    azure.arm("PUT", f"{arm.workspace}/{ENDPOINT}", endpoint_body())
    clock.forward(540)
    azure.fail_deployment("fraud", "blue", code="ImageBuildFailure", logs="pip said no")
    for expected in ("Failed", "Failed", "Succeeded"):
        if expected == "Succeeded":
            azure.heal_deployment("fraud", "blue")
        assert (await arm("PUT", BLUE, deployment_body())).status_code == 201
        clock.forward(540)
        assert (await arm("GET", BLUE)).json()["properties"]["provisioningState"] == expected
    assert "pip said no" not in (await arm("POST", f"{BLUE}/getLogs", {"tail": 100})).json()["content"]


async def test_quota_may_refuse_the_put_itself(azure: AzureSimulator, arm: Arm, clock: ManualClock) -> None:
    azure.arm("PUT", f"{arm.workspace}/{ENDPOINT}", endpoint_body())
    clock.forward(540)
    azure.fail_deployment("fraud", "blue", code="OutOfQuota", at="request", times=1)
    refused = await arm("PUT", BLUE, deployment_body())
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BadRequest")
    assert "VmSize" in refused.json()["error"]["details"][0]["message"]
    assert (await arm("PUT", BLUE, deployment_body())).status_code == 201


async def test_a_read_budget_that_is_used_up_is_429_until_it_flows_back(
    azure: AzureSimulator, arm: Arm, clock: ManualClock
) -> None:
    azure.throttle.set("reads", remaining=2, per_second=0.1)
    assert (await arm("GET")).headers["x-ms-ratelimit-remaining-subscription-reads"] == "1"
    assert (await arm("GET")).headers["x-ms-ratelimit-remaining-subscription-reads"] == "0"
    refused = await arm("GET")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
    assert refused.json()["error"]["code"] == "SubscriptionRequestsThrottled"
    assert refused.headers["x-ms-ratelimit-remaining-subscription-reads"] == "0"
    assert (await arm("PUT", ENDPOINT, endpoint_body())).headers[
        "x-ms-ratelimit-remaining-subscription-writes"
    ] == "1199"
    clock.forward(10)
    assert (await arm("GET")).status_code == 200


async def test_model_and_environment_versions(arm: Arm) -> None:
    where = f"azureml://subscriptions/s/resourcegroups/r/workspaces/{'w'}/datastores/workspaceblobstore/paths"
    body = {"properties": {"modelType": "mlflow_model", "modelUri": f"{where}/LocalUpload/0/model"}}
    created = await arm("PUT", "models/fraud/versions/1", body)
    assert (created.status_code, "Azure-AsyncOperation" in created.headers) == (201, False)
    uri = created.json()["properties"]["modelUri"]
    assert "/resourceGroups/r/" in uri
    assert "/paths/ServiceReplicated/" in uri
    assert (await arm("PUT", "models/fraud/versions/1", body)).status_code == 200
    other = {"properties": {**body["properties"], "modelUri": f"{where}/other"}}
    assert (await arm("PUT", "models/fraud/versions/1", other)).status_code == 409
    assert (await arm("PUT", "models/fraud/versions/10", body)).status_code == 201
    await arm("PUT", "environments/sklearn/versions/2", {"properties": {"image": "mcr.microsoft.com/x:1"}})
    assert (await arm("GET", "models/fraud")).json()["properties"]["latestVersion"] == "10"
    newest = await arm("GET", "models/fraud/versions", **{"$top": "1"})
    assert [one["name"] for one in newest.json()["value"]] == ["10"]
    assert [one["name"] for one in (await arm("GET", "models")).json()["value"]] == ["fraud"]
    assert [one["name"] for one in (await arm("GET", "environments")).json()["value"]] == ["sklearn"]
    assert (await arm("DELETE", "models/fraud/versions/10")).status_code == 200
    assert (await arm("DELETE", "models/fraud/versions/10")).status_code == 204
    assert (await arm("GET", "models/fraud")).json()["properties"]["latestVersion"] == "1"


async def test_endpoints_and_deployments_are_listed(arm: Arm, serving: str) -> None:
    assert [one["name"] for one in (await arm("GET", "onlineEndpoints")).json()["value"]] == ["fraud"]
    assert [one["name"] for one in (await arm("GET", f"{ENDPOINT}/deployments")).json()["value"]] == ["blue"]


async def test_paths_are_compared_without_regard_to_case(arm: Arm, serving: str) -> None:
    shouted = (await arm("GET", f"{arm.workspace}/{ENDPOINT}".upper())).json()
    assert shouted["id"].endswith("/onlineEndpoints/fraud")
    assert shouted["properties"]["properties"]["azureml.onlineendpointid"] == shouted["id"].lower()


async def test_an_answer_that_is_lost_after_the_write_took_effect(azure: AzureSimulator, arm: Arm) -> None:
    azure.faults.add(method="PUT", path="/onlineEndpoints/", status=502, applies=True)
    assert (await arm("PUT", ENDPOINT, endpoint_body())).status_code == 502
    assert (await arm("GET", ENDPOINT)).json()["properties"]["provisioningState"] == "Creating"
