"""Auth0MFAPolicy: a generated post-login Action, and the factors it needs switched on.

The Action is bound only after it was deployed, and the factors are wished at the same time: until both are Ready the policy
says that it is not. Source: shared facts, auth0 sections 0 and 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...api.auth0action import AUTH0_ACTION
from ...api.auth0mfafactorset import AUTH0_MFA_FACTOR_SET
from ...api.auth0mfapolicy import AUTH0_MFA_POLICY, Auth0MFAPolicySpec
from ...engine import objects
from ...engine.protocols import Child, Composition, Owner, Summary
from ...engine.references import Need, Ref, Resolved
from ...store.protocol import Object
from .. import links
from ..parts import names, part, summary
from ..secured_endpoint.secured_model_endpoint import child, wire
from .mfa_action_code import MFARules, action_code

GUARDIAN_NAMES = {"phone": "sms"}
"""Where the switch of a factor is called differently from its challenge."""


class Auth0MFAPolicy(Composition[Auth0MFAPolicySpec]):
    type = AUTH0_MFA_POLICY
    child_types = (AUTH0_ACTION, AUTH0_MFA_FACTOR_SET)

    def references(self, owner: Owner, spec: Auth0MFAPolicySpec) -> Iterable[Ref]:
        for role in spec.roles or ():
            if role.role_ref:
                yield links.to("Auth0Role", owner, role.role_ref, "spec.roles[].roleRef", Need.EXISTS)
        for client in (spec.exempt and spec.exempt.clients) or ():
            if client.name:
                yield links.to("Auth0Client", owner, client, "spec.exempt.clients[]", Need.IDENTITY)

    def children(self, owner: Owner, spec: Auth0MFAPolicySpec, refs: Resolved) -> Sequence[Child]:
        policies: dict[str, Any] = {"deletionPolicy": spec.deletion_policy, "driftPolicy": spec.drift_policy}
        if spec.management_policy != "Manage":
            policies["managementPolicy"] = spec.management_policy
        tenant = wire(spec.tenant_ref)
        rules = MFARules(
            roles=_roles(owner, spec, refs) if spec.mode == "Roles" else None,
            factors=spec.factors,
            enrollment=spec.enrollment,
            allow_remember_browser=spec.allow_remember_browser,
            exempt_clients=_exempt_clients(owner, spec, refs),
            exempt_connections=(spec.exempt and spec.exempt.connections) or (),
        )
        action = {
            "tenantRef": tenant,
            "name": f"mlgate MFA {owner.namespace}/{owner.name}"[:255],
            "trigger": {"id": "post-login", "version": "v3"},
            "runtime": "node22",
            "code": action_code(rules),
            "binding": {"priority": spec.priority},
            **policies,
        }
        factors = {
            "tenantRef": tenant,
            "enabled": sorted(GUARDIAN_NAMES.get(factor, factor) for factor in spec.factors),
            "customizeInActions": True,  # without it Auth0 ignores which factors an Action asks for
            **({"tenantPrompt": spec.tenant_prompt} if spec.tenant_prompt else {}),
            **policies,
        }
        return [
            child(AUTH0_MFA_FACTOR_SET, owner.name, factors, "FactorsReady"),
            child(AUTH0_ACTION, owner.name, action, "ActionReady"),
        ]

    def summarise(
        self, owner: Owner, spec: Auth0MFAPolicySpec, refs: Resolved, children: Mapping[tuple[str, str], Object]
    ) -> Summary:
        wanted = self.children(owner, spec, refs)
        parts = {name: part(children, names(wanted, name)) for name in ("ActionReady", "FactorsReady")}
        action = objects.status(children.get(("Auth0Action", owner.name)) or {})
        status: dict[str, Any] = {
            "actionId": action.get("actionId"),
            "deployedVersion": action.get("deployedVersion"),
            "roles": sorted(set(_roles(owner, spec, refs))) or None,
        }
        return summary(parts, status)


def _roles(owner: Owner, spec: Auth0MFAPolicySpec, refs: Resolved) -> list[str]:
    """Names, because that is what Auth0 tells the Action."""
    found = []
    for role in spec.roles or ():
        if role.role_ref:
            target = refs.targets[links.key("Auth0Role", owner, role.role_ref)]
            found.append(str(target.spec.get("name") or target.name))
        elif role.name:
            found.append(role.name)
    return found


def _exempt_clients(owner: Owner, spec: Auth0MFAPolicySpec, refs: Resolved) -> list[str]:
    clients = (spec.exempt and spec.exempt.clients) or ()
    named = [refs.targets[links.key("Auth0Client", owner, client)].external_id for client in clients if client.name]
    return [*(id_ for id_ in named if id_), *(client.client_id for client in clients if client.client_id)]
