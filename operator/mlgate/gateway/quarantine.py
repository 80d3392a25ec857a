"""Holding back the routes that a proxy refuses, so that one of them never stops the changes of the others.

When the shared route configuration is refused and nobody is named, all suspects are held back (they keep what they had
before) and then let in again by halves: what is accepted is innocent, what is refused alone is the culprit and stays
out, with the proxy's words, until it changes. Pure: the proxies' answers drive it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mlgate.gateway.model import Route


@dataclass(frozen=True, slots=True)
class Condemned:
    """A route that a proxy refused on its own, as it was then."""

    route: Route
    words: str


class Quarantine:
    def __init__(self) -> None:
        self._condemned: dict[str, Condemned] = {}
        self._waiting: list[frozenset[str]] = []
        self._trying: frozenset[str] = frozenset()

    @property
    def condemned(self) -> Mapping[str, Condemned]:
        return self._condemned

    @property
    def held(self) -> frozenset[str]:
        """The routes that are not to be served as they are wanted."""
        return frozenset(self._condemned).union(*self._waiting)

    @property
    def settled(self) -> bool:
        """Whether no suspect is left whose guilt is not known yet."""
        return not self._waiting and not self._trying

    def refused(self, suspects: Iterable[str], words: str, wanted: Mapping[str, Route]) -> bool:
        """The configuration was refused. Whether holding back more routes can help."""
        group = self._trying or frozenset(suspects) - self.held
        self._trying = frozenset()
        group &= frozenset(wanted)
        if not group:
            return False
        if len(group) == 1:
            (name,) = group
            self._condemned[name] = Condemned(wanted[name], words)
        else:
            ordered = sorted(group)
            middle = len(ordered) // 2
            self._waiting[:0] = [frozenset(ordered[:middle]), frozenset(ordered[middle:])]
        return True

    def accepted(self) -> bool:
        """The configuration was accepted: lets the next group in. Whether there was one."""
        self._trying = self._waiting.pop(0) if self._waiting else frozenset()
        return bool(self._trying)

    def revise(self, wanted: Mapping[str, Route]) -> None:
        """The wish changed: a route that is gone or different gets a new chance."""
        for name, condemned in list(self._condemned.items()):
            if wanted.get(name) != condemned.route:
                del self._condemned[name]
        self._waiting = [group for each in self._waiting if (group := each & frozenset(wanted))]
        self._trying &= frozenset(wanted)
