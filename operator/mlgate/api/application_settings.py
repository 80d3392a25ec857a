"""Settings of an application that are objects of their own, as Auth0Client says them.

Names and values as the recorded requests have them (shared facts, auth0 section 2.2; recordings TestAccClient*), in
camelCase.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from .markers import Cel, FreeForm, ListMap, ListSet, exactly_one
from .meta import Api

Seconds = Annotated[int, Field(ge=1, le=31557600)]
Url = Annotated[str, Field(min_length=1, max_length=2048, pattern=r"^[^\s]+$")]
Urls = Annotated[list[Url], Field(max_length=100), ListSet()]
Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=255)]], Field(max_length=100), ListSet()]
Addons = Annotated[dict[str, Any], FreeForm()]


class JwtConfiguration(Api):
    """ID tokens of the application."""

    alg: Literal["RS256", "RS512", "PS256", "HS256"] | None = None
    """How ID tokens are signed. New applications get RS256."""
    secret_encoded: bool | None = None
    """Whether the client secret is base64. Only for HS256, and false for applications of today."""
    lifetime_in_seconds: Annotated[int, Field(ge=1, le=2592000)] | None = None
    """Seconds an ID token is valid."""
    scopes: Annotated[dict[str, Annotated[str, Field(max_length=255)]], Field(max_length=100)] | None = None
    """Scopes of the legacy delegation."""


class RefreshTokenPolicy(Api):
    """What a refresh token may be exchanged for (multi-resource refresh tokens)."""

    audience: Annotated[str, Field(min_length=1, max_length=600)]
    """Identifier of the API."""
    scope: Annotated[list[Annotated[str, Field(min_length=1, max_length=280)]], Field(max_length=1000), ListSet()]
    """Permissions of that API."""


class RefreshToken(Api):
    """Refresh tokens of the application."""

    rotation_type: Literal["rotating", "non-rotating"] | None = None
    """Whether every use replaces the refresh token."""
    expiration_type: Literal["expiring", "non-expiring"] | None = None
    """Whether refresh tokens end at all."""
    leeway: Annotated[int, Field(ge=0, le=31557600)] | None = None
    """Seconds in which a replaced refresh token may be used again."""
    token_lifetime: Seconds | None = None
    """Seconds until a refresh token ends, used or not."""
    idle_token_lifetime: Seconds | None = None
    """Seconds until an unused refresh token ends."""
    infinite_token_lifetime: bool | None = None
    """True ignores `tokenLifetime`."""
    infinite_idle_token_lifetime: bool | None = None
    """True ignores `idleTokenLifetime`."""
    policies: Annotated[list[RefreshTokenPolicy], Field(max_length=100)] | None = None
    """Further APIs that a refresh token may be exchanged for."""


class LogoutInitiators(Api):
    """What ends sessions at the application too."""

    mode: Literal["all", "custom"]
    """`custom` takes `selectedInitiators`."""
    selected_initiators: Names | None = None
    """Such as `rp-logout`, `idp-logout`, `password-changed`, `session-expired`."""


class LogoutSessionMetadata(Api):
    """Whether logout tokens carry metadata of the session."""

    include: bool
    """True: they do."""


class OidcLogout(Api):
    """Back-channel logout."""

    backchannel_logout_urls: Annotated[list[Url], Field(max_length=1), ListSet()] | None = None
    """Where Auth0 sends logout tokens."""
    backchannel_logout_initiators: LogoutInitiators | None = None
    """What ends sessions at the application too."""
    backchannel_logout_session_metadata: LogoutSessionMetadata | None = None
    """Whether logout tokens carry metadata of the session."""


class AndroidApp(Api):
    """The Android app of this application."""

    app_package_name: Annotated[str, Field(max_length=255)] | None = None
    """Its package name."""
    sha256_cert_fingerprints: Names | None = None
    """SHA-256 fingerprints of its signing certificates."""


class IosApp(Api):
    """The iOS app of this application."""

    team_id: Annotated[str, Field(max_length=255)] | None = None
    """Apple's id of the team."""
    app_bundle_identifier: Annotated[str, Field(max_length=255)] | None = None
    """Its bundle identifier."""


