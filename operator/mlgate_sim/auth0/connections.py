"""Connections, and the applications that may use them.

Source: shared facts, auth0 sections 2.2 and 8; recordings TestAccConnection*, TestConnectionManager_*. Names are unique
and stay taken while a connection is being deleted. A PATCH replaces `options` whole. DELETE answers 202 with
`deleted_at` and the connection shows until the deletion is over; deleting again answers 202 while it lasts and 204 after
it. Values of a database's `configuration` are answered encrypted, other secrets as they were given. The applications
take deltas (PATCH /connections/{id}/clients) and are listed by checkpoint only.

Not simulated: keys, SCIM and directory provisioning, which no kind uses.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from mlgate_sim.auth0 import connection_defaults, validation
from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.errors import ApiError, invalid_body, payload_error
from mlgate_sim.auth0.merge import patched
from mlgate_sim.auth0.pages import only_fields, page_of
from mlgate_sim.auth0.tenant import Tenant, letters

_FIELDS = """
    display_name options enabled_clients is_domain_connection show_as_button realms metadata authentication
    connected_accounts cross_app_access_requesting_app cross_app_access_resource_app
"""
PATCHABLE = frozenset(_FIELDS.split())
POSTABLE = PATCHABLE | {"name", "strategy"}
NAME = re.compile(r"^[a-zA-Z0-9](-?[a-zA-Z0-9])*$")
_STRATEGIES = """
    ad adfs amazon apple auth0 auth0-oidc baidu bitbucket bitly box custom daccount dropbox dwolla email evernote
    evernote-sandbox exact facebook fitbit flickr github google-apps google-oauth2 instagram ip line linkedin miicard
    oauth1 oauth2 office365 oidc okta paypal paypal-sandbox pingfederate planningcenter renren salesforce
    salesforce-community salesforce-sandbox samlp sharepoint shopify sms soundcloud thecity thecity-sandbox
    thirtysevensignals twitter untappd vkontakte waad weibo windowslive wordpress yahoo yammer yandex
"""
STRATEGIES = frozenset(_STRATEGIES.split())
METADATA_KEYS = 10
ALWAYS = ("id", "is_domain_connection", "authentication", "connected_accounts")  # whatever `fields` names
MOST_CLIENTS = 50  # one PATCH of the applications names (shared facts, auth0 section 2.2)


class Connections:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        reads = ("read:connections",)
        updates = ("update:connections",)
        yield Route("GET", "/connections", reads, Connections.list_all)
        yield Route("POST", "/connections", ("create:connections",), Connections.create)
        yield Route("GET", "/connections/{id}", reads, Connections.get)
        yield Route("PATCH", "/connections/{id}", updates, Connections.update)
        yield Route("DELETE", "/connections/{id}", ("delete:connections",), Connections.delete)
        yield Route("GET", "/connections/{id}/clients", reads, Connections.list_clients)
        yield Route("PATCH", "/connections/{id}/clients", updates, Connections.update_clients)

    def list_all(self, call: Call) -> Reply:
        self._bury(call.now)
        strategies, name = set(call.query.get("strategy", ())), call.one("name")
        found = [
            each
            for each in self.tenant.visible(self.tenant.connections.items(), call.now)
            if (not strategies or each["strategy"] in strategies) and name in {None, each["name"]}
        ]
        return 200, page_of(call, "connections", found, lambda each: self._selected(call, each), checkpoint=True)

    def get(self, call: Call) -> Reply:
        return 200, self._selected(call, self._one(call))

    def create(self, call: Call) -> Reply:
        body = call.json_object()
        validation.known_only(body, POSTABLE)
        validation.required(body, "name", "strategy")
        check(body)
        if body["strategy"] not in STRATEGIES:
            raise payload_error(f"No enum match for: {body['strategy']}", "strategy")
        check_database(body["strategy"], body.get("options") or {})
        self._bury(call.now)
        if any(each["name"] == body["name"] for each in self.tenant.connections.values()):
            raise ApiError(409, "A connection with the same name already exists")
        self.tenant.check_entity_limit("connections")
        id_, strategy = f"con_{letters(16)}", body["strategy"]
        given = {name: copy.deepcopy(value) for name, value in body.items() if value is not None}
        options = connection_defaults.new_options(strategy, given.pop("options", {}))
        self.tenant.connection_clients[id_] = list(given.pop("enabled_clients", []))
        made = {"id": id_, **connection_defaults.connection(body), **given}
        if strategy in connection_defaults.WITH_TICKET:
            made["provisioning_ticket_url"] = f"https://{self.tenant.domain}/p/{strategy}/{letters(8)}"
        made["options"] = self._completed(strategy, options)
        self.tenant.connections[id_] = made
        self.tenant.created_at[id_] = call.now
        return 201, self._shown(made)

    def update(self, call: Call) -> Reply:
        connection = self._one(call)
        body = call.json_object()
        validation.known_only(body, PATCHABLE)
        check(body)
        after = patched(connection, {name: value for name, value in body.items() if name != "enabled_clients"})
        if isinstance(body.get("options"), dict):
            strategy, before = connection["strategy"], connection.get("options") or {}
            check_database(strategy, body["options"])
            check_email(before, body["options"])
            options = connection_defaults.replaced_options(strategy, before, body["options"])
            after["options"] = self._completed(strategy, options)
        if isinstance(body.get("enabled_clients"), list):
            self.tenant.connection_clients[connection["id"]] = list(body["enabled_clients"])
        self.tenant.connections[connection["id"]] = after
        return 200, self._shown(after)

    def delete(self, call: Call) -> Reply:
        self._bury(call.now)
        id_ = call.params["id"]
        if id_ not in self.tenant.connections:
            return 204, None
        self.tenant.connections_going.setdefault(id_, call.now + self.tenant.deletion_delay)
        self._bury(call.now)
        at = datetime.fromtimestamp(call.now, UTC).isoformat(timespec="milliseconds")
        return 202, {"deleted_at": at.replace("+00:00", "Z")}

    def list_clients(self, call: Call) -> Reply:
        held = self.tenant.connection_clients.get(self._one(call)["id"], [])
        items: list[Json] = [{"client_id": client_id} for client_id in held if client_id in self.tenant.clients]
        if not call.one("take"):  # checkpoint is the only way here
            call = Call(call.params, {**call.query, "take": ["50"]}, call.body, call.scopes, call.now)
        return 200, page_of(call, "clients", items, key="client_id", checkpoint=True)

    def update_clients(self, call: Call) -> Reply:
        held = self.tenant.connection_clients.setdefault(self._one(call)["id"], [])
        asked = call.body
        if not isinstance(asked, list) or not asked:
            raise payload_error("Array is too short (0), minimum 1")
        if len(asked) > MOST_CLIENTS:
            raise payload_error(f"Array is too long ({len(asked)}), maximum {MOST_CLIENTS}")
        for entry in asked:
            validation.required(entry, "client_id", "status")
            if entry["client_id"] not in self.tenant.clients:
                raise ApiError(404, "The client does not exist", "inexistent_client")
        for entry in asked:
            if entry["status"] and entry["client_id"] not in held:
                held.append(entry["client_id"])
            elif not entry["status"] and entry["client_id"] in held:
                held.remove(entry["client_id"])
        return 204, None

    def _completed(self, strategy: str, options: Json) -> Json:
        """The options with what the service makes of them: scopes, encrypted values, what it finds at the provider."""
        for found in self.tenant.discoveries.get(strategy, ()):
            if all(options.get(name) == value for name, value in found["of"].items()):
                options = {name: value for name, value in options.items() if name not in found["gone"]}
                options |= copy.deepcopy(found["adds"])
        if isinstance(options.get("configuration"), dict):
            options["configuration"] = {name: encrypted(value) for name, value in options["configuration"].items()}
        return options

    def _shown(self, connection: Json) -> Json:
        held = self.tenant.connection_clients.get(connection["id"], [])
        enabled = [client_id for client_id in held if client_id in self.tenant.clients]
        return {**copy.deepcopy(connection), "enabled_clients": enabled}

    def _selected(self, call: Call, connection: Json) -> Json:
        """As reads show it: the fields asked for, with some that always come along (TestAccConnectionClientsImport), and
        without addresses that were given as null, which answers to writes echo."""
        shown = self._shown(connection)
        for name in ("authorizationURL", "tokenURL"):
            if (shown.get("options") or {}).get(name, ...) is None:
                del shown["options"][name]
        always = {name: shown[name] for name in ALWAYS if name in shown}
        return {**always, **only_fields(call, shown)}

    def _one(self, call: Call) -> Json:
        self._bury(call.now)
        connection = self.tenant.connections.get(call.params["id"])
        if connection is None:
            raise ApiError(404, "The connection does not exist", "inexistent_connection")
        return connection

    def _bury(self, now: float) -> None:
        """Ends the deletions whose time has come."""
        for id_ in [id_ for id_, at in self.tenant.connections_going.items() if now >= at]:
            for held in (self.tenant.connections_going, self.tenant.connections, self.tenant.connection_clients):
                held.pop(id_, None)


def encrypted(value: str) -> str:
    """A value of a database's configuration as answers show it; what is encrypted already stays."""
    if value.startswith("2.0$"):
        return value
    return f"2.0${base64.b64encode(hashlib.sha256(value.encode()).digest()).decode()}"


