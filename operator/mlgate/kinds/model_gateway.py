"""ModelGateway: Envoy proxies that get their configuration from mlgate. Here is only how it stands: every replica
publishes the configuration by itself (`gateway_programmer`), whoever leads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..api.modelgateway import MODEL_GATEWAY, ModelGatewaySpec
from ..engine.marks import Mark
from ..engine.plan import Plan
from ..engine.protocols import (
    Applied,
    Deletion,
    External,
    Health,
    Outputs,
    Owner,
    Seen,
    Situation,
    Wanted,
)
from ..engine.references import Ref, Resolved
from ..reasons import Reason
from . import links
from .gateway_view import GatewayReport, GatewayView, await_proxies


class ModelGateway(External[ModelGatewaySpec, GatewayView]):
    type = MODEL_GATEWAY
    holds = False

    def __init__(self, view: GatewayView) -> None:
        self._view = view

    def references(self, owner: Owner, spec: ModelGatewaySpec) -> Iterable[Ref]:
        for listener in spec.listeners:
            if listener.tls:
                yield links.secret(owner.namespace, listener.tls.secret_ref, "spec.listeners[].tls.secretRef")

    async def connect(self, owner: Owner, spec: ModelGatewaySpec, refs: Resolved) -> GatewayView:
        return self._view

    def fixed_id(self, owner: Owner, spec: ModelGatewaySpec) -> str:
        return f"{owner.namespace}/{owner.name}"

    def desired(self, owner: Owner, spec: ModelGatewaySpec, refs: Resolved) -> Wanted:
        return {}

    async def observe(self, conn: GatewayView, external_id: str, wanted: Wanted, mark: Mark) -> Seen:
        report = conn.report(external_id)
        await_proxies(report)
        return Seen(external_id, {}, {"report": report}, ours=True)

    async def find(self, conn: GatewayView, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        return ()

    async def apply(self, conn: GatewayView, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        return Applied(plan.external_id or "", seen)

    async def delete(self, conn: GatewayView, seen: Seen, refs: Resolved) -> Deletion:
        return Deletion(done=True)

    def health(self, wanted: Wanted, seen: Seen) -> Health:
        report: GatewayReport = seen.raw["report"]
        if said := report.rejected.get(""):
            message = f"The configuration was refused, the one before keeps serving. {said}"
            return Health(report.served, Reason.ROUTE_REJECTED, message, settled=False)
        if not report.proxies:
            message = (
                "No Envoy is connected for this gateway. Start one with the bootstrap that "
                f"`mlgate envoy-bootstrap --gateway {seen.id}` prints."
            )
            return Health(False, Reason.DEPENDENCY_NOT_READY, message, settled=False)
        if not report.settled:
            return Health(report.served, Reason.UPDATING, "Envoy is taking it over.", settled=False)
        return Health(True)

    async def outputs(self, conn: GatewayView, spec: ModelGatewaySpec, situation: Situation) -> Outputs:
        report: GatewayReport = situation.seen.raw["report"]
        said = "; ".join(f"{name}: {words}" if name else words for name, words in sorted(report.rejected.items()))
        return Outputs({"proxies": report.proxies, "routes": len(report.routes), "rejected": said[:8192] or None})
