"""The key pair of an application that proves itself by private_key_jwt, and its rotation without an outage.

Facts (shared facts, auth0 sections 2.2 and 6; recordings TestAccClientCredentials*): an application holds at most two
public keys; the service never gives a PEM back, but shows the kid, which is the key's RFC 7638 thumbprint; a key works
only once `client_authentication_methods` names it.

What is done follows from three things that survive any restart: the Secret (which keys we hold, since when), the keys at
Auth0 (by kid), and which of them the application names. Each step is safe to repeat, and the order is such that at every
moment the private key in the Secret is one that Auth0 accepts:

    issue      no key yet           a key into the Secret, before Auth0 hears of it
    register   not at Auth0         its public half to Auth0
    name       not in use           the application accepts it
    prepare    rotation is due      a second key into the Secret, which no workload reads
    (register, name)                both keys are accepted
    switch     both are accepted    the second becomes the one that workloads read; the time of that is kept beside it
    retire     the overlap is over  the old one is not accepted any more, then removed
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ...engine.clock import rfc3339
from ...errors import Terminal
from ...reasons import Reason
from ...sensitive import Sensitive

MOST = 2
"""Keys an application can have at Auth0 (shared facts, auth0 section 2.2)."""
ALGORITHM = "RS256"
_BITS = 2048
_OURS = "mlgate "
"""How the names of our keys at Auth0 begin."""
_DEFAULT_OVERLAP = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Key:
    """A private key and the id that Auth0 knows it by."""

    pem: Sensitive
    kid: str

    @property
    def name(self) -> str:
        """Its name at Auth0."""
        return f"{_OURS}{self.kid[:12]}"

    @property
    def public_pem(self) -> str:
        return _public(_load(self.pem)).decode()


@dataclass(frozen=True, slots=True)
class Held:
    """What the Secret holds: the key that workloads use, since when, and the one that follows it."""

    current: Key | None = None
    since: float = 0.0
    following: Key | None = None

    def entries(self) -> dict[str, Sensitive | str]:
        """As entries of the Secret."""
        found: dict[str, Sensitive | str] = {}
        if self.current:
            found = {
                "private-key": self.current.pem,
                "kid": self.current.kid,
                "signing-alg": ALGORITHM,
                "issued-at": rfc3339(self.since),
            }
        if self.following:
            found |= {"next-private-key": self.following.pem, "next-kid": self.following.kid}
        return found


@dataclass(frozen=True, slots=True)
class AtAuth0:
    """The public keys of the application there, and the ids of those it accepts."""

    keys: Sequence[Mapping[str, Any]]
    accepted: Sequence[str]
    other_method: bool = False
    """Whether the application still shows another way to prove itself, which excludes keys."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """Seconds. `every` None: never."""

    every: float | None = None
    overlap: float | None = None

    @property
    def old_key_stays(self) -> float:
        if self.overlap is not None:
            return self.overlap
        return min(_DEFAULT_OVERLAP, self.every / 2) if self.every else _DEFAULT_OVERLAP


class Do(Enum):
    ISSUE = "issue"
    PREPARE = "prepare"
    SWITCH = "switch"
    REGISTER = "register"
    ACCEPT = "accept"
    REMOVE = "remove"
    REST = "rest"


IN_SECRET = frozenset({Do.ISSUE, Do.PREPARE, Do.SWITCH})
"""Steps that change the Secret, which must be stored before anything else happens."""


@dataclass(frozen=True, slots=True)
class Step:
    do: Do
    key: Key | None = None
    ids: Sequence[str] = field(default=())
    until: float | None = None
    """REST: unix seconds of the next step, if one is to come."""
    blocked_by: Sequence[str] = ()
    """REST: ids of others' keys that take the place of the next one; the one in use goes on."""


