"""The operator's rights: what the generated RBAC allows, asked of the API server as the operator itself."""

from __future__ import annotations

import json

import pytest

from .world import World


@pytest.fixture
def world(quickstart: World) -> World:
    return quickstart


def can(world: World, verb: str, what: str, namespace: str = "", name: str = "") -> bool:
    """Asked of the API server by the operator itself. `what`: `secrets`, `pods/exec`, `leases.coordination.k8s.io`."""
    resource, _, subresource = what.partition("/")
    resource, _, group = resource.partition(".")
    attributes = {
        "verb": verb,
        "group": "*" if what == "*" else group,
        "resource": resource,
        "subresource": subresource,
        "namespace": namespace,
        "name": name,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = json.loads(
        world.access.kubectl("create", "--validate=false", "-f", "-", "-o", "json", stdin=json.dumps(review))
    )
    return bool(answer["status"]["allowed"])


FORBIDDEN = [
    ("*", "*", ""),
    ("delete", "secrets", ""),
    ("delete", "secrets", "ml"),
    ("update", "secrets", "ml"),
    ("deletecollection", "secrets", "ml"),
    ("get", "pods", ""),
    ("create", "pods", "ml"),
    ("create", "pods/exec", "ml"),
    ("list", "configmaps", "kube-system"),
    ("update", "configmaps", "kube-system"),
    ("list", "namespaces", ""),
    ("delete", "namespaces", ""),
    ("create", "serviceaccounts/token", "mlgate-system"),
    ("impersonate", "users", ""),
    ("escalate", "clusterroles.rbac.authorization.k8s.io", ""),
    ("bind", "clusterroles.rbac.authorization.k8s.io", ""),
    ("create", "clusterrolebindings.rbac.authorization.k8s.io", ""),
    ("create", "customresourcedefinitions.apiextensions.k8s.io", ""),
    ("get", "leases.coordination.k8s.io", "kube-system"),
    ("delete", "auth0tenants.mlgate.dev", "ml"),
    ("create", "securedmodelendpoints.mlgate.dev", "ml"),
    ("delete", "events", "ml"),
]
ALLOWED = [
    ("patch", "securedmodelendpoints.mlgate.dev/status", "ml", ""),
    ("create", "auth0apis.mlgate.dev", "ml", ""),
    ("watch", "secrets", "", ""),
    ("create", "events", "shop", ""),
    ("get", "namespaces", "", "kube-system"),
    ("patch", "leases.coordination.k8s.io", "mlgate-system", "mlgate"),
]


@pytest.mark.parametrize(("verb", "what", "namespace"), FORBIDDEN, ids=lambda part: part or "anywhere")
def test_the_operator_may_not(world: World, verb: str, what: str, namespace: str) -> None:
    assert not can(world, verb, what, namespace)


@pytest.mark.parametrize(("verb", "what", "namespace", "name"), ALLOWED, ids=lambda part: part or "any")
def test_the_question_is_asked_right_because_the_operator_may(
    world: World, verb: str, what: str, namespace: str, name: str
) -> None:
    assert can(world, verb, what, namespace, name)


def test_its_rules_have_no_wildcard(world: World) -> None:
    listed = world.access.kubectl("auth", "can-i", "--list", "-n", "ml").splitlines()
    granted = [line for line in listed if "mlgate.dev" in line or line.startswith(("secrets", "events", "namespaces"))]
    assert granted and not [line for line in granted if "*" in line]


def test_its_kubeconfig_holds_the_token_of_its_service_account_and_nothing_else(world: World) -> None:
    who = world.access.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.groups}")
    assert "system:serviceaccounts:mlgate-system" in who and "system:masters" not in who
    assert str(world.access.kubeconfig).encode() in world.operator.command_line
