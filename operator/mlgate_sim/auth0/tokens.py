"""The token endpoint for machines: client_credentials with a secret (post or basic) or a private-key JWT.

Source: shared facts, auth0 sections 4 and 5 (claims per dialect, aud of the assertion); messages as users quote them:
auth0/ruby-auth0#610 and auth0/auth0-python#173 (no client grant), auth0/node-auth0#682 (wrong credentials).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import jwt

from mlgate_sim.auth0.call import Json
from mlgate_sim.auth0.credentials import is_expired
from mlgate_sim.auth0.errors import OAuthError
from mlgate_sim.auth0.keys import sign
from mlgate_sim.auth0.tenant import Tenant

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CLOCK_SKEW = 30  # seconds
LONGEST_ASSERTION = 300  # seconds
GRANT_HELP = "https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants"


def issue_token(tenant: Tenant, fields: Mapping[str, Any], authorization: str | None, now: float) -> Json:
    """The answer to `POST /oauth/token`. Raises OAuthError."""
    grant_type = fields.get("grant_type")
    if not grant_type:
        raise OAuthError(403, "invalid_request", "Missing required parameter: grant_type")
    if grant_type != "client_credentials":
        raise OAuthError(403, "unsupported_grant_type", f"Unsupported grant type: {grant_type}")
    client = authenticate(tenant, fields, authorization, now)
    if "client_credentials" not in client.get("grant_types", []):
        raise OAuthError(
            403,
            "unauthorized_client",
            "Grant type 'client_credentials' not allowed for the client.",
            error_uri="https://auth0.com/docs/clients/client-grant-types",
        )
    audience = fields.get("audience") or tenant.settings.get("default_audience")
    if not audience:
        raise OAuthError(403, "access_denied", "Non-global clients are not allowed access to APIv1")
    api = tenant.api(str(audience))
    if api is None:
        raise OAuthError(403, "access_denied", f"Service not enabled within domain: {audience}")
    scopes = granted_scopes(tenant, client, api, str(fields.get("scope") or "").split())
    answer: Json = {"access_token": access_token(tenant, client, api, scopes, now)}
    if scopes:
        answer["scope"] = " ".join(scopes)
    return {**answer, "expires_in": api["token_lifetime"], "token_type": "Bearer"}


def authenticate(tenant: Tenant, fields: Mapping[str, Any], authorization: str | None, now: float) -> Json:
    """The client that proves who it is. Raises OAuthError (401)."""
    if fields.get("client_assertion"):
        return _by_assertion(tenant, fields, now)
    client_id, secret = str(fields.get("client_id") or ""), str(fields.get("client_secret") or "")
    if authorization and authorization.lower().startswith("basic "):
        client_id, secret = _basic(authorization)
    client = tenant.clients.get(client_id)
    known = str((client or {}).get("client_secret") or "")
    if (
        client is None
        or client.get("client_authentication_methods")
        or client.get("token_endpoint_auth_method") == "none"
        or not secret
        or not hmac.compare_digest(known.encode(), secret.encode())
    ):
        raise OAuthError(401, "access_denied", "Unauthorized")
    return client


def _basic(authorization: str) -> tuple[str, str]:
    try:
        decoded = base64.b64decode(authorization.split(" ", 1)[1], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, IndexError):
        raise OAuthError(401, "access_denied", "Unauthorized") from None
    client_id, _, secret = decoded.partition(":")
    return unquote(client_id), unquote(secret)


def _by_assertion(tenant: Tenant, fields: Mapping[str, Any], now: float) -> Json:
    if fields.get("client_assertion_type") != ASSERTION_TYPE:
        raise OAuthError(401, "invalid_client", f"client_assertion_type must be {ASSERTION_TYPE}")
    assertion = str(fields["client_assertion"])
    try:
        header = jwt.get_unverified_header(assertion)
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise OAuthError(401, "invalid_client", f"Malformed client_assertion: {error}") from None
    client_id = str(fields.get("client_id") or claims.get("sub") or "")
    client = tenant.clients.get(client_id)
    if client is None:
        raise OAuthError(401, "invalid_client", "Unknown client")
    check_assertion(tenant, client, claims, now)
    for credential in assertion_credentials(tenant, client, now):
        if header.get("kid") not in {None, credential["kid"]} or header.get("alg") != credential["alg"]:
            continue
        try:
            jwt.decode(
                assertion,
                credential["pem"],
                algorithms=[credential["alg"]],
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False},
            )
        except jwt.InvalidTokenError:
            continue
        refuse_replay(tenant, client, claims, now)
        return client
    raise OAuthError(401, "invalid_client", "The client_assertion is not signed by a credential of the client")


def check_assertion(tenant: Tenant, client: Json, claims: Mapping[str, Any], now: float) -> None:
    """The claims of an assertion: iss and sub name the client, aud is the issuer as ONE string, exp lies ahead."""
    if claims.get("sub") != client["client_id"] or claims.get("iss") != client["client_id"]:
        raise OAuthError(401, "invalid_client", "iss and sub of the client_assertion must be the client_id")
    if claims.get("aud") != tenant.issuer:
        raise OAuthError(401, "invalid_client", f"aud of the client_assertion must be {tenant.issuer}")
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or expires <= now - CLOCK_SKEW:
        raise OAuthError(401, "invalid_client", "The client_assertion has expired")
    if expires > now + LONGEST_ASSERTION + CLOCK_SKEW:
        raise OAuthError(401, "invalid_client", "The client_assertion is valid for too long")
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        raise OAuthError(401, "invalid_client", "The client_assertion has no jti")
    not_before = claims.get("nbf")
    if isinstance(not_before, int | float) and not_before > now + CLOCK_SKEW:
        raise OAuthError(401, "invalid_client", "The client_assertion is not valid yet")


def refuse_replay(tenant: Tenant, client: Json, claims: Mapping[str, Any], now: float) -> None:
    """Each assertion works once; its jti is remembered while it could be sent again."""
    used = tenant.used_assertions
    for key in [key for key, until in used.items() if until <= now]:
        del used[key]
    key = f"{client['client_id']} {claims['jti']}"
    if key in used:
        raise OAuthError(401, "invalid_client", "The client_assertion was used before")
    used[key] = float(claims["exp"]) + CLOCK_SKEW


def assertion_credentials(tenant: Tenant, client: Json, now: float) -> list[Json]:
    """The credentials that the client has switched on for private_key_jwt and that have not expired."""
    methods = client.get("client_authentication_methods") or {}
    named = (methods.get("private_key_jwt") or {}).get("credentials", [])
    held = tenant.credentials.get(client["client_id"], {})
    found = [held[item["id"]] for item in named if item.get("id") in held]
    return [credential for credential in found if not is_expired(credential, now)]


def granted_scopes(tenant: Tenant, client: Json, api: Json, asked: list[str]) -> list[str]:
    """What the token may carry: the grant's scopes, narrowed to those asked for. Raises OAuthError (403)."""
    grant = next(
        (
            grant
            for grant in tenant.client_grants.values()
            if grant.get("client_id") == client["client_id"]
            and grant["audience"] == api["identifier"]
            and grant.get("subject_type", "client") == "client"
        ),
        None,
    )
    policy = ((api.get("subject_type_authorization") or {}).get("client") or {}).get("policy")
    if grant is None or policy == "deny_all":
        raise OAuthError(
            403,
            "access_denied",
            f'Client is not authorized to access "{api["identifier"]}". You need to create a "client-grant" '
            f"associated to this API. See: {GRANT_HELP}",
        )
    offered = [scope["value"] for scope in api.get("scopes") or []]
    granted = offered if grant.get("allow_all_scopes") else [scope for scope in grant["scope"] if scope in offered]
    missing = [scope for scope in asked if scope not in granted]
    if missing:
        raise OAuthError(403, "access_denied", f"Client has not been granted scopes: {', '.join(missing)}")
    return [scope for scope in granted if scope in asked] if asked else list(granted)


