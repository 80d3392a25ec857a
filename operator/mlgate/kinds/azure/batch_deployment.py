"""AzureMLBatchDeployment: a model or a pipeline component behind a batch endpoint. It is settings of jobs to come: making one
takes seconds, and nothing is paid for until the endpoint is called.

Every change is a PUT of the whole. A failed one is explained from its operation's error and left alone until the manifest
changes or another try is asked for. The endpoint's default stays until the endpoint names another.
Facts: shared facts, azure-ml section 2; recording TestBatchEndpoint; the client that azure-ai-ml carries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...api.azuremlbatchdeployment import AZURE_ML_BATCH_DEPLOYMENT, AzureMLBatchDeploymentSpec
from ...azureml import Progress, Subject, arm_id, compare
from ...engine.marks import Mark
from ...engine.plan import Plan
from ...engine.protocols import Applied, Deletion, Health, Outputs, Owner, Seen, Situation, Wanted
from ...engine.references import Need, Ref, Resolved
from ...store.protocol import Key, Object
from .. import links
from . import arm_body, batch_body, deployment_sources
from .batch_body import COMPONENT, COMPUTE, ENVIRONMENT, MODEL
from .batch_endpoint import DEFAULT
from .deployment_body import VARIABLES
from .deployment_end import ended
from .deployment_failure import Failed, failed
from .in_workspace import Placed, arm_id_of, busy, endpoint, find_session, location, target_of
from .on_azure import OnAzure, health, met_first, whose

ENDPOINT = "AzureMLBatchEndpoint"


class AzureMLBatchDeployment(OnAzure[AzureMLBatchDeploymentSpec, Placed]):
    type = AZURE_ML_BATCH_DEPLOYMENT
    wakes_targets = True
    fields = batch_body.rules()

    def references(self, owner: Owner, spec: AzureMLBatchDeploymentSpec) -> Iterable[Ref]:
        yield endpoint(owner, spec.endpoint_ref, kind=ENDPOINT)
        yield from deployment_sources.references(owner, spec)
        if key := _compute(owner, spec):
            yield Ref(key, "spec.compute.ref", Need.IDENTITY)

    def lane(self, owner: Owner, spec: AzureMLBatchDeploymentSpec) -> Key:
        return links.key(ENDPOINT, owner, spec.endpoint_ref)

    async def connect(self, owner: Owner, spec: AzureMLBatchDeploymentSpec, refs: Resolved) -> Placed:
        found = find_session(self._sessions, refs)
        return Placed(found, found.batch_deployments.id(arm_id_of(ENDPOINT, refs), spec.azure_name or owner.name))

    def desired(self, owner: Owner, spec: AzureMLBatchDeploymentSpec, refs: Resolved) -> Wanted:
        workspace = arm_id_of("AzureMLWorkspace", refs)
        sources = deployment_sources.registered(owner, spec)
        registered = {field: str(refs.targets[key].external_id) for field, key in sources.items()}
        compute = None
        if key := _compute(owner, spec):
            compute = str(refs.targets[key].external_id)
        elif spec.compute and spec.compute.name:
            compute = arm_id.compute_id(workspace, spec.compute.name)
        wanted = batch_body.wish(spec, workspace, location(refs), registered, compute)
        if spec.environment_variables is not None:
            wanted[VARIABLES] = deployment_sources.variables(owner, spec.environment_variables, refs)
        return wanted

    def hindrance(self, spec: AzureMLBatchDeploymentSpec, refs: Resolved, *, creating: bool) -> str:
        if why := busy(ENDPOINT, refs):
            return why
        if creating and spec.compute and spec.compute.ref:
            machines = target_of("AzureMLCompute", refs)
            if machines.status.get("provisioningState") != "Succeeded":
                return f"Waits for AzureMLCompute {machines.namespace}/{machines.name}, which is being made."
        return ""

    async def observe(self, conn: Placed, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.session.batch_deployments.get(external_id)
        if raw is None:
            return None
        broken = conn.session.progress(raw).failed
        return _seen(raw, wanted, mark, conn, await failed(conn.session, raw) if broken else None)

    async def find(self, conn: Placed, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        return met_first(await self.observe(conn, conn.id, wanted, mark))

    async def apply(self, conn: Placed, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        sent, external_id = plan.values(), plan.external_id or conn.id
        wanted = await deployment_sources.written_out(conn, plan.wanted, seen, self.fields, MODEL)
        sent = {path: value if path != MODEL else wanted[MODEL] for path, value in sent.items()}
        body = arm_body.body(wanted, sent, seen.raw if seen else None)
        if body["properties"].get("outputAction") == "SummaryOnly":
            body["properties"].pop("outputFileName", None)  # of the time when rows were appended
        accepted = await conn.session.batch_deployments.put(external_id, body)
        raw = accepted.resource
        again = conn.session.progress(raw).after if raw else conn.session.look_again(Subject.BATCH_DEPLOYMENT)
        return Applied(external_id, _seen(raw, plan.wanted, mark, conn, None) if raw else None, again=again)

    async def delete(self, conn: Placed, seen: Seen, refs: Resolved) -> Deletion:
        async def needed(deployment_id: str) -> str:
            endpoint_id, name = deployment_id.rsplit("/deployments/", 1)
            serving = await conn.session.batch_endpoints.get(endpoint_id) or {}
            if not compare.any_case(name, arm_body.read(serving, DEFAULT)):
                return ""
            return (
                "Is the default of its endpoint; it goes when the endpoint's defaults.deploymentName names another, or "
                "nothing (an empty text)."
            )

        return await ended(conn, conn.session.batch_deployments, seen, target_of(ENDPOINT, refs), needed)

    def health(self, wanted: Wanted, seen: Seen) -> Health:
        why: Failed | None = seen.raw["mlgate"]["failed"]
        progress: Progress = seen.raw["mlgate"]["progress"]
        told, passing = (why.sentence, why.failure.may_pass) if why else ("", False)
        return health(progress, usable=False, failure=told, may_pass=passing)

    async def outputs(self, conn: Placed, spec: AzureMLBatchDeploymentSpec, situation: Situation) -> Outputs:
        raw = situation.seen.raw
        why: Failed | None = raw["mlgate"]["failed"]
        return Outputs(
            {
                "provisioningState": arm_body.read(raw, "properties.provisioningState"),
                "azureName": situation.seen.id.rsplit("/", 1)[-1],
                "modelId": arm_body.read(raw, MODEL),
                "componentId": arm_body.read(raw, COMPONENT),
                "environmentId": arm_body.read(raw, ENVIRONMENT),
                "computeId": arm_body.read(raw, COMPUTE),
                "failure": why.published() if why else None,
            }
        )

    def blocks_deletion_of(self, target: Object, own: Object) -> bool:
        """A deployment that is being deleted goes with its endpoint; any other keeps it."""
        return not own["metadata"].get("deletionTimestamp")


def _compute(owner: Owner, spec: AzureMLBatchDeploymentSpec) -> Key | None:
    return links.key("AzureMLCompute", owner, spec.compute.ref) if spec.compute and spec.compute.ref else None


def _seen(raw: Mapping[str, Any], wanted: Wanted, mark: Mark, conn: Placed, why: Failed | None) -> Seen:
    ours, holder = whose(raw.get("tags"), mark)
    kept = {**raw, "mlgate": {"progress": conn.session.progress(raw), "failed": why}}
    return Seen(str(raw["id"]), batch_body.seen(raw, wanted), kept, ours, holder)
