"""The door through which every request to an outside service leaves the process.

Adapters call `about_to_send` right before each request. Whether a write may leave is decided by the reconcile that is
running (its mode, its lease), not by the kind and not by the adapter: a reconcile in `Plan` or `Observe` mode, or one
whose lease runs out before the request would, cannot write even if a kind tries to. Outside a reconcile nothing may write.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from .errors import WriteRefused


class Urgency(IntEnum):
    """The classes a request budget serves, most urgent first; a class never starves a higher one."""

    USER = 0
    DELETION = 1
    RETRY = 2
    PROGRESS = 3
    DRIFT = 4
    BACKGROUND = 5
    """What may as well not happen: it is sent only where the budget has more than anybody needs now."""


class Fence(Protocol):
    """Says whether a request that may take `timeout` seconds may still be started."""

    def check(self, timeout: float) -> None:
        """Raises WriteRefused when leadership would be lost (or is) before the request must have ended."""
        ...


class Unfenced:
    """For a process that is alone by construction (`mlgate dev` on its embedded store, tests)."""

    def check(self, timeout: float) -> None:
        return


@dataclass(frozen=True, slots=True)
class Permit:
    """What the running reconcile may do."""

    urgency: Urgency
    fence: Fence
    refuse_writes: WriteRefused | None = None


_permit: ContextVar[Permit | None] = ContextVar("mlgate_outbound_permit", default=None)


@contextmanager
def permitting(permit: Permit) -> Iterator[None]:
    """Requests sent inside this block carry `permit`."""
    token = _permit.set(permit)
    try:
        yield
    finally:
        _permit.reset(token)


def urgency() -> Urgency:
    """The class of the request that is about to leave."""
    permit = _permit.get()
    return permit.urgency if permit else Urgency.DRIFT


def about_to_send(what: str, *, writes: bool, timeout: float) -> None:
    """Called by adapters right before a request leaves. `what` is its method and path, for the refusal's message.

    Raises WriteRefused when it would change something outside and may not. `timeout` is the request's own, in seconds.
    """
    if not writes:
        return
    permit = _permit.get()
    if permit is None:
        raise WriteRefused(f"{what} was about to be sent outside of any reconcile.")
    if permit.refuse_writes is not None:
        raise permit.refuse_writes
    permit.fence.check(timeout)
