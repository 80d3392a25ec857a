"""Which keys of a JWKS a gateway may trust: public RSA and EC signing keys, nothing else.

A symmetric key in a JWKS would let anyone who can read the (public) document sign tokens, and a private member must not
travel further than it already did; both are dropped here, whatever the document says. So is a key that is malformed:
Envoy refuses the keys of ALL tenants when one of them cannot be parsed (seen on 1.40).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from typing import Any

from mlgate.gateway.model import Jwks

_CURVE_BYTES = {"P-256": 32, "P-384": 48, "P-521": 66}
_SMALLEST_MODULUS = 256  # bytes: RSA 2048, what RFC 7518 section 3.3 asks for
_LARGEST_MODULUS = 1024
_DESCRIPTIVE_MEMBERS = ("kid", "alg", "use")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_ALGORITHM = {
    "RSA": re.compile(r"[RP]S(256|384|512)"),
    "EC": re.compile(r"ES(256|384|512)"),
}


def signing_keys(jwks: Jwks | None) -> list[dict[str, str]]:
    """The usable keys in the document's order; empty when there is none (the caller then fails closed)."""
    found = jwks.get("keys") if jwks else None
    if not isinstance(found, list):
        return []
    return [key for each in found if (key := _public(each)) is not None]


def _public(key: Any) -> dict[str, str] | None:
    if not isinstance(key, dict) or key.get("use", "sig") != "sig":
        return None
    kind = key.get("kty")
    algorithm = _ALGORITHM.get(kind) if isinstance(kind, str) else None
    if algorithm is None or ("alg" in key and not algorithm.fullmatch(str(key["alg"]))):
        return None
    members = _rsa(key) if kind == "RSA" else _ec(key)
    if members is None:
        return None
    described = {member: key[member] for member in _DESCRIPTIVE_MEMBERS if isinstance(key.get(member), str)}
    return {"kty": str(kind), **described, **members}


def _rsa(key: dict[str, Any]) -> dict[str, str] | None:
    modulus, exponent = _octets(key.get("n")), _octets(key.get("e"))
    if modulus is None or exponent is None or not _SMALLEST_MODULUS <= len(modulus.lstrip(b"\0")) <= _LARGEST_MODULUS:
        return None
    if int.from_bytes(exponent) < 3 or int.from_bytes(exponent) % 2 == 0 or len(exponent) > 4:
        return None
    return {"n": key["n"], "e": key["e"]}


def _ec(key: dict[str, Any]) -> dict[str, str] | None:
    curve = key.get("crv")
    size = _CURVE_BYTES.get(curve) if isinstance(curve, str) else None
    x, y = _octets(key.get("x")), _octets(key.get("y"))
    if size is None or x is None or y is None or len(x) != size or len(y) != size:
        return None
    return {"crv": str(curve), "x": key["x"], "y": key["y"]}


def _octets(text: Any) -> bytes | None:
    """base64url without padding (RFC 7515); None when it is not."""
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        return None
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
