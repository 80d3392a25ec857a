"""Zero false drift: nothing that a recorded PUT wrote is seen as changed in what is read of it later.

Every recorded body of a PUT is taken for the wish of a manifest and held, by the kind's own rules, against every later
GET that shows the resource settled, until it is written again. Answers of the published examples count as reads of
their own requests. A recording that shows a resource only before its operation ended proves nothing and is left out.

**To add a kind**, add a row: the type in the path, and the kind's `fields`.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from contract.azure.conftest import recording
from mlgate.azureml import compare
from mlgate.engine.fields import Fields
from mlgate.errors import Terminal
from mlgate.kinds.azure import arm_body
from mlgate.kinds.azure.batch_deployment import AzureMLBatchDeployment
from mlgate.kinds.azure.batch_endpoint import AzureMLBatchEndpoint
from mlgate.kinds.azure.model import AzureMLModel
from mlgate.kinds.azure.online_deployment import AzureMLOnlineDeployment
from mlgate.kinds.azure.online_endpoint import AzureMLOnlineEndpoint
from mlgate.kinds.azure.workspace import AzureMLWorkspace

NOT_IN_MANIFESTS = ("properties.properties",)
BLIND = {
    path
    for table in (compare.WORKSPACE, compare.ENDPOINT)
    for path, same in table.items()
    if same is compare.not_compared
}
"""Fields of which Azure's answer says nothing (their reasons are in `compare`)."""

ROWS: dict[str, tuple[str, Fields]] = {
    "AzureMLWorkspace": ("workspaces", AzureMLWorkspace.fields),
    "AzureMLModel": ("workspaces/models/versions", AzureMLModel.fields),
    "AzureMLOnlineEndpoint": ("workspaces/onlineendpoints", AzureMLOnlineEndpoint.fields),
    "AzureMLOnlineDeployment": ("workspaces/onlineendpoints/deployments", AzureMLOnlineDeployment.fields),
}


@dataclass(frozen=True)
class Pair:
    """A wish and a resource that must mean the same."""

    source: str
    id: str
    wish: Mapping[str, Any]
    raw: Mapping[str, Any]

    def drifts(self, fields: Fields, wish: Mapping[str, Any] | None = None) -> list[str]:
        """The fields in which the rules see a difference."""
        found = []
        for path, value in (self.wish if wish is None else wish).items():
            wanted = {path: value}
            try:
                plan = fields.diff(wanted, arm_body.values(self.raw, wanted), {}, self.id)
            except Terminal:  # a field that cannot be changed
                found.append(path)
                continue
            found += [change.path for change in plan.changes]
        return found


def flat(body: Mapping[str, Any], fields: Fields, below: str = "") -> Iterator[tuple[str, Any]]:
    """A body as the kinds write it: dotted places; what has a rule of its own is compared whole."""
    for name, value in body.items():
        path = f"{below}.{name}" if below else name
        if path in NOT_IN_MANIFESTS:
            continue
        if isinstance(value, Mapping) and value and path not in fields.rules:
            yield from flat(value, fields, path)
        else:
            yield path, value


def type_of(url: str) -> tuple[str, str]:
    """(types below the provider, path) of a resource's URL."""
    path = urlsplit(url).path.lower()
    _, _, rest = path.partition("/providers/microsoft.machinelearningservices/")
    if not rest:
        rest = path.lstrip("…/")
    parts = rest.split("/")
    return "/".join(parts[::2]) if len(parts) % 2 == 0 else "", rest


def recorded() -> Iterator[tuple[str, Pair]]:
    """Every wish of the recordings with every later read of it."""
    wishes: dict[tuple[str, str], dict[str, Any]] = {}
    for exchange in recording("recorded_exchanges.json")["exchanges"]:
        request, response = exchange["request"], exchange["response"]
        types, place = type_of(request["url"])
        key = (exchange["source"], place)
        row = next((fields for of, fields in ROWS.values() if of == types), None)
        if request["method"] == "PUT" and row is not None:
            wishes[key] = dict(flat(copy.deepcopy(request["body"]), row))
        raw = response["body"]
        if request["method"] == "PUT" and types.endswith("/versions") and key in wishes:  # there at once
            yield types, Pair(exchange["source"], place, wishes[key], raw)
        settled = isinstance(raw, dict) and (raw.get("properties") or {}).get("provisioningState") == "Succeeded"
        if request["method"] == "GET" and settled and key in wishes:
            yield types, Pair(exchange["source"], place, wishes[key], raw)


def examples() -> Iterator[tuple[str, Pair]]:
    """The published examples: what is written beside what is answered."""
    example = recording("specs/2024-10-01.OnlineEndpoint.createOrUpdate.json")
    types, fields = ROWS["AzureMLOnlineEndpoint"]
    wish = dict(flat(example["parameters"]["body"], fields))
    for answer in example["responses"].values():
        yield types, Pair("specs", "example", wish, answer["body"])


def pairs(name: str) -> list[Pair]:
    types, _ = ROWS[name]
    return [pair for found, pair in [*recorded(), *examples()] if found == types]


