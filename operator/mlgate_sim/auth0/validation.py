"""What the service refuses to read: unknown properties, missing ones, values out of bounds.

Source: shared facts, auth0 sections 2.2, 2.5 and 5 (limits of the documentation); property names as the recorded
requests and the request models of auth0-python 6.8 know them. Only what those sources tell is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from mlgate_sim.auth0.call import Json
from mlgate_sim.auth0.errors import ApiError, payload_error

_CLIENT = """
    name description logo_uri callbacks oidc_logout oidc_backchannel_logout session_transfer allowed_origins web_origins
    client_aliases allowed_clients allowed_logout_urls grant_types token_endpoint_auth_method
    is_token_endpoint_ip_header_trusted app_type is_first_party oidc_conformant jwt_configuration encryption_key sso
    cross_origin_authentication cross_origin_auth cross_origin_loc sso_disabled custom_login_page_on custom_login_page
    custom_login_page_preview form_template addons client_metadata client_secret mobile initiate_login_uri
    native_social_login fedcm_login refresh_token default_organization organization_usage organization_require_behavior
    organization_discovery_methods client_authentication_methods require_pushed_authorization_requests
    require_proof_of_possession signed_request_object token_vault_privileged_access compliance_level
    skip_non_verifiable_callback_uri_confirmation_prompt token_exchange par_request_expiry token_quota
    identity_assertion_authorization_grant anonymous_sessions enforce_anon_session_transfer_network_binding
    third_party_security_mode redirection_policy express_configuration b2b_integration_configuration
    my_organization_configuration async_approval_notification_channels oidc_support
"""
_API = """
    name scopes signing_alg signing_secret allow_offline_access allow_online_access
    allow_online_access_with_ephemeral_sessions token_lifetime token_lifetime_for_web
    token_lifetime_for_anonymous_access_tokens token_dialect skip_consent_for_verifiable_first_party_clients
    enforce_policies access_token token_encryption consent_policy require_consent_non_repudiation authorization_details
    proof_of_possession subject_type_authorization authorization_policy
"""
_GRANT = "scope organization_usage allow_any_organization authorization_details_types allow_all_scopes"
_SETTINGS = """
    change_password device_flow guardian_mfa_page default_audience default_directory error_page default_token_quota
    flags friendly_name picture_url support_email support_url allowed_logout_urls session_lifetime
    session_lifetime_in_minutes idle_session_lifetime idle_session_lifetime_in_minutes ephemeral_session_lifetime
    idle_ephemeral_session_lifetime ephemeral_session_lifetime_in_minutes idle_ephemeral_session_lifetime_in_minutes
    sandbox_version legacy_sandbox_version default_redirection_uri enabled_locales access_token security_headers
    session_cookie sessions oidc_logout customize_mfa_in_postlogin_action
    allow_organization_name_in_authentication_api acr_values_supported mtls pushed_authorization_requests_supported
    authorization_response_iss_parameter_supported dpop_strict_refresh_token_binding
    skip_non_verifiable_callback_uri_confirmation_prompt resource_parameter_profile
    client_id_metadata_document_supported client_id_metadata_document_dynamic_registration_supported enable_ai_guide
    phone_consolidated_experience include_session_metadata_in_tenant_logs dynamic_client_registration_security_mode
    country_codes universal_login
"""
CLIENT_PATCH = frozenset(_CLIENT.split())
CLIENT_POST = CLIENT_PATCH | {"resource_server_identifier"}
API_PATCH = frozenset(_API.split())
API_POST = API_PATCH | {"identifier"}
GRANT_PATCH = frozenset(_GRANT.split())
GRANT_POST = GRANT_PATCH | {"client_id", "audience", "default_for", "subject_type"}
ROLE_PATCH = frozenset({"name", "description"})
ROLE_POST = ROLE_PATCH | {"type", "owner_id"}
SETTINGS_PATCH = frozenset(_SETTINGS.split())
CREDENTIAL_POST = frozenset(
    {"credential_type", "name", "subject_dn", "pem", "alg", "parse_expiry_from_cert", "expires_at", "kid"}
)
CREDENTIAL_PATCH = frozenset({"expires_at"})

LONGEST_TOKEN_LIFETIME = 2_592_000  # seconds
METADATA_KEYS, METADATA_CHARACTERS = 10, 255
URI_LISTS = ("callbacks", "allowed_logout_urls")
ABSOLUTE_URI_OR_EMPTY = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.\-]*:\S+)?$")
_APP_TYPES = """
    native spa regular_web non_interactive resource_server express_configuration rms box cloudbees concur dropbox mscrm
    echosign egnyte newrelic office365 salesforce sentry sharepoint slack springcm zendesk zoom sso_integration oag
