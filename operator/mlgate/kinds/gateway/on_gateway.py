"""What the gateway kinds share: nothing is made or deleted for them, every replica publishes by itself; they only look at
how the proxies took it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from ...api.managed import ManagedSpec
from ...engine.marks import Mark
from ...engine.plan import Plan
from ...engine.protocols import Applied, Deletion, External, Owner, Seen, Wanted
from ...engine.references import Resolved
from .view import GatewayReport, GatewayView, await_proxies

SpecT = TypeVar("SpecT", bound=ManagedSpec)


class OnGateway(External[SpecT, GatewayView]):
    """A kind that the process itself carries."""

    holds = False

    def __init__(self, view: GatewayView) -> None:
        self._view = view

    async def connect(self, owner: Owner, spec: SpecT, refs: Resolved) -> GatewayView:
        return self._view

    def fixed_id(self, owner: Owner, spec: SpecT) -> str:
        return f"{owner.namespace}/{owner.name}"

    async def find(self, conn: GatewayView, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        return ()

    async def apply(self, conn: GatewayView, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        return Applied(plan.external_id or "", seen)

    async def delete(self, conn: GatewayView, seen: Seen, refs: Resolved) -> Deletion:
        return Deletion(done=True)


def report(conn: GatewayView, gateway: str) -> GatewayReport:
    """How a gateway stands. Raises Wait while its proxies are expected back."""
    found = conn.report(gateway)
    await_proxies(found)
    return found
