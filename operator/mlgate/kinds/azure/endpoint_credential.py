"""What the gateway presents to an endpoint, in a Secret of ours: one of two keys, a token of Azure ML, or one of Entra.

A token is renewed when its service says so, and half of its life before the end at the latest; keys are replaced by the
steps of `endpoint_keys`, one for each look, so that whatever stops the operator finds it where status and Secret say.
While what is held is still good, trouble with its successor is told and does not make the endpoint less usable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...api.azuremlonlineendpoint import EndpointCredentialsSecret
from ...azureml import Session, Subject
from ...engine.clock import rfc3339
from ...engine.protocols import Situation
from ...errors import CredentialsRejected, Quota, Trouble, Wait, WriteRefused
from ...sensitive import Sensitive
from ..auth0.application_keys import moment
from .endpoint_keys import Do, Noted, Rotation, Step, must_ask, next_step, told, waits

CREDENTIAL = "credential"
"""Key of the Secret that holds what goes behind `Authorization: Bearer`."""
SOON = 0.05
"""Seconds to the next step, once the Secret and status are stored."""
LONGEST_WAIT = 60.0
"""Seconds between two looks at gateways that have not taken a key; what they take wakes the endpoint besides."""

Lagging = Callable[[Sensitive], Sequence[str]]
"""The gateways that may still present something else than this."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What the Secret is to hold, `status.credential`, and the seconds to the next look. `begun`: Azure works on the
    endpoint's keys. `trouble`: a successor could not be had, and what is held is still good."""

    value: Sensitive
    status: Mapping[str, Any]
    again: float | None = None
    begun: bool = False
    trouble: Trouble | None = None


async def renewed(
    session: Session, template: EndpointCredentialsSecret, situation: Situation, mode: str, lagging: Lagging
) -> Renewal:
    """The credential after one step of its life. `mode` in lower case. Raises Trouble when there is none that is good."""
    held = (situation.secrets.get(template.name) or {}).get(CREDENTIAL)
    before: Mapping[str, Any] = situation.status.get("credential") or {}
    born = (situation.seen.raw.get("systemData") or {}).get("createdAt")
    if before.get("endpointCreatedAt") != born:  # made anew: what the one before it accepted is worth nothing
        before = {}
    try:
        if mode == "key":
            got = await _key(session, Rotation.of(template), situation, held, before, lagging)
        else:
            got = await _token(session, situation, mode, held, before)
        return replace(got, status={**got.status, "endpointCreatedAt": born})
    except WriteRefused:  # only looked at now: what is there is given away as it is
        if held is None:
            raise
        return Renewal(held, situation.status.get("credential") or {})
    except (Quota, CredentialsRejected):  # not ours alone
        raise
    except Trouble as trouble:
        if held is None or not _is_good(before, held, mode, situation.now):
            raise
        return Renewal(held, before, trouble=trouble)


def credential_due(status: Mapping[str, Any]) -> float | None:
    """When `status.credential` wants the next look, in unix seconds (pure)."""
    if status.get("retiring"):
        return 0.0
    return min((moment(status[name]) for name in ("refreshAfter", "rotateAt") if status.get(name)), default=None)


def _is_good(before: Mapping[str, Any], held: Sensitive, mode: str, now: float) -> bool:
    same = str(before.get("mode") or "").lower() == mode and before.get("fingerprint") == held.fingerprint()
    return same and (not before.get("expiresAt") or now < moment(before["expiresAt"]))


async def _token(
    session: Session, situation: Situation, mode: str, held: Sensitive | None, before: Mapping[str, Any]
) -> Renewal:
    now = situation.now
    due = moment(before.get("refreshAfter"))
    if held is not None and _is_good(before, held, mode, now) and now < due:
        return Renewal(held, before, due - now)
    got = await (session.scoring_token() if mode == "aadtoken" else session.endpoints.token(situation.seen.id))
    status = {
        "mode": "AADToken" if mode == "aadtoken" else "AMLToken",
        "fingerprint": got.value.fingerprint(),
        "issuedAt": rfc3339(now),
        "refreshAfter": rfc3339(got.refresh_after),
        "expiresAt": rfc3339(got.expires_at),
    }
    return Renewal(got.value, status, max(1.0, got.refresh_after - now))


