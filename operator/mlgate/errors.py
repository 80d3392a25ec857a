"""What can go wrong, as classes that say what it means for the object.

Adapters and kinds raise these and nothing else; the engine maps each class once to condition, Event and retry rule
(`engine.finalise`). A message is written for the person who reads `kubectl describe`: what, why, what to do.
"""

from __future__ import annotations

from .reasons import Reason


class Trouble(Exception):
    """Something keeps the object from its wished state.

    `message` is complete for the user and holds no secret. `reason` is the condition's reason.
    """

    def __init__(self, message: str, *, reason: Reason) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason

    def reword(self, message: str) -> None:
        """Says the same in other words."""
        self.message, self.args = message, (message,)


class Terminal(Trouble):
    """Only a change of the manifest, of a referenced object or of a credential can help. Looked at again slowly."""

    def __init__(self, message: str, *, reason: Reason = Reason.INVALID_SPEC) -> None:
        super().__init__(message, reason=reason)


class Denied(Terminal):
    """We may not: the credentials lack a permission, or a namespace may not refer to that object."""

    def __init__(self, message: str, *, reason: Reason = Reason.ACCESS_DENIED) -> None:
        super().__init__(message, reason=reason)


class AmbiguousIdentity(Terminal):
    """More than one thing outside could be this object. Nothing was written."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason=Reason.ADOPTION_AMBIGUOUS)


class Retry(Trouble):
    """It may work the next time: back-off with full jitter, or after `after` seconds where the service said so."""

    def __init__(self, message: str, *, reason: Reason = Reason.UNREACHABLE, after: float | None = None) -> None:
        super().__init__(message, reason=reason)
        self.after = after


class LostAnswer(Retry):
    """A write was sent and its answer was lost (timeout, cut connection, 5xx): it may or may not have happened.

    The engine looks for what it may have made before it tries again (`External.find_ours`)."""


class Wait(Trouble):
    """Nothing is wrong; something else must happen first, and will wake us. `after` seconds bounds the wait.

    `brief`: what is waited for was well a moment ago and is only being looked at again; an object that was well itself
    goes on saying so."""

    def __init__(
        self,
        message: str,
        *,
        reason: Reason = Reason.DEPENDENCY_NOT_READY,
        after: float | None = None,
        brief: bool = False,
    ) -> None:
        super().__init__(message, reason=reason)
        self.after = after
        self.brief = brief


class Quota(Trouble):
    """The service wants fewer requests. Everything behind `gate` waits `after` seconds, with one probe then.

    Without a gate only this one waits, for its own turn: our own budget spoke, or closed what the service refused."""

    def __init__(self, message: str, *, gate: str = "", after: float) -> None:
        super().__init__(message, reason=Reason.QUOTA_LIMITED)
        self.gate = gate
        self.after = after


class CredentialsRejected(Trouble):
    """The service refused our credentials. Everything behind `gate` waits, one probe at a time tries again."""

    def __init__(self, message: str, *, gate: str) -> None:
        super().__init__(message, reason=Reason.CREDENTIALS_REJECTED)
        self.gate = gate


class AlreadyHeld(Trouble):
    """A create was refused because the key is taken (409). `holder` is the id that holds it, where it is known.

    The engine looks whether the holder is ours (then it is adopted) before it reports ExternalConflict."""

    def __init__(self, message: str, *, holder: str | None = None) -> None:
        super().__init__(message, reason=Reason.EXTERNAL_CONFLICT)
        self.holder = holder


class Gone(Trouble):
    """What we wanted to change is not there any more (404)."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason=Reason.EXTERNAL_GONE)


class WriteRefused(Trouble):
    """A write was about to leave although this reconcile may not write (not leader, Plan, Observe, paused)."""

    def __init__(self, message: str, *, reason: Reason = Reason.PLAN_PENDING) -> None:
        super().__init__(message, reason=reason)
