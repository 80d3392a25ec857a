"""A real TLS connection from mlgate.azureml to the Azure simulator, and the permit a reconcile would hold."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest

from mlgate.azureml import AzureAccess, ClientSecret, RequestSeen, Session, Sessions
from mlgate.outbound import Permit, Unfenced, Urgency, permitting
from mlgate.sensitive import Sensitive
from mlgate_sim.azure import AzureSimulator

CANARY = "canary-7f3~Q8secret.value_of-the-application"


@dataclass
class World:
    """One simulated Azure, the session under test, and what it reported."""

    azure: AzureSimulator
    sessions: Sessions
    session: Session
    seen: list[RequestSeen] = field(default_factory=list)

    def access(self, secret: str = CANARY, **changes: str) -> AzureAccess:
        known = {
            "tenant_id": self.azure.tenant,
            "subscription_id": self.azure.subscription,
            "name": "AzureConnection ml/azure",
        }
        return AzureAccess(
            cloud="Public",
            auth=ClientSecret(self.azure.client_id, Sensitive(secret)),
            secret_name="ml/azure-credentials",
            **{**known, **changes},
        )

    @property
    def arm(self) -> list[tuple[str, str]]:
        """(method, path) of every ARM request that arrived."""
        return [(one.method, one.path) for one in self.azure.requests if one.path.startswith("/subscriptions")]

    @property
    def tokens(self) -> int:
        """How many tokens were asked for."""
        return len(self.azure.requests.matching("POST", "/oauth2/v2.0/token"))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with AzureSimulator(operation_seconds=0.15, client_secret=CANARY) as azure:
        seen: list[RequestSeen] = []
        sessions = Sessions(
            resource_manager=azure.url,
            authority=azure.url,
            ca_file=str(azure.ca_file),
            poll_scale=0.005,
            on_request=seen.append,
        )
        made = World(azure, sessions, session=None, seen=seen)  # type: ignore[arg-type]
        made.session = sessions.session(made.access())
        yield made
        await sessions.close()


@pytest.fixture
def permit() -> Iterator[None]:
    """The reconcile of a user's change."""
    with permitting(Permit(Urgency.USER, Unfenced())):
        yield


def deadline(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds
