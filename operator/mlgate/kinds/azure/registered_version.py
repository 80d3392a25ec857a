"""What versions of models and environments have in common: made by one PUT that is answered at once, found by name and
version, marked in their tags, and changed in description, tags, stage and archive flag only.

Their tags are among the properties, for they are no ARM resources of their own. Facts: shared facts, azure-ml section 2;
recording TestModel.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from ...api.azuremlasset import AssetSpec
from ...azureml import AssetVersions, Session
from ...azureml.compare import Same
from ...engine.fields import Fields
from ...engine.marks import Mark
from ...engine.plan import Plan
from ...engine.protocols import HEALTHY, Applied, Deletion, Health, Outputs, Owner, Seen, Situation, Wanted
from ...engine.references import Ref, Resolved
from ...store.protocol import Object
from . import arm_body
from .in_workspace import Placed, find_session, target_of, workspace
from .on_azure import OnAzure, health, met_first, whose

SpecT = TypeVar("SpecT", bound=AssetSpec)

CHANGEABLE = {
    "description": "properties.description",
    "stage": "properties.stage",
    "archived": "properties.isArchived",
}
TAGS, PROPERTIES = "properties.tags", "properties.properties"


class RegisteredVersion(OnAzure[SpecT, Placed]):
    """A version in one of a workspace's registers."""

    tags_at = TAGS
    content: ClassVar[Mapping[str, str]]
    """The spec's fields that are content, and their places in the body."""

    @abstractmethod
    def register(self, session: Session) -> AssetVersions:
        """The register it is in."""

    def references(self, owner: Owner, spec: SpecT) -> Iterable[Ref]:
        yield workspace(owner, spec.workspace_ref)

    async def connect(self, owner: Owner, spec: SpecT, refs: Resolved) -> Placed:
        found = find_session(self._sessions, refs)
        inside = target_of("AzureMLWorkspace", refs).external_id
        if inside is None:
            raise KeyError("AzureMLWorkspace")
        return Placed(found, self.register(found).id(inside, spec.azure_name or owner.name, spec.version))

    def desired(self, owner: Owner, spec: SpecT, refs: Resolved) -> Wanted:
        wanted = arm_body.wish(spec, {**CHANGEABLE, **self.content}, **{TAGS: dict(spec.tags or {})})
        if spec.properties is not None:
            wanted[PROPERTIES] = dict(spec.properties)
        return wanted

    def hindrance(self, spec: SpecT, refs: Resolved, *, creating: bool) -> str:
        within = target_of("AzureMLWorkspace", refs)
        if creating and within.status.get("provisioningState") != "Succeeded":
            return f"AzureMLWorkspace {within.namespace}/{within.name} is still being made."
        return ""

    async def observe(self, conn: Placed, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await self.register(conn.session).get(external_id)
        return None if raw is None else _seen(raw, wanted, mark, conn)

    async def find(self, conn: Placed, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        return met_first(await self.observe(conn, conn.id, wanted, mark))

    async def apply(self, conn: Placed, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        wanted: Mapping[str, Any] = plan.wanted
        if seen is not None:  # content goes back as Azure has it: it has its own words for where files are
            changeable = {TAGS, *CHANGEABLE.values()}
            wanted = {path: value for path, value in wanted.items() if path in changeable}
        body = arm_body.body(wanted, plan.values(), seen.raw if seen else None)
        accepted = await self.register(conn.session).put(plan.external_id or conn.id, body)
        assert accepted.resource is not None  # put() raises where the service answers without one
        return Applied(conn.id, _seen({"id": conn.id, **accepted.resource}, plan.wanted, mark, conn))

    async def delete(self, conn: Placed, seen: Seen, refs: Resolved) -> Deletion:
        accepted = await self.register(conn.session).delete(seen.id)
        if accepted is None or accepted.operation_uri is None:
            return Deletion(done=True)
        return Deletion(done=False, again=conn.session.look_again(self.register(conn.session).subject))

    def health(self, wanted: Wanted, seen: Seen) -> Health:
        progress = seen.raw["mlgate"]["progress"]
        return HEALTHY if progress is None else health(progress, usable=True)

    async def outputs(self, conn: Placed, spec: SpecT, situation: Situation) -> Outputs:
        raw = situation.seen.raw
        return Outputs(
            {
                "assetId": situation.seen.id,
                "version": situation.seen.id.rsplit("/", 1)[-1],
                "stage": arm_body.read(raw, "properties.stage"),
                "archived": arm_body.read(raw, "properties.isArchived"),
                "provisioningState": arm_body.read(raw, "properties.provisioningState"),
                **self.told(raw),
            }
        )

    def told(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """What its status says beyond what all versions say."""
        return {}

    def blocks_deletion_of(self, target: Object, own: Object) -> bool:
        return target["kind"] in ("AzureMLWorkspace", "AzureConnection")


def rules(table: Mapping[str, Same], *content: str) -> Fields:
    """How the fields of a version compare: its content is fixed once it exists."""
    return arm_body.rules(table, fixed=(*content, PROPERTIES))


def _seen(raw: Mapping[str, Any], wanted: Wanted, mark: Mark, conn: Placed) -> Seen:
    """Answers of a version need not say how it stands: it is there at once."""
    stated = arm_body.read(raw, "properties.provisioningState")
    ours, holder = whose(arm_body.read(raw, TAGS), mark)
    kept = {**raw, "mlgate": {"progress": conn.session.progress(raw) if stated else None}}
    return Seen(str(raw["id"]), arm_body.values(raw, wanted), kept, ours, holder)
