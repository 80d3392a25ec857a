"""The part of the user search syntax (Lucene, `search_engine=v3`) that clients of this simulator use.

`field:"value"`, `field:value`, `field:va*`, `field:("a" OR "b")`, joined by AND and OR and grouped by parentheses; fields
may be nested (`app_metadata.plan`, `identities.connection`). Source: recordings TestUserManager_List and _Search.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from mlgate_sim.auth0.call import Json
from mlgate_sim.auth0.errors import ApiError

TOKEN = re.compile(r'\s*(\(|\)|"(?:[^"\\]|\\.)*"|[^\s():"]+:|[^\s():"]+)')
Test = Callable[[Json], bool]


def matching(query: str, users: Iterable[Json]) -> list[Json]:
    """The users that a query finds; all of them for an empty one. Raises ApiError (400) for what it cannot read."""
    if not query.strip():
        return list(users)
    test = _Reader(query).whole()
    return [user for user in users if test(user)]


class _Reader:
    def __init__(self, query: str) -> None:
        self._tokens = _tokens(query)
        self._at = 0

    def whole(self) -> Test:
        test = self._either(None)
        if self._peek() is not None:
            raise _unreadable()
        return test

    def _peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> str:
        token = self._peek()
        if token is None:
            raise _unreadable()
        self._at += 1
        return token

    def _either(self, field: str | None) -> Test:
        tests = [self._both(field)]
        while self._peek() == "OR":
            self._next()
            tests.append(self._both(field))
        return lambda user: any(test(user) for test in tests)

    def _both(self, field: str | None) -> Test:
        tests = [self._term(field)]
        while self._peek() == "AND":
            self._next()
            tests.append(self._term(field))
        return lambda user: all(test(user) for test in tests)

    def _term(self, field: str | None) -> Test:
        token = self._next()
        if token == "(":
            test = self._either(field)
            if self._next() != ")":
                raise _unreadable()
            return test
        if token.endswith(":") and not token.startswith('"'):
            return self._term(token[:-1])
        if field is None or token == ")":
            raise _unreadable()
        return _is(field, token)


def _is(field: str, token: str) -> Test:
    exact = token.startswith('"')
    wanted = re.sub(r"\\(.)", r"\1", token[1:-1]) if exact else token

    def test(user: Json) -> bool:
        values = [_text(value).lower() for value in _values(user, field.split("."))]
        return any(value == wanted.lower() if exact else fnmatchcase(value, wanted.lower()) for value in values)

    return test


def _values(value: Any, path: Sequence[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _values(item, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _values(value[path[0]], path[1:])


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _tokens(query: str) -> list[str]:
    tokens, at = [], 0
    query = query.strip()
    while at < len(query):
        found = TOKEN.match(query, at)
        if found is None:
            raise _unreadable()
        tokens.append(found[1])
        at = found.end()
    return tokens


def _unreadable() -> ApiError:
    return ApiError(400, "The query string is not valid.", "invalid_query_string")
