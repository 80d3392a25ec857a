"""ARM ids of the three resources mlgate manages: building, reading, comparing, and naming them in messages.

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
    r"/workspaces/(?P<workspace>[^/]+)(?:/onlineEndpoints/(?P<endpoint>[^/]+)(?:/deployments/(?P<deployment>[^/]+))?)?",
    re.IGNORECASE,
)
_NAMED_AFTER = {
    "subscriptions",
    "resourcegroups",
    "workspaces",
    "onlineendpoints",
    "deployments",
    "models",
    "versions",
    "registries",
    "storageaccounts",
}


class Subject(StrEnum):
    """What an ARM id stands for; the value is how messages call it."""

    WORKSPACE = "workspace"
    ENDPOINT = "online endpoint"
    DEPLOYMENT = "online deployment"


@dataclass(frozen=True, slots=True)
class ArmId:
    """An ARM id, read."""

    subscription: str
    group: str
    workspace: str
    endpoint: str | None = None
    deployment: str | None = None

    @property
    def subject(self) -> Subject:
        if self.deployment is not None:
            return Subject.DEPLOYMENT
        return Subject.WORKSPACE if self.endpoint is None else Subject.ENDPOINT

    def __str__(self) -> str:
        text = f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/{PROVIDER}"
        text += f"/workspaces/{self.workspace}"
        if self.endpoint is not None:
            text += f"/onlineEndpoints/{self.endpoint}"
        if self.deployment is not None:
            text += f"/deployments/{self.deployment}"
        return text

    def described(self) -> str:
        """Its kind and name with what it is part of, for messages."""
        if self.deployment is not None:
            return f"online deployment {self.deployment} of endpoint {self.endpoint} in workspace {self.workspace}"
        if self.endpoint is not None:
            return f"online endpoint {self.endpoint} in workspace {self.workspace}"
        return f"workspace {self.workspace} in resource group {self.group}"


def workspace_id(subscription: str, group: str, name: str) -> str:
    """The ARM id of a workspace. Raises Terminal for names that no ARM id can hold."""
    return str(read(str(ArmId(subscription, group, name))))


def endpoint_id(workspace: str, name: str) -> str:
    """The ARM id of an online endpoint of the workspace with the ARM id `workspace`. Raises Terminal."""
    return str(read(f"{workspace}/onlineEndpoints/{name}"))


def deployment_id(endpoint: str, name: str) -> str:
    """The ARM id of a deployment of the online endpoint with the ARM id `endpoint`. Raises Terminal."""
    return str(read(f"{endpoint}/deployments/{name}"))


def read(arm_id: str) -> ArmId:
    """Reads the id of a workspace, an online endpoint or a deployment, in any casing. Raises Terminal."""
    found = _RESOURCE.fullmatch(arm_id.rstrip("/"))
    parts = found.groupdict() if found else {}
    names = [name for name in parts.values() if name is not None]
    if not found or not all(_SEGMENT.fullmatch(name) and name.strip(".") for name in names):
        raise Terminal(
            f"{arm_id!r} is not the ARM id of a workspace, an online endpoint or an online deployment. Expected "
            f"/subscriptions/…/resourceGroups/…/providers/{PROVIDER}/workspaces/… and so on."
        )
    return ArmId(**parts)


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
