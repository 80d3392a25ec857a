"""Routes and gateways for the unit tests."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

from mlgate.gateway.model import Credential, Gateway, PathType, Route, Rule, Tenant, Upstream
from mlgate.sensitive import Sensitive

MODULUS = urlsafe_b64encode(b"\xc1" * 256).rstrip(b"=").decode()
JWKS = {"keys": [{"kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256", "n": MODULUS, "e": "AQAB"}]}
TENANT = Tenant("ml/main", "https://main.auth0.test/", JWKS)
CREDENTIALS = {"ml/key": Credential("ml/key", Sensitive("CANARY"))}


def route(name: str = "ml/fraud", **different: Any) -> Route:
    usual = {
        "name": name,
        "hostnames": (f"{name.rpartition('/')[2]}.example.com",),
        "upstream": Upstream("https://model.example.net/score", credential="ml/key"),
        "rules": (Rule("/score", PathType.EXACT, ("POST",), ("predict:fraud",)),),
        "tenant": TENANT,
        "audience": "https://fraud.example.com",
    }
    return Route(**{**usual, **different})


def gateway(*routes: Route, **different: Any) -> Gateway:
    return Gateway(name="ml/public", routes=routes, **different)
