"""What a benchmark prints: the machine, tables, medians and ratios pair by pair."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
from collections.abc import Iterable, Sequence


def heading(title: str) -> None:
    """The first lines of every benchmark: what, when, where."""
    load = os.getloadavg()[0]
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    print(f"# {title}")
    print(
        f"{when}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"load {load:.1f} at the start\n",
        flush=True,
    )


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A Markdown table, aligned for reading in a terminal; numbers to the right."""
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(head, *texts, strict=True)]
    right = [bool(texts) and all(_is_number(row[n]) for row in texts) for n in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(cells, widths, right, strict=True)
        )
        return f"| {' | '.join(padded)} |"

    print(line(head))
    print("|" + "|".join("-" * (w + 1) + (":" if r else "-") for w, r in zip(widths, right, strict=True)) + "|")
    for row in texts:
        print(line(row))
    print(flush=True)


def pairs(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """`1.21 (1.18 1.21 1.30)`: the median of the ratios, and each of them."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return f"{statistics.median(ratios):.2f} ({' '.join(f'{ratio:.2f}' for ratio in ratios)})"


def seconds(times: Sequence[float]) -> str:
    """`7.12 s (7.02 7.12 7.40)`: the median, and each."""
    return f"{statistics.median(times):.2f} s ({' '.join(f'{time:.2f}' for time in times)})"


def _text(cell: object) -> str:
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).replace("-", "", 1).isdigit() or text in ("", "-")
