"""What a tenant holds. Plain JSON objects by id, so that a test can look at them and the whole can be saved and loaded.

Stored objects carry more than answers show: a client's secret, a credential's public key. What leaves is decided
where it leaves (clients.py, credentials.py).
"""

from __future__ import annotations

import copy
import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlgate_sim.auth0 import management_api
from mlgate_sim.auth0.call import Json
from mlgate_sim.auth0.errors import ApiError
from mlgate_sim.auth0.keys import KeyRing, SigningKey

LETTERS = string.ascii_letters + string.digits
COLLECTIONS = (
    "settings",
    "clients",
    "credentials",
    "resource_servers",
    "client_grants",
    "roles",
    "role_permissions",
    "role_users",
    "users",
    "rules",
    "hooks",
    "actions",
    "action_modules",
    "action_bindings",
    "guardian",
    "user_permissions",
    "connections",
    "organizations",
    "organization_members",
    "organization_member_roles",
    "organization_connections",
    "organization_grants",
    "organization_clients",
    "connection_clients",
    "connections_going",
    "discoveries",
    "created_at",
    "logs",
)


@dataclass
class Tenant:
    """The state of one tenant."""

    domain: str
    keys: KeyRing
    settings: Json = field(default_factory=dict)
    clients: dict[str, Json] = field(default_factory=dict)  # by client_id
    credentials: dict[str, dict[str, Json]] = field(default_factory=dict)  # by client_id, then id
    resource_servers: dict[str, Json] = field(default_factory=dict)  # by id
    client_grants: dict[str, Json] = field(default_factory=dict)
    roles: dict[str, Json] = field(default_factory=dict)
    role_permissions: dict[str, list[Json]] = field(default_factory=dict)  # by role id, in order of assignment
    role_users: dict[str, list[str]] = field(default_factory=dict)
    rules: dict[str, Json] = field(default_factory=dict)  # read only: what a tenant still has of them
    hooks: dict[str, Json] = field(default_factory=dict)
    actions: dict[str, Json] = field(default_factory=dict)  # keys that start with _ are never shown
    action_modules: dict[str, Json] = field(default_factory=dict)  # name, and numbers of versions by their ids
    action_bindings: dict[str, list[Json]] = field(default_factory=dict)  # by trigger, in order
    guardian: Json = field(default_factory=dict)  # factors, policies and settings that were ever set
    action_build_seconds: float = 0.0  # how long an Action is built, and how long a deploy takes
    users: dict[str, Json] = field(default_factory=dict)  # with the password, which no answer shows
    user_permissions: dict[str, list[Json]] = field(default_factory=dict)  # assigned directly, by user id
    user_versions: dict[str, list[tuple[float, Json | None]]] = field(default_factory=dict)  # for the search index
    connections: dict[str, Json] = field(default_factory=dict)  # only shown, in an organization's connections
    organizations: dict[str, Json] = field(default_factory=dict)
    organization_members: dict[str, dict[str, float]] = field(default_factory=dict)  # user ids, and since when
    organization_member_roles: dict[str, dict[str, list[str]]] = field(default_factory=dict)  # and by user id
    organization_connections: dict[str, dict[str, Json]] = field(default_factory=dict)
    organization_grants: dict[str, list[str]] = field(default_factory=dict)
    organization_clients: dict[str, dict[str, bool]] = field(default_factory=dict)  # may members use it
    created_at: dict[str, float] = field(default_factory=dict)  # by id, UNIX seconds; seeded objects have none
    logs: dict[str, Json] = field(default_factory=dict)  # by log_id, oldest first
    visibility_delay: float = 0.0  # seconds until a new object shows up in lists
    custom_domains: list[str] = field(default_factory=list)  # verified
    search_delay: float = 0.0  # seconds until the user search knows of a change
    connection_clients: dict[str, list[str]] = field(default_factory=dict)  # enabled applications by connection id
    connections_going: dict[str, float] = field(default_factory=dict)  # being deleted: UNIX seconds at which it is over
    discoveries: dict[str, list[Json]] = field(default_factory=dict)
    """What identity providers tell the service, by strategy: to options that hold `of` it `adds`, and takes `gone`."""
    deletion_delay: float = 0.0  # seconds that deleting a connection goes on after its answer
    entity_limits: Mapping[str, int] = field(default_factory=dict)
    used_assertions: dict[str, float] = field(default_factory=dict)  # client and jti -> until when it is remembered

    @property
    def issuer(self) -> str:
        return f"https://{self.domain}/"

    @property
    def management_audience(self) -> str:
        return management_api.identifier(self.domain)

    def as_json(self) -> Json:
        return {
            "domain": self.domain,
            "keys": self.keys.as_json(),
            **{name: copy.deepcopy(getattr(self, name)) for name in COLLECTIONS},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Tenant:
        tenant = cls(domain=str(stored["domain"]), keys=KeyRing.from_json(stored["keys"]))
        for name in COLLECTIONS:
            setattr(tenant, name, copy.deepcopy(dict(stored.get(name) or {})))
        return tenant

    def visible(self, objects: Iterable[tuple[str, Json]], now: float) -> list[Json]:
        """The objects that a list shows now, in the order in which they were made."""
        return [item for id_, item in objects if now >= self.created_at.get(id_, 0.0) + self.visibility_delay]

    def index_user(self, user_id: str, now: float) -> None:
        """The user changed: the search will know later."""
        self.user_versions.setdefault(user_id, []).append((now, copy.deepcopy(self.users.get(user_id))))

    def indexed_user(self, user_id: str, now: float) -> Json | None:
        """The user as the search knows it now; None where it knows none."""
        versions = self.user_versions.get(user_id)
        if versions is None:  # seeded
            return self.users.get(user_id)
        return next((user for at, user in reversed(versions) if at <= now - self.search_delay), None)

    def resource_server(self, id_or_identifier: str) -> Json | None:
        found = self.resource_servers.get(id_or_identifier)
        return found or self.api(id_or_identifier)

    def api(self, identifier: str) -> Json | None:
        """The resource server with this identifier."""
        return next((api for api in self.resource_servers.values() if api["identifier"] == identifier), None)

    def check_entity_limit(self, collection: str) -> None:
        """Raises ApiError (403) when the plan has no room for one more."""
        limit = self.entity_limits.get(collection)
        held: Mapping[str, Json] = getattr(self, collection)
        counted = sum(1 for item in held.values() if not item.get("global") and not item.get("is_system"))
        if limit is not None and counted >= limit:
            raise ApiError(403, "You reached the limit of entities of this type for this tenant.")


def letters(count: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(count))


def new_client_id(*, third_party: bool = False) -> str:
    """32 characters; those of strict third-party applications look different (TestAccClient_ThirdPartySecurityMode)."""
    return f"tpc_{letters(22)}" if third_party else letters(32)


def new_client_secret() -> str:
    return letters(64)


def new_object_id() -> str:
    """24 hex digits, as resource servers have."""
    return secrets.token_hex(12)


def initial_tenant(domain: str, operator: Json) -> Tenant:
    """A new tenant with its system API, its global client and the operator's own application, granted every scope."""
    tenant = Tenant(domain=domain, keys=KeyRing(SigningKey.generate(domain)), settings=initial_settings())
    api = management_api.resource_server(domain, new_object_id())
    tenant.resource_servers[api["id"]] = api
    everything: Json = {
        "tenant": tenant_name(domain),
        "global": True,
        "name": "All Applications",
        "client_id": new_client_id(),
        "client_secret": new_client_secret(),
        "custom_login_page_on": True,
        "grant_types": ["authorization_code", "implicit", "refresh_token", "client_credentials"],
    }
    for client in (operator, everything):
        tenant.clients[client["client_id"]] = client
    grant: Json = {
        "id": f"cgr_{letters(16)}",
        "client_id": operator["client_id"],
        "audience": api["identifier"],
        "scope": [scope["value"] for scope in api["scopes"]],
        "subject_type": "client",
    }
    tenant.client_grants[grant["id"]] = grant
    return tenant


def tenant_name(domain: str) -> str:
    return domain.partition(".")[0].partition(":")[0]


def initial_settings() -> Json:
    """A tenant's settings before anybody changes them (as TestTenantManager_CIMDAndResourceParameterProfile starts)."""
    return {
        "change_password": {"enabled": False},
        "enabled_locales": ["en"],
        "flags": {
            "allow_changing_enable_sso": False,
            "disable_impersonation": True,
            "enable_sso": True,
            "universal_login": True,
            "revoke_refresh_token_grant": False,
            "disable_clickjack_protection_headers": False,
        },
        "guardian_mfa_page": {"enabled": False},
        "idle_session_lifetime": 72,
        "ephemeral_session_lifetime": 72,
        "idle_ephemeral_session_lifetime": 24,
        "sandbox_version": "22",
        "session_lifetime": 168,
        "oidc_logout": {"rp_logout_end_session_endpoint_discovery": True},
        "phone_consolidated_experience": True,
    }
