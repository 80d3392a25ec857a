"""Auth0ClientGrant: what an application may do with an API for itself.

The service keeps one grant per application and audience, which is the natural key; both are immutable and `scope` is
replaced as a whole (shared facts, auth0 section 2.2; recording TestAccClientGrant).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..api.auth0clientgrant import AUTH0_CLIENT_GRANT, Auth0ClientGrantSpec
from ..auth0 import Session
from ..engine.fields import CreateOnly, Fields, SetOf
from ..engine.marks import Mark
from ..engine.plan import Action, Plan
from ..engine.protocols import Applied, Deletion, Outputs, Owner, Seen, Situation, Wanted
from ..engine.references import Need, Ref, Resolved
from . import links
from .apis import audience
from .on_auth0 import OnAuth0

PLAIN = ("organization_usage", "allow_any_organization", "authorization_details_types")
"""Fields that are on the wire as in the manifest, but for the case of their names (recording TestAccClientGrant*)."""


class Auth0ClientGrant(OnAuth0[Auth0ClientGrantSpec]):
    type = AUTH0_CLIENT_GRANT
    fields = Fields(client_id=CreateOnly(), audience=CreateOnly(), scope=SetOf(), authorization_details_types=SetOf())

    def references(self, owner: Owner, spec: Auth0ClientGrantSpec) -> Iterable[Ref]:
        yield links.tenant(owner, spec.tenant_ref)
        if spec.client_ref.name:
            yield links.to("Auth0Client", owner, spec.client_ref, "spec.clientRef", Need.IDENTITY)
        if spec.api_ref.name:
            yield links.to("Auth0API", owner, spec.api_ref, "spec.apiRef")

    def desired(self, owner: Owner, spec: Auth0ClientGrantSpec, refs: Resolved) -> Wanted:
        client_id = spec.client_ref.client_id
        if spec.client_ref.name:
            client_id = refs.targets[links.key("Auth0Client", owner, spec.client_ref)].external_id
        written = spec.model_dump(include=set(PLAIN), by_alias=False, exclude_unset=True, exclude_none=True)
        return {
            **written,
            "client_id": client_id,
            "audience": audience(owner, spec.api_ref, refs, spec.permissions),
            "scope": sorted(spec.permissions),
        }

    async def observe(self, conn: Session, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.client_grants.get(external_id)
        return None if raw is None else _seen(raw)

    async def find(self, conn: Session, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        raw = await conn.client_grants.by_pair(wanted["client_id"], wanted["audience"])
        return [] if raw is None else [_seen(raw)]

    async def apply(self, conn: Session, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        if plan.action is Action.CREATE:
            raw = await conn.client_grants.create(plan.values())
        else:
            assert plan.external_id is not None
            raw = await conn.client_grants.update(plan.external_id, plan.values("scope", *PLAIN))
        return Applied(raw["id"], _seen(raw))

    async def delete(self, conn: Session, seen: Seen, refs: Resolved) -> Deletion:
        await conn.client_grants.delete(seen.id)
        return Deletion(done=True)

    async def outputs(self, conn: Session, spec: Auth0ClientGrantSpec, situation: Situation) -> Outputs:
        raw = situation.seen.raw
        return Outputs({"clientId": raw.get("client_id"), "audience": raw.get("audience")})


def _seen(raw: Mapping[str, Any]) -> Seen:
    return Seen(raw["id"], raw, raw)
