"""One object of each kind that knows Auth0, from examples/kinds, referring to each other: the second world of the tests
that disturb the operator, beside the quickstart."""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from mlgate.engine import objects
from mlgate.store.protocol import Object
from mlgate_sim.auth0.simulator import API
from mlgate_sim.requestlog import LoggedRequest

from .census import inside
from .manifests import auth0_secret, namespace, secret, tenant
from .world import PATIENCE, World, a_world
from .writes import Write

EXAMPLES = Path(__file__).parents[3] / "examples" / "kinds"
PASSWORD, API_KEY, NAMESPACE = "Analytical-Engine-1", "k3y-of-the-0rders-database", "s3cret-of-the-acti0n"
SECRETS = (PASSWORD, API_KEY, NAMESPACE)
"""What the manifests' Secrets hold, and nothing else of the cluster may."""
KINDS = {
    "tenants": "Auth0Tenant",
    "resource-servers": "Auth0API",
    "roles": "Auth0Role",
    "client-grants": "Auth0ClientGrant",
    "clients": "Auth0Client",
    "connections": "Auth0Connection",
    "users": "Auth0User",
    "actions": "Auth0Action",
    "guardian": "Auth0MFAFactorSet",
    "organizations": "Auth0Organization",
}
"""Whose status tells of a write, by the beginning of its path."""


def example(kind: str, **spec: Any) -> Object:
    """The example of a kind, with these fields of its spec put in place of what it says."""
    obj: Object = copy.deepcopy(_loaded(kind))
    obj["metadata"]["namespace"] = "ml"
    obj["spec"] = {key: value for key, value in (obj["spec"] | spec).items() if value is not None}
    return obj


@cache
def _loaded(kind: str) -> Object:
    obj: Object = yaml.safe_load((EXAMPLES / f"{kind}.yaml").read_text())
    return obj


def secrets() -> list[Object]:
    return [
        secret("ada-password", {"password": PASSWORD}),
        secret("orders-users", {"api-key": API_KEY}),
        secret("add-team-claim", {"namespace": NAMESPACE}),
    ]


def every_kind() -> list[Object]:
    """One of each kind, ready to be applied next to `tenant`."""
    return [
        example("Auth0API"),
        example("Auth0Role", permissions=[{"apiRef": {"name": "orders"}, "name": "read:orders"}]),
        example("Auth0Client"),
        example("Auth0ClientGrant"),
        example("Auth0Connection", enabledClients=[{"name": "storefront"}]),
        example("Auth0User"),
        example("Auth0RoleAssignment", expiresAt=None),
        example("Auth0Action"),
        example("Auth0MFAFactorSet"),
        example("Auth0MFAPolicy"),
        example("Auth0AppBinding", grants=[{"apiRef": {"name": "orders"}, "permissions": ["read:orders"]}]),
        example(
            "Auth0Organization",
            connections=[{"connectionRef": {"name": "orders-users"}, "assignMembershipOnLogin": True}],
            members=[{"userRef": {"name": "ada"}, "roles": [{"name": "order-clerk"}]}],
        ),
    ]


def whole_tenant() -> list[Object]:
    """All that `every_kind` needs, and every kind."""
    return [namespace("ml"), auth0_secret(), tenant(), *secrets(), *every_kind()]


async def is_whole(world: World) -> bool:
    """Everything is there and Ready."""
    found = await world.all()
    there = {(obj["kind"], obj["metadata"]["name"]) for obj in found if objects.is_ready(obj)}
    return len(there) == len(found) and all((o["kind"], o["metadata"]["name"]) in there for o in every_kind())


async def made_whole(world: World, *, patience: float = PATIENCE) -> None:
    """Applies everything and waits until it is."""
    world.auth0.state.action_build_seconds = 0.4
    await world.apply(whole_tenant())
    await world.until(lambda: is_whole(world), "one of each kind", patience=patience)


