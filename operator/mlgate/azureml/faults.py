"""What an answer of Azure, or the lack of one, means: one pure function from an outcome to a class of mlgate.errors.

The HTTP status alone tells little: a busy endpoint is seen as 400 and as 409, a missing role as 403, the cause of a
400 sits in escaped JSON (see refusal.py). So codes and phrases decide first, then the status. Sources: recordings
TestWorkspace and TestOnlineDeployment, error bodies of public issues (azure-sdk-for-net 36961, azureml-examples 1930,
ResourceModules 3596, mslearn-azure-ml 30), ARM's list of common deployment errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from mlgate.errors import (
    AlreadyHeld,
    CredentialsRejected,
    Denied,
    Gone,
    LostAnswer,
    Quota,
    Retry,
    Terminal,
    Trouble,
    Wait,
)
from mlgate.reasons import Reason

from . import entra, refusal
from .entra import EntraRefused
from .masking import mask
from .refusal import Refusal

BUSY_AFTER = 10.0  # seconds; recorded answers carry no Retry-After
PARENT_AFTER = 30.0
THROTTLED_AFTER = 30.0
LONGEST_AFTER = 900.0


class SoftDeletedTwin(Terminal):
    """A deleted workspace holds the name. It can be recovered in the portal, or purged."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, for messages and for the choice between Retry and LostAnswer.

    `subject` as in `online endpoint fraud in workspace models`; `connection`, `secret` and `client` name where the
    credentials come from. `pace` scales the waits that are our own choice (1 in production).
    """

    method: str
    subject: str
    writes: bool
    gate: str
    connection: str
    tenant: str = ""
    subscription: str = ""
    client: str = "the managed identity"
    secret: str | None = None
    pace: float = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. `headers` have lower-case names; `body` is its JSON, None when there is none."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing came back. `sent` is False only when the request provably never left."""

    sent: bool
    why: str


Outcome = Answer | NoAnswer | EntraRefused


def trouble(asked: Asked, outcome: Outcome, *, now: float, jitter: float) -> Trouble:
    """The error that `outcome` is. `now` in UNIX seconds (for dates in Retry-After), `jitter` from 0 up to 1."""
    match outcome:
        case NoAnswer():
            return _unanswered(asked, f"{outcome.why}.", sent=outcome.sent)
        case EntraRefused():
            return _entra(asked, outcome)
        case Answer():
            return _refused(asked, outcome, now=now, jitter=jitter)


def retry_after(answer: Answer, *, now: float) -> float | None:
    """Seconds that the answer asks us to wait, from its headers or its sentence; None where it does not say."""
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if (value := answer.headers.get(name, "")).isdigit():
            return min(int(value) / 1000, LONGEST_AFTER)
    value = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return min(float(value), LONGEST_AFTER)
    if value:
        try:
            return min(max(parsedate_to_datetime(value).timestamp() - now, 0.0), LONGEST_AFTER)
        except (ValueError, TypeError):
            pass
    said = refusal.read(answer.body)
    found = re.search(r"try again (?:after|in) '?(\d+)'? seconds", said.text) if said else None
    return min(float(found[1]), LONGEST_AFTER) if found else None


def missing(asked: Asked, name: str) -> Trouble:
    """A good answer without a field that we need."""
    message = f"Azure's answer about {asked.subject} lacks {name}. mlgate looks again."
    return LostAnswer(message) if asked.writes else Retry(message)


