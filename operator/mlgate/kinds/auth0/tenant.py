"""Auth0Tenant: the connection to a tenant, and those of its settings that the manifest names.

Nothing is created or deleted. The credentials are proven by getting a token; the signing keys are read every minute, so
that gateways refuse a revoked one soon. The answer of PATCH /tenants/settings differs from GET and is never compared
with (shared facts, auth0 section 2.2).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...api.auth0tenant import AUTH0_TENANT, Auth0TenantSpec
from ...auth0 import Allowed, Session, Sessions
from ...engine.fields import Exact, Fields, Nested, SetOf
from ...engine.marks import Mark
from ...engine.plan import Plan
from ...engine.protocols import Applied, Deletion, External, Outputs, Owner, Seen, Situation, Wanted
from ...engine.references import Ref, Resolved
from .. import links
from .on_auth0 import access, may

KEYS_EVERY = 60.0
"""Seconds between looks at the signing keys (shared facts, gateway section 6: 30 to 60 s)."""

SETTINGS = may(("read", "update"), "tenant_settings")
LOGS = may(("read",), "logs")


class Auth0Tenant(External[Auth0TenantSpec, Session]):
    type = AUTH0_TENANT
    fields = Fields(
        allowed_logout_urls=SetOf(),
        friendly_name=Exact(absent=""),
        support_email=Exact(absent=""),
        support_url=Exact(absent=""),
        picture_url=Exact(absent=""),
        default_audience=Exact(absent=""),
        default_directory=Exact(absent=""),
        flags=Nested(merges=True),
        acr_values_supported=SetOf(),
    )

    def __init__(self, sessions: Sessions, scopes_of: Mapping[str, frozenset[str]]) -> None:
        """`scopes_of`: what each kind needs to be allowed in a tenant."""
        self._sessions = sessions
        self._scopes_of = scopes_of

    def references(self, owner: Owner, spec: Auth0TenantSpec) -> Iterable[Ref]:
        yield links.secret(owner.namespace, spec.credentials.secret_ref, "spec.credentials.secretRef", guard=True)

    async def connect(self, owner: Owner, spec: Auth0TenantSpec, refs: Resolved) -> Session:
        secret = refs.secret(owner.namespace, spec.credentials.secret_ref.name)
        return self._sessions.session(access(spec, owner.namespace, owner.name, secret))

    def fixed_id(self, owner: Owner, spec: Auth0TenantSpec) -> str:
        return spec.domain

    def desired(self, owner: Owner, spec: Auth0TenantSpec, refs: Resolved) -> Wanted:
        return spec.settings.model_dump(by_alias=False, exclude_unset=True, exclude_none=True) if spec.settings else {}

    async def observe(self, conn: Session, external_id: str, wanted: Wanted, mark: Mark) -> Seen:
        granted = await conn.verify()
        settings = await conn.tenant.settings() if wanted else {}
        keys = await conn.jwks()
        return Seen(
            external_id, settings, {"keys": keys, "scopes": sorted(granted.scopes), "issuer": conn.issuer}, True
        )

    async def find(self, conn: Session, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        return ()

    async def apply(self, conn: Session, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        assert plan.external_id is not None and seen is not None
        await conn.tenant.update(plan.values())
        return Applied(plan.external_id, replace(seen, values={**seen.values, **plan.values()}))

    async def delete(self, conn: Session, seen: Seen, refs: Resolved) -> Deletion:
        return Deletion(done=True)

    async def outputs(self, conn: Session, spec: Auth0TenantSpec, situation: Situation) -> Outputs:
        raw: Mapping[str, Any] = situation.seen.raw
        granted = frozenset(raw["scopes"])
        needed = self.needed(spec, situation.users)
        # Where a token does not say what it may do, nobody can tell what is missing.
        missing, excess = (needed - granted, granted - needed) if granted else (frozenset(), frozenset())
        status = {
            "issuer": raw["issuer"],
            "jwks": json.dumps(raw["keys"], sort_keys=True, separators=(",", ":")),
            "jwksKeyIds": sorted({str(key["kid"]) for key in raw["keys"].get("keys", ()) if key.get("kid")}),
            "grantedScopes": sorted(granted) or None,
            "neededScopes": sorted(needed) or None,
            "missingScopes": sorted(missing) or None,
            "excessScopes": sorted(excess) or None,
            "requestBudget": request_budget(conn.allowed()),
            "warnings": await conn.past.warnings(granted) or None,
        }
        return Outputs(status, again=KEYS_EVERY)

    def needed(self, spec: Auth0TenantSpec, users: Iterable[str]) -> frozenset[str]:
        """The scopes for these kinds of objects in the tenant, and for what its own manifest asks for. Pure."""
        own = (SETTINGS if spec.settings else frozenset()) | (LOGS if spec.follow_logs else frozenset())
        return own.union(*(self._scopes_of.get(kind, frozenset()) for kind in users))


def request_budget(allowed: Sequence[Allowed]) -> dict[str, Any] | None:
    """What status says of it: whole requests a minute, so that small steps of a rate that recovers are not written. Pure."""

    def minute(rate: float) -> int:
        return max(1, round(rate * 60))

    limits: list[dict[str, Any]] = [
        {"group": each.bucket}
        | ({"burst": each.limit.burst, "perMinute": minute(each.limit.rate)} if each.limit else {})
        | ({} if each.learned is None else {"learnedPerMinute": minute(each.learned)})
        for each in allowed
    ]
    if not limits:
        return None
    widest = next((each for each in limits if each["group"] in ("tenant", "others")), None)
    now = {"perMinute": widest.get("learnedPerMinute", widest["perMinute"])} if widest else {}
    return {**now, "limits": limits}
