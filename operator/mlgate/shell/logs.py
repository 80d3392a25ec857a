"""One line per event: JSON for machines in `mlgate run`, plain text for people in `mlgate dev`.

Libraries are kept to what an operator acts on; a request log per call would drown the rest, and some libraries print
headers when asked for more.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

QUIET = {
    "kopf": logging.CRITICAL,  # the doorbells say themselves why the watches ended
    "aiohttp": logging.WARNING,
    "asyncio": logging.ERROR,
    "azure": logging.WARNING,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "grpc": logging.WARNING,
    "kubernetes": logging.WARNING,
    "msal": logging.WARNING,
    "urllib3": logging.WARNING,
}
_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """`{"time": ..., "level": ..., "logger": ..., "message": ...}` and what the call gave as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({name: value for name, value in vars(record).items() if name not in _STANDARD})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class PlainLines(logging.Formatter):
    """`10:00:00 warning mlgate.engine: ...`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")


def configure(level: str, *, json_lines: bool, stream: TextIO | None = None) -> None:
    """Set up logging for the process, replacing what was there. `level` is a name such as `info`."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if json_lines else PlainLines())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level.upper())
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, logging.root.level))