class Mobile(Api):
    """The apps of a native application."""

    android: AndroidApp | None = None
    """The Android app."""
    ios: IosApp | None = None
    """The iOS app."""


class Switch(Api):
    """On or off."""

    enabled: bool
    """True: on."""


class NativeSocialLogin(Api):
    """Social logins without a browser, for native applications."""

    apple: Switch | None = None
    """Sign in with Apple."""
    facebook: Switch | None = None
    """Facebook login."""
    google: Switch | None = None
    """Google login."""


class Delegation(Api):
    """Sessions on behalf of another user."""

    allow_delegated_access: bool | None = None
    """Whether a session may be transferred on behalf of another user."""
    enforce_device_binding: Literal["none", "ip", "asn"] | None = None
    """What must stay the same between the two devices."""


class SessionTransfer(Api):
    """Native to web: carrying a session from an app into a browser."""

    can_create_session_transfer_token: bool | None = None
    """Whether the application may ask for session transfer tokens."""
    allowed_authentication_methods: (
        Annotated[list[Literal["cookie", "query"]], Field(max_length=2), ListSet()] | None
    ) = None
    """How the token may be handed over."""
    enforce_device_binding: Literal["none", "ip", "asn"] | None = None
    """What must stay the same between app and browser."""
    allow_refresh_token: bool | None = None
    """Whether such a session may get refresh tokens."""
    enforce_online_refresh_tokens: bool | None = None
    """Whether those refresh tokens end with the session."""
    enforce_cascade_revocation: bool | None = None
    """Whether revoking the parent's refresh token ends the session."""
    delegation: Delegation | None = None
    """Sessions on behalf of another user."""


class TokenCount(Api):
    """How many tokens may be issued."""

    validations: ClassVar[tuple[Cel, ...]] = (
        Cel("has(self.perHour) || has(self.perDay)", "a token quota needs perHour, perDay or both"),
    )

    enforce: bool | None = None
    """False only counts."""
    per_hour: Annotated[int, Field(ge=1)] | None = None
    """Tokens an hour."""
    per_day: Annotated[int, Field(ge=1)] | None = None
    """Tokens a day."""


class TokenQuota(Api):
    """How many machine-to-machine tokens may be issued."""

    client_credentials: TokenCount
    """By the client_credentials grant."""


class DefaultOrganization(Api):
    """The organization that is meant when a request names none."""

    organization_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^org_[A-Za-z0-9]+$")]
    """Its id at Auth0."""
    flows: Annotated[list[Literal["client_credentials"]], Field(min_length=1, max_length=1), ListSet()]
    """The flows this holds for."""


class TokenExchange(Api):
    """Custom token exchange."""

    allow_any_profile_of_type: Annotated[
        list[Literal["custom_authentication", "on_behalf_of_token_exchange"]], Field(max_length=2), ListSet()
    ]
    """Profiles the application may use."""


class Active(Api):
    """Whether something is in force."""

    active: bool
    """True: it is."""


class MyOrganization(Api):
    """What organizations may set up by themselves through this application."""

    connection_profile_id: Annotated[str, Field(max_length=64)] | None = None
    """The connection profile that their connections follow."""
    user_attribute_profile_id: Annotated[str, Field(max_length=64)] | None = None
    """The user attribute profile that their connections follow."""
    allowed_strategies: Names | None = None
    """Kinds of connection they may make, such as `okta`, `samlp`, `oidc`."""
    connection_deletion_behavior: Literal["allow", "allow_if_empty"] | None = None
    """Whether they may delete connections."""
    invitation_landing_client_id: Annotated[str, Field(max_length=64)] | None = None
    """The application that invited members land in."""


