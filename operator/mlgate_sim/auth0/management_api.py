"""The tenant's own API (the Management API as a resource server) and its scopes.

Source: shared facts, auth0 section 6.9; recordings TestAccDataSourceResourceServer and deploy-cli's listings, which
show 273 scopes described as "Read Client Grants". Here are those of the objects that a tenant holds today.
"""

from __future__ import annotations

from mlgate_sim.auth0.call import Json

NAME = "Auth0 Management API"
CRUD = ("read", "update", "delete", "create")
OBJECTS = {
    "client_grants": ("read", "create", "delete", "update"),
    "users": CRUD,
    "users_app_metadata": CRUD,
    "user_custom_blocks": ("read", "create", "delete"),
    "user_tickets": ("create",),
    "clients": CRUD,
    "client_keys": CRUD,
    "client_credentials": CRUD,
    "connections": CRUD,
    "resource_servers": CRUD,
    "rules": CRUD,
    "rules_configs": ("read", "update", "delete"),
    "hooks": CRUD,
    "actions": CRUD,
    "stats": ("read",),
    "tenant_settings": ("read", "update"),
    "logs": ("read",),
    "log_streams": CRUD,
    "grants": ("read", "delete"),
    "guardian_factors": ("read", "update"),
    "guardian_enrollments": ("read", "delete"),
    "mfa_policies": ("read", "update"),
    "email_templates": ("read", "create", "update"),
    "email_provider": CRUD,
    "signing_keys": ("create", "read", "update"),
    "roles": CRUD,
    "role_members": ("read", "create", "delete"),
    "phone_providers": CRUD,
    "phone_templates": CRUD,
    "flows": CRUD,
    "flows_vault": CRUD,
    "forms": CRUD,
    "network_acls": CRUD,
    "self_service_profiles": CRUD,
    "user_attribute_profiles": CRUD,
    "connection_profiles": CRUD,
    "token_exchange_profiles": CRUD,
    "event_streams": CRUD,
    "prompts": ("read", "update"),
    "branding": ("read", "update", "delete"),
    "custom_domains": ("read", "create", "update", "delete"),
    "attack_protection": ("read", "update"),
    "organizations": ("read", "update", "create", "delete"),
    "organization_discovery_domains": CRUD,
    "organization_members": ("create", "read", "delete"),
    "organization_connections": ("create", "read", "update", "delete"),
    "organization_member_roles": ("create", "read", "delete"),
    "organization_invitations": ("create", "read", "delete"),
    "organization_client_grants": ("read", "create", "delete"),
    "organization_clients": ("read", "create", "update", "delete"),
    "sessions": ("read", "update", "delete"),
    "refresh_tokens": ("read", "update", "delete"),
}


def identifier(domain: str) -> str:
    return f"https://{domain}/api/v2/"


def all_scopes() -> list[Json]:
    return [
        {"description": f"{verb} {thing}".replace("_", " ").title(), "value": f"{verb}:{thing}"}
        for thing, verbs in OBJECTS.items()
        for verb in verbs
    ]


def resource_server(domain: str, id_: str) -> Json:
    """The system resource server of a tenant."""
    return {
        "id": id_,
        "name": NAME,
        "identifier": identifier(domain),
        "allow_offline_access": False,
        "skip_consent_for_verifiable_first_party_clients": False,
        "subject_type_authorization": {"client": {"policy": "require_client_grant"}, "user": {"policy": "allow_all"}},
        "token_lifetime": 86400,
        "token_lifetime_for_web": 7200,
        "signing_alg": "RS256",
        "scopes": all_scopes(),
        "is_system": True,
    }
