"""A deployment on a real API server: it fails with its log, is tried again when asked, is scaled cheaply, and goes."""

from __future__ import annotations

from typing import Any

import yaml

from .waiting import eventually
from .world import World

CANARY: dict[str, Any] = {
    "apiVersion": "mlgate.dev/v1alpha1",
    "kind": "AzureMLOnlineDeployment",
    "metadata": {"name": "canary", "namespace": "ml"},
    "spec": {
        "endpointRef": {"name": "fraud"},
        "model": {"name": "fraud", "version": "7"},
        "instanceType": "Standard_DS3_v2",
        "instanceCount": 1,
        "dataCollector": {"collections": [{"name": "model_inputs", "samplingPercentage": 10}]},
    },
}
WHICH = ("AzureMLOnlineDeployment", "canary")


def ready(world: World) -> None:
    def stands() -> bool:
        found = world.condition(*WHICH)
        assert found["status"] == "True", found
        return True

    eventually(stands, "the canary Ready")


def test_a_deployment_fails_with_its_log_recovers_scales_and_goes(quickstart: World) -> None:
    world, azure = quickstart, quickstart.outside.azure
    mark = world.outside.mark()
    lines = ["loading weights", "ValueError: bad weights in model.pkl"]
    world.outside.do(lambda: azure.fail_deployment("fraud", "canary", code="ResourceNotReady", logs=lines, times=1))
    world.kubectl("apply", "--validate=strict", "-f", "-", stdin=yaml.safe_dump(CANARY))
    try:
        told = world.wait_reason(*WHICH, "ProvisioningFailed")
        assert "bad weights in model.pkl" in told["message"]
        failure = (world.get(*WHICH) or {})["status"]["failure"]
        assert failure["log"] == lines

        world.kubectl("annotate", "amld", "canary", "-n", "ml", "mlgate.dev/reconcile-requested-at=1")
        ready(world)
        world.kubectl("patch", "amld", "canary", "-n", "ml", "--type=merge", "-p", '{"spec": {"instanceCount": 3}}')

        def scaled() -> bool:
            found = (world.get(*WHICH) or {}).get("status") or {}
            assert found.get("instanceCount") == 3, found
            return True

        eventually(scaled, "three instances")
        ready(world)
    finally:
        world.kubectl("delete", "amld", "canary", "-n", "ml", "--wait=true", "--timeout=60s")
    world.settled()
    written = [r for r in world.outside.written(mark) if "/deployments/canary" in r.path]
    assert [r.method for r in written] == ["PUT", "PUT", "PATCH", "DELETE"]
    assert not [r for r in world.outside.requests(mark) if r.status == 409]
