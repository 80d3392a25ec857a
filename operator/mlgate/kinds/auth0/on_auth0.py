"""What all kinds of an Auth0 tenant share: how the session is found, and how our mark looks there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeVar

from ...api.auth0tenant import Auth0TenantSpec
from ...api.managed import ManagedSpec
from ...auth0 import Plan as Subscription
from ...auth0 import Session, Sessions, TenantAccess
from ...engine.marks import Mark
from ...engine.protocols import External, Owner, Seen
from ...engine.references import Resolved
from ...errors import Terminal
from ...reasons import Reason
from ...sensitive import Sensitive
from .. import links

SpecT = TypeVar("SpecT", bound=ManagedSpec)

EVERY, LISTED = ("create", "read", "update", "delete"), ("create", "read", "delete")
"""What scopes of the Management API begin with: things, and lists of things that are only longer or shorter."""


def may(verbs: Iterable[str], *things: str) -> frozenset[str]:
    """Scopes of the Management API: `read:clients`."""
    return frozenset(f"{verb}:{thing}" for verb in verbs for thing in things)


MARK_OWNER, MARK_UID = "mlgate_owner", "mlgate_uid"
"""Keys of our mark in `client_metadata` (at most 255 characters each: shared facts, auth0 section 5)."""


class OnAuth0(External[SpecT, Session]):
    """A kind that lives in the tenant of its `tenantRef`."""

    visible_after = 2.0
    scopes: ClassVar[frozenset[str]]
    """What the Management API wants to see for everything that this kind does."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def connect(self, owner: Owner, spec: SpecT, refs: Resolved) -> Session:
        target = refs.targets[links.key("Auth0Tenant", owner, spec.tenant_ref)]  # type: ignore[attr-defined]
        tenant = Auth0TenantSpec.model_validate(target.spec)
        secret = refs.secret(target.namespace, tenant.credentials.secret_ref.name)
        return self._sessions.session(access(tenant, target.namespace, target.name, secret))


def access(tenant: Auth0TenantSpec, namespace: str, name: str, secret: Mapping[str, Sensitive]) -> TenantAccess:
    """How the tenant is reached. Raises Terminal CredentialsMissing naming the Secret's missing keys."""
    secret_name = f"Secret {namespace}/{tenant.credentials.secret_ref.name}"
    proof = "privateKey" if tenant.credentials.method == "PrivateKey" else "clientSecret"
    missing = [key for key in ("clientId", proof) if not secret.get(key)]
    if missing:
        raise Terminal(
            f"{secret_name} lacks {' and '.join(missing)}, which Auth0Tenant {namespace}/{name} signs in with. "
            "Put them there; mlgate goes on as soon as they are.",
            reason=Reason.CREDENTIALS_MISSING,
        )
    return TenantAccess(
        domain=tenant.domain,
        client_id=secret["clientId"].reveal().strip(),
        client_secret=secret[proof] if proof == "clientSecret" else None,
        private_key_pem=secret[proof] if proof == "privateKey" else None,
        plan=Subscription(tenant.plan),
        name=f"Auth0Tenant {namespace}/{name}",
        secret_name=secret_name,
    )


def mark_values(mark: Mark) -> dict[str, str]:
    """Our mark as metadata of an application."""
    return {MARK_OWNER: mark.owner, MARK_UID: mark.uid}


def whose(metadata: Mapping[str, Any] | None, mark: Mark) -> tuple[bool | None, str | None]:
    """Whether metadata carries this object's mark, and the readable owner when it is another's."""
    found = metadata or {}
    owner, uid = found.get(MARK_OWNER), found.get(MARK_UID)
    ours = mark.is_on(owner=owner, uid=uid)
    return ours, None if ours is not False else str(owner)


def unmarked(seen: Seen) -> str:
    """Why something is not deleted whose kind has room for our mark (`External.spared`)."""
    return "" if seen.ours else "it does not carry mlgate's mark"


def snake(name: str) -> str:
    """A name of the manifest as the wire has it."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: f"_{found[1].lower()}", name)
