"""The management token: fetched once, shared by everybody, kept until close to its expiry, never fetched per reconcile.

Tenants count machine-to-machine tokens (shared facts, auth0 section 5), so 50 callers at once cost one token. The
SDK's own ways are not used: `ManagementClient` and `auth0.authentication.GetToken` open connections of their own to
`https://{domain}`, past the injected transport with its time limit, certificate authority and request log, and GetToken
blocks. What they send is a plain OAuth form, so that is what is sent here.
Private Key JWT: RFC 7523; Auth0 takes as `aud` the issuer as one string (docs: Private Key JWT; SDK 6.8 the same).
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import jwt

from ..errors import Terminal
from ..flight import Flight
from ..reasons import Reason
from ..sensitive import Sensitive
from .access import TenantAccess

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIFETIME = 180
"""Seconds; as the SDK has it. Auth0 refuses more than 300."""
TOLERATED_SKEW = 60.0
"""Seconds that our clock may be ahead of Auth0's or behind: the assertion says that it is that old already."""
_ASSUMED_LIFETIME = 3600.0
"""Seconds, where the answer does not say `expires_in` (it always does)."""


@dataclass(frozen=True, slots=True)
class Token:
    """A management token. `good_until` is on the clock that Tokens was given."""

    bearer: Sensitive
    good_until: float
    scopes: frozenset[str] = field(default_factory=frozenset)


def renew_after(lifetime: float) -> float:
    """Seconds after which a token of `lifetime` seconds is replaced: 60 s or 5 % before its end, for short ones half."""
    return lifetime - min(max(60.0, lifetime * 0.05), lifetime / 2)


def token_form(access: TenantAccess, *, now: float) -> dict[str, str]:
    """The form of the token request. `now` is UNIX time. Raises Terminal when the private key cannot sign."""
    form = {"grant_type": "client_credentials", "client_id": access.client_id, "audience": access.audience}
    if access.client_secret is not None:
        return form | {"client_secret": access.client_secret.reveal()}
    assert access.private_key_pem is not None
    claims: dict[str, object] = {
        "iss": access.client_id,
        "sub": access.client_id,
        "aud": access.issuer,
        "iat": int(now - TOLERATED_SKEW),
        "exp": int(now) + _ASSERTION_LIFETIME,
        "jti": uuid.uuid4().hex,
    }
    try:
        assertion = jwt.encode(claims, access.private_key_pem.reveal(), algorithm=access.signing_alg)
    except (jwt.PyJWTError, ValueError, TypeError, NotImplementedError):
        raise Terminal(
            f"The private key in {access.secret_called} cannot sign with {access.signing_alg}. Put an unencrypted "
            f"private key in PEM there whose public half the client of {access.called} knows.",
            reason=Reason.CREDENTIALS_MISSING,
        ) from None
    return form | {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": assertion}


def scopes_of(said: object, bearer: str) -> frozenset[str]:
    """The scopes granted: the answer's `scope`, else the token's own claim (not verified: it is only shown)."""
    if not isinstance(said, str):
        try:
            said = jwt.decode(bearer, options={"verify_signature": False}).get("scope", "")
        except jwt.PyJWTError:
            said = ""
    return frozenset(str(said).split())


class Tokens:
    """The one token of a session. `fetch` gets a new one; it raises `errors` and they reach everybody who waits."""

    def __init__(self, fetch: Callable[[], Awaitable[Token]], *, clock: Callable[[], float]) -> None:
        self._flight = Flight(fetch)
        self._clock = clock
        self._token: Token | None = None

    async def get(self) -> Token:
        """The token at hand while it is good, else a new one."""
        token = self._token
        if token is None or self._clock() >= token.good_until:
            token = self._token = await self._flight.join()
        return token

    def refused(self, token: Token) -> None:
        """The service does not take `token` any more; a newer one stays."""
        if self._token is token:
            self._token = None

    async def close(self) -> None:
        """Ends a fetch under way and forgets the token."""
        await self._flight.cancel()
        self._token = None
