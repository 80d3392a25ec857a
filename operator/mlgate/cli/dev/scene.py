"""What the outside must look like so that the manifests work: read from the manifests, pure."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...store.protocol import Object
from .manifests import Manifest, secret_values

LOWEST_FREE_PORT = 1024
"""Ports below need privileges."""


@dataclass(frozen=True, slots=True)
class Auth0Facts:
    """The tenant to simulate. None: made up."""

    domain: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AzureFacts:
    """The subscription to simulate. None: made up."""

    tenant: str | None = None
    subscription: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    resource_group: str | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """`remarks`: what in the manifests cannot be had here, for people."""

    auth0: Auth0Facts
    azure: AzureFacts
    remarks: tuple[str, ...] = ()


def scene(manifests: Iterable[Manifest]) -> Scene:
    """From the first Auth0Tenant and the first AzureConnection, and the Secrets they name."""
    objects = [each.obj for each in manifests]
    tenants = [obj for obj in objects if obj["kind"] == "Auth0Tenant"]
    connections = [obj for obj in objects if obj["kind"] == "AzureConnection"]
    remarks = []
    domains = {_at(obj, "spec", "domain") for obj in tenants}
    if len(domains) > 1:
        remarks.append("There is one simulated Auth0 tenant here; the manifests name several domains.")
    subscriptions = {_at(obj, "spec", "subscriptionId") for obj in connections}
    if len(subscriptions) > 1:
        remarks.append("There is one simulated subscription here; the manifests name several.")
    if any(_at(obj, "spec", "auth", "type") not in (None, "ClientSecret") for obj in connections):
        remarks.append("Managed identities and workload identities do not exist here: use auth.type: ClientSecret.")
    return Scene(
        _auth0(tenants[0], objects) if tenants else Auth0Facts(),
        _azure(connections[0], objects) if connections else AzureFacts(),
        tuple(remarks),
    )


def _auth0(tenant: Object, objects: Iterable[Object]) -> Auth0Facts:
    values = _secret(tenant, _at(tenant, "spec", "credentials", "secretRef", "name"), objects)
    return Auth0Facts(_at(tenant, "spec", "domain"), values.get("clientId"), values.get("clientSecret"))


def _azure(connection: Object, objects: Iterable[Object]) -> AzureFacts:
    values = _secret(connection, _at(connection, "spec", "auth", "secretRef", "name"), objects)
    return AzureFacts(
        tenant=_at(connection, "spec", "tenantId"),
        subscription=_at(connection, "spec", "subscriptionId"),
        client_id=_at(connection, "spec", "auth", "clientId"),
        client_secret=values.get("clientSecret"),
        resource_group=_at(connection, "spec", "resourceGroup"),
        location=_at(connection, "spec", "location"),
    )


def _secret(user: Object, name: Any, objects: Iterable[Object]) -> dict[str, str]:
    namespace = user["metadata"].get("namespace")
    for obj in objects:
        if obj["kind"] == "Secret" and (obj["metadata"].get("namespace"), obj["metadata"]["name"]) == (namespace, name):
            return secret_values(obj)
    return {}


def _at(obj: Any, *path: str) -> Any:
    """The value at a path; None where the manifest has something else there (it is refused later, with words)."""
    for name in path:
        if not isinstance(obj, Mapping):
            return None
        obj = obj.get(name)
    return obj


def wanted_ports(gateway: Object) -> list[int]:
    """The ports of a ModelGateway's listeners, as written."""
    listeners = _at(gateway, "spec", "listeners")
    found = [_at(each, "port") for each in listeners] if isinstance(listeners, list) else []
    return [port for port in found if isinstance(port, int) and 0 < port < 65536]


def choose_port(wanted: int, taken: Iterable[int] = ()) -> int:
    """The wanted port if this machine lets us have it, else a free one."""
    if wanted >= LOWEST_FREE_PORT and wanted not in set(taken):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", wanted))  # noqa: S104 - where Envoy will listen
            except OSError:
                pass
            else:
                return wanted
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
