"""What a workspace recorded of its runs: times, steps and the error from run history, metrics from MLflow.

Both live at the host that the workspace itself names (`mlFlowTrackingUri`: azureml://HOST/mlflow/v1.0/WORKSPACE-ID; shared
facts, azure-ml section 5) and take tokens meant for Azure ML, not for Azure Resource Manager (the run-history client that
azure-ai-ml carries: `/history/v1.0{workspace}/runs/{run}/details` and `/children`). MLflow's REST is its own, version 2.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mlgate.errors import Gone

from .masking import mask
from .wire import Wire

_URI = re.compile(r"azureml://(?P<host>[^/\s]+)/mlflow/v1\.0(?P<workspace>/\S+?)/?")
LONGEST = 4096  # characters of an error
PAGES = 4


@dataclass(frozen=True, slots=True)
class Step:
    """One step. Times are ISO 8601, as the service writes them."""

    name: str
    status: str
    started: str | None
    ended: str | None


class Tracking:
    """Reads records. `address` replaces the host that workspaces name (development, tests)."""

    def __init__(self, wire: Wire, scope: str, address: str | None) -> None:
        self._wire = wire
        self._scope = scope
        self._address = address.rstrip("/") if address else None

    async def error(self, uri: str, job: str) -> tuple[str | None, str] | None:
        """(code, message without secrets) of a run that failed; None when its record does not say or is not there."""
        found = await self._get(uri, f"history/v1.0{{workspace}}/runs/{quote(job, safe='')}/details", job)
        told = ((found or {}).get("error") or {}).get("error") or {}
        message = told.get("message") if isinstance(told, Mapping) else None
        return (told.get("code"), mask(str(message))[:LONGEST]) if message else None

    async def steps(self, uri: str, job: str) -> list[Step]:
        """The steps of a run, in the order in which they began."""
        path = f"history/v1.0{{workspace}}/runs/{quote(job, safe='')}/children"
        found: list[Step] = []
        following = ""
        for _ in range(PAGES):
            page = await self._get(uri, path + following, job) or {}
            found += [_step(each) for each in page.get("value") or () if isinstance(each, Mapping)]
            token = page.get("continuationToken")
            if not token:
                break
            following = f"?$continuationtoken={quote(str(token), safe='')}"
        return sorted(found, key=lambda step: (step.started or "~", step.name))

    async def metrics(self, uri: str, job: str) -> dict[str, float]:
        """The latest value of every metric of a run."""
        path = f"mlflow/v1.0{{workspace}}/api/2.0/mlflow/runs/get?run_id={quote(job, safe='')}"
        found = await self._get(uri, path, job) or {}
        told = ((found.get("run") or {}).get("data") or {}).get("metrics") or ()
        return {str(each["key"]): each["value"] for each in told if isinstance(each.get("value"), int | float)}

    async def _get(self, uri: str, path: str, job: str) -> dict[str, Any] | None:
        read = _URI.fullmatch(uri)
        if read is None:
            return None
        base = self._address or f"https://{read['host']}"
        try:
            url = f"{base}/{path.format(workspace=read['workspace'])}"
            answer = await self._wire.record(url, self._scope, f"record of job {job}")
        except Gone:
            return None
        return answer.body if isinstance(answer.body, dict) else None


def _step(record: Mapping[str, Any]) -> Step:
    name = record.get("displayName") or record.get("name") or record.get("runId") or ""
    times = (record.get("startTimeUtc"), record.get("endTimeUtc"))
    started, ended = (str(time) if time else None for time in times)
    return Step(str(name), str(record.get("status") or "Unknown"), started, ended)
