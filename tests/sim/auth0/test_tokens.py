"""Access tokens are real: PyJWT checks them against the tenant's JWKS, and the wrong caller gets the service's words."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import jwt
import pytest
from auth0.authentication import GetToken
from auth0.authentication.exceptions import Auth0Error
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mlgate_sim.auth0 import Auth0Simulator
from sim.auth0.conftest import Caller

API = "https://fraud.models.example.com"


async def verified(call: Caller, token: str, audience: str = API) -> dict[str, Any]:
    """The claims, if PyJWT accepts the token with the JWKS that the tenant publishes now."""
    keys = jwt.PyJWKSet.from_dict((await call.http.get("/.well-known/jwks.json")).json())
    kid = jwt.get_unverified_header(token)["kid"]
    key = next((key for key in keys.keys if key.key_id == kid), None)
    if key is None:
        raise jwt.InvalidKeyError("kid is not in the JWKS")
    return jwt.decode(token, key.key, algorithms=["RS256"], audience=audience, issuer=call.auth0.issuer)


async def granted_api(call: Caller, **api: Any) -> dict[str, Any]:
    """An API with two scopes of which a new client is granted one; the client."""
    scopes = [{"value": "predict:fraud"}, {"value": "admin:fraud"}]
    await call("POST", "/resource-servers", {"identifier": API, "scopes": scopes, **api})
    client: dict[str, Any] = (await call("POST", "/clients", {"name": "checkout"})).json()
    await call(
        "POST", "/client-grants", {"client_id": client["client_id"], "audience": API, "scope": ["predict:fraud"]}
    )
    return client


async def token_of(call: Caller, client: dict[str, Any], **fields: Any) -> httpx.Response:
    own = {"client_id": client["client_id"], "client_secret": client.get("client_secret"), "audience": API}
    return await call.token(**{**own, **fields})


async def test_the_auth0_profile(call: Caller) -> None:
    client = await granted_api(call)
    answer = (await token_of(call, client)).json()
    assert {name: answer[name] for name in ("token_type", "expires_in", "scope")} == {
        "token_type": "Bearer",
        "expires_in": 86400,
        "scope": "predict:fraud",
    }
    claims = await verified(call, answer["access_token"])
    assert claims["sub"] == f"{client['client_id']}@clients"
    assert claims["aud"] == API
    assert (claims["gty"], claims["azp"], claims["scope"]) == (
        "client-credentials",
        client["client_id"],
        "predict:fraud",
    )
    assert "permissions" not in claims


async def test_rbac_adds_permissions(call: Caller) -> None:
    client = await granted_api(call, enforce_policies=True, token_dialect="access_token_authz")
    claims = await verified(call, (await token_of(call, client)).json()["access_token"])
    assert claims["permissions"] == ["predict:fraud"]


async def test_without_rbac_the_dialect_alone_adds_no_permissions(call: Caller) -> None:
    client = await granted_api(call, token_dialect="access_token_authz")
    assert "permissions" not in await verified(call, (await token_of(call, client)).json()["access_token"])


async def test_the_rfc9068_profile(call: Caller) -> None:
    client = await granted_api(call, enforce_policies=True, token_dialect="rfc9068_profile_authz")
    token = (await token_of(call, client)).json()["access_token"]
    claims = await verified(call, token)
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    assert claims["client_id"] == client["client_id"]
    assert claims["permissions"] == ["predict:fraud"]
    assert claims["jti"]
    assert not {"gty", "azp"} & set(claims)


async def test_the_secret_may_come_in_the_authorization_header(call: Caller) -> None:
    client = await granted_api(call)
    basic = base64.b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
    form = {"grant_type": "client_credentials", "audience": API}
    answer = await call.http.post("/oauth/token", data=form, headers={"Authorization": f"Basic {basic}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("fields", "status", "error", "description"),
    [
        pytest.param({"client_secret": "wrong"}, 401, "access_denied", "Unauthorized", id="a wrong secret is refused"),
        pytest.param({"client_id": "nobody"}, 401, "access_denied", "Unauthorized", id="a stranger is refused"),
        pytest.param(
            {"audience": "https://nowhere"},
            403,
            "access_denied",
            "Service not enabled within domain: https://nowhere",
            id="an API that does not exist is named",
        ),
        pytest.param(
            {"scope": "admin:fraud"},
            403,
            "access_denied",
            "Client has not been granted scopes: admin:fraud",
            id="a scope beyond the grant is named",
        ),
        pytest.param(
            {"audience": None},
            403,
            "access_denied",
            "Non-global clients are not allowed access to APIv1",
            id="without an audience nothing is given",
        ),
        pytest.param(
            {"grant_type": "password"},
            403,
            "unsupported_grant_type",
            "Unsupported grant type: password",
            id="only client credentials are simulated",
        ),
    ],
)
async def test_refusals(call: Caller, fields: dict[str, Any], status: int, error: str, description: str) -> None:
    answer = await token_of(call, await granted_api(call), **fields)
    assert (answer.status_code, answer.json()) == (status, {"error": error, "error_description": description})


async def test_without_a_client_grant_access_is_denied_with_the_way_out(call: Caller) -> None:
    client = await granted_api(call)
    grant_id = next(i for i, g in call.auth0.state.client_grants.items() if g["client_id"] == client["client_id"])
    await call("DELETE", f"/client-grants/{grant_id}")
    answer = await token_of(call, client)
    assert answer.status_code == 403
    assert answer.json()["error"] == "access_denied"
    assert answer.json()["error_description"].startswith(
        f'Client is not authorized to access "{API}". You need to create a "client-grant" associated to this API.'
    )


async def test_a_rotated_secret_dies_at_once(call: Caller) -> None:
    client = await granted_api(call)
    rotated = (await call("POST", f"/clients/{client['client_id']}/rotate-secret")).json()
    assert (await token_of(call, client)).status_code == 401
    assert (await token_of(call, rotated)).status_code == 200


def key_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


async def with_key(call: Caller, client: dict[str, Any], public: str) -> str:
    """Gives the client a key and switches it on; the credential's id."""
    path = f"/clients/{client['client_id']}"
    body = {"credential_type": "public_key", "name": "k", "pem": public, "alg": "RS256"}
    credential = (await call("POST", f"{path}/credentials", body)).json()
    methods = {"private_key_jwt": {"credentials": [{"id": credential["id"]}]}}
    changed = await call("PATCH", path, {"client_authentication_methods": methods, "token_endpoint_auth_method": None})
    assert "client_secret" not in changed.json()
    return str(credential["id"])


