"""Who decides what is written: managementPolicy, deletionPolicy and the annotations, on an API of a team's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mlgate.store.protocol import Object

from .waiting import eventually
from .world import World, resource_of

ORDERS = "https://orders.example.com"


@pytest.fixture
def world(quickstart: World) -> Iterator[World]:
    """The quickstart, with nothing of this module's own in it."""
    yield quickstart
    quickstart.annotate("Auth0API", "orders", paused=None)
    quickstart.api.patch(resource_of("Auth0API"), "ml", "orders", {"spec": {"managementPolicy": "Manage"}})
    quickstart.kubectl("delete", "auth0api/orders", "-n", "ml", "--ignore-not-found", "--timeout=30s")

    def remove() -> None:
        state = quickstart.outside.auth0.state
        for id_ in [id_ for id_, api in state.resource_servers.items() if api["identifier"] == ORDERS]:
            del state.resource_servers[id_]

    quickstart.outside.do(remove)


def orders(**spec: Any) -> Object:
    """An Auth0API."""
    permissions = [{"name": "read:orders"}]
    said = {"tenantRef": {"name": "main"}, "identifier": ORDERS, "permissions": permissions, **spec}
    metadata = {"name": "orders", "namespace": "ml"}
    return {"apiVersion": "mlgate.dev/v1alpha1", "kind": "Auth0API", "metadata": metadata, "spec": said}


def outside(world: World) -> Object | None:
    """The API outside."""
    apis = world.outside.do(lambda: list(world.outside.auth0.state.resource_servers.values()))
    return next((api for api in apis if api["identifier"] == ORDERS), None)


def made_by_hand(world: World, *scopes: str) -> str:
    """Somebody made the API in the console; its id."""

    def make() -> str:
        state = world.outside.auth0.state
        like = next(api for api in state.resource_servers.values() if not api.get("is_system"))
        made = {**like, "id": "64f0" * 6, "identifier": ORDERS, "name": "orders"}
        made["scopes"] = [{"value": scope} for scope in scopes]
        state.resource_servers[made["id"]] = made
        return str(made["id"])

    return world.outside.do(make)


def status(world: World) -> Any:
    return (world.get("Auth0API", "orders") or {}).get("status") or {}


def asked_again(world: World, request: str) -> None:
    """A look at it, over."""
    world.annotate("Auth0API", "orders", reconcile_requested_at=request)
    eventually(lambda: status(world).get("lastHandledReconcileAt") == request, "the look that was asked for")


def test_plan_publishes_what_it_would_do_and_writes_nothing_until_it_is_approved(world: World) -> None:
    mark = world.outside.mark()
    world.kubectl.apply(orders(managementPolicy="Plan"))
    world.wait_reason("Auth0API", "orders", "PlanPending")
    plan = status(world)["plan"]
    assert plan["hash"] and {change["path"] for change in plan["changes"]} >= {"identifier", "scopes"}
    asked_again(world, "1")
    assert world.outside.writes(mark) == [] and outside(world) is None

    world.annotate("Auth0API", "orders", approve=plan["hash"])
    world.wait_reason("Auth0API", "orders", "Available")
    assert world.outside.writes(mark) == ["POST resource-servers"]
    assert "plan" not in status(world)


def test_an_approval_of_one_plan_is_no_approval_of_the_next(world: World) -> None:
    world.kubectl.apply(orders(managementPolicy="Plan"))
    world.wait_reason("Auth0API", "orders", "PlanPending")
    first = status(world)["plan"]["hash"]
    world.annotate("Auth0API", "orders", approve=first)
    world.wait_reason("Auth0API", "orders", "Available")
    mark = world.outside.mark()
    more = [{"name": "read:orders"}, {"name": "write:orders"}]
    world.kubectl.apply(orders(managementPolicy="Plan", permissions=more))
    eventually(lambda: status(world).get("plan"), "a second plan")
    second = status(world)["plan"]
    assert second["hash"] != first and [change["path"] for change in second["changes"]] == ["scopes"]
    asked_again(world, "2")
    assert world.outside.writes(mark) == []
    world.annotate("Auth0API", "orders", approve=second["hash"])
    eventually(lambda: world.outside.writes(mark), "the approved change")
    assert world.outside.writes(mark) == [f"PATCH resource-servers/{(outside(world) or {})['id']}"]


