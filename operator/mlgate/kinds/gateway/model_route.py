"""ModelRoute: from a host and path at a gateway to a model. Here is only whether it can be served and how the proxies
took it; `programmer` publishes it from every replica."""

from __future__ import annotations

from collections.abc import Iterable

from ...api.modelroute import MODEL_ROUTE, ModelRouteSpec
from ...engine.marks import Mark
from ...engine.protocols import Health, Outputs, Owner, Seen, Situation, Wanted
from ...engine.references import Need, Ref, Resolved
from ...errors import Terminal, Wait
from ...reasons import Reason
from ...store.protocol import Object
from .. import links
from .assembly import url_of
from .on_gateway import OnGateway, report
from .view import GatewayReport, GatewayView


class ModelRoute(OnGateway[ModelRouteSpec]):
    type = MODEL_ROUTE

    def references(self, owner: Owner, spec: ModelRouteSpec) -> Iterable[Ref]:
        yield links.to("ModelGateway", owner, spec.gateway_ref, "spec.gatewayRef", Need.EXISTS)
        if spec.tenant_ref:
            yield links.to("Auth0Tenant", owner, spec.tenant_ref, "spec.tenantRef", Need.EXISTS)
        if spec.upstream.endpoint_ref:
            path = "spec.upstream.endpointRef"
            yield links.to("AzureMLOnlineEndpoint", owner, spec.upstream.endpoint_ref, path, Need.IDENTITY)
        if spec.upstream.credentials_secret_ref:
            yield links.secret(
                owner.namespace, spec.upstream.credentials_secret_ref, "spec.upstream.credentialsSecretRef"
            )

    def desired(self, owner: Owner, spec: ModelRouteSpec, refs: Resolved) -> Wanted:
        gateway = refs.targets[links.key("ModelGateway", owner, spec.gateway_ref)]
        allowed = gateway.spec.get("hostnames")
        for hostname in spec.hostnames:
            if allowed and not any(_matches(hostname, pattern) for pattern in allowed):
                raise Terminal(
                    f"ModelGateway {gateway.namespace}/{gateway.name} does not serve the host {hostname}; it serves "
                    f"{', '.join(allowed)}. Choose one of these, or add it there."
                )
        if spec.tenant_ref:
            tenant = refs.targets[links.key("Auth0Tenant", owner, spec.tenant_ref)]
            if not tenant.status.get("jwks"):
                raise Wait(f"The signing keys of Auth0Tenant {tenant.namespace}/{tenant.name} are not known yet.")
        if spec.upstream.endpoint_ref:
            endpoint = refs.targets[links.key("AzureMLOnlineEndpoint", owner, spec.upstream.endpoint_ref)]
            called = f"AzureMLOnlineEndpoint {endpoint.namespace}/{endpoint.name}"
            if not endpoint.status.get("scoringUri"):
                raise Wait(f"{called} has no scoring URI yet.")
            if not endpoint.spec.get("credentialsSecret"):
                raise Terminal(
                    f"{called} has no spec.credentialsSecret, which the gateway would present. Write one there."
                )
            if endpoint.namespace != owner.namespace:
                raise Terminal(f"{called} is in another namespace; its credential can only be used from there.")
        return {
            "gateway": f"{gateway.namespace}/{gateway.name}",
            "url": url_of(gateway.spec, spec.hostnames[0], spec.rules[0].path),
        }

    async def observe(self, conn: GatewayView, external_id: str, wanted: Wanted, mark: Mark) -> Seen:
        return Seen(external_id, wanted, {"report": report(conn, wanted["gateway"])}, ours=True)

    def health(self, wanted: Wanted, seen: Seen) -> Health:
        stands: GatewayReport = seen.raw["report"]
        gateway = f"ModelGateway {wanted['gateway']}"
        if said := stands.rejected.get(seen.id):
            return Health(False, Reason.ROUTE_REJECTED, f"{gateway} does not serve this route. {said}", failed=True)
        if said := stands.reduced.get(seen.id):
            return Health(
                False, Reason.CREDENTIALS_MISSING, f"Served, but every call is refused: {said}", settled=False
            )
        if seen.id not in stands.routes:
            return Health(False, Reason.CREATING, f"{gateway} has not taken this route over yet.", settled=False)
        if not stands.proxies:
            message = f"No Envoy is connected for {gateway}."
            return Health(False, Reason.DEPENDENCY_NOT_READY, message, settled=False)
        if seen.id not in stands.current:
            return Health(seen.id in stands.live, Reason.UPDATING, "Envoy is taking it over.", settled=False)
        return Health(True)

    async def outputs(self, conn: GatewayView, spec: ModelRouteSpec, situation: Situation) -> Outputs:
        stands: GatewayReport = situation.seen.raw["report"]
        return Outputs({"url": situation.wanted["url"], "rejected": stands.rejected.get(situation.seen.id)})

    def blocks_deletion_of(self, target: Object, own: Object) -> bool:
        return False


def _matches(hostname: str, pattern: str) -> bool:
    """Whether a gateway's host pattern covers a host name: `*.example.com` is all below, not the name itself."""
    return hostname == pattern or (pattern.startswith("*.") and hostname.endswith(pattern[1:]))
