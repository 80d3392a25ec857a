"""SecuredModelEndpoint: one object, one URL, one truth. It is made of an endpoint with its deployments, an API with
permissions and roles, and a route; here is which ones, and how they add up."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...api import (
    AUTH0_API,
    AUTH0_ROLE,
    AZURE_ML_ONLINE_DEPLOYMENT,
    AZURE_ML_ONLINE_ENDPOINT,
    MODEL_ROUTE,
    SECURED_MODEL_ENDPOINT,
    KindType,
    SecuredModelEndpointSpec,
)
from ...api.meta import API_VERSION, Api
from ...azureml import Sessions, compare
from ...engine import objects
from ...engine.protocols import Child, Composition, Course, Health, Owner, Standing, Summary
from ...engine.references import Need, Ref, Resolved
from ...reasons import Reason
from ...store.protocol import Key, Object
from .. import links
from ..azure.endpoint_credential import CREDENTIAL
from ..gateway.assembly import url_of
from ..parts import Children, names, part, summary
from . import open_versions
from .rollout_course import Way, course


class SecuredModelEndpoint(Composition[SecuredModelEndpointSpec]):
    type = SECURED_MODEL_ENDPOINT
    child_types = (AZURE_ML_ONLINE_ENDPOINT, AZURE_ML_ONLINE_DEPLOYMENT, AUTH0_API, AUTH0_ROLE, MODEL_ROUTE)

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def references(self, owner: Owner, spec: SecuredModelEndpointSpec) -> Iterable[Ref]:
        yield links.to("ModelGateway", owner, spec.route.gateway_ref, "spec.route.gatewayRef", Need.MAYBE)
        if open_versions.left_open(spec):
            yield open_versions.workspace(owner, spec)
        if spec.rollout is not None:
            yield Ref(Key("Secret", owner.namespace, credential_name(owner)), "spec.rollout.gates", Need.MAYBE)

    async def advance(self, standing: Standing[SecuredModelEndpointSpec]) -> Course[SecuredModelEndpointSpec]:
        owner, refs = standing.owner, standing.refs
        versions = await open_versions.resolved(self._sessions, standing)
        status: dict[str, Any] = {"modelVersions": versions or None, "rollout": None}
        spec = open_versions.written_out(standing.spec, versions)
        if spec.rollout is None:
            return Course(spec, status)
        secret = refs.secrets.get(Key("Secret", owner.namespace, credential_name(owner))) or {}
        way = Way(
            standing=replace(standing, spec=spec),
            rollout=spec.rollout,
            child_name=lambda name: child_name(owner, name),
            credential=secret.get(CREDENTIAL),
        )
        found = await course(way, self._sessions.scoring)
        return replace(found, status={**status, **found.status})

    def children(self, owner: Owner, spec: SecuredModelEndpointSpec, refs: Resolved) -> Sequence[Child]:
        allowed = {"allowedNamespaces": wire(spec.allowed_namespaces)} if spec.allowed_namespaces else {}
        tenant, here = wire(spec.access.tenant_ref), {"name": owner.name}
        policies: dict[str, str] = {"deletionPolicy": spec.deletion_policy, "driftPolicy": spec.drift_policy}
        if spec.management_policy != "Manage":
            policies["managementPolicy"] = spec.management_policy
        endpoint = wire(spec.endpoint)
        rotation = endpoint.pop("rotation", {})
        found = [
            child(
                AZURE_ML_ONLINE_ENDPOINT,
                owner.name,
                {
                    "authMode": "AMLToken",
                    **endpoint,
                    "workspaceRef": wire(spec.workspace_ref),
                    "credentialsSecret": {"name": credential_name(owner), **rotation},
                    **({"traffic": traffic} if (traffic := wanted_traffic(spec)) is not None else {}),
                    **({"mirrorTraffic": dict(spec.mirror_traffic)} if spec.mirror_traffic is not None else {}),
                    **policies,
                },
                "ModelReady",
            )
        ]
        for deployment in spec.deployments:
            said = wire(deployment)
            said["azureName"] = said.pop("name")
            said |= {"endpointRef": here, **policies}
            found.append(child(AZURE_ML_ONLINE_DEPLOYMENT, child_name(owner, deployment.name), said, "ModelReady"))
        api = {
            "tenantRef": tenant,
            "identifier": spec.access.audience,
            "permissions": [wire(permission) for permission in spec.access.permissions],
            **allowed,
            **policies,
        }
        found.append(child(AUTH0_API, owner.name, api, "AccessReady"))
        for role in spec.access.roles or ():
            granted = [{"apiRef": here, "name": name} for name in role.permissions]
            said = {"tenantRef": tenant, "name": role.name, "permissions": granted, **allowed, **policies}
            if role.description is not None:
                said["description"] = role.description
            found.append(child(AUTH0_ROLE, child_name(owner, role.name), said, "AccessReady"))
        found.append(child(MODEL_ROUTE, owner.name, route(owner, spec), "RouteReady"))
        return found

    def summarise(
        self,
        owner: Owner,
        spec: SecuredModelEndpointSpec,
        refs: Resolved,
        children: Mapping[tuple[str, str], Object],
    ) -> Summary:
        wanted = self.children(owner, spec, refs)
        endpoint = objects.status(children.get(("AzureMLOnlineEndpoint", owner.name)) or {})
        serving = {name for name, weight in (wanted_traffic(spec) or {}).items() if weight}
        needed = [
            (kind, name)
            for kind, name in names(wanted, "ModelReady")
            if kind != "AzureMLOnlineDeployment" or not serving or name in {child_name(owner, d) for d in serving}
        ]
        parts = {
            "ModelReady": part(children, needed),
            "AccessReady": part(children, names(wanted, "AccessReady")),
            "TrafficReady": traffic_health(spec, endpoint),
            "RouteReady": part(children, names(wanted, "RouteReady")),
        }
        weights: Mapping[str, int] = endpoint.get("traffic") or {}
        status: dict[str, Any] = {
            "url": self._url(owner, spec, refs),
            "endpoint": endpoint.get("scoringUri"),
            "audience": spec.access.audience,
            "traffic": ",".join(f"{name}={weight}" for name, weight in sorted(weights.items())) or None,
            "auth": endpoint.get("authMode"),
            "apiName": owner.name,
            "deployments": [self._deployment(owner, d.name, children, weights) for d in spec.deployments],
        }
        answers = objects.says(children.get(("AzureMLOnlineEndpoint", owner.name)) or {}, "Ready") and any(
            weights.values()
        )
        usable = answers and parts["AccessReady"].ready and parts["RouteReady"].ready
        return summary(parts, status, usable=usable)

    @staticmethod
    def _url(owner: Owner, spec: SecuredModelEndpointSpec, refs: Resolved) -> str | None:
        """Where it is called: known from the manifests alone, so that callers can be told early."""
        gateway = refs.targets.get(links.key("ModelGateway", owner, spec.route.gateway_ref))
        return url_of(gateway.spec, spec.route.hostname, spec.route.rules[0].path) if gateway else None

    @staticmethod
    def _deployment(owner: Owner, name: str, children: Children, weights: Mapping[str, int]) -> dict[str, Any]:
        found = children.get(("AzureMLOnlineDeployment", child_name(owner, name))) or {}
        status = objects.status(found)
        said = {
            "name": name,
            "ready": bool(found) and objects.says(found, "Ready"),
            "traffic": weights.get(name, 0),
            "state": status.get("provisioningState"),
            "modelId": status.get("modelId"),
        }
        return {key: value for key, value in said.items() if value is not None}


def wanted_traffic(spec: SecuredModelEndpointSpec) -> dict[str, int] | None:
    """The traffic map to keep: as written, or everything to the only deployment, else nobody's business."""
    if spec.traffic is not None:
        return dict(spec.traffic)
    return {spec.deployments[0].name: 100} if len(spec.deployments) == 1 else None


