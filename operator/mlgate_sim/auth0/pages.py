"""How lists are paged: by offset with or without totals, or by checkpoint.

Source: shared facts, auth0 section 2.6; recordings TestAccDataSourceClientGrants and
TestRoleManager_UsersCheckpointPagination. Offset: `page` from 0, `per_page` up to 100 (default 50);
`include_totals=true` makes an object, otherwise a bare array. Checkpoint: `take` (up to 100) and `from`; no totals,
`next` only while more follows; page and include_totals are ignored.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Sequence
from typing import Any

from mlgate_sim.auth0.call import Call, Json
from mlgate_sim.auth0.errors import query_error

DEFAULT_SIZE = 50
LARGEST_SIZE = 100


def page_of(
    call: Call,
    plural: str,
    items: Sequence[Json],
    show: Callable[[Json], Json] = copy.deepcopy,
    *,
    key: str = "id",
    checkpoint: bool = False,
    always_next: bool = False,
) -> Any:
    """The page that the call asks for, each item as `show` presents it. `key` names what a checkpoint remembers.

    `always_next`: some lists give a cursor with every page that has items, even when nothing follows.
    """
    if checkpoint and (call.one("take") or call.one("from")):
        return _by_checkpoint(call, plural, items, show, key, always_next=always_next)
    size = _number(call, "per_page", DEFAULT_SIZE, largest=LARGEST_SIZE)
    start = _number(call, "page", 0) * size
    page = [show(item) for item in items[start : start + size]]
    if not call.truth("include_totals"):
        return page
    return {"total": len(items), "start": start, "limit": size, plural: page}


def _by_checkpoint(
    call: Call, plural: str, items: Sequence[Json], show: Callable[[Json], Json], key: str, *, always_next: bool
) -> Json:
    size = _number(call, "take", DEFAULT_SIZE, largest=LARGEST_SIZE)
    start = 0
    cursor = call.one("from")
    if cursor:
        after = _decode(cursor)
        start = next((n + 1 for n, item in enumerate(items) if str(item[key]) == after), len(items))
    page = items[start : start + size]
    answer: Json = {plural: [show(item) for item in page]}
    if start + size < len(items) or (page and always_next):
        answer["next"] = base64.urlsafe_b64encode(str(page[-1][key]).encode()).decode()
    return answer


def _decode(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor.encode()).decode()
    except ValueError:
        raise query_error("Invalid cursor", "from") from None


def _number(call: Call, name: str, default: int, *, largest: int | None = None) -> int:
    text = call.one(name)
    if text is None:
        return default
    if not text.lstrip("-").isdigit():
        raise query_error(f"Expected type integer but found type string: {text}", name)
    value = int(text)
    if value < 0:
        raise query_error(f"Value {value} is less than minimum 0", name)
    if largest is not None and value > largest:
        raise query_error(f"Value {value} is greater than maximum {largest}", name)
    return value


def only_fields(call: Call, item: Json) -> Json:
    """Applies `fields` and `include_fields`."""
    names = call.one("fields")
    if not names:
        return item
    wanted = {name.strip() for name in names.split(",")}
    if call.truth("include_fields") is False:
        return {name: value for name, value in item.items() if name not in wanted}
    return {name: value for name, value in item.items() if name in wanted}