async def sdk_token(auth0: Auth0Simulator, client_id: str, private: str) -> dict[str, Any]:
    sdk = GetToken(
        auth0.domain,
        client_id,
        client_assertion_signing_key=private,
        client_assertion_signing_alg="RS256",
        protocol="http",
    )
    answer: dict[str, Any] = await asyncio.to_thread(sdk.client_credentials, audience=API)
    return answer


async def test_the_sdk_gets_a_token_with_a_private_key(auth0: Auth0Simulator, call: Caller) -> None:
    client = await granted_api(call)
    private, public = key_pair()
    await with_key(call, client, public)
    answer = await sdk_token(auth0, client["client_id"], private)
    assert (await verified(call, answer["access_token"]))["azp"] == client["client_id"]
    assert (await token_of(call, client)).status_code == 401  # the secret no longer counts


async def test_another_key_or_a_removed_one_is_refused(auth0: Auth0Simulator, call: Caller) -> None:
    client = await granted_api(call)
    private, public = key_pair()
    credential_id = await with_key(call, client, public)
    with pytest.raises(Auth0Error) as refused:
        await sdk_token(auth0, client["client_id"], key_pair()[0])
    assert (refused.value.status_code, refused.value.error_code) == (401, "invalid_client")
    await call("DELETE", f"/clients/{client['client_id']}/credentials/{credential_id}")
    with pytest.raises(Auth0Error):
        await sdk_token(auth0, client["client_id"], private)


