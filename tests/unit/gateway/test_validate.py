"""What is wrong with a route is said as data, and the others are served."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate.gateway.model import LimitBy, PathType, RateLimit, RouteLimits, Rule, Tenant, Upstream
from mlgate.gateway.validate import check
from unit.gateway.samples import TENANT, gateway, route


def problem(**different: Any) -> str | None:
    rejections = check(gateway(route(**different))).rejections
    return rejections[0].message if rejections else None


def upstream(url: str = "https://model.example.net", **different: Any) -> dict[str, Upstream]:
    return {"upstream": Upstream(url, **different)}


def rule(*arguments: Any, **different: Any) -> dict[str, tuple[Rule, ...]]:
    return {"rules": (Rule(*arguments, **different),)}


PUBLIC: dict[str, Any] = {"public": True, "tenant": None, "audience": None, "rules": (Rule("/"),)}


@pytest.mark.parametrize(
    "different",
    [
        pytest.param({}, id="the usual route"),
        pytest.param(PUBLIC, id="a public route needs neither tenant nor audience"),
        pytest.param({"hostnames": ("*",)}, id="any host"),
        pytest.param({"hostnames": ("*.example.com", "Fraud.Example.com")}, id="a wildcard and capitals"),
        pytest.param({"tenant": Tenant("ml/x", "https://x.test/")}, id="a tenant whose keys are not known yet"),
        pytest.param(upstream("http://127.0.0.1:8080/base/path/"), id="an address with port and path"),
        pytest.param(upstream("http://[::1]:80"), id="an IPv6 address"),
        pytest.param(rule("/v1/", PathType.PREFIX, ("GET", "POST")), id="a prefix with a slash at its end"),
    ],
)
def test_what_is_served(different: dict[str, Any]) -> None:
    assert problem(**different) is None


@pytest.mark.parametrize(
    ("different", "said"),
    [
        pytest.param({"hostnames": ()}, "hostname", id="no hostname"),
        pytest.param({"hostnames": ("a.example.com:80",)}, "DNS name", id="a hostname with a port"),
        pytest.param({"hostnames": ("a.com", "A.com")}, "twice", id="a hostname twice"),
        pytest.param({"tenant": None}, "tenant", id="no tenant and not public"),
        pytest.param({"audience": None}, "audience", id="no audience and not public"),
        pytest.param({"audience": 'a"b'}, "audience", id="an audience that breaks out of a quoted string"),
        pytest.param({"realm": "a\r\nx: y"}, "realm", id="a realm with a line break"),
        pytest.param({"tenant": Tenant("a", "main.auth0.test")}, "issuer", id="an issuer that is no URL"),
        pytest.param({**PUBLIC, **rule("/", require=("a",))}, "public", id="public and permissions"),
        pytest.param({"rules": ()}, "at least one rule", id="no rule"),
        pytest.param(rule("score"), "start with '/'", id="a path without slash"),
        pytest.param(rule("/a?b"), "URL path", id="a path with a query"),
        pytest.param(rule("/a//b"), "normalises", id="a path with an empty segment"),
        pytest.param(rule("/a/../b"), "normalises", id="a path with a dot segment"),
        pytest.param(rule("/a%2Fb"), "escaped", id="a path with an escaped slash"),
        pytest.param(rule("/a", rewrite="b"), "rewrite", id="a rewrite without slash"),
        pytest.param(rule("/.well-known/oauth-protected-resource"), "RFC 9728", id="the gateway's own path"),
        pytest.param(rule("/a", methods=("TRACE",)), "TRACE", id="a method that never passes"),
        pytest.param(rule("/a", methods=("post",)), "post", id="a method in small letters"),
        pytest.param(rule("/a", require=("two words",)), "scope", id="a permission with a space"),
        pytest.param(rule("/a", require=('q"',)), "scope", id="a permission with a quote"),
        pytest.param(
            {"rules": (Rule("/a", methods=("GET", "POST")), Rule("/a/", methods=("POST",)))},
            "earlier rule",
            id="a rule that can never match",
        ),
        pytest.param(upstream("ftp://a"), "http", id="another scheme"),
        pytest.param(upstream("https://"), "host name", id="no host"),
        pytest.param(upstream("https://user:pw@a"), "user", id="a password in the URL"),
        pytest.param(upstream("https://a/?x=1"), "query", id="a query in the URL"),
        pytest.param(upstream("https://a:99999"), "port", id="a port out of range"),
        pytest.param(upstream(ca_pem="not pem"), "PEM", id="a CA that is no PEM"),
        pytest.param(upstream(tls_name="a b"), "TLS name", id="a TLS name that is no name"),
        pytest.param(upstream(credential="c", credential_header="x y"), "header name", id="a header that is none"),
        pytest.param({"limits": RouteLimits(rate=RateLimit(0))}, "rate limit", id="a rate limit of nothing"),
        pytest.param(
            {**PUBLIC, "limits": RouteLimits(rate=RateLimit(1, by=LimitBy.CLIENT))},
            "count by Address or Route",
            id="a public route limited by client",
        ),
        pytest.param({"limits": RouteLimits(body_bytes=0)}, "body", id="a body limit of nothing"),
        pytest.param({"timeout_seconds": 0}, "timeout", id="no time"),
        pytest.param({"retries": 11}, "retries", id="too many retries"),
    ],
)
def test_what_is_not_served_and_why(different: dict[str, Any], said: str) -> None:
    message = problem(**different)
    assert message is not None
    assert said in message


def test_a_password_in_the_upstream_url_is_not_repeated() -> None:
    assert "hunter2" not in str(problem(**upstream("https://user:hunter2@a")))


def test_the_first_route_by_name_gets_a_disputed_path_and_the_other_is_told_who_has_it() -> None:
    first, second, other = route("ml/a"), route("ml/b", hostnames=("A.example.com",)), route("ml/c")
    checked = check(gateway(other, second, first))
    assert [each.name for each in checked.gateway.routes] == ["ml/a", "ml/c"]
    (rejection,) = checked.rejections
    assert rejection.route == "ml/b"
    assert "a.example.com/score (Exact) is already served by route ml/a" in rejection.message


def test_routes_share_a_host_when_their_paths_differ() -> None:
    host = ("shared.example.com",)
    routes = route("ml/a", hostnames=host), route("ml/b", hostnames=host, rules=(Rule("/score"),))
    assert check(gateway(*routes)).rejections == ()


def test_two_tenants_of_one_name_do_not_mix_their_keys() -> None:
    poisoned = Tenant(TENANT.name, TENANT.issuer, {"keys": []})
    checked = check(gateway(route("ml/a"), route("ml/b", tenant=poisoned)))
    assert [(each.route, "tenant ml/main differs" in each.message) for each in checked.rejections] == [("ml/b", True)]


def test_the_same_name_twice_is_served_once() -> None:
    checked = check(gateway(route(), route(hostnames=("other.example.com",))))
    assert (len(checked.gateway.routes), len(checked.rejections)) == (1, 1)
