"""What the gateway kinds look at: how the proxies took what was published last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ...errors import Wait
from ...reasons import Reason
from ...sensitive import Sensitive
from ...store.protocol import Key


@dataclass(frozen=True, slots=True)
class GatewayReport:
    """One gateway. `rejected` and `reduced` say, per route (`namespace/name`), why it is left out or served reduced;
    the empty name stands for the gateway itself. `version` is what was published, `acknowledged` what all proxies have."""

    proxies: int = 0
    expected: bool = False
    """No proxy has taken anything from this process yet, or none is connected any more, but only since moments ago: they
    are coming back."""
    served: bool = False
    """The proxies have taken a configuration before, and keep serving it while they take the next."""
    version: str | None = None
    acknowledged: str | None = None
    routes: frozenset[str] = frozenset()
    live: frozenset[str] = frozenset()
    """Routes that the proxies serve, maybe in an earlier form."""
    current: frozenset[str] = frozenset()
    """Those of them whose served form is the wanted one."""
    rejected: Mapping[str, str] = field(default_factory=dict)
    reduced: Mapping[str, str] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Every connected proxy has everything that was published."""
        return self.proxies > 0 and self.version is not None and self.version == self.acknowledged


@dataclass(frozen=True, slots=True)
class ReplicaReport:
    """What another replica of the operator says about the proxies that are connected to it."""

    proxies: int
    version: str | None
    acknowledged: str | None


def await_proxies(report: GatewayReport) -> None:
    """Raises Wait while proxies are expected back: what status said before holds until then."""
    if report.expected:
        raise Wait("Waits for the Envoys to connect.", reason=Reason.DEPENDENCY_NOT_READY, after=3.0, brief=True)


def together(own: GatewayReport, others: Iterable[ReplicaReport]) -> GatewayReport:
    """One report for all replicas. Versions are hashes of the content, so replicas that agree have the same one;
    everything is acknowledged when the proxies of every replica have what this one would serve."""
    connected = [other for other in others if other.proxies]
    taken = not own.proxies or own.acknowledged == own.version
    agreed = taken and all(other.acknowledged == own.version for other in connected)
    proxies = own.proxies + sum(other.proxies for other in connected)
    return replace(own, proxies=proxies, acknowledged=own.version if agreed and proxies else None)


class GatewayView(Protocol):
    """A connection of the engine's kind: nothing behind it is ever throttled."""

    @property
    def gate(self) -> str: ...

    def report(self, gateway: str) -> GatewayReport:
        """How a gateway (`namespace/name`) stands; an empty report for one that is not served."""
        ...

    def lagging(self, secret: Key, entry: str, value: Sensitive, *, waiting: Key) -> Sequence[str]:
        """The gateways that present this entry of a Secret to an upstream and whose proxies do not all have this value of it
        yet, in words. The object `waiting` is looked at again when one of them took something."""
        ...
