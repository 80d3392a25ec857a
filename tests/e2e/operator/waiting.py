"""Waiting for a condition with a deadline: never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
POLL = 0.1


def eventually(condition: Callable[[], Found], what: str, *, seconds: float = 30.0) -> Found:
    """What `condition` returned when it was true at last. `what` completes the sentence "... did not come".

    An AssertionError inside the condition counts as not yet; the last one is told.
    """
    deadline = time.monotonic() + seconds
    last: object = None
    while True:
        try:
            found = condition()
            if found:
                return found
            last = found
        except AssertionError as not_yet:
            last = not_yet
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {seconds:.0f} s; last seen: {last}")
        time.sleep(POLL)


def unchanged(look: Callable[[], Found], *, seconds: float = 1.0, deadline: float = 30.0) -> Found:
    """What `look` returned for `seconds` on end: how "and then nothing more happens" is seen."""
    until = time.monotonic() + deadline
    last, since = look(), time.monotonic()
    while time.monotonic() - since < seconds:
        if time.monotonic() > until:
            raise AssertionError(f"it went on changing for {deadline:.0f} s; last seen: {last}")
        time.sleep(POLL)
        now = look()
        if now != last:
            last, since = now, time.monotonic()
    return last
