"""What an exception on the way to Azure proves: whether the request left, and whose fault it is."""

from __future__ import annotations

import ssl
from typing import Any

import aiohttp
import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.identity import CredentialUnavailableError

from mlgate.azureml.entra import EntraRefused
from mlgate.azureml.faults import NoAnswer
from mlgate.azureml.pipeline import outcome_of


def key() -> Any:
    return aiohttp.client_reqrep.ConnectionKey("azure.example", 443, True, True, None, None, None)


def wrapped(outer: type[Exception], inner: Exception) -> Exception:
    error = outer("x", error=inner)  # type: ignore[call-arg]
    error.__cause__ = inner
    return error


CASES: list[tuple[str, Exception, bool, bool]] = [
    # says, exception, came from behind the door, provably sent?
    (
        "a refused connection never left",
        wrapped(ServiceRequestError, aiohttp.ClientConnectorError(key(), OSError(111, "refused"))),
        True,
        False,
    ),
    (
        "an untrusted certificate never left",
        wrapped(
            ServiceRequestError,
            aiohttp.ClientConnectorCertificateError(key(), ssl.SSLCertVerificationError("self-signed")),
        ),
        True,
        False,
    ),
    ("a connect timeout never left", ServiceRequestTimeoutError("x"), True, False),
    (
        "a broken connection may have arrived",
        wrapped(ServiceRequestError, aiohttp.ServerDisconnectedError()),
        True,
        True,
    ),
    ("a broken write may have arrived", wrapped(ServiceRequestError, aiohttp.ClientOSError(104, "reset")), True, True),
    ("a read timeout may have arrived", wrapped(ServiceResponseTimeoutError, TimeoutError()), True, True),
    ("our own deadline may have arrived", TimeoutError(), True, True),
    ("half an answer may have arrived", IncompleteReadError("x"), True, True),
    ("a malformed answer may have arrived", ServiceResponseError("x"), True, True),
    (
        "no connection to Entra never left",
        wrapped(ServiceRequestError, aiohttp.ServerDisconnectedError()),
        False,
        False,
    ),
]


@pytest.mark.parametrize(("error", "behind", "sent"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_whether_a_request_left(error: Exception, behind: bool, sent: bool) -> None:
    outcome = outcome_of(error, sent=behind, timeout=30)
    assert isinstance(outcome, NoAnswer) and outcome.sent is sent


def test_a_refusal_by_entra_keeps_its_code() -> None:
    outcome = outcome_of(
        ClientAuthenticationError("Microsoft Entra ID error '(invalid_client) AADSTS7000215: Invalid client secret'"),
        sent=False,
        timeout=15,
    )
    assert isinstance(outcome, EntraRefused) and (outcome.error, outcome.aadsts) == ("invalid_client", "7000215")


def test_a_machine_without_an_identity_is_a_refusal() -> None:
    assert isinstance(outcome_of(CredentialUnavailableError("none"), sent=False, timeout=15), EntraRefused)


def test_a_missing_token_file_is_a_refusal_that_names_it() -> None:
    outcome = outcome_of(FileNotFoundError(2, "No such file", "/var/run/token"), sent=False, timeout=15)
    assert isinstance(outcome, EntraRefused) and "/var/run/token" in outcome.description
