"""What is read back means the same as what was written, although it looks different."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate.azureml import compare
from mlgate.azureml.compare import DEPLOYMENT, ENDPOINT, WORKSPACE, differences

from .recordings import exchange

MODEL = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/models/fraud/versions/7"
)
SAME: list[tuple[str, compare.Same, Any, Any]] = [
    ("nothing and an empty text", compare.exact, None, ""),
    ("nothing and an empty map", compare.exact, {}, None),
    (
        "ARM ids in another casing",
        compare.any_case,
        "/subscriptions/S/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v",
        "/subscriptions/s/resourcegroups/G/providers/Microsoft.Keyvault/vaults/v",
    ),
    ("an authMode in another casing", compare.any_case, "aadToken", "AADToken"),
    ("90 seconds and a minute and a half", compare.duration, "PT90S", "PT1M30S"),
    ("a day and 24 hours", compare.duration, "P1D", "PT24H"),
    ("fractions of seconds", compare.duration, "PT1.50S", "PT1.5S"),
    ("a region's display name", compare.location, "West Europe", "westeurope"),
    ("a weight of 0 and no weight", compare.traffic, {"blue": 100}, {"blue": 100, "green": 0}),
    ("no traffic and nothing", compare.traffic, {}, None),
    ("tags that others added", compare.contains, {"a": "1"}, {"a": "1", "createdByToolkit": "x"}),
    ("a number that comes back as text", compare.number, 3, "3"),
    (
        "identities in another order",
        compare.identity,
        {"type": "UserAssigned,SystemAssigned"},
        {"type": "SystemAssigned, UserAssigned", "principalId": "p"},
    ),
    ("a model by short name and by id", compare.asset, "azureml:fraud:7", MODEL),
    (
        "a model of a registry",
        compare.asset,
        "azureml://registries/hub/models/fraud/versions/7",
        "azureml://registries/Hub/models/fraud/versions/7",
    ),
]
OTHER: list[tuple[str, compare.Same, Any, Any]] = [
    ("zero and nothing", compare.exact, 0, None),
    ("false and nothing", compare.exact, False, None),
    ("another duration", compare.duration, "PT5S", "PT0S"),
    ("another weight", compare.traffic, {"blue": 90, "green": 10}, {"blue": 100}),
    ("a changed tag", compare.contains, {"a": "1"}, {"a": "2"}),
    ("a missing tag", compare.contains, {"a": "1"}, None),
    ("another version of the model", compare.asset, "azureml:fraud:8", MODEL),
    (
        "a registry's model and the workspace's",
        compare.asset,
        "azureml://registries/hub/models/fraud/versions/7",
        MODEL,
    ),
    ("an identity taken away", compare.identity, {"type": "SystemAssigned"}, {"type": "None"}),
]


@pytest.mark.parametrize(("rule", "wanted", "seen"), [case[1:] for case in SAME], ids=[case[0] for case in SAME])
def test_means_the_same(rule: compare.Same, wanted: Any, seen: Any) -> None:
    assert rule(wanted, seen)


@pytest.mark.parametrize(("rule", "wanted", "seen"), [case[1:] for case in OTHER], ids=[case[0] for case in OTHER])
def test_means_something_else(rule: compare.Same, wanted: Any, seen: Any) -> None:
    assert not rule(wanted, seen)


def test_a_recorded_workspace_reads_back_as_it_was_written() -> None:
    written, _ = exchange("workspace PUT (create AND update)")
    _, seen = exchange("READ != WRITE")
    assert differences(written, seen, WORKSPACE) == []


def test_a_recorded_endpoint_reads_back_as_it_was_written() -> None:
    written, answer = exchange("201 + body Creating")
    assert differences(written, answer, ENDPOINT) == []


def test_a_recorded_deployment_reads_back_as_it_was_written_once_its_defaults_are_in() -> None:
    written, answer = exchange("provisioningState is 'Updating' already")
    _, seen = exchange("server defaults appear only now")
    assert differences(written, answer, DEPLOYMENT) == []
    assert differences(written, seen, DEPLOYMENT) == []


def test_recorded_traffic_is_seen_as_missing_until_the_operation_ends() -> None:
    written, answer = exchange("TRAFFIC UPDATE")
    (found,) = differences(written, answer, ENDPOINT)
    assert (found.path, found.seen) == ("properties.traffic", {})


def test_only_fields_that_were_written_are_compared_and_each_by_its_own_rule() -> None:
    wanted = {
        "location": "West Europe",
        "sku": {"capacity": 2},
        "properties": {"requestSettings": {"requestTimeout": "PT90S"}, "appInsightsEnabled": True},
    }
    seen = {
        "location": "westeurope",
        "sku": {"capacity": 1, "tier": "Standard"},
        "properties": {
            "requestSettings": {"requestTimeout": "PT1M30S"},
            "appInsightsEnabled": False,
            "livenessProbe": {"period": "PT10S"},
        },
    }
    assert [found.path for found in differences(wanted, seen, DEPLOYMENT)] == [
        "properties.appInsightsEnabled",
        "sku.capacity",
    ]
