"""How the options of a connection compare, and what is written for a difference: rules as data, by option.

The service replaces `options` whole, so what is written is what is there now with the manifest's keys over it, at every
depth: a key that nobody wrote here, above all somebody's secret, is never lost. It also answers differently from what it
was sent. What it fills in is nobody's difference, because only written keys are looked at; what it changes stands below
(recordings TestAccConnection*, TestConnectionManager_*; which one is named at each rule).
"""

from __future__ import annotations

import base64
import binascii
import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...engine.plan import Change
from ...sensitive import Sensitive
from .secret_settings import hidden, put

Options = Mapping[str, Any]

_ORDERED = ("precedence",)
"""Lists whose order means something. All other lists of plain values are sets: the service sorts some of them."""
_DISCOVERED = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "issuer")


def anything(wanted: Any, seen: Any, options: Options) -> bool:
    return True


def _unless_null(wanted: Any, seen: Any, options: Options) -> bool:
    return wanted is None or wanted == seen


def _same_words(wanted: Any, seen: Any, options: Options) -> bool:
    return _words(wanted) == _words(seen)


def _same_certificate(wanted: Any, seen: Any, options: Options) -> bool:
    return _pem(wanted) in (_pem(seen), _pem(options.get("cert")))


Same = Callable[[Any, Any, Options], bool]
RULES: Mapping[tuple[str, str], Same] = {
    ("*", "scope"): _same_words,  # sorted, or a list where a text was sent (google-apps, line, facebook)
    ("wordpress", "scope"): anything,  # keeps `profile` of what was sent (It_can_successfully_read_a_Wordpress)
    ("*", "signingCert"): _same_certificate,  # shown as `cert` (TestAccConnectionPingFederate)
    **{("oidc", name): _unless_null for name in _DISCOVERED},  # null asks for discovery (TestAccConnectionConnectedAc.)
    **{("okta", name): anything for name in _DISCOVERED},  # always discovered from the domain (TestAccConnectionOkta)
}
"""Who compares a top-level option, by strategy and name; `*` is every strategy that has none of its own."""
RECOMPUTED: Mapping[str, tuple[str, ...]] = {
    "signingCert": ("cert", "subject", "expires", "thumbprints"),
    "discovery_url": ("oidc_metadata",),
    "domain": ("oidc_metadata", *_DISCOVERED),
}
"""What the service made of an option: not written back when that option changes, or the old would win."""


@dataclass(frozen=True, slots=True)
class OptionsOf:
    """The rule of the field `options` for one strategy."""

    strategy: str

    def change(self, path: str, wanted: Any, seen: Any, managed: Sequence[str]) -> Change | None:
        have: Options = seen or {}
        found = {
            name: pair
            for key, value in (wanted or {}).items()
            if not self._same(key, value, have)
            for name, pair in _differing(key, value, have.get(key))
        }
        if not found:
            return None
        old = {name: hidden(name, before) for name, (before, _) in found.items() if before is not None}
        new = {name: hidden(name, after) for name, (_, after) in found.items()}
        return Change(path, old or None, new, merged(have, wanted or {}))

    def entries(self, wanted: Any) -> list[str]:
        return []

    def _same(self, key: str, wanted: Any, have: Options) -> bool:
        rule = RULES.get((self.strategy, key)) or RULES.get(("*", key))
        return rule(wanted, have.get(key), have) if rule else alike(key, wanted, have.get(key))


def merged(current: Options, wanted: Options, secrets: Mapping[str, Sensitive] | None = None) -> dict[str, Any]:
    """What to write: the current options with the wished ones and the secrets over them; null removes a key."""
    stale = {name for key in wanted if wanted[key] != current.get(key) for name in RECOMPUTED.get(key, ())}
    kept = {key: value for key, value in current.items() if key not in stale or key in wanted}
    return put(_over(kept, wanted), secrets)


def alike(key: str, wanted: Any, seen: Any) -> bool:
    """Whether what is seen is as wished, as far as the wish goes."""
    if isinstance(wanted, Mapping):
        have: Options = seen if isinstance(seen, Mapping) else {}
        return all(alike(name, value, have.get(name)) for name, value in wanted.items())
    if isinstance(wanted, list) and isinstance(seen, list):
        if key not in _ORDERED and not any(isinstance(each, Mapping | list) for each in (*wanted, *seen)):
            return sorted(map(repr, wanted)) == sorted(map(repr, seen))
        return len(wanted) == len(seen) and all(alike("", one, other) for one, other in zip(wanted, seen, strict=True))
    return bool(wanted == seen) and isinstance(wanted, bool) == isinstance(seen, bool)


def _differing(path: str, wanted: Any, seen: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Where exactly they differ, as dotted paths with both values."""
    if isinstance(wanted, Mapping) and isinstance(seen, Mapping):
        for name, value in wanted.items():
            if not alike(name, value, seen.get(name)):
                yield from _differing(f"{path}.{name}", value, seen.get(name))
    else:
        yield path, (seen, wanted)


def _over(current: Options, wanted: Options) -> dict[str, Any]:
    result = {name: copy.deepcopy(value) for name, value in current.items() if wanted.get(name, ...) is not None}
    for name, value in wanted.items():
        if isinstance(value, Mapping):
            below = result.get(name)
            result[name] = _over(below if isinstance(below, Mapping) else {}, value)
        elif value is not None:
            result[name] = copy.deepcopy(value)
    return result


def _words(value: Any) -> set[str]:
    if isinstance(value, str):
        return set(value.replace(",", " ").split())
    return {str(each) for each in value or ()}


def _pem(text: Any) -> str:
    """A certificate without the ways of writing one: base64 of the PEM, line ends."""
    if not isinstance(text, str):
        return ""
    if not text.lstrip().startswith("-----"):
        try:
            decoded = base64.b64decode(text, validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            decoded = text
        text = decoded if decoded.lstrip().startswith("-----") else text
    return "".join(re.sub(r"-----[A-Z ]+-----", "", text).split())
