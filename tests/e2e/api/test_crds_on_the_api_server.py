"""What the real API server makes of the CRDs: it serves them, takes the examples and refuses what the rules refuse."""

from __future__ import annotations

import copy
import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlplane import KubectlError
from controlplane.fixtures import Cluster
from mlgate.api import KINDS
from unit.api.manifests import EXAMPLES, Refusal, documents, example, example_files, refusals, rules

pytestmark = pytest.mark.controlplane


def refused(cluster: Cluster, namespace: str, manifest: dict[str, Any], verb: str = "create") -> str:
    """What the API server says to a manifest that it must not take."""
    with pytest.raises(KubectlError) as refusal:
        cluster.kubectl(
            verb, "-n", namespace, "--dry-run=server", "--validate=strict", "-f", "-", stdin=json.dumps(manifest)
        )
    return refusal.value.stderr


def test_every_kind_is_established_without_complaint(served: Cluster) -> None:
    found = {crd["spec"]["names"]["kind"]: crd for crd in served.kubectl.json("get", "crds")["items"]}
    for kind in KINDS:
        conditions = {one["type"]: one["status"] for one in found[kind]["status"]["conditions"]}
        assert conditions == {"NamesAccepted": "True", "Established": "True"}, kind


def test_kubectl_get_mlgate_covers_every_kind(served: Cluster) -> None:
    listed = served.kubectl("api-resources", "--categories=mlgate", "-o", "name").split()
    assert sorted(listed) == sorted(f"{kind.plural}.mlgate.dev" for kind in KINDS.values())


@pytest.mark.parametrize("path", example_files(), ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_every_example_is_taken_with_strict_validation(served: Cluster, cluster_namespace: str, path: Path) -> None:
    for document in documents(path):
        if document["kind"] == "Namespace":
            continue
        document["metadata"]["namespace"] = cluster_namespace
        told = served.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=json.dumps(document))
        assert "created (server dry run)" in told


def test_every_rule_has_a_wrong_manifest() -> None:
    assert [str(rule) for rule in rules() if rule not in {refusal.rule for refusal in refusals()}] == []


@pytest.fixture(scope="module")
def existing() -> dict[str, str]:
    """What the update cases have created in the namespace they share: its name under each manifest."""
    return {}


@pytest.fixture(scope="module")
def shared_namespace(cluster: Cluster) -> Iterator[str]:
    name = f"refusals-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.mark.parametrize("refusal", refusals(), ids=str)
def test_a_wrong_manifest_is_refused_with_the_words_of_its_rule(
    served: Cluster, shared_namespace: str, existing: dict[str, str], refusal: Refusal
) -> None:
    manifest = copy.deepcopy(refusal.after)
    if refusal.before is not None:
        text = json.dumps(refusal.before, sort_keys=True)
        if text not in existing:
            name = f"{refusal.before['metadata']['name'][:20]}-{len(existing)}"
            before = {**refusal.before, "metadata": {"name": name}}
            served.kubectl("create", "-n", shared_namespace, "-f", "-", stdin=json.dumps(before))
            existing[text] = name
        manifest["metadata"]["name"] = existing[text]
    told = refused(served, shared_namespace, manifest, "replace" if refusal.before else "create")
    where = re.escape(refusal.rule.at).replace(r"\[\]", r"\[\d+\]").replace(r"\{\}", r"\[[^]]+\]") or "<nil>"
    assert re.search(rf"{where}: Invalid value: (.*: )?{re.escape(refusal.rule.message)}", told), told


@pytest.mark.parametrize("kind", KINDS)
def test_a_typo_is_refused_with_strict_validation(served: Cluster, cluster_namespace: str, kind: str) -> None:
    manifest = example(kind)
    manifest["spec"]["managmentPolicy"] = "Plan"
    assert 'unknown field "spec.managmentPolicy"' in refused(served, cluster_namespace, manifest)


def test_status_keeps_what_the_engine_writes(served: Cluster, cluster_namespace: str) -> None:
    manifest = {**example("Auth0Role"), "metadata": {"name": "clerk", "namespace": cluster_namespace}}
    served.kubectl.apply(manifest)
    status = {
        "conditions": [
            {
                "type": "Ready",
                "status": "False",
                "reason": "PlanPending",
                "message": "m",
                "lastTransitionTime": "2026-11-23T00:00:00Z",
                "observedGeneration": 1,
            }
        ],
        "observedGeneration": 1,
        "externalId": "rol_1",
        "lastSyncTime": "2026-11-23T00:00:00Z",
        "lastHandledReconcileAt": "now",
        "wishHash": "abc",
        "plan": {
            "hash": "h",
            "summary": "s",
            "changes": [{"path": "name", "action": "update", "old": "a", "new": "b"}],
        },
        "drift": {"detectedAt": "2026-11-23T00:00:00Z", "summary": "s", "changes": []},
        "managed": {"permissions": ["https://orders.example.com read:orders"]},
        "roleId": "rol_1",
    }
    where = ("-n", cluster_namespace, "auth0role", "clerk")
    served.kubectl("patch", *where, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
    assert served.kubectl.json("get", *where)["status"] == status
