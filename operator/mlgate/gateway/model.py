"""The neutral model of a gateway: what is to be true at its door, in no proxy's words.

Frozen data only. Names are ``namespace/name`` of whatever the caller made a thing from; they come back in rejections
and in the proxy's state, so that the caller can find its object again. Every secret value is `Sensitive`: redaction by
type, not by hope.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mlgate.sensitive import Sensitive

Jwks = Mapping[str, Any]
"""A JSON Web Key Set as the tenant publishes it (RFC 7517)."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What the gateway presents to an upstream; ``name`` is what :attr:`Upstream.credential` refers to."""

    name: str
    value: Sensitive


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server certificate (PEM chain, leaf first) with its key; ``name`` is what :attr:`Listener.certificate` refers
    to."""

    name: str
    chain_pem: str
    private_key: Sensitive


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who signs the tokens. ``name`` is its identity: two tenants may claim one issuer, and each route trusts only the
    keys of the tenant it names, so nobody can make another's route accept keys of his own.

    ``jwks`` is None until it was fetched and checked; the routes of such a tenant answer 503.
    """

    name: str
    issuer: str
    jwks: Jwks | None = field(default=None, hash=False)


class PathType(StrEnum):
    EXACT = "Exact"
    PREFIX = "Prefix"


class PermissionSource(StrEnum):
    """Where a token says what it may do. Without RBAC on the API any client may ask for any scope, so `scope` is
    opt-in."""

    PERMISSIONS = "Permissions"
    SCOPE = "Scope"
    EITHER = "Either"


class LimitBy(StrEnum):
    CLIENT = "Client"  # the application: claim azp
    SUBJECT = "Subject"  # the user or application: claim sub
    ADDRESS = "Address"  # the caller's IP address
    ROUTE = "Route"  # all callers of the route together


class Per(StrEnum):
    SECOND = "Second"
    MINUTE = "Minute"
    HOUR = "Hour"
    DAY = "Day"

    @property
    def seconds(self) -> int:
        return {"Second": 1, "Minute": 60, "Hour": 3600, "Day": 86400}[self.value]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """``requests`` per unit of time and caller, counted by each proxy on its own."""

    requests: int
    per: Per = Per.MINUTE
    by: LimitBy = LimitBy.CLIENT


@dataclass(frozen=True, slots=True)
class RouteLimits:
    """None means the gateway's own limit. ``concurrent_requests`` is what one proxy sends upstream at a time."""

    rate: RateLimit | None = None
    body_bytes: int | None = None
    concurrent_requests: int = 1024


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where accepted requests go: ``url`` is scheme://host[:port][/base/path].

    ``ca_pem`` replaces the system's certificate authorities; ``tls_name`` is the SNI and the name the certificate must
    carry (default: the host of the URL). ``credential`` names the secret that is presented in ``credential_header``.
    """

    url: str
    ca_pem: str | None = None
    tls_name: str | None = None
    credential: str | None = None
    credential_header: str = "Authorization"
    credential_prefix: str = "Bearer "


@dataclass(frozen=True, slots=True)
class Rule:
    """One path of a route. A caller needs every permission of ``require``; none means that any token of the tenant for
    the route's audience is enough. ``rewrite`` replaces the matched path upstream; without it the path is appended to
    the upstream's base path. Empty ``methods`` means GET, HEAD, POST, PUT, PATCH and DELETE."""

    path: str = "/"
    path_type: PathType = PathType.PREFIX
    methods: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    rewrite: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """``timeout_seconds`` is the time until a response starts; a response that has started (server-sent events) is only
    bounded by silence and by the gateway's ``stream_seconds``. ``retries`` are for requests the upstream did not
    process."""

    name: str
    hostnames: tuple[str, ...]
    upstream: Upstream
    rules: tuple[Rule, ...]
    tenant: Tenant | None = None
    audience: str | None = None
    permission_source: PermissionSource = PermissionSource.PERMISSIONS
    public: bool = False
    realm: str | None = None
    limits: RouteLimits = RouteLimits()
    timeout_seconds: float = 60.0
    retries: int = 2


@dataclass(frozen=True, slots=True)
class Listener:
    """``port`` 0 lets the system choose. With ``certificate`` the listener speaks TLS (HTTP/2 and HTTP/1.1)."""

    name: str = "http"
    port: int = 8080
    address: str = "0.0.0.0"  # noqa: S104 - a gateway is there to be reached
    certificate: str | None = None


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """Limits of every request: they live in the listener, so changing one drains connections (shared facts, gateway
    1)."""

    body_bytes: int = 10 * 1024 * 1024
    header_kib: int = 24
    request_seconds: float = 60.0
    idle_seconds: float = 300.0
    stream_seconds: float = 3600.0
    requests_per_second: int | None = None
    token_cache: int = 5000
    token_lifetime_seconds: int | None = None
    clock_skew_seconds: int = 30


@dataclass(frozen=True, slots=True)
class Gateway:
    """``public_scheme`` and ``public_port`` are how callers see the gateway (behind a load balancer they differ from
    the listener); they only appear in the protected-resource metadata. ``trusted_hops`` counts proxies in front."""

    name: str
    listeners: tuple[Listener, ...] = (Listener(),)
    routes: tuple[Route, ...] = ()
    limits: GatewayLimits = GatewayLimits()
    public_scheme: str = "https"
    public_port: int | None = None
    trusted_hops: int = 0
    access_log: str | None = "/dev/stdout"
    system_ca: str = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something that was left out, and why. ``route`` is None when it concerns the gateway itself."""

    route: str | None
    message: str
