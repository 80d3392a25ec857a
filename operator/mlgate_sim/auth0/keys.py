"""The tenant's signing keys: what signs access tokens and what the JWKS shows.

After a rotation the previous key stays in the JWKS until it is revoked, as in the service. Tokens are assembled here
and not with a JWT library, because tests need tokens that such a library refuses to make (`alg: none`, HMAC with a
public key).
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

HASHES: dict[str, hashes.HashAlgorithm] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


class SigningKey:
    """One RSA key with its certificate."""

    def __init__(self, private: rsa.RSAPrivateKey, kid: str, domain: str) -> None:
        self.private = private
        self.kid = kid
        self.domain = domain
        self.certificate = _certificate(private, domain)

    @classmethod
    def generate(cls, domain: str) -> SigningKey:
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=2048), secrets.token_urlsafe(16), domain)

    @classmethod
    def from_json(cls, stored: Mapping[str, str]) -> SigningKey:
        # Our own key comes back: checking its primes again costs more than everything else in loading a state.
        private = serialization.load_pem_private_key(
            stored["private_key"].encode(), password=None, unsafe_skip_rsa_key_validation=True
        )
        return cls(cast("rsa.RSAPrivateKey", private), stored["kid"], stored["domain"])

    def as_json(self) -> dict[str, str]:
        private = self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {"kid": self.kid, "domain": self.domain, "private_key": private.decode()}

    @property
    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def jwk(self) -> dict[str, Any]:
        numbers = self.private.public_key().public_numbers()
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        thumbprint = hashlib.sha1(der, usedforsecurity=False).digest()  # x5t is SHA-1 by definition (RFC 7517)
        return {
            "kty": "RSA",
            "use": "sig",
            "n": _integer(numbers.n),
            "e": _integer(numbers.e),
            "kid": self.kid,
            "x5t": base64url(thumbprint),
            "x5c": [base64.b64encode(der).decode()],
            "alg": "RS256",
        }


class KeyRing:
    """The current key and those before it that still stand in the JWKS."""

    def __init__(self, current: SigningKey, previous: list[SigningKey] | None = None) -> None:
        self.current = current
        self.previous = previous or []

    def rotate(self, *, revoke_previous: bool = False) -> SigningKey:
        """A new current key. The previous one stays in the JWKS unless it is revoked."""
        self.previous = [] if revoke_previous else [self.current, *self.previous]
        self.current = SigningKey.generate(self.current.domain)
        return self.current

    def jwks(self) -> dict[str, Any]:
        return {"keys": [key.jwk() for key in [self.current, *self.previous]]}

    def with_kid(self, kid: str | None) -> SigningKey | None:
        return next((key for key in [self.current, *self.previous] if key.kid == kid), None)

    def as_json(self) -> dict[str, Any]:
        return {"current": self.current.as_json(), "previous": [key.as_json() for key in self.previous]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> KeyRing:
        return cls(SigningKey.from_json(stored["current"]), [SigningKey.from_json(key) for key in stored["previous"]])


def sign(
    key: SigningKey, header: Mapping[str, Any], claims: Mapping[str, Any], hmac_secret: bytes | None = None
) -> str:
    """A compact JWT. `header` overrides alg, kid and typ.

    `none` leaves the signature empty; HS* signs with `hmac_secret` or, without one, with the public key's PEM (the
    known confusion attack); an unknown alg is named as asked and signed with RS256.
    """
    full = {"alg": "RS256", "typ": "JWT", "kid": key.kid, **header}
    full = {name: value for name, value in full.items() if value is not None}
    signed = f"{base64url(_compact(full))}.{base64url(_compact(dict(claims)))}"
    return f"{signed}.{base64url(_signature(key, str(full.get('alg', 'RS256')), signed.encode(), hmac_secret))}"


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signature(key: SigningKey, alg: str, signed: bytes, hmac_secret: bytes | None) -> bytes:
    if alg.lower() == "none":
        return b""
    algorithm = HASHES.get(alg[2:], hashes.SHA256())
    if alg.startswith("HS"):
        return hmac.new(hmac_secret or key.public_pem, signed, algorithm.name).digest()
    if alg.startswith("PS"):
        scheme: padding.AsymmetricPadding = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
    else:
        scheme = padding.PKCS1v15()
    return key.private.sign(signed, scheme, algorithm)


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _integer(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _certificate(private: rsa.RSAPrivateKey, domain: str) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain[:64])])
    # A fixed validity keeps the certificate, and so the JWKS, the same after a restart from saved state.
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(int.from_bytes(hashlib.sha256(domain.encode()).digest()[:8], "big") or 1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=365 * 14))
        .sign(private, hashes.SHA256())
    )
