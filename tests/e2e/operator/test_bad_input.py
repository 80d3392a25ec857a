"""Mistakes as their author sees them: in what `kubectl apply` answers, or in `kubectl get` and `kubectl describe`."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from controlplane.kubectl import KubectlError
from mlgate.store.protocol import Object

from .conftest import Stage
from .waiting import eventually
from .world import World

FRAUD = "40-fraud.yaml"
PASTED = "hunter2-is-no-secret"


@pytest.fixture(scope="module")
def world(stage: Stage) -> World:
    """A running operator and the quickstart's namespaces, where each test applies objects of its own."""
    made = stage()
    made.operator.start()
    for namespace in ("ml", "shop"):
        made.kubectl("create", "namespace", namespace)
    return made


def of_quickstart(world: World, kind: str, name: str) -> Object:
    return next(o for o in world.manifests.objects() if (o["kind"], o["metadata"]["name"]) == (kind, name))


def described(world: World, what: str, reason: str, *words: str, namespace: str = "ml") -> str:
    """What `kubectl describe` prints, once its conditions and its Events name this reason with these words."""

    def shows() -> str:
        try:
            text = world.kubectl("describe", what, "-n", namespace)
        except KubectlError as absent:
            raise AssertionError(str(absent)) from absent
        status, _, events = text.partition("Events:")
        for part in (status, events):
            assert reason in part, text[-2000:]
            flowing = " ".join(part.split())
            assert all(word in flowing for word in words), text[-2000:]
        return text

    return eventually(shows, f"{reason} in the description of {what}")


def column(world: World, what: str, title: str, namespace: str = "ml") -> str:
    """A column of `kubectl get`."""
    head, row = world.kubectl("get", what, "-n", namespace).splitlines()[:2]
    start = head.index(title)
    return row[start:].split()[0]


def write(world: World, obj: Object) -> None:
    world.kubectl("apply", "--validate=strict", "-f", "-", stdin=yaml.safe_dump(obj))


def client(name: str, **spec: Any) -> Object:
    return {
        "apiVersion": "mlgate.dev/v1alpha1",
        "kind": "Auth0Client",
        "metadata": {"name": name, "namespace": "ml"},
        "spec": {"tenantRef": {"name": "main"}, **spec},
    }


def test_a_mistyped_field_is_refused_by_the_api_server_by_name(world: World) -> None:
    fraud = of_quickstart(world, "SecuredModelEndpoint", "fraud")
    fraud["spec"]["trafic"] = fraud["spec"].pop("traffic")
    with pytest.raises(KubectlError) as refused:
        write(world, fraud)
    assert 'unknown field "spec.trafic"' in refused.value.stderr
    assert world.get("SecuredModelEndpoint", "fraud") is None


def test_a_mistyped_value_is_refused_by_the_api_server_with_those_it_takes(world: World) -> None:
    fraud = of_quickstart(world, "SecuredModelEndpoint", "fraud")
    fraud["spec"]["endpoint"]["authMode"] = "AMLTokn"
    with pytest.raises(KubectlError) as refused:
        write(world, fraud)
    assert "spec.endpoint.authMode" in refused.value.stderr
    assert '"AMLToken"' in refused.value.stderr


def test_an_unknown_tenant_is_named_in_condition_and_event(world: World) -> None:
    write(world, client("early"))
    described(world, "a0c/early", "DependencyNotFound", "Auth0Tenant ml/main does not exist", "correct the name")
    assert column(world, "a0c/early", "READY") == "False"
    assert column(world, "a0c/early", "REASON") == "DependencyNotFound"


def test_a_missing_secret_is_named_and_a_wrong_one_is_refused_and_a_good_one_heals_everything(world: World) -> None:
    write(world, of_quickstart(world, "Auth0Tenant", "main"))
    described(world, "a0t/main", "CredentialsMissing", "Secret ml/auth0-management does not exist", "Create it")

    good = of_quickstart(world, "Secret", "auth0-management")
    wrong = {**good, "stringData": {**good["stringData"], "clientSecret": PASTED}}
    write(world, wrong)
    text = described(world, "a0t/main", "CredentialsRejected", "Auth0 refused the client credentials", "Put a valid")
    assert PASTED not in text
    assert PASTED not in world.operator.log

    write(world, good)
    world.kubectl("wait", "--for=condition=Ready", "a0t/main", "a0c/early", "-n", "ml", "--timeout=60s", seconds=70)


def test_two_apis_with_one_identifier_name_each_other(world: World) -> None:
    api = {
        "apiVersion": "mlgate.dev/v1alpha1",
        "kind": "Auth0API",
        "metadata": {"name": "first", "namespace": "ml"},
        "spec": {"tenantRef": {"name": "main"}, "identifier": "https://twice.example.com"},
    }
    write(world, api)
    world.kubectl("wait", "--for=condition=Ready", "a0api/first", "-n", "ml", "--timeout=60s", seconds=70)
    write(world, {**api, "metadata": {"name": "second", "namespace": "ml"}})
    described(world, "a0api/second", "ExternalConflict", "already exists outside", "Auth0API ml/first")


def test_a_model_that_does_not_start_shows_its_own_error_and_recovers_with_the_manifest(world: World) -> None:
    azure = world.outside.azure
    line = "ModuleNotFoundError: No module named 'sklearn'"
    world.outside.do(lambda: azure.fail_deployment("fraud", "blue", code="ResourceNotReady", logs=[line]))
    world.apply(wait=False)
    described(world, "amld/fraud-blue", "ProvisioningFailed", "ResourceNotReady", "scoring script", line)
    top = world.wait_reason("SecuredModelEndpoint", "fraud", "ProvisioningFailed")
    assert line in top["message"]

    world.outside.do(lambda: azure.heal_deployment("fraud", "blue"))

    def change(fraud: Any) -> None:
        fraud["spec"]["deployments"][0]["model"]["version"] = "8"

    world.manifests.edit(FRAUD, change)
    world.apply(wait=False)
    world.kubectl("wait", "--for=condition=Ready", "sme/fraud", "-n", "ml", "--timeout=60s", seconds=70)