def check(body: Json) -> None:
    """What POST and PATCH have in common. Raises ApiError (400)."""
    validation.text(body, "name", longest=128)
    if isinstance(body.get("name"), str) and not NAME.match(body["name"]):
        raise payload_error(f"String does not match pattern {NAME.pattern}: {body['name']}", "name")
    validation.text(body, "display_name", longest=128)
    for name in ("is_domain_connection", "show_as_button"):
        validation.of_type(body, name, bool)
    for name in ("realms", "enabled_clients"):
        validation.of_type(body, name, list)
    for name in ("options", "metadata", "authentication", "connected_accounts"):
        validation.of_type(body, name, dict)
    metadata = body.get("metadata") or {}
    if len(metadata) > METADATA_KEYS:
        raise payload_error(f"Too many properties defined ({len(metadata)}), maximum {METADATA_KEYS}", "metadata")
    for name in metadata:
        validation.text(metadata, name, longest=255, shortest=0)


def check_database(strategy: str, options: Json) -> None:
    """What a database's options may not be together. Raises ApiError (400)."""
    attributes = options.get("attributes")
    if strategy != "auth0" or not isinstance(attributes, dict):
        return
    for name in ("requires_username", "validation"):
        if options.get(name):
            raise invalid_body(f"Cannot set both options.attributes and options.{name}")
    if not any((each.get("identifier") or {}).get("active") for each in attributes.values()):
        raise invalid_body("attributes must contain one active identifier")
    for name, each in attributes.items():
        if each.get("profile_required") and (each.get("signup") or {}).get("status") == "inactive":
            raise invalid_body(f"attribute {name} must also be required on signup")


def check_email(before: Json, options: Json) -> None:
    """Addresses that were unique stay so (TestAccConnectionAddEmailAttributeNonUnique)."""
    email = (options.get("attributes") or {}).get("email") or {}
    had = (before.get("attributes") or {}).get("email") or {}
    if email.get("unique") is False and had.get("unique", True) is not False:
        raise invalid_body("cannot add non-unique email attribute")