class Credential(Api):
    """A public key or certificate of the application: given here, or one that it has already."""

    validations: ClassVar[tuple[Cel, ...]] = (
        exactly_one("id", "pem", message="write either pem (with a name) or id, not both"),
        Cel("has(self.name) == has(self.pem)", "name goes with pem, and only with it"),
        Cel("!has(self.name) || !self.name.startsWith('mlgate')", "names that begin with mlgate are mlgate's own"),
    )

    id: Annotated[str, Field(min_length=6, max_length=64, pattern=r"^cred_[A-Za-z0-9]+$")] | None = None
    """Its id at Auth0, where somebody else put it there."""
    name: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Its name at Auth0."""
    pem: (
        Annotated[str, Field(max_length=16384, pattern=r"^\s*-----BEGIN (CERTIFICATE|PUBLIC KEY|RSA PUBLIC KEY)-----")]
        | None
    ) = None
    """The public key (RSA) or certificate, as PEM. mlgate registers it and takes it away when it is no longer written."""


Credentials = Annotated[list[Credential], Field(min_length=1, max_length=2)]
"""An application holds at most two (shared facts, auth0 section 2.2)."""


class SignedRequestObject(Api):
    """Authorization requests that the application signs (JAR)."""

    required: bool | None = None
    """Whether requests that are not signed are refused."""
    credentials: Credentials | None = None
    """The public keys of this application that its requests are signed with."""


class CertificateMethod(Api):
    """Certificates that the application signs in with."""

    credentials: Credentials
    """Which certificates of this application are accepted."""


class ClientAuthenticationMethods(Api):
    """Mutual TLS: the application proves itself by a client certificate."""

    validations: ClassVar[tuple[Cel, ...]] = (
        exactly_one(
            "tlsClientAuth",
            "selfSignedTlsClientAuth",
            message="write one of tlsClientAuth and selfSignedTlsClientAuth",
        ),
        Cel(
            "!has(self.tlsClientAuth) || self.tlsClientAuth.credentials.all(credential, has(credential.id))",
            "credentials of tlsClientAuth are subjects of certificates: name them by id",
        ),
    )

    tls_client_auth: CertificateMethod | None = None
    """By a certificate of an authority that Auth0 trusts; it accepts the subjects named by these credentials."""
    self_signed_tls_client_auth: CertificateMethod | None = None
    """By one of these certificates itself."""


class TokenVaultGrant(Api):
    """What may be taken from one connection's tokens."""

    connection: Annotated[str, Field(min_length=1, max_length=128)]
    """Name of the connection."""
    scopes: Annotated[list[Annotated[str, Field(min_length=1, max_length=280)]], Field(max_length=100), ListSet()]
    """Scopes at its provider."""


class TokenVaultPrivilegedAccess(Api):
    """Tokens of the token vault for the application itself."""

    credentials: Credentials | None = None
    """The public keys of this application that it asks with."""
    grants: Annotated[list[TokenVaultGrant], Field(max_length=100), ListMap("connection")] | None = None
    """What it may take."""
    ip_allowlist: (
        Annotated[list[Annotated[str, Field(min_length=2, max_length=64)]], Field(max_length=100), ListSet()] | None
    ) = None
    """Addresses and networks that it may ask from."""


class LinkedClient(Api):
    """An application that is set up along with this one."""

    client_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[-_a-zA-Z0-9]+$")]
    """Its client id."""


class ExpressConfiguration(Api):
    """Express configuration: organizations set up single sign-on of this application from the Okta Integration Network."""

    initiate_login_uri_template: Annotated[str, Field(max_length=2048)]
    """Where a login begins, with `{organization_name}` in it."""
    user_attribute_profile_id: Annotated[str, Field(max_length=64)]
    """The user attribute profile."""
    connection_profile_id: Annotated[str, Field(max_length=64)]
    """The connection profile."""
    enable_client: bool
    """Whether the application is switched on for connections made so."""
    enable_organization: bool
    """Whether organizations are."""
    okta_oin_client_id: Annotated[str, Field(max_length=64)]
    """The application that stands for the Okta Integration Network."""
    admin_login_domain: Annotated[str, Field(max_length=255)]
    """Domain that administrators sign in at."""
    oin_submission_id: Annotated[str, Field(max_length=255)] | None = None
    """Id of the submission to the Okta Integration Network."""
    linked_clients: Annotated[list[LinkedClient], Field(max_length=10)] | None = None
    """Applications that are set up along with this one."""