def _refused(asked: Asked, answer: Answer, *, now: float, jitter: float) -> Trouble:
    after = retry_after(answer, now=now)
    if answer.status == 429:
        wait = THROTTLED_AFTER if after is None else max(after, 1.0)
        return Quota(
            f"Azure Resource Manager throttles subscription {asked.subscription} (429): it wants a pause of "
            f"{wait:.0f} s. mlgate goes on by itself.",
            gate=asked.gate,
            after=wait * (1 + 0.25 * jitter),  # never earlier than asked
        )
    said = refusal.read(answer.body)
    if answer.status == 401:
        return _unauthorized(asked, said)
    if said is None or answer.status < 400:
        return _not_azure(asked, answer, after)
    if answer.status >= 500 or answer.status == 408:
        return _unanswered(asked, f"Azure answered {answer.status} {said.code}: {_ended(said.sentence)}", after=after)
    return (
        _missing_thing(asked, answer, said)
        or _not_allowed(asked, answer, said)
        or _busy(asked, answer, said, after)
        or _taken(asked, said)
        or _over_limit(asked, said)
        or _unknown(asked, answer, said, after)
    )


def _unauthorized(asked: Asked, said: Refusal | None) -> Trouble:
    code = said.code if said else "without a code"
    text = f"Azure Resource Manager refused the token of {asked.connection} (401 {code})."
    if said and said.has("InvalidAuthenticationTokenTenant"):
        text += (
            f" Subscription {asked.subscription} belongs to another tenant than {asked.tenant}. "
            f"Check tenantId and subscriptionId."
        )
    elif said and said.has("InvalidAuthenticationTokenAudience"):
        text += " The token is meant for another cloud. Check cloud."
    else:
        text += f" Check tenantId, subscriptionId and {_secret(asked)}; mlgate tries again with a new token."
    return CredentialsRejected(text, gate=asked.gate)


def _entra(asked: Asked, refused: EntraRefused) -> Trouble:
    code = f"AADSTS{refused.aadsts}" if refused.aadsts else refused.error
    if refused.transient or refused.status == 429:
        return Retry(f"Entra gave no token to {asked.connection} ({code}). mlgate tries again.")
    known = entra.meaning(refused.aadsts or refused.error)
    names = {"secret": _secret(asked), "client": asked.client, "tenant": asked.tenant}
    if known:
        what, fix = (part.format(**names) for part in known)
    else:
        first = mask(refused.description).strip().splitlines()[:1]
        what, fix = (first[0].rstrip(".") if first else refused.error), f"Check {_secret(asked)}, clientId and tenantId"
    return CredentialsRejected(
        f"Entra refused the credentials of {asked.connection} ({code}): {what}. {fix}; mlgate tries again as soon as "
        f"it changes.",
        gate=asked.gate,
    )


def _secret(asked: Asked) -> str:
    return f"the Secret {asked.secret}" if asked.secret else f"the credentials of {asked.connection}"


def _missing_thing(asked: Asked, answer: Answer, said: Refusal) -> Trouble | None:
    if said.has("SubscriptionNotFound", "InvalidSubscriptionId"):
        return Terminal(
            f"Subscription {asked.subscription} of {asked.connection} does not exist in tenant {asked.tenant}, or the "
            f"credentials have no role in it. Check subscriptionId."
        )
    if said.has("ResourceGroupNotFound"):
        return Terminal(
            f"Azure: {_ended(said.sentence)} mlgate does not create resource groups: create it, or name another for "
            f"the {asked.subject}.",
            reason=Reason.DEPENDENCY_NOT_FOUND,
        )
    if said.has("MissingSubscriptionRegistration", "NoRegisteredProviderFound", "SubscriptionNotRegistered"):
        return Terminal(
            f"Subscription {asked.subscription} is not registered for Azure Machine Learning. Run `az provider "
            f"register --namespace Microsoft.MachineLearningServices` once."
        )
    if answer.status != 404 or said.has("InvalidResourceType"):
        return None
    if asked.method == "PUT":
        return Wait(
            f"Azure cannot make the {asked.subject}: something it needs is not there. {_ended(said.sentence)} mlgate "
            f"looks again.",
            reason=Reason.DEPENDENCY_NOT_FOUND,
            after=PARENT_AFTER * asked.pace,
        )
    return Gone(f"The {asked.subject} does not exist in Azure any more.")


