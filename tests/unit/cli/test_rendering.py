"""`mlgate get` and `describe`, as text."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate.cli import table
from mlgate.cli.dev.lookup import redacted
from mlgate.cli.source import resource_named
from mlgate.cli.story import story
from mlgate.store.protocol import Object

NOW = 1_763_892_000.0
CREATED = "2025-11-23T09:58:30Z"


def tenant(name: str = "main", **status: Any) -> Object:
    return {
        "apiVersion": "mlgate.dev/v1alpha1",
        "kind": "Auth0Tenant",
        "metadata": {"name": name, "namespace": "ml", "uid": name, "creationTimestamp": CREATED},
        "spec": {"domain": "a.eu.auth0.com"},
        "status": status,
    }


READY = [
    {"type": "Ready", "status": "True", "reason": "Available", "lastTransitionTime": CREATED},
    {"type": "Synced", "status": "False", "reason": "Drifted", "message": "2 fields", "lastTransitionTime": CREATED},
]


def test_get_looks_like_kubectls() -> None:
    rows = table.rows([tenant(conditions=READY), tenant("second-tenant")], now=NOW)
    assert table.align(rows) == (
        "NAMESPACE   NAME            DOMAIN           BUDGET   READY   SYNCED   REASON      AGE\n"
        "ml          main            a.eu.auth0.com            True    False    Available   90s\n"
        "ml          second-tenant   a.eu.auth0.com                                         90s\n"
    )


def test_wide_shows_the_columns_of_priority_one_too() -> None:
    narrow = table.rows([tenant()], now=NOW, namespaced=False)[0]
    wide = table.rows([tenant()], now=NOW, wide=True, namespaced=False)[0]
    assert narrow == ["NAME", "DOMAIN", "BUDGET", "READY", "SYNCED", "REASON", "AGE"]
    assert wide[-1] == "MESSAGE"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (150, "2m30s"), (3 * 3600, "3h"), (5 * 3600 + 60, "5h1m"),
     (26 * 3600, "26h"), (3 * 86400, "3d"), (3 * 86400 + 7200, "3d2h"), (90 * 86400, "90d")],
)  # fmt: skip
def test_age_as_kubectl_says_it(seconds: int, told: str) -> None:
    assert table.age("2025-11-23T10:00:00Z", NOW + seconds) == told


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (".spec.domain", "a.eu.auth0.com"),
        ('.status.conditions[?(@.type=="Synced")].reason', "Drifted"),
        ('.status.conditions[?(@.type=="Nothing")].reason', None),
        (".spec.domain.further", None),
        (".nothing", None),
    ],
)
def test_paths_of_columns(path: str, value: str | None) -> None:
    assert table.look_up(tenant(conditions=READY), path) == value


@pytest.mark.parametrize("word", ["Auth0Tenant", "auth0tenants", "a0t", "auth0tenant.mlgate.dev"])
def test_a_kind_goes_by_any_of_its_names(word: str) -> None:
    assert resource_named(word).kind == "Auth0Tenant"


def test_describe_tells_the_whole_story() -> None:
    event = {
        "type": "Warning", "reason": "Unreachable", "message": "Auth0 did not answer.", "count": 3,
        "firstTimestamp": CREATED, "lastTimestamp": "2025-11-23T09:59:50Z",
    }  # fmt: skip
    child = {**tenant("child"), "status": {"conditions": READY}}
    told = story(tenant(conditions=READY, jwks="{}", externalId="x"), [event], [child], NOW)
    assert "Name:          main" in told
    assert "  domain: a.eu.auth0.com" in told
    assert "  Synced   False    Drifted     90s     2 fields" in told
    assert "  Warning   Unreachable   10s (x3 over 90s)   Auth0 did not answer." in told
    assert "  Auth0Tenant   child   True    Available" in told
    assert "externalId: x" in told
    assert "jwks" not in told


def test_an_object_nobody_looked_at_yet_says_so() -> None:
    told = story(tenant(), [], [], NOW)
    assert "<none yet" in told
    assert "Events:        <none>" in told


def test_values_of_secrets_are_never_shown() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"password": "aHVudGVyMg=="}}
    assert redacted(secret)["data"] == {"password": "***"}
    rows = table.rows([redacted(secret)], now=NOW, namespaced=False)
    assert "aHVudGVyMg==" not in table.align(rows)
