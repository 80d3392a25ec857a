"""What a user sees who mistypes a reference, forgets a Secret or pastes a wrong one; and that no service is hammered."""

from __future__ import annotations

import asyncio

import pytest

from mlgate.store.protocol import Object

from .manifests import (
    api,
    auth0_secret,
    azure_secret,
    azure_side,
    client,
    namespace,
    of_quickstart,
    ours,
    secret,
    tenant,
    tenant_side,
    workspace,
)
from .world import World

HOUR = 3600.0
PASTED = "hunter2"
"""A secret that no service takes, and that no message may repeat."""


async def test_an_unknown_tenant_is_named_and_everything_goes_on_when_it_is_made(world: World) -> None:
    await world.apply(namespace("ml"), auth0_secret(), client("shop"))
    words = ("Auth0Tenant ml/main", "does not exist", "spec.tenantRef", "Create it, or correct the name")
    await world.says("Auth0Client", "shop", "DependencyNotFound", *words)
    await world.event("Auth0Client", "shop", "DependencyNotFound", *words)
    await world.passes(HOUR)
    assert world.asked == 0

    await world.apply(tenant())
    await world.ready(("Auth0Client", "shop"))


async def test_a_missing_secret_is_named_and_everything_goes_on_as_soon_as_it_appears(world: World) -> None:
    await world.apply(namespace("ml"), tenant(), client("shop"))
    words = ("Secret ml/auth0-management", "does not exist", "spec.credentials.secretRef", "Create it")
    await world.says("Auth0Tenant", "main", "CredentialsMissing", *words)
    await world.event("Auth0Tenant", "main", "CredentialsMissing", *words)
    await world.says("Auth0Client", "shop", "DependencyNotReady", "Auth0Tenant ml/main", "CredentialsMissing")
    await world.passes(HOUR)
    assert world.asked == 0

    before = world.timeline.ahead
    await world.apply(auth0_secret())
    await world.ready(("Auth0Tenant", "main"), ("Auth0Client", "shop"))
    assert world.timeline.ahead - before < 60, "the Secret's appearance must wake it, not a timer"


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        pytest.param({}, ("lacks", "clientId", "clientSecret"), id="an empty Secret: both keys are named"),
        pytest.param({"clientId": "quickstart"}, ("lacks clientSecret",), id="one key forgotten: it is named"),
        pytest.param(
            {"clientID": "quickstart", "clientSecret": "x"}, ("lacks clientId",), id="a key in the wrong case: named"
        ),
    ],
)
async def test_a_malformed_auth0_secret_says_which_key_is_missing(
    world: World, broken: dict[str, str], words: tuple[str, ...]
) -> None:
    await world.apply(namespace("ml"), secret("auth0-management", broken), tenant())
    words = ("Secret ml/auth0-management", "Auth0Tenant ml/main", *words)
    await world.says("Auth0Tenant", "main", "CredentialsMissing", *words)
    await world.event("Auth0Tenant", "main", "CredentialsMissing", *words)
    assert world.asked == 0

    await world.apply(auth0_secret())
    await world.ready(("Auth0Tenant", "main"))


async def test_a_secret_that_is_no_text_is_refused_by_key(world: World) -> None:
    body: Object = {**auth0_secret(), "data": {"clientSecret": "/w=="}, "stringData": {"clientId": "quickstart"}}
    await world.apply(namespace("ml"), body, tenant())
    await world.says("Auth0Tenant", "main", "CredentialsMissing", "clientSecret", "ml/auth0-management", "not text")


async def test_a_malformed_azure_secret_says_which_key_is_missing(world: World) -> None:
    await world.apply(namespace("ml"), secret("azure-credentials", {"secret": "x"}), of_quickstart("AzureConnection"))
    words = ("Secret ml/azure-credentials", "lacks clientSecret", "AzureConnection ml/azure")
    await world.says("AzureConnection", "azure", "CredentialsMissing", *words)
    await world.event("AzureConnection", "azure", "CredentialsMissing", *words)
    await world.apply(azure_secret())
    await world.ready(("AzureConnection", "azure"))


async def test_credentials_refused_by_auth0_are_told_and_tried_one_at_a_time_for_fifty_clients(world: World) -> None:
    names = [f"client-{number}" for number in range(50)]
    await world.apply(tenant_side())
    await world.apply(client(name) for name in names)
    await world.ready(*(("Auth0Client", name) for name in names))

    await world.apply(auth0_secret(PASTED))  # as when somebody rotated it in Auth0 and put a wrong one here
    words = ("Auth0 refused the client credentials", "Auth0Tenant ml/main", "ml/auth0-management", "Put a valid")
    message = await world.says("Auth0Tenant", "main", "CredentialsRejected", *words)
    assert PASTED not in message
    await world.event("Auth0Tenant", "main", "CredentialsRejected", *words)
    await world.settled()

    asked = len(world.auth0.requests)
    await world.passes(HOUR)
    probes = list(world.auth0.requests)[asked:]
    assert 1 <= len(probes) <= 12, [f"{e.time:.0f} {e.path}" for e in probes]
    assert {e.path for e in probes} == {"/oauth/token"}

    before = world.timeline.ahead
    await world.apply(auth0_secret())
    await world.ready(("Auth0Tenant", "main"), *(("Auth0Client", name) for name in names))
    assert world.timeline.ahead - before < 60, "the corrected Secret must wake everything, not a timer"


async def test_fifty_new_clients_of_a_refused_tenant_cost_no_request_of_their_own(world: World) -> None:
    await world.apply(namespace("ml"), auth0_secret(PASTED), tenant())
    await world.apply(client(f"client-{number}") for number in range(50))
    await world.says("Auth0Client", "client-7", "DependencyNotReady", "Auth0Tenant ml/main", "CredentialsRejected")
    await world.settled()
    assert len(world.auth0.requests) <= 2

    await world.apply(auth0_secret())
    await world.ready(*(("Auth0Client", f"client-{number}") for number in range(50)))
    assert len(world.auth0.requests.matching("POST", "/clients$")) == 50


