"""AzureMLCompute: a cluster of machines in a workspace, made with PUT and watched by its provisioningState.

The number of nodes has a way of its own (PATCH of scaleSettings); what is said about it is a PUT of the whole. Nodes come
and go by themselves: their number is status, never a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...api.azuremlcompute import AZURE_ML_COMPUTE, AzureMLComputeSpec
from ...azureml import Progress, Subject, compare
from ...engine.marks import Mark
from ...engine.plan import Action, Plan
from ...engine.protocols import Applied, Deletion, Health, Outputs, Owner, Seen, Situation, Wanted
from ...engine.references import Ref, Resolved
from ...store.protocol import Object
from . import arm_body
from .deployment_body import iso
from .in_workspace import Placed, arm_id_of, being_made, find_session, location, workspace
from .on_azure import OnAzure, going, health, met_first, whose
from .workspace import arm_identity

CLUSTER = "properties.properties"
SCALE = f"{CLUSTER}.scaleSettings"
MOST, FEWEST, IDLE = f"{SCALE}.maxNodeCount", f"{SCALE}.minNodeCount", f"{SCALE}.nodeIdleTimeBeforeScaleDown"
WRITTEN = {
    "description": "properties.description",
    "size": f"{CLUSTER}.vmSize",
    "priority": f"{CLUSTER}.vmPriority",
    "min_nodes": FEWEST,
    "max_nodes": MOST,
    "public_node_ips": f"{CLUSTER}.enableNodePublicIp",
}
FIXED = ("location", *(f"{CLUSTER}.{name}" for name in ("vmSize", "vmPriority", "enableNodePublicIp", "subnet.id")))
NOT_SENT = (
    (CLUSTER, ("allocationState", "allocationStateTransitionTime", "errors")),
    (CLUSTER, ("currentNodeCount", "targetNodeCount", "nodeStateCounts")),
    ("properties", ("createdOn", "modifiedOn", "provisioningErrors", "isAttachedCompute", "computeLocation")),
)
"""What Azure says of a cluster and takes from nobody."""
_COUNTS = {
    "idle": "idleNodeCount",
    "running": "runningNodeCount",
    "preparing": "preparingNodeCount",
    "leaving": "leavingNodeCount",
    "unusable": "unusableNodeCount",
    "preempted": "preemptedNodeCount",
}


class AzureMLCompute(OnAzure[AzureMLComputeSpec, Placed]):
    type = AZURE_ML_COMPUTE
    fields = arm_body.rules(compare.COMPUTE, fixed=FIXED)

    def references(self, owner: Owner, spec: AzureMLComputeSpec) -> Iterable[Ref]:
        yield workspace(owner, spec.workspace_ref)

    async def connect(self, owner: Owner, spec: AzureMLComputeSpec, refs: Resolved) -> Placed:
        found = find_session(self._sessions, refs)
        return Placed(found, found.computes.id(arm_id_of("AzureMLWorkspace", refs), spec.azure_name or owner.name))

    def desired(self, owner: Owner, spec: AzureMLComputeSpec, refs: Resolved) -> Wanted:
        region = spec.location or location(refs)
        more = {"location": region, "tags": dict(spec.tags or {}), "properties.computeType": "AmlCompute"}
        wanted = arm_body.wish(spec, WRITTEN, **more)
        if spec.idle_time is not None:
            wanted[IDLE] = iso(spec.idle_time)
        if spec.subnet_id is not None:
            wanted[f"{CLUSTER}.subnet.id"] = spec.subnet_id
        if spec.identity:
            wanted["identity"] = arm_identity(spec.identity.type, spec.identity.user_assigned_identities)
        return wanted

    def defaults(self, owner: Owner, spec: AzureMLComputeSpec) -> Wanted:
        """Nothing is paid for without work, and nobody signs in to a node from outside."""
        return {
            FEWEST: 0,
            IDLE: "PT120S",
            f"{CLUSTER}.vmPriority": "Dedicated",
            f"{CLUSTER}.osType": "Linux",
            f"{CLUSTER}.remoteLoginPortPublicAccess": "Disabled",
            "properties.disableLocalAuth": True,
        }

    def hindrance(self, spec: AzureMLComputeSpec, refs: Resolved, *, creating: bool) -> str:
        return being_made(refs) if creating else ""

    async def observe(self, conn: Placed, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.session.computes.get(external_id)
        return None if raw is None else _seen(raw, wanted, mark, conn)

    async def find(self, conn: Placed, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        return met_first(await self.observe(conn, conn.id, wanted, mark))

    async def apply(self, conn: Placed, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        sent, external_id = plan.values(), plan.external_id or conn.id
        if seen is not None and plan.action is Action.UPDATE and all(path.startswith(SCALE) for path in sent):
            whole = arm_body.body(plan.wanted, sent, seen.raw)
            accepted = await conn.session.computes.scale(external_id, arm_body.read(whole, SCALE))
        else:
            body = _writable(arm_body.body(plan.wanted, sent, seen.raw if seen else None))
            accepted = await conn.session.computes.put(external_id, body)
        raw = accepted.resource
        again = conn.session.look_again(Subject.COMPUTE)
        full = raw if raw and arm_body.read(raw, "properties.provisioningState") else None
        return Applied(external_id, _seen(full, plan.wanted, mark, conn) if full else None, again=again)

    async def delete(self, conn: Placed, seen: Seen, refs: Resolved) -> Deletion:
        progress: Progress = seen.raw["mlgate"]["progress"]
        if not progress.settled:
            return Deletion(done=False, again=progress.after, message=going(progress))
        if await conn.session.computes.delete(seen.id) is None:
            return Deletion(done=True)
        return Deletion(done=False, again=conn.session.look_again(Subject.COMPUTE))

    def health(self, wanted: Wanted, seen: Seen) -> Health:
        told = [
            str(error.get("message") or error.get("code"))
            for each in arm_body.read(seen.raw, "properties.provisioningErrors") or ()
            if isinstance(error := each.get("error"), Mapping)
        ]
        return health(seen.raw["mlgate"]["progress"], usable=True, failure=" ".join(told))

    async def outputs(self, conn: Placed, spec: AzureMLComputeSpec, situation: Situation) -> Outputs:
        raw = situation.seen.raw
        counts = arm_body.read(raw, f"{CLUSTER}.nodeStateCounts") or {}
        return Outputs(
            {
                "provisioningState": arm_body.read(raw, "properties.provisioningState"),
                "allocationState": arm_body.read(raw, f"{CLUSTER}.allocationState"),
                "nodes": arm_body.read(raw, f"{CLUSTER}.currentNodeCount"),
                "targetNodes": arm_body.read(raw, f"{CLUSTER}.targetNodeCount"),
                "nodeCounts": {ours: counts[name] for ours, name in _COUNTS.items() if name in counts} or None,
                "principalId": arm_body.read(raw, "identity.principalId"),
            }
        )

    def blocks_deletion_of(self, target: Object, own: Object) -> bool:
        return target["kind"] in ("AzureMLWorkspace", "AzureConnection")


def _writable(body: dict[str, Any]) -> dict[str, Any]:
    for path, names in NOT_SENT:
        place = arm_body.read(body, path) or {}
        for name in names:
            place.pop(name, None)
    return body


def _seen(raw: Mapping[str, Any], wanted: Wanted, mark: Mark, conn: Placed) -> Seen:
    ours, holder = whose(raw.get("tags"), mark)
    kept = {**raw, "mlgate": {"progress": conn.session.progress(raw)}}
    return Seen(str(raw["id"]), arm_body.values(raw, wanted), kept, ours, holder)
