"""From objects to the gateway's model: what can be served is served, what lacks a piece is left out and never opens a
door."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from mlgate.api.modelroute import RateLimit
from mlgate.gateway import model
from mlgate.kinds.gateway.assembly import Assembly, Place, Surroundings, assemble
from mlgate.store.protocol import Key, Object, key_of
from unit.engine.samples import an_object

JWKS = {"keys": [{"kid": "k1"}]}
HTTPS = {"name": "https", "port": 443, "protocol": "HTTPS", "tls": {"secretRef": {"name": "cert"}}}
HTTP = {"name": "http", "port": 8080, "protocol": "HTTP"}
RULE = {"path": "/score", "methods": ["POST"], "require": ["predict"]}


def a_gateway(*listeners: dict[str, Any], **spec: Any) -> Object:
    return an_object("ModelGateway", "public", spec={"listeners": list(listeners or (HTTP,)), **spec})


def a_tenant(namespace: str = "ml", **status: Any) -> Object:
    spec = {"domain": "acme.auth0.com", "allowedNamespaces": {"from": "Names", "names": ["shop"]}}
    return an_object("Auth0Tenant", "main", namespace=namespace, spec=spec, status={"jwks": json.dumps(JWKS), **status})


def an_endpoint(
    namespace: str = "ml", secret: str | None = "credential", uri: str | None = "https://f.inference/score"
) -> Object:
    spec = {"credentialsSecret": {"name": secret}} if secret else {}
    return an_object(
        "AzureMLOnlineEndpoint", "fraud", namespace=namespace, spec=spec, status={"scoringUri": uri} if uri else {}
    )


def a_route(name: str = "fraud", *, namespace: str = "ml", deleting: bool = False, **spec: Any) -> Object:
    said = {
        "gatewayRef": {"name": "public", "namespace": "ml"},
        "hostnames": ["fraud.example.com"],
        "upstream": {"endpointRef": {"name": "fraud"}},
        "tenantRef": {"name": "main"},
        "audience": "https://fraud",
        "rules": [RULE],
        **spec,
    }
    return an_object("ModelRoute", name, namespace=namespace, spec=said, deleting=deleting)


def assembled(
    *routes: Object,
    gateway: Object | None = None,
    others: tuple[Object, ...] | None = None,
    around: Surroundings | None = None,
) -> Assembly:
    there = {key_of(obj): obj for obj in (others if others is not None else (a_tenant(), an_endpoint()))}
    return assemble(gateway or a_gateway(), routes, there.get, around or Surroundings())


BEHIND_URL = {"url": "https://model.internal/base", "credentialsSecretRef": {"name": "up", "key": "token"}}
TO_URL: dict[str, Any] = {"upstream": BEHIND_URL}


@dataclass(frozen=True)
class Case:
    says: str
    route: Object
    served: bool
    others: tuple[Object, ...] = (a_tenant(), an_endpoint())
    gateway: Object | None = None

    def __str__(self) -> str:
        return self.says


LETS_SHOP_IN = a_gateway(allowedNamespaces={"from": "Names", "names": ["shop"]})
FROM_SHOP: dict[str, Any] = {"namespace": "shop", "tenantRef": {"name": "main", "namespace": "ml"}}

CASES = [
    Case("a route with all its pieces is served", a_route(), True),
    Case("a route of another gateway is not served here", a_route(gatewayRef={"name": "other"}), False),
    Case(
        "a route whose gateway has the same name elsewhere is not served here",
        a_route(gatewayRef={"name": "public", "namespace": "shop"}),
        False,
    ),
    Case("a route that is being deleted is not served any more", a_route(deleting=True), False),
    Case("a route without its tenant is left out, not opened", a_route(), False, (an_endpoint(),)),
    Case("a route without its endpoint is left out", a_route(), False, (a_tenant(),)),
    Case(
        "a route to an endpoint without a scoring URI is left out",
        a_route(),
        False,
        (a_tenant(), an_endpoint(uri=None)),
    ),
    Case(
        "a route to an endpoint without a credential is left out",
        a_route(),
        False,
        (a_tenant(), an_endpoint(secret=None)),
    ),
    Case(
        "a route to an endpoint of another namespace is left out: its credential stays there",
        a_route(upstream={"endpointRef": {"name": "fraud", "namespace": "shop"}}),
        False,
        (a_tenant(), an_endpoint("shop")),
    ),
    Case(
        "a route from a namespace that the gateway does not let in is left out", a_route(**FROM_SHOP, **TO_URL), False
    ),
    Case(
        "a route from a namespace that gateway and tenant let in is served",
        a_route(**FROM_SHOP, **TO_URL),
        True,
        gateway=LETS_SHOP_IN,
    ),
    Case(
        "a route from a namespace that the tenant does not let in is left out",
        a_route(namespace="other", tenantRef={"name": "main", "namespace": "ml"}, **TO_URL),
        False,
        gateway=a_gateway(allowedNamespaces={"from": "All"}),
    ),
    Case("a route to a URL needs no endpoint", a_route(**TO_URL), True, (a_tenant(),)),
    Case(
        "a public route needs no tenant",
        a_route(tenantRef=None, audience=None, public=True, rules=[{"path": "/"}], **TO_URL),
        True,
        (),
    ),
    Case(
        "a tenant whose keys are not known yet is served: its routes answer 503",
        a_route(),
        True,
        (a_tenant(jwks=None), an_endpoint()),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_which_routes_are_served(case: Case) -> None:
    found = assembled(case.route, gateway=case.gateway, others=case.others)
    assert [route.name for route in found.gateway.routes] == ([_name(case.route)] if case.served else [])


def _name(obj: Object) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"


def test_one_route_that_lacks_a_piece_does_not_keep_the_others() -> None:
    broken = a_route("broken", upstream={"endpointRef": {"name": "nowhere"}})
    found = assembled(a_route("z"), broken, a_route("a"))
    assert [route.name for route in found.gateway.routes] == ["ml/a", "ml/z"]


def test_the_same_objects_in_any_order_are_the_same_model() -> None:
    routes = [a_route(name) for name in "abc"]
    assert assembled(*routes) == assembled(*reversed(routes))


def test_what_a_route_to_an_endpoint_is() -> None:
    found = assembled(
        a_route(
            rateLimit={"requests": 5, "per": "Second", "by": "Address"}, timeout="5s", retries=2, maxRequestBytes=1000
        )
    )
    [route] = found.gateway.routes
    assert route.upstream == model.Upstream("https://f.inference", credential="ml/credential/credential")
    assert route.rules == (model.Rule("/score", model.PathType.EXACT, ("POST",), ("predict",), rewrite="/score"),)
    assert route.tenant == model.Tenant("ml/main", "https://acme.auth0.com/", JWKS)
    assert (route.audience, route.public, route.timeout_seconds, route.retries) == ("https://fraud", False, 5.0, 2)
    assert route.limits.rate == model.RateLimit(5, model.Per.SECOND, model.LimitBy.ADDRESS)
    assert route.limits.body_bytes == 1000
    assert found.credentials == {"ml/credential/credential": Place(Key("Secret", "ml", "credential"), ("credential",))}


def test_what_a_route_to_a_url_is() -> None:
    found = assembled(a_route(**TO_URL), around=Surroundings(upstream_ca_pem="PEM"))
    [route] = found.gateway.routes
    assert route.upstream == model.Upstream("https://model.internal/base", ca_pem="PEM", credential="ml/up/token")
    assert route.rules[0].rewrite is None
    assert found.credentials == {"ml/up/token": Place(Key("Secret", "ml", "up"), ("token",))}


def test_a_url_without_tls_gets_no_authority_and_no_credential() -> None:
    [route] = assembled(
        a_route(upstream={"url": "http://m"}), around=Surroundings(upstream_ca_pem="PEM")
    ).gateway.routes
    assert (route.upstream.ca_pem, route.upstream.credential) == (None, None)


@pytest.mark.parametrize("by", RateLimit.model_fields["by"].annotation.__args__)  # type: ignore[union-attr]
@pytest.mark.parametrize("per", RateLimit.model_fields["per"].annotation.__args__)  # type: ignore[union-attr]
def test_every_limit_that_a_manifest_can_say_is_carried_out(by: str, per: str) -> None:
    [route] = assembled(a_route(rateLimit={"requests": 1, "per": per, "by": by})).gateway.routes
    assert route.limits.rate == model.RateLimit(1, model.Per(per), model.LimitBy(by))


def test_the_issuer_is_what_the_tenant_says_of_itself() -> None:
    [route] = assembled(a_route(), others=(a_tenant(issuer="https://custom/"), an_endpoint())).gateway.routes
    assert route.tenant is not None
    assert route.tenant.issuer == "https://custom/"


def test_listeners_know_their_certificates() -> None:
    found = assembled(gateway=a_gateway(HTTPS, HTTP))
    assert found.gateway.listeners == (
        model.Listener("https", 443, certificate="ml/public/https"),
        model.Listener("http", 8080),
    )
    assert found.credentials == {"ml/public/https": Place(Key("Secret", "ml", "cert"), ("tls.crt", "tls.key"))}
    assert (found.gateway.public_scheme, found.gateway.public_port) == ("https", 443)


def test_ports_can_be_replaced_where_the_wished_ones_are_taken() -> None:
    found = assembled(gateway=a_gateway(HTTP), around=Surroundings(ports={("ml/public", 8080): 18080}))
    assert (found.gateway.listeners[0].port, found.gateway.public_port) == (18080, 18080)


def test_limits_of_the_gateway_hold_for_all_its_routes() -> None:
    limits = assembled(gateway=a_gateway(limits={"maxRequestBytes": 10, "timeout": "1m30s"})).gateway.limits
    assert (limits.body_bytes, limits.request_seconds) == (10, 90.0)
    assert assembled().gateway.limits == model.GatewayLimits()


def test_a_gateway_without_routes_is_still_a_gateway() -> None:
    assert assembled(others=()).gateway.name == "ml/public"
