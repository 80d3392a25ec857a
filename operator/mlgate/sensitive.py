"""Values that must never be shown. Redaction is by type, so that no log, message, plan or trace can leak one by accident."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import NoReturn

REDACTED = "***"
_SHORTEST_HIDDEN = 6
"""Characters: what is shorter is a word of many sentences."""


class Sensitive:
    """A secret text. Everything that would print it prints `***`; only `reveal()` gives it away."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The value itself: only for the request or the Secret it belongs in."""
        return self.__value

    def fingerprint(self) -> str:
        """Twelve hex digits that tell whether two values are the same and nothing else."""
        return hashlib.sha256(b"mlgate:" + self.__value.encode()).hexdigest()[:12]

    def __repr__(self) -> str:
        return REDACTED

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return REDACTED

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sensitive) and hmac.compare_digest(self.__value.encode(), other.__value.encode())

    def __hash__(self) -> int:
        return hash(self.fingerprint())

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Sensitive value is never pickled or copied into a file")


def hidden(text: str, values: object) -> str:
    """The text without any secret that stands anywhere in `values`: for words that somebody else chose."""
    for secret in sorted({each.reveal() for each in _in(values)}, key=len, reverse=True):
        if len(secret) >= _SHORTEST_HIDDEN:
            text = text.replace(secret, REDACTED)
    return text


def _in(values: object) -> Iterator[Sensitive]:
    if isinstance(values, Sensitive):
        yield values
    elif isinstance(values, Mapping):
        for each in values.values():
            yield from _in(each)
    elif isinstance(values, list | tuple):
        for each in values:
            yield from _in(each)
