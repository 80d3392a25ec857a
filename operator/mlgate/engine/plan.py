"""A plan: what would change outside, as data. Apply takes the plan, never the spec (ENGINE rule 14)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..sensitive import Sensitive


class Action(StrEnum):
    """What a plan does."""

    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"
    NOTHING = "Nothing"


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs. `send` is what goes to the service (it may be only the keys that differ);
    `added` and `removed` are the entries of a shared list for services that take deltas."""

    path: str
    old: Any
    new: Any
    send: Any
    added: tuple[Any, ...] = ()
    removed: tuple[Any, ...] = ()

    def shown(self) -> dict[str, str]:
        """For status, Events and the CLI: bounded, with sensitive values as `***`."""
        action = "add" if self.old is None else "remove" if self.new is None else "replace"
        return {"path": self.path, "action": action, "old": brief(self.old), "new": brief(self.new)}


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in a stable order. `wanted` is the whole wish, `external_id` what it is about (None for a create)."""

    action: Action
    wanted: Mapping[str, Any] = field(default_factory=dict)
    changes: Sequence[Change] = ()
    external_id: str | None = None

    def __bool__(self) -> bool:
        return self.action is not Action.NOTHING

    def values(self, *names: str) -> dict[str, Any]:
        """What to send for these fields (all when none is named): every wanted one when creating, the changed ones
        when updating."""
        if self.action is Action.CREATE:
            return {name: value for name, value in self.wanted.items() if not names or name in names}
        return {change.path: change.send for change in self.changes if not names or change.path in names}

    def change(self, name: str) -> Change | None:
        """The change of one field, if it changes."""
        return next((change for change in self.changes if change.path == name), None)

    @property
    def hash(self) -> str:
        """Ten hex digits over action, target and every value, secret ones by fingerprint: what an approval names."""
        values = [[change.path, change.old, change.new] for change in self.changes]
        text = json.dumps([self.action, self.external_id, values], sort_keys=True, default=_fingerprint)
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @property
    def summary(self) -> str:
        """One line for people: `Update name, callbacks`."""
        names = [change.path for change in self.changes]
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        return f"{self.action} {shown}".strip()

    def published(self) -> dict[str, Any]:
        """As `status.plan` shows it."""
        return {"hash": self.hash, "summary": self.summary, "changes": [c.shown() for c in self.changes[:64]]}


def brief(value: Any, longest: int = 200) -> str:
    """A value as short text without secrets."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=_opaque)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def wish_hash(wanted: Mapping[str, Any]) -> str:
    """Tells whether the wish is the one that was applied last; sensitive values count by fingerprint."""
    return hashlib.sha256(json.dumps(wanted, sort_keys=True, default=_fingerprint).encode()).hexdigest()[:16]


def _opaque(value: object) -> str:
    return str(value)


def _fingerprint(value: object) -> str:
    return value.fingerprint() if isinstance(value, Sensitive) else str(value)
