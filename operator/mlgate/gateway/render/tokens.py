"""Whose tokens are good: one JWT provider per tenant, keys pushed, one requirement per tenant named by the routes.

The filter's configuration travels by extension discovery (ECDS): a listener change would not reach open connections,
and a key set fetched by Envoy itself would leave revoked keys alive in the token cache (traps 2 and 3). With pushed
keys the cache is safe: a revoked key was refused on an open connection within milliseconds.

A provider has no audiences: Envoy's own audience check ignores scheme and trailing slash (trap 6), and routes differ in
theirs, so :mod:`mlgate.gateway.render.access` compares it exactly, per route.
"""

from __future__ import annotations

import json

from mlgate.gateway.jwks import signing_keys
from mlgate.gateway.model import Gateway, GatewayLimits, Route, Tenant
from mlgate.gateway.render.hygiene import CLAIM_HEADERS
from mlgate.gateway.render.types import JWT_FILTER, Json, any_of, duration

_LARGEST_CACHED_TOKEN = 8192  # bytes


def can_verify(route: Route) -> bool:
    """Whether the keys of the route's tenant are known; until then its routes answer 503 and nothing else."""
    return route.tenant is not None and bool(signing_keys(route.tenant.jwks))


def jwt_extension(gateway: Gateway) -> Json:
    """The ECDS resource with every tenant whose keys are known."""
    tenants = {route.tenant.name: route.tenant for route in gateway.routes if route.tenant and can_verify(route)}
    known = sorted(tenants)
    return {
        "name": JWT_FILTER,
        "typed_config": any_of(
            "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            providers={name: _provider(tenants[name], gateway.limits) for name in known},
            requirement_map={name: {"provider_name": name} for name in known},
            # The reasons of a failure are read by the local replies; CORS preflights get no exception.
            strip_failure_response=False,
            bypass_cors_preflight=False,
        ),
    }


def required(tenant: Tenant) -> Json:
    """Per-route configuration: a token of this tenant. A name that the filter does not know is refused by Envoy."""
    return any_of("envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig", requirement_name=tenant.name)


def not_required() -> Json:
    return any_of("envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig", disabled=True)


def _provider(tenant: Tenant, limits: GatewayLimits) -> Json:
    keys = json.dumps({"keys": signing_keys(tenant.jwks)}, separators=(",", ":"), sort_keys=True)
    provider: Json = {
        "issuer": tenant.issuer,
        "forward": False,
        "from_headers": [
            {"name": "Authorization", "value_prefix": "Bearer "},
            {"name": "Authorization", "value_prefix": "bearer "},
        ],
        "require_expiration": True,
        "clock_skew_seconds": limits.clock_skew_seconds,
        "payload_in_metadata": "jwt",
        "failed_status_in_metadata": "jwt_fail",
        "normalize_payload_in_metadata": {"space_delimited_claims": ["scope"]},
        "claim_to_headers": [
            {"header_name": header, "claim_name": claim} for header, claim in sorted(CLAIM_HEADERS.items())
        ],
        "local_jwks": {"inline_string": keys},
    }
    if limits.token_cache:
        provider["jwt_cache_config"] = {
            "jwt_cache_size": limits.token_cache,
            "jwt_max_token_size": _LARGEST_CACHED_TOKEN,
        }
    if limits.token_lifetime_seconds:
        provider["max_lifetime"] = duration(limits.token_lifetime_seconds)
    return provider
