"""How the fields of a kind compare and what is sent for a difference: rules that stand as data beside each kind.

Only fields that are in the wish are looked at (ENGINE rule 13). A rule answers two questions about one field: do wish
and observation mean the same, and if not, what does the service want to be sent. Which services merge nested objects and
which replace them is recorded fact, kept with the kind that names the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import Terminal
from ..sensitive import Sensitive
from .plan import Action, Change, Plan

Managed = Mapping[str, Sequence[str]]
"""Per field: which entries of a list or map that others share were put there by this object, and which secrets were
sent, by fingerprint (`status.managed`)."""


class Rule(Protocol):
    """How one field compares."""

    def change(self, path: str, wanted: Any, seen: Any, managed: Sequence[str]) -> Change | None:
        """The change that brings `seen` to `wanted`, or None when they mean the same."""
        ...

    def entries(self, wanted: Any) -> list[str]:
        """The names of entries this object owns in a shared field; empty for fields that are owned whole."""
        ...


class _Whole:
    def entries(self, wanted: Any) -> list[str]:
        return []


@dataclass(frozen=True, slots=True)
class Exact(_Whole):
    """Equal as JSON. `absent` is what the service shows or means when nothing was set."""

    absent: Any = None

    def change(self, path: str, wanted: Any, seen: Any, managed: Sequence[str]) -> Change | None:
        same = _or(wanted, self.absent) == _or(seen, self.absent)
        return None if same else Change(path, seen, wanted, wanted)


@dataclass(frozen=True, slots=True)
class Alike(_Whole):
    """Equal by the service's own idea of sameness, given as a function (casing of ids, ISO 8601 durations, ...)."""

    same: Callable[[Any, Any], bool]

    def change(self, path: str, wanted: Any, seen: Any, managed: Sequence[str]) -> Change | None:
        return None if self.same(wanted, seen) else Change(path, seen, wanted, wanted)


@dataclass(frozen=True, slots=True)
class SetOf:
    """A list whose order means nothing. Elements are told apart by `keys` (whole elements without).

    `shared` leaves entries of others alone: only what this object wants, or put there before and wants no more, counts.
    """

    keys: tuple[str, ...] = ()
    shared: bool = False

    def change(self, path: str, wanted: Any, seen: Any, managed: Sequence[str]) -> Change | None:
        want = {self._name(element): element for element in wanted or ()}
        have = {self._name(element): element for element in seen or ()}
        ours = want.keys() | set(managed) if self.shared else want.keys() | have.keys()
        added = tuple(want[name] for name in want if name not in have or not _covers(want[name], have[name]))
        removed = tuple(have[name] for name in have if name in ours and name not in want)
        if not added and not removed:
            return None
        kept = [element for name, element in have.items() if name not in ours] if self.shared else []
        return Change(path, seen, wanted, [*kept, *want.values()], added, removed)

    def entries(self, wanted: Any) -> list[str]:
        return sorted(self._name(element) for element in wanted or ()) if self.shared else []

    def _name(self, element: Any) -> str:
        if not self.keys:
            return str(element)
        return "\n".join(str(element.get(key)) for key in self.keys)


