"""Auth0 and Azure, simulated in the test process: what is there, what was asked, what was written."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from mlgate_sim.auth0 import Auth0Simulator
from mlgate_sim.azure import AzureSimulator
from mlgate_sim.requestlog import LoggedRequest

from .background import Background

Result = TypeVar("Result")
OPERATION_SECONDS = 0.3
"""How long the simulated Azure takes for its long operations."""
SCORING = "/scoring/"


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment in both request logs."""

    auth0: int
    azure: int


class Outside:
    """Both simulators on the background loop, playing what `examples/quickstart` says."""

    def __init__(self, background: Background) -> None:
        self.background = background
        self.auth0 = Auth0Simulator(
            domain="quickstart.eu.auth0.com", client_id="quickstart", client_secret="quickstart-auth0-secret"
        )
        self.azure = AzureSimulator(
            operation_seconds=OPERATION_SECONDS,
            tenant="00000000-0000-0000-0000-000000000001",
            subscription="00000000-0000-0000-0000-000000000002",
            resource_group="quickstart",
            location="westeurope",
            client_id="quickstart",
            client_secret="quickstart-azure-secret",
        )

    def start(self) -> None:
        self.background.run(self.auth0.start())
        self.background.run(self.azure.start())

    def stop(self) -> None:
        self.background.run(self.auth0.stop())
        self.background.run(self.azure.stop())

    def reset(self) -> None:
        """As on the first day: empty state and logs, no faults, no observers."""

        def both() -> None:
            for simulator in (self.auth0, self.azure):
                simulator.observers.clear()
                simulator.reset()
            self.azure.operation_seconds = OPERATION_SECONDS

        self.background.call(both)

    def do(self, change: Callable[[], Result]) -> Result:
        """Changes something by hand, as a colleague would in the service's own console."""
        return self.background.call(change)

    # -- what is there ------------------------------------------------------------------------------------------------

    def inventory(self) -> dict[str, list[str]]:
        """What exists outside, by type and readable name; a fresh tenant's own things are left out."""

        def look() -> dict[str, list[str]]:
            tenant = self.auth0.state
            own = {client_id for client_id, c in tenant.clients.items() if c.get("global")} | {self.auth0.client_id}
            found = {
                "clients": [c["name"] for id_, c in tenant.clients.items() if id_ not in own],
                "apis": [a["identifier"] for a in tenant.resource_servers.values() if not a.get("is_system")],
                "grants": [
                    f"{tenant.clients.get(g['client_id'], {}).get('name')} -> {g['audience']}"
                    for g in tenant.client_grants.values()
                    if g["client_id"] not in own
                ],
                "roles": [role["name"] for role in tenant.roles.values()],
                "azure": [key.split("/workspaces/", 1)[-1] for key in self.azure.state],
            }
            return {name: sorted(values) for name, values in found.items()}

        return self.do(look)

    def state(self) -> dict[str, Any]:
        """Everything both services hold, to compare before and after."""
        return self.do(lambda: {"auth0": self.auth0.save_state(), "azure": copy.deepcopy(self.azure.state)})

    # -- what was asked -----------------------------------------------------------------------------------------------

    def mark(self) -> Mark:
        return self.do(lambda: Mark(len(self.auth0.requests), len(self.azure.requests)))

    def requests(self, since: Mark | None = None) -> list[LoggedRequest]:
        """What the operator asked since a mark, Auth0's log first; model calls are left out."""
        since = since or Mark(0, 0)

        def look() -> list[LoggedRequest]:
            return [*list(self.auth0.requests)[since.auth0 :], *list(self.azure.requests)[since.azure :]]

        return [request for request in self.do(look) if not request.path.startswith(SCORING)]

    def writes(self, since: Mark | None = None) -> list[str]:
        """`PATCH clients/abc` for each request that changes something; asking for tokens and logs does not."""
        return [told(request) for request in self.requests(since) if changes(request)]

    def written(self, since: Mark | None = None) -> list[LoggedRequest]:
        """The same, whole: with body and status."""
        return [request for request in self.requests(since) if changes(request)]

    def scoring(self) -> list[LoggedRequest]:
        """What reached the model."""
        return self.do(lambda: [r for r in self.azure.requests if r.path.startswith(SCORING)])


def changes(request: LoggedRequest) -> bool:
    """Whether a request changes what is outside. Some reads are POSTs: tokens, keys, logs."""
    last = request.path.rstrip("/").rsplit("/", 1)[-1].lower()
    return request.is_write and last not in {"token", "listkeys", "getlogs"}


def told(request: LoggedRequest) -> str:
    """Method and the part of the path that tells what it is about."""
    path = request.path.removeprefix("/api/v2/")
    if "/workspaces/" in path:
        path = path.split("/providers/Microsoft.MachineLearningServices/", 1)[-1]
    return f"{request.method} {path}"
