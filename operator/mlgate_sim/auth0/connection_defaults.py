"""What a connection is made of where the request is silent, by strategy: as data.

Source: recordings TestAccConnection*, TestConnectionManager_*, TestAccOrganization*; where they span years, the newest.
An update replaces `options` whole; only what KEPT names is filled in again then. What the service looks up at an identity
provider (discovery documents, certificates of a federation) is the tenant's `discoveries`, because nothing here goes out
to the network.
"""

from __future__ import annotations

import copy
from typing import Any

from mlgate_sim.auth0.call import Json

ENTERPRISE = frozenset(
    {"ad", "adfs", "auth0-adldap", "custom", "google-apps", "ip", "office365", "oidc", "okta", "pingfederate", "samlp",
     "sharepoint", "waad"}
)  # fmt: skip
WITH_TICKET = frozenset({"ad", "adfs", "google-apps", "pingfederate", "samlp", "waad"})  # a provisioning_ticket_url

PASSKEYS = {"challenge_ui": "both", "progressive_enrollment_enabled": True, "local_enrollment_enabled": True}
METHODS: dict[str, Json] = {
    "password": {"enabled": True, "api_behavior": "required", "signup_behavior": "allow"},
    "passkey": {"enabled": False},
}
PASSWORD_OPTIONS = {
    "complexity": {
        "character_type_rule": "all",
        "identical_characters": "allow",
        "sequential_characters": "allow",
        "max_length_exceeded": "error",
        "min_length": 15,
        "character_types": [],
    },
    "profile_data": {
        "active": False,
        "blocked_fields": [
            "name", "username", "nickname", "email", "phone_number", "user_metadata.name", "user_metadata.first",
            "user_metadata.last",
        ],
    },
    "history": {"active": False, "size": 3},
    "dictionary": {"active": False, "custom": [], "default": "en_100k"},
}  # fmt: skip
DATABASE = {
    "mfa": {"active": True, "return_enroll_settings": True},
    "strategy_version": 2,
    "passkey_options": PASSKEYS,
    "brute_force_protection": True,
}
OPTIONS: dict[str, dict[str, Any]] = {
    "auth0": DATABASE,
    "ad": {"ips": None, "brute_force_protection": True},
    "adfs": {"thumbprints": [], "should_trust_email_verified_connection": "always_set_emails_as_verified"},
    "email": {"brute_force_protection": True},
    "sms": {"brute_force_protection": True},
    "github": {"scope": []},
    "google-apps": {"map_user_id_to_id": False, "email": True, "profile": True, "handle_login_from_social": True},
    "google-oauth2": {"email": True, "profile": True},
    "line": {"profile": True},
    "linkedin": {"profile": True},
    "oidc": {
        "attribute_map": {"mapping_mode": "bind_all"},
        "connection_settings": {"pkce": "auto"},
        "schema_version": "oidc-V4",
        "type": "front_channel",
    },
    "okta": {
        "attribute_map": {"mapping_mode": "basic_profile"},
        "connection_settings": {"pkce": "auto"},
        "schema_version": "oidc-V4",
        "type": "back_channel",
    },
    "salesforce": {"scope": []},
    "samlp": {"assertion_decryption_settings": {"algorithm_profile": "v2026-1", "algorithm_exceptions": []}},
    "waad": {
        "identity_api": "microsoft-identity-platform-v2.0",
        "should_trust_email_verified_connection": "never_set_emails_as_verified",
        "useCommonEndpoint": False,
        "use_wsfed": False,
        "waad_common_endpoint": False,
        "waad_protocol": "openid-connect",
    },
    "windowslive": {"signin": True},
    "wordpress": {"profile": True},
}
"""Filled in by POST."""
KEPT: dict[str, dict[str, Any]] = {
    "auth0": {"authentication_methods": METHODS, "passkey_options": PASSKEYS},
    "ad": {"ips": None},
    "oidc": {
        "attribute_map": {"mapping_mode": "bind_all"},
        "connection_settings": {"pkce": "disabled"},
        "schema_version": "oidc-V4",
    },
    "okta": {
        "attribute_map": {"mapping_mode": "basic_profile"},
        "connection_settings": {"pkce": "disabled"},
        "schema_version": "oidc-V4",
    },
    "waad": {"waad_common_endpoint": False},
    "windowslive": {"signin": True},
}
"""Filled in by PATCH."""
KEPT_WHERE_THERE: dict[str, tuple[str, ...]] = {
    "auth0": ("brute_force_protection",),
    "google-apps": ("email", "profile", "map_user_id_to_id", "handle_login_from_social", "scope"),
    "google-oauth2": ("email", "profile"),
    "oidc": ("oidc_metadata",),
    "okta": ("oidc_metadata",),
    "pingfederate": ("cert",),
}
"""Left by PATCH as it was."""