def access_token(tenant: Tenant, client: Json, api: Json, scopes: list[str], now: float) -> str:
    """An access token in the API's dialect. `permissions` only with RBAC on and a dialect that carries it."""
    dialect = str(api.get("token_dialect") or "access_token")
    client_id = client["client_id"]
    claims: Json = {
        "iss": tenant.issuer,
        "sub": f"{client_id}@clients",
        "aud": api["identifier"],
        "iat": int(now),
        "exp": int(now) + int(api["token_lifetime"]),
    }
    if scopes:
        claims["scope"] = " ".join(scopes)
    if dialect.startswith("rfc9068"):
        header = {"typ": "at+jwt"}
        claims |= {"jti": secrets.token_urlsafe(16), "client_id": client_id}
    else:
        header = {"typ": "JWT"}
        claims |= {"gty": "client-credentials", "azp": client_id}
    if api.get("enforce_policies") and dialect.endswith("_authz"):
        claims["permissions"] = list(scopes)
    algorithm = str(api.get("signing_alg") or "RS256")
    if algorithm.startswith("HS"):
        secret = str(api.get("signing_secret") or client.get("client_secret") or "")
        return sign(tenant.keys.current, {**header, "alg": algorithm, "kid": None}, claims, secret.encode())
    return sign(tenant.keys.current, {**header, "alg": algorithm}, claims)


def openid_configuration(issuer: str) -> Json:
    """The discovery document, with what a machine client and a gateway read of it."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}authorize",
        "token_endpoint": f"{issuer}oauth/token",
        "userinfo_endpoint": f"{issuer}userinfo",
        "jwks_uri": f"{issuer}.well-known/jwks.json",
        "revocation_endpoint": f"{issuer}oauth/revoke",
        "scopes_supported": ["openid", "profile", "offline_access", "email"],
        "response_types_supported": ["code", "token", "id_token"],
        "code_challenge_methods_supported": ["S256", "plain"],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "claims_supported": ["aud", "exp", "iat", "iss", "sub"],
        "id_token_signing_alg_values_supported": ["HS256", "RS256", "PS256"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "RS384", "PS256"],
    }
