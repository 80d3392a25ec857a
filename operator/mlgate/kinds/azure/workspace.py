"""AzureMLWorkspace: a workspace, created with PUT (202, no body) and watched by its provisioningState.

PUT would overwrite somebody else's workspace, so the name is looked at first and adopted only with our mark in its tags
or by `spec.import`. Deleting is soft for 14 days unless `purgeOnDelete` (shared facts, azure-ml section 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...api.azureconnection import AzureConnectionSpec
from ...api.azuremlworkspace import AZURE_ML_WORKSPACE, AzureMLWorkspaceSpec
from ...azureml import Session, SoftDeletedTwin, Subject, compare
from ...engine.marks import Mark
from ...engine.plan import Plan
from ...engine.protocols import Applied, Deletion, Health, Outputs, Owner, Seen, Situation, Wanted
from ...engine.references import Ref, Resolved
from ...errors import Terminal, Wait
from ...reasons import Reason
from .. import links
from . import arm_body
from .on_azure import OnAzure, health, met_first, session, whose

WRITTEN = {
    "friendly_name": "properties.friendlyName",
    "description": "properties.description",
    "storage_account_id": "properties.storageAccount",
    "key_vault_id": "properties.keyVault",
    "application_insights_id": "properties.applicationInsights",
    "container_registry_id": "properties.containerRegistry",
    "public_network_access": "properties.publicNetworkAccess",
    "hbi_workspace": "properties.hbiWorkspace",
    "sku": "sku.name",
}
STUDIO = "https://ml.azure.com/?wsid="


class AzureMLWorkspace(OnAzure[AzureMLWorkspaceSpec, "Located"]):
    type = AZURE_ML_WORKSPACE
    fields = arm_body.rules({**compare.WORKSPACE, "sku.name": compare.not_compared}, fixed=("location",))

    def references(self, owner: Owner, spec: AzureMLWorkspaceSpec) -> Iterable[Ref]:
        yield links.connection(owner, spec.connection_ref)

    async def connect(self, owner: Owner, spec: AzureMLWorkspaceSpec, refs: Resolved) -> Located:
        target = refs.targets[links.key("AzureConnection", owner, spec.connection_ref)]
        connection = AzureConnectionSpec.model_validate(target.spec)
        found = session(self._sessions, target, refs.secrets)
        group = spec.resource_group or connection.resource_group
        if group is None:
            raise Terminal(
                f"Neither this object nor AzureConnection {target.namespace}/{target.name} names a resourceGroup. "
                "Write spec.resourceGroup."
            )
        workspace_id = found.workspaces.id(group, spec.azure_name or owner.name)
        purge_twin = spec.soft_deleted_twin == "Purge"
        return Located(found, workspace_id, purge=spec.purge_on_delete, purge_twin=purge_twin)

    def desired(self, owner: Owner, spec: AzureMLWorkspaceSpec, refs: Resolved) -> Wanted:
        target = refs.targets[links.key("AzureConnection", owner, spec.connection_ref)]
        location = spec.location or target.spec.get("location")
        if location is None:
            raise Terminal(
                f"Neither this object nor AzureConnection {target.namespace}/{target.name} names a location. "
                "Write spec.location."
            )
        wanted = arm_body.wish(spec, WRITTEN, location=location, tags=dict(spec.tags or {}))
        if spec.identity:
            wanted["identity"] = arm_identity(spec.identity.type, spec.identity.user_assigned_identities)
        return wanted

    def defaults(self, owner: Owner, spec: AzureMLWorkspaceSpec) -> Wanted:
        return {"identity": arm_identity("SystemAssigned", None), "properties.friendlyName": owner.name}

    async def observe(self, conn: Located, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.session.workspaces.get(external_id)
        return None if raw is None else _seen(raw, wanted, mark, conn)

    async def find(self, conn: Located, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        return met_first(await self.observe(conn, conn.id, wanted, mark))

    async def apply(self, conn: Located, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        body = arm_body.body(plan.wanted, plan.values(), seen.raw if seen else None)
        try:
            await conn.session.workspaces.put(plan.external_id or conn.id, body)
        except SoftDeletedTwin:
            if not conn.purge_twin or await conn.session.workspaces.get(conn.id) is not None:
                raise  # somebody recovered it this very moment: what lives is not purged
            await conn.session.workspaces.delete(conn.id, purge=True)
            raise Wait(
                "A deleted workspace of this name is purged, as softDeletedTwin: Purge asks; this one is made then.",
                reason=Reason.CREATING,
                after=conn.session.look_again(Subject.WORKSPACE),
            ) from None
        again = conn.session.look_again(Subject.WORKSPACE)
        raw = {"id": plan.external_id or conn.id, **body}
        raw["properties"] = {**body["properties"], "provisioningState": "Updating" if seen else "Creating"}
        return Applied(raw["id"], _seen(raw, plan.wanted, mark, conn), again=again)

    async def delete(self, conn: Located, seen: Seen, refs: Resolved) -> Deletion:
        again = conn.session.look_again(Subject.WORKSPACE)
        going = seen.raw["mlgate"]["progress"].state == "Deleting"
        if not going and await conn.session.workspaces.delete(seen.id, purge=conn.purge) is None:
            return Deletion(done=True)
        return Deletion(done=False, again=again)

    def health(self, wanted: Wanted, seen: Seen) -> Health:
        return health(seen.raw["mlgate"]["progress"], usable=True)

    async def outputs(self, conn: Located, spec: AzureMLWorkspaceSpec, situation: Situation) -> Outputs:
        raw = situation.seen.raw
        return Outputs(
            {
                "provisioningState": arm_body.read(raw, "properties.provisioningState"),
                "location": str(raw.get("location") or "").replace(" ", "").lower() or None,
                "workspaceUrl": STUDIO + situation.seen.id,
                "mlflowTrackingUri": arm_body.read(raw, "properties.mlFlowTrackingUri"),
            }
        )


class Located:
    """A session and the workspace in it that this object means."""

    def __init__(self, found: Session, workspace_id: str, *, purge: bool, purge_twin: bool) -> None:
        self.session = found
        self.id = workspace_id
        self.purge = purge
        self.purge_twin = purge_twin

    @property
    def gate(self) -> str:
        return self.session.gate


def arm_identity(type_: str, assigned: Sequence[str] | None) -> dict[str, Any]:
    """An identity as ARM writes it."""
    identity: dict[str, Any] = {"type": type_}
    if assigned:
        identity["userAssignedIdentities"] = {name: {} for name in assigned}
    return identity


def _seen(raw: Mapping[str, Any], wanted: Wanted, mark: Mark, conn: Located) -> Seen:
    ours, holder = whose(raw.get("tags"), mark)
    kept = {**raw, "mlgate": {"progress": conn.session.progress(raw)}}
    return Seen(str(raw["id"]), arm_body.values(raw, wanted), kept, ours, holder)
