"""ModelRoute: from a host and path at a gateway to a model, for those who were granted it.

A request that no rule matches is refused. `require` lists permissions that the caller's token must carry, all of them;
a rule may leave it empty only where the route says `public: true`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, ListSet, Within, exactly_one
from .meta import Api, Audience, Column, Duration, HostOrWildcard, KindType, Permission, columns
from .modelgateway import MaxBytes
from .references import ObjectRef, SecretKeyRef

Path = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^/[^\s?#]*$")]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
Methods = Annotated[list[Method], Field(min_length=1, max_length=7), ListSet()]
Timeout = Annotated[Duration, Within("100ms", "10m")]
Retries = Annotated[int, Field(ge=0, le=5)]


class Upstream(Api):
    """Who answers."""

    validations: ClassVar[tuple[Cel, ...]] = (
        exactly_one("endpointRef", "url", message="write either endpointRef or url, not both"),
        Cel("!has(self.credentialsSecretRef) || has(self.url)", "credentialsSecretRef goes with url only"),
        Cel(
            "!has(self.credentialsSecretRef) || !has(self.url) || self.url.startsWith('https://')",
            "a credential is only sent to an https url",
        ),
    )

    endpoint_ref: ObjectRef | None = None
    """An AzureMLOnlineEndpoint; the gateway presents its credential."""
    url: Annotated[str, Field(min_length=1, max_length=2048, pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")] | None = (
        None
    )
    """Any HTTP model server. A path in it is put before the request's."""
    credentials_secret_ref: SecretKeyRef | None = None
    """Where the bearer token for `url` is. Unset: none is sent."""


class RateLimit(Api):
    """How many requests are let through; more get 429."""

    requests: Annotated[int, Field(ge=1, le=10000000)]
    """How many."""
    per: Literal["Second", "Minute", "Hour"]
    """In what time."""
    by: Literal["Client", "Subject", "Address", "Route"] = "Client"
    """Who has a budget of its own: each `Client` (application of the token), each `Subject` (user or application), each
    source `Address`, or all callers of the `Route` together."""


class RouteRule(Api):
    """Which requests, and what they need."""

    path: Path
    """The path."""
    path_type: Literal["Exact", "Prefix"] = "Exact"
    """`Prefix` also matches what is below the path, by whole segments."""
    methods: Methods | None = None
    """The methods. Unset: any."""
    require: Annotated[list[Permission], Field(max_length=16), ListSet()] | None = None
    """Permissions that the caller's token must carry, all of them. Empty only with `public: true`."""


class ModelRouteSpec(ManagedSpec):
    """Desired state of a route."""

    omit: ClassVar[frozenset[str]] = frozenset({"import", "managementPolicy", "deletionPolicy", "driftPolicy"})
    validations: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "(has(self.public) && self.public) || self.rules.all(rule, has(rule.require) && size(rule.require) > 0)",
            "every rule needs require, only a route with public: true may leave it empty",
        ),
        Cel(
            "(has(self.tenantRef) && has(self.audience))"
            " || self.rules.all(rule, !has(rule.require) || size(rule.require) == 0)",
            "a rule with require needs tenantRef and audience, which say whose tokens count",
        ),
        Cel("has(self.tenantRef) == has(self.audience)", "tenantRef and audience go together"),
    )

    gateway_ref: ObjectRef
    """The ModelGateway to attach to."""
    hostnames: Annotated[list[HostOrWildcard], Field(min_length=1, max_length=16), ListSet()]
    """Host names it answers to."""
    upstream: Upstream
    """Who answers."""
    tenant_ref: ObjectRef | None = None
    """The Auth0Tenant whose tokens count."""
    audience: Audience | None = None
    """The audience that tokens must be for."""
    rules: Annotated[list[RouteRule], Field(min_length=1, max_length=64)]
    """Which requests are let through, and what they need. The first that matches decides; what none matches is
    refused."""
    rate_limit: RateLimit | None = None
    """How many requests are let through. Unset: as many as the gateway takes."""
    timeout: Timeout | None = None
    """How long an answer may take. Unset: the gateway's limit."""
    retries: Retries | None = None
    """How often a request that the upstream did not accept is tried again. Unset: not at all."""
    max_request_bytes: MaxBytes | None = None
    """Largest request body, in bytes. Unset: the gateway's limit."""
    public: bool = False
    """True lets rules leave `require` empty: anyone may call them."""


class ModelRouteStatus(ManagedStatus):
    """How the route stands."""

    url: Annotated[str, Field(max_length=2048)] | None = None
    """Where it can be called."""
    rejected: Annotated[str, Field(max_length=8192)] | None = None
    """What the proxies said about it, if they refused it."""


MODEL_ROUTE = KindType(
    kind="ModelRoute",
    plural="modelroutes",
    short_names=("mroute",),
    spec=ModelRouteSpec,
    status=ModelRouteStatus,
    description="A route at a ModelGateway: from a host and path to a model, for callers with the right permissions.",
    columns=columns(
        Column("URL", ".status.url"),
        Column("Gateway", ".spec.gatewayRef.name", priority=1),
    ),
)
