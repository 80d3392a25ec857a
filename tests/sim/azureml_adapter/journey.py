"""Steps of a model's life, each started and then followed by provisioningState alone."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from mlgate.azureml import Progress, Session
from mlgate.azureml.resources import Resources

LOCATION = "westeurope"
WORKSPACE = {
    "location": LOCATION,
    "identity": {"type": "SystemAssigned"},
    "sku": {"name": "Basic", "tier": "Basic"},
    "properties": {},
}


def endpoint_body(auth_mode: str = "Key", traffic: dict[str, int] | None = None) -> dict[str, Any]:
    return {
        "location": LOCATION,
        "tags": {"team": "payments"},
        "identity": {"type": "SystemAssigned"},
        "properties": {"authMode": auth_mode, "traffic": traffic or {}},
    }


def deployment_body(instance_type: str = "Standard_DS3_v2") -> dict[str, Any]:
    model = "azureml://registries/azureml/models/fraud/versions/7"
    return {
        "location": LOCATION,
        "sku": {"name": "Default", "capacity": 1},
        "properties": {"endpointComputeType": "Managed", "instanceType": instance_type, "model": model},
    }


async def settled(
    session: Session, resources: Resources, resource_id: str, seconds: float = 20.0
) -> tuple[dict[str, Any], Progress]:
    """Looks again, as often as `progress` says, until nothing is under way."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = await resources.get(resource_id)
        if found is not None:
            progress = session.progress(found)
            if progress.settled:
                return found, progress
        await asyncio.sleep(0.03)
    raise AssertionError(f"{resource_id} is still under way")


async def gone(resources: Resources, resource_id: str, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while await resources.get(resource_id) is not None:
        assert time.monotonic() < end, f"{resource_id} is still there"
        await asyncio.sleep(0.03)


async def workspace(session: Session, group: str, name: str = "models") -> str:
    workspace_id = session.workspaces.id(group, name)
    await session.workspaces.put(workspace_id, WORKSPACE)
    await settled(session, session.workspaces, workspace_id)
    return workspace_id


async def endpoint(session: Session, group: str, name: str = "fraud", auth_mode: str = "Key") -> str:
    endpoint_id = session.endpoints.id(await workspace(session, group), name)
    await session.endpoints.put(endpoint_id, endpoint_body(auth_mode))
    await settled(session, session.endpoints, endpoint_id)
    return endpoint_id
