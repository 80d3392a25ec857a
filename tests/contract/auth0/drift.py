"""False drift, looked for in the recordings: what was written, compared by a kind's own rules with what was read later.

Every recorded body that the service accepted is taken for the wish of a manifest, and held against every later answer
that shows the object (alone or in a list) until the object is written again. Whatever the rules call a change there is
drift that nobody made: an operator would write it again and again.

**To add a kind**, add a `Row` to `ROWS` in `test_no_false_drift.py`: `collection(...)` for what lives at
`/things` and `/things/{id}`, or a `Row` with functions of its own for anything else (see `role_permissions` there).
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from contract.auth0.comparison import unfaithful
from contract.auth0.recordings import Exchange
from mlgate.engine.fields import Fields, Managed
from mlgate.errors import Terminal

Wish = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One kind (or one part of it that is written separately).

    `written` says of an accepted POST, PATCH, PUT or DELETE which object it was about and what is wished of it from now
    on, given what was wished before (None: nothing any more, as after a DELETE); None where it is about something else.
    `shown` says which objects an answer shows, in the words of the wish. An object is named by the same key in both.
    """

    name: str
    fields: Fields
    written: Callable[[Exchange, Callable[[str], Wish | None]], tuple[str, Wish | None] | None]
    shown: Callable[[Exchange], Iterable[tuple[str, Wish]]]
    managed: Managed = field(default_factory=dict)


@dataclass
class Pair:
    """A wish and an answer that must mean the same."""

    row: Row
    source: str
    written_at: int
    read_at: int
    key: str
    wish: Wish
    seen: Wish

    def drifts(self, wish: Wish | None = None) -> list[str]:
        """The fields in which the rules see a difference."""
        found = []
        for name, value in (self.wish if wish is None else wish).items():
            try:
                plan = self.row.fields.diff({name: value}, self.seen, self.row.managed, self.key)
            except Terminal:  # a field that cannot be changed
                found.append(name)
                continue
            found += [change.path for change in plan.changes]
        return found


@dataclass
class Finding:
    row: Row
    writes: int = 0
    pairs: list[Pair] = field(default_factory=list)

    @property
    def drifts(self) -> Counter[str]:
        return Counter(path for pair in self.pairs for path in pair.drifts())


def collection(
    name: str,
    fields: Fields,
    *,
    route: str,
    plural: str,
    key: str = "id",
    other_key: str | None = None,
    wish: Callable[[dict[str, Any]], Wish] = lambda body: body,
    seen: Callable[[dict[str, Any]], Wish] = lambda raw: raw,
) -> Row:
    """A row for objects that live at `route` and `route/{id}`.

    `wish` makes the wish of a recorded body (leave out secrets and what the kind does not manage), `seen` turns an
    object of an answer into what the kind compares with. `other_key`: a field that serves as the id in paths too.
    """
    aliases: dict[str, str] = {}

    def named(exchange: Exchange) -> str:
        asked = unquote(unquote(exchange.ids[0]))
        return aliases.get(asked, asked)

    def written(exchange: Exchange, before: Callable[[str], Wish | None]) -> tuple[str, Wish | None] | None:
        if exchange.route == f"{route}/{{id}}":
            if exchange.method == "DELETE":
                return named(exchange), None
            if exchange.method in {"PATCH", "PUT"} and isinstance(exchange.request, dict):
                return named(exchange), wish(copy.deepcopy(exchange.request))
        if exchange.route == route and exchange.method == "POST" and key in (exchange.response or {}):
            return exchange.response[key], wish(copy.deepcopy(exchange.request))
        return None

    def shown(exchange: Exchange) -> Iterable[tuple[str, Wish]]:
        if exchange.method != "GET" or exchange.route not in {route, f"{route}/{{id}}"} or "fields" in exchange.query:
            return
        answer = exchange.response
        items = answer.get(plural) if isinstance(answer, dict) and exchange.route == route else answer
        for item in items if isinstance(items, list) else [items]:
            if isinstance(item, dict) and key in item:
                if other_key and other_key in item:
                    aliases[item[other_key]] = item[key]
                yield item[key], seen(item)

    return Row(name, fields, written, shown)


def look(row: Row, recordings: Mapping[str, list[Exchange]]) -> Finding:
    """Every pair of this kind in all recordings."""
    finding = Finding(row)
    for source, exchanges in recordings.items():
        wishes: dict[str, tuple[int, Wish]] = {}

        def before(key: str, wishes: dict[str, tuple[int, Wish]] = wishes) -> Wish | None:
            return wishes[key][1] if key in wishes else None

        for exchange in exchanges:
            if exchange.status >= 300 or unfaithful(exchange):
                continue
            for key, seen in row.shown(exchange):
                if key in wishes:
                    at, wish = wishes[key]
                    finding.pairs.append(Pair(row, source, at, exchange.position, key, wish, seen))
            if (write := row.written(exchange, before)) is not None:
                key, wished = write
                if wished is None:
                    wishes.pop(key, None)
                else:
                    finding.writes += 1
                    wishes[key] = exchange.position, wished
    return finding


def unlike(value: Any) -> Any:
    """Another value of the same shape, for proving that a difference is seen."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return f"{value}x"
        case list() | tuple():
            return [*value[1:], unlike(value[0])] if value else [{"x": "x"}]
        case dict():
            if not value:
                return {"x": "x"}
            name = sorted(value)[0]
            return {**value, name: unlike(value[name])}
    return "x"


def blind_to(finding: Finding) -> list[str]:
    """Wished values that could be another without the rules seeing it: a harness that cannot fail proves nothing."""
    blind: set[str] = set()
    for pair in finding.pairs:
        for name, value in pair.wish.items():
            if not pair.drifts({name: value}) and not pair.drifts({name: unlike(value)}):
                blind.add(name)
    return sorted(blind)


def table(findings: Iterable[Finding]) -> str:
    lines = [f"{'kind':24}{'writes':>8}{'reads compared':>16}{'drifts':>8}  by field"]
    for finding in findings:
        drifts = finding.drifts
        by_field = ", ".join(f"{path} {count}" for path, count in drifts.most_common())
        lines.append(f"{finding.row.name:24}{finding.writes:8}{len(finding.pairs):16}{drifts.total():8}  {by_field}")
    return "\n".join(lines)
