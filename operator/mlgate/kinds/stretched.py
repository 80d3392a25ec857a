"""Secrets of which status keeps a fingerprint for good: stretched and salted, so that whoever reads status learns no more
than from a database of password hashes."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from ..sensitive import Sensitive


class Stretched(Sensitive):
    """A secret as it is wished, salted with what is unique to its place (the object's uid)."""

    __slots__ = ("_salt",)

    def __init__(self, value: str, *, salt: str) -> None:
        super().__init__(value)
        self._salt = salt

    def fingerprint(self) -> str:
        return _stretched(super().fingerprint(), self, self._salt)

    def __hash__(self) -> int:
        return hash(super().fingerprint())


@lru_cache(maxsize=1024)
def _stretched(_short: str, secret: Sensitive, salt: str) -> str:
    """scrypt with the parameters of RFC 7914 for interactive use: some 50 ms, once per secret and process."""
    return hashlib.scrypt(secret.reveal().encode(), salt=salt.encode(), n=2**14, r=8, p=1, dklen=16).hex()
