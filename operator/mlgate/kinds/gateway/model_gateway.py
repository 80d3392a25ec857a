"""ModelGateway: Envoy proxies that get their configuration from mlgate. Here is only how it stands: every replica
publishes the configuration by itself (`programmer`), whoever leads."""

from __future__ import annotations

from collections.abc import Iterable

from ...api.modelgateway import MODEL_GATEWAY, ModelGatewaySpec
from ...engine.marks import Mark
from ...engine.protocols import Health, Outputs, Owner, Seen, Situation, Wanted
from ...engine.references import Ref, Resolved
from ...reasons import Reason
from .. import links
from .on_gateway import OnGateway, report
from .view import GatewayReport, GatewayView


class ModelGateway(OnGateway[ModelGatewaySpec]):
    type = MODEL_GATEWAY

    def references(self, owner: Owner, spec: ModelGatewaySpec) -> Iterable[Ref]:
        for listener in spec.listeners:
            if listener.tls:
                yield links.secret(owner.namespace, listener.tls.secret_ref, "spec.listeners[].tls.secretRef")

    def desired(self, owner: Owner, spec: ModelGatewaySpec, refs: Resolved) -> Wanted:
        return {}

    async def observe(self, conn: GatewayView, external_id: str, wanted: Wanted, mark: Mark) -> Seen:
        return Seen(external_id, {}, {"report": report(conn, external_id)}, ours=True)

    def health(self, wanted: Wanted, seen: Seen) -> Health:
        stands: GatewayReport = seen.raw["report"]
        if said := stands.rejected.get(""):
            message = f"The configuration was refused, the one before keeps serving. {said}"
            return Health(stands.served, Reason.ROUTE_REJECTED, message, settled=False)
        if not stands.proxies:
            message = (
                "No Envoy is connected for this gateway. Start one with the bootstrap that "
                f"`mlgate envoy-bootstrap --gateway {seen.id}` prints."
            )
            return Health(False, Reason.DEPENDENCY_NOT_READY, message, settled=False)
        if not stands.settled:
            return Health(stands.served, Reason.UPDATING, "Envoy is taking it over.", settled=False)
        return Health(True)

    async def outputs(self, conn: GatewayView, spec: ModelGatewaySpec, situation: Situation) -> Outputs:
        stands: GatewayReport = situation.seen.raw["report"]
        said = "; ".join(f"{name}: {words}" if name else words for name, words in sorted(stands.rejected.items()))
        return Outputs({"proxies": stands.proxies, "routes": len(stands.routes), "rejected": said[:8192] or None})
