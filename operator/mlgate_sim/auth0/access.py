"""Who may call the Management API: the token's signature, audience and lifetime, then the route's scopes.

Source: shared facts, auth0 section 2.5; the 403 as recorded on `/organizations/{id}/clients`.
"""

from __future__ import annotations

from typing import Any

import jwt

from mlgate_sim.auth0.errors import ApiError, unauthorized
from mlgate_sim.auth0.tenant import Tenant


def caller_claims(tenant: Tenant, authorization: str | None, now: float) -> dict[str, Any]:
    """The claims of a valid management token. Raises ApiError (401)."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthorized("Missing authentication")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise unauthorized("Invalid token.") from None
    key = tenant.keys.with_kid(header.get("kid"))
    if key is None:
        raise unauthorized("Invalid token.")
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.public_pem,
            algorithms=["RS256", "PS256"],
            issuer=tenant.issuer,
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False},
        )
    except jwt.InvalidTokenError:
        raise unauthorized("Invalid token.") from None
    audience = claims.get("aud")
    if tenant.management_audience not in (audience if isinstance(audience, list) else [audience]):
        raise unauthorized(f"Bad audience: {audience}")
    if not isinstance(claims.get("exp"), int | float) or claims["exp"] <= now:
        raise unauthorized("Expired token received for JSON Web Token validation")
    return claims


def require_scope(scopes: frozenset[str], any_of: tuple[str, ...]) -> None:
    """Raises ApiError (403) unless the token has one of these scopes."""
    if not scopes.intersection(any_of):
        raise ApiError(403, f"Insufficient scope, expected any of: {','.join(any_of)}", "insufficient_scope")
