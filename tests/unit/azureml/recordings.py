"""The recorded exchanges of the real service, where they are at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest


def recorded(name: str) -> Any:
    """A file of recordings. Skips the test when there are none."""
    root = Path(__file__).resolve().parents[3]
    folder = Path(os.environ.get("MLGATE_RECORDINGS", root.parent / "shared" / "recordings"))
    file = folder / "azure" / name
    if not file.exists():
        pytest.skip(f"no recordings at hand: set MLGATE_RECORDINGS to the folder that holds azure/{name}")
    return json.loads(file.read_text())


def exchange(note: str) -> tuple[Any, Any]:
    """(request body, answer body) of the exchange whose note starts so."""
    for one in recorded("recorded_exchanges.json")["exchanges"]:
        if one["note"].startswith(note):
            return one["request"]["body"], one["response"]["body"]
    raise AssertionError(f"no recorded exchange is noted {note!r}")


def error_body(what: str) -> tuple[int | None, dict[str, str], Any]:
    """(status, headers, body) of a recorded error."""
    for one in recorded("error_bodies.json")["errors"]:
        if one["what"].startswith(what):
            return one.get("status"), one.get("headers", {}), one["body"]
    raise AssertionError(f"no recorded error is called {what!r}")
