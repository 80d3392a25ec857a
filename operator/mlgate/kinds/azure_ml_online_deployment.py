"""AzureMLOnlineDeployment: a model behind an endpoint. Making one takes 5 to 20 minutes; it is started and looked at.

Only the number of instances has a cheap way (PATCH of sku.capacity); every other change is a PUT of the whole. A failed
one is explained from its operation's error and the last lines of its log, and left alone until the manifest changes.
Facts: shared facts, azure-ml section 2; recording TestOnlineDeployment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..api.azuremlonlinedeployment import AZURE_ML_ONLINE_DEPLOYMENT, AzureMLOnlineDeploymentSpec, Probe
from ..api.meta import parse_duration
from ..azureml import Failure, Progress, Subject, compare, explain
from ..engine.fields import Alike, Fields
from ..engine.marks import Mark
from ..engine.plan import Action, Plan
from ..engine.protocols import Applied, Deletion, Health, Outputs, Owner, Seen, Situation, Wanted
from ..engine.references import Need, Ref, Resolved
from ..errors import Terminal, Trouble
from ..sensitive import Sensitive
from ..store.protocol import Key, Object
from . import arm_body
from .in_workspace import Placed, endpoint, find_session, target_of
from .on_azure import OnAzure, going, health, met_first, whose

CAPACITY, VARIABLES = "sku.capacity", "properties.environmentVariables"
LOG_LINES = 20
WRITTEN = {
    "instance_type": "properties.instanceType",
    "app_insights_enabled": "properties.appInsightsEnabled",
    "description": "properties.description",
}


def _rules() -> Fields:
    fields = arm_body.rules(compare.DEPLOYMENT)
    fields.rules["location"] = Alike(compare.location)
    return fields


class AzureMLOnlineDeployment(OnAzure[AzureMLOnlineDeploymentSpec, Placed]):
    type = AZURE_ML_ONLINE_DEPLOYMENT
    wakes_targets = True
    fields = _rules()

    def references(self, owner: Owner, spec: AzureMLOnlineDeploymentSpec) -> Iterable[Ref]:
        yield endpoint(owner, spec.endpoint_ref)
        for name in sorted({v.secret_ref.name for v in spec.environment_variables or () if v.secret_ref}):
            yield Ref(Key("Secret", owner.namespace, name), "spec.environmentVariables[].secretRef", Need.EXISTS)

    def lane(self, owner: Owner, spec: AzureMLOnlineDeploymentSpec) -> Key:
        return endpoint(owner, spec.endpoint_ref).target

    async def connect(self, owner: Owner, spec: AzureMLOnlineDeploymentSpec, refs: Resolved) -> Placed:
        found = find_session(self._sessions, refs)
        behind = target_of("AzureMLOnlineEndpoint", refs).external_id
        if behind is None:
            raise KeyError("AzureMLOnlineEndpoint")
        return Placed(found, found.deployments.id(behind, spec.azure_name or owner.name))

    def desired(self, owner: Owner, spec: AzureMLOnlineDeploymentSpec, refs: Resolved) -> Wanted:
        workspace = target_of("AzureMLWorkspace", refs)
        location = workspace.status.get("location")
        wanted = arm_body.wish(spec, WRITTEN, location=location, tags=dict(spec.tags or {}))
        if spec.instance_count is not None:
            wanted[CAPACITY] = spec.instance_count
        inside = workspace.external_id
        if spec.model:
            wanted["properties.model"] = _asset(inside, "models", spec.model.id, spec.model.name, spec.model.version)
        if spec.environment:
            chosen = spec.environment
            wanted["properties.environmentId"] = _asset(inside, "environments", chosen.id, chosen.name, chosen.version)
        if spec.code:
            wanted["properties.codeConfiguration.codeId"] = spec.code.id
            wanted["properties.codeConfiguration.scoringScript"] = spec.code.scoring_script
        wanted |= _settings(spec)
        if spec.environment_variables is not None:
            wanted[VARIABLES] = {
                v.name: v.value if v.secret_ref is None else _secret(owner, refs, v.secret_ref.name, v.secret_ref.key)
                for v in spec.environment_variables
            }
        return wanted

    def defaults(self, owner: Owner, spec: AzureMLOnlineDeploymentSpec) -> Wanted:
        return {
            CAPACITY: 1,
            "sku.name": "Default",
            "kind": "Managed",
            "properties.endpointComputeType": "Managed",
            "properties.scaleSettings.scaleType": "Default",
        }

    def hindrance(self, spec: AzureMLOnlineDeploymentSpec, refs: Resolved, *, creating: bool) -> str:
        behind = target_of("AzureMLOnlineEndpoint", refs)
        if behind.status.get("provisioningState") != "Succeeded":
            return f"AzureMLOnlineEndpoint {behind.namespace}/{behind.name} is busy; it takes one change at a time."
        return ""

    async def observe(self, conn: Placed, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.session.deployments.get(external_id)
        if raw is None:
            return None
        progress = conn.session.progress(raw)
        return _seen(raw, wanted, mark, conn, await _explained(conn, raw) if progress.failed else None)

    async def find(self, conn: Placed, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        return met_first(await self.observe(conn, conn.id, wanted, mark))

    async def apply(self, conn: Placed, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        sent, external_id = plan.values(), plan.external_id or conn.id
        if plan.action is Action.UPDATE and set(sent) == {CAPACITY}:
            accepted = await conn.session.deployments.patch_capacity(external_id, sent[CAPACITY])
        else:
            body = arm_body.body(plan.wanted, sent, seen.raw if seen else None)
            body.pop("mlgate", None)
            accepted = await conn.session.deployments.put(external_id, body)
        raw = accepted.resource
        again = conn.session.progress(raw).after if raw else conn.session.look_again(Subject.DEPLOYMENT)
        return Applied(external_id, _seen(raw, plan.wanted, mark, conn, None) if raw else None, again=again)

    async def delete(self, conn: Placed, seen: Seen, refs: Resolved) -> Deletion:
        behind = target_of("AzureMLOnlineEndpoint", refs)
        again = conn.session.look_again(Subject.DEPLOYMENT)
        goes_along = behind.deleting and behind.spec.get("deletionPolicy", "Delete") == "Delete"
        progress: Progress = seen.raw["mlgate"]["progress"]
        if goes_along:
            return Deletion(done=False, again=again, message="Goes with its endpoint.", begun=not progress.settled)
        if not progress.settled:
            return Deletion(done=False, again=progress.after, message=going(progress))
        name = seen.id.rsplit("/", 1)[-1].lower()
        serving = await conn.session.endpoints.get(seen.id.rsplit("/deployments/", 1)[0])
        weights = {
            key.lower(): weight for key, weight in (arm_body.read(serving or {}, "properties.traffic") or {}).items()
        }
        if weights.get(name):
            message = f"Still answers {weights[name]} % of the calls; it goes when the endpoint's traffic has moved."
            return Deletion(done=False, again=again, message=message, begun=False)
        if await conn.session.deployments.delete(seen.id) is None:
            return Deletion(done=True)
        return Deletion(done=False, again=again)

    def health(self, wanted: Wanted, seen: Seen) -> Health:
        failure: Failure | None = seen.raw["mlgate"]["failure"]
        usable = seen.raw["mlgate"]["progress"].state == "Scaling"
        return health(seen.raw["mlgate"]["progress"], usable=usable, failure=failure.sentence if failure else "")

    async def outputs(self, conn: Placed, spec: AzureMLOnlineDeploymentSpec, situation: Situation) -> Outputs:
        raw = situation.seen.raw
        failure: Failure | None = raw["mlgate"]["failure"]
        return Outputs(
            {
                "provisioningState": arm_body.read(raw, "properties.provisioningState"),
                "azureName": situation.seen.id.rsplit("/", 1)[-1],
                "modelId": arm_body.read(raw, "properties.model"),
                "environmentId": arm_body.read(raw, "properties.environmentId"),
                "instanceCount": arm_body.read(raw, CAPACITY),
                "failure": {"code": failure.code, "message": failure.sentence[:8192]} if failure else None,
            }
        )

    def blocks_deletion_of(self, target: Object, own: Object) -> bool:
        """A deployment that is being deleted goes with its endpoint; any other keeps it."""
        return not own["metadata"].get("deletionTimestamp")


def _asset(workspace: str | None, kind: str, id_: str | None, name: str | None, version: str | None) -> str:
    if id_:
        return id_
    if version == "@latest":
        raise Terminal(f"Version @latest of {kind} is not carried out by this version of mlgate. Write the version.")
    return f"{workspace}/{kind}/{name}/versions/{version}"


def _settings(spec: AzureMLOnlineDeploymentSpec) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if spec.scale:
        for name, value in spec.scale.model_dump(by_alias=True, exclude_unset=True, exclude_none=True).items():
            key = "scaleType" if name == "type" else name
            wanted[f"properties.scaleSettings.{key}"] = iso(value) if name == "pollingInterval" else value
    for field, probe in (("livenessProbe", spec.liveness_probe), ("readinessProbe", spec.readiness_probe)):
        wanted |= {f"properties.{field}.{name}": value for name, value in _probe(probe).items()}
    if spec.request_settings:
        for name, value in spec.request_settings.model_dump(
            by_alias=True, exclude_unset=True, exclude_none=True
        ).items():
            wanted[f"properties.requestSettings.{name}"] = value if isinstance(value, int) else iso(value)
    return wanted


def _probe(probe: Probe | None) -> dict[str, Any]:
    said = probe.model_dump(by_alias=True, exclude_unset=True, exclude_none=True) if probe else {}
    return {name: value if isinstance(value, int) else iso(value) for name, value in said.items()}


def iso(duration: str) -> str:
    """`1m30s` as Azure writes it: `PT90S`."""
    seconds = parse_duration(duration).total_seconds()
    return f"PT{seconds:g}S"


def _secret(owner: Owner, refs: Resolved, name: str, key: str) -> Sensitive:
    data = refs.secret(owner.namespace, name)
    if key not in data:
        raise Terminal(f"Secret {owner.namespace}/{name} has no key {key}, which spec.environmentVariables refers to.")
    return data[key]


async def _explained(conn: Placed, raw: Mapping[str, Any]) -> Failure:
    """Why it failed. What cannot be read is left out: a failure is told with what there is."""
    uri = conn.session.progress(raw).operation_uri
    error, log = None, None
    try:
        operation = await conn.session.operation(uri) if uri else None
        error = operation.error if operation else None
        log = await conn.session.deployments.logs(str(raw["id"]), LOG_LINES)
    except Trouble:
        pass
    return explain(f"Online deployment {str(raw['id']).rsplit('/', 1)[-1]}", error, log)


def _seen(raw: Mapping[str, Any], wanted: Wanted, mark: Mark, conn: Placed, failure: Failure | None) -> Seen:
    ours, holder = whose(raw.get("tags"), mark)
    kept = {**raw, "mlgate": {"progress": conn.session.progress(raw), "failure": failure}}
    values = arm_body.values(raw, wanted)
    if VARIABLES in wanted:
        values[VARIABLES] = _hidden(values[VARIABLES] or {}, wanted[VARIABLES])
    return Seen(str(raw["id"]), values, kept, ours, holder)


def _hidden(variables: Mapping[str, str], wanted: Mapping[str, str | Sensitive]) -> dict[str, str | Sensitive]:
    """Azure shows environment variables in the clear; those that are secret in the manifest stay so here."""
    return {n: Sensitive(v) if isinstance(wanted.get(n), Sensitive) else v for n, v in variables.items()}
