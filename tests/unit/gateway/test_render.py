"""The rendered resources: deterministic, complete, and closed where something is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from mlgate.gateway.bootstrap import Bootstrap, bootstrap
from mlgate.gateway.descriptors import ROOTS, message_class, pool
from mlgate.gateway.jwks import signing_keys
from mlgate.gateway.model import (
    Certificate,
    GatewayLimits,
    LimitBy,
    Listener,
    Per,
    RateLimit,
    RouteLimits,
    Rule,
    Tenant,
)
from mlgate.gateway.render import render
from mlgate.gateway.render.types import CLUSTER, EXTENSION, LISTENER, ROUTES, SECRET
from mlgate.gateway.snapshot import Encoder
from mlgate.sensitive import Sensitive
from unit.gateway.samples import CREDENTIALS, JWKS, MODULUS, TENANT, gateway, route

EVERYTHING = gateway(
    route(limits=RouteLimits(rate=RateLimit(5, Per.SECOND), body_bytes=1000)),
    route("ml/open", public=True, rules=(Rule("/"),), limits=RouteLimits(rate=RateLimit(1, by=LimitBy.ADDRESS))),
    route("ml/later", tenant=Tenant("ml/later", "https://later.test/")),
    listeners=(Listener(), Listener("https", 8443, certificate="ml/tls")),
    limits=GatewayLimits(requests_per_second=1000, token_lifetime_seconds=86400),
)
SECRETS = {**CREDENTIALS, "ml/tls": Certificate("ml/tls", "CHAIN", Sensitive("KEY"))}


def everything_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from everything_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from everything_in(each)


def test_the_same_gateway_renders_the_same_text_in_whatever_order_its_routes_come() -> None:
    from mlgate.gateway.validate import check

    turned = replace(EVERYTHING, routes=EVERYTHING.routes[::-1])
    texts = {json.dumps(render(check(each).gateway, SECRETS)) for each in (EVERYTHING, EVERYTHING, turned)}
    assert len(texts) == 1


def test_a_listener_depends_on_no_route() -> None:
    none, some = render(gateway(), {}), render(gateway(route()), CREDENTIALS)
    assert none[LISTENER] == some[LISTENER]
    assert list(none[LISTENER]) == ["http"]


def test_everything_rendered_fits_envoys_schema_and_every_type_is_a_root() -> None:
    rendered = render(EVERYTHING, SECRETS)
    encoded = Encoder().encode(rendered)
    assert encoded.faults == ()
    types = {each["@type"].rpartition("/")[2] for each in everything_in(rendered) if "@type" in each}
    assert types <= set(ROOTS)


def test_the_bootstrap_fits_envoys_schema() -> None:
    content = bootstrap(Bootstrap("ml/public", "p", "operator.mlgate.svc", 18000, admin_port=9901, metrics_port=9902))
    ParseDict(content, message_class("envoy.config.bootstrap.v3.Bootstrap")(), descriptor_pool=pool())
    assert content["node"] == {"id": "p", "cluster": "ml/public"}


def test_a_metrics_listener_needs_an_admin_port() -> None:
    with pytest.raises(ValueError, match="admin port"):
        bootstrap(Bootstrap("ml/public", "p", "127.0.0.1", 1, metrics_port=2))


def test_a_gateway_without_routes_knows_no_host() -> None:
    (host,) = render(gateway(), {})[ROUTES]["routes"]["virtual_hosts"]
    assert host["domains"] == ["*"]
    assert [each["direct_response"]["status"] for each in host["routes"]] == [404]


def test_a_tls_listener_without_its_certificate_is_left_out() -> None:
    rendered = render(EVERYTHING, CREDENTIALS)
    assert list(rendered[LISTENER]) == ["http"]
    assert list(rendered[SECRET]) == ["credential/ml/key"]


def test_a_missing_credential_is_an_empty_secret_and_never_an_absent_one() -> None:
    secret = render(gateway(route()), {})[SECRET]["credential/ml/key"]
    assert secret["generic_secret"]["secret"] == {"inline_string": ""}


def test_secret_values_are_in_secret_resources_only() -> None:
    rendered = render(EVERYTHING, SECRETS)
    secrets = rendered.pop(SECRET)
    assert "CANARY" in json.dumps(secrets)
    assert "CANARY" not in json.dumps(rendered)
    assert "CANARY" not in repr(SECRETS) + repr(Encoder().encode({**rendered, SECRET: secrets}))


def routes_to_upstreams(rendered: Any) -> list[dict[str, Any]]:
    return [each for host in rendered[ROUTES]["routes"]["virtual_hosts"] for each in host["routes"] if "route" in each]


def test_every_route_to_an_upstream_names_a_requirement_or_is_public() -> None:
    for each in routes_to_upstreams(render(EVERYTHING, SECRETS)):
        filters = each["typed_per_filter_config"]
        required = filters["envoy.filters.http.jwt_authn"].get("requirement_name")
        assert required == ("ml/main" if each["name"].startswith("ml/fraud") else None)
        assert ("rbac" in filters["mlgate.audience"]) == (required is not None)
        assert ("rbac" in filters["envoy.filters.http.rbac"]) == (required is not None)


@pytest.mark.parametrize(
    "jwks",
    [
        pytest.param(None, id="not fetched yet"),
        pytest.param({}, id="no keys member"),
        pytest.param({"keys": "k"}, id="keys that are no list"),
        pytest.param({"keys": [None, 3, {}]}, id="keys that are no keys"),
        pytest.param({"keys": [{"kty": "oct", "k": "AAAA", "alg": "HS256"}]}, id="a symmetric key only"),
        pytest.param({"keys": [{**JWKS["keys"][0], "alg": "HS256"}]}, id="an RSA key for HS256"),
        pytest.param({"keys": [{**JWKS["keys"][0], "use": "enc"}]}, id="an encryption key only"),
        pytest.param({"keys": [{**JWKS["keys"][0], "n": "!!!"}]}, id="a malformed modulus"),
        pytest.param({"keys": [{**JWKS["keys"][0], "n": "AQAB"}]}, id="a modulus of 17 bits"),
        pytest.param({"keys": [{**JWKS["keys"][0], "e": "AQ"}]}, id="an exponent of 1"),
        pytest.param({"keys": [{"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB"}]}, id="a malformed point"),
        pytest.param(
            {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": MODULUS}]}, id="a kind that Envoy does not verify"
        ),
    ],
)
def test_without_a_usable_key_nothing_reaches_the_upstream(jwks: Any) -> None:
    rendered = render(gateway(route(tenant=replace(TENANT, jwks=jwks))), CREDENTIALS)
    assert routes_to_upstreams(rendered) == []
    assert rendered[EXTENSION]["envoy.filters.http.jwt_authn"]["typed_config"]["providers"] == {}


def test_private_members_of_a_key_are_not_passed_on() -> None:
    (key,) = signing_keys({"keys": [{**JWKS["keys"][0], "d": "PRIVATE", "x5c": ["..."]}]})
    assert sorted(key) == ["alg", "e", "kid", "kty", "n", "use"]


def test_a_percent_sign_in_a_realm_is_not_a_command_to_envoy() -> None:
    rendered = render(gateway(route(realm="%REQ(authorization)%")), CREDENTIALS)
    guard = rendered[ROUTES]["routes"]["virtual_hosts"][1]["routes"][1]
    assert '"%%REQ(authorization)%%"' in guard["response_headers_to_add"][0]["header"]["value"]


def test_every_route_has_its_own_upstream_named_like_it() -> None:
    rendered = render(EVERYTHING, SECRETS)
    assert list(rendered[CLUSTER]) == ["ml/fraud", "ml/open", "ml/later"]