async def test_a_credential_counts_only_when_switched_on_and_until_it_expires(
    auth0: Auth0Simulator, call: Caller
) -> None:
    client = await granted_api(call)
    (first, first_public), (second, second_public) = key_pair(), key_pair()
    credential_id = await with_key(call, client, first_public)
    path = f"/clients/{client['client_id']}"
    await call("POST", f"{path}/credentials", {"credential_type": "public_key", "pem": second_public})
    with pytest.raises(Auth0Error):
        await sdk_token(auth0, client["client_id"], second)  # made, but the client does not name it yet
    await sdk_token(auth0, client["client_id"], first)
    await call("PATCH", f"{path}/credentials/{credential_id}", {"expires_at": "2020-01-01T00:00:00Z"})
    with pytest.raises(Auth0Error):
        await sdk_token(auth0, client["client_id"], first)


async def test_an_assertion_for_another_audience_is_refused(auth0: Auth0Simulator, call: Caller) -> None:
    client = await granted_api(call)
    private, public = key_pair()
    await with_key(call, client, public)
    claims = {"iss": client["client_id"], "sub": client["client_id"], "exp": int(auth0.clock()) + 60}
    for audience, status in ((auth0.issuer, 200), ([auth0.issuer], 401), (f"{auth0.issuer}oauth/token", 401)):
        assertion = jwt.encode({**claims, "aud": audience, "jti": str(audience)}, private, "RS256")
        answer = await token_of(
            call,
            client,
            client_secret=None,
            client_assertion=assertion,
            client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        )
        assert answer.status_code == status


async def test_a_third_credential_is_refused(call: Caller) -> None:
    client = await granted_api(call)
    path = f"/clients/{client['client_id']}/credentials"
    made = [await call("POST", path, {"credential_type": "public_key", "pem": key_pair()[1]}) for _ in range(3)]
    assert [answer.status_code for answer in made] == [201, 201, 400]


async def test_a_rotated_signing_key_stays_known_until_it_is_revoked(auth0: Auth0Simulator, call: Caller) -> None:
    client = await granted_api(call)
    old = (await token_of(call, client)).json()["access_token"]
    await call.http.post("/_sim/rotate-keys", json={})
    assert (await token_of(call, client)).json()["access_token"] != old
    await verified(call, old)
    auth0.rotate_keys(revoke_previous=True)
    with pytest.raises(jwt.InvalidKeyError):
        await verified(call, old)


async def test_any_token_can_be_signed_for_a_test(auth0: Auth0Simulator, call: Caller) -> None:
    claims = {"iss": auth0.issuer, "aud": API, "sub": "auth0|u1", "exp": int(auth0.clock()) + 60, "permissions": ["x"]}
    answer = await call.http.post("/_sim/sign", json={"header": {}, "claims": claims})
    assert await verified(call, answer.json()["token"]) == claims
    unsigned = auth0.sign({"alg": "none"}, claims)
    assert unsigned.endswith(".")
    with pytest.raises(jwt.InvalidTokenError):
        await verified(call, unsigned)


async def test_discovery_names_the_issuer_with_its_slash(auth0: Auth0Simulator, call: Caller) -> None:
    document = (await call.http.get("/.well-known/openid-configuration")).json()
    assert document["issuer"] == f"https://{auth0.domain}/"
    assert document["jwks_uri"] == f"https://{auth0.domain}/.well-known/jwks.json"


async def test_an_assertion_works_once_and_not_without_a_jti_or_for_long(auth0: Auth0Simulator, call: Caller) -> None:
    client = await granted_api(call)
    private, public = key_pair()
    await with_key(call, client, public)
    now = int(auth0.clock())
    claims = {"iss": client["client_id"], "sub": client["client_id"], "aud": auth0.issuer, "exp": now + 60}
    for told, status in (({"jti": "a"}, 200), ({"jti": "a"}, 401), ({}, 401), ({"jti": "b", "exp": now + 3600}, 401)):
        answer = await token_of(
            call,
            client,
            client_secret=None,
            client_assertion=jwt.encode({**claims, **told}, private, "RS256"),
            client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        )
        assert answer.status_code == status
