"""The newest version of a registered model, or the newest in a stage.

`GET …/models/{name}/versions?$orderBy=createdtime desc&$top=1` answers the newest first; `stage` keeps to one stage.
Many objects ask for the same model: one answer serves them all for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mlgate.errors import Terminal

from . import arm_id, faults
from .wire import Wire

NEWEST = "latest"


class ModelVersions:
    """Which version a name means. `max_age` and `clock` are in seconds."""

    def __init__(self, wire: Wire, *, max_age: float, clock: Callable[[], float]) -> None:
        self._wire = wire
        self._max_age = max_age
        self._clock = clock
        self._known: dict[tuple[str, str, str], tuple[float, str]] = {}

    async def newest(self, workspace_id: str, model: str, label: str = NEWEST) -> str:
        """The newest version of a model; `label` other than `latest` is a stage. Raises Terminal when there is none."""
        key = (workspace_id.lower(), model, label)
        kept, now = self._known.get(key), self._clock()
        if kept is not None and now - kept[0] < self._max_age:
            return kept[1]
        version = await self._asked(workspace_id, model, label)
        self._known[key] = (now, version)
        return version

    async def _asked(self, workspace_id: str, model: str, label: str) -> str:
        workspace = arm_id.read(workspace_id)
        stage = "" if label.lower() == NEWEST else label
        query: Mapping[str, str] = {"$orderBy": "createdtime desc", "$top": "1", **({"stage": stage} if stage else {})}
        what = f"versions of model {model} in {workspace.described()}"
        answer = await self._wire.call("GET", f"{workspace}/models/{model}/versions", what, query=query)
        items = (answer.body if isinstance(answer.body, dict) else {}).get("value")
        if not isinstance(items, list):
            raise faults.missing(self._wire.asked("GET", what, writes=False), "value")
        if not items:
            where = f" in stage {stage}" if stage else ""
            raise Terminal(
                f"There is no version of model {model}{where} in {workspace.described()}. Register one, or write another."
            )
        return str(items[0]["name"])
