"""Hosts and paths: one virtual host per hostname, one Envoy route per rule, everything else refused.

Within a host the most specific path wins (exact before prefix, long before short); a path that is known but does not
take the method answers 405. All hosts are in ONE route configuration, because a listener without scoped routes can name
only one; virtual hosts are found by hash, so hosts do not slow each other down (linear within a host).
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from mlgate.gateway.model import Gateway, PathType, Route, Rule
from mlgate.gateway.render.access import audience_only, permissions_only
from mlgate.gateway.render.answers import (
    Document,
    fixed,
    guards,
    metadata_document,
    method_not_allowed,
    not_found,
    unauthenticated,
)
from mlgate.gateway.render.bodies import route_body_limit
from mlgate.gateway.render.hygiene import request_headers_to_remove
from mlgate.gateway.render.ratelimits import counted
from mlgate.gateway.render.tokens import can_verify, required
from mlgate.gateway.render.types import (
    AUDIENCE_FILTER,
    BUFFER_FILTER,
    JWT_FILTER,
    PERMISSION_FILTER,
    ROUTE_CONFIG,
    ROUTE_METADATA,
    Json,
    duration,
    set_header,
)
from mlgate.gateway.urls import origin
from mlgate.gateway.validate import METADATA_PATH, METHODS, canonical_path

_LARGEST_ANSWER = 65_536  # bytes of a metadata document; Envoy's default of 4096 is some 60 permissions
_SILENCE_AFTER_TIMEOUT = 15.0  # seconds by which the idle limit exceeds the time until a response starts


@dataclass(frozen=True, slots=True)
class _Entry:
    """One rule with where it came from."""

    route: Route
    index: int
    rule: Rule

    @property
    def name(self) -> str:
        return f"{self.route.name}#{self.index}"

    @property
    def precedence(self) -> tuple[bool, int, str]:
        path = canonical_path(self.rule)
        return self.rule.path_type is PathType.PREFIX, -len(path), path


def route_configuration(gateway: Gateway) -> Json:
    hosts: defaultdict[str, list[Route]] = defaultdict(list)
    for route in gateway.routes:
        for hostname in route.hostnames:
            hosts[hostname.lower()].append(route)
    hosts.setdefault("*", [])
    return {
        "name": ROUTE_CONFIG,
        "virtual_hosts": [_virtual_host(gateway, hostname, hosts[hostname]) for hostname in sorted(hosts)],
        "request_headers_to_remove": request_headers_to_remove(),
        # A route may arrive before its cluster; it answers 503 until then instead of refusing all routes.
        "validate_clusters": False,
        "max_direct_response_body_size_bytes": _LARGEST_ANSWER,
    }


def _virtual_host(gateway: Gateway, hostname: str, routes: list[Route]) -> Json:
    if not routes:
        return {"name": hostname, "domains": [hostname], "routes": [not_found()]}
    entries = sorted(
        (_Entry(route, index, rule) for route in routes for index, rule in enumerate(route.rules)),
        key=lambda entry: entry.precedence,
    )
    protected = [route for route in routes if not route.public]
    shared = len({(route.tenant and route.tenant.issuer, route.audience) for route in protected}) <= 1
    host_challenge = _challenge(gateway, hostname, protected[0], "") if protected and shared else f'realm="{hostname}"'
    return {
        "name": hostname,
        "domains": [hostname],
        "routes": [
            *guards(host_challenge),
            *(metadata_document(document) for document in _documents(protected, shared=shared)),
            *_rules(gateway, hostname, entries, shared=shared),
            not_found(),
        ],
    }


def _documents(protected: list[Route], *, shared: bool) -> list[Document]:
    """One document for the host when all its routes have one audience, else one per path. Sorted by path."""
    if not protected:
        return []
    scopes: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    found: dict[str, tuple[str, str]] = {}
    for route in protected:
        assert route.tenant is not None and route.audience is not None
        key = (route.audience, route.tenant.issuer)
        scopes[key].update(permission for rule in route.rules for permission in rule.require)
        if shared:
            found[METADATA_PATH] = key
        found.update((_document_path(rule), key) for rule in route.rules)
    return [Document(path, *found[path], tuple(sorted(scopes[found[path]]))) for path in sorted(found)]


def _document_path(rule: Rule) -> str:
    return METADATA_PATH + canonical_path(rule).rstrip("/")


def _challenge(gateway: Gateway, hostname: str, route: Route, path: str) -> str:
    port = f":{gateway.public_port}" if gateway.public_port else ""
    realm = f'realm="{route.realm or route.audience}"'
    if hostname.startswith("*"):  # the caller's host is not known here, so no URL can be given
        return realm
    return f'{realm}, resource_metadata="{gateway.public_scheme}://{hostname}{port}{METADATA_PATH}{path}"'


def _rules(gateway: Gateway, hostname: str, entries: list[_Entry], *, shared: bool) -> list[Json]:
    rendered: list[Json] = []
    for position, entry in enumerate(entries):
        path = "" if shared else canonical_path(entry.rule).rstrip("/")
        rendered.append(_rule(gateway, hostname, entry, path))
        last = position + 1 == len(entries) or entries[position + 1].precedence != entry.precedence
        if last:
            alike = [each.rule for each in entries if each.precedence == entry.precedence]
            allowed = {method for rule in alike for method in rule.methods or METHODS}
            if allowed != set(METHODS):
                in_order = tuple(method for method in METHODS if method in allowed)
                rendered.append(method_not_allowed(f"{entry.name}#method", _path_match(entry.rule), in_order))
    return rendered


def _rule(gateway: Gateway, hostname: str, entry: _Entry, document_path: str) -> Json:
    route, rule = entry.route, entry.rule
    match = _path_match(rule)
    if rule.methods:
        methods = "|".join(sorted(rule.methods))
        match["headers"] = [{"name": ":method", "string_match": {"safe_regex": {"regex": methods}}}]
    if route.public:
        filters, metadata = unauthenticated(), {}
    elif not can_verify(route):
        retry = set_header("retry-after", "5")
        detail = "the tenant's signing keys are not known yet"
        return fixed(entry.name, match, 503, detail, (retry,))
    else:
        filters, metadata = _protection(route, rule), _metadata(gateway, hostname, entry, document_path)
    if route.limits.body_bytes is not None:
        filters[BUFFER_FILTER] = route_body_limit(gateway, route.limits.body_bytes)
    return {
        "name": entry.name,
        "match": match,
        **({"metadata": {"filter_metadata": {ROUTE_METADATA: metadata}}} if metadata else {}),
        "typed_per_filter_config": filters,
        "route": _action(gateway, route, rule),
    }


def _protection(route: Route, rule: Rule) -> Json:
    assert route.tenant is not None and route.audience is not None
    issuer = route.tenant.issuer
    return {
        JWT_FILTER: required(route.tenant),
        AUDIENCE_FILTER: audience_only(route.audience, issuer),
        PERMISSION_FILTER: permissions_only(rule, issuer, route.permission_source),
    }


def _metadata(gateway: Gateway, hostname: str, entry: _Entry, document_path: str) -> Json:
    """What the local replies say about this route."""
    challenge = _challenge(gateway, hostname, entry.route, document_path)
    scope = " ".join(entry.rule.require)
    return {"challenge": f'{challenge}, scope="{scope}"' if scope else challenge, "scope": scope or "-"}


def _path_match(rule: Rule) -> Json:
    path = canonical_path(rule)
    if rule.path_type is PathType.EXACT:
        return {"path": path}
    return {"prefix": "/"} if path == "/" else {"path_separated_prefix": path}


def _action(gateway: Gateway, route: Route, rule: Rule) -> Json:
    upstream = origin(route.upstream.url)
    action: Json = {
        "cluster": route.name,
        "host_rewrite_literal": upstream.authority,
        # `timeout` would bound the whole response and cut event streams (trap 9). A try's timeout only counts until the
        # response starts; after that silence and the longest stream are what is bounded.
        "timeout": "0s",
        "idle_timeout": duration(max(gateway.limits.idle_seconds, route.timeout_seconds + _SILENCE_AFTER_TIMEOUT)),
        "max_stream_duration": {"max_stream_duration": duration(gateway.limits.stream_seconds)},
        "retry_policy": _retries(route),
        **_rewrite(rule, upstream.base_path),
    }
    limits = counted(route)
    return action if limits is None else {**action, "rate_limits": limits}


def _retries(route: Route) -> Json:
    """Only what the upstream did not process: a POST that may have been answered is never repeated. A 401 was not
    processed either, and the next try may find a credential that was renewed a moment ago."""
    return {
        "retry_on": "connect-failure,refused-stream,reset-before-request,retriable-status-codes",
        "retriable_status_codes": [401],
        "num_retries": route.retries,
        "per_try_timeout": duration(route.timeout_seconds),
        "retry_back_off": {"base_interval": "0.05s", "max_interval": "0.5s"},
    }


def _rewrite(rule: Rule, base_path: str) -> Json:
    matched = canonical_path(rule)
    target = rule.rewrite if rule.rewrite is not None else base_path + matched
    if rule.path_type is PathType.PREFIX:
        target = target.rstrip("/") or "/"
    if target == matched:
        return {}
    if rule.path_type is PathType.EXACT:
        return {"prefix_rewrite": target}
    if matched == "/":
        return {"prefix_rewrite": target + "/"}
    if target == "/":  # a plain prefix rewrite would leave `//rest`
        pattern = f"^{re.escape(matched)}/?"
        return {"regex_rewrite": {"pattern": {"regex": pattern}, "substitution": "/"}}
    return {"prefix_rewrite": target}
