"""What the gateway kinds look at: how the proxies took what was published last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class GatewayReport:
    """One gateway. `rejected` and `reduced` say, per route (`namespace/name`), why it is left out or served reduced;
    the empty name stands for the gateway itself. `version` is what was published, `acknowledged` what all proxies have."""

    proxies: int = 0
    version: str | None = None
    acknowledged: str | None = None
    routes: frozenset[str] = frozenset()
    rejected: Mapping[str, str] = field(default_factory=dict)
    reduced: Mapping[str, str] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Every connected proxy has everything that was published."""
        return self.proxies > 0 and self.version is not None and self.version == self.acknowledged


class GatewayView(Protocol):
    """A connection of the engine's kind: nothing behind it is ever throttled."""

    @property
    def gate(self) -> str: ...

    def report(self, gateway: str) -> GatewayReport:
        """How a gateway (`namespace/name`) stands; an empty report for one that is not served."""
        ...