async def _key(  # noqa: PLR0917
    session: Session,
    rotation: Rotation,
    situation: Situation,
    held: Sensitive | None,
    before: Mapping[str, Any],
    lagging: Lagging,
) -> Renewal:
    noted, now = Noted.read(before), situation.now
    if held is not None and not must_ask(held, noted, rotation, now):
        if not waits(held, noted):
            return _rest(held, noted, rotation, now)
        behind = lagging(held)
        if behind or now < noted.since + rotation.overlap:
            return _waiting(held, noted, rotation, behind, now)
    keys = await session.endpoints.keys(situation.seen.id)
    noted = replace(noted, checked=now)
    if held is not None and (slot := keys.slot_of(held)) is not None:
        since = noted.since if noted.fingerprint == held.fingerprint() else now
        noted = replace(noted, slot=slot, fingerprint=held.fingerprint(), since=since)
    behind = lagging(held) if held is not None and waits(held, noted) else ()
    step = next_step(held, keys, noted, rotation, lagging=behind, now=now)
    slot = step.slot
    assert slot is not None
    if step.do in (Do.ADOPT, Do.PUBLISH):
        fresh = replace(noted, slot=slot, since=now, asked=None)
        return Renewal(keys[slot], told(keys[slot], fresh, rotation), _left(rotation.due(now), now, noted))
    assert held is not None
    if step.do is Do.WAIT:
        return _waiting(held, noted, rotation, behind, now)
    if step.do is Do.BEGIN:
        begun = replace(noted, retiring=frozenset({keys.primary.fingerprint(), keys.secondary.fingerprint()}))
        return Renewal(held, told(held, begun, rotation), SOON)
    if step.do in (Do.REGENERATE, Do.AWAIT):
        return await _another(session, rotation, situation, held, noted, step)
    return _rest(held, replace(noted, retiring=frozenset(), asked=None), rotation, now)


async def _another(  # noqa: PLR0917
    session: Session, rotation: Rotation, situation: Situation, held: Sensitive, noted: Noted, step: Step
) -> Renewal:
    """Azure is asked for another key in a slot that nobody uses, or was and works on it."""
    assert step.slot is not None
    words, begun = f"Azure makes a new {step.slot.value.lower()} key.", True
    if step.do is Do.REGENERATE:
        busy = situation.turn()
        if not busy:
            try:
                await session.endpoints.regenerate(situation.seen.id, step.slot)
                noted = replace(noted, asked=step.slot, asked_at=situation.now)
            except Wait as wait:  # an operation of somebody else's
                busy = wait.message
        words, begun = busy or words, not busy
    again = session.look_again(Subject.ENDPOINT)
    return Renewal(held, told(held, noted, rotation, words), again, begun=begun)


def _rest(held: Sensitive, noted: Noted, rotation: Rotation, now: float) -> Renewal:
    return Renewal(held, told(held, noted, rotation), _left(rotation.due(noted.since), now, noted))


def _left(due: float | None, now: float, noted: Noted) -> float | None:
    if noted.retiring:
        return SOON
    # whole seconds in status, fractions on the clock: a second more makes sure that it is due then
    return None if due is None else max(due - now, 0.0) + 1.0


def _waiting(held: Sensitive, noted: Noted, rotation: Rotation, behind: Sequence[str], now: float) -> Renewal:
    until = noted.since + rotation.overlap
    if behind:
        words = f"The old key is replaced when the new one is taken by {', '.join(behind)}."
        again = min(max(5.0, (now - noted.since) / 4), LONGEST_WAIT)
    else:
        words, again = f"The old key is replaced at {rfc3339(until)}, when the overlap is over.", until - now + 1.0
    return Renewal(held, told(held, noted, rotation, words), again)
