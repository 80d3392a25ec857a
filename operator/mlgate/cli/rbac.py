"""What mlgate may do in a cluster: generated from the kinds, so that it is exactly what they need.

`python -m mlgate.cli.rbac --out deploy/base/rbac.yaml` writes it, `--check` says whether it is up to date.

Where each verb comes from: watches and the look before a status write (get, list, watch); finalizers and server-side
apply (patch); conditions (patch of status); children of compositions (create, delete); objects whose manifest says how long
they are kept (delete); `blockOwnerDeletion` on children
and Secrets, which the admission plugin OwnerReferencesPermissionEnforcement asks `update` of finalizers for. Secrets are
made and changed, never deleted: their owner's end takes them along.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import yaml

from ..api import GROUP, KINDS
from ..api.generated import Generated
from ..engine.protocols import Composition
from ..kinds.auth0.app_binding import Auth0AppBinding
from ..kinds.auth0.mfa_policy import Auth0MFAPolicy
from ..kinds.azure.pipeline_run import AzureMLPipelineRun
from ..kinds.secured_endpoint.secured_model_endpoint import SecuredModelEndpoint

HEADER = "# Generated from the kinds by `python -m mlgate.cli.rbac --out deploy/base/rbac.yaml`. Do not edit.\n"
NAMESPACE = "mlgate-system"
NAME = "mlgate"
COMPOSITIONS: tuple[type[Composition[Any]], ...] = (SecuredModelEndpoint, Auth0AppBinding, Auth0MFAPolicy)
PASSING = (AzureMLPipelineRun,)
"""Kinds whose objects may end by themselves."""

Rule = dict[str, list[str]]


def operator_rules() -> list[Rule]:
    """What the operator needs in every namespace it looks after."""
    every = sorted(kind.plural for kind in KINDS.values())
    made = sorted({child.plural for composition in COMPOSITIONS for child in composition.child_types})
    return [
        _rule(GROUP, every, "get", "list", "watch", "patch"),
        _rule(GROUP, [f"{plural}/status" for plural in every], "patch"),
        _rule(GROUP, [f"{plural}/finalizers" for plural in every], "update"),
        _rule(GROUP, made, "create", "delete"),
        _rule(GROUP, sorted(kind.type.plural for kind in PASSING), "delete"),
        _rule("", ["secrets"], "get", "list", "watch", "create", "patch"),
        _rule("", ["configmaps"], "get"),
        _rule("", ["events"], "create", "patch"),
    ]


def lease_rules() -> list[Rule]:
    """What it needs in its own namespace: the lease, and one per replica whose name is not known beforehand."""
    return [_rule("coordination.k8s.io", ["leases"], "get", "list", "create", "patch", "delete")]


def cluster_rules() -> list[Rule]:
    """What it needs of the cluster itself: the uid of kube-system tells this cluster's things outside from another's."""
    return [{**_rule("", ["namespaces"], "get"), "resourceNames": ["kube-system"]}]


def user_rules(*verbs: str) -> list[Rule]:
    """What people need."""
    return [_rule(GROUP, sorted(kind.plural for kind in KINDS.values()), *verbs)]


def documents() -> list[dict[str, Any]]:
    """Roles and bindings, in the order they are applied."""
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}
    view, edit = ("get", "list", "watch"), ("create", "update", "patch", "delete", "deletecollection")
    return [
        _object("ServiceAccount", NAME, namespace=NAMESPACE, api_version="v1"),
        _object("ClusterRole", NAME, rules=[*operator_rules(), *cluster_rules()]),
        _object("ClusterRoleBinding", NAME, roleRef=_ref("ClusterRole", NAME), subjects=[subject]),
        _object("Role", f"{NAME}-lease", namespace=NAMESPACE, rules=lease_rules()),
        _object(
            "RoleBinding",
            f"{NAME}-lease",
            namespace=NAMESPACE,
            roleRef=_ref("Role", f"{NAME}-lease"),
            subjects=[subject],
        ),
        _object("ClusterRole", f"{NAME}-view", labels=_aggregate("view", "edit", "admin"), rules=user_rules(*view)),
        _object("ClusterRole", f"{NAME}-edit", labels=_aggregate("edit", "admin"), rules=user_rules(*edit)),
    ]


def text() -> str:
    """The file."""
    return HEADER + yaml.safe_dump_all(documents(), sort_keys=False, width=110, explicit_start=False)


def _rule(group: str, resources: Iterable[str], *verbs: str) -> Rule:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}


def _aggregate(*roles: str) -> dict[str, str]:
    return {f"rbac.authorization.k8s.io/aggregate-to-{role}": "true" for role in roles}


def _object(
    kind: str,
    name: str,
    *,
    namespace: str | None = None,
    labels: dict[str, str] | None = None,
    api_version: str = "rbac.authorization.k8s.io/v1",
    **rest: Any,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    metadata["labels"] = {"app.kubernetes.io/name": NAME, **(labels or {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}


GENERATED = Generated("python -m mlgate.cli.rbac", "Write mlgate's RBAC.", lambda: {"": text()})
main = GENERATED.main


if __name__ == "__main__":
    sys.exit(main())
