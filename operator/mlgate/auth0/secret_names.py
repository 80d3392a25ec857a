"""Which settings of free-form objects are secrets: told by their names, and by what a private key looks like.

The names are those of every secret in the recorded add-ons and connection options (recordings TestAccClientAddons,
TestAccConnection*) and everything that ends alike: where in doubt a setting is a secret, which then stands in a Secret
instead of a manifest. Names that end alike and hold none are listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_SECRET = re.compile(r"(secrets?|token|password|passwd|passphrase|pwd|credentials?|p12|pfx|key)$", re.IGNORECASE)
_PUBLIC = re.compile(r"(public|consumer|publishable|site)[_-]?key$", re.IGNORECASE)
"""A consumer key is OAuth 1's client id (TestAccConnectionOAuth1)."""
_CODE = ("customScripts",)
"""Maps whose names are those of functions (`change_password`) and whose values are code."""
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")


def names_a_secret(path: str) -> bool:
    """Whether the setting at this dotted path is a secret by its name."""
    *above, name = path.split(".")
    return bool(_SECRET.search(name)) and not _PUBLIC.search(name) and not any(part in _CODE for part in above)


def is_secret(path: str, value: Any) -> bool:
    """Whether this value at this path is a secret. What switches something on or off, or is empty, is none."""
    if isinstance(value, str):
        return bool(value) and (names_a_secret(path) or bool(_PRIVATE_KEY.search(value)))
    return isinstance(value, int | float) and not isinstance(value, bool) and names_a_secret(path)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every plain value with its dotted path; items of a list have the path of the list."""
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from leaves(below, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for below in value:
            yield from leaves(below, path)
    else:
        yield path, value
