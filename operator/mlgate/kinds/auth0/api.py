"""Auth0API: a resource server with its permissions.

The identifier is unique in the tenant and never changes, so it is the natural key; the service has no room for our mark.
`scopes` is replaced as a whole. RBAC is `enforce_policies` with a token dialect that carries `permissions` (shared facts,
auth0 sections 2.2 and 5; recordings TestAccResourceServer, TestAccResourceServerScopes).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...api.auth0api import AUTH0_API, Auth0APISpec
from ...auth0 import Session
from ...engine.fields import Alike, CreateOnly, Fields, Nested, SetOf
from ...engine.marks import Mark
from ...engine.plan import Action, Plan
from ...engine.protocols import Applied, Deletion, Outputs, Owner, Seen, Situation, Wanted
from ...engine.references import Ref, Resolved
from .. import links
from .on_auth0 import EVERY, OnAuth0, may, snake

PLAIN = (
    "signing_alg",
    "token_lifetime",
    "token_lifetime_for_web",
    "allow_offline_access",
    "skip_consent_for_verifiable_first_party_clients",
    "subject_type_authorization",
    "proof_of_possession",
    "authorization_details",
    "consent_policy",
    "token_encryption",
)

SYSTEM = frozenset({"urn:auth0-authz-api"})
"""Identifiers of Auth0's own APIs beside those below the tenant's domain."""


def thumbprint(key: Mapping[str, Any]) -> str | None:
    """What Auth0 shows in place of a PEM: SHA-256 of its content, base64url (recording TestResourceServer_Create; the
    simulator computes the same)."""
    if "pem" not in key:
        return key.get("thumbprint_sha256")
    content = re.sub(r"-----[^-]+-----|\s", "", str(key["pem"]))
    digest = hashlib.sha256(base64.b64decode(content)).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def same_encryption(wanted: Any, seen: Any) -> bool:
    """The PEM is never shown again: told by its thumbprint, where one is shown, and by the rest."""
    if not wanted or not seen:
        return bool(wanted) == bool(seen)
    ours, theirs = wanted.get("encryption_key") or {}, seen.get("encryption_key") or {}
    plain = all(ours[name] == theirs.get(name) for name in ours if name not in ("pem", "thumbprint_sha256"))
    shown = theirs.get("thumbprint_sha256")
    return wanted.get("format") == seen.get("format") and plain and (shown is None or thumbprint(ours) == shown)


FIELDS = Fields(
    identifier=CreateOnly(),
    scopes=SetOf(("value",)),
    authorization_details=SetOf(("type",)),
    subject_type_authorization=Nested(merges=False, otherwise=Nested(merges=False)),
    proof_of_possession=Nested(merges=False),
    token_encryption=Alike(same_encryption),
)
"""Nested objects of an API are replaced whole by a PATCH (shared facts, auth0 section 2.2)."""


class Auth0API(OnAuth0[Auth0APISpec]):
    type = AUTH0_API
    scopes = may(EVERY, "resource_servers") | may(("read",), "client_grants", "roles")
    fields = FIELDS

    def references(self, owner: Owner, spec: Auth0APISpec) -> Iterable[Ref]:
        yield links.tenant(owner, spec.tenant_ref)

    def desired(self, owner: Owner, spec: Auth0APISpec, refs: Resolved) -> Wanted:
        wanted: dict[str, Any] = spec.model_dump(
            include=set(PLAIN), by_alias=False, exclude_unset=True, exclude_none=True
        )
        wanted |= {"identifier": spec.identifier, "name": spec.name or owner.name, "enforce_policies": spec.rbac}
        if spec.token_dialect or spec.rbac:
            wanted["token_dialect"] = spec.token_dialect or "access_token_authz"
        wanted |= dict.fromkeys(snake(name) for name in spec.unset or ())
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
            raw = await conn.resource_servers.create({n: v for n, v in plan.values().items() if v is not None})
        else:
            assert plan.external_id is not None
            raw = await conn.resource_servers.update(plan.external_id, plan.values())
        return Applied(raw["id"], _seen(raw))

    def spared(self, conn: Session, seen: Seen, status: Mapping[str, Any]) -> str:
        identifier = str(seen.raw.get("identifier") or status.get("identifier") or "")
        own = identifier.startswith(conn.issuer) or identifier in SYSTEM
        return "it is an API of Auth0 itself" if own or seen.raw.get("is_system") else ""

    async def lost_with(self, conn: Session, seen: Seen, status: Mapping[str, Any]) -> str:
        """Grants and permissions of roles that no object here stands for: those of ours are gone by now. The roles cost a
        request each, which the end of an API is worth."""
        identifier = seen.raw.get("identifier") or status.get("identifier")
        if not identifier:
            return ""
        grants = await conn.client_grants.of_api(str(identifier))
        roles = await conn.roles.with_permissions_of(str(identifier))
        named = (
            _some("client grant", [f"{grant['id']} (application {grant.get('client_id')})" for grant in grants]),
            _some("role's permissions", [str(role.get("name")) for role in roles], "roles' permissions"),
        )
        lost = " and ".join(each for each in named if each)
        return f"{lost} on {identifier}" if lost else ""

    async def delete(self, conn: Session, seen: Seen, refs: Resolved) -> Deletion:
        await conn.resource_servers.delete(seen.id)
        return Deletion(done=True)

    async def outputs(self, conn: Session, spec: Auth0APISpec, situation: Situation) -> Outputs:
        scopes = situation.seen.raw.get("scopes") or ()
        return Outputs({"identifier": spec.identifier, "permissionCount": len(scopes)})


def _some(one: str, names: Sequence[str], several: str | None = None) -> str:
    if not names:
        return ""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{len(names)} {one if len(names) == 1 else several or one + 's'} ({', '.join(names[:3])}{more})"


def _seen(raw: Mapping[str, Any]) -> Seen:
    return Seen(raw["id"], raw, raw)
