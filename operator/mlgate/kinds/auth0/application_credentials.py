"""What an application proves itself with, in the Secret that workloads mount: a client secret or a private key.

A client secret is shown in the answer to the create, and later to whoever holds `read:client_keys`; a lost one can only
be replaced. Replacing it ends the old one at once (shared facts, auth0 section 2.2, rotate-secret), so it is rotated by
schedule only where the manifest accepts that (`acceptOutage`). Keys are rotated without an outage: application_keys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ...api.auth0client import CredentialsSecret
from ...api.meta import parse_duration
from ...auth0 import Session
from ...engine.clock import rfc3339
from ...engine.plan import Change
from ...engine.protocols import Situation
from ...errors import AlreadyHeld, Retry, Terminal, Trouble, WriteRefused
from ...outbound import about_to_send
from ...reasons import Reason
from ...sensitive import Sensitive
from .application_keys import (
    ALGORITHM,
    IN_SECRET,
    AtAuth0,
    Do,
    Held,
    Rotation,
    Step,
    aim,
    changed,
    is_ours,
    moment,
    new_key,
    next_step,
    no_room,
    read,
)

SOON = 0.05
"""Seconds to the next step, once the Secret is stored."""
_PATH = "public keys"
"""What a plan calls them: they are beside the application's own fields."""
_MOST_STEPS = 8
"""Steps in one look; a rotation takes five."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Entries of the Secret, `status.credential`, the seconds to the next look, and why no other can follow it."""

    entries: Mapping[str, Sensitive | str] = field(default_factory=dict)
    status: Mapping[str, Any] | None = None
    again: float | None = None
    trouble: Trouble | None = None
    needs: Sequence[Change] = ()


def uses_key(raw: Mapping[str, Any]) -> bool:
    """Whether an application accepts public keys."""
    return bool(accepted(raw))


def accepted(raw: Mapping[str, Any]) -> list[str]:
    """The ids of the keys that an application accepts."""
    method = (raw.get("client_authentication_methods") or {}).get("private_key_jwt") or {}
    return [str(named["id"]) for named in method.get("credentials") or () if named.get("id")]


async def client_secret(conn: Session, template: CredentialsSecret, situation: Situation) -> Proof:
    """The application's secret: from the answer at hand, from our Secret, or, when lost or due, a new one."""
    kept: Mapping[str, Sensitive] = situation.secrets.get(template.name) or {}
    belongs, held = kept.get("client-id"), kept.get("client-secret")
    ours = held if belongs is not None and belongs.reveal() == situation.seen.id else None
    since = moment(kept["issued-at"].reveal()) if ours and "issued-at" in kept else None
    every = _seconds(template.rotate_every)
    shown = situation.seen.raw.get("client_secret")
    value = Sensitive(shown) if shown else ours
    due = every is not None and since is not None and situation.now >= since + every
    if value is None or due:
        try:
            value = Sensitive((await conn.clients.rotate_secret(situation.seen.id))["client_secret"])
        except WriteRefused:
            old = None if since is None else f"the one issued at {rfc3339(since)}"
            change = Change("client_secret", old, "a new one, which ends the one in use at once", None)
            told = situation.status.get("credential") or None
            return Proof(_kept(kept) if ours else {}, told, needs=[change])
        since = situation.now
    since = situation.now if since is None else since
    status: dict[str, Any] = {"method": "ClientSecret"}
    entries: dict[str, Sensitive | str] = {"client-secret": value}
    if every is None:
        return Proof(entries, status)
    status |= {"issuedAt": rfc3339(since), "rotateAt": rfc3339(since + every)}
    entries["issued-at"] = rfc3339(since)
    return Proof(entries, status, max(since + every - situation.now, SOON))


async def private_key(conn: Session, template: CredentialsSecret, situation: Situation) -> Proof:
    """The key in use, after as many steps of its life as can be taken before the Secret must be stored."""
    client_id, now = situation.seen.id, situation.now
    held = read(situation.secrets.get(template.name), client_id)
    rotation = Rotation(_seconds(template.rotate_every), _seconds(template.overlap))
    before = situation.status.get("credential") or {}
    if _nothing_to_do(held, before, situation, rotation):
        return Proof(held.entries(), before, _left(before.get("nextStepAt"), now))
    ids = accepted(situation.seen.raw)
    other = situation.seen.raw.get("token_endpoint_auth_method") is not None
    keys = await conn.clients.credentials(client_id)
    try:
        for taken in range(_MOST_STEPS):
            step = next_step(held, AtAuth0(keys, ids, other), rotation, now)
            if step.do is Do.REST:
                # what was seen is from before the steps just taken: only the next look can call it well
                again = SOON if taken else _left_until(step.until, now)
                trouble = _blocked(step) if step.blocked_by else None
                return Proof(held.entries(), _status(held, keys, step, rotation), again, trouble)
            if step.do in IN_SECRET:
                about_to_send(f"a new key of application {client_id}", writes=True, timeout=10.0)
                made = None if step.do is Do.SWITCH else await asyncio.to_thread(new_key)
                held = changed(held, step, made, now)
                return Proof(held.entries(), _status(held, keys, step, rotation), SOON)
            await _carry_out(conn, client_id, step)
            if step.do is Do.ACCEPT:
                ids, other = list(step.ids), False
            keys = await conn.clients.credentials(client_id)
    except WriteRefused:  # only looked at now: what is there is given away as it is
        old, new = aim(held, AtAuth0(keys, ids, other), step)
        return Proof(held.entries(), before or None, needs=[Change(_PATH, old or None, new, None)])
    raise Retry(f"The keys of application {client_id} change while mlgate works on them. It looks again by itself.")


