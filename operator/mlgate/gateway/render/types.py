"""How Envoy's types are written down in JSON (protobuf's JSON mapping, snake_case field names)."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
"""One Envoy message, JSON-able."""

_PREFIX = "type.googleapis.com/"

CLUSTER = _PREFIX + "envoy.config.cluster.v3.Cluster"
LISTENER = _PREFIX + "envoy.config.listener.v3.Listener"
ROUTES = _PREFIX + "envoy.config.route.v3.RouteConfiguration"
SECRET = _PREFIX + "envoy.extensions.transport_sockets.tls.v3.Secret"
EXTENSION = _PREFIX + "envoy.config.core.v3.TypedExtensionConfig"

RESOURCE_TYPES = (SECRET, CLUSTER, EXTENSION, LISTENER, ROUTES)
"""Everything the gateway serves, in the order in which it must be made (and the reverse in which it may go)."""

ADS: Json = {"ads": {}, "resource_api_version": "V3"}
"""A config source: from the stream this came by."""

ROUTE_CONFIG = "routes"
JWT_FILTER = "envoy.filters.http.jwt_authn"
RATE_FILTER = "envoy.filters.http.local_ratelimit"
AUDIENCE_FILTER = "mlgate.audience"
PERMISSION_FILTER = "envoy.filters.http.rbac"
BUFFER_FILTER = "envoy.filters.http.buffer"
ROUTE_METADATA = "mlgate"


def type_url(message: str) -> str:
    return _PREFIX + message


def any_of(message: str, /, **fields: Any) -> Json:
    """A google.protobuf.Any in JSON; fields that are None are left out."""
    return {"@type": _PREFIX + message, **present(fields)}


def extension(name: str, message: str, /, **fields: Any) -> Json:
    """A named extension with its configuration, the shape of filters, loggers and transport sockets."""
    return {"name": name, "typed_config": any_of(message, **fields)}


def present(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def duration(seconds: float) -> str:
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"


def set_header(name: str, value: str) -> Json:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def literal(text: str) -> str:
    """Text for a place where Envoy expands %COMMANDS%."""
    return text.replace("%", "%%")


def route_of(resource: str) -> str:
    """The route that an Envoy resource or Envoy route was made for: `ml/fraud#0` and `ml/fraud` belong to ml/fraud."""
    return resource.split("#", 1)[0]
