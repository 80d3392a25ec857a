"""Auth0Client: an application.

Names are not unique, so the application carries our mark in `client_metadata`. Nested objects and `client_metadata` are
merged by the service, lists are replaced (shared facts, auth0 section 2.2). Even a machine-to-machine application gets
`implicit` unless told otherwise, so new ones get explicit secure defaults. The secret is shown in the answer to the
create, and later to whoever holds `read:client_keys`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..api.auth0client import AUTH0_CLIENT, Auth0ClientSpec
from ..auth0 import Session
from ..engine.fields import Exact, Fields, MapOf, Nested, SetOf
from ..engine.marks import Mark
from ..engine.plan import Action, Plan
from ..engine.protocols import Applied, Deletion, Outputs, Owner, SecretOutput, Seen, Situation, Wanted
from ..engine.references import Ref, Resolved
from ..errors import Terminal
from ..sensitive import Sensitive
from . import links
from .on_auth0 import OnAuth0, mark_values, whose

GRANTS = {
    "non_interactive": ["client_credentials"],
    "regular_web": ["authorization_code", "refresh_token"],
    "spa": ["authorization_code", "refresh_token"],
    "native": ["authorization_code", "refresh_token"],
}
"""What a new application may do when the manifest does not say: the secure minimum of its type."""

PLAIN = (
    "name",
    "app_type",
    "description",
    "callbacks",
    "allowed_logout_urls",
    "web_origins",
    "allowed_origins",
    "grant_types",
    "jwt_configuration",
    "refresh_token",
    "token_endpoint_auth_method",
    "oidc_conformant",
)
"""Fields that are on the wire as in the manifest, but for the case of their names."""


MERGED = Nested(merges=True, otherwise=Nested(merges=True))
REPLACED = Nested(merges=False, otherwise=Nested(merges=False))
FIELDS = Fields(
    description=Exact(absent=""),
    initiate_login_uri=Exact(absent=""),  # "" removes it (TestAccClientConfig)
    callbacks=SetOf(),
    allowed_logout_urls=SetOf(),
    web_origins=SetOf(),
    allowed_origins=SetOf(),
    allowed_clients=SetOf(),
    client_aliases=SetOf(),
    grant_types=SetOf(),
    organization_discovery_methods=SetOf(),
    async_approval_notification_channels=SetOf(),
    client_metadata=MapOf(merges=True),
    jwt_configuration=Nested(merges=True),
    refresh_token=Nested(merges=True),
    session_transfer=Nested(
        merges=True, fields={"allowed_authentication_methods": SetOf(), "delegation": Nested(merges=True)}
    ),
    signed_request_object=Nested(merges=True),
    native_social_login=MERGED,
    mobile=MERGED,
    oidc_logout=Nested(
        merges=False,
        fields={
            "backchannel_logout_urls": SetOf(),
            "backchannel_logout_initiators": Nested(merges=False, fields={"selected_initiators": SetOf()}),
            "backchannel_logout_session_metadata": Nested(merges=False),
        },
    ),
    token_quota=REPLACED,
    addons=REPLACED,
)
"""What a PATCH does to each field: which nested objects the service merges and which it replaces (shared facts, auth0
section 2.2; recordings TestAccClient*, TestAccClientSessionTransfer, TestAccClientAddons)."""


class Auth0Client(OnAuth0[Auth0ClientSpec]):
    type = AUTH0_CLIENT
    looks_before_deleting = True
    fields = FIELDS

    def references(self, owner: Owner, spec: Auth0ClientSpec) -> Iterable[Ref]:
        yield links.tenant(owner, spec.tenant_ref)

    def desired(self, owner: Owner, spec: Auth0ClientSpec, refs: Resolved) -> Wanted:
        if spec.token_endpoint_auth_method == "private_key_jwt":  # noqa: S105
            raise Terminal(
                "tokenEndpointAuthMethod: private_key_jwt is not carried out by this version of mlgate. "
                "Use client_secret_post or client_secret_basic."
            )
        if spec.credentials_secret and spec.credentials_secret.rotate_every:
            raise Terminal("credentialsSecret.rotateEvery is not carried out by this version of mlgate. Remove it.")
        written = spec.model_dump(include=set(PLAIN), by_alias=False, exclude_unset=True, exclude_none=True)
        metadata = dict(spec.client_metadata or {})
        return {**written, "name": spec.name or owner.name, "client_metadata": metadata}

    def with_mark(self, wanted: Wanted, mark: Mark) -> Wanted:
        return {**wanted, "client_metadata": {**wanted["client_metadata"], **mark_values(mark)}}

    def defaults(self, owner: Owner, spec: Auth0ClientSpec) -> Wanted:
        app_type = spec.app_type or "non_interactive"
        keeps_secrets = app_type in ("non_interactive", "regular_web")
        return {
            "app_type": app_type,
            "grant_types": GRANTS[app_type],
            "oidc_conformant": True,
            "jwt_configuration": {"alg": "RS256"},
            "token_endpoint_auth_method": "client_secret_post" if keeps_secrets else "none",
        }

    async def observe(self, conn: Session, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.clients.get(external_id)
        return None if raw is None else _seen(raw, mark)

    async def find(self, conn: Session, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        found = await conn.clients.find(lambda raw: bool(whose(raw.get("client_metadata"), mark)[0]))
        return [_seen(raw, mark) for raw in found]

    async def apply(self, conn: Session, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        if plan.action is Action.CREATE:
            raw = await conn.clients.create(plan.values())
        else:
            assert plan.external_id is not None
            raw = await conn.clients.update(plan.external_id, plan.values())
        return Applied(raw["client_id"], _seen(raw, mark))

    async def delete(self, conn: Session, seen: Seen, refs: Resolved) -> Deletion:
        await conn.clients.delete(seen.id)
        return Deletion(done=True)

    def secret_names(self, owner: Owner, spec: Auth0ClientSpec) -> Sequence[str]:
        return [spec.credentials_secret.name] if spec.credentials_secret else []

    async def outputs(self, conn: Session, spec: Auth0ClientSpec, situation: Situation) -> Outputs:
        raw = situation.seen.raw
        status: dict[str, Any] = {"clientId": situation.seen.id, "name": raw.get("name"), "credentialsSecretName": None}
        template = spec.credentials_secret
        if template is None:
            return Outputs(status)
        data: dict[str, Sensitive | str] = {
            **(template.data or {}),
            "type": "auth0",
            "provider": "auth0",
            "issuer": conn.issuer,
            "domain": conn.issuer.removeprefix("https://").rstrip("/"),
            "token-url": f"{conn.issuer}oauth/token",
            "client-id": situation.seen.id,
        }
        if raw.get("token_endpoint_auth_method") != "none":
            data["client-secret"] = await self._secret(conn, situation, template.name)
        status["credentialsSecretName"] = template.name
        return Outputs(status, [SecretOutput(template.name, data, template.labels or {})])

    async def _secret(self, conn: Session, situation: Situation, name: str) -> Sensitive:
        """The application's secret: from the answer at hand, from our Secret, or, when it was lost, a new one."""
        if shown := situation.seen.raw.get("client_secret"):
            return Sensitive(shown)
        kept: Mapping[str, Sensitive] = situation.secrets.get(name) or {}
        client_id = kept.get("client-id")
        if client_id is not None and client_id.reveal() == situation.seen.id and kept.get("client-secret"):
            return kept["client-secret"]
        return Sensitive((await conn.clients.rotate_secret(situation.seen.id))["client_secret"])


def _seen(raw: Mapping[str, Any], mark: Mark) -> Seen:
    ours, holder = whose(raw.get("client_metadata"), mark)
    return Seen(raw["client_id"], raw, raw, ours, holder)
