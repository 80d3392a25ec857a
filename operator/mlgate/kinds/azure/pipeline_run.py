"""AzureMLPipelineRun: a job of a registered component, started once under a name known beforehand and watched to its end.

What a job does never changes, so outside is never different from the manifest; a job that vanished is not started again,
and one that has ended is not asked about again. Deleting the object ends a job under way and leaves its record, as
deleting a Kubernetes Job leaves its logs in the log store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...api.azuremlpipelinerun import AZURE_ML_PIPELINE_RUN, AzureMLPipelineRunSpec
from ...api.meta import parse_duration
from ...azureml import Sessions, Subject, arm_id, jobs
from ...azureml.tracking import Step
from ...engine.clock import rfc3339, unix
from ...engine.marks import Mark
from ...engine.plan import Plan
from ...engine.protocols import Applied, Deletion, Health, Outputs, Owner, Seen, Situation, Wanted
from ...engine.references import Need, Ref, Resolved
from ...errors import Denied, Trouble
from ...reasons import Reason
from ...store.protocol import Key
from .. import links
from . import arm_body, run_body
from .in_workspace import Placed, arm_id_of, being_made, find_session, target_of, workspace
from .on_azure import OnAzure, met_first, whose

READ_EVERY = 30.0
"""Seconds between readings of steps and metrics while a run is under way (shared facts, azure-ml section 5)."""
MOST_STEPS = 256


@dataclass(frozen=True, slots=True)
class Watched(Placed):
    """The job, and where its workspace keeps records of it (None: it does not say)."""

    records: str | None


GONE = "Gone"
"""The state of a job that Azure does not know any more. No word of Azure's."""
ENDING = "CancelRequested"
QUIET = frozenset({"NotStarted", "Queued", "Starting", "Preparing", "Provisioning", "Scheduled"})
"""States before anything runs."""


