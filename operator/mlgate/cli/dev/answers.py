"""What came back, as a table, and the same call as a line for a shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from .callers import SAMPLE, Answer, Call
from .progress import shorten


def answers_table(answers: Sequence[Answer]) -> Table:
    """One row per call."""
    made = Table(box=None, pad_edge=False)
    for name in ("", "CALLER", "TOKEN", "REQUEST", "ANSWER", "WHAT CAME BACK"):
        made.add_column(name, no_wrap=name != "WHAT CAME BACK", overflow="fold")
    for each in answers:
        well = Text("✔", "green") if each.as_expected else Text("✘", "red")
        made.add_row(
            well,
            each.call.caller,
            each.call.token.value,
            each.call.request,
            Text(str(each), "green" if each.status == 200 else ""),
            shorten(each.words),
        )
    return made


def curl(call: Call, address: str) -> str:
    """A line that makes this call; the token is fetched when it runs, so none is shown here."""
    assert call.secret is not None
    token = f"$(mlgate token {'/'.join(call.secret)})"
    parts = [
        "curl -s",
        *(["-k"] if address.startswith("https:") else []),
        f"-X {call.method}",
        f"{address}{call.path}",
        f"-H 'Host: {call.hostname}'",
        "-H 'Content-Type: application/json'",
        f'-H "Authorization: Bearer {token}"',
    ]
    if call.method not in ("GET", "HEAD"):
        parts.append(f"-d {shlex.quote(json.dumps(SAMPLE))}")
    return " ".join(parts)
