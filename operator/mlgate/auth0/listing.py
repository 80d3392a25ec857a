"""All objects of a collection, page by page, with no request more than needed.

`include_totals=true` gives `{start, limit, total, <plural>}` (shared facts, auth0 section 2.6); the SDK's own pager asks
for one more, empty page each time, so pages are asked for one by one here. Offsets move when others create or delete
meanwhile, and an object can slip between two pages: a listing whose count does not match is read again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from ..errors import Retry
from .access import Raw
from .faults import missing_field
from .wire import Received

PAGE_SIZE = 100
"""Objects a page: the most that the Management API gives."""
OFFSET_LIMIT = 1000
"""Organizations or members up to which pages have numbers; beyond, only checkpoints lead (shared facts, auth0 2.6)."""
_ATTEMPTS = 3


async def list_all(
    page: Callable[[int], Awaitable[Received]], *, plural: str, key: Sequence[str], without_zeros: bool = False
) -> list[Raw]:
    """Every object, each once. `page` asks for the page of that number; `plural` is the list's field, `key` the
    fields that tell two objects apart. `without_zeros`: an empty list has no `total` (shared facts, auth0 section 6).

    Raises what the requests raise, and Retry when the collection changes faster than it can be read.
    """
    for _ in range(_ATTEMPTS):
        found, whole = await _pages(page, plural=plural, key=key, without_zeros=without_zeros)
        if whole:
            return list(found.values())
    raise Retry(f"The {plural.replace('_', ' ')} of the tenant change while they are listed. mlgate lists them again.")


async def _pages(
    page: Callable[[int], Awaitable[Received]], *, plural: str, key: Sequence[str], without_zeros: bool
) -> tuple[dict[str, Raw], bool]:
    found: dict[str, Raw] = {}
    totals: set[int] = set()
    for number in range(10_000):
        received = await page(number)
        if received.absent:
            return {}, True
        body = received.body()
        items = body.get(plural)
        if not isinstance(items, list):
            raise missing_field(received.asked, plural)
        for item in items:
            if not isinstance(item, dict) or not all(item.get(name) for name in key):
                raise missing_field(received.asked, f"{plural}[].{'/'.join(key)}")
            found["\n".join(str(item[name]) for name in key)] = item
        total = body.get("total", len(found) if without_zeros and not items else None)
        if not isinstance(total, int):
            raise missing_field(received.asked, "total")
        totals.add(total)
        if not items or len(found) >= total:
            break
    return found, len(totals) == 1 and len(found) == max(totals)


async def list_by_checkpoint(
    page: Callable[[str | None], Awaitable[Received]], *, plural: str, key: Sequence[str]
) -> list[Raw]:
    """Every object, each once, by checkpoint pages: `{<plural>, next?}` without totals. `page` asks for the one behind
    a cursor (None: the first). Some collections say `next` on the last page too, so an empty page ends it as well
    (shared facts, auth0 section 2.6). Raises what the requests raise."""
    found: dict[str, Raw] = {}
    cursor: str | None = None
    for _ in range(10_000):
        received = await page(cursor)
        if received.absent:
            return []
        body = received.body()
        items = body.get(plural)
        if not isinstance(items, list):
            raise missing_field(received.asked, plural)
        for item in items:
            if not isinstance(item, dict) or not all(item.get(name) for name in key):
                raise missing_field(received.asked, f"{plural}[].{'/'.join(key)}")
            found["\n".join(str(item[name]) for name in key)] = item
        cursor = body.get("next") or None
        if not items or cursor is None:
            break
    return list(found.values())


async def list_many(
    page: Callable[[int], Awaitable[Received]],
    after: Callable[[str | None], Awaitable[Received]],
    *,
    plural: str,
    key: Sequence[str],
) -> list[Raw]:
    """Every object of a list that the service pages by number only up to OFFSET_LIMIT: by number as long as that goes,
    because it needs no request to learn that nothing follows."""
    first: list[Received] = [await page(0)]
    total = None if first[0].absent else first[0].body().get("total")
    if isinstance(total, int) and total > OFFSET_LIMIT:
        return await list_by_checkpoint(after, plural=plural, key=key)

    async def numbered(number: int) -> Received:
        return first.pop() if first and number == 0 else await page(number)

    return await list_all(numbered, plural=plural, key=key)
