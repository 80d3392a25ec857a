"""Public keys and certificates that a manifest gives an application for signed requests, mutual TLS and the token vault.

They are objects of their own at the application, of which the service shows no PEM but what identifies it: the RFC 7638
thumbprint of a key (`kid`), the SHA-256 of a certificate (shared facts, auth0 sections 2.2 and 6). So the wish names each
by that, as `print:...` among the ids, and the ids that the service gave are put in when a body is sent. Registered first,
named next, removed last: the recorded order (TestAccClientAuthenticationMethods*). An application holds at most two.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ...auth0 import Session
from ...engine.plan import Plan
from ...errors import AlreadyHeld, Retry, Terminal
from .application_keys import thumbprint

PLACES = {
    "signed_request_object": "public_key",
    "token_vault_privileged_access": "public_key",
    "client_authentication_methods": "x509_cert",
}
"""Settings that name credentials, and of which type they are there."""
LISTED, BODIES = "credentials", "credential_bodies"
"""Fields of the wish that are about the credentials themselves."""
_PRINT = "print:"
_UNSET = ("signed_request_object", "token_vault_privileged_access")
"""Settings whose removal takes the credentials along that were given for them. (No methods is what a secret means.)"""


def worded(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A wish whose keys and certificates are named by what identifies them. Raises Terminal for a PEM that is none."""
    bodies: dict[str, dict[str, Any]] = {}
    found = dict(wanted)
    for place, kind in PLACES.items():
        if isinstance(wanted.get(place), Mapping):
            found[place] = _named(wanted[place], f"spec.{place}", kind, bodies)
    if bodies or any(place in wanted and wanted[place] is None for place in _UNSET):
        found |= {LISTED: [{"id": name} for name in bodies], BODIES: bodies}
    return found


def looked_at(wanted: Mapping[str, Any]) -> bool:
    """Whether the credentials of the application have to be listed to compare it with the wish."""
    return LISTED in wanted


def seen_with(raw: Mapping[str, Any], held: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The application in the words of the wish, given its credentials."""
    ours = {item["id"] for item in wanted[LISTED]}
    names = {str(each["id"]): name for each in held if (name := _print(each)) in ours}
    places = {place: _replaced(raw[place], names) for place in PLACES if place in raw}
    return {**raw, **places, LISTED: [{"id": _print(each), "at": each["id"]} for each in held]}


def changes(plan: Plan) -> bool:
    """Whether a plan is about credentials that the manifest gives."""
    return looked_at(plan.wanted) and any(plan.change(name) for name in (LISTED, *PLACES))


async def carry_out(conn: Session, client_id: str, plan: Plan, body: Mapping[str, Any]) -> None:
    """Registers what is new, sends the body with the ids, and removes what the manifest named before."""
    bodies: Mapping[str, Mapping[str, Any]] = plan.wanted[BODIES]
    held = {_print(each): str(each["id"]) for each in await conn.clients.credentials(client_id)}
    missing = [name for name in bodies if name not in held]
    for name in missing:
        with suppress(AlreadyHeld):  # told by the list
            await conn.clients.add_credential(client_id, bodies[name])
    if missing:
        held = {_print(each): str(each["id"]) for each in await conn.clients.credentials(client_id)}
    if lost := [name for name in bodies if name not in held]:
        raise Retry(
            f"{len(lost)} credentials of application {client_id} do not show yet. mlgate looks again by itself."
        )
    sent = _replaced({name: value for name, value in body.items() if name not in (LISTED, BODIES)}, held)
    if sent:
        await conn.clients.update(client_id, sent)
    change = plan.change(LISTED)
    for item in change.removed if change else ():
        if item["id"] in held:
            await conn.clients.remove_credential(client_id, held[item["id"]])


def without(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a POST: what names credentials follows when there are some."""
    return {
        name: value
        for name, value in body.items()
        if name not in (LISTED, BODIES) and not (name in PLACES and _PRINT in repr(value))
    }


def _named(value: Any, path: str, kind: str, bodies: dict[str, dict[str, Any]]) -> Any:
    if isinstance(value, Mapping):
        if "pem" in value:
            name = f"{_PRINT}{_of_pem(value['pem'], path, kind)}"
            bodies[name] = {"credential_type": kind, "name": value["name"], "pem": value["pem"]}
            if kind == "public_key" and "CERTIFICATE" in value["pem"]:
                bodies[name]["parse_expiry_from_cert"] = True
            return {"id": name}
        return {key: _named(below, f"{path}.{key}", kind, bodies) for key, below in value.items()}
    if isinstance(value, list):
        return [_named(below, path, kind, bodies) for below in value]
    return value


def _replaced(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {
            key: names.get(below, below) if key == "id" and isinstance(below, str) else _replaced(below, names)
            for key, below in value.items()
        }
    return [_replaced(below, names) for below in value] if isinstance(value, list) else value


def _print(credential: Mapping[str, Any]) -> str:
    return f"{_PRINT}{credential.get('thumbprint_sha256') or credential.get('kid')}"


def _of_pem(pem: str, path: str, kind: str) -> str:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode()) if "CERTIFICATE" in pem else None
        if kind == "x509_cert":
            if certificate is None:
                raise ValueError
            digest = hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest()
            return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        key = certificate.public_key() if certificate else serialization.load_pem_public_key(pem.encode())
        if not isinstance(key, rsa.RSAPublicKey):
            raise ValueError
        return thumbprint(key)
    except (ValueError, TypeError):
        needed = "a certificate" if kind == "x509_cert" else "an RSA public key or a certificate of one"
        raise Terminal(f"{path} holds a pem that is not {needed} in PEM. Correct it.") from None
