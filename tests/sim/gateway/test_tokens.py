"""Who gets through the gateway and what the others are told, on the real Envoy."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import replace

import jwt
import pytest

from mlgate.gateway.model import PathType, PermissionSource, Rule, Tenant
from sim.gateway.world import AUDIENCE, HOST, KEY, Issuer, World

pytestmark = pytest.mark.envoy

METADATA = f'resource_metadata="https://{HOST}/.well-known/oauth-protected-resource"'


async def test_an_allowed_call_reaches_the_model_with_our_credential_and_nothing_of_the_callers(world: World) -> None:
    await world.serve(world.route())
    spoofed = {
        "Cookie": "session=1",
        "azureml-model-deployment": "green",
        "x-auth-sub": "admin",
        "X-Forwarded-Host": "evil.example",
        "x-ms-client-principal": "admin",
    }
    answer = await world.call("/score?verbose=1", token=world.issuer.token(), headers=spoofed, body=b'{"x":1}')
    assert (answer.status, json.loads(answer.text)) == (200, {"score": 0.5})
    (seen,) = world.upstream.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/score?verbose=1", b'{"x":1}')
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["host"] == f"127.0.0.1:{world.upstream.port}"
    assert seen.headers["x-auth-sub"] == "checkout@clients"
    assert seen.headers["x-auth-azp"] == "checkout"
    absent = ("cookie", "azureml-model-deployment", "x-forwarded-host", "x-ms-client-principal", "x-forwarded-for")
    assert not [name for name in absent if name in seen.headers]


async def test_the_caller_sees_which_deployment_answered_and_nothing_else_of_the_inside(world: World) -> None:
    await world.serve(world.route())
    answer = await world.call(token=world.issuer.token())
    assert answer.headers["azureml-model-deployment"] == "blue"
    assert answer.headers["server"] == "mlgate"
    inside = ("x-ms-server-version", "set-cookie", "x-mlgate-upstream", "x-envoy-upstream-service-time")
    assert not [name for name in inside if name in answer.headers]


async def test_without_a_token_the_answer_is_401_with_a_challenge_that_says_where_to_get_one(world: World) -> None:
    await world.serve(world.route())
    answer = await world.call()
    assert answer.status == 401
    assert answer.challenge == f'Bearer realm="{AUDIENCE}", {METADATA}, scope="predict:fraud"'
    assert answer.problem["title"] == "Unauthorized"
    assert answer.problem["status"] == 401
    assert not world.upstream.seen


async def test_a_challenges_metadata_document_names_the_issuer_and_the_permissions(world: World) -> None:
    await world.serve(world.route())
    answer = await world.call("/.well-known/oauth-protected-resource", method="GET", body=None)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.text) == {
        "resource": AUDIENCE,
        "authorization_servers": [world.issuer.url],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["predict:fraud"],
    }


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"exp": int(time.time()) - 3600}, id="an expired token"),
        pytest.param({"exp": None}, id="a token without expiry"),
        pytest.param({"nbf": int(time.time()) + 3600}, id="a token that is not valid yet"),
        pytest.param({"iss": "https://other.auth0.test/"}, id="a token that says another issuer"),
        pytest.param({"iss": None}, id="a token without issuer"),
        pytest.param({"aud": "https://other.example.com"}, id="a token for another audience"),
        pytest.param({"aud": AUDIENCE + "/"}, id="a token for the audience with a slash"),
        pytest.param({"aud": AUDIENCE.replace("https", "http")}, id="a token for the audience as http"),
        pytest.param({"aud": AUDIENCE.upper()}, id="a token for the audience in capitals"),
        pytest.param({"aud": [AUDIENCE + ".evil.example"]}, id="a token for an audience that starts alike"),
        pytest.param({"aud": None}, id="a token without audience"),
    ],
)
async def test_invalid_tokens_are_401_invalid_token(world: World, claims: dict[str, object]) -> None:
    await world.serve(world.route())
    answer = await world.call(token=world.issuer.token(**claims))
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.challenge
    assert METADATA in answer.challenge
    assert answer.problem["status"] == 401
    assert not world.upstream.seen


async def test_one_of_several_audiences_is_enough(world: World) -> None:
    await world.serve(world.route())
    token = world.issuer.token(aud=["https://main.auth0.test/userinfo", AUDIENCE])
    assert (await world.call(token=token)).status == 200


async def test_a_token_of_a_foreign_issuer_is_refused_even_when_it_claims_to_be_ours(world: World) -> None:
    await world.serve(world.route())
    foreign = Issuer("https://foreign.auth0.test/")
    for token in (foreign.token(), foreign.token(iss=world.issuer.url)):
        answer = await world.call(token=token)
        assert (answer.status, 'error="invalid_token"' in answer.challenge) == (401, True)
    assert not world.upstream.seen


def _unsigned(header: dict[str, object], claims: dict[str, object], signature: bytes = b"x") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


async def test_alg_none_and_hs256_with_the_public_key_are_refused(world: World) -> None:
    await world.serve(world.route())
    claims = world.issuer.claims()
    for alg in ("none", "None", "NONE"):
        answer = await world.call(token=_unsigned({"alg": alg, "typ": "JWT", "kid": "k1"}, claims))
        assert answer.status == 401, alg
    header = {"alg": "HS256", "typ": "JWT", "kid": "k1"}
    signing_input = _unsigned(header, claims).rpartition(".")[0]
    mac = hmac.new(world.issuer.public_pem(), signing_input.encode(), hashlib.sha256).digest()
    confused = signing_input + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
    assert (await world.call(token=confused)).status == 401
    assert not world.upstream.seen


async def test_a_symmetric_key_in_the_jwks_signs_nothing(world: World) -> None:
    shared = base64.urlsafe_b64encode(b"0" * 32).rstrip(b"=").decode()
    jwks = {"keys": [*world.issuer.jwks["keys"], {"kty": "oct", "kid": "sym", "alg": "HS256", "k": shared}]}
    await world.serve(world.route(tenant=Tenant("ml/main", world.issuer.url, jwks)))
    forged = jwt.encode(world.issuer.claims(), b"0" * 32, "HS256", headers={"kid": "sym"})
    assert (await world.call(token=forged)).status == 401
    assert (await world.call(token=world.issuer.token())).status == 200


async def test_a_token_of_one_tenant_never_passes_on_the_route_of_another(world: World) -> None:
    other = Issuer("https://other.auth0.test/")
    theirs = world.route(
        "ml/theirs",
        hostnames=("theirs.example.com",),
        tenant=Tenant("shop/other", other.url, other.jwks),
    )
    await world.serve(world.route(), theirs)
    assert (await world.call(token=world.issuer.token())).status == 200
    assert (await world.call(token=other.token(), host="theirs.example.com")).status == 200
    assert (await world.call(token=other.token())).status == 401
    assert (await world.call(token=world.issuer.token(), host="theirs.example.com")).status == 401
    assert len(world.upstream.seen) == 2


async def test_keys_that_another_tenant_claims_for_our_issuer_are_not_trusted_on_our_route(world: World) -> None:
    attacker = Issuer("https://attacker.example/")
    poisoned = Tenant("evil/main", world.issuer.url, attacker.jwks)
    await world.serve(world.route(), world.route("evil/route", hostnames=("evil.example.com",), tenant=poisoned))
    forged = attacker.token(iss=world.issuer.url)
    assert (await world.call(token=forged, host="evil.example.com")).status == 200
    assert (await world.call(token=forged)).status == 401


async def test_routes_on_one_host_each_take_only_their_own_audience(world: World) -> None:
    other = world.route(
        "ml/churn",
        audience="https://churn.example.com",
        rules=(Rule("/churn", PathType.PREFIX, ("POST",), ("predict:churn",)),),
    )
    await world.serve(world.route(), other)
    ours = world.issuer.token()
    churn = world.issuer.token(aud="https://churn.example.com", permissions=["predict:churn", "predict:fraud"])
    assert (await world.call(token=ours)).status == 200
    assert (await world.call("/churn/x", token=churn)).status == 200
    # Twice, because the second time the token comes from Envoy's cache.
    for _ in range(2):
        assert (await world.call("/score", token=churn)).status == 401
        assert (await world.call("/churn", token=ours)).status == 401
    document = await world.call("/.well-known/oauth-protected-resource/churn", method="GET", body=None)
    assert json.loads(document.text)["resource"] == "https://churn.example.com"
    assert 'oauth-protected-resource/churn"' in (await world.call("/churn")).challenge


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"permissions": []}, id="no permission"),
        pytest.param({"permissions": None}, id="no permissions claim"),
        pytest.param({"permissions": ["predict:fraud2"]}, id="a longer permission that starts alike"),
        pytest.param({"permissions": ["predict"]}, id="a shorter permission"),
        pytest.param({"permissions": ["Predict:Fraud"]}, id="the permission in other case"),
        pytest.param({"permissions": "predict:fraud"}, id="the permission as text instead of a list"),
        pytest.param({"permissions": [["predict:fraud"]]}, id="the permission in a nested list"),
        pytest.param({"permissions": [{"a": "predict:fraud"}]}, id="the permission in an object"),
        pytest.param({"permissions": ["explain:fraud predict:fraud"]}, id="the permission inside a joined text"),
        pytest.param({"permissions": None, "scope": "predict:fraud"}, id="the permission as a scope, which is opt-in"),
    ],
)
async def test_a_token_without_the_permission_is_403_insufficient_scope(
    world: World, claims: dict[str, object]
) -> None:
    await world.serve(world.route())
    answer = await world.call(token=world.issuer.token(**claims))
    assert answer.status == 403
    assert 'error="insufficient_scope"' in answer.challenge
    assert 'scope="predict:fraud"' in answer.challenge
    assert METADATA in answer.challenge
    assert answer.problem["detail"] == "missing permission: predict:fraud"
    assert not world.upstream.seen


async def test_a_rule_with_two_permissions_needs_both_and_one_without_takes_any_token(world: World) -> None:
    both = Rule("/both", PathType.EXACT, ("POST",), ("predict:fraud", "explain:fraud"))
    anyone = Rule("/any", PathType.EXACT, ("POST",))
    await world.serve(world.route(rules=(both, anyone)))
    token = world.issuer.token()
    assert (await world.call("/both", token=token)).status == 403
    assert (await world.call("/any", token=token)).status == 200
    assert (await world.call("/any")).status == 401
    more = world.issuer.token(permissions=["explain:fraud", "predict:fraud"])
    assert (await world.call("/both", token=more)).status == 200


async def test_a_scope_counts_where_the_route_asks_for_it(world: World) -> None:
    await world.serve(world.route(permission_source=PermissionSource.EITHER))
    assert (await world.call(token=world.issuer.token(permissions=None, scope="a predict:fraud"))).status == 200
    assert (await world.call(token=world.issuer.token(permissions=None, scope="a predict:fraud2"))).status == 403


async def test_a_route_whose_signing_keys_are_not_known_yet_answers_503_and_serves_once_they_are(world: World) -> None:
    route = world.route()
    await world.serve(replace(route, tenant=Tenant("ml/main", world.issuer.url, None)))
    answer = await world.call(token=world.issuer.token())
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert answer.problem["detail"] == "the tenant's signing keys are not known yet"
    assert not world.upstream.seen
    await world.serve(route)
    assert (await world.call(token=world.issuer.token())).status == 200


async def test_a_revoked_key_is_refused_and_a_new_one_accepted_on_an_open_connection(world: World) -> None:
    await world.serve(world.route())
    # Without a body: a refusal before the body is complete would close the connection.
    old = world.issuer.token()
    assert (await world.call(token=old, body=None)).status == 200
    assert (await world.call(token=old, body=None)).status == 200
    world.issuer.kid, world.issuer.published = "k2", ["k2"]
    new = world.issuer.token()
    assert (await world.call(token=new, body=None)).status == 401
    await world.serve(world.route())
    assert (await world.call(token=old, body=None)).status == 401
    assert (await world.call(token=new, body=None)).status == 200
    stats = await world.envoy.admin("/stats?filter=^http.gateway.downstream_cx_total$")
    assert stats.strip().endswith(": 1"), "all of this was to happen on one connection"


async def test_a_public_route_takes_no_token_and_passes_none_on(world: World) -> None:
    public = world.route(public=True, tenant=None, audience=None, rules=(Rule("/health", PathType.EXACT, ("GET",)),))
    await world.serve(replace(public, upstream=replace(public.upstream, credential=None)))
    answer = await world.call("/health", method="GET", body=None, token=world.issuer.token())
    assert answer.status == 200
    assert "authorization" not in world.upstream.seen[0].headers


async def test_a_tenant_with_unusable_keys_harms_only_its_own_routes(world: World) -> None:
    broken = {"keys": [{"kty": "RSA", "kid": "k1", "alg": "RS256", "use": "sig", "n": "!!!", "e": "AQAB"}]}
    theirs = world.route(
        "ml/theirs", hostnames=("theirs.example.com",), tenant=Tenant("shop/other", "https://other.test/", broken)
    )
    await world.serve(world.route(), theirs)
    assert (await world.call(token=world.issuer.token())).status == 200
    assert (await world.call(token=world.issuer.token(), host="theirs.example.com")).status in (401, 503)
