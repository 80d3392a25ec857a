"""The neutral model as Envoy resources: `render(gateway, credentials)`, pure and deterministic.

Result: type URL -> resource name -> the resource as protobuf JSON. Every claim about what Envoy does with them is from
measurements on Envoy 1.40 (shared facts, gateway). The gateway must have gone through
:func:`mlgate.gateway.validate.check`.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlgate.gateway.model import Certificate, Credential, Gateway, Rejection
from mlgate.gateway.render.clusters import cluster, secret, secret_name
from mlgate.gateway.render.listeners import certificate_name, certificate_secret, listener
from mlgate.gateway.render.ratelimits import rate_extension
from mlgate.gateway.render.routes import route_configuration
from mlgate.gateway.render.tokens import jwt_extension
from mlgate.gateway.render.types import CLUSTER, EXTENSION, LISTENER, ROUTES, SECRET, Json

Credentials = Mapping[str, Credential | Certificate]
"""By name, as the routes and listeners refer to them."""

Resources = dict[str, dict[str, Json]]

__all__ = ["Credentials", "Resources", "reduced", "render"]


def render(gateway: Gateway, credentials: Credentials) -> Resources:
    """All resources of a gateway that :func:`check` accepted. The Secret resources hold the values in the clear: the
    result goes to the encoder and nowhere else."""
    secrets: dict[str, Json] = {}
    for name in {route.upstream.credential for route in gateway.routes if route.upstream.credential}:
        found = credentials.get(name)
        secrets[secret_name(name)] = secret(secret_name(name), found if isinstance(found, Credential) else None)
    listeners: dict[str, Json] = {}
    for each in gateway.listeners:
        if each.certificate is not None:
            certificate = credentials.get(each.certificate)
            if not isinstance(certificate, Certificate):
                continue  # a TLS listener without its certificate stays closed; see reduced()
            name = certificate_name(each.certificate)
            secrets[name] = certificate_secret(name, certificate)
        listeners[each.name] = listener(gateway, each)
    extensions = (jwt_extension(gateway), rate_extension(gateway))
    routes = route_configuration(gateway)
    return {
        SECRET: dict(sorted(secrets.items())),
        CLUSTER: {route.name: cluster(gateway, route) for route in gateway.routes},
        EXTENSION: {each["name"]: each for each in extensions} if listeners else {},
        LISTENER: listeners,
        ROUTES: {routes["name"]: routes} if listeners else {},
    }


def reduced(gateway: Gateway, credentials: Credentials) -> tuple[Rejection, ...]:
    """What is served in a reduced way: without a secret routes answer 503 and listeners stay closed; a route does not
    get more than its gateway allows."""
    found: list[Rejection] = []
    for each in gateway.listeners:
        if each.certificate is not None and not isinstance(credentials.get(each.certificate), Certificate):
            found.append(
                Rejection(None, f"listener {each.name} stays closed: its certificate {each.certificate} is not there")
            )
    for route in gateway.routes:
        name = route.upstream.credential
        held = credentials.get(name) if name else None
        if name and not (isinstance(held, Credential) and held.value):
            found.append(
                Rejection(route.name, f"answers 503: the upstream's credential {name} is not there or is empty")
            )
        largest = gateway.limits.body_bytes
        if (route.limits.body_bytes or 0) > largest:
            found.append(Rejection(route.name, f"bodies are limited to {largest} bytes by gateway {gateway.name}"))
    return tuple(found)
