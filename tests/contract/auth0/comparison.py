"""When two answers are the same: ids, times and secrets aside, and with what a recording cannot show.

Allowances, each because of how or when a recording was made, never because the simulator differs:
- bodies that passed through a Go struct lack the fields it does not know (LOST_IN_GO) and carry some that the service did
  not send: the redaction's own `client_secret` and `signing_keys`, and the list struct's `length` and `next`;
- older recordings lack fields that the service has added since (LATER), and show as null what is absent today
  (a role's description, a credential's expires_at);
- the service promises no order of lists, so their items are matched by id;
- the runtime of an Action that names none was another one in each year;
- a time is the same time with and without its milliseconds.
"""

from __future__ import annotations

import re
from typing import Any

from contract.auth0.recordings import Exchange
from mlgate_sim.auth0 import connection_defaults

LOST_IN_GO = {
    "clients": {"tenant", "global", "cross_origin_auth", "callback_url_template", "encrypted", "signing_keys"},
    "resource-servers": {"is_system", "thumbprint_sha256"},
}
ORGANIZATIONS_LATER = {"third_party_client_access": "block", "is_app_entitlement_active": False}
LATER: dict[str, dict[str, Any]] = {
    "organizations": ORGANIZATIONS_LATER,
    "client-grants": ORGANIZATIONS_LATER,  # in the list of those that use a grant
    "roles": {"type": "tenant"},
    "connections": {
        "authentication": {"active": True},
        "connected_accounts": {"active": False},
        "api_behavior": "required",
        "signup_behavior": "allow",
        "authentication_methods": connection_defaults.METHODS,
        "passkey_options": connection_defaults.PASSKEYS,
        "schema_version": "oidc-V4",
        "attribute_map": {"mapping_mode": "basic_profile"},
        "connection_settings": {"pkce": "auto"},
        "type": "back_channel",
    },
    "clients": {"cross_origin_authentication": False},
    "tenants": {"client_id_metadata_document_supported": False, "resource_parameter_profile": "audience"},
    "resource-servers": {
        "subject_type_authorization": {"client": {"policy": "require_client_grant"}, "user": {"policy": "allow_all"}}
    },
}
TIMES = {"created_at", "updated_at", "built_at", "build_time", "last_password_reset", "deleted_at"}
SECRETS = {"client_secret", "signing_keys", "configuration", "provisioning_ticket_url"}
IDENTITIES = ("client_id", "user_id", "id", "permission_name", "connection_id")
ONLY_IN_SOME_TENANTS: dict[str, Any] = {
    "email_otp": {"enabled": False},
    "phone_otp": {"enabled": False},
    "api_enable_users": True,
}
"""Options of connections that a tenant without the feature does not show."""
NULL_MEANS_ABSENT = {"description", "expires_at"}
ADDED_IN_GO = {"signing_keys"}
ADDED_IN_GO_AUTH0 = {"client_secret"}
ADDED_IN_GO_LISTS = {"length", "next"}
TIME = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.0+)?Z$")


def unfaithful(exchange: Exchange) -> str | None:
    """Why the body of this recording tells nothing, if so."""
    if exchange.kind == "clients" and exchange.status >= 400 and not exchange.source.startswith("deploy-cli/"):
        return "error body of a client passed through a Go struct"
    if exchange.route == "/clients" and exchange.method == "GET" and "clients" not in exchange.response:
        return "list body passed through the Go struct of one client"
    if exchange.method != "DELETE" and exchange.status >= 400 and exchange.response == {}:
        return "error body lost in the recording"
    return None


def differences(exchange: Exchange, seen: Any) -> list[str]:
    """How `seen` (with recorded ids put in) differs from the recorded body, as paths."""
    wanted = exchange.response
    if wanted is None and seen is None:
        return []
    return _compare("", _plain(exchange, wanted), _plain(exchange, seen), exchange)


def _plain(exchange: Exchange, value: Any) -> Any:
    if isinstance(value, list):
        items = [_plain(exchange, item) for item in value]
        identity = next(
            (name for name in IDENTITIES if items and all(isinstance(i, dict) and name in i for i in items)), None
        )
        if exchange.kind == "connections" and all(isinstance(item, str) for item in items):
            return sorted(items)
        return sorted(items, key=lambda item: (str(item[identity]), str(item.get("version")))) if identity else items
    if isinstance(value, dict):
        return {
            name: "(time)" if name in TIMES else "(secret)" if name in SECRETS else _plain(exchange, item)
            for name, item in value.items()
        }
    return value


def _compare(path: str, wanted: Any, seen: Any, exchange: Exchange) -> list[str]:
    if isinstance(wanted, dict) and isinstance(seen, dict):
        found: list[str] = []
        for name in sorted(set(wanted) | set(seen)):
            where = f"{path}.{name}" if path else name
            if name not in seen:
                if not _allowed_missing(exchange, name, wanted[name]):
                    found.append(f"{where} missing")
            elif name not in wanted:
                if not _allowed_extra(exchange, name, seen[name]):
                    found.append(f"{where} extra")
            else:
                found += _compare(where, wanted[name], seen[name], exchange)
        return found
    if isinstance(wanted, list) and isinstance(seen, list):
        if len(wanted) != len(seen):
            return [f"{path} has {len(seen)} items, recorded {len(wanted)}"]
        found = []
        for item, other in zip(wanted, seen, strict=True):
            found += _compare(f"{path}[]", item, other, exchange)
        return sorted(set(found))
    if path.endswith("runtime") and exchange.kind == "actions":
        return []
    if wanted == seen and isinstance(wanted, bool) == isinstance(seen, bool):
        return []
    if isinstance(wanted, str) and isinstance(seen, str) and TIME.sub(r"\1", wanted) == TIME.sub(r"\1", seen):
        return []
    return [f"{path} is {_short(seen)}, recorded {_short(wanted)}"]


def _allowed_missing(exchange: Exchange, name: str, value: Any) -> bool:
    if value is None and name in NULL_MEANS_ABSENT:
        return True
    if exchange.kind == "connections" and ONLY_IN_SOME_TENANTS.get(name) == value:
        return True
    if exchange.is_raw or exchange.kind != "clients":
        return False
    by_go_auth0 = exchange.source.startswith("go-auth0") and name in ADDED_IN_GO_AUTH0
    in_list = exchange.route == "/clients" and exchange.method == "GET" and name in ADDED_IN_GO_LISTS
    return name in ADDED_IN_GO or by_go_auth0 or in_list


def _allowed_extra(exchange: Exchange, name: str, value: Any) -> bool:
    if not exchange.is_raw and name in LOST_IN_GO.get(exchange.kind, ()):
        return True
    if exchange.kind == "connections" and name == "enabled_clients":  # it has routes of its own by now
        return True
    later = LATER.get(exchange.kind, {})
    return name in later and later[name] == value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