async def remove_keys(conn: Session, client_id: str) -> Sequence[Change]:
    """Takes away our keys of an application that proves itself in another way now. What of it may not be done now."""
    ours = [str(key["id"]) for key in await conn.clients.credentials(client_id) if is_ours(key)]
    try:
        for id_ in ours:
            await conn.clients.remove_credential(client_id, id_)
    except WriteRefused:
        return [Change(_PATH, sorted(ours), None, None)]
    return ()


def due(credential: Mapping[str, Any]) -> float | None:
    """Unix seconds of what is to be done next about it, by what status says."""
    at = credential.get("nextStepAt") or (
        None if credential.get("method") == "PrivateKeyJWT" else credential.get("rotateAt")
    )
    return moment(at) + 1.0 if at else None


async def _carry_out(conn: Session, client_id: str, step: Step) -> None:
    if step.do is Do.REGISTER:
        assert step.key is not None
        body = {"name": step.key.name, "pem": step.key.public_pem, "alg": ALGORITHM}
        with suppress(AlreadyHeld):  # told by the next look at the list
            await conn.clients.add_credential(client_id, body)
    elif step.do is Do.REMOVE:
        await conn.clients.remove_credential(client_id, step.ids[0])
    else:
        method: dict[str, Any] = {"private_key_jwt": {"credentials": [{"id": id_} for id_ in step.ids]}}
        # the two ways exclude each other: one must be null for the other to be taken
        await conn.clients.update(
            client_id, {"client_authentication_methods": method, "token_endpoint_auth_method": None}
        )


def _kept(secret: Mapping[str, Sensitive]) -> dict[str, Sensitive | str]:
    """The entries of a client secret, as they are."""
    kept = {name: secret[name] for name in ("client-secret", "issued-at") if name in secret}
    return {name: value.reveal() if name == "issued-at" else value for name, value in kept.items()}


def _blocked(step: Step) -> Trouble:
    told = f"{no_room(step.blocked_by)} The key in use goes on working."
    return Terminal(told, reason=Reason.EXTERNAL_CONFLICT)


def _nothing_to_do(held: Held, before: Mapping[str, Any], situation: Situation, rotation: Rotation) -> bool:
    """Whether what status says was the end of a look still holds; then the keys at Auth0 need not be listed."""
    if held.current is None or held.following is not None:
        return False
    if situation.seen.raw.get("token_endpoint_auth_method") is not None or before.get("blockedBy"):
        return False
    same_keys = set(accepted(situation.seen.raw)) == set(before.get("credentialIds") or ())
    same_key = held.current.kid in (before.get("keyIds") or ())[:1]
    same_plan = before.get("rotateAt") == _rotate_at(held, rotation)
    next_at = before.get("nextStepAt")
    return bool(same_keys and same_key and same_plan and before.get("credentialIds")) and (
        next_at is None or situation.now < moment(next_at)
    )


def _status(held: Held, keys: list[dict[str, Any]], step: Step, rotation: Rotation) -> dict[str, Any]:
    assert held.current is not None
    in_use = [str(key["kid"]) for key in keys if key["id"] in step.ids and key.get("kid") != held.current.kid]
    return {
        "method": "PrivateKeyJWT",
        "keyIds": [held.current.kid, *in_use],
        "credentialIds": sorted(step.ids) or None,
        "issuedAt": rfc3339(held.since),
        "rotateAt": _rotate_at(held, rotation),
        "nextStepAt": rfc3339(step.until) if step.until is not None else None,
        "blockedBy": list(step.blocked_by) or None,
    }


def _rotate_at(held: Held, rotation: Rotation) -> str | None:
    return rfc3339(held.since + rotation.every) if rotation.every else None


def _left(text: str | None, now: float) -> float | None:
    return _left_until(moment(text) if text else None, now)


def _left_until(until: float | None, now: float) -> float | None:
    # whole seconds in the Secret, fractions on the clock: a second more makes sure that it is due then
    return None if until is None else max(until - now, 0.0) + 1.0


def _seconds(text: str | None) -> float | None:
    return parse_duration(text).total_seconds() if text else None
