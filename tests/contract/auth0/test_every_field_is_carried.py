"""Every field that a recorded request sets is one that a manifest can say, or is listed here with the reason why not.

A recording with a new field fails here until somebody decides. What is carried under another name than the wire's is in
`RENAMED`, by the path in the manifest (in snake case); what is not carried is in `LEFT_OUT`, with everything below it.
The recordings are not part of the repository: without them this module skips.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from contract.auth0 import recordings
from contract.auth0.carried import paths, says, written
from mlgate.api.auth0action import Auth0ActionSpec
from mlgate.api.auth0api import Auth0APISpec
from mlgate.api.auth0client import Auth0ClientSpec
from mlgate.api.auth0clientgrant import Auth0ClientGrantSpec
from mlgate.api.auth0connection import Auth0ConnectionSpec
from mlgate.api.auth0mfafactorset import GuardianFactor
from mlgate.api.auth0organization import Auth0OrganizationSpec
from mlgate.api.auth0role import Auth0RoleSpec
from mlgate.api.auth0tenant import Auth0TenantSettings
from mlgate.api.auth0user import Auth0UserSpec


@dataclass(frozen=True)
class Written:
    """A kind's type and the routes that its bodies go to."""

    spec: type[BaseModel]
    routes: tuple[str, ...]


KINDS = {
    "Auth0Client": Written(Auth0ClientSpec, ("/clients", "/clients/{id}")),
    "Auth0API": Written(Auth0APISpec, ("/resource-servers", "/resource-servers/{id}")),
    "Auth0ClientGrant": Written(Auth0ClientGrantSpec, ("/client-grants", "/client-grants/{id}")),
    "Auth0Role": Written(Auth0RoleSpec, ("/roles", "/roles/{id}")),
    "Auth0User": Written(Auth0UserSpec, ("/users", "/users/{id}")),
    "Auth0Connection": Written(Auth0ConnectionSpec, ("/connections", "/connections/{id}")),
    "Auth0Organization": Written(Auth0OrganizationSpec, ("/organizations", "/organizations/{id}")),
    "Auth0Action": Written(Auth0ActionSpec, ("/actions/actions", "/actions/actions/{id}")),
    "Auth0Tenant": Written(Auth0TenantSettings, ("/tenants/settings",)),
}

RENAMED: dict[str, dict[str, str]] = {
    "Auth0Client": {
        "client_authentication_methods.private_key_jwt": "token_endpoint_auth_method",
        "oidc_backchannel_logout": "oidc_logout",
    },
    "Auth0API": {
        "scopes": "permissions",
        "scopes.value": "permissions.name",
        "scopes.description": "permissions.description",
        "enforce_policies": "rbac",
    },
    "Auth0ClientGrant": {"client_id": "client_ref", "audience": "api_ref", "scope": "permissions"},
    "Auth0User": {"password": "password_secret_ref"},
    "Auth0Action": {
        "supported_triggers": "trigger",
        "supported_triggers.id": "trigger",
        "secrets.value": "secrets.value_from",
    },
    "Auth0Tenant": {
        "session_lifetime_in_minutes": "session_lifetime",
        "idle_session_lifetime_in_minutes": "idle_session_lifetime",
    },
}

_PAGES = "pages and looks of the classic login: no kind for branding"
_LIMITS = "a setting of the whole tenant that no kind carries yet"
LEFT_OUT: dict[str, dict[str, str]] = {
    "Auth0Client": {
        "client_secret": "Auth0 makes it and mlgate hands it on in a Secret; one of the user's own would have to be kept",
        "client_authentication_methods.private_key_jwt.credentials": "mlgate makes the keys and names them itself",
        "client_authentication_methods.self_signed_tls_client_auth.credentials.credential_type": "follows from the place",
        "signed_request_object.credentials.credential_type": "follows from the place",
    },
    "Auth0Role": {
        "type": "roles of one organization are newer than the lists that mlgate compares with (type=tenant)",
        "owner_id": "goes with type",
    },
    "Auth0Action": {
        "supported_triggers.version": "the current one of the trigger's catalogue",
        "modules": "no kind for modules",
        "dependencies.registry_url": "the public registry only",
        "secrets.updated_at": "the service's own, sent along by one client",
    },
    "Auth0Tenant": {
        **dict.fromkeys(("change_password", "guardian_mfa_page", "error_page", "universal_login"), _PAGES),
        **dict.fromkeys(
            ("session_cookie", "mtls", "default_token_quota", "oidc_logout", "country_codes", "sessions"), _LIMITS
        ),
        "skip_non_verifiable_callback_uri_confirmation_prompt": "each application has it: Auth0Client carries it",
    },
}
GUARDIAN = {
    "/guardian/policies": "Auth0MFAFactorSet.tenantPrompt",
    **{f"/guardian/factors/{factor}": "Auth0MFAFactorSet.enabled" for factor in get_args(GuardianFactor)},
    "/guardian/factors/duo/settings": "left out: credentials of a provider, set once by hand",
    "/guardian/factors/sms/providers/twilio": "left out: credentials of a provider",
    "/guardian/factors/sms/templates": "left out: texts of messages",
    "/guardian/factors/phone/message-types": "left out: goes with the provider",
    "/guardian/factors/phone/selected-provider": "left out: goes with the provider",
    "/guardian/factors/push-notification/selected-provider": "left out: goes with the provider",
    "/guardian/factors/push-notification/providers/apns": "left out: credentials of a provider",
    "/guardian/factors/push-notification/providers/fcm": "left out: credentials of a provider",
    "/guardian/factors/push-notification/providers/fcmv1": "left out: credentials of a provider",
    "/guardian/factors/push-notification/providers/sns": "left out: credentials of a provider",
    "/guardian/factors/webauthn-roaming/settings": "left out: domains of the tenant's login page",
}
"""What each recorded write to the MFA of a tenant is for, and who carries it."""


