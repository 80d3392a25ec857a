"""What a workspace records of its jobs: run history (details, children) and MLflow's REST for metrics.

Served under `/history/v1.0{workspace}/runs/{run}/...` and `/mlflow/v1.0{workspace}/api/2.0/mlflow/...`, with tokens meant for
Azure ML; in the cloud that is the host of `mlFlowTrackingUri`. Shapes: the run-history client that azure-ai-ml carries, and
MLflow's REST API 2.0. Not recorded.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlgate_sim.azure import job_course
from mlgate_sim.azure.arm_message import Answer, Json, Refusal
from mlgate_sim.azure.operations import timestamp
from mlgate_sim.azure.state import AzureState

MLFLOW = {"Completed": "FINISHED", "Failed": "FAILED", "Canceled": "KILLED", "NotStarted": "SCHEDULED"}
EARLY = ("NotStarted", "Preparing", "Queued")


def answer(state: AzureState, path: str, query: Mapping[str, str]) -> Answer:
    """The answer to a GET. Raises Refusal: 404."""
    state.advance()
    service, _, rest = path.strip("/").partition("/v1.0/")
    if service == "history" and rest.endswith(("/details", "/children")):
        job, _, what = rest.rpartition("/")
        workspace, _, name = job.rpartition("/runs/")
        return _details(state, workspace, name) if what == "details" else _children(state, workspace, name)
    if service == "mlflow" and rest.endswith("/api/2.0/mlflow/runs/get"):
        return _run(state, rest.removesuffix("/api/2.0/mlflow/runs/get"), query.get("run_id", ""))
    raise _missing(path)


def _found(state: AzureState, workspace: str, name: str) -> tuple[Json, Json]:
    job = state.find(f"/{workspace}/jobs/{name}")
    if job is None:
        raise _missing(name)
    return job, state.jobs[str(job["id"]).lower()]


def _details(state: AzureState, workspace: str, name: str) -> Answer:
    job, course = _found(state, workspace, name)
    status = job["properties"]["status"]
    body: Json = {"runId": name, "status": status, **_times(course, status)}
    if status == "Failed":
        body["error"] = {"error": course.get("error") or {"code": "UserError", "message": "The step failed."}}
    return Answer(200, body)


def _children(state: AzureState, workspace: str, name: str) -> Answer:
    job, course = _found(state, workspace, name)
    status = job["properties"]["status"]
    if status in EARLY:
        return Answer(200, {"value": []})
    steps = [
        {"runId": f"{name}-{number}", "displayName": step, "status": status, **_times(course, status)}
        for number, step in enumerate(course.get("steps") or list(job["properties"].get("jobs") or {}) or ["train"])
    ]
    return Answer(200, {"value": steps})


def _run(state: AzureState, workspace: str, name: str) -> Answer:
    job, course = _found(state, workspace, name)
    status = job["properties"]["status"]
    metrics = course.get("metrics") or {} if status in ("Completed", "Finalizing") else {}
    info = {"run_id": name, "status": MLFLOW.get(status, "RUNNING"), "start_time": int(course["started"] * 1000)}
    told = [{"key": key, "value": value, "timestamp": info["start_time"], "step": 0} for key, value in metrics.items()]
    return Answer(200, {"run": {"info": info, "data": {"metrics": told, "params": [], "tags": []}}})


def _times(course: Json, status: str) -> Json:
    if status in EARLY:
        return {"startTimeUtc": None, "endTimeUtc": None}
    begun = float(course["started"]) + float(course["seconds"]) * {s: t for t, s in job_course.STAGES}["Running"]
    over = float(course["started"]) + float(course["seconds"]) if status in job_course.ENDED else None
    return {"startTimeUtc": timestamp(begun), "endTimeUtc": timestamp(over) if over else None}


def _missing(what: str) -> Refusal:
    return Refusal(Answer(404, {"error": {"code": "UserError", "message": f"Run {what} was not found."}}))
