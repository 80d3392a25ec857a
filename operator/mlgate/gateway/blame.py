"""Whose fault it is when Envoy refuses a resource: from the resource, Envoy's words, and what changed. Pure.

Clusters are named like their route and a secret like its credential; of the one route configuration and the token
filter all routes are part, there Envoy's words may name a route, host or tenant, and otherwise only what differs from
the last accepted configuration can be at fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlgate.gateway.model import Gateway, Route
from mlgate.gateway.render.clusters import secret_name
from mlgate.gateway.render.types import CLUSTER, EXTENSION, ROUTES, SECRET, route_of

SHARED = (ROUTES, EXTENSION)
"""Types of which one resource serves all routes: refused, it holds up everybody's changes."""


def culprits(type_url: str, resource: str, words: str, gateway: Gateway, accepted: Gateway | None) -> frozenset[str]:
    """The names of the routes that can be at fault; empty when it is the gateway itself. ``accepted`` is the last
    gateway that the proxies took, None when they took none yet."""
    if type_url == CLUSTER:
        return frozenset(route.name for route in gateway.routes if route.name == route_of(resource))
    if type_url == SECRET:
        users = (route for route in gateway.routes if route.upstream.credential)
        return frozenset(route.name for route in users if secret_name(route.upstream.credential or "") == resource)
    if type_url not in SHARED:
        return frozenset()
    suspects = _changed(gateway, accepted)
    return frozenset(route.name for route in _named(suspects, words) or suspects)


def _changed(gateway: Gateway, accepted: Gateway | None) -> list[Route]:
    before = {route.name: route for route in accepted.routes} if accepted else {}
    return [route for route in gateway.routes if before.get(route.name) != route]


def _named(routes: Iterable[Route], words: str) -> list[Route]:
    def names(route: Route) -> Iterable[str]:
        yield route.name
        yield from (hostname for hostname in route.hostnames if hostname != "*")
        if route.tenant:
            yield route.tenant.name

    return [route for route in routes if any(_mentions(words, name) for name in names(route))]


def _mentions(words: str, name: str) -> bool:
    return re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w/-])(?!\.\w)", words, re.IGNORECASE) is not None
