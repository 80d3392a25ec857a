"""A tenant of its own for every test, and ways to reach it: plain HTTP and the official SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from auth0.management import AsyncAuth0

from mlgate_sim.auth0 import Auth0Simulator


@dataclass
class Caller:
    """Plain HTTP with a management token (all scopes unless told otherwise)."""

    auth0: Auth0Simulator
    http: httpx.AsyncClient

    async def __call__(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> httpx.Response:
        token = self.auth0.management_token() if token is None else token
        headers = {"Authorization": f"Bearer {token}"}
        return await self.http.request(method, f"/api/v2{path}", json=body, headers=headers)

    async def token(self, **fields: Any) -> httpx.Response:
        """`POST /oauth/token` as the operator's own application for the Management API, unless told otherwise."""
        body = {
            "grant_type": "client_credentials",
            "client_id": self.auth0.client_id,
            "client_secret": self.auth0.client_secret,
            "audience": self.auth0.management_audience,
            **fields,
        }
        return await self.http.post("/oauth/token", json={k: v for k, v in body.items() if v is not None})


@pytest.fixture
async def auth0() -> AsyncIterator[Auth0Simulator]:
    async with Auth0Simulator() as simulator:
        yield simulator


@pytest.fixture
async def http(auth0: Auth0Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=auth0.url, timeout=10) as client:
        yield client


@pytest.fixture
def call(auth0: Auth0Simulator, http: httpx.AsyncClient) -> Caller:
    return Caller(auth0, http)


@pytest.fixture
def sdk(auth0: Auth0Simulator, http: httpx.AsyncClient) -> AsyncAuth0:
    """The SDK as mlgate uses it: no retries of its own, our HTTP client."""
    token = auth0.management_token()
    return AsyncAuth0(base_url=f"{auth0.url}/api/v2", token=token, httpx_client=http, max_retries=0)
