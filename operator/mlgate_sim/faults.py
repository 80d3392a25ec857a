"""The fault script: what goes wrong, for which requests, at which call.

A fault matches by method and path and counts the matching requests itself; it acts on calls `nth` .. `nth + times - 1`.
When several faults would act on one request the one that was added first does; all of them count it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast

Drop = Literal["before", "after"]


class FaultScriptError(ValueError):
    """A fault that cannot be meant as written; says which field."""


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong.

    `status` answers in the service's place, with `body` (JSON or text) and `headers`; the request has no effect unless
    `applies` is true: then it takes effect first and only its answer is replaced (a gateway's 502 after a write).
    `drop` cuts the connection without an answer, before or after the request took effect.
    `delay_seconds` passes before the request takes effect. `times` None means for ever.
    """

    method: str = ".*"  # a regular expression, any case
    path: str = ".*"  # a regular expression, searched in the decoded path
    nth: int = 1
    times: int | None = 1
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    drop: Drop | None = None
    applies: bool = False
    seen: int = 0  # matching requests so far

    def matches(self, method: str, path: str) -> bool:
        return bool(re.fullmatch(self.method, method, re.IGNORECASE)) and bool(re.search(self.path, path))

    def acts_on_call(self, call: int) -> bool:
        return call >= self.nth and (self.times is None or call < self.nth + self.times)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class FaultScript:
    """The faults of one simulator."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault | None = None, /, **fields: Any) -> Fault:
        """Adds a fault, given whole or by its fields. Raises FaultScriptError."""
        added = fault if fault is not None else fault_from_json(fields)
        self._faults.append(added)
        return added

    def clear(self) -> None:
        self._faults.clear()

    def next_for(self, method: str, path: str) -> Fault | None:
        """Counts this request and returns the fault that acts on it, if any."""
        acting: Fault | None = None
        for fault in self._faults:
            if not fault.matches(method, path):
                continue
            fault.seen += 1
            if acting is None and fault.acts_on_call(fault.seen):
                acting = fault
        return acting

    def as_json(self) -> list[dict[str, Any]]:
        return [fault.as_json() for fault in self._faults]


def fault_from_json(fields: Mapping[str, Any]) -> Fault:
    """Reads one fault of the script. Raises FaultScriptError."""
    known = set(Fault.__dataclass_fields__) - {"seen"}
    unknown = sorted(set(fields) - known)
    if unknown:
        raise FaultScriptError(f"unknown field {unknown[0]!r} in a fault; known are {', '.join(sorted(known))}")
    if fields.get("drop") not in {None, "before", "after"}:
        raise FaultScriptError(f"drop is 'before' or 'after', not {fields['drop']!r}")
    for name in ("method", "path"):
        try:
            re.compile(str(fields.get(name, "")))
        except re.error as error:
            raise FaultScriptError(f"{name} is not a regular expression: {error}") from error
    fault = Fault(**cast("dict[str, Any]", dict(fields)))
    if fault.status is None and fault.drop is None and not fault.delay_seconds:
        raise FaultScriptError("a fault needs a status, a drop or a delay_seconds")
    return fault


def faults_from_json(script: object) -> list[Fault]:
    """Reads a script: one fault or a list of them. Raises FaultScriptError."""
    items: Sequence[object] = script if isinstance(script, list) else [script]
    faults: list[Fault] = []
    for item in items:
        if not isinstance(item, dict):
            raise FaultScriptError("a fault is a JSON object")
        faults.append(fault_from_json(item))
    return faults
