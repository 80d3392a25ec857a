"""How large a request body may be.

The gateway's own limit is Envoy's `body_size_limit`, which counts without buffering. That filter takes no configuration
per route (Envoy 1.40 refuses it), so a route that asks for less gets the buffering filter, switched off everywhere else
and placed after authentication: only the bodies of permitted callers are ever held.
"""

from __future__ import annotations

from mlgate.gateway.model import Gateway
from mlgate.gateway.render.types import BUFFER_FILTER, Json, any_of, extension


def gateway_body_filter(gateway: Gateway) -> Json:
    return extension(
        "envoy.filters.http.body_size_limit",
        "envoy.extensions.filters.http.body_size_limit.v3.BodySizeLimit",
        max_request_bytes=str(gateway.limits.body_bytes),
    )


def route_body_filter(gateway: Gateway) -> Json:
    """Off, until a route switches it on."""
    largest = {"max_request_bytes": gateway.limits.body_bytes}
    off = extension(BUFFER_FILTER, "envoy.extensions.filters.http.buffer.v3.Buffer", **largest)
    return {**off, "disabled": True}


def route_body_limit(gateway: Gateway, size: int) -> Json:
    """Per-route configuration; a route cannot allow more than its gateway."""
    smaller = {"max_request_bytes": min(size, gateway.limits.body_bytes)}
    return any_of("envoy.extensions.filters.http.buffer.v3.BufferPerRoute", buffer=smaller)
