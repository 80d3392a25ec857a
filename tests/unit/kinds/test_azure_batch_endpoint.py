"""AzureMLBatchEndpoint: only a deployment that Azure says has succeeded becomes the default; the rest of the wish does not
wait for it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from mlgate.api.azuremlbatchendpoint import AzureMLBatchEndpointSpec
from mlgate.azureml.progress import Progress, State
from mlgate.engine.protocols import Seen
from mlgate.errors import Wait
from mlgate.kinds.azure.batch_endpoint import DEFAULT, AzureMLBatchEndpoint
from unit.engine.samples import an_object
from unit.kinds.given import OWNER, resolved

KIND = AzureMLBatchEndpoint(cast(Any, None))
REST = {"properties.description": "nightly"}


def seen(*standing: str, default: str | None = None) -> Seen:
    raw = {
        "properties": {"defaults": {"deploymentName": default}},
        "mlgate": {"standing": set(standing), "progress": Progress(State.SUCCEEDED, None, None)},
    }
    return Seen("id", {}, raw)


def a_spec(**spec: Any) -> AzureMLBatchEndpointSpec:
    return AzureMLBatchEndpointSpec.model_validate({"workspaceRef": {"name": "ws"}, **spec})


def a_workspace(**status: Any) -> Any:
    return an_object("AzureMLWorkspace", "ws", status=status)


@pytest.mark.parametrize(
    ("wish", "now", "waits", "usable"),
    [
        pytest.param({}, seen(), "", True, id="without a wish for a default nothing waits"),
        pytest.param({DEFAULT: "Forest"}, seen("forest"), "", True, id="a deployment that stands becomes the default"),
        pytest.param({DEFAULT: "tree"}, seen("forest"), "deployment tree", False, id="one that is not ready does not"),
        pytest.param(
            {DEFAULT: "tree"},
            seen("forest", default="forest"),
            "deployment tree",
            True,
            id="the old one answers meanwhile",
        ),
        pytest.param({DEFAULT: None}, seen(default="forest"), "", True, id="taking the default away waits for nothing"),
    ],
)
def test_the_default_waits(wish: dict[str, Any], now: Seen, waits: str, usable: bool) -> None:
    found = KIND.possible({**REST, **wish}, now)
    assert found.wanted == (REST if waits else {**REST, **wish})
    assert (waits in found.waits, bool(found.waits)) == (True, bool(waits))
    assert found.usable is usable


def test_only_what_is_written_is_wished() -> None:
    refs = resolved(a_workspace(location="westeurope"))
    assert KIND.desired(OWNER, a_spec(), refs) == {"location": "westeurope", "tags": {}}
    assert KIND.desired(OWNER, a_spec(defaults={"deploymentName": "forest"}), refs)[DEFAULT] == "forest"
    assert KIND.desired(OWNER, a_spec(defaults={"deploymentName": ""}), refs)[DEFAULT] is None


def test_it_waits_for_its_workspace_to_be_made_and_to_say_where_it_is() -> None:
    refs = resolved(a_workspace(provisioningState="Creating"))
    assert "AzureMLWorkspace ml/ws" in KIND.hindrance(a_spec(), refs, creating=True)
    assert KIND.hindrance(a_spec(), refs, creating=False) == ""
    with pytest.raises(Wait, match="AzureMLWorkspace ml/ws"):
        KIND.desired(OWNER, a_spec(), refs)
