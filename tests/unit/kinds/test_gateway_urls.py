"""Where a route is called, as the manifests say it."""

from __future__ import annotations

import pytest

from mlgate.kinds.gateway.assembly import url_of


@pytest.mark.parametrize(
    ("listener", "expect"),
    [
        pytest.param({"port": 443, "tls": {"secretRef": {}}}, "https://h/p", id="the usual port of HTTPS is not said"),
        pytest.param({"port": 8443, "tls": {"secretRef": {}}}, "https://h:8443/p", id="another port of HTTPS is said"),
        pytest.param({"port": 80}, "http://h/p", id="the usual port of HTTP is not said"),
        pytest.param({"port": 8080}, "http://h:8080/p", id="another port of HTTP is said"),
    ],
)
def test_the_url_of_a_route(listener: dict[str, object], expect: str) -> None:
    assert url_of({"listeners": [listener, {"port": 1}]}, "h", "/p") == expect
