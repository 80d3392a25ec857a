"""The Management API looks at the token before it looks at the request."""

from __future__ import annotations

import pytest

from mlgate_sim.auth0 import Auth0Simulator
from sim.auth0.conftest import Caller


@pytest.mark.parametrize(
    ("header", "changes", "message"),
    [
        pytest.param({}, {"exp": 1}, "Expired token received for JSON Web Token validation", id="an expired token"),
        pytest.param({}, {"aud": "https://other/"}, "Bad audience: https://other/", id="a token for another API"),
        pytest.param({}, {"iss": "https://evil/"}, "Invalid token.", id="a token of another issuer"),
        pytest.param({"alg": "none"}, {}, "Invalid token.", id="an unsigned token"),
        pytest.param({"alg": "HS256"}, {}, "Invalid token.", id="a token signed with the public key as a secret"),
        pytest.param({"kid": "unknown"}, {}, "Invalid token.", id="a token of an unknown key"),
    ],
)
async def test_a_bad_token_is_refused(
    auth0: Auth0Simulator, call: Caller, header: dict[str, str], changes: dict[str, object], message: str
) -> None:
    now = int(auth0.clock())
    claims = {"iss": auth0.issuer, "aud": auth0.management_audience, "exp": now + 60, "scope": "read:clients"}
    assert (await call("GET", "/clients", token=auth0.sign({}, claims))).status_code == 200
    answer = await call("GET", "/clients", token=auth0.sign(header, {**claims, **changes}))
    assert answer.status_code == 401
    assert answer.json()["message"] == message


async def test_no_token_at_all_is_refused(call: Caller) -> None:
    answer = await call.http.get("/api/v2/clients")
    assert (answer.status_code, answer.json()["message"]) == (401, "Missing authentication")


async def test_a_revoked_signing_key_ends_the_operators_session(auth0: Auth0Simulator, call: Caller) -> None:
    token = auth0.management_token()
    auth0.rotate_keys(revoke_previous=True)
    assert (await call("GET", "/clients", token=token)).status_code == 401


async def test_the_operators_own_application_may_do_everything(auth0: Auth0Simulator, call: Caller) -> None:
    token = (await call.token()).json()["access_token"]
    assert (await call("POST", "/clients", {"name": "x"}, token=token)).status_code == 201
    assert auth0.client_secret not in str([entry.as_json() for entry in auth0.requests])


async def test_secrets_are_shown_only_to_who_may_read_keys(auth0: Auth0Simulator, call: Caller) -> None:
    path = f"/clients/{auth0.client_id}"
    weak = auth0.management_token("read:clients")
    assert "client_secret" in (await call("GET", path)).json()
    assert not {"client_secret", "signing_keys"} & set((await call("GET", path, token=weak)).json())
    refused = await call("GET", f"{path}?fields=client_secret&include_fields=true", token=weak)
    assert refused.status_code == 403
    assert refused.json()["message"] == "You cannot read the following fields: client_secret"
