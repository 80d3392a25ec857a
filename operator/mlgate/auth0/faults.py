"""What an answer of Auth0, or its absence, means for the object: one pure function, `trouble`.

Facts (shared facts, auth0 section 2.5): bodies are `{statusCode, error, message, errorCode?}`, `errorCode` is often
missing, `/oauth/token` says `{error, error_description}` instead. A missing scope, a feature the plan lacks and an
exhausted entity limit are all 403: only the body tells them apart, and some endpoints say `insufficient_scope` where
they mean the subscription. Repeated DELETEs are 204 or 404 by endpoint: both mean done.
A write without an understandable answer may have happened: it is LostAnswer unless it cannot have left.
"""

from __future__ import annotations

import email.utils
import re
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import httpx

from ..errors import AlreadyHeld, CredentialsRejected, Denied, Gone, LostAnswer, Quota, Retry, Terminal, Trouble
from ..reasons import Reason
from ..sensitive import REDACTED
from .access import Raw, TenantAccess
from .routes import Intent, Route
from .secret_names import names_a_secret
from .tokens import TOLERATED_SKEW

_SENTENCE_LIMIT = 500
"""Characters of the service's own words in a message: enough for a validation error, too few for a page of HTML."""

_TOKEN_SHAPED = re.compile(
    r"eyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?|-----BEGIN [^-]+-----.*?(?:-----END [^-]+-----|$)", re.DOTALL
)
_PROPERTY = re.compile(r"on property ([\w-]+(?:[.\[][\w\]-]+)*)")
_SCOPES = re.compile(r"expected any of: (.+?)\s*$")
_ENTITY_LIMIT = re.compile(r"reached the limit of entities|entity limit", re.IGNORECASE)
_SUBSCRIPTION = re.compile(r"upgrade your (subscription|plan)", re.IGNORECASE)
_NAMES_A_SECRET = re.compile(r"secrets?|password|assertion|private|pem$", re.IGNORECASE)
"""Besides the names of secret settings: what no message repeats may well be too much."""
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` is the parsed JSON exactly as sent, or the text where it was not JSON."""

    status: int
    headers: Mapping[str, str]
    body: object
    is_json: bool = True

    @property
    def fields(self) -> Raw:
        """The body's fields; none where it is not an object."""
        return self.body if isinstance(self.body, dict) else {}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, of whom. `secrets` are texts that no message may repeat, whatever the service says."""

    route: Route
    access: TenantAccess
    secrets: frozenset[str] = frozenset()
    clock: float | None = None
    """Our UNIX time when an assertion was signed for this request."""


def trouble(asked: Asked, outcome: Answer | Exception, *, after: float = 1.0) -> Trouble | None:
    """What keeps the request from having done its work; None when it has, and for 404 on reads and deletes.

    `after` is how many seconds a 429 asks us to wait.
    """
    if isinstance(outcome, Trouble):
        return outcome
    if isinstance(outcome, Exception):
        return _unanswered(asked, outcome)
    if 200 <= outcome.status < 300:
        return None if outcome.is_json else _garbled(asked, outcome)
    if outcome.status == 429:
        return Quota(  # no gate: the budget has closed the bucket it was about, what draws from others goes on
            f"Auth0 asks for fewer requests to {asked.access.called}{_saying(asked, outcome)} "
            f"mlgate goes on by itself in {after:.0f} s.",
            after=after,
        )
    if outcome.status >= 500 or outcome.status == 408:
        return _failed(asked, outcome)
    if asked.route.intent is Intent.TOKEN:
        return _no_token(asked, outcome)
    return _refused(asked, outcome)


def missing_field(asked: Asked, name: str) -> Trouble:
    """An answer that lacks a field we cannot do without. After a write, the write may have happened all the same."""
    kind = LostAnswer if asked.route.writes else Retry
    return kind(
        f"The answer of {asked.access.called} to {asked.route.said} has no field `{name}`. mlgate asks again by itself."
    )


def secrets_in(body: object, *, named: bool = False) -> Iterator[str]:
    """The texts of a wire body that stand under a telling key (client_secret, password, pem, ...), at any depth, and the
    values of lists under such a key (`secrets: [{name, value}]` of an Action; `named` says that we are in one)."""
    if isinstance(body, dict):
        for key, value in body.items():
            telling = bool(_NAMES_A_SECRET.search(str(key))) or names_a_secret(str(key))
            if isinstance(value, str) and (telling or (named and key == "value")):
                yield value
            else:
                yield from secrets_in(value, named=telling)
    elif isinstance(body, list):
        for value in body:
            yield from secrets_in(value, named=named)


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """`text` as one line of bounded length, without the secrets and without anything that looks like a token or key."""
    for secret in sorted((s for s in secrets if s), key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    text = " ".join(_TOKEN_SHAPED.sub(REDACTED, text).split())
    return text if len(text) <= _SENTENCE_LIMIT else text[:_SENTENCE_LIMIT] + "..."


def _refused(asked: Asked, answer: Answer) -> Trouble | None:
    route, access, intent = asked.route, asked.access, asked.route.intent
    match answer.status:
        case 401:
            return CredentialsRejected(
                f"Auth0 refused the token of {access.called} twice ({_code(asked, answer)}){_saying(asked, answer)} "
                f"Put valid credentials in {access.secret_called}; mlgate tries again as soon as it changes.",
                gate=access.gate,
            )
        case 403:
            return _forbidden(asked, answer)
        case 402:
            return _plan_limit(asked, answer)
        case 404 if intent in (Intent.READ, Intent.DELETE):
            return None
        case 404 if intent is Intent.CREATE:
            return Retry(
                f"{access.called} refused {route.said} because something it refers to does not exist there "
                f"({_code(asked, answer)}){_saying(asked, answer)} mlgate tries again by itself.",
                reason=Reason.DEPENDENCY_NOT_FOUND,
            )
        case 404:
            return Gone(
                f"{route.path} is not in {access.called} any more ({_code(asked, answer)}){_saying(asked, answer)}"
            )
        case 409 if answer.fields.get("errorCode") == "custom_domain_conflict":
            return Terminal(
                f"{access.called} refused {route.said} because it has several verified custom domains and the request says "
                f"none of them ({_code(asked, answer)}){_saying(asked, answer)} Name one in spec.customDomain.",
                reason=Reason.INVALID_SPEC,
            )
        case 409:
            return AlreadyHeld(
                f"{access.called} refused {route.said} because the name or key is taken ({_code(asked, answer)})"
                f"{_saying(asked, answer)} mlgate looks whether the holder is its own."
            )
        case status if 300 <= status < 400:
            return Retry(
                f"{access.called} redirected {route.said} ({status}), which the Management API never does. "
                f"Is {access.domain} the tenant's own domain?"
            )
    return Terminal(
        f"{access.called} refused {route.said} ({_code(asked, answer)}){_saying(asked, answer)} {_correction(answer)}",
        reason=Reason.INVALID_SPEC,
    )


def _correction(answer: Answer) -> str:
    named = _PROPERTY.search(_sentence(answer))
    return f"Correct the field behind `{named[1]}` in the manifest." if named else "Correct the manifest."


def _forbidden(asked: Asked, answer: Answer) -> Trouble:
    sentence, code = _sentence(answer), str(answer.fields.get("errorCode", ""))
    # supplemental-signals says insufficient_scope where it means the subscription, hence the sentence goes first
    if code == "insufficient_entitlement" or _ENTITY_LIMIT.search(sentence) or _SUBSCRIPTION.search(sentence):
        return _plan_limit(asked, answer)
    scopes = _SCOPES.search(sentence)
    what_to_do = (
        f"Grant one of the scopes {scopes[1].rstrip('.')} on {asked.access.audience} to the client of "
        f"{asked.access.called} (client id {asked.access.client_id})."
        if scopes
        else f"Check what the client of {asked.access.called} (client id {asked.access.client_id}) may do."
    )
    return Denied(
        f"The credentials of {asked.access.called} may not {asked.route.said} ({_code(asked, answer)})"
        f"{_saying(asked, answer)} {what_to_do}"
    )


def _plan_limit(asked: Asked, answer: Answer) -> Trouble:
    return Terminal(
        f"The subscription of {asked.access.called} does not allow {asked.route.said} ({_code(asked, answer)})"
        f"{_saying(asked, answer)} Change the subscription or remove what is not needed.",
        reason=Reason.PLAN_LIMIT,
    )


def _no_token(asked: Asked, answer: Answer) -> Trouble:
    access = asked.access
    kind = "client credentials" if access.client_secret else "private key"
    want = "client id and secret" if access.client_secret else "client id and private key"
    error = scrubbed(str(answer.fields.get("error", "")), asked.secrets)
    if (clocks := _clocks_differ(asked, answer)) and error not in ("access_denied", "unauthorized_client"):
        return CredentialsRejected(
            f"Auth0 refused the assertion that {access.called} signed ({answer.status}{' ' + error if error else ''})"
            f"{_saying(asked, answer)} {clocks}",
            gate=access.gate,
        )
    if answer.status in (401, 403) or error in ("invalid_client", "unauthorized_client", "access_denied"):
        return CredentialsRejected(
            f"Auth0 refused the {kind} of {access.called} ({answer.status}{' ' + error if error else ''})"
            f"{_saying(asked, answer)} Put a valid {want} in {access.secret_called}; "
            f"mlgate tries again as soon as it changes.",
            gate=access.gate,
        )
    return CredentialsRejected(
        f"{access.domain} gives no token to {access.called} ({_code(asked, answer)}){_saying(asked, answer)} "
        f"Check the domain of {access.called} and the {want} in {access.secret_called}.",
        gate=access.gate,
    )


def _clocks_differ(asked: Asked, answer: Answer) -> str:
    """By how much our clock was off when an assertion was signed, by the answer's own Date (empty: by little). An
    assertion names its time, so with clocks apart it is expired, not valid yet or valid for too long."""
    theirs = _date(answer.headers.get("date", ""))
    if asked.clock is None or theirs is None or abs(asked.clock - theirs) <= TOLERATED_SKEW:
        return ""
    apart = asked.clock - theirs
    return (
        f"The clock of mlgate is {abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} Auth0's, so what it signs is "
        f"{'not valid yet or for too long' if apart > 0 else 'expired'} there. Set the clock of the machine that mlgate "
        "runs on; the key itself may be good. mlgate tries again by itself."
    )


def _failed(asked: Asked, answer: Answer) -> Trouble:
    said = f"{asked.access.called} answered {asked.route.said} with an error of its own ({_code(asked, answer)})"
    if asked.route.writes:
        return LostAnswer(f"{said}; it may have happened all the same. mlgate looks before it tries again.")
    return Retry(f"{said}. mlgate tries again by itself.", after=_retry_after(answer))


def _garbled(asked: Asked, answer: Answer) -> Trouble:
    said = f"The answer of {asked.access.called} to {asked.route.said} ({answer.status}) is not JSON"
    if asked.route.writes:
        return LostAnswer(f"{said}; it may have happened all the same. mlgate looks before it tries again.")
    return Retry(f"{said}. Is {asked.access.domain} the tenant's own domain? mlgate tries again by itself.")


def _unanswered(asked: Asked, error: Exception) -> Trouble:
    why = _why(asked, error)
    if asked.route.writes and not isinstance(error, _NEVER_LEFT):
        return LostAnswer(
            f"The answer of {asked.access.called} to {asked.route.said} was lost: {why}. "
            "It may have happened all the same; mlgate looks before it tries again."
        )
    return Retry(f"{asked.access.called} cannot be reached: {why}. mlgate tries again by itself.")


def _why(asked: Asked, error: Exception) -> str:
    causes = list(_causes(error))
    host = asked.access.domain
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            return f"the name {host} cannot be resolved (DNS: {cause.strerror or cause})"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate of {host} is not trusted (TLS: {cause.verify_message})"
        if isinstance(cause, ssl.SSLError):
            return f"no TLS connection to {host} ({cause.reason or cause})"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return f"{host} refused the connection"
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return f"no connection to {host} in time"
        case httpx.TimeoutException() | TimeoutError():
            return "no answer in time"
        case httpx.ConnectError():
            # what the chain does not carry as a type is told by the text (asyncio wraps several addresses into one)
            return f"no connection to {host} ({scrubbed(str(error), asked.secrets) or 'the attempt failed'})"
        case httpx.TransportError():
            return f"the connection was cut ({type(error).__name__})"
    return f"{type(error).__name__}: {scrubbed(str(error), asked.secrets)}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        current = todo.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        todo += [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            todo += current.exceptions


def _sentence(answer: Answer) -> str:
    fields = answer.fields
    for key in ("message", "error_description", "error"):
        if isinstance(fields.get(key), str) and fields[key]:
            return str(fields[key])
    return "" if answer.is_json else str(answer.body)


def _saying(asked: Asked, answer: Answer) -> str:
    """The service's own sentence, to follow a clause; just the full stop when it says nothing."""
    sentence = scrubbed(_sentence(answer), asked.secrets)
    if not sentence or sentence.startswith("<"):
        return "."
    return f': "{sentence.rstrip(".")}".'


def _code(asked: Asked, answer: Answer) -> str:
    code = answer.fields.get("errorCode") or answer.fields.get("error")
    if not isinstance(code, str) or not 0 < len(code) <= 80:
        return str(answer.status)
    return f"{answer.status} {scrubbed(code, asked.secrets)}"


def _retry_after(answer: Answer) -> float | None:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdigit() and int(text) > 0 else None


def _date(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError):
        return None
