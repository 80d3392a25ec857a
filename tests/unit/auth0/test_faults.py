"""What Auth0's answers mean, as a table."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field

import httpx
import pytest

from mlgate.auth0 import TenantAccess
from mlgate.auth0.faults import Answer, Asked, missing_field, scrubbed, secrets_in, trouble
from mlgate.auth0.routes import route_of
from mlgate.errors import (
    AlreadyHeld,
    CredentialsRejected,
    Denied,
    Gone,
    LostAnswer,
    Quota,
    Retry,
    Terminal,
    Trouble,
    WriteRefused,
)
from mlgate.reasons import Reason
from mlgate.sensitive import Sensitive

CANARY = "canary-7f3a9c-client-secret"
ACCESS = TenantAccess(
    domain="acme.eu.auth0.com",
    client_id="cid",
    client_secret=Sensitive(CANARY),
    name="Auth0Tenant ml/main",
    secret_name="Secret ml/auth0-management",
)
READ = ("GET", "/api/v2/clients/abc")
CREATE = ("POST", "/api/v2/clients")
CHANGE = ("PATCH", "/api/v2/clients/abc")
DELETE = ("DELETE", "/api/v2/clients/abc")
TOKEN = ("POST", "/oauth/token")


def said(status: int, message: str = "", code: str | None = None, error: str = "") -> Answer:
    body = {"statusCode": status, "error": error or "Text", "message": message}
    return Answer(status, {}, body | ({"errorCode": code} if code else {}))


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@dataclass(frozen=True)
class Case:
    sentence: str
    asked: tuple[str, str]
    outcome: Answer | Exception
    expect: type[Trouble] | None
    reason: Reason | None = None
    words: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return self.sentence


NOT_TRUSTED = ssl.SSLCertVerificationError(1, "certificate verify failed")
NOT_TRUSTED.verify_message = "unable to get local issuer certificate"

CASES = [
    Case("a 200 is fine", READ, said(200), None),
    Case("a 204 without a body is fine", DELETE, Answer(204, {}, None), None),
    Case("a 404 on a read is an answer", READ, said(404, "The client does not exist", "inexistent_client"), None),
    Case("a 404 on a delete is done", DELETE, said(404, "The role does not exist."), None),
    Case(
        "a 404 on an update is Gone",
        CHANGE,
        said(404, "The client does not exist", "inexistent_client"),
        Gone,
        Reason.EXTERNAL_GONE,
    ),
    Case(
        "a 404 on a create means something referred to is missing",
        ("POST", "/api/v2/client-grants"),
        said(404, "The API does not exist."),
        Retry,
        Reason.DEPENDENCY_NOT_FOUND,
        ("The API does not exist",),
    ),
    Case(
        "a refused field is the manifest's fault and named",
        CREATE,
        said(
            400,
            "Payload validation error: 'Array items are not unique (indexes 0 and 1)' on property callbacks[0].",
            "invalid_body",
        ),
        Terminal,
        Reason.INVALID_SPEC,
        ("400 invalid_body", "not unique", "`callbacks[0]`", "Auth0Tenant ml/main"),
    ),
    Case(
        "an unsupported operation is terminal",
        CHANGE,
        said(400, "no", "operation_not_supported"),
        Terminal,
        Reason.INVALID_SPEC,
    ),
    Case(
        "a refused management token blames the credentials by the name of their Secret",
        READ,
        said(401, "Invalid token."),
        CredentialsRejected,
        Reason.CREDENTIALS_REJECTED,
        ("Secret ml/auth0-management", "Invalid token"),
    ),
    Case(
        "refused client credentials say what to do",
        TOKEN,
        Answer(401, {}, {"error": "access_denied", "error_description": "Unauthorized"}),
        CredentialsRejected,
        Reason.CREDENTIALS_REJECTED,
        (
            "Auth0 refused the client credentials of Auth0Tenant ml/main (401 access_denied)",
            "Put a valid client id and secret in Secret ml/auth0-management",
            "as soon as it changes",
        ),
    ),
    Case(
        "a client without access to the Management API is told by the service's words",
        TOKEN,
        Answer(403, {}, {"error": "access_denied", "error_description": "Client is not authorized to access it."}),
        CredentialsRejected,
        words=("Client is not authorized to access it",),
    ),
    Case(
        "a domain that is no tenant is told as such",
        TOKEN,
        Answer(404, {}, "<html>", is_json=False),
        CredentialsRejected,
        words=("Check the domain",),
    ),
    Case(
        "a missing scope is named, with the client that lacks it",
        READ,
        said(403, "Insufficient scope, expected any of: read:organization_clients", "insufficient_scope"),
        Denied,
        Reason.ACCESS_DENIED,
        ("read:organization_clients", "client id cid"),
    ),
    Case(
        "a feature the plan lacks is PlanLimit",
        CHANGE,
        said(403, "Please upgrade your subscription to use bot detection", "insufficient_entitlement"),
        Terminal,
        Reason.PLAN_LIMIT,
        ("bot detection",),
    ),
    Case(
        "a feature the plan lacks is PlanLimit although the service calls it a scope",
        READ,
        said(403, "Please upgrade your subscription to use signals", "insufficient_scope"),
        Terminal,
        Reason.PLAN_LIMIT,
    ),
    Case(
        "an exhausted entity limit is PlanLimit, told by its sentence alone",
        CREATE,
        said(403, "You reached the limit of entities of this type for this tenant."),
        Terminal,
        Reason.PLAN_LIMIT,
    ),
    Case(
        "a taken key is AlreadyHeld",
        ("POST", "/api/v2/roles"),
        said(409, "The role already exists."),
        AlreadyHeld,
        Reason.EXTERNAL_CONFLICT,
    ),
    Case(
        "a 429 is Quota, on writes too: it did nothing",
        CREATE,
        said(429, "Global limit has been reached"),
        Quota,
        Reason.QUOTA_LIMITED,
    ),
    Case("a 500 on a read is tried again", READ, said(500), Retry, Reason.UNREACHABLE),
    Case(
        "a 502 on a create may have created",
        CREATE,
        Answer(502, {}, "<html>", is_json=False),
        LostAnswer,
        Reason.UNREACHABLE,
    ),
    Case("a 503 on a delete may have deleted", DELETE, said(503), LostAnswer),
    Case("a 500 for a token lost nothing", TOKEN, said(500), Retry, Reason.UNREACHABLE),
    Case("a 200 that is not JSON is no answer", READ, Answer(200, {}, "<html>", is_json=False), Retry),
    Case("a 201 that is not JSON may have created", CREATE, Answer(201, {}, "<html>", is_json=False), LostAnswer),
    Case("a redirect is not followed", READ, Answer(302, {}, None), Retry, Reason.UNREACHABLE, ("redirected",)),
    Case(
        "a read without an answer is tried again",
        READ,
        httpx.ReadTimeout("x"),
        Retry,
        Reason.UNREACHABLE,
        ("no answer in time",),
    ),
    Case("a create without an answer may have created", CREATE, httpx.ReadTimeout("x"), LostAnswer),
    Case(
        "a create cut off may have created",
        CREATE,
        httpx.RemoteProtocolError("Server disconnected"),
        LostAnswer,
        words=("cut",),
    ),
    Case("a create out of time may have created", CREATE, TimeoutError(), LostAnswer),
    Case("a create that got no connection never left", CREATE, httpx.ConnectError("no"), Retry, Reason.UNREACHABLE),
    Case("a create that timed out connecting never left", CREATE, httpx.ConnectTimeout("no"), Retry),
    Case("a create that waited for a connection never left", CREATE, httpx.PoolTimeout("no"), Retry),
    Case(
        "a name that does not resolve is told as DNS",
        READ,
        caused(httpx.ConnectError("x"), socket.gaierror(-2, "Name or service not known")),
        Retry,
        words=("acme.eu.auth0.com cannot be resolved", "DNS"),
    ),
    Case(
        "a certificate that is not trusted is told as TLS",
        READ,
        caused(httpx.ConnectError("x"), NOT_TRUSTED),
        Retry,
        words=("certificate of acme.eu.auth0.com is not trusted", "unable to get local issuer"),
    ),
    Case("what is trouble already stays as it is", CREATE, WriteRefused("No."), WriteRefused),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_trouble(case: Case) -> None:
    problem = trouble(Asked(route_of(*case.asked), ACCESS), case.outcome, after=7.0)
    if case.expect is None:
        assert problem is None
        return
    assert problem is not None
    assert type(problem) is case.expect
    assert case.reason in (None, problem.reason)
    assert all(words in problem.message for words in case.words), problem.message
    assert problem.message[-1] in ".?", problem.message
    if isinstance(problem, Quota):
        assert (problem.gate, problem.after) == ("", 7.0)
    if isinstance(problem, CredentialsRejected):
        assert problem.gate == ACCESS.gate


def test_a_secret_that_the_service_repeats_is_not_repeated_by_us() -> None:
    bearer = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    password = "canary-password-1"
    answer = said(400, f"'{CANARY}' and {password} sent with Bearer {bearer}", "invalid_body")
    asked = Asked(route_of(*CREATE), ACCESS, frozenset({CANARY, *secrets_in({"user": [{"password": password}]})}))
    problem = trouble(asked, answer)
    assert problem is not None
    assert not any(secret in problem.message for secret in (CANARY, password, bearer))


def test_a_private_key_in_a_text_is_not_repeated() -> None:
    pem = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----"
    assert "canary" not in scrubbed(f"cannot parse {pem}", ())
    assert "canary" not in scrubbed(f"cannot parse {pem[:-20]}", ())


def test_a_page_of_text_is_cut_short_and_put_on_one_line() -> None:
    text = scrubbed("word\n" * 1000, ())
    assert len(text) < 600
    assert "\n" not in text


def test_a_missing_field_is_named_and_after_a_write_it_may_have_happened() -> None:
    read = missing_field(Asked(route_of(*READ), ACCESS), "client_id")
    write = missing_field(Asked(route_of(*CREATE), ACCESS), "client_id")
    assert type(read) is Retry
    assert type(write) is LostAnswer
    assert "`client_id`" in read.message


def test_no_representation_of_an_access_shows_its_secret() -> None:
    assert CANARY not in repr(ACCESS) + str(ACCESS) + ACCESS.gate + repr(Asked(route_of(*READ), ACCESS))


def test_a_conflict_of_custom_domains_is_no_taken_name() -> None:
    answer = said(409, "The tenant has multiple verified custom domains.", "custom_domain_conflict")
    found = trouble(Asked(route_of("POST", "/api/v2/users"), ACCESS), answer)
    assert isinstance(found, Terminal)
    assert found.reason is Reason.INVALID_SPEC
    assert "spec.customDomain" in found.message


NOON = 1_795_521_600.0  # Tue, 24 Nov 2026 12:00:00 GMT


@pytest.mark.parametrize(
    ("ours", "error", "words"),
    [
        pytest.param(NOON + 900, "invalid_client", "900 s ahead of Auth0's", id="a clock ahead"),
        pytest.param(NOON - 900, "invalid_client", "900 s behind Auth0's, so what it signs is expired", id="behind"),
        pytest.param(NOON + 5, "invalid_client", "Put a valid client id and private key", id="clocks that agree"),
        pytest.param(None, "invalid_client", "Put a valid client id and private key", id="nothing was signed"),
        pytest.param(NOON - 900, "access_denied", "Put a valid client id and private key", id="another refusal"),
    ],
)
def test_a_refused_assertion_is_explained_by_the_clocks_when_they_differ(
    ours: float | None, error: str, words: str
) -> None:
    access = TenantAccess(domain="acme.eu.auth0.com", client_id="cid", private_key_pem=Sensitive("k"), name="T")
    headers = {"date": "Tue, 24 Nov 2026 12:00:00 GMT"}
    answer = Answer(401, headers, {"error": error, "error_description": "The client_assertion has expired"})
    found = trouble(Asked(route_of(*TOKEN), access, clock=ours), answer)
    assert isinstance(found, CredentialsRejected)
    assert words in found.message
    assert "The client_assertion has expired" in found.message