def traffic_health(spec: SecuredModelEndpointSpec, endpoint: Mapping[str, Any]) -> Health:
    """Whether calls are split as written."""
    wanted = wanted_traffic(spec)
    if spec.rollout is not None and not wanted:
        return Health(False, Reason.UPDATING, "No deployment answers calls yet.", settled=False)
    if wanted is None or compare.traffic(wanted, endpoint.get("traffic")):
        return Health(True)
    return Health(False, Reason.UPDATING, "Traffic is not split as written yet.", settled=False)


def route(owner: Owner, spec: SecuredModelEndpointSpec) -> dict[str, Any]:
    """The spec of the ModelRoute."""
    said = {
        name: value
        for name, value in wire(spec.route).items()
        if name in ("rateLimit", "timeout", "retries", "maxRequestBytes", "gatewayRef", "rules")
    }
    return {
        **said,
        "hostnames": [spec.route.hostname],
        "upstream": {"endpointRef": {"name": owner.name}},
        "tenantRef": wire(spec.access.tenant_ref),
        "audience": spec.access.audience,
    }


def credential_name(owner: Owner) -> str:
    """The Secret with what the gateway, and mlgate's own requests, present to the endpoint."""
    return f"{owner.name}-endpoint-credential"


def child(type_: KindType, name: str, spec: Mapping[str, Any], part_: str) -> Child:
    """A child object."""
    manifest = {"apiVersion": API_VERSION, "kind": type_.kind, "metadata": {"name": name}, "spec": dict(spec)}
    return Child(manifest, part_)


def wire(value: Api) -> dict[str, Any]:
    """A piece of a manifest as it was written."""
    return value.to_wire()


def child_name(owner: Owner, name: str) -> str:
    """The name of a child that stands for something with a name of its own: readable, and different for different
    names."""
    readable = slug(name)
    digest = "" if readable == name else f"-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    return f"{owner.name}-{readable}"[: 253 - len(digest)] + digest


def slug(name: str) -> str:
    """A name of another system as part of a Kubernetes name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "x"
