"""Applications (clients): their defaults, how a PATCH changes them, what of them a token may see.

Source: shared facts, auth0 sections 2.2 (table and defaults by app_type) and 8; recordings TestAccClient*.
Names are not unique. Deleting one twice answers 204 twice. A client that authenticates with a key shows no
client_secret.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from mlgate_sim.auth0 import validation
from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.credentials import new_credential, shown
from mlgate_sim.auth0.errors import ApiError
from mlgate_sim.auth0.merge import patched
from mlgate_sim.auth0.pages import only_fields, page_of
from mlgate_sim.auth0.tenant import Tenant, new_client_id, new_client_secret, tenant_name

MERGING = (
    "jwt_configuration",
    "session_transfer",
    "native_social_login",
    "mobile",
    "signed_request_object",
    "client_metadata",
    "refresh_token",
)
KEY_FIELDS = ("client_secret", "signing_keys", "encryption_key")  # only with read:client_keys
ALL_GRANTS = ["authorization_code", "implicit", "refresh_token", "client_credentials"]
PUBLIC_GRANTS = ["authorization_code", "implicit", "refresh_token"]
SESSION_TRANSFER = {
    "can_create_session_transfer_token": False,
    "allowed_authentication_methods": [],
    "enforce_device_binding": "ip",
    "allow_refresh_token": False,
    "enforce_online_refresh_tokens": True,
    "enforce_cascade_revocation": True,
}
STRICT_THIRD_PARTY = {"grant_types": ["authorization_code"], "oidc_conformant": True}
CLEARED_BY_EMPTY = ("initiate_login_uri",)  # "" removes it, where other strings stay as "" (TestAccClientConfig)
EXPRESS_CALLBACK = "https://system-admin.okta.com/admin/app/generic/oauth20redirect"


class Clients:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        reads = ("read:clients", "read:client_keys", "read:client_summary")
        updates = ("update:clients", "update:client_keys", "update:client_credentials", "update:client_token_vault")
        yield Route("GET", "/clients", reads, Clients.list_all)
        yield Route("POST", "/clients", ("create:clients",), Clients.create)
        yield Route("GET", "/clients/{client_id}", reads, Clients.get)
        yield Route("PATCH", "/clients/{client_id}", updates, Clients.update)
        yield Route("DELETE", "/clients/{client_id}", ("delete:clients",), Clients.delete)
        yield Route("POST", "/clients/{client_id}/rotate-secret", ("update:client_keys",), Clients.rotate_secret)

    def list_all(self, call: Call) -> Reply:
        refuse_hidden_fields(call)
        kinds = (call.one("app_type") or "").split(",") if call.one("app_type") else None
        found = [
            client
            for client in self.tenant.visible(self.tenant.clients.items(), call.now)
            if call.truth("is_global") in {None, bool(client.get("global"))}
            and call.truth("is_first_party") in {None, bool(client.get("is_first_party"))}
            and (kinds is None or client.get("app_type") in kinds)
        ]
        keys = self._signing_keys("deprecated")

        def show(client: Json) -> Json:
            return selected(call, visible_to(client, call.scopes, keys))

        return 200, page_of(call, "clients", found, show, key="client_id", checkpoint=True)

    def get(self, call: Call) -> Reply:
        refuse_hidden_fields(call)
        return 200, selected(call, visible_to(self._one(call), call.scopes, self._signing_keys("deprecated")))

    def create(self, call: Call) -> Reply:
        body = call.json_object()
        validation.known_only(body, validation.CLIENT_POST)
        validation.required(body, "name")
        validation.client(body)
        validation.client_metadata(body.get("client_metadata") or {})
        self.tenant.check_entity_limit("clients")
        client_id = new_client_id(third_party=is_strict(body))
        client = {"tenant": tenant_name(self.tenant.domain), **new_client(body), "client_id": client_id}
        refuse_machine_without_credentials(client)
        self._make_credentials(client, call.now)
        self.tenant.clients[client_id] = client
        self.tenant.created_at[client_id] = call.now
        self._link_resource_server(client)
        keys = self._signing_keys(f"/CN={self.tenant.domain}")
        answer = {**presented(client), "encrypted": True, "signing_keys": keys}
        self._show_made_credentials(answer)
        return 201, answer

    def update(self, call: Call) -> Reply:
        client = self._one(call)
        body = call.json_object()
        validation.known_only(body, validation.CLIENT_PATCH)
        validation.client(body)
        if client.get("global") and set(body) - {"custom_login_page", "custom_login_page_on"}:
            raise ApiError(400, "Only the custom login page of the global client can be changed.", "invalid_body")
        after = updated_client(client, body)
        refuse_machine_without_credentials(after)
        validation.client_metadata(after.get("client_metadata") or {})
        self._make_credentials(after, call.now)
        self._check_credentials(after)
        self.tenant.clients[client["client_id"]] = after
        return 200, visible_to(after, call.scopes, self._signing_keys("deprecated"))

    def delete(self, call: Call) -> Reply:
        client_id = call.params["client_id"]
        if self.tenant.clients.get(client_id, {}).get("global"):
            raise ApiError(400, "The global client cannot be deleted.", "invalid_body")
        self.tenant.clients.pop(client_id, None)
        self.tenant.credentials.pop(client_id, None)
        for api in self.tenant.resource_servers.values():
            if api.get("client_id") == client_id:
                del api["client_id"]
        for id_ in [id_ for id_, grant in self.tenant.client_grants.items() if grant.get("client_id") == client_id]:
            del self.tenant.client_grants[id_]
        return 204, None

    def rotate_secret(self, call: Call) -> Reply:
        client = self._one(call)
        if client.get("client_authentication_methods"):
            raise ApiError(400, "A client that uses client_authentication_methods has no secret.", "invalid_body")
        client["client_secret"] = new_client_secret()
        return 200, {**presented(client), "signing_keys": self._signing_keys("deprecated")}

    def _link_resource_server(self, client: Json) -> None:
        """An API shows the client that stands for it (TestAccClientMixedTokenExchangeProfiles)."""
        api = self.tenant.api(str(client.get("resource_server_identifier")))
        if api is not None:
            api["client_id"] = client["client_id"]

    def _one(self, call: Call) -> Json:
        client = self.tenant.clients.get(call.params["client_id"])
        if client is None:
            raise ApiError(404, "The client does not exist", "inexistent_client")
        return client

    def _signing_keys(self, subject: str) -> list[Json]:
        certificate = self.tenant.keys.current.jwk()["x5c"][0]
        shown_key: Json = {"cert": certificate, "pkcs7": certificate, "subject": subject}
        if subject != "deprecated":  # only the answer to a POST carries it
            shown_key["key"] = "(not simulated)"
        return [shown_key]

    def _make_credentials(self, client: Json, now: float) -> None:
        """Credentials given whole inside a client are made on the spot and named by their id from then on."""
        for use in _uses(client):
            for position, credential in enumerate(use["credentials"]):
                if "id" not in credential:
                    made = new_credential(credential, now)
                    self.tenant.credentials.setdefault(client["client_id"], {})[made["id"]] = made
                    use["credentials"][position] = {"id": made["id"]}

    def _show_made_credentials(self, answer: Json) -> None:
        """The answer to the POST that made them shows credentials whole; every later answer only their ids."""
        held = self.tenant.credentials.get(answer["client_id"], {})
        for use in _uses(answer):
            use["credentials"] = [shown(held[named["id"]]) for named in use["credentials"] if named["id"] in held]

    def _check_credentials(self, client: Json) -> None:
        held = self.tenant.credentials.get(client["client_id"], {})
        for use in _uses(client):
            for named in use["credentials"]:
                if named.get("id") not in held:
                    raise ApiError(404, "The credential does not exist", "inexistent_credential")


def _uses(client: Json) -> Iterable[dict[str, Any]]:
    """The places of a client that name credentials."""
    methods = client.get("client_authentication_methods") or {}
    for use in [*methods.values(), client.get("signed_request_object") or {}]:
        if isinstance(use, dict) and isinstance(use.get("credentials"), list):
            yield use


def new_client(body: Json) -> Json:
    """A client as the service makes it from a POST, without its ids."""
    given = {name: copy.deepcopy(value) for name, value in body.items() if value is not None}
    kind = given.get("app_type")
    method = given.get("token_endpoint_auth_method")
    client: Json = {
        "global": False,
        "is_first_party": True,
        "is_token_endpoint_ip_header_trusted": False,
        "oidc_conformant": kind in {"resource_server", "express_configuration"},
        "sso_disabled": False,
        "cross_origin_auth": False,
        "cross_origin_authentication": False,
        "callback_url_template": False,
        "custom_login_page_on": True,
        "client_secret": new_client_secret(),
        "grant_types": default_grant_types(kind, method),
        **(STRICT_THIRD_PARTY if is_strict(given) else {}),
        **given,
    }
    with_algorithm = kind in {"resource_server", "express_configuration"}
    defaults: Json = {"secret_encoded": False} | (
        {"alg": "RS256"} if with_algorithm else {"lifetime_in_seconds": 36000}
    )
    if is_strict(given):
        defaults |= {"alg": "RS256", "lifetime_in_seconds": 3600}
    client["jwt_configuration"] = (
        {"secret_encoded": False, **given["jwt_configuration"]} if "jwt_configuration" in given else defaults
    )
    client["refresh_token"] = {**refresh_defaults(method, given.get("refresh_token")), **given.get("refresh_token", {})}
    if is_strict(given) and "refresh_token" not in given:
        client["refresh_token"] |= {"expiration_type": "expiring", "infinite_idle_token_lifetime": False}
    if "session_transfer" in given:
        client["session_transfer"] = {**SESSION_TRANSFER, **given["session_transfer"]}
    if kind == "express_configuration":
        client = {
            "callbacks": [EXPRESS_CALLBACK],
            "organization_usage": "require",
            "organization_require_behavior": "pre_login_prompt",
            "client_authentication_methods": {"private_key_jwt": {"credentials": []}},
            **client,
        }
    return with_logout_alias(client)


def is_strict(body: Json) -> bool:
    """A third-party application under today's stricter rules."""
    return body.get("is_first_party") is False and body.get("third_party_security_mode") == "strict"


