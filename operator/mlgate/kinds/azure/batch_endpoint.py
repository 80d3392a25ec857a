"""AzureMLBatchEndpoint: the address of batch deployments, and which of them answers.

The default becomes a deployment only once Azure says that it has succeeded; until then the rest of the wish is carried out
and says what it waits for, as an online endpoint's traffic does. Every PUT carries the default that is there: one without
it would take it away. Facts: shared facts, azure-ml section 2; recording TestBatchEndpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ...api.azuremlbatchendpoint import AZURE_ML_BATCH_ENDPOINT, AzureMLBatchEndpointSpec
from ...azureml import Progress, Subject, compare
from ...engine.marks import Mark
from ...engine.plan import Plan
from ...engine.protocols import Applied, Deletion, Health, Outputs, Owner, Possible, Seen, Situation, Wanted
from ...engine.references import Ref, Resolved
from ...store.protocol import Key, Object
from . import arm_body
from .in_workspace import Placed, arm_id_of, being_made, find_session, location, workspace
from .on_azure import OnAzure, going, health, met_first, whose

DEFAULT = "properties.defaults.deploymentName"
WRITTEN = {"description": "properties.description", "properties": "properties.properties"}


class AzureMLBatchEndpoint(OnAzure[AzureMLBatchEndpointSpec, Placed]):
    type = AZURE_ML_BATCH_ENDPOINT
    fields = arm_body.rules(compare.BATCH_ENDPOINT, fixed=("location", "properties.properties"))

    def references(self, owner: Owner, spec: AzureMLBatchEndpointSpec) -> Iterable[Ref]:
        yield workspace(owner, spec.workspace_ref)

    def lane(self, owner: Owner, spec: AzureMLBatchEndpointSpec) -> Key:
        return Key(self.type.kind, owner.namespace, owner.name)

    async def connect(self, owner: Owner, spec: AzureMLBatchEndpointSpec, refs: Resolved) -> Placed:
        found = find_session(self._sessions, refs)
        inside = arm_id_of("AzureMLWorkspace", refs)
        return Placed(found, found.batch_endpoints.id(inside, spec.azure_name or owner.name))

    def desired(self, owner: Owner, spec: AzureMLBatchEndpointSpec, refs: Resolved) -> Wanted:
        wanted = arm_body.wish(spec, WRITTEN, location=location(refs), tags=dict(spec.tags or {}))
        if spec.defaults:
            wanted[DEFAULT] = spec.defaults.deployment_name or None
        return wanted

    def defaults(self, owner: Owner, spec: AzureMLBatchEndpointSpec) -> Wanted:
        return {"properties.authMode": "AADToken"}

    def hindrance(self, spec: AzureMLBatchEndpointSpec, refs: Resolved, *, creating: bool) -> str:
        return being_made(refs) if creating else ""

    def possible(self, wanted: Wanted, seen: Seen) -> Possible:
        chosen = wanted.get(DEFAULT)
        if not chosen or chosen.lower() in seen.raw["mlgate"]["standing"]:
            return Possible(wanted)
        rest = {path: value for path, value in wanted.items() if path != DEFAULT}
        waits = f"The default waits for deployment {chosen} to be ready."
        return Possible(rest, waits, usable=bool(arm_body.read(seen.raw, DEFAULT)))

    async def observe(self, conn: Placed, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.session.batch_endpoints.get(external_id)
        return None if raw is None else await self._seen(raw, wanted, mark, conn)

    async def find(self, conn: Placed, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        return met_first(await self.observe(conn, conn.id, wanted, mark))

    async def apply(self, conn: Placed, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        sent = plan.values()
        wanted = {path: value for path, value in plan.wanted.items() if path != DEFAULT or (seen and path in sent)}
        body = arm_body.body(wanted, sent, seen.raw if seen else None)
        accepted = await conn.session.batch_endpoints.put(plan.external_id or conn.id, body)
        raw = accepted.resource or {}
        again = conn.session.progress(raw).after if raw else conn.session.look_again(Subject.BATCH_ENDPOINT)
        return Applied(str(raw.get("id") or conn.id), await self._seen(raw, plan.wanted, mark, conn), again=again)

    async def delete(self, conn: Placed, seen: Seen, refs: Resolved) -> Deletion:
        progress: Progress = seen.raw["mlgate"]["progress"]
        if not progress.settled:
            return Deletion(done=False, again=progress.after, message=going(progress))
        if await conn.session.batch_endpoints.delete(seen.id) is None:
            return Deletion(done=True)
        return Deletion(done=False, again=conn.session.look_again(Subject.BATCH_ENDPOINT))

    def health(self, wanted: Wanted, seen: Seen) -> Health:
        answers = bool(arm_body.read(seen.raw, "properties.scoringUri"))
        return health(seen.raw["mlgate"]["progress"], usable=answers, may_pass=True)

    async def outputs(self, conn: Placed, spec: AzureMLBatchEndpointSpec, situation: Situation) -> Outputs:
        raw = situation.seen.raw
        return Outputs(
            {
                "provisioningState": arm_body.read(raw, "properties.provisioningState"),
                "scoringUri": arm_body.read(raw, "properties.scoringUri"),
                "swaggerUri": arm_body.read(raw, "properties.swaggerUri"),
                "authMode": arm_body.read(raw, "properties.authMode"),
                "defaultDeployment": arm_body.read(raw, DEFAULT) or None,
            }
        )

    def blocks_deletion_of(self, target: Object, own: Object) -> bool:
        return target["kind"] in ("AzureMLWorkspace", "AzureConnection")

    async def _seen(self, raw: Mapping[str, object], wanted: Wanted, mark: Mark, conn: Placed) -> Seen:
        """With which deployments may become the default: asked only while the wish for it is not fulfilled."""
        progress = conn.session.progress(raw)
        chosen, now = wanted.get(DEFAULT), arm_body.read(raw, DEFAULT)
        standing = {str(name).lower() for name in (chosen, now) if name}
        if chosen and not compare.any_case(chosen, now) and progress.settled:
            standing = {
                str(deployment["id"]).rsplit("/", 1)[-1].lower()
                for deployment in await conn.session.batch_deployments.of_endpoint(str(raw["id"]))
                if conn.session.progress(deployment).state == "Succeeded"
            }
        tags = raw.get("tags")
        ours, holder = whose(tags if isinstance(tags, Mapping) else None, mark)
        kept = {**raw, "mlgate": {"progress": progress, "standing": standing}}
        return Seen(str(raw["id"]), arm_body.values(raw, wanted), kept, ours, holder)