@pytest.fixture(scope="module")
def recorded() -> dict[str, set[str]]:
    """By kind, every path of a body that the service accepted."""
    folder = recordings.folder()
    if folder is None:
        pytest.skip("no recordings: set MLGATE_RECORDINGS or put them into ../shared/recordings")
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for exchanges in recordings.read(folder).values():
        for exchange in exchanges:
            for kind, row in KINDS.items():
                if exchange.route in row.routes and exchange.method in {"POST", "PATCH"} and exchange.status < 300:
                    found[kind] |= set(written(exchange.request))
    return found


def left_out(kind: str, path: str) -> bool:
    parts = path.split(".")
    return any(".".join(parts[:n]) in LEFT_OUT.get(kind, {}) for n in range(1, len(parts) + 1))


@pytest.mark.parametrize("kind", KINDS, ids=[f"{kind} can say what requests set" for kind in KINDS])
def test_every_recorded_field_is_carried_or_has_a_reason(recorded: dict[str, set[str]], kind: str) -> None:
    carried = frozenset(paths(KINDS[kind].spec))
    renamed = RENAMED.get(kind, {})
    missing = [p for p in recorded[kind] if not (says(carried, p) or p in renamed or left_out(kind, p))]
    assert sorted(missing) == []
    assert [path for path in renamed.values() if path not in carried] == [], "renamed to what is not there"


SAID_OTHERWISE = {"client_authentication_methods", "enabled_clients"}
"""Fields of which the manifest takes the same values in another shape: credentials by name, references."""
NEEDED: dict[str, dict[str, object]] = {
    "Auth0Client": {},
    "Auth0ClientGrant": {"client_ref": {"name": "a"}, "api_ref": {"name": "a"}},
    "Auth0Role": {},
    "Auth0User": {},
    "Auth0Connection": {"strategy": "auth0"},
    "Auth0Organization": {},
}
"""Kinds whose fields have the wire's names, and what their manifests need besides."""


@pytest.mark.parametrize("kind", NEEDED, ids=[f"{kind} takes the values that requests set" for kind in NEEDED])
def test_every_recorded_value_is_valid_in_a_manifest(kind: str) -> None:
    folder = recordings.folder()
    if folder is None:
        pytest.skip("no recordings: set MLGATE_RECORDINGS or put them into ../shared/recordings")
    row, without = KINDS[kind], {*LEFT_OUT.get(kind, {}), *RENAMED.get(kind, {}), *SAID_OTHERWISE}
    count = 0
    for exchanges in recordings.read(folder).values():
        for exchange in exchanges:
            if exchange.route in row.routes and exchange.method in {"POST", "PATCH"} and exchange.status < 300:
                body = {name: value for name, value in unset(exchange.request).items() if name not in without}
                row.spec.model_validate({"tenant_ref": {"name": "main"}, **NEEDED[kind], **body})
                count += 1
    assert count > 5


def unset(body: Any) -> Any:
    """Without nulls, which a manifest says by leaving out or by `unset`."""
    if isinstance(body, dict):
        return {name: unset(value) for name, value in body.items() if value is not None}
    return body


@pytest.mark.parametrize("kind", KINDS, ids=[f"{kind} lists nothing in vain" for kind in KINDS])
def test_nothing_is_listed_that_no_request_sets(recorded: dict[str, set[str]], kind: str) -> None:
    listed = {*RENAMED.get(kind, {}), *LEFT_OUT.get(kind, {})}
    assert listed - recorded[kind] == set()


def test_every_recorded_write_to_the_factors_is_carried_or_has_a_reason() -> None:
    folder = recordings.folder()
    if folder is None:
        pytest.skip("no recordings: set MLGATE_RECORDINGS or put them into ../shared/recordings")
    found = {
        exchange.route
        for exchanges in recordings.read(folder).values()
        for exchange in exchanges
        if exchange.route.startswith("/guardian") and exchange.method in {"PUT", "PATCH"} and exchange.status < 300
    }
    assert found - GUARDIAN.keys() == set()
    assert {route for route, why in GUARDIAN.items() if why.startswith("left out")} - found == set()
