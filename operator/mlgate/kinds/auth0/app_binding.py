"""Auth0AppBinding: a workload's way in: an application, a grant per API, and a Secret ready to mount
(servicebinding.io Provisioned Service)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...api import AUTH0_APP_BINDING, AUTH0_CLIENT, AUTH0_CLIENT_GRANT, Auth0AppBindingSpec
from ...api.auth0appbinding import Grant
from ...api.references import ApiRef, ObjectRef
from ...engine import objects
from ...engine.protocols import Child, Composition, Owner, Summary
from ...engine.references import Need, Ref, Resolved, Target
from ...store.protocol import Object
from .. import links
from ..parts import names, part, summary
from ..secured_endpoint.secured_model_endpoint import child, slug, wire

TYPES = {
    "MachineToMachine": ("non_interactive", ["client_credentials"]),
    "RegularWeb": ("regular_web", ["authorization_code", "refresh_token", "client_credentials"]),
    "SinglePage": ("spa", ["authorization_code", "refresh_token"]),
    "Native": ("native", ["authorization_code", "refresh_token"]),
}


class Auth0AppBinding(Composition[Auth0AppBindingSpec]):
    type = AUTH0_APP_BINDING
    child_types = (AUTH0_CLIENT, AUTH0_CLIENT_GRANT)

    def references(self, owner: Owner, spec: Auth0AppBindingSpec) -> Iterable[Ref]:
        for grant in spec.grants or ():
            if grant.endpoint_ref:
                path = "spec.grants[].endpointRef"
                yield links.to("SecuredModelEndpoint", owner, grant.endpoint_ref, path, Need.MAYBE)
            elif grant.api_ref and grant.api_ref.name:
                yield links.to("Auth0API", owner, grant.api_ref, "spec.grants[].apiRef", Need.MAYBE)

    def children(self, owner: Owner, spec: Auth0AppBindingSpec, refs: Resolved) -> Sequence[Child]:
        app_type, grant_types = TYPES[spec.application.type]
        tenant = wire(spec.tenant_ref)
        if spec.tenant_ref.namespace is None:
            tenant = {"name": spec.tenant_ref.name}
        policies: dict[str, str] = {"deletionPolicy": spec.deletion_policy, "driftPolicy": spec.drift_policy}
        if spec.management_policy != "Manage":
            policies["managementPolicy"] = spec.management_policy
        said = wire(spec.application)
        metadata = said.pop("metadata", None)
        del said["type"]
        secret = wire(spec.secret)
        if spec.credentials is not None:
            secret |= {name: value for name, value in wire(spec.credentials).items() if name != "method"}
        secret["data"] = {**self._where(owner, spec, refs), **secret.get("data", {})}
        client = {
            **said,
            **({"clientMetadata": metadata} if metadata else {}),
            "tenantRef": tenant,
            "appType": app_type,
            "grantTypes": grant_types,
            "tokenEndpointAuthMethod": _method(spec),
            "credentialsSecret": secret,
            **policies,
        }
        found = [child(AUTH0_CLIENT, owner.name, client, "ClientReady")]
        for name, (api, permissions) in grants(owner, spec, refs).items():
            grant = {
                "tenantRef": tenant,
                "clientRef": {"name": owner.name},
                "apiRef": api,
                "permissions": sorted(permissions),
                **policies,
            }
            found.append(child(AUTH0_CLIENT_GRANT, name, grant, "AccessReady"))
        return found

    def summarise(
        self, owner: Owner, spec: Auth0AppBindingSpec, refs: Resolved, children: Mapping[tuple[str, str], Object]
    ) -> Summary:
        wanted = self.children(owner, spec, refs)
        client = children.get(("Auth0Client", owner.name)) or {}
        parts = {
            "ClientReady": part(children, names(wanted, "ClientReady")),
            "AccessReady": part(children, names(wanted, "AccessReady")),
        }
        status: dict[str, Any] = {
            "binding": {"name": spec.secret.name} if objects.status(client).get("credentialsSecretName") else None,
            "clientId": objects.status(client).get("clientId"),
            "endpoints": [
                {
                    "name": f"{target.namespace}/{target.name}",
                    **({"url": url} if (url := target.status.get("url")) else {}),
                    "audience": target.spec["access"]["audience"],
                }
                for target in self._endpoints(owner, spec, refs)
            ]
            or None,
        }
        return summary(parts, status)

    @staticmethod
    def _endpoints(owner: Owner, spec: Auth0AppBindingSpec, refs: Resolved) -> list[Target]:
        keys = [links.key("SecuredModelEndpoint", owner, g.endpoint_ref) for g in spec.grants or () if g.endpoint_ref]
        return [refs.targets[key] for key in dict.fromkeys(keys) if key in refs.targets]

    def _where(self, owner: Owner, spec: Auth0AppBindingSpec, refs: Resolved) -> dict[str, str]:
        """Where to call and what to ask a token for, when there is just one endpoint to mean."""
        found = self._endpoints(owner, spec, refs)
        if len(found) != 1:
            return {}
        url = found[0].status.get("url")
        return {"audience": found[0].spec["access"]["audience"], **({"url": url} if url else {})}


def grants(owner: Owner, spec: Auth0AppBindingSpec, refs: Resolved) -> dict[str, tuple[dict[str, Any], set[str]]]:
    """By name: one grant per API, whatever the number of entries that mean it: the service keeps only one per audience.

    The first entry names the grant, so that one that is added later makes no other of it. An entry whose object is not
    there yet has no audience to compare; its grant waits for the same object and writes nothing meanwhile."""
    refs_of = [(_api(grant), grant.permissions) for grant in spec.grants or ()]
    audiences = _audiences(owner, spec, refs)
    found: dict[str | tuple[str, str], tuple[ApiRef, set[str]]] = {}
    for ref, permissions in refs_of:
        meant = ref.identifier or audiences.get(_named(owner, ref)) or _named(owner, ref)
        found.setdefault(meant, (ref, set()))[1].update(permissions)
    return {
        grant_name(owner, ref): ({key: value for key, value in wire(ref).items() if value is not None}, permissions)
        for ref, permissions in found.values()
    }


def _api(grant: Grant) -> ApiRef:
    """The API of an entry; an endpoint's has the endpoint's name."""
    if grant.endpoint_ref:
        return ApiRef(name=grant.endpoint_ref.name, namespace=grant.endpoint_ref.namespace)
    assert grant.api_ref is not None
    return grant.api_ref


def _named(owner: Owner, ref: ObjectRef | ApiRef) -> tuple[str, str]:
    return ref.namespace or owner.namespace, ref.name or ""


def _audiences(owner: Owner, spec: Auth0AppBindingSpec, refs: Resolved) -> dict[tuple[str, str], str]:
    """Of those endpoints and APIs that are there, by namespace and name."""
    found: dict[tuple[str, str], str] = {}
    for grant in spec.grants or ():
        named = _named(owner, _api(grant))
        if grant.endpoint_ref and (endpoint := refs.find("SecuredModelEndpoint", *named)):
            found[named] = endpoint.spec["access"]["audience"]
        elif grant.api_ref and (api := refs.find("Auth0API", *named)):
            found[named] = api.spec["identifier"]
    return found


def _method(spec: Auth0AppBindingSpec) -> str:
    if spec.application.type in ("SinglePage", "Native"):
        return "none"
    by_key = spec.credentials is not None and spec.credentials.method == "PrivateKeyJWT"
    return "private_key_jwt" if by_key else "client_secret_post"


def grant_name(owner: Owner, ref: ApiRef) -> str:
    """The name of the grant on an API: readable, and different for different APIs."""
    within = ref.namespace or owner.namespace
    if ref.name and within == owner.namespace:
        return f"{owner.name}-{ref.name}"[:253]
    told = ref.identifier or f"{within}/{ref.name}"
    digest = hashlib.sha256(told.encode()).hexdigest()[:6]
    return f"{f'{owner.name}-{slug(told)}'[:246]}-{digest}"
