"""Finding the route that a proxy refuses, and holding back no other."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import pytest

from mlgate.gateway.blame import culprits
from mlgate.gateway.quarantine import Quarantine
from mlgate.gateway.render.types import CLUSTER, EXTENSION, LISTENER, ROUTES, SECRET
from unit.gateway.samples import gateway, route

NAMES = ("ml/a", "ml/b", "ml/c", "ml/d", "ml/e")
WANTED = {name: route(name) for name in NAMES}
BEFORE = gateway(route("ml/a"), route("ml/b"))
NOW = gateway(route("ml/a"), route("ml/b", retries=1), route("ml/b-2"))


@pytest.mark.parametrize(
    ("type_url", "resource", "words", "expected"),
    [
        pytest.param(CLUSTER, "ml/a", "bad CA", {"ml/a"}, id="a cluster is its route's"),
        pytest.param(SECRET, "credential/ml/key", "x", {"ml/a", "ml/b", "ml/b-2"}, id="a secret is its users'"),
        pytest.param(LISTENER, "http", "cannot bind", set(), id="a listener is the gateway's own"),
        pytest.param(ROUTES, "routes", "no hint", {"ml/b", "ml/b-2"}, id="without a hint it is what changed"),
        pytest.param(ROUTES, "routes", "route ml/b-2#0 is bad", {"ml/b-2"}, id="Envoy names an Envoy route"),
        pytest.param(ROUTES, "routes", "in 'b.example.com'", {"ml/b"}, id="Envoy names a host"),
        pytest.param(ROUTES, "routes", "ml/a is bad", {"ml/b", "ml/b-2"}, id="what did not change is not to blame"),
        pytest.param(EXTENSION, "jwt", "Provider 'ml/main'", {"ml/b", "ml/b-2"}, id="Envoy names a tenant"),
    ],
)
def test_whose_fault_it_can_be(type_url: str, resource: str, words: str, expected: AbstractSet[str]) -> None:
    assert culprits(type_url, resource, words, NOW, BEFORE) == expected


@pytest.mark.parametrize("names", [("ml/a",), ("ml/c",), ("ml/b", "ml/e"), NAMES], ids=", ".join)
def test_every_culprit_is_found_and_no_innocent_route_stays_out(names: tuple[str, ...]) -> None:
    quarantine, guilty = Quarantine(), set(names)
    for _ in range(50):
        served = frozenset(NAMES) - quarantine.held
        if served & guilty:
            assert quarantine.refused(served, "no", WANTED)
        elif not quarantine.accepted():
            break
    assert set(quarantine.condemned) == guilty == quarantine.held
    assert quarantine.settled


def test_a_condemned_route_gets_a_new_chance_when_it_changes_and_the_others_do_not() -> None:
    quarantine = Quarantine()
    quarantine.refused(["ml/a"], "no", WANTED)
    quarantine.revise(WANTED)
    assert quarantine.held == {"ml/a"}
    quarantine.revise({**WANTED, "ml/a": route("ml/a", retries=1)})
    assert quarantine.held == frozenset()


def test_a_refusal_that_is_no_routes_fault_holds_nothing_back() -> None:
    assert not Quarantine().refused([], "no", WANTED)
