"""Auth0MFAFactorSet: factors are switched on, never off.

They are the tenant's: several policies, Actions of others and people who already enrolled rely on them, and the service has
no room to note who switched one on. A factor that is on asks nobody anything by itself, a factor that is off can let people
in without MFA or lock them out. So this kind only adds (docs/adr/0012). Nothing is made outside, so nothing is deleted.
Source: shared facts, auth0 sections 2.2 and 5; recordings TestAccGuardian*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...api.auth0mfafactorset import AUTH0_MFA_FACTOR_SET, Auth0MFAFactorSetSpec
from ...auth0 import Session
from ...engine.fields import Fields, SetOf
from ...engine.marks import Mark
from ...engine.plan import Change, Plan
from ...engine.protocols import Applied, Deletion, Outputs, Owner, Seen, Situation, Wanted
from ...engine.references import Ref, Resolved
from .. import links
from .on_auth0 import OnAuth0, may

PROMPTS: Mapping[str, list[str]] = {
    "Never": [],
    "AllApplications": ["all-applications"],
    "LowConfidence": ["confidence-score"],
}
CUSTOMIZE = "customize_mfa_in_postlogin_action"


class AtLeast:
    """A set of which only what is missing counts."""

    def change(self, path: str, wanted: Any, seen: Any, managed: Sequence[str]) -> Change | None:
        missing = [name for name in wanted if name not in (seen or ())]
        return Change(path, list(seen or ()), list(wanted), missing, tuple(missing)) if missing else None

    def entries(self, wanted: Any) -> list[str]:
        return []


class Auth0MFAFactorSet(OnAuth0[Auth0MFAFactorSetSpec]):
    type = AUTH0_MFA_FACTOR_SET
    scopes = may(("read", "update"), "guardian_factors", "mfa_policies")
    fields = Fields(enabled=AtLeast(), policies=SetOf())

    def fixed_id(self, owner: Owner, spec: Auth0MFAFactorSetSpec) -> str | None:
        return "guardian"

    def references(self, owner: Owner, spec: Auth0MFAFactorSetSpec) -> Iterable[Ref]:
        yield links.tenant(owner, spec.tenant_ref)

    def desired(self, owner: Owner, spec: Auth0MFAFactorSetSpec, refs: Resolved) -> Wanted:
        wanted: dict[str, Any] = {"enabled": sorted(spec.enabled)}
        if spec.tenant_prompt is not None:
            wanted["policies"] = PROMPTS[spec.tenant_prompt]
        if spec.customize_in_actions is not None:
            wanted[CUSTOMIZE] = spec.customize_in_actions
        return wanted

    async def observe(self, conn: Session, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        """Three documents, of which only those are read that the manifest is about."""
        factors = await conn.guardian.factors()
        values: dict[str, Any] = {"enabled": sorted(name for name, on in factors.items() if on)}
        if "policies" in wanted:
            values["policies"] = await conn.guardian.policies()
        if CUSTOMIZE in wanted:
            values[CUSTOMIZE] = bool((await conn.tenant.settings()).get(CUSTOMIZE))
        return Seen(external_id, values)

    async def find(self, conn: Session, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        return []

    async def apply(self, conn: Session, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        changed = plan.values()
        for factor in changed.get("enabled", ()):
            await conn.guardian.switch(factor, on=True)
        if CUSTOMIZE in changed:
            await conn.tenant.update({CUSTOMIZE: changed[CUSTOMIZE]})
        if "policies" in changed:  # last: until then the tenant goes on asking as it did
            await conn.guardian.set_policies(changed["policies"])
        return Applied("guardian")

    async def delete(self, conn: Session, seen: Seen, refs: Resolved) -> Deletion:
        return Deletion(done=True)

    async def outputs(self, conn: Session, spec: Auth0MFAFactorSetSpec, situation: Situation) -> Outputs:
        values = situation.seen.values
        prompt = next((name for name, said in PROMPTS.items() if said == values.get("policies")), None)
        return Outputs({"enabled": values["enabled"], "tenantPrompt": prompt})
