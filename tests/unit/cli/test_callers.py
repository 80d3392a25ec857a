"""Which calls are made, and what must come back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlgate.cli.dev.answers import curl
from mlgate.cli.dev.callers import Answer, Call, Expected, Stranger, Token, challenge_error, plan, words_of
from mlgate.store.protocol import Object


def endpoint(*rules: dict[str, Any]) -> Object:
    return {
        "metadata": {"name": "fraud", "namespace": "ml"},
        "spec": {
            "access": {"audience": "https://fraud.example.com"},
            "route": {"gatewayRef": {"name": "public"}, "hostname": "fraud.example.com", "rules": list(rules)},
        },
    }


def binding(name: str, *permissions: str, namespace: str = "shop", target: str = "fraud") -> Object:
    grant = {"endpointRef": {"name": target, "namespace": "ml"}, "permissions": list(permissions)}
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"grants": [grant], "secret": {"name": f"{name}-auth0"}},
    }


SCORE = {"path": "/score", "methods": ["POST"], "require": ["predict"]}
EXPLAIN = {"path": "/explain", "methods": ["GET"], "require": ["predict", "explain"]}


def told(calls: list[Call]) -> list[tuple[str, str, str]]:
    return [(call.caller, f"{call.method} {call.path}", str(call.expected)) for call in calls]


def test_the_granted_gets_in_and_everybody_else_is_refused_with_the_right_words() -> None:
    calls = plan([binding("checkout", "predict"), binding("reporting", "explain")], [endpoint(SCORE)])
    assert told(calls) == [
        ("shop/checkout", "POST /score", "200"),
        ("anybody", "POST /score", "401"),
        ("a stranger", "POST /score", "401 invalid_token"),
        ("shop/reporting", "POST /score", "403 insufficient_scope"),
    ]
    assert calls[0].secret == ("shop", "checkout-auth0")
    assert calls[0].gateway == "ml/public"


def test_a_rule_that_needs_two_permissions_refuses_who_has_one() -> None:
    calls = plan([binding("checkout", "predict")], [endpoint(SCORE, EXPLAIN)])
    assert ("shop/checkout", "GET /explain", "403 insufficient_scope") in told(calls)


def test_a_binding_without_a_grant_to_the_endpoint_is_not_asked_to_call_it() -> None:
    assert [c.caller for c in plan([binding("other", "predict", target="churn")], [endpoint(SCORE)])] == [
        "anybody",
        "a stranger",
    ]


def test_a_grant_without_a_namespace_means_the_bindings_own() -> None:
    own = binding("checkout", "predict", namespace="ml")
    del own["spec"]["grants"][0]["endpointRef"]["namespace"]
    assert plan([own], [endpoint(SCORE)])[0].expected == Expected(200)


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (None, None),
        ('Bearer realm="models"', None),
        ('Bearer realm="models", error="insufficient_scope", scope="predict"', "insufficient_scope"),
        ('Bearer error="invalid_token", error_description="it said error=\\"x\\""', "invalid_token"),
    ],
)
def test_the_error_of_a_challenge(header: str | None, error: str | None) -> None:
    assert challenge_error(header) == error


def test_what_came_back_in_words() -> None:
    scored = json.dumps({"prediction": {"fraud_probability": 0.3}, "deployment": "blue"})
    assert words_of({"azureml-model-deployment": "green"}, scored) == '{"fraud_probability": 0.3} from deployment green'
    assert words_of({}, scored).endswith("from deployment blue")
    assert words_of({}, json.dumps({"title": "Forbidden", "detail": "missing permission"})) == "missing permission"
    assert words_of({}, "upstream  connect\nerror") == "upstream connect error"


def test_an_answer_with_the_right_status_and_the_wrong_error_is_not_as_expected() -> None:
    call = plan([], [endpoint(SCORE)])[1]
    assert Answer(call, 401, "invalid_token", "").as_expected
    assert not Answer(call, 401, None, "").as_expected
    assert not Answer(call, None, None, "no route").as_expected


def test_a_strangers_token_says_everything_right_but_who_signed_it() -> None:
    import jwt

    claims = jwt.decode(Stranger().token("aud", ["predict"], 0.0), options={"verify_signature": False})
    assert (claims["aud"], claims["permissions"]) == ("aud", ["predict"])


def test_the_line_for_a_shell_holds_no_token_but_fetches_one() -> None:
    call = plan([binding("checkout", "predict")], [endpoint(SCORE)])[0]
    line = curl(call, "http://127.0.0.1:8080")
    assert "http://127.0.0.1:8080/score" in line
    assert "-H 'Host: fraud.example.com'" in line
    assert '"Authorization: Bearer $(mlgate token shop/checkout-auth0)"' in line


def test_every_token_a_caller_may_show_is_played() -> None:
    played = {call.token for call in plan([binding("checkout", "predict")], [endpoint(SCORE)])}
    assert played == set(Token)
