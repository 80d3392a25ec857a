"""A tenant as a directory of JSON files, in the layout that auth0-deploy-cli reads.

Only what the simulator has routes for goes in, so that the directory grows with it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

API = "https://fraud.models.example.com"
CODE = """exports.onExecutePostLogin = async (event, api) => {
  api.accessToken.setCustomClaim("https://models.example.com/team", event.user.app_metadata.team);
};
"""
CLIENT = {
    "app_type": "non_interactive",
    "grant_types": ["client_credentials"],
    "jwt_configuration": {"alg": "RS256", "lifetime_in_seconds": 3600, "secret_encoded": False},
    "oidc_conformant": True,
    "token_endpoint_auth_method": "client_secret_post",
}
FACTORS = (
    "duo",
    "email",
    "otp",
    "push-notification",
    "recovery-code",
    "sms",
    "webauthn-platform",
    "webauthn-roaming",
)


def small_tenant(folder: Path, kinds: Collection[str]) -> None:
    """One of each kind, referring to each other by name as the layout wants it."""
    files: dict[str, tuple[str, Any]] = {
        "resource-servers/fraud.json": ("resourceServers", api("fraud", API)),
        "clients/checkout.json": (
            "clients",
            {"name": "checkout", "client_metadata": {"team": "payments"}, **CLIENT},
        ),
        "clients/portal.json": (
            "clients",
            {
                "name": "portal",
                "app_type": "spa",
                "callbacks": ["https://portal.example.com/callback"],
                "allowed_logout_urls": ["https://portal.example.com"],
                "grant_types": ["authorization_code", "refresh_token"],
                "oidc_conformant": True,
                "organization_usage": "allow",
            },
        ),
        "grants/checkout-fraud.json": ("clientGrants", grant("checkout", API)),
        "roles/analyst.json": ("roles", role("fraud-analyst", API)),
        "tenant.json": ("tenant", {"friendly_name": "Models", "session_lifetime": 100, "idle_session_lifetime": 20}),
        "actions/team.json": (
            "actions",
            {
                "name": "team",
                "code": "./actions/team/code.js",
                "runtime": "node22",
                "status": "built",
                "dependencies": [],
                "secrets": [],
                "supported_triggers": [{"id": "post-login", "version": "v3"}],
                "deployed": True,
            },
        ),
        "triggers/triggers.json": ("triggers", {"post-login": [{"action_name": "team", "display_name": "team"}]}),
        "database-connections/people/database.json": (
            "databases",
            {
                "name": "people",
                "strategy": "auth0",
                "enabled_clients": ["portal"],
                "is_domain_connection": False,
                "options": {"passwordPolicy": "good", "brute_force_protection": True, "disable_signup": True},
                "realms": ["people"],
            },
        ),
        "connections/partner.json": (
            "connections",
            {
                "name": "partner",
                "strategy": "oidc",
                "enabled_clients": ["portal"],
                "options": {
                    "type": "front_channel",
                    "issuer": "https://login.partner.example.com",
                    "client_id": "models",
                    "authorization_endpoint": "https://login.partner.example.com/authorize",
                    "jwks_uri": "https://login.partner.example.com/jwks",
                    "scope": "openid profile email",
                },
            },
        ),
        "organizations/acme.json": (
            "organizations",
            {
                "name": "acme",
                "display_name": "Acme",
                "branding": {"colors": {"primary": "#0059d6", "page_background": "#000000"}},
                "connections": [],
                "client_grants": [],
                "discovery_domains": [],
            },
        ),
        "guardian/policies.json": ("guardianPolicies", {"policies": []}),
        **{
            f"guardian/factors/{name}.json": ("guardianFactors", {"name": name, "enabled": name in {"otp", "email"}})
            for name in FACTORS
        },
    }
    write(folder, {path: body for path, (kind, body) in files.items() if kind in kinds})
    if "actions" in kinds:
        code = folder / "actions" / "team" / "code.js"
        code.parent.mkdir(parents=True, exist_ok=True)
        code.write_text(CODE)


def bundles(folder: Path, count: int) -> None:
    """`count` clients with a grant each, spread over 50 APIs, and 50 roles with a permission each."""
    files: dict[str, Any] = {}
    for number in range(50):
        identifier = f"https://model-{number:02}.example.com"
        files[f"resource-servers/model-{number:02}.json"] = api(f"model-{number:02}", identifier)
        files[f"roles/analyst-{number:02}.json"] = role(f"analyst-{number:02}", identifier)
    for number in range(count):
        name = f"app-{number:04}"
        files[f"clients/{name}.json"] = {"name": name, **CLIENT}
        files[f"grants/{name}.json"] = grant(name, f"https://model-{number % 50:02}.example.com")
    write(folder, files)


def api(name: str, identifier: str) -> dict[str, Any]:
    return {
        "name": name,
        "identifier": identifier,
        "signing_alg": "RS256",
        "token_lifetime": 3600,
        "enforce_policies": True,
        "token_dialect": "access_token_authz",
        "scopes": [{"value": "predict", "description": "Ask the model"}],
    }


def grant(client: str, audience: str) -> dict[str, Any]:
    """The layout names the client; auth0-deploy-cli looks up its id."""
    return {"client_id": client, "audience": audience, "scope": ["predict"], "subject_type": "client"}


def role(name: str, identifier: str) -> dict[str, Any]:
    permission = {"permission_name": "predict", "resource_server_identifier": identifier}
    return {"name": name, "description": "May ask the model", "permissions": [permission]}


def write(folder: Path, files: Mapping[str, Any]) -> None:
    for path, body in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(body, indent=2))
