"""azure-identity against the simulated Entra, and what ARM says to tokens it does not like."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import ClientSecretCredential, WorkloadIdentityCredential

from mlgate_sim.azure import AzureSimulator, FederatedCredential
from sim.azure.arm_caller import Arm, ManualClock

ARM_SCOPE = "https://management.azure.com/.default"


def secret_credential(azure: AzureSimulator, **other: Any) -> ClientSecretCredential:
    given = {"tenant_id": azure.tenant, "client_id": azure.client_id, "client_secret": azure.client_secret, **other}
    return ClientSecretCredential(
        **given, authority=azure.url, disable_instance_discovery=True, connection_verify=str(azure.ca_file)
    )


def workload_credential(azure: AzureSimulator, folder: Path, claims: dict[str, Any]) -> WorkloadIdentityCredential:
    file = folder / "token"
    file.write_text(jwt.encode(claims, "a key of the cluster that is long enough to sign with", algorithm="HS256"))
    return WorkloadIdentityCredential(
        tenant_id=azure.tenant,
        client_id=azure.client_id,
        token_file_path=str(file),
        authority=azure.url,
        connection_verify=str(azure.ca_file),
        disable_instance_discovery=True,
    )


async def test_a_client_secret_gets_a_token_for_arm_and_one_for_scoring(azure: AzureSimulator) -> None:
    async with secret_credential(azure) as credential:
        for scope in (ARM_SCOPE, "https://ml.azure.com/.default"):
            token = await credential.get_token(scope)
            claims = azure.signer.claims(token.token)
            assert claims["aud"] == scope.removesuffix("/.default")
            assert (claims["tid"], claims["appid"]) == (azure.tenant, azure.client_id)


async def test_the_arm_endpoints_own_url_is_an_audience_too(azure: AzureSimulator) -> None:
    async with secret_credential(azure) as credential:
        token = await credential.get_token(f"{azure.url}/.default")
    headers = {"Authorization": f"Bearer {token.token}"}
    context = ssl.create_default_context(cafile=str(azure.ca_file))
    url = f"{azure.url}/subscriptions/{azure.subscription}/resourceGroups/{azure.resource_group}?api-version=2021-04-01"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers, ssl=context) as answer:
        assert (answer.status, (await answer.json())["location"]) == (200, azure.location)


async def test_a_secret_never_reaches_the_request_log(azure: AzureSimulator) -> None:
    async with secret_credential(azure) as credential:
        token = await credential.get_token(ARM_SCOPE)
    seen = str([entry.as_json() for entry in azure.requests])
    assert azure.client_secret not in seen
    assert token.token not in seen


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        pytest.param({"client_secret": "wrong"}, "AADSTS7000215", id="a wrong secret"),
        pytest.param(
            {"client_id": "00000000-0000-0000-0000-00000000dead"}, "AADSTS700016", id="an unknown application"
        ),
        pytest.param({"tenant_id": "00000000-0000-0000-0000-00000000dead"}, "", id="an unknown tenant"),
    ],
)
async def test_entra_refuses(azure: AzureSimulator, wrong: dict[str, str], code: str) -> None:
    async with secret_credential(azure, **wrong) as credential:
        with pytest.raises((ClientAuthenticationError, ValueError), match=code or "90002|tenant"):
            await credential.get_token(ARM_SCOPE)


@pytest.mark.parametrize(
    ("form", "status", "number"),
    [
        pytest.param({}, 400, 900144, id="a form without a grant type"),
        pytest.param({"grant_type": "password"}, 400, 70003, id="another grant type"),
        pytest.param({"client_secret": None}, 401, 7000216, id="neither secret nor assertion"),
        pytest.param({"scope": "https://management.azure.com"}, 400, 1002012, id="a scope without /.default"),
        pytest.param({"scope": "https://vault.azure.net/.default"}, 400, 500011, id="a resource that is not there"),
    ],
)
async def test_the_token_endpoint_refuses(
    azure: AzureSimulator, form: dict[str, str | None], status: int, number: int
) -> None:
    complete = {
        "grant_type": "client_credentials",
        "client_id": azure.client_id,
        "client_secret": azure.client_secret,
        "scope": ARM_SCOPE,
    }
    sent = {name: value for name, value in (({**complete, **form}) if form else {"client_id": "x"}).items() if value}
    context = ssl.create_default_context(cafile=str(azure.ca_file))
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{azure.url}/{azure.tenant}/oauth2/v2.0/token", data=sent, ssl=context) as answer,
    ):
        body = await answer.json()
    assert (answer.status, body["error_codes"]) == (status, [number])
    assert set(body) == {
        "error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id", "error_uri",
    }  # fmt: skip


async def test_an_assertion_for_the_token_exchange_gets_a_token(azure: AzureSimulator, tmp_path: Path) -> None:
    claims = {"iss": "https://cluster", "sub": "system:serviceaccount:ml:mlgate", "aud": ["api://AzureADTokenExchange"]}
    async with workload_credential(azure, tmp_path, claims) as credential:
        token = await credential.get_token(ARM_SCOPE)
    assert azure.signer.claims(token.token)["appid"] == azure.client_id


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        pytest.param({"sub": "system:serviceaccount:other:mlgate"}, "AADSTS70021", id="another service account"),
        pytest.param({"aud": "https://kubernetes.default"}, "AADSTS70021", id="a token for the API server"),
        pytest.param({"exp": 1_000_000_000}, "AADSTS700024", id="an assertion that has expired"),
    ],
)
async def test_an_assertion_that_the_application_does_not_trust_is_refused(
    tmp_path: Path, claims: dict[str, Any], code: str
) -> None:
    subject = "system:serviceaccount:ml:mlgate"
    good = {"iss": "https://cluster", "sub": subject, "aud": "api://AzureADTokenExchange"}
    trusted = [FederatedCredential("https://cluster", subject)]
    async with AzureSimulator(federated_credentials=trusted) as azure:
        async with workload_credential(azure, tmp_path, good) as credential:
            assert (await credential.get_token(ARM_SCOPE)).token
        async with workload_credential(azure, tmp_path, {**good, **claims}) as credential:
            with pytest.raises(ClientAuthenticationError, match=code):
                await credential.get_token(ARM_SCOPE)


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        pytest.param(None, "AuthenticationFailed", id="no token"),
        pytest.param("rubbish", "InvalidAuthenticationToken", id="no JWT"),
        pytest.param({"exp": 1_000_000_000}, "ExpiredAuthenticationToken", id="an expired token"),
        pytest.param({"aud": "https://ml.azure.com"}, "InvalidAuthenticationTokenAudience", id="a token for scoring"),
        pytest.param({"tid": "another"}, "InvalidAuthenticationTokenTenant", id="a token of another tenant"),
    ],
)
async def test_arm_answers_401_to(azure: AzureSimulator, claims: Any, code: str) -> None:
    headers = {}
    if claims == "rubbish":
        headers["Authorization"] = "Bearer rubbish"
    elif claims is not None:
        usual = azure.entra.claims("https://management.azure.com")
        headers["Authorization"] = f"Bearer {azure.signer.sign({**usual, **claims})}"
    context = ssl.create_default_context(cafile=str(azure.ca_file))
    url = f"{azure.url}{azure.workspace_id('ws1')}?api-version=2025-12-01"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers, ssl=context) as answer:
        body = await answer.json()
    assert (answer.status, body["error"]["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")


async def test_a_token_stops_working_when_its_time_is_over(azure: AzureSimulator, arm: Arm, clock: ManualClock) -> None:
    assert (await arm("GET")).status_code == 200
    clock.forward(3600)
    refused = await arm("GET")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "ExpiredAuthenticationToken")


async def test_a_missing_role_assignment_is_403_and_names_the_action(azure: AzureSimulator, arm: Arm) -> None:
    azure.forbid("Microsoft.MachineLearningServices/workspaces/onlineEndpoints/write")
    assert (await arm("GET")).status_code == 200
    refused = await arm("PUT", "onlineEndpoints/fraud", {"location": "westeurope"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "AuthorizationFailed")
    assert "workspaces/onlineEndpoints/write" in refused.json()["error"]["message"]