@dataclass(frozen=True, slots=True)
class Nested(_Whole):
    """An object of which only the wished keys are ours.

    `merges`: the service keeps keys that are left out of a write, so only the differing ones are sent; where it replaces
    the whole object, what is there is sent along. A key without a rule compares by `otherwise`. What is no
    object compares exactly.
    """

    merges: bool
    fields: Mapping[str, Rule] = field(default_factory=dict)
    otherwise: Rule = field(default_factory=Exact)

    def change(self, path: str, wanted: Any, seen: Any, managed: Sequence[str]) -> Change | None:
        if wanted is not None and not isinstance(wanted, Mapping):
            return Exact().change(path, wanted, seen, managed)
        if wanted is None or not isinstance(seen, Mapping):
            return None if wanted in (None, {}) and not seen else Change(path, seen, wanted, wanted)
        differing = {
            name: change
            for name, value in wanted.items()
            if (change := self.fields.get(name, self.otherwise).change(name, value, seen.get(name), ())) is not None
        }
        if not differing:
            return None
        send = {name: change.send for name, change in differing.items()}
        old = {name: change.old for name, change in differing.items()}
        new = {name: change.new for name, change in differing.items()}
        return Change(path, old, new, send if self.merges else {**seen, **send})


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map of text that others may share (metadata, tags): only wished keys are ours, and those we set before.

    `merges`: the service merges per key and takes null to remove one; otherwise the whole map is sent.
    """

    merges: bool

    def change(self, path: str, wanted: Any, seen: Any, managed: Sequence[str]) -> Change | None:
        want, have = dict(wanted or {}), dict(seen or {})
        put = {key: value for key, value in want.items() if have.get(key) != value}
        drop = [key for key in managed if key in have and key not in want]
        if not put and not drop:
            return None
        if self.merges:
            send: dict[str, Any] = {**put, **dict.fromkeys(drop)}
        else:
            send = {key: value for key, value in {**have, **want}.items() if key not in drop}
        touched = [*put, *drop]
        return Change(
            path,
            {key: have[key] for key in touched if key in have} or None,
            {key: want[key] for key in touched if key in want} or None,
            send,
        )

    def entries(self, wanted: Any) -> list[str]:
        return sorted(wanted or ())


@dataclass(frozen=True, slots=True)
class WriteOnly:
    """A secret that the service takes and never shows: sent once, and again when it changes. What was sent is told by
    its fingerprint in `status.managed`, never by its value."""

    def change(self, path: str, wanted: Any, seen: Any, managed: Sequence[str]) -> Change | None:
        return None if set(self.entries(wanted)) <= set(managed) else Change(path, None, wanted, wanted)

    def entries(self, wanted: Any) -> list[str]:
        return [wanted.fingerprint()] if isinstance(wanted, Sensitive) else []


@dataclass(frozen=True, slots=True)
class Unseen(_Whole):
    """How something is to be done (whether a mail goes out), not what is there: sent along, never a difference."""

    def change(self, path: str, wanted: Any, seen: Any, managed: Sequence[str]) -> Change | None:
        return None


@dataclass(frozen=True, slots=True)
class CreateOnly:
    """Cannot be changed at the service once it exists; a difference is the manifest's to solve."""

    rule: Rule = field(default_factory=Exact)

    def change(self, path: str, wanted: Any, seen: Any, managed: Sequence[str]) -> Change | None:
        change = self.rule.change(path, wanted, seen, managed)
        if change is None:
            return None
        raise Terminal(
            f"{path} cannot be changed after creation: it is {change.shown()['old'] or 'unset'} outside and "
            f"{change.shown()['new'] or 'unset'} in the manifest. Put the old value back, or delete the object and "
            "create it anew."
        )

    def entries(self, wanted: Any) -> list[str]:
        return self.rule.entries(wanted)


class Fields:
    """The rules of a kind, by field. A field without one compares by `otherwise` (exactly)."""

    def __init__(self, otherwise: Rule | None = None, **rules: Rule) -> None:
        self.rules = rules
        self.otherwise = otherwise or Exact()

    def diff(
        self, wanted: Mapping[str, Any], seen: Mapping[str, Any] | None, managed: Managed, external_id: str | None
    ) -> Plan:
        """The plan that brings what is seen (None: nothing is there) to what is wanted."""
        if seen is None:
            changes = [Change(name, None, value, value) for name, value in sorted(wanted.items()) if value is not None]
            return Plan(Action.CREATE, wanted, changes, None)
        changes = [
            change
            for name, value in sorted(wanted.items())
            if (change := self._rule(name).change(name, value, seen.get(name), managed.get(name, ()))) is not None
        ]
        return Plan(Action.UPDATE if changes else Action.NOTHING, wanted, changes, external_id)

    def managed(self, wanted: Mapping[str, Any]) -> dict[str, list[str]]:
        """What to remember of shared fields once the wish is applied."""
        found = {name: self._rule(name).entries(value) for name, value in wanted.items()}
        return {name: entries for name, entries in found.items() if entries}

    def _rule(self, name: str) -> Rule:
        return self.rules.get(name) or self.otherwise


def _or(value: Any, absent: Any) -> Any:
    return absent if value is None else value


def _covers(wanted: Any, seen: Any) -> bool:
    """Whether every key that is wished in an element is so in the seen one."""
    if isinstance(wanted, Mapping) and isinstance(seen, Mapping):
        return all(_or(seen.get(key), "") == _or(value, "") for key, value in wanted.items())
    return bool(wanted == seen)
