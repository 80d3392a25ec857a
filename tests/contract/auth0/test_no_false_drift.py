"""Zero false drift: nothing that a recording wrote is seen as changed in what the recording reads later.

Add a kind by adding its row; explain a difference that no rule can take away in `KNOWN`, with its reason.
The recordings are not part of the repository: without them this module skips.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from contract.auth0 import recordings
from contract.auth0.drift import Finding, Row, Wish, blind_to, collection, look, table
from contract.auth0.recordings import Exchange
from mlgate.auth0.actions import as_asked
from mlgate.auth0.secret_names import is_secret
from mlgate.engine.fields import Fields
from mlgate.kinds.auth0.action import Auth0Action
from mlgate.kinds.auth0.api import Auth0API
from mlgate.kinds.auth0.client import Auth0Client
from mlgate.kinds.auth0.client_grant import Auth0ClientGrant
from mlgate.kinds.auth0.connection import Auth0Connection
from mlgate.kinds.auth0.connection_options import RULES, anything
from mlgate.kinds.auth0.organization import Auth0Organization
from mlgate.kinds.auth0.organization_lists import connections_seen
from mlgate.kinds.auth0.role import Auth0Role
from mlgate.kinds.auth0.tenant import Auth0Tenant
from mlgate.kinds.auth0.user import Auth0User, seen_values


def application(body: dict[str, Any]) -> Wish:
    """Without the secret, and without credentials that are given whole: mlgate makes them first and sends their ids."""
    wish = {name: value for name, value in body.items() if name != "client_secret"}
    methods = (wish.get("client_authentication_methods") or {}).values()
    if any("pem" in credential for method in methods for credential in method.get("credentials", ())):
        del wish["client_authentication_methods"]
    return wish


def profile(body: dict[str, Any]) -> Wish:
    """Without the password, which is never shown, and without whether a mail goes out, which is no state."""
    return {name: value for name, value in body.items() if name not in {"password", "verify_email"}}


def settings_written(exchange: Exchange, before: Callable[[str], Wish | None]) -> tuple[str, Wish | None] | None:
    written = exchange.route == "/tenants/settings" and exchange.method == "PATCH"
    return ("tenant", exchange.request) if written else None


def settings_shown(exchange: Exchange) -> Iterable[tuple[str, Wish]]:
    if exchange.route == "/tenants/settings" and exchange.method == "GET" and "fields" not in exchange.query:
        yield "tenant", in_minutes(exchange.response)


def in_minutes(settings: Mapping[str, Any]) -> Wish:
    """Lifetimes are written in minutes or in hours and shown in hours."""
    shown = {
        "session_lifetime": "session_lifetime_in_minutes",
        "idle_session_lifetime": "idle_session_lifetime_in_minutes",
    }
    return {
        **settings,
        **{minutes: round(settings[hours] * 60) for hours, minutes in shown.items() if hours in settings},
    }


def granted(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"api": item["resource_server_identifier"], "name": item["permission_name"]} for item in items]


def permissions_written(exchange: Exchange, before: Callable[[str], Wish | None]) -> tuple[str, Wish | None] | None:
    """POST adds and DELETE removes: the wish is what is left."""
    if exchange.route == "/roles/{id}" and exchange.method == "DELETE":
        return exchange.ids[0], None
    if exchange.route != "/roles/{id}/permissions" or exchange.method == "GET":
        return None
    named = granted(exchange.request["permissions"])
    kept = [item for item in (before(exchange.ids[0]) or {}).get("permissions", []) if item not in named]
    return exchange.ids[0], {"permissions": kept + (named if exchange.method == "POST" else [])}


def permissions_shown(exchange: Exchange) -> Iterable[tuple[str, Wish]]:
    if exchange.route == "/roles/{id}/permissions" and exchange.method == "GET":
        answer = exchange.response
        yield exchange.ids[0], {"permissions": granted(answer["permissions"] if isinstance(answer, dict) else answer)}


STRATEGIES = (
    "ad adfs apple auth0 email facebook github google-apps google-oauth2 line linkedin oauth1 oauth2 oidc okta"
    " pingfederate salesforce samlp sms twitter waad windowslive wordpress"
)


def connections(strategy: str) -> Row:
    """The connections of one strategy, whose options compare by its rules. Without what a manifest cannot say: secrets
    (mlgate takes those from Secrets) and the applications, which the service takes elsewhere by now."""
    whole = collection(
        f"Auth0Connection {strategy}",
        Auth0Connection.fields_of(strategy),
        route="/connections",
        plural="connections",
        wish=lambda body: connection(body, strategy),
    )
    known: set[tuple[str, str]] = set()

    def written(exchange: Exchange, before: Callable[[str], Wish | None]) -> tuple[str, Wish | None] | None:
        learn(exchange)
        found = whole.written(exchange, before)
        return found if found and (exchange.source, found[0]) in known else None

    def shown(exchange: Exchange) -> Iterable[tuple[str, Wish]]:
        for key, seen in whole.shown(exchange):
            if seen.get("strategy") == strategy:
                known.add((exchange.source, key))
                yield key, seen

    def learn(exchange: Exchange) -> None:
        answer = exchange.response
        alone = exchange.route in {"/connections", "/connections/{id}"} and isinstance(answer, dict)
        if alone and answer.get("strategy") == strategy and "id" in answer:
            known.add((exchange.source, str(answer["id"])))

    return Row(whole.name, whole.fields, written, shown)


def connection(body: dict[str, Any], strategy: str) -> Wish:
    """Also without the options that the service always finds by itself: no value of theirs is a difference."""
    wish = {name: value for name, value in body.items() if name != "enabled_clients"}
    if "options" in wish:
        options = public(wish["options"])
        left = {name for (of, name), rule in RULES.items() if of == strategy and rule is anything} | {"configuration"}
        wish["options"] = {name: value for name, value in options.items() if name not in left}
    return wish


def public(value: Any, name: str = "") -> Any:
    """Without texts under names that tell of secrets."""
    if not isinstance(value, dict):
        return value
    return {key: public(below, key) for key, below in value.items() if not is_secret(key, below)}


def organization_connections_written(
    exchange: Exchange, before: Callable[[str], Wish | None]
) -> tuple[str, Wish | None] | None:
    """What is wished of one connection of an organization; a PATCH adds to what was wished before."""
    below = "/organizations/{id}/connections"
    if exchange.route == below and exchange.method == "POST":
        key = f"{exchange.ids[0]} {exchange.request['connection_id']}"
        return key, {"connections": [exchange.request]}
    if exchange.route != f"{below}/{{id}}" or exchange.method not in {"PATCH", "DELETE"}:
        return None
    key = f"{exchange.ids[0]} {exchange.ids[2]}"
    if exchange.method == "DELETE":
        return key, None
    wished = (before(key) or {"connections": [{"connection_id": exchange.ids[2]}]})["connections"][0]
    return key, {"connections": [{**wished, **exchange.request}]}


def organization_connections_shown(exchange: Exchange) -> Iterable[tuple[str, Wish]]:
    below = "/organizations/{id}/connections"
    if exchange.method == "GET" and exchange.route in {below, f"{below}/{{id}}"}:
        answer = exchange.response
        for item in answer["connections"] if exchange.route == below else [answer]:
            yield f"{exchange.ids[0]} {item['connection_id']}", {"connections": connections_seen([item])}


def action(body: dict[str, Any]) -> Wish:
    """Without the secrets' values, which no answer shows (the kind compares them by fingerprint), and without the
    deploy, which is a request of its own."""
    wish = {name: value for name, value in body.items() if name not in {"secrets", "deploy", "modules"}}
    if "dependencies" in wish:  # a manifest has no room for the registry's address
        wish["dependencies"] = [{name: d[name] for name in ("name", "version")} for d in wish["dependencies"]]
    return wish


def places_written(exchange: Exchange, before: Callable[[str], Wish | None]) -> tuple[str, Wish | None] | None:
    if exchange.route != "/actions/triggers/post-login/bindings" or exchange.method != "PATCH":
        return None
    if any(item["ref"]["type"] != "action_id" for item in exchange.request["bindings"]):
        return "post-login", None  # mlgate names Actions by id
    return "post-login", {
        "order": [(item["ref"]["value"], item["display_name"]) for item in exchange.request["bindings"]]
    }


def places_shown(exchange: Exchange) -> Iterable[tuple[str, Wish]]:
    """Whole lists only, as the kind reads them; those of a tenant where others bind too are told by the second."""
    first = exchange.query.get("page", ["0"]) == ["0"]
    if exchange.route == "/actions/triggers/post-login/bindings" and exchange.method == "GET" and first:
        bindings = [as_asked(binding) for binding in exchange.response["bindings"]]
        yield "post-login", {"order": [(item["ref"]["value"], item["display_name"]) for item in bindings]}


def factors_written(exchange: Exchange, before: Callable[[str], Wish | None]) -> tuple[str, Wish | None] | None:
    """Each switch for itself."""
    if exchange.method == "PUT" and exchange.route.count("/") == 3 and exchange.route.startswith("/guardian/factors/"):
        return exchange.route.rsplit("/", 1)[1], {"enabled": exchange.request["enabled"]}
    return None


def factors_shown(exchange: Exchange) -> Iterable[tuple[str, Wish]]:
    if exchange.route == "/guardian/factors" and exchange.method == "GET":
        for factor in exchange.response:
            yield factor["name"], {"enabled": factor["enabled"]}


ROWS: list[Row] = [
    collection(
        "Auth0Client",
        Auth0Client.fields,
        route="/clients",
        plural="clients",
        key="client_id",
        wish=application,
    ),
    collection(
        "Auth0API",
        Auth0API.fields,
        route="/resource-servers",
        plural="resource_servers",
        other_key="identifier",
    ),
    collection("Auth0ClientGrant", Auth0ClientGrant.fields, route="/client-grants", plural="client_grants"),
    collection("Auth0Role", Auth0Role.fields, route="/roles", plural="roles"),
    Row("Auth0Role permissions", Auth0Role.exclusive, permissions_written, permissions_shown),
    collection(
        "Auth0User",
        Auth0User.fields,
        route="/users",
        plural="users",
        key="user_id",
        wish=profile,
        seen=seen_values,
    ),
    collection(
        "Auth0Organization",
        Auth0Organization.fields,
        route="/organizations",
        plural="organizations",
    ),
    Row(
        "Auth0Organization connections",
        Auth0Organization.fields,
        organization_connections_written,
        organization_connections_shown,
    ),
    collection("Auth0Action", Auth0Action.fields, route="/actions/actions", plural="actions", wish=action),
    Row("Auth0Action places", Fields(), places_written, places_shown),
    Row("Auth0MFAFactorSet switches", Fields(), factors_written, factors_shown),
    Row("Auth0Tenant settings", Auth0Tenant.fields, settings_written, settings_shown),
    *(connections(strategy) for strategy in STRATEGIES.split()),
]

KNOWN: dict[str, dict[str, str]] = {}
"""By row and field: why a difference in the recordings is not false drift of ours."""


@pytest.fixture(scope="module")
def findings() -> dict[str, Finding]:
    folder = recordings.folder()
    if folder is None:
        pytest.skip("no recordings: set MLGATE_RECORDINGS or put them into ../shared/recordings")
    everything = recordings.read(folder)
    return {row.name: look(row, everything) for row in ROWS}


def test_the_table_of_kinds_is_printed(findings: dict[str, Finding], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\n" + table(findings.values()))


@pytest.mark.parametrize("name", [row.name for row in ROWS], ids=[f"{r.name} sees no drift nobody made" for r in ROWS])
def test_no_false_drift(findings: dict[str, Finding], name: str) -> None:
    finding = findings[name]
    assert finding.pairs, "the recordings show none of this kind, or the row does not find it"
    unexplained = [
        f"{pair.source} #{pair.written_at} -> #{pair.read_at}: {path} "
        f"wished {pair.wish.get(path)!r}, seen {pair.seen.get(path)!r}"
        for pair in finding.pairs
        for path in pair.drifts()
        if path not in KNOWN.get(name, {})
    ]
    assert unexplained == []


@pytest.mark.parametrize("name", [row.name for row in ROWS], ids=[f"{r.name} sees every changed value" for r in ROWS])
def test_a_changed_value_is_seen(findings: dict[str, Finding], name: str) -> None:
    assert blind_to(findings[name]) == []


def test_no_reason_outlives_its_difference(findings: dict[str, Finding]) -> None:
    stale = {f"{name}: {path}" for name, paths in KNOWN.items() for path in paths if path not in findings[name].drifts}
    assert stale == set()