def in_tenant(world: World) -> dict[str, Any]:
    """All that these manifests make in the tenant, in a form that two runs can be compared by: lists, so that a second one
    shows; names for ids; no times and no secrets."""
    state = world.auth0.state
    client = {id_: c["name"] for id_, c in state.clients.items()}
    role = {id_: r["name"] for id_, r in state.roles.items()}
    user = {id_: u["email"] for id_, u in state.users.items()}
    connection = {id_: c["name"] for id_, c in state.connections.items()}
    organization = {id_: o["name"] for id_, o in state.organizations.items()}
    grant = {id_: f"{client[g['client_id']]} {g['audience']}" for id_, g in state.client_grants.items()}
    permissions = {id_: [p["permission_name"] for p in held] for id_, held in state.role_permissions.items()}
    return {
        "apis": sorted(a["identifier"] for a in state.resource_servers.values()),
        "clients": sorted((name, len(state.credentials.get(id_, {}))) for id_, name in client.items()),
        "signs in by": sorted(
            (c["name"], *(c.get("client_authentication_methods") or ())) for c in state.clients.values()
        ),
        "grants": sorted((grant[id_], *sorted(g["scope"])) for id_, g in state.client_grants.items()),
        "roles": sorted((name, *permissions.get(id_, ())) for id_, name in role.items()),
        "assignments": sorted((role[id_], *(user[u] for u in held)) for id_, held in state.role_users.items() if held),
        "users": sorted((u["email"], u["password"], u["app_metadata"]["team"]) for u in state.users.values()),
        "actions": sorted(
            (a["name"], a["code"].partition("\n")[2], tuple(a["_values"].items()), a["all_changes_deployed"])
            for a in state.actions.values()
        ),
        "bindings": {name: [b["display_name"] for b in held] for name, held in state.action_bindings.items()},
        "guardian": state.guardian,
        "connections": sorted(
            (name, *sorted(client[c] for c in state.connection_clients.get(id_, ())))
            for id_, name in connection.items()
        ),
        "organizations": sorted(
            (
                name,
                *sorted(connection[c] for c in state.organization_connections.get(id_, ())),
                *sorted(grant[g] for g in state.organization_grants.get(id_, ())),
                *sorted(client[c] for c in state.organization_clients.get(id_, ())),
                *sorted(
                    (user[u], *(role[r] for r in state.organization_member_roles.get(id_, {}).get(u, ())))
                    for u in state.organization_members.get(id_, ())
                ),
            )
            for id_, name in organization.items()
        ),
    }


@dataclass(frozen=True)
class Whole:
    """An undisturbed run: what there is at its end, and every write on the way, from the first manifest to the end of all."""

    tenant: dict[str, Any]
    cluster: dict[str, Any]
    creates: list[Write]
    deletes: list[Write]
    kept: int
    """Writes to the store until everything was Ready."""


async def undisturbed() -> Whole:
    async with a_world() as world:
        await made_whole(world)
        await world.settled()
        creates, kept = world.writes(), len(world.operator.life.writes)
        whole = Whole(in_tenant(world), await inside(world), points(creates), [], kept)
        await world.delete(*reversed(every_kind()))
        await world.until(lambda: is_only_tenant(world), "the end of all but the tenant")
        return replace(whole, deletes=points(world.writes()[len(creates) :]))


async def is_only_tenant(world: World) -> bool:
    return [obj["kind"] for obj in await world.all()] == ["Auth0Tenant"]


def points(writes: Iterable[LoggedRequest]) -> list[Write]:
    """The writes of a run as points at which the next may die: their paths without ids, counted."""
    found: Counter[tuple[str, str]] = Counter()
    points = []
    for entry in writes:
        path = "/".join("[^/]+" if _ID.search(part) else part for part in entry.path.removeprefix(API).split("/"))
        path = f"{API}{path}$"
        found[entry.method, path] += 1
        points.append(Write(entry.method, path, found[entry.method, path], _kind(entry)))
    return points


_ID = re.compile(r"[0-9_|]|^[A-Za-z]{32}$")
"""What tells an id in a path from a word."""


def _kind(entry: LoggedRequest) -> str:
    return next(kind for start, kind in KINDS.items() if entry.path.startswith(f"{API}/{start}"))
