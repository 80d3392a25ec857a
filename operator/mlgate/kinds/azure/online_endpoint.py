"""AzureMLOnlineEndpoint: the address of deployed models and the traffic between them.

Every PUT carries the whole traffic map: one without it stops all traffic (genaiops-promptflow-template#182). Weight goes
only to deployments that Azure says have succeeded; the rest of the wish waits and says so. The credential that callers
present ends in a Secret of ours and is renewed when the service says so (AMLToken: after 12 of 24 hours).
Facts: shared facts, azure-ml sections 2 and 4; recording TestOnlineDeployment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...api.azuremlonlineendpoint import AZURE_ML_ONLINE_ENDPOINT, AzureMLOnlineEndpointSpec
from ...azureml import Progress, Sessions, State, Subject, compare
from ...engine.marks import Mark
from ...engine.plan import Plan
from ...engine.protocols import (
    Applied,
    Deletion,
    Health,
    Outputs,
    Owner,
    Possible,
    SecretOutput,
    Seen,
    Situation,
    Wanted,
)
from ...engine.references import SECRET, Ref, Resolved
from ...sensitive import Sensitive
from ...store.protocol import Key, Object
from ..gateway.view import GatewayView
from . import arm_body
from .endpoint_credential import CREDENTIAL, credential_due, renewed
from .in_workspace import Placed, arm_id_of, being_made, find_session, location, workspace
from .on_azure import OnAzure, going, health, met_first, whose
from .workspace import arm_identity

HAS_NONE = (State.CREATING, State.DELETING)
"""What an endpoint has no credential in. One that failed to change or is being changed still answers: its credential must
not end meanwhile."""
TRAFFIC, MIRROR = "properties.traffic", "properties.mirrorTraffic"
WRITTEN = {
    "auth_mode": "properties.authMode",
    "description": "properties.description",
    "public_network_access": "properties.publicNetworkAccess",
    "traffic": TRAFFIC,
    "mirror_traffic": MIRROR,
    "properties": "properties.properties",
}


class AzureMLOnlineEndpoint(OnAzure[AzureMLOnlineEndpointSpec, Placed]):
    type = AZURE_ML_ONLINE_ENDPOINT
    fields = arm_body.rules(compare.ENDPOINT, fixed=("identity", "location", "properties.properties"))

    def __init__(self, sessions: Sessions, gateways: GatewayView) -> None:
        super().__init__(sessions)
        self._gateways = gateways

    def references(self, owner: Owner, spec: AzureMLOnlineEndpointSpec) -> Iterable[Ref]:
        yield workspace(owner, spec.workspace_ref)

    def lane(self, owner: Owner, spec: AzureMLOnlineEndpointSpec) -> Key:
        return Key(self.type.kind, owner.namespace, owner.name)

    async def connect(self, owner: Owner, spec: AzureMLOnlineEndpointSpec, refs: Resolved) -> Placed:
        found = find_session(self._sessions, refs)
        return Placed(found, found.endpoints.id(arm_id_of("AzureMLWorkspace", refs), spec.azure_name or owner.name))

    def desired(self, owner: Owner, spec: AzureMLOnlineEndpointSpec, refs: Resolved) -> Wanted:
        wanted = arm_body.wish(spec, WRITTEN, location=location(refs), tags=dict(spec.tags or {}))
        if spec.identity:
            wanted["identity"] = arm_identity(spec.identity.type, spec.identity.user_assigned_identities)
        return wanted

    def defaults(self, owner: Owner, spec: AzureMLOnlineEndpointSpec) -> Wanted:
        return {"identity": arm_identity("SystemAssigned", None), "properties.authMode": "AMLToken", "kind": "Managed"}

    def hindrance(self, spec: AzureMLOnlineEndpointSpec, refs: Resolved, *, creating: bool) -> str:
        return being_made(refs) if creating else ""

    def possible(self, wanted: Wanted, seen: Seen) -> Possible:
        standing: set[str] = seen.raw["mlgate"]["standing"]
        waiting = {
            name
            for path in (TRAFFIC, MIRROR)
            for name, weight in (wanted.get(path) or {}).items()
            if weight and name.lower() not in standing and weight > _weights(seen, path).get(name.lower(), 0)
        }
        if not waiting:
            return Possible(wanted)
        rest = {path: value for path, value in wanted.items() if path not in (TRAFFIC, MIRROR)}
        waits = f"Traffic waits for {', '.join(f'deployment {name}' for name in sorted(waiting))} to be ready."
        return Possible(rest, waits, usable=any((arm_body.read(seen.raw, TRAFFIC) or {}).values()))

    async def observe(self, conn: Placed, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.session.endpoints.get(external_id)
        return None if raw is None else await self._seen(raw, wanted, mark, conn)

    async def find(self, conn: Placed, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        return met_first(await self.observe(conn, conn.id, wanted, mark))

    async def apply(self, conn: Placed, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        sent = plan.values()
        if seen is None:
            body = arm_body.body({**plan.wanted, TRAFFIC: {}}, {**sent, TRAFFIC: {}}, None)
            body["properties"].pop("mirrorTraffic", None)
        else:
            held = {TRAFFIC: arm_body.read(seen.raw, TRAFFIC) or {}}
            settled = {path: value for path, value in plan.wanted.items() if path not in (TRAFFIC, MIRROR)}
            body = arm_body.body({**settled, **held, **sent}, sent, seen.raw)
            if MIRROR not in sent:  # what gets traffic of its own is a shadow no more
                serving = {name.lower() for name, weight in body["properties"]["traffic"].items() if weight}
                kept = (arm_body.read(seen.raw, MIRROR) or {}).items()
                body["properties"]["mirrorTraffic"] = {n: share for n, share in kept if n.lower() not in serving}
        accepted = await conn.session.endpoints.put(plan.external_id or conn.id, body)
        raw = accepted.resource or {}
        again = conn.session.progress(raw).after if raw else conn.session.look_again(Subject.ENDPOINT)
        return Applied(str(raw.get("id") or conn.id), await self._seen(raw, plan.wanted, mark, conn), again=again)

    async def delete(self, conn: Placed, seen: Seen, refs: Resolved) -> Deletion:
        progress: Progress = seen.raw["mlgate"]["progress"]
        if not progress.settled:
            return Deletion(done=False, again=progress.after, message=going(progress))
        if await conn.session.endpoints.delete(seen.id) is None:
            return Deletion(done=True)
        return Deletion(done=False, again=conn.session.look_again(Subject.ENDPOINT))

    def health(self, wanted: Wanted, seen: Seen) -> Health:
        answers = bool(arm_body.read(seen.raw, "properties.scoringUri"))
        return health(
            seen.raw["mlgate"]["progress"], usable=answers, may_pass=True
        )  # another PUT recovers a failed one

    def secret_names(self, owner: Owner, spec: AzureMLOnlineEndpointSpec) -> Sequence[str]:
        return [spec.credentials_secret.name] if spec.credentials_secret else []

    async def outputs(self, conn: Placed, spec: AzureMLOnlineEndpointSpec, situation: Situation) -> Outputs:
        raw = situation.seen.raw
        status: dict[str, Any] = {
            "provisioningState": arm_body.read(raw, "properties.provisioningState"),
            "scoringUri": arm_body.read(raw, "properties.scoringUri"),
            "swaggerUri": arm_body.read(raw, "properties.swaggerUri"),
            "principalId": arm_body.read(raw, "identity.principalId"),
            "authMode": arm_body.read(raw, "properties.authMode"),
            "traffic": arm_body.read(raw, TRAFFIC) or None,
        }
        template = spec.credentials_secret
        if template is None or not status["scoringUri"] or raw["mlgate"]["progress"].state in HAS_NONE:
            return Outputs(status)
        secret = Key(SECRET, situation.owner.namespace, template.name)
        own = Key(self.type.kind, situation.owner.namespace, situation.owner.name)

        def lagging(value: Sensitive) -> Sequence[str]:
            return self._gateways.lagging(secret, CREDENTIAL, value, waiting=own)

        mode = str(status["authMode"] or "").lower()
        got = await renewed(conn.session, template, situation, mode, lagging)
        status |= {"credentialsSecretName": template.name, "credential": got.status}
        data = {CREDENTIAL: got.value, "scoring-uri": status["scoringUri"]}
        secrets = [SecretOutput(template.name, data)]
        return Outputs(status, secrets, again=got.again, begun=got.begun, trouble=got.trouble)

    def next_look(self, status: Mapping[str, Any]) -> float | None:
        return credential_due(status.get("credential") or {})

    def blocks_deletion_of(self, target: Object, own: Object) -> bool:
        return target["kind"] in ("AzureMLWorkspace", "AzureConnection")

    async def _seen(self, raw: Mapping[str, Any], wanted: Wanted, mark: Mark, conn: Placed) -> Seen:
        """With which deployments may get traffic: asked only while the wish for it is not fulfilled."""
        standing: set[str] = set()
        progress = conn.session.progress(raw)
        now = {path: arm_body.read(raw, path) for path in (TRAFFIC, MIRROR)}
        differs = any(path in wanted and not compare.traffic(wanted[path], now[path]) for path in now)
        if differs and progress.settled:
            for deployment in await conn.session.deployments.of_endpoint(str(raw["id"])):
                if conn.session.progress(deployment).state == "Succeeded":
                    standing.add(str(deployment["id"]).rsplit("/", 1)[-1].lower())
        else:
            standing = {name.lower() for path in now for name in {**(now[path] or {}), **(wanted.get(path) or {})}}
        ours, holder = whose(raw.get("tags"), mark)
        kept = {**raw, "mlgate": {"progress": progress, "standing": standing}}
        return Seen(str(raw["id"]), arm_body.values(raw, wanted), kept, ours, holder)


def _weights(seen: Seen, path: str) -> dict[str, int]:
    """What each deployment has now: to take away from one never waits for it to be well."""
    return {name.lower(): weight for name, weight in (arm_body.read(seen.raw, path) or {}).items()}
