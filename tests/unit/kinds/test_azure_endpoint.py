"""AzureMLOnlineEndpoint: weight goes only to deployments that Azure says have succeeded, the rest of the wish waits and
says so (ENGINE rules 8 and 18)."""

from __future__ import annotations

from typing import Any, cast

import pytest

from mlgate.api.azuremlonlineendpoint import AzureMLOnlineEndpointSpec
from mlgate.azureml.progress import Progress, State
from mlgate.engine.protocols import Seen
from mlgate.errors import Wait
from mlgate.kinds.azure.on_azure import mark_tags
from mlgate.kinds.azure.online_endpoint import MIRROR, TRAFFIC, AzureMLOnlineEndpoint
from unit.engine.samples import an_object
from unit.kinds.given import MARK, OWNER, resolved

KIND = AzureMLOnlineEndpoint(cast(Any, None), cast(Any, None))


def seen(*standing: str, traffic: dict[str, int] | None = None) -> Seen:
    raw = {
        "properties": {"traffic": traffic or {}},
        "mlgate": {"standing": set(standing), "progress": Progress(State.SUCCEEDED, None, None)},
    }
    return Seen("id", {}, raw)


REST = {"properties.authMode": "Key"}


@pytest.mark.parametrize(
    ("wish", "standing", "waits"),
    [
        pytest.param({}, (), (), id="without a wish for traffic nothing waits"),
        pytest.param({TRAFFIC: {"blue": 100}}, ("blue",), (), id="a deployment that stands gets its traffic"),
        pytest.param({TRAFFIC: {"Blue": 100}}, ("blue",), (), id="in any casing"),
        pytest.param(
            {TRAFFIC: {"blue": 100}}, (), ("deployment blue",), id="traffic waits for a deployment that is being made"
        ),
        pytest.param(
            {TRAFFIC: {"blue": 90, "green": 10}}, ("blue",), ("deployment green",), id="traffic is not half carried out"
        ),
        pytest.param({TRAFFIC: {"blue": 100, "green": 0}}, ("blue",), (), id="no weight is nothing to wait for"),
        pytest.param(
            {TRAFFIC: {"blue": 100}, MIRROR: {"green": 10}},
            ("blue",),
            ("deployment green",),
            id="a mirror waits for its deployment too",
        ),
        pytest.param(
            {TRAFFIC: {"b": 50, "a": 50}}, (), ("deployment a, deployment b",), id="all that is waited for is named"
        ),
        pytest.param({TRAFFIC: {}}, (), (), id="taking all traffic away waits for nothing"),
    ],
)
def test_traffic_waits(wish: dict[str, Any], standing: tuple[str, ...], waits: tuple[str, ...]) -> None:
    found = KIND.possible({**REST, **wish}, seen(*standing))
    assert found.wanted == ({**REST, **wish} if not waits else REST)
    assert bool(found.waits) is bool(waits)
    assert [words for words in waits if words not in found.waits] == []


def test_taking_weight_from_a_deployment_that_is_not_well_waits_for_nothing() -> None:
    now = seen("green", traffic={"blue": 100})
    assert KIND.possible({TRAFFIC: {"blue": 40, "green": 60}}, now).waits == ""
    assert "deployment blue" in KIND.possible({TRAFFIC: {"blue": 60, "green": 40}}, seen("green")).waits


@pytest.mark.parametrize(
    ("traffic", "usable"),
    [
        pytest.param({"blue": 100}, True, id="an endpoint with traffic answers meanwhile"),
        pytest.param({"blue": 0}, False, id="an endpoint without traffic answers nobody"),
        pytest.param({}, False, id="a new endpoint answers nobody"),
    ],
)
def test_while_traffic_waits(traffic: dict[str, int], usable: bool) -> None:
    assert KIND.possible({TRAFFIC: {"green": 100}}, seen("blue", traffic=traffic)).usable is usable


def a_spec(**spec: Any) -> AzureMLOnlineEndpointSpec:
    return AzureMLOnlineEndpointSpec.model_validate({"workspaceRef": {"name": "ws"}, **spec})


def a_workspace(**status: Any) -> Any:
    return an_object("AzureMLWorkspace", "ws", status=status)


def test_only_what_is_written_is_wished() -> None:
    refs = resolved(a_workspace(location="westeurope"))
    assert KIND.desired(OWNER, a_spec(), refs) == {"location": "westeurope", "tags": {}}
    wanted = KIND.desired(OWNER, a_spec(authMode="Key", traffic={"blue": 100}, tags={"a": "b"}), refs)
    assert wanted == {
        "location": "westeurope",
        "tags": {"a": "b"},
        "properties.authMode": "Key",
        TRAFFIC: {"blue": 100},
    }
    assert KIND.with_mark(wanted, MARK)["tags"] == {"a": "b", **mark_tags(MARK)}


def test_a_workspace_that_does_not_say_its_location_is_waited_for() -> None:
    with pytest.raises(Wait, match="AzureMLWorkspace ml/ws"):
        KIND.desired(OWNER, a_spec(), resolved(a_workspace()))


def test_a_new_endpoint_needs_a_credential_and_has_an_identity() -> None:
    defaults = KIND.defaults(OWNER, a_spec())
    assert defaults["properties.authMode"] == "AMLToken"
    assert defaults["identity"] == {"type": "SystemAssigned"}


def test_a_new_endpoint_waits_for_its_workspace_and_a_change_does_not() -> None:
    refs = resolved(a_workspace(provisioningState="Creating"))
    assert "AzureMLWorkspace ml/ws" in KIND.hindrance(a_spec(), refs, creating=True)
    assert KIND.hindrance(a_spec(), refs, creating=False) == ""
    assert KIND.hindrance(a_spec(), resolved(a_workspace(provisioningState="Succeeded")), creating=True) == ""