def unlike(value: Any) -> Any:
    """Another value of the same shape."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return re.sub(r"\w$", "x0", value) if value else "x"
        case dict():
            return {n: unlike(v) for n, v in value.items()} if value else {"another": 1}
    return "x"


@pytest.mark.parametrize("name", ROWS, ids=[f"{name} sees no drift nobody made" for name in ROWS])
def test_no_false_drift(name: str) -> None:
    found = pairs(name)
    assert found, "the recordings show none of this kind, or the row does not find it"
    drifts = [
        f"{pair.source}: {path} wished {pair.wish[path]!r}, seen {arm_body.read(pair.raw, path)!r}"
        for pair in found
        for path in pair.drifts(ROWS[name][1])
    ]
    assert drifts == []


@pytest.mark.parametrize("name", ROWS, ids=[f"{name} sees every changed value" for name in ROWS])
def test_a_changed_value_is_seen(name: str) -> None:
    blind = {
        path
        for pair in pairs(name)
        for path, value in pair.wish.items()
        if path not in BLIND and path.split(".")[0] not in BLIND
        if not pair.drifts(ROWS[name][1], {path: unlike(value)})
    }
    assert blind == set(), json.dumps(sorted(blind))


@pytest.mark.parametrize(
    ("path", "wanted", "seen"),
    [
        pytest.param("properties.requestSettings.requestTimeout", "PT90S", "PT1M30S", id="a duration in minutes"),
        pytest.param("properties.livenessProbe.initialDelay", "PT86400S", "P1D", id="a duration in days"),
        pytest.param("properties.startupProbe.period", "PT0.5S", "PT0.5000000S", id="a fraction of a second"),
        pytest.param(
            "properties.model",
            "/subscriptions/s/resourceGroups/r/providers/Microsoft.MachineLearningServices/workspaces/w/models/m/versions/1",
            "azureml://subscriptions/s/resourcegroups/r/workspaces/w/models/m/versions/1",
            id="a model by its other name",
        ),
        pytest.param("properties.egressPublicNetworkAccess", "Enabled", "enabled", id="a word in another casing"),
        pytest.param("sku.capacity", 2, 2.0, id="a number"),
        pytest.param("location", "West Europe", "westeurope", id="a region"),
        pytest.param(
            "properties.dataCollector.collections",
            {"model_inputs": {"dataCollectionMode": "Enabled"}},
            {"model_inputs": {"dataCollectionMode": "enabled", "dataId": "azureml:x:1", "samplingRate": 1.0}},
            id="what Azure adds to a collection",
        ),
        pytest.param(
            "properties.dataCollector.requestLogging.captureHeaders",
            ["X-Trace", "x-user"],
            ["x-user", "x-trace"],
            id="names of headers",
        ),
    ],
)
def test_a_deployment_reads_back_in_other_words(path: str, wanted: Any, seen: Any) -> None:
    reads_back(AzureMLOnlineDeployment.fields, path, wanted, seen)


@pytest.mark.parametrize(
    ("path", "wanted", "seen"),
    [
        pytest.param("properties.retrySettings.timeout", "PT300S", "PT5M", id="a duration in minutes"),
        pytest.param("properties.outputAction", "AppendRow", "appendRow", id="a word in another casing"),
        pytest.param("properties.loggingLevel", "Info", "info", id="a level in another casing"),
        pytest.param("properties.model.referenceType", "Id", "id", id="the kind of a reference"),
        pytest.param(
            "properties.model.assetId",
            "/subscriptions/s/resourceGroups/r/providers/Microsoft.MachineLearningServices/workspaces/w/models/m/versions/1",
            "azureml://locations/westeurope/workspaces/w/models/m/versions/1",
            id="a model by its other name",
        ),
        pytest.param(
            "properties.compute", "/subscriptions/S/computes/C", "/subscriptions/s/computes/c", id="an ARM id"
        ),
        pytest.param("properties.miniBatchSize", 10, "10", id="a number as text"),
        pytest.param(
            "properties.deploymentConfiguration.settings",
            {"continue_on_step_failure": "false"},
            {"ComponentDeployment.Settings.continue_on_step_failure": "False", "default_compute": None},
            id="settings of a pipeline, spelled out by Azure",
        ),
    ],
)
def test_a_batch_deployment_reads_back_in_other_words(path: str, wanted: Any, seen: Any) -> None:
    reads_back(AzureMLBatchDeployment.fields, path, wanted, seen)


def test_a_batch_endpoint_answers_with_what_was_written() -> None:
    """The recording has no later GET; its PUT's own answer shows what is read back."""
    kind, fields = "workspaces/batchendpoints", AzureMLBatchEndpoint.fields
    found = [
        one for one in recording("recorded_exchanges.json")["exchanges"] if type_of(one["request"]["url"])[0] == kind
    ]
    assert found
    for one in found:
        mode = {"properties.authMode": one["request"]["body"]["properties"]["authMode"]}
        pair = Pair(one["source"], "x", mode, one["response"]["body"])
        assert pair.drifts(fields) == []
        assert pair.drifts(fields, {"properties.authMode": "Key"}) == ["properties.authMode"]


def reads_back(fields: Fields, path: str, wanted: Any, seen: Any) -> None:
    """The same to these rules, and another value is not."""
    raw: dict[str, Any] = {}
    place = raw
    *parents, last = path.split(".")
    for name in parents:
        place = place.setdefault(name, {})
    place[last] = seen
    pair = Pair("by hand", "x", {path: wanted}, raw)
    assert pair.drifts(fields) == []
    assert pair.drifts(fields, {path: unlike(wanted)}) == [path]