def refuse_machine_without_credentials(client: Json) -> None:
    """Method `none` and the client_credentials grant exclude each other (alexkappa/terraform-provider-auth0#256)."""
    if client.get("token_endpoint_auth_method") == "none" and "client_credentials" in client.get("grant_types", []):
        raise ApiError(400, "Invalid grant types: client_credentials", "invalid_body")


def default_grant_types(kind: str | None, method: str | None) -> list[str]:
    if kind == "resource_server":
        return []
    if kind == "express_configuration":
        return ["authorization_code", "client_credentials"]
    return list(PUBLIC_GRANTS if kind in {"spa", "native"} or method == "none" else ALL_GRANTS)


def refresh_defaults(method: str | None, given: Json | None) -> Json:
    """With an authentication method other than `none` in the POST the lifetimes are longer (25 of 25 recorded)."""
    long_lived = method not in {None, "none"}
    expiring = (given or {}).get("expiration_type") == "expiring"
    return {
        "rotation_type": "non-rotating",
        "expiration_type": "non-expiring",
        "leeway": 0,
        "token_lifetime": 31557600 if long_lived else 2592000,
        "infinite_token_lifetime": not expiring,
        "infinite_idle_token_lifetime": not expiring,
        "idle_token_lifetime": 2592000 if long_lived else 1296000,
    }


