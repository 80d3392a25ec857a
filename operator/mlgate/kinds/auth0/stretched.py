"""Secrets of which status keeps a fingerprint for good: stretched and salted, so that whoever reads status learns no more
than from a database of password hashes."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from ...sensitive import Sensitive

_PROCESS_KEY = secrets.token_bytes(32)
_STRETCHED: dict[bytes, str] = {}
"""Prints by keyed hash, so that no secret is kept: scrypt takes some 50 ms with the parameters of RFC 7914 for
interactive use, once per secret and process."""
_MOST_KEPT = 4096


class Stretched(Sensitive):
    """A secret as it is wished, salted with what is unique to its place (the object's uid)."""

    __slots__ = ("_salt",)

    def __init__(self, value: str, *, salt: str) -> None:
        super().__init__(value)
        self._salt = salt

    def fingerprint(self) -> str:
        text, salt = self.reveal().encode(), self._salt.encode()
        known = hmac.digest(_PROCESS_KEY, salt + b"\n" + text, "sha256")
        if known not in _STRETCHED:
            if len(_STRETCHED) >= _MOST_KEPT:
                _STRETCHED.clear()
            _STRETCHED[known] = hashlib.scrypt(text, salt=salt, n=2**14, r=8, p=1, dklen=16).hex()
        return _STRETCHED[known]

    def __hash__(self) -> int:
        return hash(super().fingerprint())
