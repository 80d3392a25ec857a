"""Which routes of a gateway can be rendered, and why the others cannot.

Pure and total: what is wrong comes back as data, so one bad route never takes the others along. A claim on a host and
path belongs to the first route by name; later claimants are left out whole, because half a route is a surprise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from mlgate.gateway.model import Gateway, LimitBy, PathType, Rejection, Route, Rule, Tenant
from mlgate.gateway.urls import origin

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
"""What a route may allow; TRACE and CONNECT never pass."""

METADATA_PATH = "/.well-known/oauth-protected-resource"
"""Where RFC 9728 puts a protected resource's metadata; the gateway answers there itself."""

_HOSTNAME = re.compile(
    r"(?=.{1,253}\Z)(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
)
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]{0,1023}")
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,280}")  # RFC 6749 section 3.3; 280 is Auth0's bound
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_PRINTABLE = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]{1,1024}")  # fits into a quoted-string without escapes
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


@dataclass(frozen=True, slots=True)
class Checked:
    """The gateway without what cannot be rendered, routes in order of name, and a reason for everything left out."""

    gateway: Gateway
    rejections: tuple[Rejection, ...]


def check(gateway: Gateway) -> Checked:
    """Separates the routes that can be rendered from those that cannot. Never raises for what a user wrote."""
    accepted: dict[str, Route] = {}
    rejections: list[Rejection] = []
    claims: dict[tuple[str, str, PathType], str] = {}
    tenants: dict[str, tuple[Tenant, str]] = {}
    for route in sorted(gateway.routes, key=lambda each: each.name):
        problem = next(_problems(route), None) or _conflict(route, accepted, claims, tenants)
        if problem:
            rejections.append(Rejection(route.name, problem))
            continue
        accepted[route.name] = route
        claims.update((claim, route.name) for claim in _claims(route))
        if route.tenant:
            tenants.setdefault(route.tenant.name, (route.tenant, route.name))
    return Checked(replace(gateway, routes=tuple(accepted.values())), tuple(rejections))


def _claims(route: Route) -> Iterator[tuple[str, str, PathType]]:
    for hostname in route.hostnames:
        for rule in route.rules:
            yield hostname.lower(), canonical_path(rule), rule.path_type


def canonical_path(rule: Rule) -> str:
    """A prefix matches whole path segments, so its trailing slash means nothing."""
    return rule.path.rstrip("/") or "/" if rule.path_type is PathType.PREFIX else rule.path


def _conflict(
    route: Route,
    accepted: Mapping[str, Route],
    claims: Mapping[tuple[str, str, PathType], str],
    tenants: Mapping[str, tuple[Tenant, str]],
) -> str | None:
    if route.name in accepted:
        return f"the name {route.name} is used by two routes of this gateway; rename one of them"
    for claim in _claims(route):
        if owner := claims.get(claim):
            return (
                f"{claim[0]}{claim[1]} ({claim[2]}) is already served by route {owner}, which comes first by name; "
                "choose another hostname or path"
            )
    if route.tenant and (known := tenants.get(route.tenant.name)) and known[0] != route.tenant:
        return f"tenant {route.tenant.name} differs from the one of the same name that route {known[1]} uses"
    return None


def _problems(route: Route) -> Iterator[str]:
    if not route.name or not _PRINTABLE.fullmatch(route.name) or "#" in route.name:
        yield "a route needs a name of printable characters without '#'"
    yield from _hostname_problems(route)
    yield from _access_problems(route)
    if not route.rules:
        yield "a route needs at least one rule; without one it would serve nothing"
    for rule in route.rules:
        yield from (f"rule {rule.path!r}: {problem}" for problem in _rule_problems(rule, public=route.public))
    yield from _unreachable(route.rules)
    yield from _upstream_problems(route)
    yield from _limit_problems(route)


def _hostname_problems(route: Route) -> Iterator[str]:
    if not route.hostnames:
        yield "a route needs at least one hostname"
    seen: set[str] = set()
    for hostname in route.hostnames:
        if hostname != "*" and not _HOSTNAME.fullmatch(hostname.lower()):
            yield f"{hostname!r} is not a DNS name (a leading '*.' is allowed, a port is not)"
        if hostname.lower() in seen:
            yield f"hostname {hostname} is listed twice"
        seen.add(hostname.lower())