def next_step(held: Held, there: AtAuth0, rotation: Rotation, now: float) -> Step:
    """The one thing to do now (pure). Raises Terminal when somebody else's keys leave no room for the first one."""
    if held.current is None:
        return Step(Do.ISSUE)
    wanted = [key for key in (held.current, held.following) if key is not None]
    by_kid = {str(key.get("kid")): str(key["id"]) for key in there.keys}
    kids = {key.kid for key in wanted}
    old = [key for key in there.keys if is_ours(key) and key.get("kid") not in kids]
    old.sort(key=lambda key: str(key.get("created_at", "")))
    others = [key for key in there.keys if key not in old and key.get("kid") not in kids]
    missing = next((key for key in wanted if key.kid not in by_kid), None)
    if missing is not None and len(there.keys) < MOST:
        return Step(Do.REGISTER, missing)
    blocked_by = [str(key["id"]) for key in others]
    if missing is not None and missing is held.current and not old:
        raise Terminal(f"{no_room(blocked_by)} It has no key that works.", reason=Reason.EXTERNAL_CONFLICT)
    overlap_ends = held.since + rotation.old_key_stays
    stays = held.following is None and now < overlap_ends
    kept = old[1:] if missing is not None else old if stays else []
    ids = [by_kid[key.kid] for key in wanted if key.kid in by_kid]
    ids += [str(key["id"]) for key in others if key["id"] in there.accepted]
    ids += [str(key["id"]) for key in kept if key["id"] in there.accepted]
    if ids and (set(ids) != set(there.accepted) or there.other_method):
        return Step(Do.ACCEPT, ids=ids)
    gone = next((str(key["id"]) for key in old if str(key["id"]) not in ids), None)
    if gone is not None:
        return Step(Do.REMOVE, ids=[gone])
    if held.following is not None:
        return Step(Do.SWITCH) if missing is None else Step(Do.REST, ids=ids, blocked_by=blocked_by)
    due = held.since + rotation.every if rotation.every else None
    if due is not None and now >= due and not old:
        if len(there.keys) >= MOST:
            return Step(Do.REST, ids=ids, blocked_by=blocked_by)
        return Step(Do.PREPARE)
    moments = [moment for moment in (due, overlap_ends if old else None) if moment is not None]
    return Step(Do.REST, ids=ids, until=min(moments) if moments else None)


def aim(held: Held, there: AtAuth0, step: Step) -> tuple[list[str], str | None]:
    """What a step is part of, for people to approve: which keys that Auth0 accepts it is about, and what comes (None: they
    go). The same for every step on the way there, and another for the next rotation (pure)."""
    if step.do is Do.REMOVE:
        return list(step.ids), None
    coming = held.following or held.current
    by_kid = {str(key.get("kid")): str(key["id"]) for key in there.keys}
    before = sorted(id_ for id_ in there.accepted if coming is None or id_ != by_kid.get(coming.kid))
    gone = sorted(set(there.accepted) - set(step.ids))
    if step.do is Do.ACCEPT and gone:
        return gone, None
    return before, "a new public key, whose private half only the Secret holds"


def no_room(others: Sequence[str]) -> str:
    """What to do about keys of others that take every place."""
    return (
        f"The application holds {MOST} public keys at Auth0, the most it can, and {' and '.join(others)} "
        f"{'is' if len(others) == 1 else 'are'} not mlgate's, so there is no room for the next key. Remove "
        "what nobody uses any more under Credentials of the application; mlgate goes on at its next look."
    )


def is_ours(key: Mapping[str, Any]) -> bool:
    """Whether a public key at Auth0 was put there by mlgate."""
    return str(key.get("name", "")).startswith(_OURS)


def changed(held: Held, step: Step, made: Key | None, now: float) -> Held:
    """What the Secret is to hold after a step in it; `made` is the new key of ISSUE and PREPARE (pure)."""
    if step.do is Do.ISSUE:
        return Held(made, now)
    if step.do is Do.PREPARE:
        return replace(held, following=made)
    return Held(held.following, now)


def read(secret: Mapping[str, Sensitive] | None, client_id: str) -> Held:
    """What the Secret holds for this application; keys of another one, or that are no keys, do not count."""
    entries = secret or {}
    belongs = entries.get("client-id")
    if belongs is None or belongs.reveal() != client_id:
        return Held()
    current = _key(entries.get("private-key"))
    if current is None:
        return Held()
    return Held(current, _moment(entries.get("issued-at")), _key(entries.get("next-private-key")))


def new_key() -> Key:
    """A fresh RSA key. Takes some 100 ms of processor: call it in a thread."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    pem = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return Key(Sensitive(pem), thumbprint(made.public_key()))


def thumbprint(key: rsa.RSAPublicKey) -> str:
    """RFC 7638: SHA-256 over the required members of the JWK in lexical order."""
    numbers = key.public_numbers()
    members = {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}
    return _base64url(hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest())


def _key(pem: Sensitive | None) -> Key | None:
    if not pem:
        return None
    try:
        return Key(pem, thumbprint(_load(pem).public_key()))
    except (ValueError, TypeError):
        return None


def _load(pem: Sensitive) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.reveal().encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("not an RSA key")
    return key


def _public(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def moment(text: str | None) -> float:
    """RFC 3339 as unix seconds; 0 for what is no time."""
    try:
        return datetime.fromisoformat(text or "").astimezone(UTC).timestamp()
    except ValueError:
        return 0.0


def _moment(value: Sensitive | None) -> float:
    return moment(value.reveal() if value else None)


def _number(value: int) -> str:
    return _base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