def test_plan_holds_a_deletion_until_it_is_approved(world: World) -> None:
    world.kubectl.apply(orders())
    world.wait_reason("Auth0API", "orders", "Available")
    world.kubectl.apply(orders(managementPolicy="Plan"))
    mark, made = world.outside.mark(), (outside(world) or {})["id"]
    world.kubectl("delete", "auth0api/orders", "-n", "ml", "--wait=false")
    world.wait_reason("Auth0API", "orders", "PlanPending")
    assert world.outside.writes(mark) == []
    world.annotate("Auth0API", "orders", approve=status(world)["plan"]["hash"])
    eventually(lambda: world.get("Auth0API", "orders") is None, "the end of it")
    assert world.outside.writes(mark) == [f"DELETE resource-servers/{made}"]


def test_observe_reports_and_never_writes_not_even_at_the_end(world: World) -> None:
    made = made_by_hand(world, "read:orders", "extra:orders")
    mark = world.outside.mark()
    world.kubectl.apply(orders(managementPolicy="Observe", **{"import": {"id": made}}))
    eventually(lambda: status(world).get("externalId") == made, "the observed id")
    asked_again(world, "3")
    drift = eventually(lambda: status(world).get("drift"), "the difference in status")
    assert "scopes" in str(drift)
    world.kubectl("delete", "auth0api/orders", "-n", "ml", "--timeout=30s")
    assert world.outside.writes(mark) == []
    assert [scope["value"] for scope in (outside(world) or {})["scopes"]] == ["read:orders", "extra:orders"]


def test_orphan_leaves_it_outside_when_the_manifest_goes(world: World) -> None:
    world.kubectl.apply(orders(deletionPolicy="Orphan"))
    world.wait_reason("Auth0API", "orders", "Available")
    mark = world.outside.mark()
    world.kubectl("delete", "auth0api/orders", "-n", "ml", "--timeout=30s")
    assert world.outside.writes(mark) == [] and outside(world) is not None


def test_delete_is_the_default_and_removes_it_outside(world: World) -> None:
    world.kubectl.apply(orders())
    world.wait_reason("Auth0API", "orders", "Available")
    mark, made = world.outside.mark(), (outside(world) or {})["id"]
    world.kubectl("delete", "auth0api/orders", "-n", "ml", "--timeout=30s")
    assert world.outside.writes(mark) == [f"DELETE resource-servers/{made}"]


def test_paused_holds_every_write_and_goes_on_when_it_is_taken_off(world: World) -> None:
    world.kubectl.apply(orders())
    world.wait_reason("Auth0API", "orders", "Available")
    world.annotate("Auth0API", "orders", paused="true")
    mark = world.outside.mark()
    world.kubectl.apply(orders(permissions=[{"name": "read:orders"}, {"name": "write:orders"}]))
    eventually(
        lambda: "Paused" in {c["reason"] for c in status(world).get("conditions", ())}, "the reason Paused", seconds=20
    )
    asked_again(world, "4")
    assert world.outside.writes(mark) == []
    world.annotate("Auth0API", "orders", paused=None)
    eventually(lambda: world.outside.writes(mark), "the change that was held")
    assert world.outside.writes(mark) == [f"PATCH resource-servers/{(outside(world) or {})['id']}"]


def test_paused_holds_a_deletion_too(world: World) -> None:
    world.kubectl.apply(orders())
    world.wait_reason("Auth0API", "orders", "Available")
    world.annotate("Auth0API", "orders", paused="true")
    mark = world.outside.mark()
    world.kubectl("delete", "auth0api/orders", "-n", "ml", "--wait=false")
    world.wait_reason("Auth0API", "orders", "Paused")
    assert world.outside.writes(mark) == [] and outside(world) is not None
    world.annotate("Auth0API", "orders", paused=None)
    eventually(lambda: world.get("Auth0API", "orders") is None, "the end of it")
    assert outside(world) is None


def test_report_says_what_changed_outside_and_leaves_it(world: World) -> None:
    world.kubectl.apply(orders(driftPolicy="Report"))
    world.wait_reason("Auth0API", "orders", "Available")
    mark = world.outside.mark()
    world.outside.do(lambda: (outside_now(world)["scopes"]).append({"value": "extra:orders"}))
    asked_again(world, "5")
    drift = eventually(lambda: status(world).get("drift"), "the drift in status")
    assert "scopes" in str(drift["changes"])
    assert world.outside.writes(mark) == []


def outside_now(world: World) -> Any:
    """The API as the simulator holds it; call it on the simulator's loop."""
    apis = world.outside.auth0.state.resource_servers.values()
    return next(api for api in apis if api["identifier"] == ORDERS)
