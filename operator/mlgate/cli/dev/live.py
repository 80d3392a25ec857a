"""What `mlgate dev` shows: a table that changes in place on a terminal, a line per change anywhere else."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ...store.protocol import Key
from .progress import Row, shorten

REFRESH = 0.2


def make_console() -> Console:
    """Standard output. Never wider than it is; when it is no terminal, wide enough that nothing is folded."""
    return Console(soft_wrap=not sys.stdout.isatty(), highlight=False, width=None if sys.stdout.isatty() else 200)


def mark(row: Row) -> Text | Spinner:
    """Done, working or in trouble."""
    if row.well:
        return Text("✔", "green")
    if row.stalled:
        return Text("✘", "red")
    return Spinner("dots", style="cyan")


def table(rows: Sequence[Row]) -> Table:
    """The objects, children indented below their owner."""
    made = Table(box=None, pad_edge=False, expand=False)
    made.add_column("", width=1)
    made.add_column("OBJECT", no_wrap=True)
    made.add_column("READY", no_wrap=True)
    made.add_column("SYNCED", no_wrap=True)
    made.add_column("TIME", justify="right", no_wrap=True)
    made.add_column("REASON")  # the only column that gives way when the terminal is narrow
    for row in rows:
        name = f"{'  └ ' if row.depth else ''}{row.key.kind} {row.key.namespace}/{row.key.name}"
        reason = Text(
            f"{row.reason} {row.stage}".rstrip(), "red" if row.stalled else "", no_wrap=True, overflow="ellipsis"
        )
        if row.message:
            reason.append(f"  {shorten(row.message)}", "dim")
        made.add_row(mark(row), name, _truth(row.ready), _truth(row.synced), f"{row.seconds:.1f} s", reason)
    return made


def _truth(status: str) -> Text:
    return Text(status or "-", {"True": "green", "False": "yellow"}.get(status, "dim"))


def line(row: Row) -> str:
    """The same for one row, as one line of text."""
    where = f"{row.key.kind} {row.key.namespace}/{row.key.name}"
    told = f"{row.seconds:6.1f} s  {where}  Ready={row.ready or 'Unknown'} {row.reason} {row.stage}".rstrip()
    return f"{told}  {shorten(row.message, 160)}" if row.message else told


class View:
    """Shows what `rows` gives until left: `async with View(console, rows): ...`. With `only_news` what is already so is
    not told."""

    def __init__(self, console: Console, rows: Callable[[], Sequence[Row]], *, only_news: bool = False) -> None:
        self._console, self._rows = console, rows
        self._live: Live | None = None
        self._task: asyncio.Task[None] | None = None
        self._said: dict[Key, tuple[str, ...]] = {}
        if only_news:
            news(rows(), self._said)

    async def __aenter__(self) -> View:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=True, refresh_per_second=8, transient=False)
            self._live.start()
        self._task = asyncio.create_task(self._follow(), name="view")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._show()
        if self._live is not None:
            self._live.stop()

    async def _follow(self) -> None:
        while True:
            self._show()
            await asyncio.sleep(REFRESH)

    def _show(self) -> None:
        rows = self._rows()
        if self._live is not None:
            self._live.update(table(rows))
            return
        for row in news(rows, self._said):
            self._console.print(line(row), markup=False, soft_wrap=True)


def news(rows: Iterable[Row], said: dict[Key, tuple[str, ...]]) -> list[Row]:
    """The rows whose state is another one than in `said`, which is brought up to date. A new object without a state is
    no news."""
    found = []
    for row in rows:
        if said.get(row.key, ()) != row.state and (row.key in said or any(row.state)):
            said[row.key] = row.state
            found.append(row)
    return found
