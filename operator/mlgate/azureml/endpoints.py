"""Online endpoints and what callers of them present.

A PUT without `traffic` sets all traffic to 0 (genaiops-promptflow-template 182), so every PUT carries the whole map;
PATCH takes tags only. `listKeys` works in authMode Key, `token` in AMLToken (24 h, to be renewed after 12 h:
recording TestOnlineDeployment); in AADToken callers use an Entra token (`Session.scoring_token`). `regenerateKeys` is an
operation (202) and may be given the new key; what the service then keeps is not known for sure, so it is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mlgate.errors import Terminal
from mlgate.sensitive import Sensitive

from . import arm_id, faults
from .arm_id import Subject
from .resources import Accepted, Aging, Resources
from .wire import EndpointToken, Wire


class Slot(StrEnum):
    """Which of the two keys, as `regenerateKeys` names it."""

    PRIMARY = "Primary"
    SECONDARY = "Secondary"

    @property
    def other(self) -> Slot:
        return Slot.SECONDARY if self is Slot.PRIMARY else Slot.PRIMARY


@dataclass(frozen=True, slots=True)
class Keys:
    """The two keys of an endpoint; either is good."""

    primary: Sensitive
    secondary: Sensitive

    def __getitem__(self, slot: Slot) -> Sensitive:
        return self.primary if slot is Slot.PRIMARY else self.secondary

    def slot_of(self, key: Sensitive | None) -> Slot | None:
        """Which of them it is; None for neither."""
        return next((slot for slot in Slot if key is not None and self[slot] == key), None)


class Endpoints(Resources):
    """The online endpoints of a session's subscription."""

    def __init__(self, wire: Wire, aging: Aging | None = None) -> None:
        super().__init__(wire, Subject.ENDPOINT, aging)

    def id(self, workspace_id: str, name: str) -> str:
        """The ARM id. Raises Terminal for impossible names."""
        return arm_id.endpoint_id(workspace_id, name)

    async def put(self, resource_id: str, body: Mapping[str, Any]) -> Accepted:
        """Creates or replaces it. Raises Terminal for a body without the whole traffic map, or with an impossible one."""
        properties = body.get("properties")
        if not isinstance(properties, Mapping) or not isinstance(properties.get("traffic"), Mapping):
            raise Terminal(f"The body for {resource_id} has no traffic map: Azure would stop all traffic.")
        _check_weights(resource_id, properties["traffic"], properties.get("mirrorTraffic") or {})
        return await super().put(resource_id, body)

    async def patch_tags(self, resource_id: str, tags: Mapping[str, str]) -> Accepted:
        """Replaces its tags and nothing else."""
        return await self._patch(resource_id, {"tags": dict(tags)})

    async def _list_in(self, parent_id: str) -> list[dict[str, Any]] | None:
        return await self.of_workspace(parent_id)

    async def of_workspace(self, workspace_id: str) -> list[dict[str, Any]]:
        """All endpoints of a workspace, in one request per page."""
        workspace = arm_id.read(workspace_id)
        return await self._list(f"{workspace}/onlineEndpoints", f"online endpoints of {workspace.described()}")

    async def keys(self, resource_id: str) -> Keys:
        """Both keys. Raises Terminal when its authMode is not Key, Gone when it does not exist."""
        body = await self._ask(resource_id, "listKeys")
        return Keys(
            Sensitive(self._text(resource_id, body, "primaryKey")),
            Sensitive(self._text(resource_id, body, "secondaryKey")),
        )

    async def regenerate(self, resource_id: str, slot: Slot) -> None:
        """Starts to replace one key; the other stays as it is. Raises Wait while another operation is under way."""
        path, what = self._read(resource_id)
        body = {"keyType": slot.value}
        self._accepted(await self._wire.call("POST", f"{path}/regenerateKeys", what, body=body), what, "POST")

    async def token(self, resource_id: str) -> EndpointToken:
        """A token for scoring. Raises Terminal when its authMode is not AMLToken, Gone when it does not exist."""
        body = await self._ask(resource_id, "token")
        value = self._text(resource_id, body, "accessToken")
        expires = body.get("expiryTimeUtc")
        if isinstance(expires, bool) or not isinstance(expires, int | float):
            raise self._missing(resource_id, "expiryTimeUtc")
        refresh = body.get("refreshAfterTimeUtc")
        if isinstance(refresh, bool) or not isinstance(refresh, int | float):
            refresh = expires - 43200  # what the service says itself wherever it says it
        return EndpointToken(Sensitive(value), float(expires), float(min(refresh, expires)))

    def _text(self, resource_id: str, body: Mapping[str, Any], name: str) -> str:
        value = body.get(name)
        if not isinstance(value, str) or not value:
            raise self._missing(resource_id, name)
        return value

    def _missing(self, resource_id: str, name: str) -> Exception:
        _, what = self._read(resource_id)
        return faults.missing(self._wire.asked("POST", what, writes=False), name)


def _check_weights(resource_id: str, traffic: Mapping[str, int], mirror: Mapping[str, int]) -> None:
    """Raises Terminal for what Azure would refuse, or worse, take (shared facts, azure-ml section 2: the sum is 0 or 100;
    at most 50 % are mirrored, to one deployment that has no traffic)."""
    shown = ", ".join(f"{name}={weight}" for name, weight in sorted(traffic.items()))
    if sum(traffic.values()) not in (0, 100) or any(not 0 <= weight <= 100 for weight in traffic.values()):
        raise Terminal(f"The traffic for {resource_id} would be {shown}, which does not add up to 100 (or 0).")
    serving = {name.lower() for name, weight in traffic.items() if weight}
    shadows = {name.lower(): weight for name, weight in mirror.items() if weight}
    if len(shadows) > 1 or any(not 0 < weight <= 50 for weight in shadows.values()) or serving & shadows.keys():
        raise Terminal(
            f"The traffic for {resource_id} would be mirrored to {', '.join(sorted(shadows))} beside {shown}; Azure mirrors at "
            "most 50 % to one deployment that has no traffic of its own."
        )