class AzureMLPipelineRun(OnAzure[AzureMLPipelineRunSpec, Watched]):
    type = AZURE_ML_PIPELINE_RUN
    fields = arm_body.rules({})
    tags_at = run_body.TAGS

    def __init__(self, sessions: Sessions) -> None:
        super().__init__(sessions)
        self._read_at: dict[str, float] = {}

    def references(self, owner: Owner, spec: AzureMLPipelineRunSpec) -> Iterable[Ref]:
        yield workspace(owner, spec.workspace_ref)
        if key := _compute(owner, spec):
            yield Ref(key, "spec.compute.ref", Need.IDENTITY)

    async def connect(self, owner: Owner, spec: AzureMLPipelineRunSpec, refs: Resolved) -> Watched:
        found = find_session(self._sessions, refs)
        job = found.jobs.id(arm_id_of("AzureMLWorkspace", refs), job_name(owner, spec))
        return Watched(found, job, target_of("AzureMLWorkspace", refs).status.get("mlflowTrackingUri"))

    def desired(self, owner: Owner, spec: AzureMLPipelineRunSpec, refs: Resolved) -> Wanted:
        within = arm_id_of("AzureMLWorkspace", refs)
        compute = None
        if key := _compute(owner, spec):
            compute = str(refs.targets[key].external_id)
        elif spec.compute and spec.compute.name:
            compute = arm_id.compute_id(within, spec.compute.name)
        return run_body.wish(spec, within, compute)

    def defaults(self, owner: Owner, spec: AzureMLPipelineRunSpec) -> Wanted:
        return {"properties.displayName": owner.name}

    def hindrance(self, spec: AzureMLPipelineRunSpec, refs: Resolved, *, creating: bool) -> str:
        if why := being_made(refs):
            return why
        if creating and spec.compute and spec.compute.ref:
            machines = target_of("AzureMLCompute", refs)
            if machines.status.get("provisioningState") != "Succeeded":
                return f"Waits for AzureMLCompute {machines.namespace}/{machines.name}, which is being made."
        return ""

    async def observe(self, conn: Watched, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.session.jobs.get(external_id)
        if raw is not None and jobs.state(raw) == "Failed" and conn.records:
            raw = {**raw, "error": await self._error(conn, raw)}
        if raw is None:
            # never None: what is not there would be made, and this would be a second run
            return Seen(external_id, dict(wanted), {"mlgate": {"state": GONE}})
        return _seen(raw, wanted, mark, conn)

    async def find(self, conn: Watched, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        raw = await conn.session.jobs.get(conn.id)
        return met_first(None if raw is None else _seen(raw, wanted, mark, conn))

    async def apply(self, conn: Watched, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        if seen is not None:
            return Applied(seen.id, seen)
        accepted = await conn.session.jobs.put(conn.id, arm_body.body(plan.wanted, plan.values(), None))
        raw = accepted.resource
        full = raw if raw and arm_body.read(raw, "properties.status") else None
        again = conn.session.look_again(Subject.JOB)
        return Applied(conn.id, _seen(full, plan.wanted, mark, conn) if full else None, again=again)

    async def delete(self, conn: Watched, seen: Seen, refs: Resolved) -> Deletion:
        state = seen.raw["mlgate"]["state"]
        if state == GONE or state in jobs.ENDED:
            return Deletion(done=True)
        if state != ENDING:
            await conn.session.jobs.cancel(seen.id)
        again = conn.session.look_again(Subject.JOB)
        return Deletion(
            done=False, again=again, message="The run is being canceled; its record stays in the workspace."
        )

    def health(self, wanted: Wanted, seen: Seen) -> Health:
        state, again = seen.raw["mlgate"]["state"], seen.raw["mlgate"].get("again")
        match state:
            case "Completed":
                return Health(True)
            case "Failed":
                return Health(False, Reason.RUN_FAILED, _failed(seen.raw), failed=True)
            case "Canceled":
                message = (
                    "The run was canceled: by somebody in the workspace, or because its deadline passed (then status says"
                    " when). To run it again, apply another AzureMLPipelineRun."
                )
                return Health(False, Reason.RUN_CANCELED, message, failed=True)
            case "Gone":
                message = (
                    f"Azure does not know {seen.id} any more: its record, or the workspace, was deleted. It is not started a"
                    " second time. Delete this object; to run it again, apply another."
                )
                return Health(False, Reason.EXTERNAL_GONE, message, failed=True)
        words = "waits for its turn" if state in QUIET else "is being canceled" if state == ENDING else "is under way"
        return Health(False, Reason.RUNNING, f"The run {words} ({state}).", settled=False, again=again)

    async def outputs(self, conn: Watched, spec: AzureMLPipelineRunSpec, situation: Situation) -> Outputs:
        raw, before, now = situation.seen.raw, situation.status, situation.now
        state = raw["mlgate"]["state"]
        if state == GONE:
            return Outputs({"state": before.get("state") if finished(before) else GONE})
        ended = state in jobs.ENDED
        started = before.get("startedAt") or (None if state in QUIET else rfc3339(now))
        over = before.get("finishedAt") or (rfc3339(now) if ended else None)
        kept = parse_duration(spec.ttl_after_finished).total_seconds() if spec.ttl_after_finished else None
        until = unix(over) + kept if over and kept is not None else None
        status: dict[str, Any] = {
            "azureName": raw.get("name"),
            "state": state,
            "experimentName": arm_body.read(raw, "properties.experimentName"),
            "studioUrl": arm_body.read(raw, "properties.services.Studio.endpoint"),
            "startedAt": started,
            "finishedAt": over,
            "expiresAt": None if until is None else rfc3339(until),
        }
        trouble = None
        try:
            status |= await self._records(conn, spec, raw, now)
        except Trouble as met:
            trouble = met
        if ended:
            status["recorded"] = trouble is None
            self._read_at.pop(str(raw["id"]), None)
            return Outputs(status, again=None if until is None else max(0.0, until - now), trouble=trouble)
        left = _left(spec, raw, before, now)
        if left is None or left > 0:
            return Outputs(status, again=left, trouble=trouble)
        if state != ENDING and spec.management_policy != "Observe":
            await conn.session.jobs.cancel(situation.seen.id)
        return Outputs({**status, "deadlinePassedAt": before.get("deadlinePassedAt") or rfc3339(now)}, begun=True)

    async def _error(self, conn: Watched, raw: Mapping[str, Any]) -> tuple[str | None, str] | None:
        """Why it failed; None where that may not be read."""
        assert conn.records is not None
        try:
            return await conn.session.tracking.error(conn.records, str(raw["name"]))
        except Denied:
            return None

    async def _records(
        self, conn: Watched, spec: AzureMLPipelineRunSpec, raw: Mapping[str, Any], now: float
    ) -> dict[str, Any]:
        """Steps and metrics, as fields of status; nothing while they are not worth a look."""
        state, job, name = raw["mlgate"]["state"], str(raw["id"]), str(raw.get("name"))
        told: dict[str, Any] = {}
        if failure := raw.get("error"):
            told["failure"] = {"code": failure[0], "message": failure[1]}
        if conn.records is None or state in QUIET:
            return told
        if state not in jobs.ENDED and now - self._read_at.get(job, 0.0) < READ_EVERY:
            return told
        self._read_at[job] = now
        steps = await conn.session.tracking.steps(conn.records, name)
        told["steps"] = [_told(step) for step in steps[:MOST_STEPS]] or None
        if spec.metrics:
            found = await conn.session.tracking.metrics(conn.records, name)
            told["metrics"] = {each: f"{found[each]:.6g}" for each in spec.metrics if each in found} or None
        return told

    def next_look(self, status: Mapping[str, Any]) -> float | None:
        return unix(status["expiresAt"]) if status.get("expiresAt") else None

    def finished(self, status: Mapping[str, Any]) -> bool:
        return finished(status)

    def outlived(self, status: Mapping[str, Any], now: float) -> bool:
        return finished(status) and status.get("expiresAt") is not None and unix(status["expiresAt"]) <= now


def job_name(owner: Owner, spec: AzureMLPipelineRunSpec) -> str:
    """The name of the job: the same for one object whatever happens, another for every other object."""
    return spec.azure_name or f"{owner.name.replace('.', '-')[:200]}-{owner.uid.replace('-', '')[:8]}"


def finished(status: Mapping[str, Any]) -> bool:
    """Whether the run is over, as far as it was seen."""
    return status.get("state") == GONE or (status.get("state") in jobs.ENDED and bool(status.get("recorded")))


def _left(spec: AzureMLPipelineRunSpec, raw: Mapping[str, Any], before: Mapping[str, Any], now: float) -> float | None:
    """Seconds until its deadline; None without one."""
    if spec.deadline is None:
        return None
    since = arm_body.read(raw, "systemData.createdAt") or before.get("operationSince")
    return parse_duration(spec.deadline).total_seconds() - (now - unix(since) if since else 0.0)


def _failed(raw: Mapping[str, Any]) -> str:
    where = arm_body.read(raw, "properties.services.Studio.endpoint")
    look = f" Its steps and their logs: {where}." if where else " Its steps and their logs are in the studio."
    why = f" {error[0] or 'Azure says'}: {error[1]}" if (error := raw.get("error")) else ""
    return f"The run failed.{why}{look} A run is never started again: apply another AzureMLPipelineRun."


def _told(step: Step) -> dict[str, Any]:
    times = {"startedAt": step.started, "finishedAt": step.ended}
    return {"name": step.name, "state": step.status, **{k: rfc3339(unix(at)) for k, at in times.items() if at}}


def _compute(owner: Owner, spec: AzureMLPipelineRunSpec) -> Key | None:
    return links.key("AzureMLCompute", owner, spec.compute.ref) if spec.compute and spec.compute.ref else None


def _seen(raw: Mapping[str, Any], wanted: Wanted, mark: Mark, conn: Watched) -> Seen:
    ours, holder = whose(arm_body.read(raw, run_body.TAGS), mark)
    kept = {**raw, "mlgate": {"state": jobs.state(raw), "again": conn.session.look_again(Subject.JOB)}}
    # a job's body cannot be changed once it is there: what was asked for is what it does
    return Seen(str(raw["id"]), dict(wanted), kept, ours, holder)
