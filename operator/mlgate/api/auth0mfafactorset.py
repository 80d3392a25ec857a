"""Auth0MFAFactorSet: the MFA factors that a tenant must have switched on.

Factors are the tenant's, shared by all who use MFA there: this object switches on what it needs and never switches one off,
neither when it changes nor when it is deleted (docs/adr/0012). A factor that is on asks nobody anything by itself.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .managed import ManagedSpec, ManagedStatus
from .markers import Immutable, ListSet
from .meta import Column, KindType, columns
from .references import ObjectRef

GuardianFactor = Literal[
    "sms",
    "push-notification",
    "otp",
    "email",
    "duo",
    "webauthn-roaming",
    "webauthn-platform",
    "recovery-code",
]
TenantPrompt = Literal["Never", "AllApplications", "LowConfidence"]


class Auth0MFAFactorSetSpec(ManagedSpec):
    """Desired state of a tenant's MFA factors."""

    tenant_ref: Annotated[ObjectRef, Immutable("tenantRef cannot be changed: create another Auth0MFAFactorSet")]
    """The Auth0Tenant whose factors these are."""
    enabled: Annotated[list[GuardianFactor], Field(min_length=1, max_length=8), ListSet()]
    """The factors that must be on. Others are left as they are."""
    tenant_prompt: TenantPrompt | None = None
    """When the tenant asks for MFA by itself, besides what Actions ask: `Never`, `AllApplications`, or `LowConfidence`
    (Adaptive MFA, an add-on). Unset: not managed."""
    customize_in_actions: bool | None = None
    """Whether post-login Actions may choose the factor (`api.authentication.challengeWith`). Unset: not managed."""


class Auth0MFAFactorSetStatus(ManagedStatus):
    """How the factors stand."""

    enabled: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=32)] | None = None
    """Every factor that is on in the tenant."""
    tenant_prompt: Annotated[str, Field(max_length=32)] | None = None
    """When the tenant asks by itself, where `tenantPrompt` is written."""


AUTH0_MFA_FACTOR_SET = KindType(
    kind="Auth0MFAFactorSet",
    plural="auth0mfafactorsets",
    short_names=("a0mf",),
    spec=Auth0MFAFactorSetSpec,
    status=Auth0MFAFactorSetStatus,
    description="The MFA factors that an Auth0 tenant must have switched on.",
    columns=columns(Column("Enabled", ".status.enabled", priority=1)),
)
