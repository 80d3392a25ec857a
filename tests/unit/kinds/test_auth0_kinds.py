"""What the Auth0 kinds want: secure defaults that are never `implicit`, only what the manifest says, our mark kept."""

from __future__ import annotations

from typing import Any, cast

import pytest

from mlgate.api.auth0api import Auth0APISpec
from mlgate.api.auth0client import Auth0ClientSpec
from mlgate.api.auth0clientgrant import Auth0ClientGrantSpec
from mlgate.api.auth0role import Auth0RoleSpec
from mlgate.engine.plan import Action
from mlgate.errors import Terminal
from mlgate.kinds.auth0.api import Auth0API
from mlgate.kinds.auth0.client import Auth0Client
from mlgate.kinds.auth0.client_grant import Auth0ClientGrant
from mlgate.kinds.auth0.on_auth0 import mark_values
from mlgate.kinds.auth0.role import Auth0Role
from unit.engine.samples import an_object
from unit.kinds.given import MARK, OWNER, an_api, resolved

NO_SESSIONS = cast(Any, None)
CLIENT, API = Auth0Client(NO_SESSIONS), Auth0API(NO_SESSIONS)
GRANT, ROLE = Auth0ClientGrant(NO_SESSIONS), Auth0Role(NO_SESSIONS)


def a_client(**spec: Any) -> Auth0ClientSpec:
    return Auth0ClientSpec.model_validate({"tenantRef": {"name": "main"}, **spec})


def wish(**spec: Any) -> dict[str, Any]:
    """The wish with our mark, as it is compared and sent."""
    return dict(CLIENT.with_mark(CLIENT.desired(OWNER, a_client(**spec), resolved()), MARK))


def new(**spec: Any) -> dict[str, Any]:
    """What a new application is made with."""
    found = a_client(**spec)
    wanted = {**CLIENT.defaults(OWNER, found), **wish(**spec)}
    return CLIENT.fields.diff(wanted, None, {}, None).values()


@pytest.mark.parametrize(
    ("app_type", "grants", "proof"),
    [
        pytest.param(None, ["client_credentials"], "client_secret_post", id="unsaid is machine to machine"),
        pytest.param("non_interactive", ["client_credentials"], "client_secret_post", id="machine to machine"),
        pytest.param(
            "regular_web", ["authorization_code", "refresh_token"], "client_secret_post", id="a web application"
        ),
        pytest.param("spa", ["authorization_code", "refresh_token"], "none", id="a page, which can keep no secret"),
        pytest.param("native", ["authorization_code", "refresh_token"], "none", id="an app, which can keep no secret"),
    ],
)
def test_what_a_new_application_gets(app_type: str | None, grants: list[str], proof: str) -> None:
    made = new(**({"appType": app_type} if app_type else {}))
    assert made["grant_types"] == grants
    assert "implicit" not in made["grant_types"]
    assert made["token_endpoint_auth_method"] == proof
    assert (made["oidc_conformant"], made["jwt_configuration"]) == (True, {"alg": "RS256"})
    assert made["app_type"] == (app_type or "non_interactive")
    assert made["name"] == "fraud"


def test_implicit_is_there_only_when_it_is_written() -> None:
    assert new(appType="spa", grantTypes=["implicit"])["grant_types"] == ["implicit"]


def test_what_the_manifest_says_wins_over_the_defaults() -> None:
    made = new(
        name="Fraud",
        grantTypes=["client_credentials"],
        tokenEndpointAuthMethod="client_secret_basic",
        oidcConformant=False,
    )
    assert made["name"] == "Fraud"
    assert (made["token_endpoint_auth_method"], made["oidc_conformant"]) == ("client_secret_basic", False)


def test_an_application_that_exists_keeps_what_the_manifest_does_not_say() -> None:
    wanted = wish()
    assert set(wanted) == {"name", "client_metadata"}
    seen = {"name": "fraud", "grant_types": ["implicit"], "client_metadata": mark_values(MARK)}
    assert CLIENT.fields.diff(wanted, seen, {}, "id").action is Action.NOTHING


def test_an_application_carries_our_mark_beside_its_own_metadata() -> None:
    wanted = wish(clientMetadata={"team": "payments"})
    assert wanted["client_metadata"] == {"team": "payments", **mark_values(MARK)}


def test_what_is_only_observed_is_not_asked_to_carry_our_mark() -> None:
    assert CLIENT.desired(OWNER, a_client(), resolved())["client_metadata"] == {}


