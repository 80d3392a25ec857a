"""Every right in the generated RBAC is one that the operator uses: the API server's audit log of a whole life of the
quickstart, from the operator's first request to its last, beside the rules. What it does not use there has its reason
here; a reason that is no longer true fails as well."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlgate.api import GROUP
from mlgate.cli.rbac import NAME, NAMESPACE, Rule, cluster_rules, lease_rules, operator_rules

from .conftest import Stage

CREATED = 201

NOT_SEEN = {
    ("every kind/finalizers", "update"): "asked by the admission plugin OwnerReferencesPermissionEnforcement about "
    "blockOwnerDeletion, in clusters that have it; never a request",
    ("kinds that pass", "delete"): "only for runs whose manifest says how long they are kept: test_pipeline_runs",
    ("configmaps", "get"): "only for what a manifest keeps in a ConfigMap, such as an Auth0Action's code",
}
SOMETIMES = {("events", "patch"): "an Event that repeats is counted up; whether one does here is chance"}


@dataclass(frozen=True)
class Asked:
    """One request of the operator's."""

    group: str
    resource: str
    verb: str
    allowed: bool
    line: str


def asked(audit_log: Path, since: int) -> Iterator[Asked]:
    """What the operator asked for after the first `since` bytes of the log."""
    with audit_log.open("rb") as log:
        log.seek(since)
        for line in log:
            event = json.loads(line)
            ref = event.get("objectRef")
            if event["user"]["username"] != f"system:serviceaccount:{NAMESPACE}:{NAME}" or not ref:
                continue
            resource = "/".join(each for each in (ref["resource"], ref.get("subresource")) if each)
            allowed = event["annotations"]["authorization.k8s.io/decision"] == "allow"
            told = f"{event['verb']} {event['requestURI']}"
            group = ref.get("apiGroup", "")
            yield Asked(group, resource, event["verb"], allowed, told)
            if event["verb"] == "patch" and event.get("responseStatus", {}).get("code") == CREATED:
                # Server-side apply of what is not there: authorised as patch, and then as create.
                yield Asked(group, resource, "create", allowed, told)


def title(rule: Rule) -> str:
    """What a rule is about. All kinds are treated alike by the engine: one of them speaks for the others."""
    if rule["apiGroups"] != [GROUP]:
        return ", ".join(rule["resources"])
    subresources = {resource.partition("/")[2] for resource in rule["resources"]}
    (subresource,) = subresources
    if rule["verbs"] == ["delete"]:
        return "kinds that pass"
    every = "parts of compositions" if "create" in rule["verbs"] else "every kind"
    return f"{every}/{subresource}" if subresource else every


def test_nothing_is_allowed_that_is_not_asked_for(stage: Stage) -> None:
    world = stage()
    plane = world.cluster.own
    assert plane is not None, "the audit log of a cluster that was there before is not ours to read"
    since = plane.audit_log.stat().st_size
    world.operator.start()
    world.apply()
    world.kubectl("delete", "-f", str(world.manifests.folder), "--wait=false")
    world.wait_gone()
    world.operator.terminate()

    requests = set(asked(plane.audit_log, since))
    assert not [each.line for each in requests if not each.allowed], "what it asks for it may do"
    used = {(each.group, each.resource, each.verb) for each in requests}
    unused = {
        (title(rule), verb)
        for rule in (*operator_rules(), *cluster_rules(), *lease_rules())
        for verb in rule["verbs"]
        if not any((group, resource, verb) in used for group in rule["apiGroups"] for resource in rule["resources"])
    }
    assert unused - set(SOMETIMES) == set(NOT_SEEN), used
