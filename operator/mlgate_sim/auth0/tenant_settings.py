"""The tenant's settings. The answer to PATCH is not what GET shows, so nobody may take it for observed state.

Source: shared facts, auth0 section 2.2; recordings TestAccTenant*, TestTenantManager_*, deploy-cli. `flags`,
`change_password` and `guardian_mfa_page` merge key by key; some fields take null to clear; hours may be fractions.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

from mlgate_sim.auth0 import validation
from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.errors import payload_error
from mlgate_sim.auth0.merge import patched
from mlgate_sim.auth0.pages import only_fields
from mlgate_sim.auth0.tenant import Tenant

MERGING = ("flags", "change_password", "guardian_mfa_page", "universal_login", "oidc_logout", "sessions")
FLAGS_ONLY_IN_PATCH = {
    "cannot_change_enforce_client_authentication_on_passwordless_start": True,
    "enforce_client_authentication_on_passwordless_start": True,
}
LOGIN_ONLY_IN_PATCH = frozenset(
    {"identifier_first", "is_custom_theme_set", "is_custom_template_set", "webauthn_platform_first_factor"}
)
# GET shows these even when nobody has set them; PATCH does not.
DEFAULTS_ONLY_IN_GET = {"client_id_metadata_document_supported": False, "resource_parameter_profile": "audience"}
SANDBOX_VERSIONS = ["22", "18"]
HOURS = {
    "session_lifetime_in_minutes": "session_lifetime",
    "idle_session_lifetime_in_minutes": "idle_session_lifetime",
    "ephemeral_session_lifetime_in_minutes": "ephemeral_session_lifetime",
    "idle_ephemeral_session_lifetime_in_minutes": "idle_ephemeral_session_lifetime",
}


class TenantSettings:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        yield Route("GET", "/tenants/settings", ("read:tenant_settings",), TenantSettings.get)
        yield Route("PATCH", "/tenants/settings", ("update:tenant_settings",), TenantSettings.update)

    def get(self, call: Call) -> Reply:
        return 200, only_fields(call, observed(self.tenant.settings))

    def update(self, call: Call) -> Reply:
        body = call.json_object()
        validation.known_only(body, validation.SETTINGS_PATCH)
        for name in ("friendly_name", "support_email", "support_url", "picture_url", "default_audience"):
            validation.of_type(body, name, str)
        for name in ("session_lifetime", "idle_session_lifetime"):
            value = body.get(name)
            if value is not None and (not isinstance(value, int | float) or value <= 0):
                raise payload_error(f"Value {value} is less than or equal to exclusive minimum 0", name)
        self.tenant.settings = changed(self.tenant.settings, body)
        return 200, answered(self.tenant.settings)


def changed(settings: Json, body: Json) -> Json:
    """The settings after a PATCH."""
    body = dict(body)
    for minutes, hours in HOURS.items():
        if body.get(minutes) is not None:
            value = body.pop(minutes) / 60
            body[hours] = int(value) if value == int(value) else value
    return patched(settings, body, merging=MERGING)


def observed(settings: Json) -> Json:
    """What GET shows of the settings."""
    shown = {**DEFAULTS_ONLY_IN_GET, **copy.deepcopy(settings)}
    shown.setdefault("sandbox_versions_available", list(SANDBOX_VERSIONS))
    if "universal_login" in shown:
        login = shown["universal_login"]
        shown["universal_login"] = {name: login[name] for name in login if name not in LOGIN_ONLY_IN_PATCH}
    return shown


def answered(settings: Json) -> Json:
    """What the answer to PATCH shows of them."""
    shown = copy.deepcopy(settings)
    shown.pop("sandbox_versions_available", None)
    shown["flags"] = {**shown.get("flags", {}), **FLAGS_ONLY_IN_PATCH}
    return shown
