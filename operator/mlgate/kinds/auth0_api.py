"""Auth0API: a resource server with its permissions.

The identifier is unique in the tenant and never changes, so it is the natural key; the service has no room for our mark.
`scopes` is replaced as a whole. RBAC is `enforce_policies` with a token dialect that carries `permissions` (shared facts,
auth0 sections 2.2 and 5; recordings TestAccResourceServer, TestAccResourceServerScopes).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..api.auth0api import AUTH0_API, Auth0APISpec
from ..auth0 import Session
from ..engine.fields import CreateOnly, Fields, SetOf
from ..engine.marks import Mark
from ..engine.plan import Action, Plan
from ..engine.protocols import Applied, Deletion, Outputs, Owner, Seen, Situation, Wanted
from ..engine.references import Ref, Resolved
from . import links
from .on_auth0 import OnAuth0

PLAIN = (
    "signing_alg",
    "token_lifetime",
    "token_lifetime_for_web",
    "allow_offline_access",
    "skip_consent_for_verifiable_first_party_clients",
)


class Auth0API(OnAuth0[Auth0APISpec]):
    type = AUTH0_API
    fields = Fields(identifier=CreateOnly(), scopes=SetOf(("value",)))

    def references(self, owner: Owner, spec: Auth0APISpec) -> Iterable[Ref]:
        yield links.tenant(owner, spec.tenant_ref)

    def desired(self, owner: Owner, spec: Auth0APISpec, refs: Resolved) -> Wanted:
        wanted: dict[str, Any] = spec.model_dump(
            include=set(PLAIN), by_alias=False, exclude_unset=True, exclude_none=True
        )
        wanted |= {"identifier": spec.identifier, "name": spec.name or owner.name, "enforce_policies": spec.rbac}
        if spec.token_dialect or spec.rbac:
            wanted["token_dialect"] = spec.token_dialect or "access_token_authz"
        if spec.permissions is not None:
            wanted["scopes"] = [
                {"value": p.name} | ({"description": p.description} if p.description is not None else {})
                for p in spec.permissions
            ]
        return wanted

    def defaults(self, owner: Owner, spec: Auth0APISpec) -> Wanted:
        return {"signing_alg": "RS256"}

    async def observe(self, conn: Session, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.resource_servers.get(external_id)
        return None if raw is None else _seen(raw)

    async def find(self, conn: Session, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        raw = await conn.resource_servers.by_identifier(wanted["identifier"])
        return [] if raw is None else [_seen(raw)]

    async def apply(self, conn: Session, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        if plan.action is Action.CREATE:
            raw = await conn.resource_servers.create(plan.values())
        else:
            assert plan.external_id is not None
            raw = await conn.resource_servers.update(plan.external_id, plan.values())
        return Applied(raw["id"], _seen(raw))

    async def delete(self, conn: Session, seen: Seen, refs: Resolved) -> Deletion:
        await conn.resource_servers.delete(seen.id)
        return Deletion(done=True)

    async def outputs(self, conn: Session, spec: Auth0APISpec, situation: Situation) -> Outputs:
        scopes = situation.seen.raw.get("scopes") or ()
        return Outputs({"identifier": spec.identifier, "permissionCount": len(scopes)})


def _seen(raw: Mapping[str, Any]) -> Seen:
    return Seen(raw["id"], raw, raw)
