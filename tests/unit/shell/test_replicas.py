"""What replicas tell each other about their proxies, and how the leader adds it up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from mlgate.engine.clock import Clock, rfc3339
from mlgate.gateway.server import Published
from mlgate.kinds.gateway.programmer import Gateways
from mlgate.kinds.gateway.view import GatewayReport, ReplicaReport, together
from mlgate.shell.replicas import LABEL, REPORT, SILENT, Replicas, heard
from mlgate.store.memory import MemoryStore
from mlgate.store.protocol import LEASES, NAMESPACES

NOW = 1_800_000_000.0
HOME = "mlgate-system"


@dataclass(frozen=True)
class Case:
    says: str
    own: GatewayReport
    others: tuple[ReplicaReport, ...]
    proxies: int
    settled: bool

    def __str__(self) -> str:
        return self.says


def own(proxies: int, acknowledged: str | None) -> GatewayReport:
    return GatewayReport(proxies=proxies, version="v2", acknowledged=acknowledged)


@pytest.mark.parametrize(
    "case",
    [
        Case("a leader alone says what its own proxies took", own(1, "v2"), (), 1, True),
        Case("proxies at another replica count", own(0, None), (ReplicaReport(2, "v2", "v2"),), 2, True),
        Case(
            "a proxy that is behind elsewhere keeps all unsettled",
            own(1, "v2"),
            (ReplicaReport(1, "v1", "v1"),),
            2,
            False,
        ),
        Case(
            "a proxy that is behind here keeps all unsettled", own(1, None), (ReplicaReport(1, "v2", "v2"),), 2, False
        ),
        Case(
            "a replica without proxies says nothing about them", own(1, "v2"), (ReplicaReport(0, "v1", None),), 1, True
        ),
        Case("without any proxy nothing is settled", own(0, None), (ReplicaReport(0, "v2", None),), 0, False),
    ],
    ids=str,
)
def test_together(case: Case) -> None:
    report = together(case.own, case.others)
    assert (report.proxies, report.settled) == (case.proxies, case.settled)


def lease(name: str, reports: Any, *, age: float = 0.0) -> dict[str, Any]:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": HOME, "labels": {LABEL: "mlgate"}, "annotations": {REPORT: reports}},
        "spec": {"holderIdentity": name, "renewTime": rfc3339(NOW - age).replace("Z", ".000000Z")},
    }


def test_silent_replicas_unreadable_reports_and_our_own_are_left_out() -> None:
    good = json.dumps({"ml/public": [2, "v1", "v1"]})
    leases = [
        lease("alive", good),
        lease("me", good),
        lease("silent", good, age=SILENT + 1),
        lease("garbage", "{"),
        lease("other-shape", json.dumps({"ml/public": 3})),
    ]
    assert heard(leases, but="me", now=NOW) == {"ml/public": {"alive": ReplicaReport(2, "v1", "v1")}}


async def test_replicas_hear_of_each_other_and_take_their_proxies_along_when_they_leave() -> None:
    store = MemoryStore([])
    await store.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}})
    gateways, looked_at = Gateways(), list[str]()
    gateways.published["ml/public"] = Published("v1", (), (), changed=False)
    clock = Clock(monotonic=lambda: 0.0, wall=lambda: NOW)

    def replica(identity: str) -> Replicas:
        return Replicas(
            store, gateways, looked_at.append, namespace=HOME, lease="mlgate", identity=identity, clock=clock
        )

    first, second = replica("a"), replica("b")
    await first.exchange()
    assert gateways.elsewhere == {}
    await second.exchange()
    assert list(gateways.elsewhere) == ["ml/public"] and looked_at == ["ml/public"]
    await first.leave()
    await second.exchange()
    assert gateways.elsewhere == {} and looked_at == ["ml/public", "ml/public"]


async def test_without_a_gateway_nothing_is_written() -> None:
    store = MemoryStore([])
    await store.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}})
    quiet = Replicas(store, Gateways(), print, namespace=HOME, lease="mlgate", identity="a", clock=Clock())
    await quiet.exchange()
    await quiet.leave()
    assert await store.list(LEASES, HOME) == []
