"""Auth0User: a user of a tenant.

A user is unique in a connection by email, username or phone number. The password is never read back: it is sent when the
user is made and whenever the Secret's value changes. Metadata is merged by its first level (shared facts, auth0 section
2.2; recordings TestAccUser, TestUserManager_Update). A profile over 10 KB is refused from 2027-03-04 on (section 5).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, FreeForm, Immutable, fixed
from .meta import Column, KindType, columns
from .references import AllowedNamespaces, ObjectRef, SecretKeyRef


class Auth0UserSpec(ManagedSpec):
    """Desired state of a user. What is left out is not managed."""

    validations: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "has(self.email) || has(self.username) || has(self.phoneNumber)",
            "write what the user is known by: email, username or phoneNumber",
        ),
        fixed("userId", "userId cannot be changed, added or removed: create another Auth0User"),
        Cel("!has(self.emailVerified) || has(self.email)", "emailVerified goes with email"),
        Cel("!has(self.phoneVerified) || has(self.phoneNumber)", "phoneVerified goes with phoneNumber"),
        Cel(
            "!self.verifyEmail || !has(self.emailVerified) || !self.emailVerified",
            "verifyEmail asks the user to verify what emailVerified: true says is verified: remove one of them",
        ),
    )

    tenant_ref: Annotated[ObjectRef, Immutable("tenantRef cannot be changed: create another Auth0User")]
    """The Auth0Tenant that the user lives in."""
    connection: Annotated[
        str,
        Field(min_length=1, max_length=128),
        Immutable("connection cannot be changed: create another Auth0User"),
    ] = "Username-Password-Authentication"
    """Name of the connection that the user signs in with."""
    user_id: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^|\s]+$")] | None = None
    """The user's id, without the provider before it. Unset: mlgate chooses one for users with a password, so that making
    the user twice is impossible; otherwise the service does."""
    email: Annotated[str, Field(min_length=3, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    """Email address. The service keeps it in lower case."""
    username: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """User name, where the connection has them. The service keeps it in lower case."""
    phone_number: Annotated[str, Field(max_length=16, pattern=r"^\+[0-9]{1,15}$")] | None = None
    """Phone number as E.164, such as `+4930123456`."""
    name: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Full name."""
    given_name: Annotated[str, Field(min_length=1, max_length=150)] | None = None
    """Given name."""
    family_name: Annotated[str, Field(min_length=1, max_length=150)] | None = None
    """Family name."""
    nickname: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Nickname."""
    picture: Annotated[str, Field(min_length=1, max_length=2048, pattern=r"^https?://[^\s]+$")] | None = None
    """URL of a picture."""
    password_secret_ref: SecretKeyRef | None = None
    """Where the password is. Sent when the user is made, and again when the Secret's value changes; a password that the
    user chose meanwhile is overwritten then. Users of a database connection need one to be made."""
    email_verified: bool | None = None
    """Whether the address counts as verified. Left out, a changed address has to be verified anew."""
    phone_verified: bool | None = None
    """Whether the phone number counts as verified."""
    blocked: bool | None = None
    """True keeps the user from signing in."""
    verify_email: bool = False
    """True has the service send a mail to verify a new or changed address."""
    custom_domain: (
        Annotated[str, Field(min_length=4, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])$")] | None
    ) = None
    """Which of the tenant's custom domains mails to the user are about. Needed where the tenant has several: Auth0 makes
    no user there without."""
    app_metadata: Annotated[dict[str, Any], Field(max_length=100), FreeForm()] | None = None
    """What applications and Actions know of the user and the user cannot change. Only the keys written here are managed,
    each as a whole; a key whose value is null is removed."""
    user_metadata: Annotated[dict[str, Any], Field(max_length=100), FreeForm()] | None = None
    """What the user may change too. Only the keys written here are managed, each as a whole; a key whose value is null
    is removed."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may refer to this user. Unset: only this namespace."""


class Auth0UserStatus(ManagedStatus):
    """How the user stands."""

    user_id: Annotated[str, Field(max_length=320)] | None = None
    """The id at Auth0, with its provider: the `sub` of the user's tokens."""
    email: Annotated[str, Field(max_length=320)] | None = None
    """The email address at Auth0."""
    email_verified: bool | None = None
    """Whether it is verified."""
    blocked: bool | None = None
    """Whether the user is kept from signing in."""


AUTH0_USER = KindType(
    kind="Auth0User",
    plural="auth0users",
    short_names=("a0u",),
    spec=Auth0UserSpec,
    status=Auth0UserStatus,
    description="A user at Auth0.",
    columns=columns(
        Column("Email", ".status.email"),
        Column("Blocked", ".status.blocked", type="boolean", priority=1),
        Column("User-ID", ".status.userId", priority=1),
    ),
)