def with_logout_alias(client: Json) -> Json:
    """`oidc_backchannel_logout` and the URLs of `oidc_logout` are two names of one thing."""
    urls = (client.get("oidc_logout") or {}).get("backchannel_logout_urls")
    if urls is not None:
        client["oidc_backchannel_logout"] = {"backchannel_logout_urls": list(urls)}
    return client


def updated_client(client: Json, body: Json) -> Json:
    """A client after a PATCH."""
    after = patched(client, body, merging=MERGING)
    if "session_transfer" in body and body["session_transfer"] is not None:
        after["session_transfer"] = {**SESSION_TRANSFER, **after["session_transfer"]}
    if body.get("oidc_backchannel_logout", ...) is None or body.get("oidc_logout", ...) is None:
        after.pop("oidc_logout", None)
        after.pop("oidc_backchannel_logout", None)
    for name in CLEARED_BY_EMPTY:
        if after.get(name) == "":
            del after[name]
    return with_logout_alias(after)


def presented(client: Json) -> Json:
    """A client without what the service keeps to itself."""
    hidden = {"client_secret"} if client.get("client_authentication_methods") else set()
    return {name: copy.deepcopy(value) for name, value in client.items() if name not in hidden}


def visible_to(client: Json, scopes: frozenset[str], signing_keys: list[Json]) -> Json:
    """What a token with these scopes sees."""
    answer = {**presented(client), "signing_keys": signing_keys}
    if "read:client_keys" not in scopes:
        answer = {name: value for name, value in answer.items() if name not in KEY_FIELDS}
    return answer


def selected(call: Call, client: Json) -> Json:
    """The fields asked for; `tenant` comes along whatever was asked (TestClient_List)."""
    chosen = only_fields(call, client)
    return {"tenant": client["tenant"], **chosen} if "tenant" in client else chosen


def refuse_hidden_fields(call: Call) -> None:
    """Asking by name for what the token may not see is refused, not ignored (403)."""
    asked = [name.strip() for name in (call.one("fields") or "").split(",")]
    hidden = [name for name in asked if name in KEY_FIELDS]
    if hidden and call.truth("include_fields") is not False and "read:client_keys" not in call.scopes:
        raise ApiError(403, f"You cannot read the following fields: {', '.join(hidden)}", "insufficient_scope")
