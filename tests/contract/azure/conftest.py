"""Where the recordings of Azure are: MLGATE_RECORDINGS, or the folder `shared/recordings` beside the repository."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest


def recording(name: str) -> Any:
    """A recordings file. Skips with the reason when it is absent."""
    root = Path(os.environ.get("MLGATE_RECORDINGS") or Path(__file__).parents[4] / "shared" / "recordings")
    file = root / "azure" / name
    if not file.is_file():
        reason = f"no recordings of Azure: {name} is not in $MLGATE_RECORDINGS/azure nor beside the repository"
        print(reason)
        pytest.skip(reason)
    return json.loads(file.read_text())


@pytest.fixture
def exchanges() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = recording("recorded_exchanges.json")["exchanges"]
    return found


@pytest.fixture
def error_bodies() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = recording("error_bodies.json")["errors"]
    return found
