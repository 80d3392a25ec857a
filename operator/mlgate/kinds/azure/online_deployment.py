"""AzureMLOnlineDeployment: a model behind an endpoint. Making one takes 5 to 20 minutes; it is started and looked at.

The number of instances and the tags have a cheap way (PATCH); every other change is a PUT of the whole. A failed one is
explained from its operation's error and the end of its log, and left alone until the manifest changes or another try
is asked for; it is removed and made anew only with `failurePolicy: Recreate` and without traffic.
Facts: shared facts, azure-ml section 2; recording TestOnlineDeployment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...api.azuremlonlinedeployment import AZURE_ML_ONLINE_DEPLOYMENT, AzureMLOnlineDeploymentSpec
from ...azureml import Progress, Subject
from ...engine.marks import Mark
from ...engine.plan import Action, Plan
from ...engine.protocols import Applied, Deletion, Health, Outputs, Owner, Seen, Situation, Wanted
from ...engine.references import Ref, Resolved
from ...errors import Wait
from ...reasons import Reason
from ...store.protocol import Key, Object
from . import arm_body, deployment_body, deployment_sources, preflight
from .deployment_body import CAPACITY, CHEAP, FAILURE_POLICY, MODEL, PREFLIGHT, TAGS, VARIABLES
from .deployment_end import ended
from .deployment_failure import Failed, failed
from .in_workspace import Placed, arm_id_of, busy, endpoint, find_session, target_of
from .on_azure import OnAzure, health, met_first, whose


class AzureMLOnlineDeployment(OnAzure[AzureMLOnlineDeploymentSpec, Placed]):
    type = AZURE_ML_ONLINE_DEPLOYMENT
    wakes_targets = True
    fields = deployment_body.rules()

    def references(self, owner: Owner, spec: AzureMLOnlineDeploymentSpec) -> Iterable[Ref]:
        yield endpoint(owner, spec.endpoint_ref)
        yield from deployment_sources.references(owner, spec)

    def lane(self, owner: Owner, spec: AzureMLOnlineDeploymentSpec) -> Key:
        return endpoint(owner, spec.endpoint_ref).target

    async def connect(self, owner: Owner, spec: AzureMLOnlineDeploymentSpec, refs: Resolved) -> Placed:
        found = find_session(self._sessions, refs)
        behind = arm_id_of("AzureMLOnlineEndpoint", refs)
        return Placed(found, found.deployments.id(behind, spec.azure_name or owner.name))

    def desired(self, owner: Owner, spec: AzureMLOnlineDeploymentSpec, refs: Resolved) -> Wanted:
        workspace = target_of("AzureMLWorkspace", refs)
        sources = deployment_sources.registered(owner, spec)
        registered = {field: str(refs.targets[key].external_id) for field, key in sources.items()}
        wanted = deployment_body.wish(spec, workspace.external_id, workspace.status.get("location"), registered)
        if spec.environment_variables is not None:
            wanted[VARIABLES] = deployment_sources.variables(owner, spec.environment_variables, refs)
        return wanted

    def defaults(self, owner: Owner, spec: AzureMLOnlineDeploymentSpec) -> Wanted:
        return deployment_body.DEFAULTS

    def hindrance(self, spec: AzureMLOnlineDeploymentSpec, refs: Resolved, *, creating: bool) -> str:
        return busy("AzureMLOnlineEndpoint", refs)

    async def observe(self, conn: Placed, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.session.deployments.get(external_id)
        if raw is None:
            return None
        broken = conn.session.progress(raw).failed
        return _seen(raw, wanted, mark, conn, await failed(conn.session, raw) if broken else None)

    async def find(self, conn: Placed, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        return met_first(await self.observe(conn, conn.id, wanted, mark))

    async def apply(self, conn: Placed, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        sent, external_id = plan.values(), plan.external_id or conn.id
        if seen is not None and seen.raw["mlgate"]["failed"] and plan.wanted.get(FAILURE_POLICY) == "Recreate":
            return await self._clear_away(conn, seen, plan)
        if plan.action is Action.UPDATE and sent and set(sent) <= CHEAP:
            accepted = await conn.session.deployments.patch(
                external_id, capacity=sent.get(CAPACITY), tags=sent.get(TAGS)
            )
        else:
            wanted = await deployment_sources.written_out(conn, plan.wanted, seen, self.fields, MODEL)
            if seen is None and wanted.get(PREFLIGHT) != "Skip":
                await preflight.check(conn.session, conn.id, wanted)
            sent = {name: value if name != MODEL else wanted[MODEL] for name, value in sent.items()}
            body = deployment_body.body(wanted, sent, seen.raw if seen else None)
            accepted = await conn.session.deployments.put(external_id, body)
        raw = accepted.resource
        again = conn.session.progress(raw).after if raw else conn.session.look_again(Subject.DEPLOYMENT)
        return Applied(external_id, _seen(raw, plan.wanted, mark, conn, None) if raw else None, again=again)

    @staticmethod
    async def _clear_away(conn: Placed, seen: Seen, plan: Plan) -> Applied:
        """Removes a failed one; that it is gone is seen at a later look, which makes it anew."""
        if weight := await _weight(conn, seen.id):
            raise Wait(
                f"It failed and still has {weight} % of the calls: failurePolicy: Recreate removes it when the "
                "endpoint's traffic has moved. Move the traffic, or set failurePolicy: Update to change it in place.",
                reason=Reason.PROVISIONING_FAILED,
                after=conn.session.look_again(Subject.DEPLOYMENT),
            )
        await conn.session.deployments.delete(seen.id)
        properties = {**(seen.raw.get("properties") or {}), "provisioningState": "Deleting"}
        raw = {**seen.raw, "properties": properties}
        left = Seen(seen.id, seen.values, {**raw, "mlgate": _told(conn, raw, None)}, seen.ours, seen.holder)
        return Applied(seen.id, left, again=conn.session.look_again(Subject.DEPLOYMENT))

    async def delete(self, conn: Placed, seen: Seen, refs: Resolved) -> Deletion:
        async def needed(deployment_id: str) -> str:
            weight = await _weight(conn, deployment_id)
            if not weight:
                return ""
            return f"Still answers {weight} % of the calls; it goes when the endpoint's traffic has moved."

        return await ended(conn, conn.session.deployments, seen, target_of("AzureMLOnlineEndpoint", refs), needed)

    def health(self, wanted: Wanted, seen: Seen) -> Health:
        why: Failed | None = seen.raw["mlgate"]["failed"]
        progress: Progress = seen.raw["mlgate"]["progress"]
        told, passing = (why.sentence, why.failure.may_pass) if why else ("", False)
        return health(progress, usable=progress.state == "Scaling", failure=told, may_pass=passing)

    async def outputs(self, conn: Placed, spec: AzureMLOnlineDeploymentSpec, situation: Situation) -> Outputs:
        raw = situation.seen.raw
        why: Failed | None = raw["mlgate"]["failed"]
        return Outputs(
            {
                "provisioningState": arm_body.read(raw, "properties.provisioningState"),
                "azureName": situation.seen.id.rsplit("/", 1)[-1],
                "modelId": arm_body.read(raw, "properties.model"),
                "environmentId": arm_body.read(raw, "properties.environmentId"),
                "instanceCount": arm_body.read(raw, CAPACITY),
                "failure": why.published() if why else None,
            }
        )

    def blocks_deletion_of(self, target: Object, own: Object) -> bool:
        """A deployment that is being deleted goes with its endpoint; any other keeps it."""
        return not own["metadata"].get("deletionTimestamp")


async def _weight(conn: Placed, deployment_id: str) -> int:
    """How much of the calls it gets, live or mirrored, in percent."""
    endpoint_id, name = deployment_id.rsplit("/deployments/", 1)
    serving = await conn.session.endpoints.get(endpoint_id) or {}
    shares = [arm_body.read(serving, path) or {} for path in ("properties.traffic", "properties.mirrorTraffic")]
    return max((int(w or 0) for share in shares for n, w in share.items() if n.lower() == name.lower()), default=0)


def _told(conn: Placed, raw: Mapping[str, Any], why: Failed | None) -> dict[str, Any]:
    return {"progress": conn.session.progress(raw), "failed": why}


def _seen(raw: Mapping[str, Any], wanted: Wanted, mark: Mark, conn: Placed, why: Failed | None) -> Seen:
    ours, holder = whose(raw.get("tags"), mark)
    kept = {**raw, "mlgate": _told(conn, raw, why)}
    return Seen(str(raw["id"]), deployment_body.seen(raw, wanted), kept, ours, holder)
