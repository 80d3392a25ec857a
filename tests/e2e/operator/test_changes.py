"""A changed manifest changes exactly that outside and nothing else: the simulators' request logs are the witness.

The tests build on each other's manifests: each changes one thing of what is there and counts what was written for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mlgate_sim.requestlog import LoggedRequest

from .world import World

FRAUD, CHECKOUT, STOREFRONT = "40-fraud.yaml", "50-checkout.yaml", "60-storefront.yaml"
ENDPOINT = "workspaces/ml-workspace/onlineEndpoints/fraud"


def written_for(world: World, file: str, change: Callable[[Any], object]) -> tuple[list[str], list[LoggedRequest]]:
    """What is written outside from `kubectl apply` of one change until all is quiet."""
    world.settled()
    mark = world.outside.mark()
    world.manifests.edit(file, change)
    world.apply()
    world.settled()
    return world.outside.writes(mark), world.outside.written(mark)


def id_of(world: World, kind: str, name: str, namespace: str = "ml") -> str:
    found = world.get(kind, name, namespace)
    assert found is not None
    return str(found["status"]["externalId"])


def test_another_instance_count_changes_the_capacity_and_nothing_else(quickstart: World) -> None:
    def change(fraud: Any) -> None:
        fraud["spec"]["deployments"][0]["instanceCount"] = 3

    writes, requests = written_for(quickstart, FRAUD, change)
    assert writes == [f"PATCH {ENDPOINT}/deployments/blue"]
    assert requests[0].body == {"sku": {"capacity": 3}} or requests[0].body["sku"]["capacity"] == 3
    assert "properties" not in requests[0].body


def test_another_model_version_puts_that_deployment_and_nothing_else(quickstart: World) -> None:
    def change(fraud: Any) -> None:
        fraud["spec"]["deployments"][0]["model"]["version"] = "8"

    writes, requests = written_for(quickstart, FRAUD, change)
    assert writes == [f"PUT {ENDPOINT}/deployments/blue"]
    assert requests[0].body["properties"]["model"].endswith("/models/fraud/versions/8")
    assert requests[0].body["sku"]["capacity"] == 3, "what was changed before stays"


def test_a_second_deployment_is_put_and_nothing_else(quickstart: World) -> None:
    def change(fraud: Any) -> None:
        green = {"name": "green", "model": {"name": "fraud", "version": "9"}, "instanceType": "Standard_DS3_v2"}
        fraud["spec"]["deployments"].append(green)

    writes, _ = written_for(quickstart, FRAUD, change)
    assert writes == [f"PUT {ENDPOINT}/deployments/green"]


def test_another_split_of_traffic_puts_the_endpoint_once(quickstart: World) -> None:
    def change(fraud: Any) -> None:
        fraud["spec"]["traffic"] = {"blue": 90, "green": 10}

    writes, requests = written_for(quickstart, FRAUD, change)
    assert writes == [f"PUT {ENDPOINT}"]
    assert requests[0].body["properties"]["traffic"] == {"blue": 90, "green": 10}
    endpoint = quickstart.outside.do(
        lambda: quickstart.outside.azure.resource("onlineEndpoints", "ml-workspace", "fraud")
    )
    assert endpoint is not None and endpoint["properties"]["traffic"] == {"blue": 90, "green": 10}
    assert endpoint["properties"]["description"] == "Scores card transactions"


def test_another_permission_of_the_model_patches_the_api_and_nothing_else(quickstart: World) -> None:
    def change(fraud: Any) -> None:
        fraud["spec"]["access"]["permissions"].append({"name": "audit:fraud", "description": "See who asked"})

    writes, requests = written_for(quickstart, FRAUD, change)
    assert writes == [f"PATCH resource-servers/{id_of(quickstart, 'Auth0API', 'fraud')}"]
    assert set(requests[0].body) == {"scopes"}
    assert [scope["value"] for scope in requests[0].body["scopes"]] == ["predict:fraud", "explain:fraud", "audit:fraud"]


def test_a_permission_taken_from_a_role_is_deleted_there_and_nothing_else(quickstart: World) -> None:
    def change(fraud: Any) -> None:
        fraud["spec"]["access"]["roles"][0]["permissions"] = ["predict:fraud"]

    writes, requests = written_for(quickstart, FRAUD, change)
    assert writes == [f"DELETE roles/{id_of(quickstart, 'Auth0Role', 'fraud-fraud-analyst')}/permissions"]
    assert [permission["permission_name"] for permission in requests[0].body["permissions"]] == ["explain:fraud"]


def test_another_permission_of_an_application_patches_its_grant_and_nothing_else(quickstart: World) -> None:
    def change(checkout: Any) -> None:
        checkout["spec"]["grants"][0]["permissions"] = ["predict:fraud", "explain:fraud"]

    grant = quickstart.named("Auth0ClientGrant", "checkout-ml-fraud")
    writes, requests = written_for(quickstart, CHECKOUT, change)
    assert writes == [f"PATCH client-grants/{grant['status']['externalId']}"]
    assert requests[0].body == {"scope": ["explain:fraud", "predict:fraud"]}


def test_callbacks_of_an_application_patch_its_callbacks_and_nothing_else(quickstart: World) -> None:
    storefront = {
        "apiVersion": "mlgate.dev/v1alpha1",
        "kind": "Auth0AppBinding",
        "metadata": {"name": "storefront", "namespace": "shop"},
        "spec": {
            "tenantRef": {"name": "main", "namespace": "ml"},
            "application": {"type": "RegularWeb", "callbacks": ["https://shop.example.com/old"]},
            "secret": {"name": "storefront-auth0"},
        },
    }
    quickstart.manifests.add(STOREFRONT, storefront)
    quickstart.apply()

    def change(binding: Any) -> None:
        binding["spec"]["application"]["callbacks"] = ["https://shop.example.com/callback"]

    writes, requests = written_for(quickstart, STOREFRONT, change)
    assert writes == [f"PATCH clients/{id_of(quickstart, 'Auth0Client', 'storefront', 'shop')}"]
    assert requests[0].body == {"callbacks": ["https://shop.example.com/callback"]}


@pytest.mark.parametrize("file", [FRAUD, CHECKOUT])
def test_a_label_of_ones_own_writes_nothing_outside(quickstart: World, file: str) -> None:
    def change(obj: Any) -> None:
        obj["metadata"].setdefault("labels", {})["team"] = "payments"

    assert written_for(quickstart, file, change)[0] == []


def test_a_rule_of_the_route_changes_the_gateway_and_nothing_outside(quickstart: World) -> None:
    token = quickstart.token("reporting")
    quickstart.wait_answer(403, token)

    def change(fraud: Any) -> None:
        fraud["spec"]["route"]["rules"][0]["require"] = ["explain:fraud"]

    assert written_for(quickstart, FRAUD, change)[0] == []
    quickstart.wait_answer(200, token)


def test_a_deployment_taken_out_is_deleted_after_its_traffic_has_moved(quickstart: World) -> None:
    def change(fraud: Any) -> None:
        fraud["spec"]["deployments"] = [d for d in fraud["spec"]["deployments"] if d["name"] == "blue"]
        fraud["spec"]["traffic"] = {"blue": 100}

    writes, _ = written_for(quickstart, FRAUD, change)
    assert writes == [f"PUT {ENDPOINT}", f"DELETE {ENDPOINT}/deployments/green"]
