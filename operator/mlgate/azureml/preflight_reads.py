"""What Azure says beforehand about a deployment that is to be made: sizes of machines, quota, model versions, roles.

Only reads, kept for a short while because many deployments ask the same. What may not be read, or is not there, is
None: no claim is made of it. Sizes: a size for online endpoints says `MIR` among its compute types. Quota: Azure ML has
its own, by family of machines (`Standard DSv2 Family Cluster Dedicated vCPUs`); -1 is no limit. Source: the examples
VirtualMachineSize/list, Usage/list and ModelVersion/list of the ARM specification, api-version 2022-10-01 and later.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlgate.errors import CredentialsRejected, Quota, Trouble

from .wire import Wire

AUTHORIZATION_VERSION = "2022-04-01"
"""api-version of role assignments, which are another provider's."""
KEPT = {"sizes": 3600.0, "usages": 0.0, "roles": 30.0, "versions": 15.0, "resource": 60.0}
"""Seconds for which an answer serves. Every deployment that is begun uses cores, so quota is asked each time."""
MANAGED_INFERENCE = "MIR"


@dataclass(frozen=True, slots=True)
class Size:
    """A size of machines."""

    name: str
    family: str
    cores: int
    serves: bool
    """Whether online endpoints may use it."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Cores of one family that are used, of those that may be."""

    family: str
    used: int
    limit: int


class PreflightReads:
    """The reads of one subscription."""

    def __init__(self, wire: Wire, subscription: str) -> None:
        self._wire = wire
        self._subscription = subscription
        self._kept: dict[tuple[str, str], tuple[float, Any]] = {}

    def forget(self) -> None:
        """What was read may be old: an endpoint made anew under its name has another identity."""
        self._kept.clear()

    async def sizes(self, location: str) -> list[Size] | None:
        """The sizes of a region."""

        async def read() -> list[Size] | None:
            items = await self._items(f"{self._region(location)}/vmSizes", f"instance types of {location}")
            return None if items is None else [_size(item) for item in items if item.get("name")]

        found: list[Size] | None = await self._once("sizes", location, read)
        return found

    async def usages(self, location: str) -> list[Usage] | None:
        """Quota and its use in a region, by family."""

        async def read() -> list[Usage] | None:
            items = await self._items(f"{self._region(location)}/usages", f"quota of {location}")
            return None if items is None else [usage for item in items if (usage := _usage(item)) is not None]

        found: list[Usage] | None = await self._once("usages", location, read)
        return found

    async def has_version(self, model_id: str) -> bool | None:
        """Whether this version of a model is registered; `model_id` ends in `/models/<name>/versions/<version>`."""

        async def read() -> bool | None:
            container, _, version = model_id.rpartition("/versions/")
            query = {"version": version, "$top": "1"}
            items = await self._items(f"{container}/versions", "versions of a model", query)
            return None if items is None else any(str(item.get("name")).lower() == version.lower() for item in items)

        found: bool | None = await self._once("versions", model_id.lower(), read)
        return found

    async def roles(self, scope: str, principal: str) -> set[str] | None:
        """The ids of the role definitions that a principal has on a resource, inherited ones and those of its groups
        included."""

        async def read() -> set[str] | None:
            path = f"{scope.rstrip('/')}/providers/Microsoft.Authorization/roleAssignments"
            query = {"api-version": AUTHORIZATION_VERSION, "$filter": f"assignedTo('{principal}')"}
            items = await self._items(path, "role assignments", query)
            if items is None:
                return None
            definitions = (str((item.get("properties") or {}).get("roleDefinitionId") or "") for item in items)
            return {definition.rsplit("/", 1)[-1].lower() for definition in definitions if definition}

        found: set[str] | None = await self._once("roles", f"{scope} {principal}".lower(), read)
        return found

    async def resource(self, resource_id: str) -> dict[str, Any] | None:
        """A workspace or an endpoint, for what it is connected to and who it is."""

        async def read() -> dict[str, Any] | None:
            try:
                body = (await self._wire.call("GET", resource_id, "resource")).body
            except (Quota, CredentialsRejected):
                raise
            except Trouble:
                return None
            return body if isinstance(body, dict) else None

        found: dict[str, Any] | None = await self._once("resource", resource_id.lower(), read)
        return found

    def _region(self, location: str) -> str:
        region = location.replace(" ", "").lower()
        return f"/subscriptions/{self._subscription}/providers/Microsoft.MachineLearningServices/locations/{region}"

    async def _once(self, kind: str, key: str, read: Callable[[], Awaitable[Any]]) -> Any:
        kept = self._kept.get((kind, key))
        if kept is not None and self._wire.now() - kept[0] < KEPT[kind]:
            return kept[1]
        found = await read()
        self._kept[kind, key] = (self._wire.now(), found)
        return found

    async def _items(self, path: str, what: str, query: Mapping[str, str] | None = None) -> list[dict[str, Any]] | None:
        try:
            answer = await self._wire.call("GET", path, what, query=query)
        except (Quota, CredentialsRejected):
            raise
        except Trouble:
            return None
        items = answer.body.get("value") if isinstance(answer.body, dict) else None
        found = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else None
        while found is not None and isinstance(answer.body, dict) and answer.body.get("nextLink"):
            try:
                answer = await self._wire.follow(str(answer.body["nextLink"]), what)
            except (Quota, CredentialsRejected):
                raise
            except Trouble:
                return None
            more = answer.body.get("value") if isinstance(answer.body, dict) else None
            found += [item for item in more or () if isinstance(item, dict)]
        return found


def family_key(name: str) -> str:
    """`standardDSv2Family` and `Standard DSv2 Family Cluster Dedicated vCPUs` are one family."""
    return re.sub(r"[^a-z0-9]", "", name.lower().removesuffix("cluster dedicated vcpus"))


def _size(item: Mapping[str, Any]) -> Size:
    types = item.get("supportedComputeTypes") or [MANAGED_INFERENCE]
    return Size(
        str(item["name"]), str(item.get("family") or ""), int(item.get("vCPUs") or 0), MANAGED_INFERENCE in types
    )


def _usage(item: Mapping[str, Any]) -> Usage | None:
    name = str((item.get("name") or {}).get("value") or "")
    of_family = str(item.get("type", "")).lower().endswith("/vmfamily/usages")
    if not of_family or not name.lower().endswith("cluster dedicated vcpus"):
        return None
    return Usage(name, int(item.get("currentValue") or 0), int(item.get("limit") or 0))
