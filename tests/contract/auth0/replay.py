"""Replays a recording against a simulated tenant.

A recording may start from objects made before it, or see objects that others made meanwhile. Such an object is put into the
tenant just before the first answer that shows it; that exchange proves nothing about it and counts as `seeded`, not as
matched. Ids that the recording's own POSTs made are translated both ways.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote

import httpx

from contract.auth0 import connection_seeds, organization_seeds
from contract.auth0.actions_and_factors import ActionsAndFactors
from contract.auth0.comparison import differences, unfaithful
from contract.auth0.recordings import Exchange, is_replayed, tenant_domain
from mlgate_sim.auth0 import Auth0Simulator, management_api
from mlgate_sim.auth0.tenant import Tenant
from mlgate_sim.auth0.tenant_settings import DEFAULTS_ONLY_IN_GET, FLAGS_ONLY_IN_PATCH, LOGIN_ONLY_IN_PATCH

PLURALS = {
    "clients": "clients",
    "resource-servers": "resource_servers",
    "client-grants": "client_grants",
    "roles": "roles",
    "rules": "rules",
    "hooks": "hooks",
    "users": "users",
    "users-by-email": "users",
    "organizations": "organizations",
}
STOCK_ANSWERS = {"/actions/modules"}  # nothing stands behind them
Outcome = Literal["matched", "seeded", "unfaithful", "body differs", "status differs"]


@dataclass(frozen=True)
class Result:
    exchange: Exchange
    outcome: Outcome
    reasons: tuple[str, ...] = ()


@dataclass
class Replay:
    """One recording on one tenant."""

    auth0: Auth0Simulator
    http: httpx.AsyncClient
    exchanges: list[Exchange]
    ids: dict[str, str] = field(default_factory=dict)  # recorded -> simulated
    seeded: set[str] = field(default_factory=set)
    partial: set[str] = field(default_factory=set)  # seeded from an answer that showed only some fields

    async def run(self, fresh: dict[str, Any]) -> list[Result]:
        self._start(fresh)
        results: list[Result] = []
        for exchange in self.exchanges:
            if is_replayed(exchange):
                results.append(await self._one(exchange))
        return results

    @property
    def tenant(self) -> Tenant:
        return self.auth0.state

    def _start(self, fresh: dict[str, Any]) -> None:
        domain = tenant_domain(self.exchanges)
        empty: dict[str, Any] = {"clients": {}, "client_grants": {}, "resource_servers": {}, "settings": {}}
        self.auth0.load_state({**fresh, **empty, "domain": domain})
        made = {_identity(e.response) for e in self.exchanges if is_replayed(e) and e.method == "POST"}
        self.made_here = {id_ for id_ in made if id_}
        self.others = ActionsAndFactors(self.tenant, self.ids, self.made_here)
        scopes = " ".join(self._scopes())
        now = int(self.auth0.clock())
        claims = {"iss": self.auth0.issuer, "aud": self.auth0.management_audience, "exp": now + 3600, "scope": scopes}
        self.authorization = {"Authorization": f"Bearer {self.auth0.sign({}, claims)}"}

    def _scopes(self) -> list[str]:
        """All of them; without the clients' keys where the recording's own token could not read those."""
        every = [scope["value"] for scope in management_api.all_scopes()]
        read = [e for e in self.exchanges if e.route == "/clients/{id}" and e.method == "GET" and not e.query]
        with_secret = [e for e in read if "client_secret" in json.dumps(e.response)]
        by_key = [e for e in read if "client_authentication_methods" in json.dumps(e.response)]
        hidden = {"read:client_keys"} if read and not with_secret and not by_key else set()
        if any(e.route == "/organizations/{id}/clients" and e.status == 403 for e in self.exchanges):
            hidden.add("read:organization_clients")
        return [scope for scope in every if scope not in hidden]

    async def _one(self, exchange: Exchange) -> Result:
        needed = self._seed(exchange)
        body = exchange.request if isinstance(exchange.request, dict | list) else None
        if exchange.method == "PUT" and exchange.response == []:
            body = []  # a recorder that takes an empty list for no body
        response = await self.http.request(
            exchange.method,
            self._to_simulated(exchange.url),
            content=None if body is None else self._to_simulated(json.dumps(body)),
            headers={**self.authorization, "Content-Type": "application/json"},
        )
        answer = response.json() if response.content else None
        if response.status_code != exchange.status:
            return Result(exchange, "status differs", (f"{response.status_code} {answer}, recorded {exchange.status}",))
        if isinstance(answer, dict):
            self._learn(exchange, answer)
        reason = unfaithful(exchange)
        if reason is not None:
            return Result(exchange, "unfaithful", (reason,))
        seen = json.loads(self._to_recorded(json.dumps(answer)))
        found = differences(exchange, seen)
        if found:
            return Result(exchange, "body differs", tuple(found))
        return Result(exchange, "seeded" if needed else "matched")

    # Ids.

    def _learn(self, exchange: Exchange, answer: dict[str, Any]) -> None:
        """Remembers which simulated id stands for which recorded one, and which cursor for which."""
        if exchange.method == "POST" or (exchange.method == "PATCH" and exchange.route.endswith("/bindings")):
            self._learn_ids(exchange.response, answer)
        cursor = exchange.response.get("next") if isinstance(exchange.response, dict) else None
        if cursor and answer.get("next"):
            self.ids[cursor] = answer["next"]

    def _learn_ids(self, recorded: Any, simulated: Any) -> None:
        """At any depth: a client's POST may make credentials too."""
        if isinstance(recorded, dict) and isinstance(simulated, dict):
            for name in ("client_id", "id", "user_id"):
                if isinstance(recorded.get(name), str) and isinstance(simulated.get(name), str):
                    self.ids[recorded[name]] = simulated[name]
            for name in set(recorded) & set(simulated):
                self._learn_ids(recorded[name], simulated[name])
        elif isinstance(recorded, list) and isinstance(simulated, list) and len(recorded) == len(simulated):
            for one, other in zip(recorded, simulated, strict=True):
                self._learn_ids(one, other)

    def _to_simulated(self, text: str) -> str:
        for recorded, simulated in self.ids.items():
            text = text.replace(recorded, simulated)
        return text

    def _to_recorded(self, text: str) -> str:
        for recorded, simulated in self.ids.items():
            text = text.replace(simulated, recorded)
        return text

    # Seeding.

    def _seed(self, exchange: Exchange) -> bool:
        """Puts in what this answer shows and nothing before it explained. True when there was something."""
        if exchange.status >= 400 or exchange.route in STOCK_ANSWERS:
            return False
        if exchange.kind in {"actions", "guardian"}:
            return self.others.seed(exchange)
        if exchange.kind == "connections":
            if exchange.method == "DELETE":
                return connection_seeds.end(self.tenant, exchange, self.exchanges, self.ids)
            return connection_seeds.put_needed(self.tenant, exchange, self.ids, self.made_here, self.partial)
        if exchange.route.startswith("/users/{id}/"):
            return self._seed_user_access(exchange)
        if exchange.method == "DELETE":
            return False
        if exchange.kind == "tenants":
            return self._seed_settings(exchange)
        if exchange.kind == "organizations" and exchange.method == "POST":
            organization_seeds.put_targets(self.tenant, exchange, self.ids)
        if exchange.method == "POST":
            return self._seed_targets(exchange)
        route = exchange.route
        if route.startswith("/organizations/{id}/"):
            return organization_seeds.put_seen(self.tenant, exchange, self.ids, self.made_here)
        if route.startswith("/organizations/name/") or route.endswith("{id}/organizations"):
            return False
        if route.endswith("/credentials") or "/credentials/" in route:
            return self._seed_credentials(exchange)
        if route.endswith("/permissions"):
            return self._seed_permissions(exchange)
        if route == "/roles/{id}/users":
            return self._seed_users(exchange)
        if unfaithful(exchange) is not None:
            return False
        return self._seed_objects(exchange)

    def _seed_settings(self, exchange: Exchange) -> bool:
        """What was there: the first answer without what its request asked for, and what only the other method shows."""
        if self.tenant.settings:
            return False
        settings = copy.deepcopy(exchange.response)
        for name, value in (exchange.request or {}).items():
            if isinstance(value, dict) and isinstance(settings.get(name), dict):
                settings[name] = {key: item for key, item in settings[name].items() if key not in value}
            else:
                settings.pop(name, None)
        rows = [e for e in self.exchanges if e.kind == "tenants"]
        first_get: dict[str, Any] = next((e.response for e in rows if e.method == "GET"), {})
        first_patch: dict[str, Any] = next((e.response for e in rows if e.method == "PATCH"), {})
        if "sandbox_versions_available" in first_get:
            settings["sandbox_versions_available"] = first_get["sandbox_versions_available"]
        if first_patch:
            for name in DEFAULTS_ONLY_IN_GET:
                if name not in first_patch:
                    settings.pop(name, None)
            hidden = {k: v for k, v in first_patch.get("universal_login", {}).items() if k in LOGIN_ONLY_IN_PATCH}
            if "universal_login" in settings:
                settings["universal_login"] |= hidden
        flags = settings.get("flags", {})
        settings["flags"] = {name: value for name, value in flags.items() if name not in FLAGS_ONLY_IN_PATCH}
        self.tenant.settings = settings
        return exchange.method == "GET"

    def _seed_objects(self, exchange: Exchange) -> bool:
        collection: dict[str, Any] = getattr(self.tenant, PLURALS[exchange.kind])
        single = len(exchange.ids) == 1
        changed = False
        shown = [exchange.response] if single else _items(exchange.response, PLURALS[exchange.kind])
        for item in shown:
            id_ = _identity(item)
            known = id_ in collection and not (id_ in self.partial and "fields" not in exchange.query)
            if id_ and id_ not in self.made_here and not known:
                stored = copy.deepcopy(item)
                stored = {**collection.get(id_, {}), **stored}
                if exchange.query.get("is_global") == ["true"]:
                    stored["global"] = True
                (self.partial.add if "fields" in exchange.query else self.partial.discard)(id_)
                if exchange.request:  # a PATCH of an object never seen: what it did not ask for is what was there
                    stored = {name: value for name, value in stored.items() if name not in exchange.request}
                    stored.setdefault("id" if "id" in item else "client_id", id_)
                collection[id_] = stored
                self.seeded.add(id_)
                changed = True
        return self._forget_vanished(exchange, collection, shown, single) or changed

    def _forget_vanished(self, exchange: Exchange, collection: dict[str, Any], shown: list[Any], single: bool) -> bool:
        """Others delete too: what was seeded and is no longer in a whole listing is gone."""
        whole = set(exchange.query) <= {"include_totals", "page", "per_page", "take"} or exchange.kind == "clients"
        if single or not whole or "q" in exchange.query or "fields" in exchange.query:
            return False
        ids = {_identity(item) for item in shown}
        gone = [id_ for id_ in self.seeded if id_ in collection and id_ not in ids]
        for id_ in gone:
            del collection[id_]
        return bool(gone)

    def _seed_targets(self, exchange: Exchange) -> bool:
        """A grant needs its client and its API, which a recording need not have shown."""
        if exchange.route == "/client-grants":
            client_id, audience = exchange.request["client_id"], exchange.request["audience"]
            if client_id not in self.ids and client_id not in self.tenant.clients:
                self.tenant.clients[client_id] = {"client_id": client_id, "name": "seeded"}
            if self.tenant.api(audience) is None:
                self.tenant.resource_servers[audience] = {"id": audience, "identifier": audience, "scopes": []}
        if exchange.route.startswith("/clients/{id}") and exchange.ids[0] not in {*self.ids, *self.tenant.clients}:
            self.tenant.clients[exchange.ids[0]] = {"client_id": exchange.ids[0], "name": "seeded"}
        if exchange.route.startswith("/roles/{id}") and exchange.ids[0] not in {*self.ids, *self.tenant.roles}:
            self.tenant.roles[exchange.ids[0]] = {"id": exchange.ids[0], "name": "seeded"}
        return False

    def _seed_credentials(self, exchange: Exchange) -> bool:
        client_id = exchange.ids[0]
        simulated = self.ids.get(client_id, client_id)
        self.tenant.clients.setdefault(simulated, {"client_id": simulated, "name": "seeded"})
        held = self.tenant.credentials.setdefault(simulated, {})
        shown = exchange.response if isinstance(exchange.response, list) else [exchange.response]
        missing = [item for item in shown if item["id"] not in self.made_here and item["id"] not in held]
        missing = [item for item in missing if item["id"] not in self.ids]
        for item in missing:
            held[item["id"]] = copy.deepcopy(item)
        return bool(missing)

    def _seed_permissions(self, exchange: Exchange) -> bool:
        role_id = exchange.ids[0]
        if role_id in self.ids or role_id in self.made_here:
            return False
        self.tenant.roles.setdefault(role_id, {"id": role_id, "name": "seeded"})
        if role_id in self.tenant.role_permissions:
            return False
        shown = _items(exchange.response, "permissions")
        held = self.tenant.role_permissions.setdefault(role_id, [])
        for item in shown:
            identifier = item["resource_server_identifier"]
            held.append({"resource_server_identifier": identifier, "permission_name": item["permission_name"]})
            if self.tenant.api(identifier) is None:
                api = {"id": identifier, "identifier": identifier, "name": item["resource_server_name"], "scopes": []}
                self.tenant.resource_servers[identifier] = api
            scopes = (self.tenant.api(identifier) or {}).setdefault("scopes", [])
            if item["permission_name"] not in {scope["value"] for scope in scopes}:
                scopes.append({"value": item["permission_name"], "description": item["description"]})
        return True

    def _seed_users(self, exchange: Exchange) -> bool:
        role_id = self.ids.get(exchange.ids[0], exchange.ids[0])
        self.tenant.roles.setdefault(role_id, {"id": role_id, "name": "seeded"})
        for user in _items(exchange.response, "users"):
            self.tenant.users.setdefault(user["user_id"], copy.deepcopy(user))
        return False

    def _seed_user_access(self, exchange: Exchange) -> bool:
        """What a user made elsewhere has."""
        user_id = unquote(exchange.ids[0])
        user_id = self.ids.get(user_id, user_id)
        if user_id not in self.tenant.users:
            self.tenant.users[user_id] = {"user_id": user_id, "identities": []}
        if exchange.method != "GET":
            for role in exchange.request.get("roles", ()) if exchange.method == "POST" else ():
                if role not in self.ids:
                    self.tenant.roles.setdefault(role, {"id": role, "name": "seeded"})
            return False
        changed = False
        for role in _items(exchange.response, "roles"):
            if role["id"] not in self.ids and role["id"] not in self.tenant.roles:
                self.tenant.roles[role["id"]] = copy.deepcopy(role)
                self.tenant.role_users.setdefault(role["id"], []).append(user_id)
                changed = True
        return changed


def _identity(item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    found = item.get("id") or item.get("client_id") or item.get("user_id")
    return found if isinstance(found, str) else None


def _items(response: Any, plural: str) -> list[Any]:
    found = response.get(plural, []) if isinstance(response, dict) else response
    return found if isinstance(found, list) else []


def by_route(results: list[Result]) -> Iterator[tuple[str, Counter[Outcome]]]:
    """Outcomes per method and route."""
    counts: dict[str, Counter[Outcome]] = {}
    for result in results:
        key = f"{result.exchange.method} {result.exchange.route}"
        counts.setdefault(key, Counter())[result.outcome] += 1
    yield from sorted(counts.items(), key=lambda item: (item[0].split(" ")[1], item[0]))
