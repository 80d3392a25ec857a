"""Auth0API: a resource server, its permissions and its role-based access control.

Wire contract: shared facts, auth0 section 2.2 (POST/PATCH /resource-servers): the identifier is the natural key and
immutable, `scopes` is replaced as a whole, token lifetimes are seconds up to 2592000. RBAC means `enforce_policies`
and a token dialect that carries the `permissions` claim (section 5).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, Immutable, ListMap, ListSet
from .meta import Api, Audience, Column, KindType, Permission, columns
from .references import AllowedNamespaces, ObjectRef


class ApiPermission(Api):
    """A permission (scope) of an API."""

    name: Permission
    """Its name, such as `predict:fraud`."""
    description: Annotated[str, Field(max_length=500)] | None = None
    """What it allows, shown to users who consent."""


class SubjectPolicy(Api):
    """Who gets tokens for the API."""

    policy: Annotated[str, Field(max_length=64, pattern=r"^(allow_all|require_client_grant|deny_all)$")]
    """`allow_all`, `require_client_grant` or `deny_all`."""


class SubjectTypeAuthorization(Api):
    """Who gets tokens for the API: users, and applications for themselves."""

    user: SubjectPolicy | None = None
    """Applications on behalf of users."""
    client: SubjectPolicy | None = None
    """Applications for themselves."""


class ProofOfPossession(Api):
    """Tokens that are bound to a key."""

    mechanism: Literal["mtls", "dpop"]
    """How."""
    required: bool
    """Whether a token must be bound."""
    required_for: Literal["public_clients", "all_clients"] | None = None
    """For whom. Auth0 means all when it is left out."""


class EncryptionKey(Api):
    """The public key that access tokens are encrypted with."""

    name: Annotated[str, Field(max_length=128)] | None = None
    """A name for it."""
    alg: Literal["RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512"]
    """How the content key is encrypted."""
    kid: Annotated[str, Field(max_length=128)] | None = None
    """Its id, for the header of tokens."""
    pem: Annotated[str, Field(max_length=16384, pattern=r"^\s*-----BEGIN (PUBLIC KEY|CERTIFICATE)-----")]
    """The public key in PEM. Auth0 never shows it again: a change is told by its thumbprint."""


class TokenEncryption(Api):
    """Encrypted access tokens (JWE)."""

    format: Literal["compact-nested-jwe"]
    """The form."""
    encryption_key: EncryptionKey
    """The key."""


class AuthorizationDetail(Api):
    """A kind of rich authorization request."""

    type: Annotated[str, Field(min_length=1, max_length=255)]
    """Its name."""


UnsettableOfApi = Literal["authorizationDetails", "consentPolicy", "proofOfPossession", "tokenEncryption"]


class Auth0APISpec(ManagedSpec):
    """Desired state of an Auth0 API (resource server)."""

    validations: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "!has(self.tokenLifetime) || !has(self.tokenLifetimeForWeb)"
            " || self.tokenLifetimeForWeb <= self.tokenLifetime",
            "tokenLifetimeForWeb must not be longer than tokenLifetime",
        ),
        Cel(
            "!has(self.tokenDialect) || !has(self.rbac) || !self.rbac"
            " || self.tokenDialect in ['access_token_authz', 'rfc9068_profile_authz']",
            "rbac needs a tokenDialect that ends in _authz, without it tokens carry no permissions",
        ),
        Cel(
            "!has(self.unset) || !self.unset.exists(name, "
            + " || ".join(f"(name == '{name}' && has(self.{name}))" for name in get_args(UnsettableOfApi))
            + ")",
            "a setting is either written or in unset, not both",
        ),
    )

    tenant_ref: Annotated[ObjectRef, Immutable("tenantRef cannot be changed: create another Auth0API")]
    """The Auth0Tenant that the API lives in."""
    identifier: Annotated[Audience, Immutable("identifier cannot be changed at Auth0: create another Auth0API")]
    """The API's identifier: the audience of its tokens. Unique in the tenant."""
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^<>]+$")] | None = None
    """Name shown to users. Unset: the object's name."""
    permissions: Annotated[list[ApiPermission], Field(max_length=1000), ListMap("name")] | None = None
    """All permissions of the API, at most 1000. Unset: left alone."""
    rbac: bool = True
    """Whether Auth0 gives a token only the permissions its holder was granted, and writes them into the token."""
    token_dialect: Literal["access_token", "access_token_authz", "rfc9068_profile", "rfc9068_profile_authz"] | None = (
        None
    )
    """The form of access tokens. Unset with `rbac`: `access_token_authz`."""
    signing_alg: Literal["RS256", "RS512", "PS256", "HS256"] | None = None
    """How access tokens are signed. Gateways cannot verify HS256. New APIs get RS256."""
    token_lifetime: Annotated[int, Field(ge=1, le=2592000)] | None = None
    """Seconds an access token is valid."""
    token_lifetime_for_web: Annotated[int, Field(ge=1, le=2592000)] | None = None
    """Seconds an access token is valid that a browser flow got."""
    allow_offline_access: bool | None = None
    """Whether refresh tokens may be issued for this API."""
    skip_consent_for_verifiable_first_party_clients: bool | None = None
    """Whether users of your own applications are spared the consent page."""
    subject_type_authorization: SubjectTypeAuthorization | None = None
    """Who gets tokens for the API: users, and applications for themselves."""
    proof_of_possession: ProofOfPossession | None = None
    """Tokens that are bound to a key."""
    authorization_details: Annotated[list[AuthorizationDetail], Field(max_length=100), ListMap("type")] | None = None
    """Kinds of rich authorization requests the API knows."""
    consent_policy: Literal["transactional-authorization-with-mfa"] | None = None
    """How users consent to a transaction."""
    token_encryption: TokenEncryption | None = None
    """Encrypted access tokens. Gateways cannot read them."""
    unset: Annotated[list[UnsettableOfApi], Field(max_length=8), ListSet()] | None = None
    """Settings to remove at Auth0. Leaving a setting out of the manifest only leaves it alone."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may refer to this API. Unset: only this namespace."""


class Auth0APIStatus(ManagedStatus):
    """How the API stands."""

    identifier: Audience | None = None
    """Its identifier (audience)."""
    permission_count: Annotated[int, Field(ge=0)] | None = None
    """How many permissions it has."""


AUTH0_API = KindType(
    kind="Auth0API",
    plural="auth0apis",
    short_names=("a0api",),
    spec=Auth0APISpec,
    status=Auth0APIStatus,
    description="An API (resource server) at Auth0: its audience, its permissions, its role-based access control.",
    columns=columns(Column("Identifier", ".spec.identifier")),
)
