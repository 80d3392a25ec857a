"""The functions that Kubernetes adds to CEL, as far as CRD rules of this project may use them.

List: https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-list-library and the libraries after it (regex,
URL), and the strings, math and sets extensions of cel-go, which the package brings along.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import cel
from cel import stdlib

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration(value: Any) -> Any:
    """A Go duration as CEL's; anything else stays what it is."""
    if not isinstance(value, str):
        return value
    parts = re.findall(r"([0-9.]+)(ns|us|µs|ms|s|m|h)", value)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return datetime.timedelta(seconds=-seconds if value.startswith("-") else seconds)


def _index_of(where: Any, what: Any, *start: int) -> int:
    if isinstance(where, str):
        return where.find(what, *start)
    return next((index for index, item in enumerate(where) if item == what), -1)


def _last_index_of(where: Any, what: Any, *start: int) -> int:
    if isinstance(where, str):
        return where.rfind(what, 0, start[0] + len(what)) if start else where.rfind(what)
    return next((index for index in range(len(where) - 1, -1, -1) if where[index] == what), -1)


def _find(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    return found[0] if found else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [match[0] for match in re.finditer(pattern, text)]
    return found if limit < 0 else found[:limit]


def _split_url(text: str) -> SplitResult:
    parts = urlsplit(text)
    # Go's url.ParseRequestURI, which Kubernetes uses: absolute, or an absolute path.
    if not (parts.scheme or text.startswith("/")):
        raise ValueError(f"URL parse error: {text}")
    return parts


def _is_url(text: Any) -> bool:
    try:
        _split_url(text)
    except (ValueError, AttributeError):
        return False
    return True


def _url(text: str) -> dict[str, Any]:
    parts = _split_url(text)
    return {
        "scheme": parts.scheme,
        "host": parts.netloc.rsplit("@", 1)[-1],
        "hostname": parts.hostname or "",
        "port": str(parts.port) if parts.port else "",
        "path": parts.path,
        "query": parse_qs(parts.query, keep_blank_values=True),
    }


def _reader(field: str) -> Callable[[Any], Any]:
    return lambda url: url[field]


_OWN: dict[str, Callable[..., Any]] = {
    "sum": sum,
    "min": lambda *items: min(items[0] if len(items) == 1 else items),
    "max": lambda *items: max(items[0] if len(items) == 1 else items),
    "isSorted": lambda items: items == sorted(items),
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "find": _find,
    "findAll": _find_all,
    "isURL": _is_url,
    "url": _url,
    "getScheme": _reader("scheme"),
    "getHost": _reader("host"),
    "getHostname": _reader("hostname"),
    "getPort": _reader("port"),
    "getEscapedPath": _reader("path"),
    "getQuery": _reader("query"),
}
_EXTENSIONS = ["strings", "math", "sets"]


def _added() -> frozenset[str]:
    context = cel.Context()
    stdlib.add_stdlib_to_context(context, _EXTENSIONS)
    return frozenset(context.functions) | frozenset(_OWN)


_ADDED = _added()


def context_for(functions: list[str]) -> Any:
    """A context with the added functions for a program that calls one, else None (the quick way)."""
    if not any(name in _ADDED or any(added.endswith(f".{name}") for added in _ADDED) for name in functions):
        return None
    context = cel.Context()
    stdlib.add_stdlib_to_context(context, _EXTENSIONS)
    for name, function in _OWN.items():
        context.add_function(name, function)
    return context