def test_metadata_of_others_stays_and_ours_goes_with_the_manifest() -> None:
    wanted = wish()
    seen = {"name": "fraud", "client_metadata": {**mark_values(MARK), "team": "x", "theirs": "y"}}
    managed = CLIENT.fields.managed(wish(clientMetadata={"team": "x"}))
    assert CLIENT.fields.diff(wanted, seen, managed, "id").values() == {"client_metadata": {"team": None}}


def test_callbacks_in_another_order_are_the_same() -> None:
    wanted = wish(callbacks=["https://a", "https://b"])
    seen = {**wanted, "callbacks": ["https://b", "https://a"], "jwt_configuration": {"alg": "HS256"}}
    assert not CLIENT.fields.diff(wanted, seen, {}, "id")


def test_an_application_with_a_key_is_made_without_any_other_proof() -> None:
    made = new(tokenEndpointAuthMethod="private_key_jwt", credentialsSecret={"name": "out"})
    assert "token_endpoint_auth_method" not in made
    assert made["client_authentication_methods"] == {"private_key_jwt": {}}


def test_a_key_gives_way_to_a_secret_that_is_asked_for() -> None:
    wanted = wish(tokenEndpointAuthMethod="client_secret_post")
    seen = {**wanted, "client_authentication_methods": {"private_key_jwt": {"credentials": [{"id": "cred_1"}]}}}
    assert CLIENT.fields.diff(wanted, seen, {}, "id").values() == {"client_authentication_methods": None}


def test_a_setting_in_unset_is_sent_as_null_while_it_is_there() -> None:
    wanted = wish(unset=["tokenQuota", "defaultOrganization"])
    seen = {**wanted, "token_quota": {"client_credentials": {"per_day": 5}}}
    assert CLIENT.fields.diff(wanted, seen, {}, "id").values() == {"token_quota": None}


def test_an_addon_of_others_is_sent_along_because_the_service_replaces_them_all() -> None:
    wanted = wish(addons={"samlp": {"audience": "new"}})
    seen = {**wanted, "addons": {"samlp": {"audience": "old", "mappings": {}}, "zoom": {"account": "a"}}}
    sent = CLIENT.fields.diff(wanted, seen, {}, "id").values()
    assert sent == {"addons": {"samlp": {"audience": "new", "mappings": {}}, "zoom": {"account": "a"}}}


def test_an_express_configuration_keeps_the_defaults_of_the_service() -> None:
    assert CLIENT.defaults(OWNER, a_client(appType="express_configuration")) == {"app_type": "express_configuration"}


@pytest.mark.parametrize(
    "path",
    [
        "azure_blob.storageAccessKey",
        "azure_sb.sasKey",
        "firebase.private_key",
        "firebase.secret",
        "layer.privateKey",
        "sap_api.servicePassword",
        "wams.masterkey",
        "new_one.access_token",
    ],
)
def test_a_secret_in_an_addon_is_refused_by_name(path: str) -> None:
    addon, name = path.split(".")
    with pytest.raises(Terminal, match=rf"spec\.addons\.{path} is a secret .* spec\.addonSecrets, with path: {path}"):
        CLIENT.desired(OWNER, a_client(addons={addon: {name: "x", "client_email": "a"}}), resolved())


def test_a_private_key_in_an_addon_is_refused_whatever_its_name() -> None:
    with pytest.raises(Terminal, match=r"spec\.addons\.x\.y is a secret"):
        CLIENT.desired(OWNER, a_client(addons={"x": {"y": ["-----BEGIN PRIVATE KEY-----"]}}), resolved())


@pytest.mark.parametrize(
    "path",
    ["azure_sb.sasKeyName", "layer.keyId", "firebase.private_key_id", "samlp.signingCert", "sap_api.tokenEndpointUrl"],
)
def test_what_only_tells_of_a_secret_in_an_addon_is_allowed(path: str) -> None:
    addon, name = path.split(".")
    assert CLIENT.desired(OWNER, a_client(addons={addon: {name: "x"}}), resolved())["addons"] == {addon: {name: "x"}}


def test_a_secret_that_somebody_set_in_an_addon_is_not_told() -> None:
    wanted = wish(addons={"wams": {}, "azure_sb": "text"})
    seen = {**wanted, "addons": {"azure_sb": {"sasKey": "th3irs", "namespace": "n"}}}
    plan = CLIENT.fields.diff(wanted, seen, {}, "id")
    assert "th3irs" not in str(plan.published())
    assert "th3irs" not in repr(plan.changes[0].old)


# -- Auth0API -----------------------------------------------------------------------------------------------------------


