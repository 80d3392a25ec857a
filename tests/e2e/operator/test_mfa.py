"""An MFA policy on a real API server: from `kubectl apply` to what runs at each login, and away again."""

from __future__ import annotations

from typing import Any

import yaml

from .conftest import Stage
from .waiting import eventually
from .world import World

POLICY: dict[str, Any] = {
    "apiVersion": "mlgate.dev/v1alpha1",
    "kind": "Auth0MFAPolicy",
    "metadata": {"name": "admins", "namespace": "ml"},
    "spec": {"tenantRef": {"name": "main"}, "roles": [{"name": "admin"}], "factors": ["otp"]},
}


def ready(world: World, kind: str, name: str) -> None:
    def stands() -> bool:
        found = world.condition(kind, name)
        assert found["status"] == "True", found
        return True

    eventually(stands, f"{kind} {name} Ready")


def bound(world: World) -> list[str]:
    """The code that runs after each login."""

    def look() -> list[str]:
        state = world.outside.auth0.state
        ids = [binding["action_id"] for binding in state.action_bindings.get("post-login", [])]
        return [state.actions[id_]["deployed_version"]["code"] for id_ in ids]

    return world.outside.do(look)


def test_a_policy_runs_at_each_login_until_it_is_deleted(stage: Stage) -> None:
    world = stage()
    world.operator.start()
    world.kubectl("create", "namespace", "ml")
    tenant_side = [
        o
        for o in world.manifests.objects()
        if o["kind"] == "Auth0Tenant" or (o["kind"] == "Secret" and "auth0" in o["metadata"]["name"])
    ]
    world.kubectl("apply", "--validate=strict", "-f", "-", stdin=yaml.safe_dump_all([*tenant_side, POLICY]))
    ready(world, "Auth0MFAPolicy", "admins")
    (code,) = bound(world)
    assert '"admin"' in code
    shown = world.kubectl("get", "auth0action,auth0mfafactorset", "-n", "ml")
    assert "post-login" in shown
    assert "admins" in shown

    world.kubectl("delete", "auth0mfapolicy", "admins", "-n", "ml", "--wait=true")

    def gone() -> bool:
        return not bound(world) and not world.outside.do(lambda: list(world.outside.auth0.state.actions))

    eventually(gone, "the Action is unbound and deleted")