def _access_problems(route: Route) -> Iterator[str]:
    if route.public:
        if any(rule.require for rule in route.rules):
            yield "a public route cannot require permissions: remove public or the permissions"
        return
    if route.tenant is None:
        yield "a route needs a tenant whose tokens it accepts, or public written out"
    elif not _PRINTABLE.fullmatch(route.tenant.name):
        yield "a tenant needs a name of printable characters"
    elif not _is_issuer(route.tenant.issuer):
        yield f"issuer {route.tenant.issuer!r} is not an absolute http(s) URL without query and fragment"
    if not route.audience:
        yield "a route needs the audience that tokens must be made for, or public written out"
    elif not _PRINTABLE.fullmatch(route.audience):
        yield "the audience must be printable characters without quotes and backslashes"
    if route.realm is not None and not _PRINTABLE.fullmatch(route.realm):
        yield "the realm must be printable characters without quotes and backslashes"


def _is_issuer(url: str) -> bool:
    parts = urlsplit(url)
    bare = not parts.query and not parts.fragment and "?" not in url and "#" not in url
    return parts.scheme in ("http", "https") and bool(parts.netloc) and bare and _PRINTABLE.fullmatch(url) is not None


def _rule_problems(rule: Rule, *, public: bool) -> Iterator[str]:
    yield from (f"the path {problem}" for problem in _path_problems(rule.path))
    if rule.path == METADATA_PATH or rule.path.startswith(METADATA_PATH + "/"):
        yield "this path is answered by the gateway itself (RFC 9728)"
    if rule.rewrite is not None:
        yield from (f"the rewrite {problem}" for problem in _path_problems(rule.rewrite))
    for method in rule.methods:
        if method not in METHODS:
            yield f"{method!r} is not one of {', '.join(METHODS)}"
    for permission in rule.require:
        if not _SCOPE_TOKEN.fullmatch(permission):
            yield f"permission {permission!r} has characters that RFC 6749 does not allow in a scope"


def _path_problems(path: str) -> Iterator[str]:
    if not _PATH.fullmatch(path):
        yield "must start with '/' and have only URL path characters, at most 1024"
    elif "//" in path or "/./" in f"{path}/" or "/../" in f"{path}/":
        yield "must not have empty, '.' or '..' segments: the gateway normalises requests, so it would never match"
    elif re.search(r"%(?:2[fF]|5[cC])", path):
        yield "must not have escaped slashes: the gateway refuses such requests"


def _unreachable(rules: tuple[Rule, ...]) -> Iterator[str]:
    taken: dict[tuple[str, PathType], set[str]] = {}
    for rule in rules:
        methods = set(rule.methods or METHODS)
        earlier = taken.setdefault((canonical_path(rule), rule.path_type), set())
        if both := methods & earlier:
            yield f"rule {rule.path!r}: an earlier rule of this route already answers {', '.join(sorted(both))} there"
        earlier |= methods


def _upstream_problems(route: Route) -> Iterator[str]:
    upstream = route.upstream
    try:
        found = origin(upstream.url)
    except ValueError as wrong:
        yield str(wrong)
        return
    if found.base_path:
        yield from (f"the upstream's base path {problem}" for problem in _path_problems(found.base_path))
    if upstream.ca_pem is not None and not _PEM.search(upstream.ca_pem):
        yield "the upstream's CA is not a PEM certificate"
    if upstream.tls_name is not None and not _HOSTNAME.fullmatch(upstream.tls_name.lower()):
        yield f"the upstream's TLS name {upstream.tls_name!r} is not a DNS name"
    if upstream.credential is not None and not _HEADER.fullmatch(upstream.credential_header):
        yield f"{upstream.credential_header!r} is not a header name"
    if upstream.credential_prefix and not _PRINTABLE.fullmatch(upstream.credential_prefix):
        yield "the credential's prefix must be printable characters without quotes and backslashes"


def _limit_problems(route: Route) -> Iterator[str]:
    limits = route.limits
    if limits.rate and not 1 <= limits.rate.requests <= 1_000_000:
        yield "the rate limit must be 1 to 1000000 requests"
    if limits.rate and route.public and limits.rate.by in (LimitBy.CLIENT, LimitBy.SUBJECT):
        yield f"a public route has no token to count by {limits.rate.by}: count by Address or Route"
    if limits.body_bytes is not None and limits.body_bytes < 1:
        yield "the body limit must be at least 1 byte"
    if not 1 <= limits.concurrent_requests <= 1_000_000:
        yield "the limit of concurrent requests must be 1 to 1000000"
    if not 0 < route.timeout_seconds <= 86_400:
        yield "the timeout must be more than 0 s and at most 86400 s"
    if not 0 <= route.retries <= 10:
        yield "retries must be 0 to 10"
