"""What else a tenant has and mlgate leaves alone: read-only, always as a new tenant answers.

Clients that look at a whole tenant (auth0-deploy-cli exports all of it) must find these routes. Answers and errors are
those of auth0-deploy-cli's recording of a whole export (its repository, test/e2e/recordings, July 2026), with that
tenant's own templates, forms and profiles left out. Routes whose scope the Management API of this tenant does not
have answer 403, as they did there.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping

from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.errors import ApiError
from mlgate_sim.auth0.pages import page_of
from mlgate_sim.auth0.tenant import Tenant

STOCK: Mapping[str, tuple[str, object]] = {  # path: scope, body
    "/rules-configs": ("read:rules_configs", []),
    "/custom-domains": ("read:custom_domains", []),
    "/log-streams": ("read:log_streams", []),
    "/branding": ("read:branding", {}),
    "/branding/phone/providers": ("read:phone_providers", {"providers": []}),
    "/branding/phone/templates": ("read:phone_templates", {"templates": []}),
    "/prompts": ("read:prompts", {"universal_login_experience": "new", "identifier_first": True}),
    "/prompts/{prompt}/custom-text/{language}": ("read:prompts", {}),
    "/prompts/{prompt}/partials": ("read:prompts", {}),
    "/attack-protection/brute-force-protection": (
        "read:attack_protection",
        {
            "enabled": True,
            "shields": ["block", "user_notification"],
            "mode": "count_per_identifier_and_ip",
            "allowlist": [],
            "max_attempts": 10,
        },
    ),
    "/attack-protection/breached-password-detection": (
        "read:attack_protection",
        {
            "enabled": False,
            "shields": [],
            "admin_notification_frequency": [],
            "method": "standard",
            "stage": {"pre-user-registration": {"shields": []}, "pre-change-password": {"shields": []}},
        },
    ),
    "/attack-protection/suspicious-ip-throttling": (
        "read:attack_protection",
        {
            "enabled": True,
            "shields": ["admin_notification", "block"],
            "allowlist": [],
            "stage": {
                "pre-login": {"max_attempts": 100, "rate": 864000},
                "pre-user-registration": {"max_attempts": 50, "rate": 1200},
                "pre-custom-token-exchange": {"max_attempts": 10, "rate": 600000},
            },
        },
    ),
    "/attack-protection/bot-detection": (
        "read:attack_protection",
        {
            "challenge_password_policy": "never",
            "challenge_passwordless_policy": "never",
            "challenge_password_reset_policy": "never",
            "allowlist": [],
            "bot_detection_level": "medium",
            "monitoring_mode_enabled": False,
        },
    ),
    "/attack-protection/captcha": (
        "read:attack_protection",
        {
            "active_provider_id": "auth_challenge",
            "simple_captcha": {},
            "auth_challenge": {"fail_open": False},
        },
    ),
    "/risk-assessments/settings": ("read:attack_protection", {"enabled": False}),
    "/risk-assessments/settings/new-device": ("read:attack_protection", {"remember_for": 30}),
}
EMPTY_LISTS: Mapping[str, tuple[str, str]] = {  # path: scope, plural
    "/organizations/{id}/discovery-domains": ("read:organization_discovery_domains", "domains"),
    "/prompts/rendering": ("read:prompts", "configs"),
    "/flows": ("read:flows", "flows"),
    "/flows/vault/connections": ("read:flows_vault", "connections"),
    "/forms": ("read:forms", "forms"),
    "/self-service-profiles": ("read:self_service_profiles", "self_service_profiles"),
    "/network-acls": ("read:network_acls", "network_acls"),
    "/user-attribute-profiles": ("read:user_attribute_profiles", "user_attribute_profiles"),
    "/connection-profiles": ("read:connection_profiles", "connection_profiles"),
    "/token-exchange-profiles": ("read:token_exchange_profiles", "token_exchange_profiles"),
    "/event-streams": ("read:event_streams", "eventStreams"),
    "/rate-limit-policies": ("read:rate_limit_policies", "rate_limit_policies"),  # 403: no such scope here
    "/connections-directory-provisionings": ("read:directory_provisionings", "directory_provisionings"),  # likewise
}
REFUSED: Mapping[str, tuple[str, ApiError]] = {
    "/emails/provider": (
        "read:email_provider",
        ApiError(404, "There is no configured email provider", "inexistent_email_provider"),
    ),
    "/email-templates/{template}": (
        "read:email_templates",
        ApiError(404, "The template does not exist.", "inexistent_email_template"),
    ),
    "/branding/themes/default": (
        "read:branding",
        ApiError(404, "There was an error retrieving branding settings: invalid theme ID", "theme_not_found"),
    ),
    "/supplemental-signals": (
        "read:attack_protection",
        ApiError(403, "Please upgrade your subscription to enable Akamai Signals.", "insufficient_scope"),
    ),
}


class RestOfTenant:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        for path, (scope, plural) in EMPTY_LISTS.items():
            yield Route("GET", path, (scope,), _empty_list(plural))
        yield Route("GET", "/actions/modules", ("read:actions",), RestOfTenant.action_modules)
        for path, (scope, body) in STOCK.items():
            yield Route("GET", path, (scope,), _stock(body))
        for path, (scope, error) in REFUSED.items():
            yield Route("GET", path, (scope,), _refusal(error))

    def action_modules(self, call: Call) -> Reply:
        """Paged as actions are, with zero values kept."""
        page: Json = {"modules": [], "total": 0}
        return 200, page | {"page": int(call.one("page") or 0), "per_page": int(call.one("per_page") or 20)}


def _stock(body: object) -> Callable[[RestOfTenant, Call], Reply]:
    return lambda resource, call: (200, copy.deepcopy(body))


def _empty_list(plural: str) -> Callable[[RestOfTenant, Call], Reply]:
    return lambda resource, call: (200, page_of(call, plural, [], checkpoint=True))


def _refusal(error: ApiError) -> Callable[[RestOfTenant, Call], Reply]:
    def refuse(resource: RestOfTenant, call: Call) -> Reply:
        raise error

    return refuse