GOOGLE_SCOPES = {
    "email": "email",
    "profile": "profile",
    "calendar": "https://www.googleapis.com/auth/calendar",
    "gmail": "https://mail.google.com/mail/feed/atom",
    "youtube": "https://gdata.youtube.com",
}
SCOPES: dict[str, list[str]] = {
    "github": [],
    "google-apps": ["email", "profile"],
    "linkedin": ["r_liteprofile"],
    "salesforce": [],
}
"""Scopes of a new connection that asks for none."""
LINE_SCOPES = ("openid", "email", "profile")


def scope_of(strategy: str, given: Json, options: Json) -> list[str] | str | None:
    """What the service makes of the scopes, and of the switches that stand for some; None where it leaves them alone."""
    asked = options.get("scope")
    switched = [name for name in dict.fromkeys([*given, *options]) if options[name] is True]
    match strategy:
        case "facebook" if asked is None:
            return ",".join(switched)
        case "google-oauth2" if asked is None:
            return [GOOGLE_SCOPES[name] for name in switched if name in GOOGLE_SCOPES]
        case "line" if isinstance(asked, list):
            return sorted(asked, key=lambda name: LINE_SCOPES.index(name) if name in LINE_SCOPES else len(LINE_SCOPES))
        case "windowslive" if asked is None:
            return [] if options.get("strategy_version") == 2 else ["wl.signin"]
        case "wordpress":
            return ["profile"]
    return None


def connection(body: Json) -> Json:
    """The fields of a new connection beside its id and its options."""
    strategy = body["strategy"]
    made: Json = {"is_domain_connection": False}
    if strategy in ENTERPRISE:
        made["show_as_button"] = False
    if strategy in {"oidc", "okta", "waad"}:
        made["display_name"] = body["name"]
    return {
        **made,
        "realms": [body["name"]],
        "authentication": {"active": True},
        "connected_accounts": {"active": False},
    }


def new_options(strategy: str, given: Json) -> Json:
    options = {**copy.deepcopy(OPTIONS.get(strategy, {})), **copy.deepcopy(given)}
    if strategy == "auth0":
        options["authentication_methods"] = methods(given.get("authentication_methods"))
        if "password_options" in given:
            options["password_options"] = with_defaults(given["password_options"], PASSWORD_OPTIONS)
        elif "passwordPolicy" not in given:
            options["passwordPolicy"] = "good"
        email = (options.get("attributes") or {}).get("email")
        if isinstance(email, dict):
            email.setdefault("unique", True)
    if strategy in SCOPES:
        options.setdefault("scope", list(SCOPES[strategy]))
    return _scoped(strategy, given, options)


def replaced_options(strategy: str, before: Json, given: Json) -> Json:
    """What is left out of `given` is lost, but for what KEPT names."""
    kept = {name: before.get(name, value) for name, value in KEPT.get(strategy, {}).items() if name not in given}
    kept |= {name: before[name] for name in KEPT_WHERE_THERE.get(strategy, ()) if name in before and name not in given}
    if strategy in {"oidc", "okta"}:
        kept["connection_settings"] = KEPT[strategy]["connection_settings"]
        kept["attribute_map"] = KEPT[strategy]["attribute_map"]
    return _scoped(strategy, given, {**copy.deepcopy(kept), **copy.deepcopy(given)})


def _scoped(strategy: str, given: Json, options: Json) -> Json:
    scope = scope_of(strategy, given, options)
    return options if scope is None else {**options, "scope": scope}


def methods(given: Json | None) -> Json:
    """How users of a database prove who they are, with what is missing filled in."""
    result = copy.deepcopy(given or {})
    for name, value in METHODS.items():
        result[name] = {**value, **(result.get(name) or {})}
    return result


def with_defaults(given: Json, defaults: Json) -> Json:
    result = copy.deepcopy(defaults)
    for name, value in given.items():
        nested = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = with_defaults(value, result[name]) if nested else copy.deepcopy(value)
    return result
