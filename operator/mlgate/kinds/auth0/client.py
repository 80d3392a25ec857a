"""Auth0Client: an application.

Names are not unique, so the application carries our mark in `client_metadata`. Nested objects and `client_metadata` are
merged by the service, lists are replaced (shared facts, auth0 section 2.2). Even a machine-to-machine application gets
`implicit` unless told otherwise, so new ones get explicit secure defaults. What an application proves itself with is
made and rotated in `application_credentials`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...api.auth0client import AUTH0_CLIENT, Auth0ClientSpec
from ...api.managed import ManagedSpec
from ...auth0 import Session
from ...engine.fields import Alike, CreateOnly, Exact, Fields, MapOf, Nested, SetOf, Unseen
from ...engine.marks import Mark
from ...engine.plan import Action, Plan
from ...engine.protocols import (
    HEALTHY,
    Applied,
    Deletion,
    Health,
    Outputs,
    Owner,
    SecretOutput,
    Seen,
    Situation,
    Wanted,
)
from ...engine.references import Ref, Resolved
from ...errors import Trouble
from ...reasons import Reason
from ...sensitive import Sensitive
from .. import links
from . import application_certificates, secret_settings
from .application_credentials import Proof, client_secret, due, private_key, remove_keys, uses_key
from .on_auth0 import EVERY, OnAuth0, mark_values, may, snake, unmarked, whose
from .secret_settings import Hiding, SecretSettings, put, refuse_secrets

PRIVATE_KEY_JWT = "private_key_jwt"
GRANTS = {
    "non_interactive": ["client_credentials"],
    "regular_web": ["authorization_code", "refresh_token"],
    "spa": ["authorization_code", "refresh_token"],
    "native": ["authorization_code", "refresh_token"],
}
"""What a new application may do when the manifest does not say: the secure minimum of its type."""

NOT_ON_THE_WIRE = frozenset(
    {"tenant_ref", "allowed_namespaces", "credentials_secret", "unset", "client_metadata", "addon_secrets"}
) | frozenset(ManagedSpec.model_fields)
"""Fields of the manifest that are about the object here. All others are on the wire by the same name in snake_case."""

BY_KEY: dict[str, dict[str, str]] = {PRIVATE_KEY_JWT: {}}
"""The wish for keys: which ones is decided, and brought about, by `application_credentials`."""


def _same_methods(wanted: Any, seen: Any) -> bool:
    return bool(wanted == BY_KEY or _in_order(wanted) == _in_order(seen))


def _in_order(value: Any) -> Any:
    """Ids of credentials, whose order means nothing, in one order."""
    if isinstance(value, Mapping):
        return {name: _in_order(below) for name, below in value.items() if below} or None
    return sorted(value, key=str) if isinstance(value, list) else value


def _same_grants(wanted: Any, seen: Any) -> bool:
    """Neither the order of grants nor that of their scopes means anything."""
    one, other = (sorted((_in_order(grant) for grant in grants or ()), key=str) for grants in (wanted, seen))
    return one == other


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
    signed_request_object=Nested(merges=True, fields={"credentials": SetOf(("id",))}),
    token_vault_privileged_access=Nested(
        merges=False, fields={"credentials": SetOf(("id",)), "grants": Alike(_same_grants), "ip_allowlist": SetOf()}
    ),
    express_configuration=Nested(merges=False, fields={"linked_clients": SetOf(("client_id",))}),
    resource_server_identifier=CreateOnly(),
    credentials=SetOf(("id",), shared=True),
    credential_bodies=Unseen(),
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
    addons=Hiding(REPLACED),
    addon_secrets=SecretSettings(),
    default_organization=Nested(merges=False, fields={"flows": SetOf()}),
    token_exchange=Nested(merges=False, fields={"allow_any_profile_of_type": SetOf()}),
    my_organization_configuration=Nested(merges=False, fields={"allowed_strategies": SetOf()}),
    client_authentication_methods=Alike(_same_methods),
)
"""What a PATCH does to each field: which nested objects the service merges and which it replaces (shared facts, auth0
section 2.2; recordings TestAccClient*, TestAccClientSessionTransfer, TestAccClientAddons)."""


class Auth0Client(OnAuth0[Auth0ClientSpec]):
    type = AUTH0_CLIENT
    scopes = may(EVERY, "clients", "client_credentials") | may(("read",), "client_keys")
    looks_before_deleting = True
    fields = FIELDS

    def references(self, owner: Owner, spec: Auth0ClientSpec) -> Iterable[Ref]:
        yield links.tenant(owner, spec.tenant_ref)
        yield from secret_settings.references(owner, spec.addon_secrets, "addonSecrets")

    def desired(self, owner: Owner, spec: Auth0ClientSpec, refs: Resolved) -> Wanted:
        written = spec.model_dump(exclude=set(NOT_ON_THE_WIRE), by_alias=False, exclude_unset=True, exclude_none=True)
        paths = [secret.path for secret in spec.addon_secrets or ()]
        refuse_secrets(written.get("addons") or {}, paths, field="addons", secrets="addonSecrets")
        wanted: dict[str, Any] = {**written, "name": spec.name or owner.name}
        if spec.addon_secrets is not None:
            wanted["addon_secrets"] = secret_settings.values(owner, spec.addon_secrets, refs, "addonSecrets")
        wanted["client_metadata"] = dict(spec.client_metadata or {})
        wanted |= dict.fromkeys(snake(name) for name in spec.unset or ())
        if spec.token_endpoint_auth_method == PRIVATE_KEY_JWT:
            del wanted["token_endpoint_auth_method"]
            wanted["client_authentication_methods"] = BY_KEY
        elif spec.token_endpoint_auth_method is not None:
            wanted["client_authentication_methods"] = None  # the two exclude each other
        elif spec.client_authentication_methods is not None:
            wanted["token_endpoint_auth_method"] = None
        return application_certificates.worded(wanted)

    def with_mark(self, wanted: Wanted, mark: Mark) -> Wanted:
        return {**wanted, "client_metadata": {**wanted["client_metadata"], **mark_values(mark)}}

    def defaults(self, owner: Owner, spec: Auth0ClientSpec) -> Wanted:
        app_type = spec.app_type or "non_interactive"
        if app_type == "express_configuration":  # comes with keys, and with no other grants than it needs
            return {"app_type": app_type}
        method = "none" if app_type in ("spa", "native") else "client_secret_post"
        by_key = spec.token_endpoint_auth_method == PRIVATE_KEY_JWT or spec.client_authentication_methods
        return {
            "app_type": app_type,
            "grant_types": GRANTS.get(app_type, []),
            "oidc_conformant": True,
            "jwt_configuration": {"alg": "RS256"},
            **({} if by_key else {"token_endpoint_auth_method": method}),
        }

    async def observe(self, conn: Session, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.clients.get(external_id)
        if raw is None or not application_certificates.looked_at(wanted):
            return None if raw is None else _seen(raw, mark)
        held = await conn.clients.credentials(external_id)
        return _seen(raw, mark, application_certificates.seen_with(raw, held, wanted))

    async def find(self, conn: Session, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        found = await conn.clients.find(lambda raw: bool(whose(raw.get("client_metadata"), mark)[0]))
        return [_seen(raw, mark) for raw in found]

    async def apply(self, conn: Session, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        if plan.action is Action.CREATE:
            raw = await conn.clients.create(application_certificates.without(_made_with(plan)))
            if not application_certificates.changes(plan):
                return Applied(raw["client_id"], _seen(raw, mark))
            try:
                named = {name: plan.wanted[name] for name in application_certificates.PLACES if plan.wanted.get(name)}
                await application_certificates.carry_out(conn, raw["client_id"], plan, named)
            except Trouble as trouble:
                return Applied(raw["client_id"], trouble=trouble)
            return Applied(raw["client_id"])
        assert plan.external_id is not None
        body = _changed_with(plan, seen)
        if application_certificates.changes(plan):
            await application_certificates.carry_out(conn, plan.external_id, plan, body)
            return Applied(plan.external_id)
        raw = await conn.clients.update(plan.external_id, body)
        return Applied(raw["client_id"], _seen(raw, mark))

    def spared(self, conn: Session, seen: Seen, status: Mapping[str, Any]) -> str:
        if seen.id == conn.own_client:
            return "it is the application that mlgate itself signs in with"
        if seen.raw.get("global"):
            return "it is the tenant's global client"
        return unmarked(seen)

    async def delete(self, conn: Session, seen: Seen, refs: Resolved) -> Deletion:
        await conn.clients.delete(seen.id)
        return Deletion(done=True)

    def health(self, wanted: Wanted, seen: Seen) -> Health:
        if PRIVATE_KEY_JWT in (wanted.get("client_authentication_methods") or {}) and not uses_key(seen.raw):
            return Health(False, Reason.CREATING, "The public key is on its way to Auth0.", settled=False)
        return HEALTHY

    def secret_names(self, owner: Owner, spec: Auth0ClientSpec) -> Sequence[str]:
        return [spec.credentials_secret.name] if spec.credentials_secret else []

    async def outputs(self, conn: Session, spec: Auth0ClientSpec, situation: Situation) -> Outputs:
        raw = situation.seen.raw
        status: dict[str, Any] = {
            "clientId": situation.seen.id,
            "name": raw.get("name"),
            "credentialsSecretName": None,
            "credential": None,
        }
        template = spec.credentials_secret
        if template is None:
            return Outputs(status)
        proof = await self._proof(conn, spec, situation)
        if proof.needs and not proof.entries:  # no Secret yet, or the one of before stays as it is
            name = situation.status.get("credentialsSecretName")
            return Outputs({**status, "credentialsSecretName": name, "credential": proof.status}, needs=proof.needs)
        data: dict[str, Sensitive | str] = {
            **(template.data or {}),
            "type": "auth0",
            "provider": "auth0",
            "issuer": conn.issuer,
            "domain": conn.issuer.removeprefix("https://").rstrip("/"),
            "token-url": f"{conn.issuer}oauth/token",
            "client-id": situation.seen.id,
            **proof.entries,
        }
        status |= {"credentialsSecretName": template.name, "credential": proof.status}
        secret = SecretOutput(template.name, data, template.labels or {})
        return Outputs(status, [secret], proof.again, trouble=proof.trouble, needs=proof.needs)

    def next_look(self, status: Mapping[str, Any]) -> float | None:
        return due(status.get("credential") or {})

    @staticmethod
    async def _proof(conn: Session, spec: Auth0ClientSpec, situation: Situation) -> Proof:
        assert spec.credentials_secret is not None
        if spec.token_endpoint_auth_method == PRIVATE_KEY_JWT:
            return await private_key(conn, spec.credentials_secret, situation)
        if (situation.status.get("credential") or {}).get("method") == "PrivateKeyJWT":
            needs = await remove_keys(conn, situation.seen.id)
            if needs:
                return Proof(status=situation.status["credential"], needs=needs)
        if situation.seen.raw.get("token_endpoint_auth_method") == "none":
            return Proof()
        return await client_secret(conn, spec.credentials_secret, situation)


def _made_with(plan: Plan) -> dict[str, Any]:
    """The body of a POST: null means nothing there, and keys come later."""
    body = {n: v for n, v in plan.values().items() if v is not None and v != BY_KEY}
    return _with_addons(body, body.get("addons"), body.pop("addon_secrets", None))


def _changed_with(plan: Plan, seen: Seen | None) -> dict[str, Any]:
    """The body of a PATCH: `oidc_logout` goes by null under its older name (TestAccClientOIDCLogout)."""
    body = plan.values()
    if "oidc_logout" in body and body["oidc_logout"] is None:
        body["oidc_backchannel_logout"] = body.pop("oidc_logout")
    changed = body.pop("addon_secrets", None)
    if "addons" in body or changed:
        there = seen.raw.get("addons") if seen else None
        _with_addons(body, body.get("addons", there), plan.wanted.get("addon_secrets"))
    return body


def _with_addons(body: dict[str, Any], addons: Any, secrets: Mapping[str, Sensitive] | None) -> dict[str, Any]:
    """Add-ons are replaced whole, so their secrets go along with every change of them (TestAccClientAddons)."""
    if secrets:
        body["addons"] = put(copy.deepcopy(dict(addons or {})), secrets)
    return body


def _seen(raw: Mapping[str, Any], mark: Mark, worded: Mapping[str, Any] | None = None) -> Seen:
    ours, holder = whose(raw.get("client_metadata"), mark)
    return Seen(raw["client_id"], {**(worded or raw), "addon_secrets": raw.get("addons") or {}}, raw, ours, holder)
