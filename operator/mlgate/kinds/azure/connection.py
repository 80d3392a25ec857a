"""AzureConnection: which Azure, which subscription, and as whom. Nothing outside belongs to it; a token proves it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...api.azureconnection import AZURE_CONNECTION, AzureConnectionSpec
from ...azureml import Session, Sessions
from ...engine.marks import Mark
from ...engine.plan import Plan
from ...engine.protocols import Applied, Deletion, External, Owner, Seen, Wanted
from ...engine.references import Ref, Resolved
from .. import links
from .on_azure import access


class AzureConnection(External[AzureConnectionSpec, Session]):
    type = AZURE_CONNECTION

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def references(self, owner: Owner, spec: AzureConnectionSpec) -> Iterable[Ref]:
        if spec.auth.secret_ref:
            yield links.secret(owner.namespace, spec.auth.secret_ref, "spec.auth.secretRef", guard=True)

    async def connect(self, owner: Owner, spec: AzureConnectionSpec, refs: Resolved) -> Session:
        named = spec.auth.secret_ref
        secret = refs.secret(owner.namespace, named.name) if named else None
        return self._sessions.session(access(spec, owner.namespace, owner.name, secret))

    def fixed_id(self, owner: Owner, spec: AzureConnectionSpec) -> str:
        return f"/subscriptions/{spec.subscription_id}"

    def desired(self, owner: Owner, spec: AzureConnectionSpec, refs: Resolved) -> Wanted:
        return {}

    async def observe(self, conn: Session, external_id: str, wanted: Wanted, mark: Mark) -> Seen:
        await conn.verify()
        return Seen(external_id, {}, ours=True)

    async def find(self, conn: Session, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        return ()

    async def apply(self, conn: Session, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        assert plan.external_id is not None
        return Applied(plan.external_id, seen)

    async def delete(self, conn: Session, seen: Seen, refs: Resolved) -> Deletion:
        return Deletion(done=True)
