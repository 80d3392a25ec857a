"""MFA factors of the tenant, and when it asks for them by itself. Recordings TestAccGuardian*."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .collection import checked_id
from .faults import missing_field
from .wire import Received, Wire


class Guardian:
    """Tenant-wide: everybody who manages MFA shares these."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def factors(self) -> dict[str, bool]:
        """Which factors are on, by name."""
        received = await self._wire.call(lambda api: api.guardian.factors.list())
        items = _items(received)
        if not all(isinstance(item, dict) and item.get("name") for item in items):
            raise missing_field(received.asked, "[].name")
        return {str(item["name"]): bool(item.get("enabled")) for item in items}

    async def switch(self, factor: str, *, on: bool) -> None:
        """Switches a factor on or off for the whole tenant."""
        await self._wire.call(lambda api: api.guardian.factors.set(checked_id(factor), enabled=on))

    async def policies(self) -> list[str]:
        """When the tenant asks for MFA by itself: never (empty), `all-applications` or `confidence-score`."""
        return [str(item) for item in _items(await self._wire.call(lambda api: api.guardian.policies.list()))]

    async def set_policies(self, policies: Sequence[str]) -> None:
        """Replaces them."""
        await self._wire.call(lambda api: api.guardian.policies.set(request=list(policies)))


def _items(received: Received) -> list[Any]:  # both are bare arrays
    if not isinstance(received.answer.body, list):
        raise missing_field(received.asked, "[]")
    return received.answer.body
