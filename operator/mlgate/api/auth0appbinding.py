"""Auth0AppBinding: a workload's way in.

A composition: it owns an Auth0Client and one Auth0ClientGrant per entry of `grants`. The Secret is a service binding,
so that anything that speaks servicebinding.io can mount it (Provisioned Service: `status.binding.name`).
A replaced client secret ends at once, two public keys can be valid at the same time (shared facts, auth0 section 2.2).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .application_settings import Urls
from .auth0client import ROTATION_RULES, ClientMetadata, Overlap, RotateEvery, SecretTemplate
from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, Immutable, ListMap, ListSet, exactly_one
from .meta import Api, Column, KindType, ObjectName, Permission, columns
from .references import ApiRef, ObjectRef


class Application(Api):
    """What kind of application the workload is."""

    validations: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "self.type != 'MachineToMachine' || (!has(self.callbacks) && !has(self.allowedLogoutUrls)"
            " && !has(self.webOrigins))",
            "callbacks, allowedLogoutUrls and webOrigins are for applications that users log in to",
        ),
    )

    type: Literal["MachineToMachine", "RegularWeb", "SinglePage", "Native"]
    """`MachineToMachine`: calls for itself. The others: users log in to it."""
    name: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^<>]+$")] | None = None
    """Name shown to users. Unset: the object's name."""
    description: Annotated[str, Field(max_length=140)] | None = None
    """What the application is for."""
    metadata: ClientMetadata | None = None
    """Your own key-value pairs on the application, at most 8."""
    callbacks: Urls | None = None
    """Where a login may return to."""
    allowed_logout_urls: Urls | None = None
    """Where a logout may return to."""
    web_origins: Urls | None = None
    """Origins that may use silent authentication."""


class Grant(Api):
    """Permissions the workload gets."""

    validations: ClassVar[tuple[Cel, ...]] = (
        exactly_one("endpointRef", "apiRef", message="write either endpointRef or apiRef, not both"),
    )

    endpoint_ref: ObjectRef | None = None
    """The SecuredModelEndpoint whose permissions they are."""
    api_ref: ApiRef | None = None
    """The API whose permissions they are."""
    permissions: Annotated[list[Permission], Field(min_length=1, max_length=100), ListSet()]
    """Which."""


class BindingCredentials(Api):
    """How the workload proves who it is."""

    validations: ClassVar[tuple[Cel, ...]] = (
        *ROTATION_RULES,
        Cel(
            "!has(self.overlap) || self.method == 'PrivateKeyJWT'",
            "overlap needs method: PrivateKeyJWT, a replaced client secret ends at once",
        ),
        Cel(
            "!has(self.rotateEvery) || self.method == 'PrivateKeyJWT' || (has(self.acceptOutage) && self.acceptOutage)",
            "rotateEvery needs method: PrivateKeyJWT, or acceptOutage: true, for a replaced client secret ends at once",
        ),
    )

    method: Literal["ClientSecret", "PrivateKeyJWT"]
    """`PrivateKeyJWT`: signs with a private key that only the Secret holds; rotated without an outage.
    `ClientSecret`: sends a secret that Auth0 knows too."""
    rotate_every: RotateEvery | None = None
    """How often the credential is replaced, such as `720h`. Unset: never."""
    overlap: Overlap | None = None
    """How long the old key stays valid after a rotation, such as `24h`. Unset: 24 hours, or half of `rotateEvery` if
    that is shorter."""
    accept_outage: bool = False
    """True allows `rotateEvery` for a client secret too: at each rotation the workload is refused until it has read the
    Secret again."""


class Auth0AppBindingSpec(ManagedSpec):
    """A workload's way in."""

    omit: ClassVar[frozenset[str]] = frozenset({"import"})
    validations: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "!(self.application.type in ['SinglePage', 'Native']) || !has(self.credentials)",
            "applications of type SinglePage and Native can keep no secret: leave credentials out",
        ),
    )

    tenant_ref: Annotated[ObjectRef, Immutable("tenantRef cannot be changed: create another Auth0AppBinding")]
    """The Auth0Tenant that the application lives in."""
    application: Application
    """What kind of application the workload is."""
    grants: Annotated[list[Grant], Field(max_length=20)] | None = None
    """Permissions it gets for itself. Entries that mean one API (an endpoint, its Auth0API, its identifier) are one grant
    with all their permissions; the first of them names it."""
    credentials: BindingCredentials | None = None
    """How it proves who it is. Unset: `ClientSecret` where it can keep one, and nothing where it cannot."""
    secret: SecretTemplate
    """The Secret to mount."""


class BindingName(Api):
    """The Secret, as servicebinding.io wants it."""

    name: ObjectName
    """Name of the Secret."""


class BoundEndpoint(Api):
    """A URL that the workload was granted."""

    name: Annotated[str, Field(max_length=317)]
    """The SecuredModelEndpoint as namespace/name."""
    url: Annotated[str, Field(max_length=2048)] | None = None
    """Where it is called."""
    audience: Annotated[str, Field(max_length=600)] | None = None
    """What to ask a token for."""


class Auth0AppBindingStatus(ManagedStatus):
    """How the binding stands."""

    binding: BindingName | None = None
    """The Secret to mount (servicebinding.io Provisioned Service)."""
    client_id: Annotated[str, Field(max_length=64)] | None = None
    """The application's client id."""
    endpoints: Annotated[list[BoundEndpoint], Field(max_length=20), ListMap("name")] | None = None
    """Where the workload can call."""


AUTH0_APP_BINDING = KindType(
    kind="Auth0AppBinding",
    plural="auth0appbindings",
    short_names=("a0ab",),
    spec=Auth0AppBindingSpec,
    status=Auth0AppBindingStatus,
    description="A workload's way in: an application at Auth0, its grants, and a Secret ready to mount.",
    columns=columns(
        Column("Client-ID", ".status.clientId"),
        Column("Secret", ".status.binding.name"),
    ),
    conditions={
        "ClientReady": "The application stands at Auth0 and its credential is in the Secret.",
        "AccessReady": "Everything in `grants` is granted.",
    },
    labels={"servicebinding.io/provisioned-service": "true"},
)
