"""`kubectl apply -f examples/quickstart` on a real API server, and what its users and callers see."""

from __future__ import annotations

import hashlib

import pytest

from mlgate.api import KINDS

from .proxy import stranger_token
from .world import World

SHOWN = {
    "Auth0API",
    "Auth0AppBinding",
    "Auth0Client",
    "Auth0ClientGrant",
    "Auth0Role",
    "Auth0Tenant",
    "AzureConnection",
    "AzureMLOnlineDeployment",
    "AzureMLOnlineEndpoint",
    "AzureMLWorkspace",
    "ModelGateway",
    "ModelRoute",
    "SecuredModelEndpoint",
}
"""The kinds that the quickstart shows, those that its compositions make included."""
AUDIENCE = "https://fraud.models.example.com"


def test_kubectl_apply_of_the_quickstart_ends_with_every_object_ready_and_synced(quickstart: World) -> None:
    assert quickstart.unready() == []
    assert {obj["kind"] for obj in quickstart.api.ours()} == SHOWN


def test_kubectl_wait_for_ready_succeeds_on_all_of_them(quickstart: World) -> None:
    said = quickstart.kubectl("wait", "--for=condition=Ready", "mlgate", "--all", "-A", "--timeout=30s")
    assert said.count("condition met") == len(quickstart.api.ours())


def test_kubectl_get_mlgate_shows_every_kind_of_the_quickstart_with_its_columns(quickstart: World) -> None:
    said = quickstart.kubectl("get", "mlgate", "-A")
    for name in SHOWN:
        assert f"{KINDS[name].singular}.mlgate.dev/" in said
    tables = [table.splitlines() for table in said.strip().split("\n\n")]
    assert len(tables) == len(SHOWN)
    for header, *rows in tables:
        assert header.startswith("NAMESPACE") and "READY" in header and header.rstrip().endswith("AGE"), header
        assert rows and all(" True " in row for row in rows), rows


def test_the_url_the_traffic_and_the_login_are_columns_of_the_endpoint(quickstart: World) -> None:
    row = quickstart.kubectl("get", "sme", "-n", "ml", "--no-headers").split()
    assert row[0] == "fraud" and "True" in row and "blue=100" in row and "AMLToken" in row
    assert row[1] == f"http://fraud.models.example.com:{quickstart.proxy.port}/score"


def test_kubectl_describe_tells_the_story_of_the_endpoint_in_events(quickstart: World) -> None:
    said = quickstart.kubectl("describe", "sme", "fraud", "-n", "ml")
    events = said.split("Events:", 1)[1]
    for kind in ("AzureMLOnlineEndpoint", "AzureMLOnlineDeployment", "Auth0API", "Auth0Role", "ModelRoute"):
        assert f"Made {kind} " in events
    assert "Ready." in events and "Warning" not in events, events


@pytest.mark.parametrize(
    ("kind", "name", "namespace"),
    [
        ("Auth0API", "fraud", "ml"),
        ("Auth0Role", "fraud-fraud-analyst", "ml"),
        ("AzureMLWorkspace", "ml-workspace", "ml"),
        ("AzureMLOnlineEndpoint", "fraud", "ml"),
        ("AzureMLOnlineDeployment", "fraud-blue", "ml"),
        ("Auth0Client", "checkout", "shop"),
        ("Auth0ClientGrant", "checkout-ml-fraud", "shop"),  # its name ends in a hash
    ],
)
def test_events_say_what_was_made_outside(quickstart: World, kind: str, name: str, namespace: str) -> None:
    whole = str(quickstart.named(kind, name, namespace)["metadata"]["name"])
    reasons = [event["reason"] for event in quickstart.events_of(kind, whole, namespace)]
    assert "Created" in reasons, reasons
    assert len(reasons) <= 8, "a story, not a log"


def test_everything_exists_outside_exactly_once(quickstart: World) -> None:
    assert quickstart.outside.inventory() == {
        "clients": ["checkout", "reporting"],
        "apis": [AUDIENCE],
        "grants": [f"checkout -> {AUDIENCE}", f"reporting -> {AUDIENCE}"],
        "roles": ["fraud-analyst"],
        "azure": sorted(
            [
                "ml-workspace",
                "ml-workspace/onlineendpoints/fraud",
                "ml-workspace/onlineendpoints/fraud/deployments/blue",
            ]
        ),
    }


def test_an_application_with_the_permission_gets_a_prediction_and_the_deployments_name(quickstart: World) -> None:
    answer = quickstart.wait_answer(200, quickstart.token("checkout"))
    assert "prediction" in answer.body
    assert answer.headers["azureml-model-deployment"] == "blue"


def test_an_application_without_the_permission_gets_403_insufficient_scope(quickstart: World) -> None:
    answer = quickstart.wait_answer(403, quickstart.token("reporting"))
    assert 'error="insufficient_scope"' in answer.challenge and "predict:fraud" in answer.challenge


def test_a_call_without_a_token_gets_401(quickstart: World) -> None:
    answer = quickstart.wait_answer(401)
    assert answer.challenge.startswith("Bearer") and "error=" not in answer.challenge


def test_a_token_of_another_issuer_gets_401_invalid_token(quickstart: World) -> None:
    answer = quickstart.wait_answer(401, stranger_token(AUDIENCE, "predict:fraud"))
    assert 'error="invalid_token"' in answer.challenge


def test_the_callers_authorization_never_reaches_the_model(quickstart: World) -> None:
    token = quickstart.token("checkout")
    quickstart.wait_answer(200, token)
    own = quickstart.secret("fraud-endpoint-credential", "ml")["credential"]
    shown = {request.notes["credential"] for request in quickstart.outside.scoring()}
    assert shown == {f"Bearer sha256:{hashlib.sha256(own.encode()).hexdigest()[:12]}"}
    assert hashlib.sha256(token.encode()).hexdigest()[:12] not in str(shown)


def test_the_operator_never_ran_into_its_rbac(quickstart: World) -> None:
    assert "forbidden" not in quickstart.operator.log.lower()
    assert quickstart.access.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}") == (
        "system:serviceaccount:mlgate-system:mlgate"
    )
