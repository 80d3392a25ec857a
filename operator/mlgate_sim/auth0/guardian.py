"""Guardian: which MFA factors a tenant has switched on, when it asks for them, and the settings of the factors.

Source: shared facts, auth0 sections 2.2 and 6; recordings TestAccGuardian*, TestGuardian/*. Lists are bare arrays. A PUT
answers what was sent; secrets among the settings are not shown later; a factor's settings are replaced key by key.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

from mlgate_sim.auth0 import validation
from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.errors import ApiError, payload_error
from mlgate_sim.auth0.tenant import Tenant

FACTORS = ("sms", "push-notification", "otp", "email", "duo", "webauthn-roaming", "webauthn-platform", "recovery-code")
POLICIES = frozenset({"all-applications", "confidence-score"})
SETTINGS: dict[str, Json] = {
    "duo/settings": {},
    "phone/message-types": {"message_types": ["sms"]},
    "phone/selected-provider": {"provider": "auth0"},
    "push-notification/selected-provider": {"provider": "guardian"},
    "push-notification/providers/apns": {},
    "push-notification/providers/fcm": {},
    "push-notification/providers/fcmv1": {},
    "push-notification/providers/sns": {},
    "sms/providers/twilio": {},
    "sms/templates": {"enrollment_message": "", "verification_message": ""},
    "webauthn-platform/settings": {"overrideRelyingParty": False},
    "webauthn-roaming/settings": {"userVerification": "preferred", "overrideRelyingParty": False},
}
"""Every settings document by its path below `/guardian/factors`, as a new tenant has it."""
NEVER_SHOWN = {
    "push-notification/providers/sns": ("aws_secret_access_key",),
    "push-notification/providers/apns": ("p12",),
}


class Guardian:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        read, write = ("read:guardian_factors",), ("update:guardian_factors",)
        yield Route("GET", "/guardian/factors", read, Guardian.factors)
        yield Route("GET", "/guardian/policies", ("read:mfa_policies",), Guardian.policies)
        yield Route("PUT", "/guardian/policies", ("update:mfa_policies",), Guardian.set_policies)
        for path in SETTINGS:
            yield Route("GET", f"/guardian/factors/{path}", read, _reading(path))
            yield Route("PUT", f"/guardian/factors/{path}", write, _writing(path))
        yield Route("PUT", "/guardian/factors/{name}", write, Guardian.switch)

    def factors(self, call: Call) -> Reply:
        on = self.tenant.guardian.get("factors", {})
        names = [*FACTORS, *(name for name in on if name not in FACTORS)]
        return 200, [{"name": name, "enabled": bool(on.get(name)), "trial_expired": False} for name in names]

    def switch(self, call: Call) -> Reply:
        name, body = call.params["name"], call.json_object()
        if name not in FACTORS:
            raise ApiError(404, "Not Found")
        validation.known_only(body, {"enabled"})
        validation.required(body, "enabled")
        validation.of_type(body, "enabled", bool)
        self.tenant.guardian.setdefault("factors", {})[name] = body["enabled"]
        return 200, {"enabled": body["enabled"]}

    def policies(self, call: Call) -> Reply:
        return 200, list(self.tenant.guardian.get("policies", []))

    def set_policies(self, call: Call) -> Reply:
        if not isinstance(call.body, list) or not POLICIES.issuperset(call.body):
            raise payload_error("Expected an array of all-applications and confidence-score")
        self.tenant.guardian["policies"] = list(call.body)
        return 200, list(call.body)

    def settings(self, path: str) -> Json:
        held: Json = self.tenant.guardian.setdefault("settings", {}).setdefault(path, copy.deepcopy(SETTINGS[path]))
        return held


def _reading(path: str) -> Callable[[Guardian, Call], Reply]:
    def read(guardian: Guardian, call: Call) -> Reply:
        held = guardian.settings(path)
        shown = {name: value for name, value in held.items() if name not in NEVER_SHOWN.get(path, ())}
        if path.endswith("apns"):
            shown["enabled"] = bool(held.get("p12") or held.get("enabled"))
        if path.endswith("twilio") and held:
            shown = {"auth_token": None, "sid": None, "from": None, "messaging_service_sid": None, **shown}
        return 200, copy.deepcopy(shown)

    return read


def _writing(path: str) -> Callable[[Guardian, Call], Reply]:
    def write(guardian: Guardian, call: Call) -> Reply:
        body = call.json_object()
        if path.endswith("twilio"):
            guardian.settings(path).clear()
        guardian.settings(path).update(copy.deepcopy(body))
        if path.endswith(("fcm", "fcmv1")):
            return 200, {}
        answer = {name: value for name, value in body.items() if name not in {"p12"}}
        return 200, answer

    return write
