"""`kubectl delete -f` in whatever order: nothing is left in either simulator, no finalizer is stuck, and the quickstart can
be applied again at once (the tests share one world, whose simulators nobody clears in between)."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest

from .waiting import eventually
from .world import TEAMS, World

NOTHING: dict[str, list[str]] = {"clients": [], "apis": [], "grants": [], "roles": [], "azure": []}
SEED = int(os.environ.get("MLGATE_E2E_SEED") or random.SystemRandom().randrange(10**6))


def files_in_order(world: World) -> None:
    """The namespaces are in the first file, so they go first."""
    world.kubectl("delete", "-f", str(world.manifests.folder), "--timeout=90s", seconds=100)


def files_in_reverse(world: World) -> None:
    files = [part for file in reversed(world.manifests.files) for part in ("-f", str(file))]
    world.kubectl("delete", *files, "--timeout=90s", seconds=100)


def namespaces_only(world: World) -> None:
    world.kubectl("delete", "namespace", *TEAMS, "--wait=false")


def in_random_order(world: World) -> None:
    print(f"random order with seed {SEED}")
    objects = world.manifests.objects()
    random.Random(SEED).shuffle(objects)
    for obj in objects:
        where = ("-n", obj["metadata"]["namespace"]) if "namespace" in obj["metadata"] else ()
        name = f"{obj['kind']}/{obj['metadata']['name']}"
        world.kubectl("delete", name, *where, "--wait=false", "--ignore-not-found")


def credentials_first(world: World) -> None:
    """The Secrets and what signs in with them, long before what they are needed for."""
    for name in ("secret/auth0-management", "secret/azure-credentials", "auth0tenant/main", "azureconnection/azure"):
        world.kubectl("delete", name, "-n", "ml", "--wait=false")
    world.kubectl("delete", "namespace", *TEAMS, "--wait=false")


@pytest.mark.parametrize(
    "delete",
    [
        pytest.param(files_in_order, id="the files in their order"),
        pytest.param(files_in_reverse, id="the files in reverse"),
        pytest.param(namespaces_only, id="the namespaces only"),
        pytest.param(in_random_order, id="object by object in random order"),
        pytest.param(credentials_first, id="credentials and connections first"),
    ],
)
def test_deleting_leaves_nothing_outside_and_no_stuck_finalizer(
    quickstart: World, delete: Callable[[World], None]
) -> None:
    quickstart.apply()
    assert quickstart.outside.inventory()["clients"] == ["checkout", "reporting"]
    delete(quickstart)
    quickstart.wait_gone()
    assert quickstart.outside.inventory() == NOTHING
    assert quickstart.operator.running


def test_an_endpoint_that_others_were_granted_waits_for_them_and_says_so(quickstart: World) -> None:
    quickstart.apply()
    quickstart.kubectl("delete", "sme", "fraud", "-n", "ml", "--wait=false")

    def told() -> bool:
        held = quickstart.condition("Auth0API", "fraud")
        assert held["reason"] in ("DeletionBlocked", "Deleting"), held
        assert "Auth0ClientGrant shop/checkout-ml-fraud" in held["message"], held
        assert "Auth0API fraud" in quickstart.condition("SecuredModelEndpoint", "fraud")["message"]
        return True

    eventually(told, "who it waits for")
    quickstart.kubectl("delete", "auth0appbinding", "--all", "-n", "shop", "--timeout=60s", seconds=70)
    eventually(lambda: quickstart.get("SecuredModelEndpoint", "fraud") is None, "the end of the endpoint", seconds=60)
    left = quickstart.outside.inventory()
    assert left == {**NOTHING, "azure": ["ml-workspace"]}, "what the endpoint was made of is gone, the rest is not"
    assert {obj["kind"] for obj in quickstart.api.ours()} == {
        "Auth0Tenant",
        "AzureConnection",
        "AzureMLWorkspace",
        "ModelGateway",
    }