def _not_allowed(asked: Asked, answer: Answer, said: Refusal) -> Trouble | None:
    if said.has("RequestDisallowedByPolicy", "RequestDisallowedByAzure"):
        return Denied(
            f"Azure Policy does not allow the {asked.subject}: {_ended(said.sentence)} Change the manifest or ask the "
            f"policy's owner for an exemption."
        )
    if said.has("ScopeLocked"):
        return Denied(
            f"A lock in Azure protects the {asked.subject}: {_ended(said.sentence)} Remove the lock to go on."
        )
    if said.has("ReadOnlyDisabledSubscription", "DisabledSubscription", "SubscriptionDisabled"):
        return Denied(f"Subscription {asked.subscription} is disabled and can only be read. Enable it in Azure.")
    if answer.status != 403:
        return None
    # LinkedAuthorizationFailed names first what is allowed; only what follows is missing (aad-pod-identity 613).
    lacking = re.split(r"does not have permission to perform action", said.text)[-1]
    action = re.search(r"(?:action(?:\(s\))?|^(?:\(s\))?) '([^',]+)", lacking)
    scope = re.search(r"scope(?:\(s\))? '([^',]+)", lacking)
    if not action:
        return Denied(
            f"{asked.connection} may not do this to the {asked.subject} (403 {said.code}): {_ended(said.sentence)}"
        )
    where = f" on {scope[1]}" if scope else ""
    return Denied(
        f"{asked.connection} may not do {action[1]}{where}. The role `{role_with(action[1])}` allows it: assign it to "
        f"{asked.client} there; a new assignment takes up to 10 minutes to be known."
    )


def role_with(action: str) -> str:
    """The least built-in role that holds an ARM action and is of use to mlgate (Azure's list of built-in roles)."""
    low = action.lower()
    inside = low.removeprefix("microsoft.machinelearningservices/workspaces/")
    verb = low.rpartition("/")[2]
    if inside in {low, "read"}:
        if low == "microsoft.managedidentity/userassignedidentities/assign/action":
            return "Managed Identity Operator"
        return "Reader" if verb == "read" else "Contributor"
    if inside.startswith("computes/") and verb != "read":
        return "AzureML Compute Operator"
    return "Contributor" if inside in {"write", "delete", "listkeys/action"} else "AzureML Data Scientist"


_BUSY_STATE = re.compile(r"\b(?:creating|updating|deleting|scaling)\b['\"]? (?:provisioning )?state", re.IGNORECASE)
_BUSY_CODES = ("AnotherOperationInProgress", "OperationInProgress", "ConflictingOperationInProgress", "ResourceBusy")
_BUSY_WORDS = (
    "operation in progress",
    "operation is in progress",
    "already in progress",
    "another operation",
    "conflicts with an operation",
    "AnotherOperationInProgress",
)


def _busy(asked: Asked, answer: Answer, said: Refusal, after: float | None) -> Trouble | None:
    wait = BUSY_AFTER * asked.pace if after is None else max(after, 1.0)
    asked_to_wait = answer.status == 409 and after is not None
    if asked_to_wait or said.has(*_BUSY_CODES) or said.says(*_BUSY_WORDS) or _BUSY_STATE.search(said.text):
        return Wait(
            f"Azure is still busy with an earlier operation on the {asked.subject}: {_ended(said.sentence)} mlgate "
            f"looks again.",
            reason=Reason.UPDATING,
            after=wait,
        )
    if said.says(
        "StorageAccountIsNotProvisioned",
        "provisioning state",
        "while it receives traffic",
        "receiving traffic",
        "while it is the default",
    ):
        return Wait(
            f"Azure cannot do this to the {asked.subject} yet: {_ended(said.sentence)} mlgate looks again.",
            after=PARENT_AFTER * asked.pace if after is None else wait,
        )
    return None


