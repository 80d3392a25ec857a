"""A simulated tenant and a session on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mlgate.auth0 import Plan, Session, Sessions, TenantAccess
from mlgate.sensitive import Sensitive
from mlgate_sim.auth0 import Auth0Simulator


@pytest.fixture
async def tenant() -> AsyncIterator[Auth0Simulator]:
    async with Auth0Simulator(tls=False) as simulator:
        yield simulator


@pytest.fixture
def access(tenant: Auth0Simulator) -> TenantAccess:
    return TenantAccess(
        domain=tenant.domain,
        client_id=tenant.client_id,
        client_secret=Sensitive(tenant.client_secret),
        plan=Plan.AUTO,
        name="Auth0Tenant ml/main",
        secret_name="Secret ml/auth0-management",
    )


@pytest.fixture
async def sessions(tenant: Auth0Simulator) -> AsyncIterator[Sessions]:
    made = Sessions(endpoint=tenant.url)
    yield made
    await made.close()


@pytest.fixture
def session(sessions: Sessions, access: TenantAccess) -> Session:
    return sessions.session(access)
