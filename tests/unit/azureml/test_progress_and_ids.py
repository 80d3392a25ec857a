"""How far an operation is, which resource an id means, and what importing the package costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mlgate.azureml import (
    AzureAccess,
    ClientSecret,
    ManagedIdentity,
    Sessions,
    State,
    Subject,
    WorkloadIdentity,
    arm_id,
)
from mlgate.azureml.access import CLOUDS, Auth
from mlgate.azureml.progress import look_again, operation_status, progress
from mlgate.azureml.throttle import Throttle
from mlgate.errors import Quota, Retry, Terminal
from mlgate.outbound import Urgency
from mlgate.sensitive import Sensitive

from .recordings import exchange

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/fraud"
BLUE = f"{ENDPOINT}/deployments/blue"


@pytest.mark.parametrize(
    ("resource_id", "state", "expect", "soonest", "latest"),
    [
        (ENDPOINT, "Creating", State.CREATING, 5, 10),
        (ENDPOINT, "updating", State.UPDATING, 5, 10),
        (WORKSPACE, "Deleting", State.DELETING, 5, 10),
        (BLUE, "Updating", State.UPDATING, 15, 30),
        (BLUE, "Scaling", State.SCALING, 15, 30),
        (BLUE, "Hibernating", State.UNKNOWN, 15, 30),
    ],
)
def test_what_is_under_way_is_looked_at_again(
    resource_id: str, state: str, expect: State, soonest: float, latest: float
) -> None:
    resource = {"id": resource_id, "properties": {"provisioningState": state}}
    found = progress(resource)
    assert found.state is expect and not found.settled and found.after == soonest
    assert progress(resource, jitter=1.0).after == latest
    assert progress(resource, scale=0.01).after == pytest.approx(soonest / 100)


@pytest.mark.parametrize("state", ["Succeeded", "Failed", "Canceled", "SoftDeleted"])
def test_what_is_settled_is_not_polled(state: str) -> None:
    found = progress({"id": BLUE, "properties": {"provisioningState": state}})
    assert found.settled and found.after is None and found.failed == (state in {"Failed", "Canceled"})


@pytest.mark.parametrize(
    ("resource", "field"),
    [
        ({"id": BLUE, "properties": {}}, "provisioningState"),
        ({"id": BLUE}, "provisioningState"),
        ({"properties": {}}, "id"),
    ],
    ids=["no state", "no properties", "no id"],
)
def test_a_resource_without_what_we_need_is_a_retry_that_names_the_field(
    resource: dict[str, object], field: str
) -> None:
    with pytest.raises(Retry, match=field):
        progress(resource)


def test_a_recorded_deployment_tells_its_state_and_its_operation() -> None:
    _, answer = exchange("provisioningState is 'Updating' already")
    found = progress(answer)
    assert (
        found.state is State.UPDATING
        and found.operation_uri is not None
        and "/mfeOperationsStatus/od:" in found.operation_uri
    )


def test_an_operations_body_without_a_status_is_a_retry() -> None:
    assert operation_status({"status": "Failed", "error": {"code": "X"}}).failed
    with pytest.raises(Retry, match="status"):
        operation_status({"name": "x"})


def test_a_deletion_without_a_body_is_looked_at_again_by_its_kind() -> None:
    assert look_again(Subject.WORKSPACE) == 5.0 and look_again(Subject.DEPLOYMENT, jitter=1.0) == 30.0


def test_ids_are_read_in_any_casing_and_written_in_one() -> None:
    found = arm_id.read(BLUE.lower().replace("/w/", "/W/"))
    assert (found.subject, found.workspace, found.names[-1]) == (Subject.DEPLOYMENT, "W", "blue")
    assert arm_id.same(str(found), BLUE)
    assert arm_id.deployment_id(arm_id.endpoint_id(arm_id.workspace_id("s", "g", "w"), "fraud"), "blue") == BLUE


@pytest.mark.parametrize("name", ["a/b", "..", "a?b", "a#b", "", "a b", "%2e%2e", "a\n"])
def test_a_name_that_would_change_the_url_is_refused(name: str) -> None:
    with pytest.raises(Terminal):
        arm_id.endpoint_id(WORKSPACE, name)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        (WORKSPACE, "workspaces/{}"),
        (f"{ENDPOINT}/listKeys", "workspaces/{}/onlineEndpoints/{}/listKeys"),
        (f"{BLUE}/getLogs", "workspaces/{}/onlineEndpoints/{}/deployments/{}/getLogs"),
        (f"{ENDPOINT}/deployments", "workspaces/{}/onlineEndpoints/{}/deployments"),
        (
            "/subscriptions/s/providers/Microsoft.MachineLearningServices/locations/westeurope/mfeOperationsStatus/od:1:2",
            "locations/{}/mfeOperationsStatus/{}",
        ),
    ],
)
def test_a_route_holds_no_names(path: str, route: str) -> None:
    assert arm_id.route(path) == route


def access(auth: Auth, cloud: str = "Public", name: str = "AzureConnection ml/azure") -> AzureAccess:
    return AzureAccess(cloud, "tenant", "sub", auth, name, "ml/secret")


def test_every_change_of_the_credentials_changes_the_gate_and_none_shows_them() -> None:
    all_of_them = [
        access(ClientSecret("a", Sensitive("canary-1"))),
        access(ClientSecret("a", Sensitive("canary-2"))),
        access(ClientSecret("b", Sensitive("canary-1"))),
        access(ManagedIdentity()),
        access(ManagedIdentity("a")),
        access(WorkloadIdentity("a", "/token")),
        access(ManagedIdentity(), cloud="China"),
    ]
    assert len({one.gate for one in all_of_them}) == len(all_of_them)
    assert not [one for one in all_of_them if "canary" in one.gate + repr(one)]


def test_two_connections_with_the_same_credentials_share_a_gate() -> None:
    one, other = access(ManagedIdentity()), access(ManagedIdentity(), name="AzureConnection ml/other")
    assert one.gate == other.gate
    sessions = Sessions()
    assert sessions.session(one) is not sessions.session(other)


def test_an_unknown_cloud_lists_the_known_ones() -> None:
    with pytest.raises(Terminal, match="USGovernment"):
        Sessions().session(access(ManagedIdentity(), cloud="Germany"))
    assert set(CLOUDS) == {"Public", "China", "USGovernment"}


class TestTheLastRequests:
    def throttle(self, left: int, age: float = 0.0) -> Throttle:
        now = 100.0
        throttle = Throttle("azure:sub:x", "sub", lambda: now)
        throttle.learn({"x-ms-ratelimit-remaining-subscription-reads": str(left)})
        now += age
        return throttle

    @pytest.mark.parametrize("urgency", [Urgency.PROGRESS, Urgency.DRIFT])
    def test_are_not_for_what_can_wait(self, urgency: Urgency) -> None:
        with pytest.raises(Quota) as caught:
            self.throttle(5).admit("GET", "/x", urgency, jitter=0.0)
        assert caught.value.gate == "azure:sub:x/background"

    @pytest.mark.parametrize("urgency", [Urgency.USER, Urgency.DELETION, Urgency.RETRY])
    def test_are_for_what_somebody_waits_for(self, urgency: Urgency) -> None:
        self.throttle(5).admit("GET", "/x", urgency, jitter=0.0)

    def test_are_not_counted_against_another_bucket(self) -> None:
        self.throttle(5).admit("PUT", "/x", Urgency.DRIFT, jitter=0.0)

    def test_an_old_figure_stops_nobody(self) -> None:
        times = iter([0.0, 61.0])
        throttle = Throttle("gate", "sub", lambda: next(times))
        throttle.learn({"x-ms-ratelimit-remaining-subscription-reads": "1"})
        throttle.admit("GET", "/x", Urgency.DRIFT, jitter=0.0)

    @pytest.mark.parametrize("urgency", Urgency)
    def test_change_of_a_deployment_is_not_sent_when_none_is_left(self, urgency: Urgency) -> None:
        throttle = Throttle("gate", "sub", lambda: 100.0)
        throttle.learn({"x-ms-ratelimit-remaining-subscription-resource-requests": "0"})
        with pytest.raises(Quota, match="goes on by itself") as caught:
            throttle.admit("PUT", "/w/onlineEndpoints/fraud/deployments/blue", urgency, jitter=0.0)
        assert (caught.value.gate, caught.value.after) == ("gate/deployments", 12.0)
        throttle.admit("PUT", "/w/onlineEndpoints/fraud", urgency, jitter=0.0)
        throttle.admit("DELETE", "/w/onlineEndpoints/fraud/deployments/blue", urgency, jitter=0.0)

    def test_change_of_a_deployment_leaves_when_one_has_flowed_back(self) -> None:
        now = [100.0]
        throttle = Throttle("gate", "sub", lambda: now[0])
        throttle.learn({"x-ms-ratelimit-remaining-subscription-resource-requests": "0"})
        now[0] += 12.0
        throttle.admit("PUT", "/w/onlineEndpoints/fraud/deployments/blue", Urgency.USER, jitter=0.0)


def test_importing_the_package_loads_nothing_of_azure() -> None:
    code = "import mlgate.azureml as a; a.Sessions(); heavy = ('azure', 'aiohttp', 'msal')"
    code += "; print([m for m in sys.modules if m.split('.')[0] in heavy])"
    path = [entry for entry in sys.path if entry]
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "[]"