def _taken(asked: Asked, said: Refusal) -> Trouble | None:
    if said.says("soft-deleted workspace exists", "soft deleted workspace"):
        return SoftDeletedTwin(
            f"A deleted twin of the {asked.subject} still holds its name for up to 14 days (soft delete). Recover it "
            f"in the Azure portal, have it purged (softDeletedTwin: Purge, or `az ml workspace delete "
            f"--permanently-delete`), or choose another name.",
            reason=Reason.EXTERNAL_CONFLICT,
        )
    if said.says("already an endpoint with this name", "unique within a region", "name is already in use"):
        return AlreadyHeld(
            f"The name of the {asked.subject} is taken: endpoint names are unique within a region, across all "
            f"customers. Choose another name."
        )
    if said.has("InvalidResourceLocation"):
        return Terminal(
            f"The {asked.subject} exists in another region: {_ended(said.sentence)} A resource cannot move; name its "
            f"own region or choose another name.",
            reason=Reason.EXTERNAL_CONFLICT,
        )
    if said.has("ResourceExists", "ResourceAlreadyExists", "NameUnavailable", "NameNotAvailable", "AlreadyExists"):
        return AlreadyHeld(f"The name of the {asked.subject} is taken: {_ended(said.sentence)}")
    return None


def _over_limit(asked: Asked, said: Refusal) -> Trouble | None:
    if said.has("OutOfQuota", "QuotaExceeded", "ResourceQuotaExceeded") or said.says(
        "not enough quota", "additional needed", "exceeding approved", "maximum number of"
    ):
        return Terminal(
            f"The subscription's quota does not allow the {asked.subject}: {over_quota(said)}", reason=Reason.PLAN_LIMIT
        )
    return None


def over_quota(said: Refusal) -> str:
    """The service's sentence about quota, the missing cores where it tells them, and what to do."""
    numbers = re.search(r"usage/limit: (\d+)/(\d+)\.? Additional needed: (\d+)", said.text)
    text = _ended(said.sentence)
    if numbers:
        used, limit, needed = (int(number) for number in numbers.groups())
        short = used + needed - limit
        text += (
            f" {short} core{'' if short == 1 else 's'} too few: {used} of {limit} are used and {needed} are needed "
            f"(Azure ML reserves 20 % on top of the instances)."
        )
    return f"{text} Ask for more quota in Azure, or choose a smaller instanceType or fewer instances."


def _unknown(asked: Asked, answer: Answer, said: Refusal, after: float | None) -> Trouble:
    told = f"({answer.status} {said.code}): {_ended(said.sentence)}"
    if answer.status in {409, 412, 423}:
        # Not known to be somebody else's name, nor to be an operation under way: looked at again either way.
        return Retry(
            f"Azure reports a conflict about the {asked.subject} {told}", reason=Reason.EXTERNAL_CONFLICT, after=after
        )
    return Terminal(f"Azure refuses the {asked.subject} {told} Change the manifest accordingly.")


def _not_azure(asked: Asked, answer: Answer, after: float | None) -> Trouble:
    """A status without Azure's error body: a proxy's page, a redirect, an outage. A 404 like this proves nothing."""
    if answer.status >= 500 or answer.status < 300 or answer.status == 408:
        return _unanswered(asked, f"the answer was {answer.status} without a body that Azure sends.", after=after)
    return Retry(
        f"What answers for Azure Resource Manager about the {asked.subject} is not Azure ({answer.status} without an "
        f"error of Azure's). Check proxies and the resource manager's address.",
        after=after,
    )


def _unanswered(asked: Asked, why: str, *, sent: bool = True, after: float | None = None) -> Trouble:
    text = f"{asked.method} of the {asked.subject} got no usable answer from Azure: {why}"
    if asked.writes and sent:
        return LostAnswer(f"{text} It may have happened all the same; mlgate looks before it tries again.", after=after)
    return Retry(f"{text} mlgate tries again.", after=after)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."
