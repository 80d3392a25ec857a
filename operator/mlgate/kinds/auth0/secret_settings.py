"""Secrets among free-form settings (a connection's options, an application's add-ons): each stands in a Secret, named by
its dotted path, and is never shown. What stands in the manifest itself is refused; what somebody set at Auth0 is hidden
where a difference would tell it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...api.references import SecretSetting
from ...auth0.secret_names import is_secret, leaves
from ...engine.fields import Rule
from ...engine.plan import Change
from ...engine.protocols import Owner
from ...engine.references import SECRET, Ref, Resolved
from ...errors import Terminal
from ...reasons import Reason
from ...sensitive import Sensitive
from ...store.protocol import Key
from .. import links
from .stretched import Stretched

ENCRYPTED = ("configuration",)
"""Options whose values the service encrypts, so that no answer tells what they are (TestAccConnection)."""
_MASKED = re.compile(r"^[*•]+$|\*{4}|^2\.0\$")


@dataclass(frozen=True, slots=True)
class SecretSettings:
    """The rule of secret settings: {path: value}, seen beside the settings as they are shown.

    What is shown in the clear is compared; what is masked, encrypted or not shown at all is told by the fingerprint of
    the value that was sent last, which `status.managed` keeps."""

    def change(self, path: str, wanted: Any, seen: Any, managed: Sequence[str]) -> Change | None:
        want: Mapping[str, Sensitive] = wanted or {}
        differing = {
            name: value for name, value in want.items() if not self._same(name, value, at(seen or {}, name), managed)
        }
        if not differing:
            return None
        old = {name: Sensitive(str(before)) for name in differing if (before := at(seen or {}, name)) is not None}
        return Change(path, old or None, differing, differing)

    def entries(self, wanted: Any) -> list[str]:
        return sorted(_entry(name, value) for name, value in (wanted or {}).items())

    @staticmethod
    def _same(name: str, wanted: Sensitive, shown: Any, managed: Sequence[str]) -> bool:
        hides = not isinstance(shown, str) or bool(_MASKED.search(shown)) or name.split(".", 1)[0] in ENCRYPTED
        return _entry(name, wanted) in managed if hides else wanted == Sensitive(shown)


@dataclass(frozen=True, slots=True)
class Hiding:
    """Another rule whose differences hide what is a secret."""

    rule: Rule

    def change(self, path: str, wanted: Any, seen: Any, managed: Sequence[str]) -> Change | None:
        found = self.rule.change(path, wanted, seen, managed)
        return found and replace(found, old=hidden("", found.old), new=hidden("", found.new))

    def entries(self, wanted: Any) -> list[str]:
        return self.rule.entries(wanted)


def refuse_secrets(settings: Mapping[str, Any], paths: Iterable[str], *, field: str, secrets: str) -> None:
    """Raises Terminal for a secret written into the manifest's `field`, and for a path that stands in both."""
    for path, value in leaves(settings):
        if is_secret(path, value) or (isinstance(value, str) and value and path.split(".", 1)[0] in ENCRYPTED):
            raise Terminal(
                f"spec.{field}.{path} is a secret and would stand in the manifest for all to read. Put its value into a "
                f"Secret and name that in spec.{secrets}, with path: {path}."
            )
    for path in paths:
        if at(settings, path) is not None:
            raise Terminal(f"{path} stands in spec.{field} and in spec.{secrets}. Remove it from spec.{field}.")


def hidden(path: str, value: Any) -> Any:
    """A value for plans and status: whatever is a secret in it is one by type."""
    if isinstance(value, Mapping):
        return {name: hidden(f"{path}.{name}" if path else str(name), below) for name, below in value.items()}
    if isinstance(value, list):
        return [hidden(path, each) for each in value]
    encrypted = isinstance(value, str) and path.split(".", 1)[0] in ENCRYPTED
    return Sensitive(str(value)) if encrypted or is_secret(path, value) else value


def references(owner: Owner, settings: Sequence[SecretSetting] | None, secrets: str) -> Iterable[Ref]:
    """The Secrets that hold the values."""
    for setting in settings or ():
        yield links.secret(owner.namespace, setting.value_from.secret_key_ref, f"spec.{secrets}[{setting.path}]")


def values(owner: Owner, settings: Sequence[SecretSetting], refs: Resolved, secrets: str) -> dict[str, Sensitive]:
    """The values by path. A Secret that is gone is left out: only an object that is being deleted gets so far, and it
    needs none."""
    found: dict[str, Sensitive] = {}
    for setting in settings:
        named = setting.value_from.secret_key_ref
        data = refs.secrets.get(Key(SECRET, owner.namespace, named.name))
        if data is None:
            continue
        if not data.get(named.key):
            raise Terminal(
                f"Secret {owner.namespace}/{named.name} has no key {named.key}, which spec.{secrets} names for "
                f"{setting.path}. Put it there; mlgate goes on as soon as it is.",
                reason=Reason.CREDENTIALS_MISSING,
            )
        found[setting.path] = Stretched(data[named.key].reveal(), salt=f"{owner.uid} {setting.path}")
    return found


def put(target: dict[str, Any], secrets: Mapping[str, Sensitive] | None) -> dict[str, Any]:
    """`target`, with the secrets at their paths: only for the body of a request."""
    for path, value in (secrets or {}).items():
        *above, name = path.split(".")
        below = target
        for part in above:
            if not isinstance(below.get(part), dict):
                below[part] = {}
            below = below[part]
        below[name] = value.reveal()
    return target


def at(settings: Any, path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    for part in path.split("."):
        settings = settings.get(part) if isinstance(settings, Mapping) else None
    return settings


def _entry(path: str, value: Sensitive) -> str:
    return f"{path} {value.fingerprint()}"
