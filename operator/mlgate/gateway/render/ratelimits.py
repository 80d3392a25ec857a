"""How often one caller may call.

One filter configuration for the whole gateway, by extension discovery: a limit kept per Envoy route would be counted
per path instead of per route, and would start anew whenever any route changes. Routes only say what to count
(`RouteAction.rate_limits`). Limits are per proxy (shared facts, gateway 6).
"""

from __future__ import annotations

from mlgate.gateway.model import Gateway, LimitBy, Route
from mlgate.gateway.render.types import JWT_FILTER, RATE_FILTER, Json, any_of, duration, extension

_LOCAL_LIMIT = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_ALWAYS: Json = {"default_value": {"numerator": 100}}
_REMEMBERED_CALLERS = 20_000
_UNBOUNDED = {"max_tokens": 1_000_000_000, "tokens_per_fill": 1_000_000_000, "fill_interval": "1s"}
_COUNTED_CLAIM = {LimitBy.CLIENT: "azp", LimitBy.SUBJECT: "sub"}


def rate_extension(gateway: Gateway) -> Json:
    """The ECDS resource with the limits of every route."""
    return {
        "name": RATE_FILTER,
        "typed_config": any_of(
            _LOCAL_LIMIT,
            stat_prefix="callers",
            token_bucket=_UNBOUNDED,  # required; the descriptors below are what limits
            max_dynamic_descriptors=_REMEMBERED_CALLERS,
            filter_enabled=_ALWAYS,
            filter_enforced=_ALWAYS,
            enable_retry_after_header=True,
            descriptors=[bucket for route in gateway.routes if (bucket := _bucket(route)) is not None],
        ),
    }


def counted(route: Route) -> list[Json] | None:
    """What the requests of this route are counted by; None without a limit."""
    if route.limits.rate is None:
        return None
    actions: list[Json] = [_literal("route", route.name)]
    match route.limits.rate.by:
        case LimitBy.CLIENT | LimitBy.SUBJECT as by:
            claim = {"key": JWT_FILTER, "path": [{"key": "jwt"}, {"key": _COUNTED_CLAIM[by]}]}
            # Without the claim callers share one bucket: an absent claim must not mean no limit.
            counted_by = {"descriptor_key": "caller", "default_value": "-", "source": "DYNAMIC", "metadata_key": claim}
            actions.append({"metadata": counted_by})
        case LimitBy.ADDRESS:
            actions.append({"remote_address": {}})
        case LimitBy.ROUTE:
            pass
    return [{"actions": actions}]


def overall_filter(requests_per_second: int) -> Json:
    """Before any cryptography: refusing a forged token costs Envoy up to half a millisecond."""
    bucket = {
        "max_tokens": requests_per_second,
        "tokens_per_fill": requests_per_second,
        "fill_interval": "1s",
    }
    return extension(
        "mlgate.overall_rate",
        _LOCAL_LIMIT,
        stat_prefix="overall",
        token_bucket=bucket,
        filter_enabled=_ALWAYS,
        filter_enforced=_ALWAYS,
    )


def _bucket(route: Route) -> Json | None:
    rate = route.limits.rate
    if rate is None:
        return None
    entries: list[Json] = [{"key": "route", "value": route.name}]
    if rate.by is LimitBy.ADDRESS:
        entries.append({"key": "remote_address"})
    elif rate.by is not LimitBy.ROUTE:
        entries.append({"key": "caller"})
    interval = duration(rate.per.seconds)
    bucket = {"max_tokens": rate.requests, "tokens_per_fill": rate.requests, "fill_interval": interval}
    return {"entries": entries, "token_bucket": bucket}


def _literal(key: str, value: str) -> Json:
    return {"generic_key": {"descriptor_key": key, "descriptor_value": value}}