def an_api_spec(**spec: Any) -> Auth0APISpec:
    return Auth0APISpec.model_validate({"tenantRef": {"name": "main"}, "identifier": "https://fraud", **spec})


@pytest.mark.parametrize(
    ("spec", "expect"),
    [
        pytest.param(
            {},
            {"enforce_policies": True, "token_dialect": "access_token_authz"},
            id="tokens carry permissions unless told otherwise",
        ),
        pytest.param({"rbac": False}, {"enforce_policies": False}, id="without RBAC the dialect is left alone"),
        pytest.param(
            {"tokenDialect": "rfc9068_profile_authz"},
            {"enforce_policies": True, "token_dialect": "rfc9068_profile_authz"},
            id="a dialect that is written is kept",
        ),
        pytest.param(
            {"permissions": [{"name": "r"}, {"name": "w", "description": "W"}]},
            {
                "enforce_policies": True,
                "token_dialect": "access_token_authz",
                "scopes": [{"value": "r"}, {"value": "w", "description": "W"}],
            },
            id="permissions are scopes",
        ),
        pytest.param(
            {"permissions": [], "tokenLifetime": 60},
            {"enforce_policies": True, "token_dialect": "access_token_authz", "scopes": [], "token_lifetime": 60},
            id="an empty list means none",
        ),
    ],
)
def test_what_an_api_wants(spec: dict[str, Any], expect: dict[str, Any]) -> None:
    wanted = API.desired(OWNER, an_api_spec(**spec), resolved())
    assert wanted == {"identifier": "https://fraud", "name": "fraud", **expect}


def test_a_new_api_signs_with_a_key_that_gateways_can_verify() -> None:
    assert API.defaults(OWNER, an_api_spec()) == {"signing_alg": "RS256"}


def test_the_identifier_of_an_api_cannot_be_changed() -> None:
    wanted = API.desired(OWNER, an_api_spec(), resolved())
    with pytest.raises(Terminal, match="identifier cannot be changed"):
        API.fields.diff(wanted, {**wanted, "identifier": "https://old"}, {}, "id")


# -- grants and roles ---------------------------------------------------------------------------------------------------


def test_a_grant_knows_its_application_and_audience_by_their_objects() -> None:
    client = an_object("Auth0Client", "app", status={"externalId": "cid"})
    spec = Auth0ClientGrantSpec.model_validate(
        {
            "tenantRef": {"name": "main"},
            "clientRef": {"name": "app"},
            "apiRef": {"name": "fraud"},
            "permissions": ["w", "r"],
        }
    )
    wanted = GRANT.desired(OWNER, spec, resolved(client, an_api("r", "w")))
    assert wanted == {
        "client_id": "cid",
        "audience": "https://fraud",
        "subject_type": "client",
        "scope": ["r", "w"],
        "allow_all_scopes": False,
    }
    assert not GRANT.fields.diff(wanted, {**wanted, "scope": ["w", "r"]}, {}, "id")


def a_role(**spec: Any) -> Auth0RoleSpec:
    return Auth0RoleSpec.model_validate({"tenantRef": {"name": "main"}, **spec})


READ, WRITE, ADMIN = ({"api": "https://fraud", "name": name} for name in ("r", "w", "admin"))


@pytest.mark.parametrize(
    ("exclusive", "removed"),
    [
        pytest.param(False, (WRITE,), id="what we granted before goes and what others granted stays"),
        pytest.param(True, (WRITE, ADMIN), id="an exclusive role has what is written and nothing else"),
    ],
)
def test_permissions_of_a_role(exclusive: bool, removed: tuple[Any, ...]) -> None:
    spec = a_role(exclusive=exclusive, permissions=[{"apiRef": {"name": "fraud"}, "name": "r"}])
    wanted = ROLE.desired(OWNER, spec, resolved(an_api("r", "w", "admin")))
    assert wanted == {"name": "fraud", "permissions": [READ]}
    managed = {"permissions": ["https://fraud\nr", "https://fraud\nw"]}
    plan = ROLE.fields_for(spec).diff(wanted, {"name": "fraud", "permissions": [WRITE, ADMIN]}, managed, "id")
    change = plan.change("permissions")
    assert change is not None
    assert (change.added, change.removed) == ((READ,), removed)


def test_a_role_without_permissions_in_its_manifest_leaves_them_alone() -> None:
    wanted = ROLE.desired(OWNER, a_role(name="Analyst", description=""), resolved())
    assert wanted == {"name": "Analyst", "description": ""}
    assert not ROLE.fields.diff(wanted, {"name": "Analyst", "description": None, "permissions": [READ]}, {}, "id")
