"""The rules that a naive fake gets wrong, as tables. They hold without the recordings that taught them."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_sim.auth0.clients import new_client, updated_client
from mlgate_sim.auth0.errors import ApiError
from mlgate_sim.auth0.resource_servers import new_resource_server
from mlgate_sim.auth0.tenant_settings import answered, changed, observed
from sim.auth0.conftest import Caller


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        pytest.param(
            {"jwt_configuration": {"alg": "RS256", "lifetime_in_seconds": 36000}},
            {"jwt_configuration": {"lifetime_in_seconds": 60}},
            {"jwt_configuration": {"alg": "RS256", "lifetime_in_seconds": 60}},
            id="nested objects of a client merge",
        ),
        pytest.param(
            {"client_metadata": {"a": "1", "b": "2"}},
            {"client_metadata": {"a": None, "c": "3"}},
            {"client_metadata": {"b": "2", "c": "3"}},
            id="client metadata merges and null removes a key",
        ),
        pytest.param(
            {"callbacks": ["https://a", "https://b"]},
            {"callbacks": ["https://c"]},
            {"callbacks": ["https://c"]},
            id="arrays are replaced",
        ),
        pytest.param({"addons": {"x": {}}}, {"addons": None}, {}, id="null removes a field"),
        pytest.param(
            {"oidc_logout": {"backchannel_logout_urls": ["u"]}, "oidc_backchannel_logout": {}},
            {"oidc_backchannel_logout": None},
            {},
            id="clearing the old name of back-channel logout clears the new one too",
        ),
    ],
)
def test_a_client_after_a_patch(before: dict[str, Any], patch: dict[str, Any], after: dict[str, Any]) -> None:
    assert updated_client(before, patch) == after


@pytest.mark.parametrize(
    ("body", "grant_types", "lifetime"),
    [
        pytest.param(
            {},
            ["authorization_code", "implicit", "refresh_token", "client_credentials"],
            2592000,
            id="even a machine gets implicit unless it says otherwise",
        ),
        pytest.param({"app_type": "spa"}, ["authorization_code", "implicit", "refresh_token"], 2592000, id="a SPA"),
        pytest.param({"app_type": "resource_server"}, [], 2592000, id="a client that stands for an API"),
        pytest.param(
            {"token_endpoint_auth_method": "client_secret_post"},
            ["authorization_code", "implicit", "refresh_token", "client_credentials"],
            31557600,
            id="an explicit authentication method makes refresh tokens live longer",
        ),
    ],
)
def test_what_a_new_client_gets(body: dict[str, Any], grant_types: list[str], lifetime: int) -> None:
    client = new_client({"name": "x", **body})
    assert client["grant_types"] == grant_types
    assert client["refresh_token"]["token_lifetime"] == lifetime


def test_a_new_api_has_rs256_and_no_scopes_until_they_are_set() -> None:
    api = new_resource_server({"identifier": "https://a"}, "id")
    assert api["signing_alg"] == "RS256"
    assert not {"scopes", "enforce_policies", "token_dialect"} & set(api)


def test_what_patch_answers_is_not_what_get_shows() -> None:
    settings = changed({"flags": {"a": True}}, {"flags": {"b": False}, "session_lifetime_in_minutes": 90})
    assert settings == {"flags": {"a": True, "b": False}, "session_lifetime": 1.5}
    assert "sandbox_versions_available" in observed(settings)
    assert "sandbox_versions_available" not in answered(settings)
    assert set(answered(settings)["flags"]) - set(observed(settings)["flags"])


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        pytest.param("/clients", {}, "Missing required property: name", id="a client needs a name"),
        pytest.param("/clients", {"name": "a<b"}, "String does not match pattern", id="a name has no angle brackets"),
        pytest.param(
            "/clients",
            {"name": "a", "client_metadata": {str(n): "x" for n in range(11)}},
            "Too many properties defined (11), maximum 10",
            id="client metadata has ten keys at most",
        ),
        pytest.param(
            "/clients",
            {"name": "a", "client_metadata": {"k": "x" * 256}},
            "String is too long (256 chars), maximum 255",
            id="a metadata value has 255 characters at most",
        ),
        pytest.param(
            "/clients", {"name": "a", "callbacks": ["not a uri"]}, "didn't pass validation", id="a callback is a URI"
        ),
        pytest.param("/clients", {"name": "a", "colour": 1}, "not allowed: colour", id="a client has no colour"),
        pytest.param("/resource-servers", {}, "Missing required property: identifier", id="an API needs an identifier"),
        pytest.param(
            "/resource-servers",
            {"identifier": "x", "scopes": [{"value": "a"}, {"value": "a"}]},
            "Array items are not unique (indexes 0 and 1)",
            id="scopes are unique",
        ),
        pytest.param(
            "/resource-servers",
            {"identifier": "x", "token_lifetime": 2592001},
            "greater than maximum 2592000",
            id="a token lives thirty days at most",
        ),
        pytest.param("/client-grants", {"client_id": "x"}, "Missing required property: audience", id="a grant's API"),
        pytest.param(
            "/resource-servers",
            {"identifier": "x", "scopes": [{"value": "a"}, {}]},
            "'Missing required property: value' on property scopes[1]",
            id="a nested property is named with its place",
        ),
        pytest.param(
            "/clients",
            {"name": "a", "token_endpoint_auth_method": "none", "grant_types": ["client_credentials"]},
            "Invalid grant types: client_credentials",
            id="a machine needs credentials",
        ),
        pytest.param("/roles", {"name": ""}, "String is too short", id="a role's name is not empty"),
    ],
)
async def test_a_bad_body_is_refused(call: Caller, path: str, body: dict[str, Any], said: str) -> None:
    answer = await call("POST", path, body)
    assert answer.status_code == 400
    assert answer.json()["errorCode"] == "invalid_body"
    assert said in answer.json()["message"]


@pytest.mark.parametrize(
    "callback",
    ["https://a.example/cb", "http://localhost:3000", "com.example.app://cb", "myapp:/cb", "https://*.example.com/cb"],
    ids=str,
)
async def test_callbacks_that_people_use_are_accepted(call: Caller, callback: str) -> None:
    answer = await call("POST", "/clients", {"name": "a", "callbacks": [callback]})
    assert answer.status_code == 201, answer.text


async def test_an_api_is_found_by_its_identifier_escaped_once_or_twice(call: Caller) -> None:
    made = (await call("POST", "/resource-servers", {"identifier": "https://a/b/"})).json()
    for path in ("https:%2F%2Fa%2Fb%2F", "https:%252F%252Fa%252Fb%252F", "https%3A%2F%2Fa%2Fb%2F", made["id"]):
        assert (await call("GET", f"/resource-servers/{path}")).json()["id"] == made["id"]


@pytest.mark.parametrize(
    ("query", "shape"),
    [
        pytest.param("", list, id="without totals a bare array"),
        pytest.param("?include_totals=true", {"client_grants", "total", "start", "limit"}, id="with totals an object"),
        pytest.param("?take=50&include_totals=true", {"client_grants"}, id="take wins and knows no totals"),
    ],
)
async def test_forms_of_lists(call: Caller, query: str, shape: Any) -> None:
    answer = (await call("GET", f"/client-grants{query}")).json()
    assert isinstance(answer, list) if shape is list else set(answer) == shape


async def test_a_checkpoint_leads_through_the_whole_list(call: Caller) -> None:
    for number in range(4):
        await call("POST", "/clients", {"name": str(number)})
    names, cursor = [], ""
    while True:
        page = (await call("GET", f"/clients?take=2{cursor and f'&from={cursor}'}")).json()
        names += [client["name"] for client in page["clients"]]
        if not page.get("next"):
            break
        cursor = page["next"]
    assert names == ["mlgate operator", "All Applications", "0", "1", "2", "3"]


async def test_a_page_is_at_most_a_hundred(call: Caller) -> None:
    assert (await call("GET", "/clients?per_page=101")).json()["errorCode"] == "invalid_query_string"


async def test_a_role_without_a_description_shows_an_empty_one_later(call: Caller) -> None:
    made = (await call("POST", "/roles", {"name": "r"})).json()
    assert "description" not in made
    assert (await call("GET", f"/roles/{made['id']}")).json()["description"] == ""


async def test_permissions_go_with_the_scope_that_they_stand_for(call: Caller) -> None:
    api = (await call("POST", "/resource-servers", {"identifier": "https://a", "scopes": [{"value": "x"}]})).json()
    role = (await call("POST", "/roles", {"name": "r"})).json()
    path = f"/roles/{role['id']}/permissions"
    body = {"permissions": [{"resource_server_identifier": "https://a", "permission_name": "x"}]}
    assert (await call("POST", path, body)).status_code == 201
    await call("PATCH", f"/resource-servers/{api['id']}", {"scopes": []})
    assert (await call("GET", path)).json() == []
    missing = await call("POST", path, body)
    assert missing.status_code == 404


async def test_a_grant_on_the_system_api_lists_its_scopes(call: Caller) -> None:
    client = (await call("POST", "/clients", {"name": "a"})).json()
    body = {"client_id": client["client_id"], "audience": call.auth0.management_audience, "scope": ["read:clients"]}
    assert (await call("POST", "/client-grants", {**body, "allow_all_scopes": False})).status_code == 400
    assert (await call("POST", "/client-grants", body)).status_code == 201


def test_an_error_carries_the_services_shape() -> None:
    assert ApiError(404, "The role does not exist.").body == {
        "statusCode": 404,
        "error": "Not Found",
        "message": "The role does not exist.",
    }
