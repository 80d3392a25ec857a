"""Who may call the simulated ARM: a token of this tenant's Entra, for ARM, not expired. Otherwise one of five 401s.

Codes as reported in public: AuthenticationFailed (none sent), InvalidAuthenticationToken (malformed or not signed
by this tenant), ExpiredAuthenticationToken, InvalidAuthenticationTokenAudience, InvalidAuthenticationTokenTenant;
each with `WWW-Authenticate: Bearer authorization_uri=…`.
"""

from __future__ import annotations

from collections.abc import Sequence

import jwt

from mlgate_sim.azure import arm_errors
from mlgate_sim.azure.arm_message import Json, Refusal
from mlgate_sim.azure.entra import Entra
from mlgate_sim.azure.operations import timestamp


def require_token(entra: Entra, authorization: str | None, audiences: Sequence[str] = ()) -> Json:
    """The claims of the caller's token, meant for one of `audiences` (empty: for ARM). Raises Refusal (401)."""
    accepted = audiences or entra.arm_audiences()
    if not authorization:
        message = "Authentication failed. The 'Authorization' header is missing."
        raise _refuse(entra, "AuthenticationFailed", message)
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        message = f"The authentication scheme '{scheme}' is not supported; use Bearer."
        raise _refuse(entra, "AuthenticationFailed", message)
    try:
        claims = entra.signer.claims(token.strip())
    except jwt.InvalidTokenError as error:
        raise _refuse(entra, "InvalidAuthenticationToken", "The access token is invalid.") from error
    if not entra.settings.knows_tenant(str(claims.get("tid", ""))):
        message = (
            f"The access token is from the wrong issuer '{claims.get('iss')}'. It must match the tenant "
            f"'https://sts.windows.net/{entra.settings.tenant}/' associated with this subscription."
        )
        raise _refuse(entra, "InvalidAuthenticationTokenTenant", message)
    audience = str(claims.get("aud", ""))
    if audience.rstrip("/") not in accepted:
        message = (
            f"The access token has been obtained for wrong audience or resource '{audience}'. It should exactly match "
            f"with one of the allowed audiences {', '.join(repr(one + '/') for one in accepted)}."
        )
        raise _refuse(entra, "InvalidAuthenticationTokenAudience", message)
    if entra.signer.is_expired(claims):
        message = (
            f"The access token expiry UTC time '{timestamp(float(claims.get('exp', 0)))}' is earlier than current UTC "
            f"time '{timestamp(entra.signer.clock())}'."
        )
        raise _refuse(entra, "ExpiredAuthenticationToken", message)
    return claims


def _refuse(entra: Entra, code: str, message: str) -> Refusal:
    # The real one names login.windows.net; nothing here may send a client off this machine.
    uri = f"{entra.origin}/{entra.settings.tenant}"
    challenge = f'Bearer authorization_uri="{uri}", error="invalid_token", error_description="{message}"'
    return arm_errors.gateway(401, code, message, {"WWW-Authenticate": challenge})
