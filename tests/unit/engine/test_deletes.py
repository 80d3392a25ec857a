"""How many deletes an hour are left, and when the next one is."""

from __future__ import annotations

import pytest

from mlgate.engine.clock import rfc3339
from mlgate.engine.deletes import wait, with_one_more

NOW = 1_800_000_030.0  # half a minute into one


def ago(minutes: float, count: int = 1) -> dict[str, object]:
    at = NOW - minutes * 60
    return {"at": rfc3339(at - at % 60 + 60), "count": count}


@pytest.mark.parametrize(
    ("deletes", "limit", "seconds"),
    [
        pytest.param([], 1, 0, id="the first is allowed at once"),
        pytest.param([ago(0, 4)], 5, 0, id="one is left"),
        pytest.param([ago(0, 5)], 5, 3630, id="all were used this minute: an hour after it ends"),
        pytest.param([ago(59, 1), ago(1, 4)], 5, 90, id="the oldest makes room first"),
        pytest.param(
            [ago(59, 1), ago(30, 4), ago(1, 5)], 5, 3570, id="after the limit was lowered several must go first"
        ),
        pytest.param([ago(60, 5)], 5, 30, id="not even the last of a minute is forgotten before its hour is over"),
        pytest.param([ago(61, 50)], 5, 0, id="what is older than an hour does not count"),
    ],
)
def test_the_next_delete_is_allowed_in(deletes: list[dict[str, object]], limit: int, seconds: float) -> None:
    assert wait(deletes, limit, NOW) == seconds


def test_deletes_of_a_minute_are_one_entry_and_old_entries_go() -> None:
    once = with_one_more([ago(61, 9), ago(5, 2)], NOW)
    assert with_one_more(once, NOW) == [ago(5, 2), ago(0, 2)]
