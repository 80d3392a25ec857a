"""Credentials of a client: public keys for private_key_jwt, certificates for mTLS.

Source: shared facts, auth0 sections 2.2 and 6.2; recordings TestAccClientCredentials,
TestAccClientAuthenticationMethods*. The kid is the RFC 7638 thumbprint of the key; at most two per application; the
PEM is never returned; a credential works only once the client's `client_authentication_methods` names it.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Iterable
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mlgate_sim.auth0 import validation
from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.errors import ApiError, invalid_body, payload_error
from mlgate_sim.auth0.keys import base64url
from mlgate_sim.auth0.tenant import Tenant, letters

MOST_PER_CLIENT = 2
TYPES = frozenset({"public_key", "cert_subject_dn", "x509_cert"})
HIDDEN = ("pem",)


class Credentials:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        listed, single = "/clients/{client_id}/credentials", "/clients/{client_id}/credentials/{id}"
        yield Route("GET", listed, ("read:client_credentials",), Credentials.list_all)
        yield Route("POST", listed, ("create:client_credentials",), Credentials.create)
        yield Route("GET", single, ("read:client_credentials",), Credentials.get)
        yield Route("PATCH", single, ("update:client_credentials",), Credentials.update)
        yield Route("DELETE", single, ("delete:client_credentials",), Credentials.delete)

    def list_all(self, call: Call) -> Reply:
        return 200, [shown(credential) for credential in self._of(call).values()]

    def get(self, call: Call) -> Reply:
        return 200, shown(self._one(call))

    def create(self, call: Call) -> Reply:
        held = self._of(call)
        if len(held) >= MOST_PER_CLIENT:
            raise ApiError(400, f"A client can have at most {MOST_PER_CLIENT} credentials.", "invalid_body")
        credential = new_credential(call.json_object(), call.now)
        if any(other.get("kid") == credential.get("kid") for other in held.values() if credential.get("kid")):
            raise ApiError(409, "A credential with the same kid already exists.")
        held[credential["id"]] = credential
        return 201, shown(credential)

    def update(self, call: Call) -> Reply:
        credential = self._one(call)
        body = call.json_object()
        validation.known_only(body, validation.CREDENTIAL_PATCH)
        credential["expires_at"] = _moment(body.get("expires_at"))
        credential["updated_at"] = moment(call.now)
        if credential["expires_at"] is None:
            del credential["expires_at"]
        return 200, shown(credential)

    def delete(self, call: Call) -> Reply:
        self._of(call).pop(call.params["id"], None)
        return 204, None

    def _of(self, call: Call) -> dict[str, Json]:
        client_id = call.params["client_id"]
        if client_id not in self.tenant.clients:
            raise ApiError(404, "The client does not exist", "inexistent_client")
        return self.tenant.credentials.setdefault(client_id, {})

    def _one(self, call: Call) -> Json:
        credential = self._of(call).get(call.params["id"])
        if credential is None:
            raise ApiError(404, "The credential does not exist", "inexistent_credential")
        return credential


def shown(credential: Json) -> Json:
    return {name: value for name, value in credential.items() if name not in HIDDEN}


def moment(seconds: float) -> str:
    """The service's way to write a time: milliseconds and Z."""
    at = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def new_credential(body: Json, now: float) -> Json:
    """A credential made from a request. Raises ApiError (400)."""
    validation.known_only(body, validation.CREDENTIAL_POST)
    validation.required(body, "credential_type")
    validation.one_of(body, "credential_type", TYPES)
    kind = body["credential_type"]
    credential: Json = {"id": f"cred_{letters(22)}", "credential_type": kind}
    if kind == "public_key":
        validation.required(body, "pem")
        key, certificate = _read_pem(str(body["pem"]))
        credential |= {"kid": body.get("kid") or jwk_thumbprint(key), "alg": body.get("alg") or "RS256"}
        credential["pem"] = _public_pem(key)
        expires = _moment(body.get("expires_at"))
        if certificate is not None and body.get("parse_expiry_from_cert"):
            expires = moment(certificate.not_valid_after_utc.timestamp())
    elif kind == "x509_cert":
        validation.required(body, "pem")
        certificate = _read_certificate(str(body["pem"]))
        credential["thumbprint_sha256"] = base64url(certificate.fingerprint(hashes.SHA256()))
        credential["pem"] = str(body["pem"])
        expires = moment(certificate.not_valid_after_utc.timestamp())
    else:
        credential["subject_dn"], expires = _subject(body), None
    if body.get("name") is not None:
        credential["name"] = body["name"]
    credential |= {"created_at": moment(now), "updated_at": moment(now)}
    if expires is not None:
        credential["expires_at"] = expires
    return credential


def jwk_thumbprint(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    """RFC 7638: SHA-256 over the required members in lexical order."""
    members: dict[str, str]
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        members = {"e": _integer(numbers.e), "kty": "RSA", "n": _integer(numbers.n)}
    else:
        point = key.public_numbers()
        size = (key.curve.key_size + 7) // 8
        curve = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}[key.curve.name]
        x, y = (base64url(value.to_bytes(size, "big")) for value in (point.x, point.y))
        members = {"crv": curve, "kty": "EC", "x": x, "y": y}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return base64url(hashlib.sha256(text.encode()).digest())


def _integer(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _read_pem(pem: str) -> tuple[rsa.RSAPublicKey | ec.EllipticCurvePublicKey, x509.Certificate | None]:
    certificate: x509.Certificate | None = None
    try:
        if "BEGIN CERTIFICATE" in pem:
            certificate = x509.load_pem_x509_certificate(pem.encode())
            key: Any = certificate.public_key()
        else:
            key = serialization.load_pem_public_key(pem.encode())
    except ValueError:
        raise payload_error("Object didn't pass validation for format x509-public-key", "pem") from None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise payload_error("Object didn't pass validation for format x509-public-key", "pem")
    return key, certificate


def _read_certificate(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise payload_error("Object didn't pass validation for format x509-certificate", "pem") from None


def _public_pem(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return raw.decode()


def _subject(body: Json) -> str:
    if body.get("subject_dn"):
        return str(body["subject_dn"])
    validation.required(body, "pem")
    certificate = _read_certificate(str(body["pem"]))
    return "\n".join(f"{part.rfc4514_attribute_name}={part.value!s}" for part in certificate.subject)


def _moment(value: object) -> str | None:
    if value is None:
        return None
    try:
        return moment(datetime.datetime.fromisoformat(cast("str", value).replace("Z", "+00:00")).timestamp())
    except (ValueError, AttributeError):
        raise invalid_body(
            "Payload validation error: 'Object didn't pass validation for format date-time' on property expires_at."
        ) from None


def is_expired(credential: Json, now: float) -> bool:
    expires = credential.get("expires_at")
    if expires is None:
        return False
    return datetime.datetime.fromisoformat(str(expires).replace("Z", "+00:00")).timestamp() <= now