async def test_credentials_refused_by_entra_are_told_with_their_fix_and_tried_rarely(world: World) -> None:
    await world.apply(namespace("ml"), azure_secret(PASTED), of_quickstart("AzureConnection"), workspace())
    words = ("Entra refused the credentials of AzureConnection ml/azure", "AADSTS7000215", "ml/azure-credentials")
    message = await world.says("AzureConnection", "azure", "CredentialsRejected", *words)
    assert PASTED not in message
    await world.event("AzureConnection", "azure", "CredentialsRejected", *words)
    await world.says("AzureMLWorkspace", "ml-workspace", "DependencyNotReady", "AzureConnection ml/azure")
    await world.settled()
    asked = len(world.azure.requests.matching("POST", "/token$"))
    await world.passes(HOUR)
    assert len(world.azure.requests.matching("POST", "/token$")) - asked <= 12
    assert not world.writes()

    await world.apply(azure_secret())
    await world.ready(("AzureConnection", "azure"), ("AzureMLWorkspace", "ml-workspace"))


async def test_an_object_whose_credentials_are_refused_is_held_at_deletion_and_says_so(world: World) -> None:
    await world.apply(tenant_side())
    await world.apply(client("shop"))
    await world.ready(("Auth0Client", "shop"))
    await world.apply(auth0_secret(PASTED))
    await world.says("Auth0Tenant", "main", "CredentialsRejected")
    await world.delete(client("shop"))

    message = await world.says("Auth0Client", "shop", "CredentialsRejected", "Auth0 refused", "ml/auth0-management")
    assert PASTED not in message
    asked = len(world.auth0.requests)
    await world.passes(HOUR)
    assert len(world.auth0.requests) - asked <= 24
    assert await world.find("Auth0Client", "shop") and _application(world, "shop")

    await world.apply(auth0_secret())
    await world.gone(("Auth0Client", "shop"))
    assert not _application(world, "shop")


async def test_the_secret_and_the_tenant_stay_until_the_last_client_is_gone(world: World) -> None:
    await world.apply(tenant_side())
    await world.apply(client("shop"))
    await world.ready(("Auth0Client", "shop"))
    await world.apply(auth0_secret(PASTED))
    await world.says("Auth0Tenant", "main", "CredentialsRejected")

    await world.delete(namespace("ml"), auth0_secret(), tenant(), client("shop"))
    await world.says("Auth0Tenant", "main", "DeletionBlocked", "Auth0Client ml/shop")
    await world.passes(60)
    assert await world.find("Secret", "auth0-management"), "what is needed to clean up was let go"

    fixed = {"stringData": {"clientSecret": "quickstart-auth0-secret"}}
    await world.patch("Secret", "auth0-management", fixed)
    await world.gone(("Auth0Client", "shop"), ("Auth0Tenant", "main"), ("Secret", "auth0-management"))
    assert not _application(world, "shop")


async def test_a_namespace_that_the_tenant_does_not_let_in_is_told_whom_to_ask(world: World) -> None:
    await world.apply(tenant_side())
    await world.apply(namespace("guests"), client("curious", at="guests"))
    words = ("Auth0Tenant ml/main", "may not be referred to from namespace guests", "spec.allowedNamespaces")
    await world.says("Auth0Client", "curious", "AccessDenied", *words, namespace="guests")
    await world.event("Auth0Client", "curious", "AccessDenied", *words, namespace="guests")
    await world.passes(HOUR)
    assert not world.auth0.requests.matching("POST", "/clients$")

    await world.apply(tenant(allowedNamespaces={"from": "Names", "names": ["shop", "guests"]}))
    await world.ready(("Auth0Client", "curious", "guests"))


async def test_an_unknown_permission_in_a_binding_is_named_with_its_api(world: World) -> None:
    await world.apply(tenant_side())
    await world.apply(api("fraud", "https://fraud.example.com", permissions=[{"name": "predict:fraud"}]))
    binding = ours(
        "Auth0AppBinding",
        "checkout",
        {
            "tenantRef": {"name": "main"},
            "application": {"type": "MachineToMachine"},
            "grants": [{"apiRef": {"name": "fraud"}, "permissions": ["predict:frau"]}],
            "secret": {"name": "checkout-auth0"},
        },
    )
    await world.apply(binding)
    grant = "checkout-fraud"
    message = await world.says("Auth0ClientGrant", grant, "InvalidSpec", "predict:frau", "Auth0API ml/fraud")
    await world.event("Auth0ClientGrant", grant, "InvalidSpec", "predict:frau")
    told = await world.says("Auth0AppBinding", "checkout", "InvalidSpec", "predict:frau")
    assert message and told
    await world.passes(HOUR)
    assert not world.auth0.requests.matching("POST", "/client-grants$")

    binding["spec"]["grants"][0]["permissions"] = ["predict:fraud"]
    await world.apply(binding)
    await world.ready(("Auth0AppBinding", "checkout"))


async def test_the_azure_side_does_not_wait_for_the_auth0_side(world: World) -> None:
    await world.apply(namespace("ml"), auth0_secret(PASTED), tenant(), client("shop"), azure_side())
    await asyncio.gather(world.says("Auth0Tenant", "main", "CredentialsRejected"))
    await world.ready(("AzureMLWorkspace", "ml-workspace"))


def _application(world: World, name: str) -> bool:
    return any(c["name"] == name for c in world.auth0.state.clients.values())
