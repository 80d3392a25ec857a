"""An unchanged world: nothing is written, in the cluster or outside. A changed one is set back; what is not ours stays."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest

from mlgate.store.protocol import Object

from .cluster_api import title
from .outside import told
from .waiting import eventually
from .world import World

SOON = "2s"
"""A resync short enough to be waited for."""


def kinds(world: World) -> Counter[str]:
    return Counter(obj["kind"] for obj in world.api.ours())


def looks_often(world: World) -> None:
    """The operator, restarted so that it verifies everything every few seconds."""
    world.operator.restart(resync=SOON)
    world.settled()


def resource_server(world: World) -> dict[str, Any]:
    """The API as it is outside."""
    apis = world.outside.auth0.state.resource_servers.values()
    return next(api for api in apis if api["identifier"] == "https://fraud.models.example.com")


def application(world: World, name: str = "checkout") -> dict[str, Any]:
    """The application as it is outside."""
    return next(client for client in world.outside.auth0.state.clients.values() if client["name"] == name)


def azure(world: World, *names: str) -> dict[str, Any]:
    """An endpoint, or one of its deployments, as it is outside."""
    kind = "onlineEndpoints/deployments" if len(names) > 1 else "onlineEndpoints"
    found = world.outside.azure.resource(kind, "ml-workspace", *names)
    assert found is not None
    return found


def test_a_second_pass_over_an_unchanged_world_writes_nothing_anywhere(quickstart: World) -> None:
    looks_often(quickstart)
    mark, versions = quickstart.outside.mark(), quickstart.api.versions(quickstart.namespaces)
    events = len(quickstart.api.events(quickstart.namespaces))
    quickstart.operator.looked_again(kinds(quickstart))
    assert quickstart.outside.requests(mark), "it did look outside"
    assert quickstart.outside.writes(mark) == []
    assert quickstart.api.versions(quickstart.namespaces) == versions
    assert len(quickstart.api.events(quickstart.namespaces)) == events


def test_a_restart_writes_nothing_anywhere(quickstart: World) -> None:
    quickstart.settled()
    mark, versions = quickstart.outside.mark(), quickstart.api.versions(quickstart.namespaces)
    before = {title(obj): without_the_request(obj) for obj in quickstart.api.everything(quickstart.namespaces)}
    quickstart.operator.restart()
    quickstart.settled()
    assert quickstart.outside.writes(mark) == []
    now = {title(obj): without_the_request(obj) for obj in quickstart.api.everything(quickstart.namespaces)}
    for name, was in before.items():
        assert now[name] == was
    assert quickstart.api.versions(quickstart.namespaces) == versions


def test_a_look_asked_for_by_annotation_writes_its_echo_and_nothing_else(quickstart: World) -> None:
    quickstart.settled()
    mark = quickstart.outside.mark()
    before = {title(obj): without_the_request(obj) for obj in quickstart.api.everything(quickstart.namespaces)}
    asked = str(time.time())
    for obj in quickstart.api.ours():
        name, namespace = obj["metadata"]["name"], obj["metadata"]["namespace"]
        quickstart.annotate(obj["kind"], name, namespace, reconcile_requested_at=asked)

    def echoed() -> bool:
        waiting = [title(obj) for obj in quickstart.api.ours() if obj["status"].get("lastHandledReconcileAt") != asked]
        assert not waiting, waiting
        return True

    eventually(echoed, "the echo of the annotation on every object")
    quickstart.settled()
    assert quickstart.outside.writes(mark) == []
    after = {title(obj): without_the_request(obj) for obj in quickstart.api.everything(quickstart.namespaces)}
    for name in before | after:
        assert after.get(name) == before.get(name)


def without_the_request(obj: Object) -> Object:
    """An object as it would be if nobody had asked for a look."""
    metadata = {
        name: value for name, value in obj["metadata"].items() if name not in ("resourceVersion", "managedFields")
    }
    notes = dict(metadata.get("annotations") or {})
    notes.pop("mlgate.dev/reconcile-requested-at", None)
    status = {n: v for n, v in (obj.get("status") or {}).items() if n not in ("lastHandledReconcileAt", "lastSyncTime")}
    return {**obj, "metadata": {**metadata, "annotations": notes}, "status": status}


@pytest.fixture
def corrected(quickstart: World, _corrected: list[list[str]]) -> list[str]:
    """Somebody changed many things by hand in both consoles, ours and foreign ones; what was written until all that is
    ours is set back. Done once."""
    if _corrected:
        return _corrected[0]
    looks_often(quickstart)
    mark = quickstart.outside.mark()
    quickstart.outside.do(lambda: changed_by_hand(quickstart))
    eventually(lambda: all_set_back(quickstart), "the corrections")
    quickstart.settled()
    # Azure takes one change at a time per endpoint; what it refused as busy (409) has changed nothing.
    done = [told(request) for request in quickstart.outside.written(mark) if (request.status or 0) < 300]
    _corrected.append(done)
    return _corrected[0]


@pytest.fixture(scope="module")
def _corrected() -> list[list[str]]:
    return []


def changed_by_hand(world: World) -> None:
    # What the manifests say:
    resource_server(world)["scopes"].pop()
    application(world)["client_metadata"]["team"] = "somebody else"
    azure(world, "fraud", "blue")["sku"]["capacity"] = 5
    azure(world, "fraud")["properties"]["description"] = "changed"
    # What no manifest mentions:
    application(world)["description"] = "written by a colleague"
    application(world)["client_metadata"]["colleague"] = "x"
    resource_server(world)["token_lifetime"] = 7200
    azure(world, "fraud")["tags"]["cost-center"] = "42"
    azure(world, "fraud", "blue")["properties"]["appInsightsEnabled"] = True


def all_set_back(world: World) -> bool:
    """Everything that the manifests say is so again."""
    assert [scope["value"] for scope in resource_server(world)["scopes"]] == ["predict:fraud", "explain:fraud"]
    assert application(world)["client_metadata"]["team"] == "payments"
    assert azure(world, "fraud", "blue")["sku"]["capacity"] == 2
    assert azure(world, "fraud")["properties"]["description"] == "Scores card transactions"
    return True


def test_what_was_changed_by_hand_is_set_back(quickstart: World, corrected: list[str]) -> None:
    assert all_set_back(quickstart)


def test_setting_it_back_takes_one_write_each_and_no_more(quickstart: World, corrected: list[str]) -> None:
    endpoint = "workspaces/ml-workspace/onlineEndpoints/fraud"
    assert sorted(corrected) == sorted(
        [
            f"PATCH resource-servers/{resource_server(quickstart)['id']}",
            f"PATCH clients/{application(quickstart)['client_id']}",
            f"PATCH {endpoint}/deployments/blue",
            f"PUT {endpoint}",
        ]
    )


def test_foreign_fields_that_no_manifest_mentions_are_left_alone(quickstart: World, corrected: list[str]) -> None:
    assert application(quickstart)["description"] == "written by a colleague"
    assert application(quickstart)["client_metadata"]["colleague"] == "x"
    assert resource_server(quickstart)["token_lifetime"] == 7200
    assert azure(quickstart, "fraud")["tags"]["cost-center"] == "42"
    assert azure(quickstart, "fraud", "blue")["properties"]["appInsightsEnabled"] is True


@pytest.mark.parametrize(
    ("kind", "name", "namespace"),
    [
        ("Auth0API", "fraud", "ml"),
        ("Auth0Client", "checkout", "shop"),
        ("AzureMLOnlineEndpoint", "fraud", "ml"),
        ("AzureMLOnlineDeployment", "fraud-blue", "ml"),
    ],
)
def test_a_correction_is_told_in_an_event_and_counted(
    quickstart: World, corrected: list[str], kind: str, name: str, namespace: str
) -> None:
    assert "DriftCorrected" in [event["reason"] for event in quickstart.events_of(kind, name, namespace)]
    assert f'mlgate_drift_detected_total{{kind="{kind}"}} 1.0' in quickstart.operator.metrics()


def test_an_application_deleted_by_hand_is_made_again_once_and_its_secret_and_grant_follow(quickstart: World) -> None:
    before = application(quickstart)["client_id"]

    def delete() -> None:
        state = quickstart.outside.auth0.state
        for grant in [id_ for id_, grant in state.client_grants.items() if grant["client_id"] == before]:
            del state.client_grants[grant]
        del state.clients[before]

    quickstart.outside.do(delete)
    quickstart.annotate("Auth0Client", "checkout", "shop", reconcile_requested_at=str(time.time()))

    def anew() -> bool:
        names = quickstart.outside.inventory()
        assert names["clients"] == ["checkout", "reporting"] and application(quickstart)["client_id"] != before
        assert len(names["grants"]) == 2
        return True

    eventually(anew, "a new application and its grant")
    quickstart.settled()
    assert anew()
    assert quickstart.secret("checkout-auth0")["client-id"] == application(quickstart)["client_id"]
    quickstart.wait_answer(200, quickstart.token("checkout"))
