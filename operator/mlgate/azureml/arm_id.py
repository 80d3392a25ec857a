"""ARM ids of the resources mlgate manages: building, reading, comparing, and naming them in messages.

Azure spells one id in several ways (`resourcegroups`, `Microsoft.Keyvault`: recordings TestOnlineDeployment,
Test_MachineLearning_Workspaces_CRUD), so ids are compared without case. A name never reaches a URL unchecked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from mlgate.errors import Terminal

PROVIDER = "Microsoft.MachineLearningServices"
_SEGMENT = re.compile(r"[A-Za-z0-9_().-]+")
_RESOURCE = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/providers/Microsoft\.MachineLearningServices"
    r"/workspaces/(?P<workspace>[^/]+)(?P<inside>(?:/[^/]+/[^/]+){0,2})",
    re.IGNORECASE,
)
_NAMED_AFTER = {
    "subscriptions",
    "resourcegroups",
    "workspaces",
    "onlineendpoints",
    "deployments",
    "batchendpoints",
    "computes",
    "environments",
    "models",
    "versions",
    "components",
    "jobs",
    "registries",
    "storageaccounts",
}


class Subject(StrEnum):
    """What an ARM id stands for; the value is how messages call it."""

    WORKSPACE = "workspace"
    ENDPOINT = "online endpoint"
    DEPLOYMENT = "online deployment"
    BATCH_ENDPOINT = "batch endpoint"
    BATCH_DEPLOYMENT = "batch deployment"
    MODEL = "version of a model"
    ENVIRONMENT = "version of an environment"
    COMPUTE = "compute"
    COMPONENT = "version of a component"
    JOB = "job"


_PLACES: dict[tuple[str, ...], tuple[Subject, str]] = {
    (): (Subject.WORKSPACE, ""),
    ("onlineEndpoints",): (Subject.ENDPOINT, "online endpoint {0}"),
    ("onlineEndpoints", "deployments"): (Subject.DEPLOYMENT, "online deployment {1} of endpoint {0}"),
    ("batchEndpoints",): (Subject.BATCH_ENDPOINT, "batch endpoint {0}"),
    ("batchEndpoints", "deployments"): (Subject.BATCH_DEPLOYMENT, "batch deployment {1} of endpoint {0}"),
    ("models", "versions"): (Subject.MODEL, "version {1} of model {0}"),
    ("environments", "versions"): (Subject.ENVIRONMENT, "version {1} of environment {0}"),
    ("computes",): (Subject.COMPUTE, "compute {0}"),
    ("components", "versions"): (Subject.COMPONENT, "version {1} of component {0}"),
    ("jobs",): (Subject.JOB, "job {0}"),
}
"""The collections inside a workspace, and how messages name what is in them."""
_SPELLED = {tuple(word.lower() for word in place): place for place in _PLACES}


@dataclass(frozen=True, slots=True)
class ArmId:
    """An ARM id, read. `place`: the collections that lead to it inside its workspace; `names`: the name in each."""

    subscription: str
    group: str
    workspace: str
    place: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def subject(self) -> Subject:
        return _PLACES[self.place][0]

    def __str__(self) -> str:
        text = f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/{PROVIDER}"
        inside = "".join(f"/{each}/{name}" for each, name in zip(self.place, self.names, strict=True))
        return f"{text}/workspaces/{self.workspace}{inside}"

    def described(self) -> str:
        """Its kind and name with what it is part of, for messages."""
        if not self.place:
            return f"workspace {self.workspace} in resource group {self.group}"
        return f"{_PLACES[self.place][1].format(*self.names)} in workspace {self.workspace}"


def workspace_id(subscription: str, group: str, name: str) -> str:
    """The ARM id of a workspace. Raises Terminal for names that no ARM id can hold."""
    return str(read(str(ArmId(subscription, group, name))))


def endpoint_id(workspace: str, name: str) -> str:
    """The ARM id of an online endpoint of the workspace with the ARM id `workspace`. Raises Terminal."""
    return str(read(f"{workspace}/onlineEndpoints/{name}"))


def deployment_id(endpoint: str, name: str) -> str:
    """The ARM id of a deployment of the online or batch endpoint with the ARM id `endpoint`. Raises Terminal."""
    return str(read(f"{endpoint}/deployments/{name}"))


def batch_endpoint_id(workspace: str, name: str) -> str:
    """The ARM id of a batch endpoint of the workspace with the ARM id `workspace`. Raises Terminal."""
    return str(read(f"{workspace}/batchEndpoints/{name}"))


def compute_id(workspace: str, name: str) -> str:
    """The ARM id of a compute of the workspace with the ARM id `workspace`. Raises Terminal."""
    return str(read(f"{workspace}/computes/{name}"))


def job_id(workspace: str, name: str) -> str:
    """The ARM id of a job of the workspace with the ARM id `workspace`. Raises Terminal."""
    return str(read(f"{workspace}/jobs/{name}"))


def version_id(workspace: str, collection: str, name: str, version: str) -> str:
    """The ARM id of a version in a collection (`models`, `environments`, `components`) of a workspace. Raises Terminal."""
    return str(read(f"{workspace}/{collection}/{name}/versions/{version}"))


def read(arm_id: str) -> ArmId:
    """Reads the id of a resource that mlgate manages, in any casing. Raises Terminal."""
    found = _RESOURCE.fullmatch(arm_id.rstrip("/"))
    inside = found["inside"].split("/")[1:] if found else []
    place = _SPELLED.get(tuple(word.lower() for word in inside[::2]))
    names = [found[each] for each in ("subscription", "group", "workspace")] if found else []
    names += inside[1::2]
    if not found or place is None or not all(_SEGMENT.fullmatch(name) and name.strip(".") for name in names):
        raise Terminal(
            f"{arm_id!r} is not the ARM id of a workspace, or of an endpoint, deployment, model, environment, component, "
            f"compute or job in one. Expected /subscriptions/…/resourceGroups/…/providers/{PROVIDER}/workspaces/… and so on."
        )
    return ArmId(names[0], names[1], names[2], place, tuple(names[3:]))


def same(one: str, other: str) -> bool:
    """Whether two ARM ids mean the same resource."""
    return one.rstrip("/").lower() == other.rstrip("/").lower()


def route(path: str) -> str:
    """The path with every name replaced, for metrics: `workspaces/{}/onlineEndpoints/{}/listKeys`."""
    segments = path.strip("/").split("/")
    shown: list[str] = []
    previous = ""
    for segment in segments:
        shown.append("{}" if previous in _NAMED_AFTER or "operations" in previous else segment)
        previous = "" if shown[-1] == "{}" else segment.lower()
        if previous == "locations":
            previous = "subscriptions"  # a region is a name too
    text = "/".join(shown)
    _, provider, rest = text.partition(f"providers/{PROVIDER}/")
    return rest if provider else text
