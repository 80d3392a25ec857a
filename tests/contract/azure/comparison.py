"""Compares a recorded answer with one of the simulator: status, header names, body.

Ids, times, GUIDs and hosts differ by nature and are mapped to the same word on both sides before comparing; fields whose
value is made up by the service (keys, tokens, account names) are compared by type only.
"""

from __future__ import annotations

import json
import re
from typing import Any

NEVER_COMPARED_HEADERS = {"content-length", "date"}
FREE_VALUES = {
    "accessToken", "accountName", "createdBy", "createdByType", "expiryTimeUtc", "fqdn", "key", "lastModifiedBy",
    "lastModifiedByType", "message",
    "refreshAfterTimeUtc", "resourceId", "sdkTelemetryAppInsightsKey",
}  # fmt: skip

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_SCORING_HOST = re.compile(r"https://([^./]+)\.([^./]+)\.inference\.ml\.azure\.com")


def mapped(text: str, origin: str) -> str:
    """A string with what differs by nature replaced."""
    text = _SCORING_HOST.sub(r"ORIGIN/scoring/\1.\2", text)
    text = text.replace("https://management.azure.com", "ORIGIN").replace(origin, "ORIGIN")
    return _TIME.sub("TIME", _GUID.sub("GUID", text))


def differences(recorded: Any, answered: Any, origin: str, where: str = "body") -> list[str]:
    """What the answer lacks or says otherwise. Fields the simulator answers in addition are not differences."""
    if isinstance(recorded, dict):
        if not isinstance(answered, dict):
            return [f"{where}: an object was recorded, {type(answered).__name__} came"]
        found: list[str] = []
        for name, value in recorded.items():
            inner = f"{where}.{name}"
            if name not in answered:
                found.append(f"{inner} is missing")
            elif name in FREE_VALUES:
                found += _by_type(value, answered[name], inner)
            else:
                found += differences(value, answered[name], origin, inner)
        return found
    if isinstance(recorded, list):
        if not isinstance(answered, list) or len(recorded) > len(answered):
            return [f"{where}: {len(recorded)} items were recorded"]
        pairs = zip(recorded, answered, strict=False)
        return [one for index, (r, a) in enumerate(pairs) for one in differences(r, a, origin, f"{where}[{index}]")]
    if isinstance(recorded, str) and isinstance(answered, str):
        recorded, answered = mapped(recorded, origin), mapped(answered, origin)
    return [] if recorded == answered else [f"{where}: {recorded!r} was recorded, {answered!r} came"]


def extra_fields(recorded: Any, answered: Any, where: str = "") -> list[str]:
    """Fields the simulator answers beyond the recorded ones (newer api-versions), for the table."""
    if not isinstance(recorded, dict) or not isinstance(answered, dict):
        return []
    found = [f"{where}{name}" for name in answered if name not in recorded]
    for name in recorded:
        found += extra_fields(recorded[name], answered.get(name), f"{where}{name}.")
    return found


def missing_headers(recorded: dict[str, str], answered: dict[str, str]) -> list[str]:
    """Recorded header names that the answer does not have."""
    have = {name.lower() for name in answered}
    return [f"header {name} is missing" for name in recorded if name.lower() not in have | NEVER_COMPARED_HEADERS]


def embedded(message: str) -> Any:
    """The JSON inside a message such as `InferencingClient HttpRequest error, error detail: {…}`, or None."""
    start = message.find("{")
    try:
        return json.loads(message[start:]) if start >= 0 else None
    except ValueError:
        return None


def _by_type(recorded: Any, answered: Any, where: str) -> list[str]:
    same = type(recorded) is type(answered)
    return [] if same else [f"{where}: {type(recorded).__name__} was recorded, {type(answered).__name__} came"]


def table(rows: list[tuple[str, str, str]]) -> str:
    """Rows as text: what, verdict, reason."""
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"  {what:<{widths[0]}}  {verdict:<{widths[1]}}  {why}" for what, verdict, why in rows)