"""
APP_TYPES = frozenset(_APP_TYPES.split())
AUTH_METHODS = frozenset({"none", "client_secret_post", "client_secret_basic"})
TOKEN_DIALECTS = frozenset({"access_token", "access_token_authz", "rfc9068_profile", "rfc9068_profile_authz"})
SIGNING_ALGS = frozenset({"HS256", "RS256", "RS512", "PS256"})


def known_only(body: Json, known: Collection[str]) -> None:
    for name in body:
        if name not in known:
            raise payload_error(f"Additional properties not allowed: {name}")


def required(body: Json, *names: str, where: str | None = None) -> None:
    """Checks that properties are there; `where` names the place of a nested object, such as `scopes[8]`."""
    for name in names:
        if body.get(name) is None:
            raise payload_error(f"Missing required property: {name}", where)


def text(body: Json, name: str, *, longest: int, shortest: int = 1) -> None:
    """Checks a string property if it is there."""
    value = body.get(name)
    if value is None:
        return
    if not isinstance(value, str):
        raise payload_error(f"Expected type string but found type {json_type(value)}", name)
    if len(value) < shortest:
        raise payload_error(f"String is too short ({len(value)} chars), minimum {shortest}", name)
    if len(value) > longest:
        raise payload_error(f"String is too long ({len(value)} chars), maximum {longest}", name)


def of_type(body: Json, name: str, kind: type) -> None:
    value = body.get(name)
    if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        wanted = {bool: "boolean", int: "integer", list: "array", dict: "object", str: "string"}[kind]
        raise payload_error(f"Expected type {wanted} but found type {json_type(value)}", name)


def one_of(body: Json, name: str, allowed: Collection[str]) -> None:
    value = body.get(name)
    if value is not None and value not in allowed:
        raise payload_error(f"No enum match for: {value}", name)


def unique(values: list[Any], name: str) -> None:
    for first, value in enumerate(values):
        for second in range(first + 1, len(values)):
            if values[second] == value:
                raise payload_error(f"Array items are not unique (indexes {first} and {second})", name)


def json_type(value: object) -> str:
    names = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"), (dict, "object"))
    return next((name for kind, name in names if isinstance(value, kind)), "null")


def client(body: Json) -> None:
    """What POST and PATCH of a client have in common. Raises ApiError (400)."""
    if "name" in body and body["name"] is None:
        raise payload_error("Expected type string but found type null", "name")
    text(body, "name", longest=1000)
    if isinstance(body.get("name"), str) and re.search("[<>]", body["name"]):
        raise payload_error("String does not match pattern ^[^<>]+$: " + body["name"], "name")
    text(body, "description", longest=140, shortest=0)
    one_of(body, "app_type", APP_TYPES)
    one_of(body, "token_endpoint_auth_method", AUTH_METHODS)
    for name in ("oidc_conformant", "is_first_party", "custom_login_page_on", "sso_disabled"):
        of_type(body, name, bool)
    for name in ("jwt_configuration", "client_metadata", "refresh_token"):
        of_type(body, name, dict)
    for name in ("callbacks", "allowed_logout_urls", "web_origins", "allowed_origins", "grant_types"):
        of_type(body, name, list)
    for name in URI_LISTS:
        for position, value in enumerate(body.get(name) or []):
            if not isinstance(value, str) or not ABSOLUTE_URI_OR_EMPTY.match(value):
                detail = f"Object didn't pass validation for format absolute-uri-or-empty: {value}"
                raise payload_error(detail, f"{name}[{position}]")
    if body.get("grant_types"):
        unique(body["grant_types"], "grant_types")
    organization = body.get("default_organization")
    if isinstance(organization, dict) and organization:
        required(organization, "organization_id", "flows", where="default_organization")
    if body.get("client_authentication_methods") and body.get("token_endpoint_auth_method"):
        raise ApiError(
            400,
            "You cannot use client_authentication_methods and token_endpoint_auth_method at the same time",
            "invalid_body",
        )


def client_metadata(metadata: Json) -> None:
    """The metadata as it would be after the change. Raises ApiError (400)."""
    if len(metadata) > METADATA_KEYS:
        raise payload_error(
            f"Too many properties defined ({len(metadata)}), maximum {METADATA_KEYS}", "client_metadata"
        )
    for name, value in metadata.items():
        if not isinstance(value, str):
            raise payload_error(f"Expected type string but found type {json_type(value)}", f"client_metadata.{name}")
        if len(value) > METADATA_CHARACTERS:
            raise payload_error(
                f"String is too long ({len(value)} chars), maximum {METADATA_CHARACTERS}", f"client_metadata.{name}"
            )


def api(body: Json) -> None:
    """What POST and PATCH of a resource server have in common. Raises ApiError (400)."""
    text(body, "name", longest=200)
    if isinstance(body.get("name"), str) and re.search("[<>]", body["name"]):
        raise payload_error("String does not match pattern ^[^<>]+$: " + body["name"], "name")
    one_of(body, "token_dialect", TOKEN_DIALECTS)
    one_of(body, "signing_alg", SIGNING_ALGS)
    for name in ("enforce_policies", "allow_offline_access", "skip_consent_for_verifiable_first_party_clients"):
        of_type(body, name, bool)
    for name in ("token_lifetime", "token_lifetime_for_web"):
        of_type(body, name, int)
        value = body.get(name)
        if value is not None and value > LONGEST_TOKEN_LIFETIME:
            raise payload_error(f"Value {value} is greater than maximum {LONGEST_TOKEN_LIFETIME}", name)
        if value is not None and value < 0:
            raise payload_error(f"Value {value} is less than minimum 0", name)
    of_type(body, "scopes", list)
    for position, scope in enumerate(body.get("scopes") or []):
        required(scope, "value", where=f"scopes[{position}]")
        text(scope, "value", longest=280)
        text(scope, "description", longest=500, shortest=0)
    unique([scope["value"] for scope in body.get("scopes") or []], "scopes")


def grant(body: Json) -> None:
    of_type(body, "scope", list)
    for value in body.get("scope") or []:
        text({"scope": value}, "scope", longest=280)
    unique(body.get("scope") or [], "scope")
    one_of(body, "subject_type", frozenset({"client", "user"}))
