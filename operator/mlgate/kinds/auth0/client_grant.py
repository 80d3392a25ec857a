"""Auth0ClientGrant: what an application may do with an API, for itself or in the name of its users.

The service keeps one grant per application, audience and subject type, which is the natural key; all three are immutable
and `scope` is replaced as a whole. With `allow_all_scopes` the list goes, and only `{allow_all_scopes: false, scope}`
brings one back (shared facts, auth0 section 2.2; recordings TestAccClientGrant, TestClientGrantManager_Create).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...api.auth0clientgrant import AUTH0_CLIENT_GRANT, Auth0ClientGrantSpec
from ...auth0 import Session
from ...engine.fields import CreateOnly, Exact, Fields, SetOf
from ...engine.marks import Mark
from ...engine.plan import Action, Plan
from ...engine.protocols import Applied, Deletion, Outputs, Owner, Seen, Situation, Wanted
from ...engine.references import Need, Ref, Resolved
from .. import links
from .apis import audience
from .on_auth0 import EVERY, OnAuth0, may

PLAIN = ("organization_usage", "allow_any_organization", "authorization_details_types")
"""Fields that are on the wire as in the manifest, but for the case of their names (recording TestAccClientGrant*)."""

IDENTITY = (("client_id", "clientId"), ("audience", "audience"))
"""Fields that say whose grant on what it is, on the wire and in status."""


class Auth0ClientGrant(OnAuth0[Auth0ClientGrantSpec]):
    type = AUTH0_CLIENT_GRANT
    scopes = may(EVERY, "client_grants")
    fields = Fields(
        client_id=CreateOnly(),
        audience=CreateOnly(),
        subject_type=CreateOnly(Exact(absent="client")),  # grants older than user grants do not say
        scope=SetOf(),
        allow_all_scopes=Exact(absent=False),
        authorization_details_types=SetOf(),
    )

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
        named = spec.permissions or ()
        return {
            **written,
            "client_id": client_id,
            "audience": audience(owner, spec.api_ref, refs, named),
            "subject_type": spec.subject_type,
            **({"allow_all_scopes": True} if spec.allow_all_scopes else _listed(named)),
        }

    async def observe(self, conn: Session, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.client_grants.get(external_id)
        return None if raw is None else _seen(raw)

    async def find(self, conn: Session, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        client_id, api, subject = (wanted[name] for name in ("client_id", "audience", "subject_type"))
        raw = await conn.client_grants.by_key(client_id, api, subject_type=subject)
        return [] if raw is None else [_seen(raw)]

    async def apply(self, conn: Session, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        if plan.action is Action.CREATE:
            raw = await conn.client_grants.create(_made_with(plan.values()))
        else:
            assert plan.external_id is not None
            raw = await conn.client_grants.update(plan.external_id, _changed_with(plan))
        return Applied(raw["id"], _seen(raw))

    def spared(self, conn: Session, seen: Seen, status: Mapping[str, Any]) -> str:
        client_id, api = (seen.raw.get(wire) or status.get(told) for wire, told in IDENTITY)
        if (client_id, api) == (conn.own_client, conn.audience):
            return "it is what lets mlgate itself use the Management API"
        return ""

    async def delete(self, conn: Session, seen: Seen, refs: Resolved) -> Deletion:
        await conn.client_grants.delete(seen.id)
        return Deletion(done=True)

    async def outputs(self, conn: Session, spec: Auth0ClientGrantSpec, situation: Situation) -> Outputs:
        raw = situation.seen.raw
        return Outputs({"clientId": raw.get("client_id"), "audience": raw.get("audience")})


def _listed(permissions: Sequence[str]) -> dict[str, Any]:
    return {"allow_all_scopes": False, "scope": sorted(permissions)}


def _made_with(values: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a POST. Auth0's own APIs refuse `allow_all_scopes` even as false, which is what a new grant has."""
    return {name: value for name, value in values.items() if (name, value) != ("allow_all_scopes", False)}


def _changed_with(plan: Plan) -> dict[str, Any]:
    """The body of a PATCH. A grant that stops allowing all scopes is given its list in the same request, even an empty
    one (TestAccClientGrant)."""
    body = dict(plan.values("scope", "allow_all_scopes", *PLAIN))
    if body.get("allow_all_scopes") is False:
        body["scope"] = plan.wanted["scope"]
    return body


def _seen(raw: Mapping[str, Any]) -> Seen:
    return Seen(raw["id"], raw, raw)
