"""Who may pass a route: exact audience, then permissions; everything that no route allows is denied.

Both filters deny by default where the listener configures them (an ALLOW action without policies), so a route that
forgets to say who may pass lets nobody pass. The audience filter denies by a *named* policy: its name comes back in
Envoy's response details, so that a wrong audience is answered 401 invalid_token and a missing permission 403
insufficient_scope (:mod:`mlgate.gateway.render.replies`).

Superstring, prefix, case, nested array, object, joined string and escaped-quote variants of a permission were all
refused by this matcher (shared facts, gateway 1).
"""

from __future__ import annotations

from mlgate.gateway.model import PermissionSource, Rule
from mlgate.gateway.render.types import AUDIENCE_FILTER, JWT_FILTER, PERMISSION_FILTER, Json, any_of, extension

WRONG_AUDIENCE = "wrong_audience"
_PER_ROUTE = "envoy.extensions.filters.http.rbac.v3.RBACPerRoute"
_CLAIMS = {
    PermissionSource.PERMISSIONS: ("permissions",),
    PermissionSource.SCOPE: ("scope",),
    PermissionSource.EITHER: ("permissions", "scope"),
}


def audience_filter() -> Json:
    return _deny_by_default(AUDIENCE_FILTER, "audience.")


def permission_filter() -> Json:
    return _deny_by_default(PERMISSION_FILTER, None)


def audience_only(audience: str, issuer: str) -> Json:
    """Lets only tokens pass that were made for exactly this audience by exactly this issuer. A token without the claim,
    or a request without a token, fails the inner match and is denied."""
    made_for_us = _any_of([_claim("aud", _exact(audience)), _claim("aud", _one_of(audience))])
    good = {"and_ids": {"ids": [made_for_us, _claim("iss", _exact(issuer))]}}
    rules = {
        "action": "DENY",
        "policies": {WRONG_AUDIENCE: {"permissions": [{"any": True}], "principals": [{"not_id": good}]}},
    }
    return any_of(_PER_ROUTE, rbac={"rules": rules})


def permissions_only(rule: Rule, issuer: str, source: PermissionSource) -> Json:
    """Lets only tokens pass that carry every permission of the rule; a rule without permissions takes any token."""
    needed = [_any_of([_claim(claim, _one_of(name)) for claim in _CLAIMS[source]]) for name in rule.require]
    principal = {"and_ids": {"ids": [_claim("iss", _exact(issuer)), *needed]}}
    policy = {"permissions": [{"any": True}], "principals": [principal]}
    return any_of(_PER_ROUTE, rbac={"rules": {"action": "ALLOW", "policies": {"permitted": policy}}})


def open_to_all() -> Json:
    """Per-route configuration that switches one of these filters off."""
    return any_of(_PER_ROUTE)


def _deny_by_default(name: str, stat_prefix: str | None) -> Json:
    nobody = {"action": "ALLOW", "policies": {}}
    return extension(name, "envoy.extensions.filters.http.rbac.v3.RBAC", rules=nobody, rules_stat_prefix=stat_prefix)


def _claim(name: str, value: Json) -> Json:
    path = [{"key": "jwt"}, {"key": name}]
    return {"sourced_metadata": {"metadata_matcher": {"filter": JWT_FILTER, "path": path, "value": value}}}


def _exact(text: str) -> Json:
    return {"string_match": {"exact": text}}


def _one_of(text: str) -> Json:
    return {"list_match": {"one_of": _exact(text)}}


def _any_of(ids: list[Json]) -> Json:
    return ids[0] if len(ids) == 1 else {"or_ids": {"ids": ids}}
