"""ModelGateway: where models are called from outside.

`mode: Envoy` means Envoy proxies that get their configuration from mlgate (delta ADS). `GatewayAPI` is reserved for
clusters that run Gateway API already; it is not accepted yet.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, ListMap, ListSet, Within
from .meta import Api, Column, Duration, HostOrWildcard, KindType, columns
from .references import AllowedNamespaces, SecretRef

MaxBytes = Annotated[int, Field(ge=1, le=1073741824)]


class ListenerTls(Api):
    """TLS of a listener."""

    secret_ref: SecretRef
    """The Secret with `tls.crt` and `tls.key`."""


class Listener(Api):
    """A port that the gateway's proxies listen on."""

    validations: ClassVar[tuple[Cel, ...]] = (
        Cel("has(self.tls) == (self.protocol == 'HTTPS')", "tls goes with protocol: HTTPS, which needs it"),
    )

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    """Its name."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """Its TCP port."""
    protocol: Literal["HTTP", "HTTPS"]
    """Whether it speaks TLS."""
    tls: ListenerTls | None = None
    """Its certificate."""


class GatewayLimits(Api):
    """Bounds for every route, whatever the route says."""

    max_request_bytes: MaxBytes | None = None
    """Largest request body, in bytes."""
    timeout: Annotated[Duration, Within("100ms", "10m")] | None = None
    """Longest time an answer may take."""
    max_requests_per_upstream: Annotated[int, Field(ge=1, le=1000000)] | None = None
    """Requests that one proxy has under way to one upstream at the same time."""


class ModelGatewaySpec(ManagedSpec):
    """Desired state of a gateway."""

    omit: ClassVar[frozenset[str]] = frozenset({"import", "managementPolicy", "deletionPolicy", "driftPolicy"})

    mode: Literal["Envoy"] = "Envoy"
    """What serves it. `Envoy`: proxies that are configured by mlgate."""
    hostnames: Annotated[list[HostOrWildcard], Field(min_length=1, max_length=64), ListSet()] | None = None
    """Host names that routes may claim, `*.example.com` for all below. Unset: any."""
    listeners: Annotated[
        list[Listener],
        Field(min_length=1, max_length=16),
        ListMap("name"),
        Cel("self.all(a, self.exists_one(b, b.port == a.port))", "each listener needs a port of its own"),
    ]
    """The ports it listens on."""
    limits: GatewayLimits | None = None
    """Bounds for every route, whatever the route says."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may attach routes. Unset: only this namespace."""


class ModelGatewayStatus(ManagedStatus):
    """How the gateway stands."""

    proxies: Annotated[int, Field(ge=0)] | None = None
    """Connected proxies."""
    routes: Annotated[int, Field(ge=0)] | None = None
    """Attached routes."""
    rejected: Annotated[str, Field(max_length=8192)] | None = None
    """What the proxies said about a configuration that they refused; the one before keeps serving."""


MODEL_GATEWAY = KindType(
    kind="ModelGateway",
    plural="modelgateways",
    short_names=("mgw",),
    spec=ModelGatewaySpec,
    status=ModelGatewayStatus,
    description="The gateway that model routes are attached to.",
    columns=columns(
        Column("Mode", ".spec.mode"),
        Column("Proxies", ".status.proxies", type="integer"),
        Column("Routes", ".status.routes", type="integer"),
    ),
)
