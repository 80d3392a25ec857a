"""Auth0MFAPolicy: who must pass multi-factor authentication, and with which factors.

The successor of the Auth0 Rule that asked for MFA by role: Rules reached their end of life on 2026-11-18 (shared facts,
auth0 section 0). It is carried out by a generated post-login Action and by Auth0MFAFactorSet.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .auth0mfafactorset import TenantPrompt
from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, Immutable, ListSet, exactly_one
from .meta import Api, Column, KindType, columns
from .references import ClientRef, ObjectRef

MFAFactor = Literal[
    "otp", "webauthn-roaming", "webauthn-platform", "push-notification", "phone", "email", "recovery-code", "duo"
]


class MFARole(Api):
    """A role whose members must pass."""

    validations: ClassVar[tuple[Cel, ...]] = (
        exactly_one("roleRef", "name", message="write either roleRef (an Auth0Role) or name, not both"),
    )

    role_ref: ObjectRef | None = None
    """An Auth0Role."""
    name: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """The name of a role that is not managed here."""


class MFAExemptions(Api):
    """Logins that need not pass."""

    clients: Annotated[list[ClientRef], Field(max_length=64)] | None = None
    """Logins to these applications."""
    connections: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=128)]], Field(max_length=64), ListSet()] | None
    ) = None
    """Logins through the connections of these names (an identity provider that asks for MFA itself)."""


class Auth0MFAPolicySpec(ManagedSpec):
    """Desired state of an MFA policy."""

    omit: ClassVar[frozenset[str]] = frozenset({"import"})
    validations: ClassVar[tuple[Cel, ...]] = (
        Cel("(self.mode == 'Roles') == has(self.roles)", "roles goes with mode: Roles, and only with it"),
        Cel("!('duo' in self.factors) || size(self.factors) == 1", "duo cannot be offered beside other factors"),
        Cel(
            "self.enrollment != 'Enroll' || self.factors.exists(f, f != 'email' && f != 'recovery-code')",
            "nobody can enroll in email or a recovery code while logging in: add another factor, or write enrollment: Deny",
        ),
    )

    tenant_ref: Annotated[ObjectRef, Immutable("tenantRef cannot be changed: create another Auth0MFAPolicy")]
    """The Auth0Tenant it is for."""
    mode: Literal["Roles", "Always"] = "Roles"
    """`Roles`: members of `roles` must pass. `Always`: everybody must."""
    roles: Annotated[list[MFARole], Field(min_length=1, max_length=100)] | None = None
    """Whoever has one of these must pass, by a role of their own or as a member of the organization they log in to."""
    factors: Annotated[list[MFAFactor], Field(min_length=1, max_length=8), ListSet()]
    """The factors that count. They are switched on in the tenant, and not off again when the policy goes."""
    enrollment: Literal["Enroll", "Deny", "Skip"] = "Enroll"
    """What happens to somebody who has none of the factors: enroll while logging in, be refused, or pass without."""
    allow_remember_browser: bool = False
    """True lets people skip MFA in a browser for 30 days. Auth0 asks then at the end of the login, with whatever factors the
    tenant has on: only so can it remember the browser."""
    exempt: MFAExemptions | None = None
    """Logins that need not pass."""
    tenant_prompt: TenantPrompt | None = None
    """When the tenant asks for MFA by itself. `Never` lets this policy alone decide. Unset: not managed."""
    priority: Annotated[int, Field(ge=0, le=10_000)] = 10
    """The order among the Actions that mlgate binds to the login: lower runs first."""


class Auth0MFAPolicyStatus(ManagedStatus):
    """How the policy stands."""

    action_id: Annotated[str, Field(max_length=64)] | None = None
    """The generated Action's id at Auth0."""
    deployed_version: Annotated[int, Field(ge=0, le=2_000_000_000)] | None = None
    """The version of the Action that runs."""
    roles: Annotated[list[Annotated[str, Field(max_length=255)]], Field(max_length=100)] | None = None
    """The names of the roles whose members must pass."""


AUTH0_MFA_POLICY = KindType(
    kind="Auth0MFAPolicy",
    plural="auth0mfapolicies",
    short_names=("a0mfa",),
    spec=Auth0MFAPolicySpec,
    status=Auth0MFAPolicyStatus,
    description="Who must pass multi-factor authentication at Auth0, and with which factors.",
    columns=columns(
        Column("Mode", ".spec.mode"),
        Column("Factors", ".spec.factors", priority=1),
        Column("Version", ".status.deployedVersion", type="integer", priority=1),
    ),
    conditions={
        "ActionReady": "The generated Action runs at each login.",
        "FactorsReady": "The factors are on in the tenant.",
    },
)
