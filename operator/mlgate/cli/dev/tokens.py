"""An access token for an application, from what is in its Secret: what a workload does with the Secret it mounts.

Keys of the Secret: `client-id`, `client-secret` or `private-key` (private_key_jwt, RFC 7523), `issuer`, `token-url`, and
`audience` where the application was granted just one.
"""

from __future__ import annotations

import secrets
import ssl
import time
from dataclasses import dataclass

import httpx
import jwt

from ...sensitive import Sensitive
from ...store.protocol import Object
from .manifests import secret_values

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class TokenRefused(Exception):
    """No token: the Secret is not one of an application, or the tenant said no. The message has no secret in it."""


@dataclass(frozen=True, slots=True)
class Application:
    """What a Secret says."""

    client_id: str
    issuer: str
    token_url: str
    audience: str | None
    client_secret: Sensitive | None
    private_key: Sensitive | None
    key_id: str | None = None


def application(secret: Object | None, name: str) -> Application:
    """Reads a Secret. Raises TokenRefused."""
    if secret is None:
        raise TokenRefused(f"there is no Secret {name}")
    values = secret_values(secret)
    missing = [key for key in ("client-id", "token-url") if not values.get(key)]
    if missing:
        raise TokenRefused(f"Secret {name} has no {' and no '.join(missing)}: it belongs to no application")
    hidden = {key: Sensitive(values[key]) for key in ("client-secret", "private-key") if values.get(key)}
    if not hidden:
        raise TokenRefused(f"Secret {name} has neither client-secret nor private-key")
    return Application(
        client_id=values["client-id"],
        issuer=values.get("issuer") or values["token-url"].removesuffix("oauth/token"),
        token_url=values["token-url"],
        audience=values.get("audience"),
        client_secret=hidden.get("client-secret"),
        private_key=hidden.get("private-key"),
        key_id=values.get("key-id"),
    )


async def fetch_token(
    app: Application, audience: str | None = None, *, endpoint: str | None = None, ca_file: str | None = None
) -> Sensitive:
    """The client credentials grant. `endpoint` is where the tenant is reached instead of its domain. Raises
    TokenRefused."""
    wanted = audience or app.audience
    if not wanted:
        raise TokenRefused("it is not clear for which API: name the audience")
    fields = {"grant_type": "client_credentials", "client_id": app.client_id, "audience": wanted}
    if app.private_key is not None:
        fields |= {"client_assertion_type": ASSERTION, "client_assertion": _assertion(app)}
    elif app.client_secret is not None:
        fields["client_secret"] = app.client_secret.reveal()
    url = f"{endpoint.rstrip('/')}/oauth/token" if endpoint else app.token_url
    verify = ssl.create_default_context(cafile=ca_file) if ca_file else True
    try:
        async with httpx.AsyncClient(timeout=15.0, verify=verify) as http:
            answer = await http.post(url, data=fields)
            body = answer.json()
    except httpx.HTTPError as error:
        raise TokenRefused(f"{url} did not answer: {type(error).__name__}") from error
    except ValueError as error:
        raise TokenRefused(f"{url} answered {answer.status_code} and no JSON") from error
    if answer.status_code != 200 or not body.get("access_token"):
        raise TokenRefused(f"{answer.status_code} {body.get('error')}: {body.get('error_description')}")
    return Sensitive(body["access_token"])


def _assertion(app: Application) -> str:
    assert app.private_key is not None
    now = int(time.time())
    claims = {
        "iss": app.client_id,
        "sub": app.client_id,
        "aud": app.issuer,
        "iat": now,
        "exp": now + 60,
        "jti": secrets.token_hex(16),
    }
    headers = {"kid": app.key_id} if app.key_id else None
    return jwt.encode(claims, app.private_key.reveal(), algorithm="RS256", headers=headers)
