"""Auth0AppBinding: one application, one grant per API, one Secret that says where to call."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate.api import Auth0AppBindingSpec
from mlgate.engine.references import Need, Resolved
from mlgate.kinds.auth0.app_binding import Auth0AppBinding
from mlgate.reasons import Reason
from unit.engine.samples import WELL, an_object
from unit.kinds.given import a_secured_endpoint, an_api, owner, resolved

BINDING = Auth0AppBinding()
ME = owner("checkout", "shop")
FRAUD = {"endpointRef": {"name": "fraud", "namespace": "ml"}}


def a_spec(*grants: dict[str, Any], **spec: Any) -> Auth0AppBindingSpec:
    said = {
        "tenantRef": {"name": "main", "namespace": "ml"},
        "application": {"type": "MachineToMachine"},
        "secret": {"name": "checkout-auth0"},
        **({"grants": list(grants)} if grants else {}),
        **spec,
    }
    return Auth0AppBindingSpec.model_validate(said)


def made(spec: Auth0AppBindingSpec, refs: Resolved | None = None) -> dict[tuple[str, str], dict[str, Any]]:
    children = [child.manifest for child in BINDING.children(ME, spec, refs or resolved())]
    found = {(m["kind"], m["metadata"]["name"]): m["spec"] for m in children}
    assert len(found) == len(children), "two children with one name would undo each other"
    return found


def grants(*said: dict[str, Any], there: Resolved | None = None) -> list[tuple[dict[str, Any], list[str]]]:
    found = made(a_spec(*said), there)
    return [(spec["apiRef"], spec["permissions"]) for (kind, _), spec in found.items() if kind == "Auth0ClientGrant"]


def test_a_machine_gets_a_client_that_may_only_speak_for_itself() -> None:
    client = made(a_spec())["Auth0Client", "checkout"]
    assert (client["appType"], client["grantTypes"]) == ("non_interactive", ["client_credentials"])
    assert client["tokenEndpointAuthMethod"] == "client_secret_post"
    assert client["tenantRef"] == {"name": "main", "namespace": "ml"}
    assert client["credentialsSecret"] == {"name": "checkout-auth0", "data": {}}
    assert "managementPolicy" not in client


@pytest.mark.parametrize("type_", ["MachineToMachine", "RegularWeb", "SinglePage", "Native"])
def test_no_application_may_use_implicit_and_only_those_that_can_keep_a_secret_have_one(type_: str) -> None:
    client = made(a_spec(application={"type": type_}))["Auth0Client", "checkout"]
    assert "implicit" not in client["grantTypes"]
    public = type_ in ("SinglePage", "Native")
    assert (client["tokenEndpointAuthMethod"] == "none") is public
    assert not public or "client_credentials" not in client["grantTypes"]


def test_what_is_said_about_the_application_reaches_it() -> None:
    application = {"type": "RegularWeb", "name": "Shop", "callbacks": ["https://s"], "metadata": {"team": "payments"}}
    client = made(a_spec(application=application, deletionPolicy="Orphan", managementPolicy="Plan"))[
        "Auth0Client", "checkout"
    ]
    assert (client["name"], client["callbacks"], client["clientMetadata"]) == (
        "Shop",
        ["https://s"],
        {"team": "payments"},
    )
    assert (client["deletionPolicy"], client["managementPolicy"]) == ("Orphan", "Plan")
    assert "type" not in client


def test_a_tenant_of_the_own_namespace_is_named_without_it() -> None:
    assert made(a_spec(tenantRef={"name": "main"}))["Auth0Client", "checkout"]["tenantRef"] == {"name": "main"}


HERE, THERE = {"apiRef": {"name": "api"}}, {"apiRef": {"name": "api", "namespace": "ml"}}
OUTSIDE = {"apiRef": {"identifier": "https://x/y"}}


@pytest.mark.parametrize(
    ("said", "expect"),
    [
        pytest.param([], [], id="no grant without one in the manifest"),
        pytest.param(
            [{**FRAUD, "permissions": ["w", "r"]}],
            [({"name": "fraud", "namespace": "ml"}, ["r", "w"])],
            id="an endpoint's API has the endpoint's name",
        ),
        pytest.param(
            [{**FRAUD, "permissions": ["r"]}, {**FRAUD, "permissions": ["w", "r"]}],
            [({"name": "fraud", "namespace": "ml"}, ["r", "w"])],
            id="entries for one endpoint are one grant",
        ),
        pytest.param(
            [{**FRAUD, "permissions": ["r"]}, {"apiRef": {"name": "fraud", "namespace": "ml"}, "permissions": ["w"]}],
            [({"name": "fraud", "namespace": "ml"}, ["r", "w"])],
            id="an endpoint and its own API are one grant",
        ),
        pytest.param(
            [{**HERE, "permissions": ["r"]}, {"apiRef": {"name": "api", "namespace": "shop"}, "permissions": ["w"]}],
            [({"name": "api"}, ["r", "w"])],
            id="the own namespace written out is the same API",
        ),
        pytest.param(
            [{**HERE, "permissions": ["r"]}, {**THERE, "permissions": ["w"]}],
            [({"name": "api"}, ["r"]), ({"name": "api", "namespace": "ml"}, ["w"])],
            id="APIs of one name in two namespaces get a grant each",
        ),
        pytest.param(
            [{**OUTSIDE, "permissions": ["r"]}],
            [({"identifier": "https://x/y"}, ["r"])],
            id="an API that is not managed here is named by its identifier",
        ),
    ],
)
def test_one_grant_per_api(said: list[dict[str, Any]], expect: list[Any]) -> None:
    assert grants(*said) == expect


TO_FRAUD, FRAUD_ITSELF = (
    {**FRAUD, "permissions": ["r"]},
    {"apiRef": {"identifier": "https://fraud"}, "permissions": ["w"]},
)
BY_ENDPOINT, BY_IDENTIFIER = {"name": "fraud", "namespace": "ml"}, {"identifier": "https://fraud"}


@pytest.mark.parametrize(
    ("said", "there", "expect"),
    [
        pytest.param(
            [TO_FRAUD, FRAUD_ITSELF],
            [a_secured_endpoint()],
            [(BY_ENDPOINT, ["r", "w"])],
            id="an endpoint and the identifier of its API are one grant",
        ),
        pytest.param(
            [FRAUD_ITSELF, TO_FRAUD],
            [a_secured_endpoint()],
            [(BY_IDENTIFIER, ["r", "w"])],
            id="the first entry names it, so that a later one makes no other of it",
        ),
        pytest.param(
            [{"apiRef": {"name": "fraud", "namespace": "ml"}, "permissions": ["r"]}, FRAUD_ITSELF],
            [an_api("r", "w")],
            [(BY_ENDPOINT, ["r", "w"])],
            id="an Auth0API and its identifier are one grant",
        ),
        pytest.param(
            [TO_FRAUD, FRAUD_ITSELF],
            [],
            [(BY_ENDPOINT, ["r"]), (BY_IDENTIFIER, ["w"])],
            id="an endpoint that is not there yet has a grant that waits for it, the other is not held up",
        ),
        pytest.param(
            [TO_FRAUD, {"apiRef": {"name": "api"}, "permissions": ["w"]}],
            [a_secured_endpoint(), an_api("w", name="api", namespace="shop")],
            [(BY_ENDPOINT, ["r"]), ({"name": "api"}, ["w"])],
            id="different audiences are different grants",
        ),
    ],
)
def test_one_grant_per_audience(said: list[dict[str, Any]], there: list[Any], expect: list[Any]) -> None:
    assert grants(*said, there=resolved(*there)) == expect


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            {"identifier": "https://a.b"}, {"identifier": "https://a/b"}, id="identifiers that differ in punctuation"
        ),
        pytest.param(
            {"identifier": "https://" + "a" * 300 + "1"},
            {"identifier": "https://" + "a" * 300 + "2"},
            id="identifiers that differ at their end",
        ),
        pytest.param(
            {"name": "ml-api"}, {"name": "api", "namespace": "ml"}, id="a name that looks like namespace and name"
        ),
    ],
)
def test_apis_that_look_alike_get_a_grant_each(one: dict[str, str], other: dict[str, str]) -> None:
    assert grants({"apiRef": one, "permissions": ["r"]}, {"apiRef": other, "permissions": ["w"]}) == [
        (one, ["r"]),
        (other, ["w"]),
    ]


def test_names_of_grants_are_names_of_objects() -> None:
    found = made(a_spec({"apiRef": {"identifier": "https://" + "A.b/" * 100}, "permissions": ["r"]}))
    for _, name in found:
        assert len(name) <= 253
        assert name[0].isalnum()
        assert name[-1].isalnum()
        assert name == name.lower()


def test_a_private_key_and_its_rotation_are_the_applications_to_carry_out() -> None:
    said = {"method": "PrivateKeyJWT", "rotateEvery": "720h", "overlap": "24h"}
    client = made(a_spec(credentials=said))["Auth0Client", "checkout"]
    assert client["tokenEndpointAuthMethod"] == "private_key_jwt"
    secret = client["credentialsSecret"]
    assert (secret["name"], secret["rotateEvery"], secret["overlap"]) == ("checkout-auth0", "720h", "24h")


# -- the Secret and the summary -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoints", "data"),
    [
        pytest.param(
            [a_secured_endpoint()],
            {"audience": "https://fraud", "url": "https://fraud.example/score"},
            id="one endpoint: where it is and what to ask a token for",
        ),
        pytest.param(
            [a_secured_endpoint(url=None)],
            {"audience": "https://fraud"},
            id="an endpoint without a URL yet: the audience alone",
        ),
        pytest.param([], {}, id="an endpoint that does not exist yet: nothing"),
    ],
)
def test_the_secret_says_where_to_call(endpoints: list[Any], data: dict[str, str]) -> None:
    client = made(a_spec({**FRAUD, "permissions": ["r"]}), resolved(*endpoints))["Auth0Client", "checkout"]
    assert client["credentialsSecret"]["data"] == data


def test_with_two_endpoints_the_secret_does_not_guess() -> None:
    other = {"endpointRef": {"name": "other", "namespace": "ml"}, "permissions": ["r"]}
    refs = resolved(a_secured_endpoint(), a_secured_endpoint("other"))
    client = made(a_spec({**FRAUD, "permissions": ["r"]}, other), refs)["Auth0Client", "checkout"]
    assert client["credentialsSecret"]["data"] == {}


def test_what_the_manifest_puts_into_the_secret_wins() -> None:
    spec = a_spec({**FRAUD, "permissions": ["r"]}, secret={"name": "s", "labels": {"a": "b"}, "data": {"url": "mine"}})
    client = made(spec, resolved(a_secured_endpoint()))["Auth0Client", "checkout"]
    assert client["credentialsSecret"] == {
        "name": "s",
        "labels": {"a": "b"},
        "data": {"audience": "https://fraud", "url": "mine"},
    }


def test_it_is_woken_by_its_endpoints_and_apis_and_does_not_wait_for_them() -> None:
    refs = BINDING.references(ME, a_spec(*({**each, "permissions": ["r"]} for each in (FRAUD, HERE, OUTSIDE))))
    assert [(str(ref.target), ref.need) for ref in refs] == [
        ("SecuredModelEndpoint ml/fraud", Need.MAYBE),
        ("Auth0API shop/api", Need.MAYBE),
    ]


def test_a_binding_whose_parts_are_well_names_its_secret_client_and_endpoints() -> None:
    spec, refs = a_spec({**FRAUD, "permissions": ["r"]}), resolved(a_secured_endpoint())
    status = {"clientId": "cid", "credentialsSecretName": "checkout-auth0"}
    there = {key: an_object(*key, namespace="shop", conditions=WELL, status=status) for key in made(spec, refs)}
    found = BINDING.summarise(ME, spec, refs, there)
    assert (found.ready, found.settled, sorted(found.parts)) == (True, True, ["AccessReady", "ClientReady"])
    assert found.status == {
        "binding": {"name": "checkout-auth0"},
        "clientId": "cid",
        "endpoints": [{"name": "ml/fraud", "url": "https://fraud.example/score", "audience": "https://fraud"}],
    }


def test_a_new_binding_is_being_made_and_has_no_secret_yet() -> None:
    found = BINDING.summarise(ME, a_spec({**FRAUD, "permissions": ["r"]}), resolved(), {})
    assert (found.ready, found.reason, found.status["binding"]) == (False, Reason.CREATING, None)
    assert not found.parts["ClientReady"].ready
    assert not found.parts["AccessReady"].ready
