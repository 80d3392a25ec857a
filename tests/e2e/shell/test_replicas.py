"""`mlgate run` as a process: starts, leads, stands by, hands over, ends."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable

import pytest

from .conftest import LEASE, Place

pytestmark = pytest.mark.controlplane

GATEWAY = {
    "apiVersion": "mlgate.dev/v1alpha1",
    "kind": "ModelGateway",
    "metadata": {"name": "public"},
    "spec": {"listeners": [{"name": "http", "port": 8080, "protocol": "HTTP"}]},
}


def wait_for(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come within {seconds:.0f} s"
        time.sleep(0.05)


def test_a_replica_becomes_ready_leads_and_ends_in_order(place: Place) -> None:
    place.grant()
    replica = place.start()
    wait_for(replica.ready, "readiness")
    wait_for(replica.leads, "the lead")
    assert replica.get("/healthz")[0] == 200
    assert place.lease()["holderIdentity"]

    replica.process.send_signal(signal.SIGTERM)
    assert replica.wait() == 0, replica.words()
    assert place.lease().get("holderIdentity", "") == "", "the lease was given back"
    lines = [json.loads(line) for line in replica.log.read_text().splitlines()]
    assert [line["message"] for line in lines[-2:]] == [f"gave back the lease {place.namespace}/{LEASE}", "ended"]
    assert {line["level"] for line in lines} == {"info"}, replica.words()


def test_objects_are_seen_reconciled_and_forgotten(place: Place) -> None:
    place.grant()
    place.admin.apply(GATEWAY, namespace=place.namespace)
    replica = place.start()
    path = '{.status.conditions[?(@.type=="Ready")].message}'

    def said() -> bool:
        words = place.admin("get", "modelgateway", "public", "-n", place.namespace, "-o", f"jsonpath={path}")
        return "No Envoy is connected" in words

    wait_for(said, "a condition on an object that was there before")
    counted = 'mlgate_condition{kind="ModelGateway",status="False",type="Ready"} 1.0'
    assert counted in replica.get("/metrics")[1]
    place.admin("delete", "modelgateway", "public", "-n", place.namespace)
    wait_for(lambda: counted not in replica.get("/metrics")[1], "the end of an object")

    place.admin.apply(GATEWAY, namespace=place.namespace)
    wait_for(said, "a condition on a new object")
    events = place.admin("get", "events", "-n", place.namespace, "-o", "jsonpath={.items[*].source.component}")
    assert "kopf" not in events


def test_a_standby_is_ready_and_takes_over_at_once_when_the_leader_ends(place: Place) -> None:
    place.grant()
    first = place.start()
    wait_for(first.leads, "the first one's lead")
    second = place.start()
    wait_for(second.ready, "the standby's readiness")
    assert not second.leads()
    assert first.leads()

    first.process.send_signal(signal.SIGTERM)
    assert first.wait() == 0, first.words()
    wait_for(second.leads, "the takeover")
    assert "taking-over" not in second.words(), "a lease that was given back is not waited for"
    assert place.lease()["leaseTransitions"] == 1
    place.admin.apply(GATEWAY, namespace=place.namespace)
    wait_for(
        lambda: place.admin(
            "get", "modelgateway", "public", "-n", place.namespace, "-o", "jsonpath={.status.conditions}"
        ),
        "work by the new leader",
    )


def test_a_replica_whose_lease_is_taken_away_ends_with_a_failure(place: Place) -> None:
    place.grant()
    replica = place.start()
    wait_for(replica.leads, "the lead")
    patch = json.dumps({"spec": {"holderIdentity": "somebody-else", "renewTime": "2026-01-01T00:00:00.000000Z"}})
    place.admin("patch", "lease", LEASE, "-n", place.namespace, "--type=merge", "-p", patch)
    assert replica.wait() == 1, replica.words()
    assert place.lease()["holderIdentity"] == "somebody-else"


def test_missing_permissions_are_told_by_readyz_and_need_no_restart(place: Place) -> None:
    replica = place.start("--cluster-id", "test")
    wait_for(lambda: "forbidden" in replica.get("/readyz")[1], "the reason")
    status, words = replica.get("/readyz")
    assert status == 503
    assert "cannot list resource" in words
    assert replica.get("/healthz")[0] == 200, "a restart would not help"
    place.grant()
    wait_for(replica.ready, "readiness")
    wait_for(replica.leads, "the lead")


def test_without_a_cluster_it_says_so(place: Place) -> None:
    replica = place.start("--kubeconfig", str(place.folder / "nothing"))
    assert replica.wait() == 2
    assert "does not exist" in replica.words()
