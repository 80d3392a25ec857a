"""SecuredModelEndpoint: which objects it is made of, and how they add up to one URL that works or says why not."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate.api import KINDS, SecuredModelEndpointSpec
from mlgate.api.meta import KindType
from mlgate.azureml import Sessions
from mlgate.engine.protocols import Child
from mlgate.kinds.secured_endpoint.secured_model_endpoint import (
    SecuredModelEndpoint,
    child_name,
    slug,
    traffic_health,
    wanted_traffic,
)
from mlgate.reasons import Reason
from mlgate.store.protocol import Object
from unit.engine.samples import WELL, an_object, condition
from unit.kinds.given import OWNER, resolved

KIND = SecuredModelEndpoint(Sessions())
GATEWAY = an_object(
    "ModelGateway",
    "public",
    spec={"listeners": [{"name": "https", "port": 443, "protocol": "HTTPS", "tls": {"secretRef": {"name": "cert"}}}]},
)
NAMES = [
    ("AzureMLOnlineEndpoint", "fraud"),
    ("AzureMLOnlineDeployment", "fraud-blue"),
    ("Auth0API", "fraud"),
    ("Auth0Role", "fraud-analyst"),
    ("ModelRoute", "fraud"),
]


def a_deployment(name: str) -> dict[str, Any]:
    return {"name": name, "model": {"name": "fraud", "version": "7"}, "instanceType": "Standard_DS3_v2"}


def a_spec(*deployments: str, roles: tuple[str, ...] = ("Fraud analyst",), **spec: Any) -> SecuredModelEndpointSpec:
    access = {
        "tenantRef": {"name": "main"},
        "audience": "https://fraud",
        "permissions": [{"name": "predict:fraud", "description": "Score"}],
        "roles": [{"name": role, "permissions": ["predict:fraud"]} for role in roles],
    }
    route = {
        "gatewayRef": {"name": "public"},
        "hostname": "fraud.example.com",
        "rules": [{"path": "/score", "methods": ["POST"], "require": ["predict:fraud"]}],
        "rateLimit": {"requests": 600, "per": "Minute", "by": "Client"},
    }
    said = {
        "workspaceRef": {"name": "ws"},
        "deployments": [a_deployment(name) for name in deployments or ("blue",)],
        "access": access,
        "route": route,
        **spec,
    }
    return SecuredModelEndpointSpec.model_validate(said)


def children(spec: SecuredModelEndpointSpec) -> dict[tuple[str, str], Child]:
    made = KIND.children(OWNER, spec, resolved(GATEWAY))
    found = {(c.manifest["kind"], c.manifest["metadata"]["name"]): c for c in made}
    assert len(found) == len(made), "two children with one name would undo each other"
    return found


def specs(spec: SecuredModelEndpointSpec) -> dict[tuple[str, str], Any]:
    return {key: child.manifest["spec"] for key, child in children(spec).items()}


def test_it_is_made_of_an_endpoint_deployments_an_api_roles_and_a_route() -> None:
    assert list(children(a_spec(roles=("analyst",)))) == NAMES


def test_every_child_is_a_kind_that_is_declared_and_a_spec_that_its_kind_understands() -> None:
    declared = {type_.kind for type_ in KIND.child_types}
    for (kind, _), spec in specs(a_spec("blue", "green", traffic={"blue": 90, "green": 10})).items():
        assert kind in declared
        type_: KindType = KINDS[kind]
        unknown = set(spec) - {field.alias for field in type_.spec.model_fields.values()}
        assert unknown == set(), kind
        type_.spec.model_validate(spec)


def test_children_are_the_same_every_time() -> None:
    assert specs(a_spec()) == specs(a_spec())


def test_the_credential_that_the_gateway_presents_is_given_to_it() -> None:
    endpoint = specs(a_spec())["AzureMLOnlineEndpoint", "fraud"]
    assert endpoint["authMode"] == "AMLToken"
    assert endpoint["credentialsSecret"] == {"name": "fraud-endpoint-credential"}
    assert specs(a_spec(endpoint={"authMode": "Key"}))["AzureMLOnlineEndpoint", "fraud"]["authMode"] == "Key"


def test_access_is_an_api_with_its_permissions_and_roles_that_grant_them() -> None:
    found = specs(a_spec(allowedNamespaces={"from": "All"}))
    api, role = found["Auth0API", "fraud"], found["Auth0Role", child_name(OWNER, "Fraud analyst")]
    assert api["identifier"] == "https://fraud"
    assert api["permissions"] == [{"name": "predict:fraud", "description": "Score"}]
    assert api["allowedNamespaces"] == {"from": "All"}
    assert (role["name"], role["permissions"]) == (
        "Fraud analyst",
        [{"apiRef": {"name": "fraud"}, "name": "predict:fraud"}],
    )


def test_the_route_is_never_public_and_requires_what_is_written() -> None:
    route = specs(a_spec())["ModelRoute", "fraud"]
    assert "public" not in route
    assert route == {
        "gatewayRef": {"name": "public"},
        "hostnames": ["fraud.example.com"],
        "upstream": {"endpointRef": {"name": "fraud"}},
        "tenantRef": {"name": "main"},
        "audience": "https://fraud",
        "rules": [{"path": "/score", "methods": ["POST"], "require": ["predict:fraud"]}],
        "rateLimit": {"requests": 600, "per": "Minute", "by": "Client"},
    }


@pytest.mark.parametrize(
    "policies",
    [
        pytest.param({"deletionPolicy": "Orphan", "driftPolicy": "Report"}, id="what happens to the outside"),
        pytest.param({"managementPolicy": "Observe"}, id="who writes"),
    ],
)
def test_policies_reach_every_child_that_has_them(policies: dict[str, Any]) -> None:
    for (kind, _), spec in specs(a_spec(**policies)).items():
        expect = {} if kind == "ModelRoute" else policies
        assert {name: spec[name] for name in policies if name in spec} == expect


def test_two_deployments_are_two_children_of_one_endpoint() -> None:
    found = specs(a_spec("blue", "green", traffic={"blue": 100}))
    deployment = found["AzureMLOnlineDeployment", "fraud-green"]
    assert (deployment["azureName"], deployment["endpointRef"]) == ("green", {"name": "fraud"})
    assert "name" not in deployment
    assert found["AzureMLOnlineEndpoint", "fraud"]["traffic"] == {"blue": 100}


def test_roles_whose_names_look_alike_are_two_children() -> None:
    assert (
        len([key for key in children(a_spec(roles=("Fraud analyst", "fraud-analyst"))) if key[0] == "Auth0Role"]) == 2
    )


@pytest.mark.parametrize(
    ("deployments", "spec", "expect"),
    [
        pytest.param(("blue",), {}, {"blue": 100}, id="the only deployment gets all"),
        pytest.param(("blue", "green"), {}, None, id="between several nothing is decided"),
        pytest.param(
            ("blue", "green"), {"traffic": {"blue": 90, "green": 10}}, {"blue": 90, "green": 10}, id="as it is written"
        ),
        pytest.param(("blue",), {"traffic": {"blue": 0}}, {"blue": 0}, id="no traffic when that is written"),
    ],
)
def test_who_gets_the_traffic(
    deployments: tuple[str, ...], spec: dict[str, Any], expect: dict[str, int] | None
) -> None:
    assert wanted_traffic(a_spec(*deployments, **spec)) == expect


@pytest.mark.parametrize(
    ("spec", "there", "ready"),
    [
        pytest.param({"traffic": {"blue": 100, "green": 0}}, {"blue": 100}, True, id="a weight of 0 is none"),
        pytest.param({"traffic": {"Blue": 100}}, {"blue": 100}, True, id="casing means nothing to Azure"),
        pytest.param(
            {"traffic": {"blue": 90, "green": 10}}, {"blue": 100}, False, id="another split is not as written"
        ),
        pytest.param({"traffic": {"blue": 100}}, None, False, id="an endpoint that is not known yet is not as written"),
        pytest.param({}, {"blue": 1, "green": 99}, True, id="where nothing is written any split is right"),
    ],
)
def test_whether_traffic_is_as_written(spec: dict[str, Any], there: dict[str, int] | None, ready: bool) -> None:
    assert traffic_health(a_spec("blue", "green", **spec), {"traffic": there}).ready is ready


def test_names_of_azure_and_auth0_become_names_of_objects() -> None:
    assert [slug(name) for name in ("Fraud analyst", "a__b", "-x-", "éé")] == ["fraud-analyst", "a-b", "x", "x"]


# -- how it stands ------------------------------------------------------------------------------------------------------

STALLED = (
    {**condition("Ready", "False", reason="AccessDenied"), "message": "no"},
    condition("Synced", "False"),
    condition("Stalled", reason="AccessDenied"),
)
UNREADY = (condition("Ready", "False", reason="Creating"), condition("Synced", "False", reason="Creating"))


def there(
    spec: SecuredModelEndpointSpec, traffic: dict[str, int], **differ: tuple[Any, ...]
) -> dict[tuple[str, str], Object]:
    """All children, well but for those named by kind (or by name with underscores)."""
    status = {"traffic": traffic, "scoringUri": "https://x/score", "authMode": "AMLToken"}
    return {
        (kind, name): an_object(
            kind, name, conditions=differ.get(kind, differ.get(name.replace("-", "_"), WELL)), status=status
        )
        for kind, name in children(spec)
    }


def test_when_all_parts_are_well_it_is_ready_at_one_url() -> None:
    spec = a_spec()
    found = KIND.summarise(OWNER, spec, resolved(GATEWAY), there(spec, {"blue": 100}))
    assert (found.ready, found.settled) == (True, True)
    assert {name: part.ready for name, part in found.parts.items()} == dict.fromkeys(
        ("ModelReady", "AccessReady", "TrafficReady", "RouteReady"), True
    )
    status = {name: found.status[name] for name in ("url", "endpoint", "audience", "traffic", "auth", "apiName")}
    assert status == {
        "url": "https://fraud.example.com/score",
        "endpoint": "https://x/score",
        "audience": "https://fraud",
        "traffic": "blue=100",
        "auth": "AMLToken",
        "apiName": "fraud",
    }
    assert found.status["deployments"] == [{"name": "blue", "ready": True, "traffic": 100}]


def test_a_new_one_is_being_made_part_by_part() -> None:
    found = KIND.summarise(OWNER, a_spec(), resolved(GATEWAY), {})
    assert (found.ready, found.settled, found.failed, found.reason) == (False, False, False, Reason.CREATING)
    assert [name for name, part in found.parts.items() if part.ready] == []


@pytest.mark.parametrize(
    ("differ", "part", "reason"),
    [
        pytest.param(
            {"Auth0Role": STALLED}, "AccessReady", Reason.ACCESS_DENIED, id="a role that is refused stalls access"
        ),
        pytest.param(
            {"ModelRoute": STALLED}, "RouteReady", Reason.ACCESS_DENIED, id="a route that is refused stalls the route"
        ),
        pytest.param(
            {"AzureMLOnlineEndpoint": STALLED},
            "ModelReady",
            Reason.ACCESS_DENIED,
            id="an endpoint that is refused stalls the model",
        ),
    ],
)
def test_a_part_that_is_stalled_stalls_the_whole(differ: dict[str, Any], part: str, reason: Reason) -> None:
    spec = a_spec()
    found = KIND.summarise(OWNER, spec, resolved(GATEWAY), there(spec, {"blue": 100}, **differ))
    assert (found.failed, found.reason) == (True, reason)
    assert {name for name, health in found.parts.items() if health.failed} == {part}


def test_a_deployment_without_traffic_may_still_be_made() -> None:
    spec = a_spec("blue", "green", traffic={"blue": 100})
    found = KIND.summarise(OWNER, spec, resolved(GATEWAY), there(spec, {"blue": 100}, fraud_green=UNREADY))
    assert (found.ready, found.parts["ModelReady"].ready) == (True, True)
    assert [d["ready"] for d in found.status["deployments"]] == [True, False]


def test_a_deployment_that_gets_traffic_must_be_ready() -> None:
    spec = a_spec("blue", "green", traffic={"blue": 90, "green": 10})
    found = KIND.summarise(OWNER, spec, resolved(GATEWAY), there(spec, {"blue": 100}, fraud_green=UNREADY))
    assert not found.parts["ModelReady"].ready
    assert not found.parts["TrafficReady"].ready
    assert not found.settled
