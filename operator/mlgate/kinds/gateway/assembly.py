"""From objects to the neutral model of a gateway: pure, so that every replica comes to the same one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...api.meta import parse_duration
from ...api.modelgateway import ModelGatewaySpec
from ...api.modelroute import ModelRouteSpec
from ...engine import objects
from ...engine.references import permitted
from ...gateway import model
from ...store.protocol import Key, Object
from ..azure.endpoint_credential import CREDENTIAL

Lookup = Callable[[Key], Object | None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the value of a credential or a certificate is: a Secret and its keys."""

    secret: Key
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assembly:
    """A gateway, and where the secrets it names are to be read."""

    gateway: model.Gateway
    credentials: Mapping[str, Place]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What no object says: the CA that signs upstreams (None: the system's), and ports that replace the manifests'."""

    upstream_ca_pem: str | None = None
    ports: Mapping[tuple[str, int], int] | None = None
    access_log: str | None = "/dev/stdout"
    address: str = "0.0.0.0"  # noqa: S104 - a gateway is there to be reached


def assemble(gateway: Object, routes: Iterable[Object], lookup: Lookup, around: Surroundings) -> Assembly:
    """The model of one gateway with those routes that are meant for it and can be served."""
    name, spec = _name(gateway), ModelGatewaySpec.model_validate(objects.spec(gateway))
    places: dict[str, Place] = {}
    found = []
    for obj in routes:
        route = _route(obj, gateway, lookup, around, places)
        if route is not None:
            found.append(route)
    listeners = []
    for listener in spec.listeners:
        certificate = None
        if listener.tls:
            certificate = f"{name}/{listener.name}"
            secret = Key("Secret", gateway["metadata"]["namespace"], listener.tls.secret_ref.name)
            places[certificate] = Place(secret, ("tls.crt", "tls.key"))
        port = (around.ports or {}).get((name, listener.port), listener.port)
        listeners.append(model.Listener(listener.name, port, around.address, certificate))
    first = spec.listeners[0]
    limits = model.GatewayLimits()
    if spec.limits:
        limits = model.GatewayLimits(
            body_bytes=spec.limits.max_request_bytes or limits.body_bytes,
            request_seconds=_seconds(spec.limits.timeout, limits.request_seconds),
        )
    made = model.Gateway(
        name,
        tuple(listeners),
        tuple(sorted(found, key=lambda route: route.name)),
        limits,
        public_scheme="https" if first.tls else "http",
        public_port=listeners[0].port,
        access_log=around.access_log,
    )
    return Assembly(made, places)


def url_of(gateway: Mapping[str, Any], hostname: str, path: str) -> str:
    """Where a host and path of a gateway are called, as the manifests say it."""
    listener = gateway["listeners"][0]
    scheme, usual = ("https", 443) if listener.get("tls") else ("http", 80)
    port = "" if listener["port"] == usual else f":{listener['port']}"
    return f"{scheme}://{hostname}{port}{path}"


def _route(
    obj: Object, gateway: Object, lookup: Lookup, around: Surroundings, places: dict[str, Place]
) -> model.Route | None:
    spec, metadata = ModelRouteSpec.model_validate(objects.spec(obj)), obj["metadata"]
    namespace = metadata["namespace"]
    wanted = Key("ModelGateway", spec.gateway_ref.namespace or namespace, spec.gateway_ref.name)
    own = gateway["metadata"]
    if (wanted.namespace, wanted.name) != (own["namespace"], own["name"]) or objects.deleting(obj):
        return None
    if not permitted(namespace, wanted, gateway):
        return None
    upstream = _upstream(spec, namespace, lookup, around, places)
    tenant = _tenant(spec, namespace, lookup)
    if upstream is None or (spec.tenant_ref and tenant is None):
        return None
    rate = spec.rate_limit
    limits = model.RouteLimits(
        rate=model.RateLimit(rate.requests, model.Per(rate.per), model.LimitBy(rate.by)) if rate else None,
        body_bytes=spec.max_request_bytes,
        concurrent_requests=_concurrent(gateway),
    )
    rules = tuple(
        model.Rule(
            rule.path,
            model.PathType(rule.path_type),
            tuple(rule.methods or ()),
            tuple(rule.require or ()),
            rewrite=upstream.path if spec.upstream.endpoint_ref else None,
        )
        for rule in spec.rules
    )
    return model.Route(
        f"{namespace}/{metadata['name']}",
        tuple(spec.hostnames),
        upstream.target,
        rules,
        tenant=tenant,
        audience=spec.audience,
        public=spec.public,
        limits=limits,
        timeout_seconds=_seconds(spec.timeout, 60.0),
        retries=spec.retries or 0,
    )


@dataclass(frozen=True, slots=True)
class _Behind:
    target: model.Upstream
    path: str | None = None


def _upstream(
    spec: ModelRouteSpec, namespace: str, lookup: Lookup, around: Surroundings, places: dict[str, Place]
) -> _Behind | None:
    if spec.upstream.url:
        name = None
        if ref := spec.upstream.credentials_secret_ref:
            name = f"{namespace}/{ref.name}/{ref.key}"
            places[name] = Place(Key("Secret", namespace, ref.name), (ref.key,))
        ca = around.upstream_ca_pem if spec.upstream.url.startswith("https:") else None
        return _Behind(model.Upstream(spec.upstream.url, ca_pem=ca, credential=name))
    assert spec.upstream.endpoint_ref is not None
    ref_ = spec.upstream.endpoint_ref
    endpoint = lookup(Key("AzureMLOnlineEndpoint", ref_.namespace or namespace, ref_.name))
    if endpoint is None or endpoint["metadata"]["namespace"] != namespace:
        return None
    uri, secret = objects.status(endpoint).get("scoringUri"), objects.spec(endpoint).get("credentialsSecret")
    if not uri or not secret:
        return None
    scheme, _, rest = uri.partition("://")
    host, _, path = rest.partition("/")
    name = f"{namespace}/{secret['name']}/{CREDENTIAL}"
    places[name] = Place(Key("Secret", namespace, secret["name"]), (CREDENTIAL,))
    return _Behind(model.Upstream(f"{scheme}://{host}", ca_pem=around.upstream_ca_pem, credential=name), f"/{path}")


def _tenant(spec: ModelRouteSpec, namespace: str, lookup: Lookup) -> model.Tenant | None:
    if spec.tenant_ref is None:
        return None
    key = Key("Auth0Tenant", spec.tenant_ref.namespace or namespace, spec.tenant_ref.name)
    tenant = lookup(key)
    if tenant is None or not permitted(namespace, key, tenant):
        return None
    status = objects.status(tenant)
    issuer = status.get("issuer") or f"https://{objects.spec(tenant)['domain']}/"
    jwks = json.loads(status["jwks"]) if status.get("jwks") else None
    return model.Tenant(f"{key.namespace}/{key.name}", issuer, jwks)


def _concurrent(gateway: Object) -> int:
    limits = objects.spec(gateway).get("limits") or {}
    return int(limits.get("maxRequestsPerUpstream") or model.RouteLimits().concurrent_requests)


def _seconds(duration: str | None, otherwise: float) -> float:
    return parse_duration(duration).total_seconds() if duration else otherwise


def _name(obj: Object) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
