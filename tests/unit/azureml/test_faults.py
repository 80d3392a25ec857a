"""What every answer of Azure means for the object."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from mlgate.azureml.entra import EntraRefused
from mlgate.azureml.faults import (
    Answer,
    Asked,
    NoAnswer,
    Outcome,
    SoftDeletedTwin,
    missing,
    retry_after,
    role_with,
    trouble,
)
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
    Wait,
)
from mlgate.reasons import Reason

from .recordings import error_body

GATE = "azure:sub-1:0123456789ab"


def asked(method: str = "PUT") -> Asked:
    return Asked(
        method=method,
        subject="online endpoint fraud in workspace models",
        writes=method != "GET",
        gate=GATE,
        connection="AzureConnection ml/azure",
        tenant="tenant-1",
        subscription="sub-1",
        client="the application app-1",
        secret="ml/azure-credentials",
    )


def gateway(status: int, code: str, message: str = "", **headers: str) -> Answer:
    return Answer(
        status,
        {name.replace("_", "-"): value for name, value in headers.items()},
        {"error": {"code": code, "message": message}},
    )


def provider(status: int, message: str, *, code: str = "BadRequest", inner: str | None = None) -> Answer:
    nested = "InferencingClient HttpRequest error, error detail: " + json.dumps(
        {"errors": {"VmSize": [message]}, "title": "One or more validation errors occurred."}
    )
    info = [{"type": "ComponentName", "info": {"value": "managementfrontend"}}]
    if inner:
        info.append({"type": "InnerError", "info": {"value": {"code": inner, "innerError": None}}})
    details = [{"code": "InferencingClientCallFailed", "message": nested, "details": [], "additionalInfo": []}]
    return Answer(
        status,
        {},
        {"error": {"code": code, "message": "The request is invalid.", "details": details, "additionalInfo": info}},
    )


@dataclass
class Case:
    says: str
    outcome: Outcome
    expect: type[Trouble]
    reason: Reason
    method: str = "PUT"
    mentions: tuple[str, ...] = ()
    after: float | None = None
    never: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return self.says


def aadsts(code: str, status: int = 401) -> EntraRefused:
    return EntraRefused(
        status,
        "invalid_client",
        f"Microsoft Entra ID error '(invalid_client) AADSTS{code}: Something is wrong. Trace ID: 1'",
    )


HTML = "<html>Bad Gateway</html>"
AUTHORIZATION = (
    "The client 'app-1' with object id 'oid' does not have authorization to perform action "
    "'Microsoft.MachineLearningServices/workspaces/onlineEndpoints/write' "
    "over scope '/subscriptions/sub-1/x' or the scope is invalid."
)
LINKED = (  # quoted in aad-pod-identity 613, with an action of ours
    "The client 'app-1' with object id 'oid' has permission to perform action "
    "'Microsoft.MachineLearningServices/workspaces/onlineEndpoints/write' on scope '/subscriptions/sub-1/x'; however, it "
    "does not have permission to perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the "
    "linked scope(s) '/subscriptions/sub-1/identity,/subscriptions/sub-1/other' or the linked scope(s) are invalid."
)
CASES = [
    # Credentials
    Case(
        "a wrong client secret names the connection, the Secret and the remedy",
        aadsts("7000215"),
        CredentialsRejected,
        Reason.CREDENTIALS_REJECTED,
        mentions=("AzureConnection ml/azure", "ml/azure-credentials", "secret is wrong"),
    ),
    Case(
        "an expired client secret asks for a new one",
        aadsts("7000222"),
        CredentialsRejected,
        Reason.CREDENTIALS_REJECTED,
        mentions=("expired",),
    ),
    Case(
        "an application of another tenant is named with the tenant",
        aadsts("700016", 400),
        CredentialsRejected,
        Reason.CREDENTIALS_REJECTED,
        mentions=("app-1", "tenant-1"),
    ),
    Case(
        "an unknown tenant is named",
        aadsts("90002", 400),
        CredentialsRejected,
        Reason.CREDENTIALS_REJECTED,
        mentions=("tenant-1",),
    ),
    Case(
        "a service account without a federated identity says which one to add",
        aadsts("70021", 400),
        CredentialsRejected,
        Reason.CREDENTIALS_REJECTED,
        mentions=("federated identity", "api://AzureADTokenExchange"),
    ),
    Case(
        "an unknown refusal by Entra is shown in Entra's words",
        aadsts("999999"),
        CredentialsRejected,
        Reason.CREDENTIALS_REJECTED,
        mentions=("AADSTS999999", "Something is wrong"),
    ),
    Case("Entra's own trouble is tried again", aadsts("90033", 400), Retry, Reason.UNREACHABLE),
    Case("an outage of Entra is tried again", EntraRefused(503, "DecodeError", "no JSON"), Retry, Reason.UNREACHABLE),
    Case(
        "a missing token file is named",
        EntraRefused(None, "no token file", "the token file /var/t cannot be read"),
        CredentialsRejected,
        Reason.CREDENTIALS_REJECTED,
        mentions=("/var/t",),
    ),
    Case(
        "an expired token is a matter of credentials",
        gateway(401, "ExpiredAuthenticationToken"),
        CredentialsRejected,
        Reason.CREDENTIALS_REJECTED,
        mentions=("401 ExpiredAuthenticationToken",),
    ),
    Case(
        "a subscription of another tenant is said to be that",
        gateway(401, "InvalidAuthenticationTokenTenant"),
        CredentialsRejected,
        Reason.CREDENTIALS_REJECTED,
        mentions=("sub-1", "another tenant"),
    ),
    Case(
        "a 401 without a body is a matter of credentials too",
        Answer(401),
        CredentialsRejected,
        Reason.CREDENTIALS_REJECTED,
    ),
    # Rights
    Case(
        "a missing role is named with action and scope",
        gateway(403, "AuthorizationFailed", AUTHORIZATION),
        Denied,
        Reason.ACCESS_DENIED,
        mentions=("onlineEndpoints/write", "/subscriptions/sub-1/x", "AzureML Data Scientist", "app-1"),
    ),
    Case(
        "a role that is missing on an assigned identity is named, not the one that is there",
        gateway(403, "LinkedAuthorizationFailed", LINKED),
        Denied,
        Reason.ACCESS_DENIED,
        mentions=(
            "userAssignedIdentities/assign/action on /subscriptions/sub-1/identity.",
            "Managed Identity Operator",
        ),
        never=("onlineEndpoints/write", "AzureML Data Scientist"),
    ),
    Case(
        "several missing actions on linked scopes are read from their plural",
        gateway(
            403,
            "LinkedAuthorizationFailed",
            LINKED.replace("perform action 'Microsoft.Man", "perform action(s) 'Microsoft.Man"),
        ),
        Denied,
        Reason.ACCESS_DENIED,
        mentions=(
            "userAssignedIdentities/assign/action on /subscriptions/sub-1/identity.",
            "Managed Identity Operator",
        ),
    ),
    Case(
        "a policy's refusal names the policy",
        gateway(403, "RequestDisallowedByPolicy", "Resource 'x' was disallowed by policy 'tags'."),
        Denied,
        Reason.ACCESS_DENIED,
        mentions=("'tags'",),
    ),
    Case(
        "a lock is named",
        gateway(409, "ScopeLocked", "The scope '/x' is locked."),
        Denied,
        Reason.ACCESS_DENIED,
        mentions=("'/x' is locked",),
    ),
    # Not there
    Case(
        "a resource that the gateway does not know is gone",
        gateway(404, "ResourceNotFound", "was not found", x_ms_failure_cause="gateway"),
        Gone,
        Reason.EXTERNAL_GONE,
        "GET",
    ),
    Case(
        "an endpoint that the provider does not know is gone",
        provider(404, "x", code="NotFound", inner="NotFoundError"),
        Gone,
        Reason.EXTERNAL_GONE,
        "GET",
    ),
    Case(
        "a child of something that is gone is gone",
        gateway(404, "ParentResourceNotFound", "parent"),
        Gone,
        Reason.EXTERNAL_GONE,
        "GET",
    ),
    Case(
        "a missing resource group is never mistaken for a missing resource",
        gateway(404, "ResourceGroupNotFound", "Resource group 'rg' could not be found."),
        Terminal,
        Reason.DEPENDENCY_NOT_FOUND,
        "GET",
        mentions=("'rg'",),
    ),
    Case(
        "a missing subscription is never mistaken for a missing resource",
        gateway(404, "SubscriptionNotFound", "…"),
        Terminal,
        Reason.INVALID_SPEC,
        "GET",
        mentions=("sub-1",),
    ),
    Case(
        "a 404 that is not Azure's proves nothing",
        Answer(404, {}, None),
        Retry,
        Reason.UNREACHABLE,
        "GET",
        mentions=("not Azure",),
    ),
    Case(
        "a PUT into something missing waits for it",
        gateway(404, "ParentResourceNotFound", "parent '/x' could not be found"),
        Wait,
        Reason.DEPENDENCY_NOT_FOUND,
        mentions=("'/x'",),
    ),
    Case(
        "an unregistered provider says how to register it",
        gateway(409, "MissingSubscriptionRegistration", "…"),
        Terminal,
        Reason.INVALID_SPEC,
        mentions=("az provider register",),
    ),
    # Busy
    Case(
        "an endpoint that is Updating is waited for when it says 400",
        provider(400, "Cannot create a deployment in endpoint fraud because it is in Updating provisioning state."),
        Wait,
        Reason.UPDATING,
        after=10.0,
    ),
    Case(
        "an endpoint that is Creating is waited for when it says 409",
        gateway(409, "Conflict", "it is in Creating provisioning state."),
        Wait,
        Reason.UPDATING,
        after=10.0,
    ),
    Case(
        "a workspace in Deleting state is waited for",
        gateway(409, "Conflict", "The workspace 'models' is in Deleting state."),
        Wait,
        Reason.UPDATING,
    ),
    Case(
        "another operation in progress is waited for as long as the service says",
        gateway(409, "AnotherOperationInProgress", "…", retry_after="7"),
        Wait,
        Reason.UPDATING,
        after=7.0,
    ),
    Case(
        "a Conflict with Retry-After is a wait",
        gateway(409, "Conflict", "The request conflicts.", retry_after="30"),
        Wait,
        Reason.UPDATING,
        after=30.0,
    ),
    Case(
        "a storage account that is not ready yet is waited for",
        gateway(400, "BadRequest", "…StorageAccountIsNotProvisioned…"),
        Wait,
        Reason.DEPENDENCY_NOT_READY,
    ),
    Case(
        "a deployment with traffic is not deleted before its weight is 0",
        provider(400, "Cannot delete deployment 'blue' while it receives traffic."),
        Wait,
        Reason.DEPENDENCY_NOT_READY,
        "DELETE",
    ),
    Case(
        "a batch deployment that is the default is not deleted before another is",
        provider(400, "Deployment 'forest' cannot be deleted while it is the default of its endpoint."),
        Wait,
        Reason.DEPENDENCY_NOT_READY,
        "DELETE",
    ),
    Case(
        "an unknown conflict is looked at again in the service's words",
        gateway(409, "Odd", "Odd things."),
        Retry,
        Reason.EXTERNAL_CONFLICT,
        mentions=("Odd things",),
    ),
    # Names
    Case(
        "an endpoint name taken in the region is already held",
        provider(400, "There is already an endpoint with this name, Endpoint name needs to be unique within a region."),
        AlreadyHeld,
        Reason.EXTERNAL_CONFLICT,
    ),
    Case(
        "a soft-deleted twin says to recover or purge",
        gateway(400, "BadRequest", "Soft-deleted workspace exists. Please purge or recover it."),
        SoftDeletedTwin,
        Reason.EXTERNAL_CONFLICT,
        mentions=("Recover", "purge"),
    ),
    Case(
        "a resource in another region is told as such",
        gateway(409, "InvalidResourceLocation", "already exists in location 'eastus'"),
        Terminal,
        Reason.EXTERNAL_CONFLICT,
        mentions=("'eastus'",),
    ),
    # Limits
    Case(
        "quota tells the missing cores",
        provider(400, "Not enough quota available for Standard_F4s_v2. Current usage/limit: 0/6. Additional needed: 8"),
        Terminal,
        Reason.PLAN_LIMIT,
        mentions=("2 cores too few",),
    ),
    Case(
        "throttling shuts the subscription's gate for as long as it says",
        gateway(429, "SubscriptionRequestsThrottled", "Please try again after '10' seconds.", retry_after="10"),
        Quota,
        Reason.QUOTA_LIMITED,
        after=10 * 1.125,
    ),
    Case(
        "throttling without a time waits half a minute",
        Answer(429, {}, None),
        Quota,
        Reason.QUOTA_LIMITED,
        after=30 * 1.125,
    ),
    # Manifest
    Case(
        "a validation error shows the innermost sentence",
        provider(400, "The InstanceType field is required."),
        Terminal,
        Reason.INVALID_SPEC,
        mentions=("VmSize: The InstanceType field is required.",),
        never=("The request is invalid.", "{"),
    ),
    # No usable answer
    Case(
        "a read with 503 is tried again when the service says",
        gateway(503, "ServerBusy", "busy", retry_after="4"),
        Retry,
        Reason.UNREACHABLE,
        "GET",
        after=4.0,
    ),
    Case(
        "a write with 500 may have happened",
        gateway(500, "InternalServerError", "oops"),
        LostAnswer,
        Reason.UNREACHABLE,
    ),
    Case("a write answered by a proxy may have happened", Answer(502, {}, None), LostAnswer, Reason.UNREACHABLE),
    Case(
        "a write without an answer may have happened",
        NoAnswer(sent=True, why="no answer within 30 s"),
        LostAnswer,
        Reason.UNREACHABLE,
        mentions=("within 30 s",),
    ),
    Case(
        "a write that never left has not happened", NoAnswer(sent=False, why="no connection"), Retry, Reason.UNREACHABLE
    ),
    Case(
        "a read without an answer is tried again",
        NoAnswer(sent=True, why="no answer within 15 s"),
        Retry,
        Reason.UNREACHABLE,
        "GET",
    ),
    Case(
        "a redirect is not followed and not Azure",
        Answer(302, {"location": "https://login.example"}, None),
        Retry,
        Reason.UNREACHABLE,
        "GET",
        mentions=("not Azure",),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_an_answer_means(case: Case) -> None:
    got = trouble(asked(case.method), case.outcome, now=0.0, jitter=0.5)
    assert type(got) is case.expect
    assert got.reason is case.reason
    for part in case.mentions:
        assert part in got.message
    for part in case.never:
        assert part not in got.message
    if case.after is not None:
        assert got.after == pytest.approx(case.after)  # type: ignore[attr-defined]
    if isinstance(got, Quota | CredentialsRejected):
        assert got.gate == GATE
    assert got.message.endswith((".", "…")) and "{" not in got.message


RECORDED: list[tuple[str, type[Trouble]]] = [
    ("quota at deployment PUT", Terminal),
    ("endpoint name taken in region", AlreadyHeld),
    ("soft-deleted workspace exists", SoftDeletedTwin),
    ("storage not ready", Wait),
    ("ARM throttle", Quota),
    ("MFE not found", Gone),
    ("MFE->inferencing not found", Gone),
]


@pytest.mark.parametrize(("what", "expect"), RECORDED, ids=[what for what, _ in RECORDED])
def test_recorded_error_bodies_mean_what_they_say(what: str, expect: type[Trouble]) -> None:
    status, headers, body = error_body(what)
    answer = Answer(status or 400, {name.lower(): value for name, value in headers.items()}, body)
    got = trouble(asked("DELETE" if expect is Gone else "PUT"), answer, now=0.0, jitter=0.0)
    assert type(got) is expect


@pytest.mark.parametrize("status", [400, 409])
def test_a_recorded_busy_refusal_is_a_wait_whatever_its_status(status: int) -> None:
    _, _, body = error_body("endpoint busy")
    assert isinstance(trouble(asked(), Answer(status, {}, body), now=0.0, jitter=0.0), Wait)


RETRY_AFTER: list[tuple[str, Answer, float | None]] = [
    ("seconds", Answer(429, {"retry-after": "12"}), 12.0),
    ("milliseconds", Answer(429, {"retry-after-ms": "1500"}), 1.5),
    ("a date", Answer(429, {"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}), 60.0),
    ("a date that is over", Answer(429, {"retry-after": "Thu, 01 Jan 1970 00:00:01 GMT"}), 0.0),
    ("only in the sentence", gateway(429, "X", "Please try again after '17' seconds."), 17.0),
    ("nonsense", Answer(429, {"retry-after": "soon"}), None),
    ("an hour is cut to a quarter of one, to look again", Answer(429, {"retry-after": "3600"}), 900.0),
]


@pytest.mark.parametrize(("says", "answer", "expect"), RETRY_AFTER, ids=[says for says, _, _ in RETRY_AFTER])
def test_how_long_the_service_asks_us_to_wait(says: str, answer: Answer, expect: float | None) -> None:
    assert retry_after(answer, now=40.0) == expect


def test_an_answer_without_a_needed_field_names_it() -> None:
    got = missing(asked("GET"), "properties.provisioningState")
    assert type(got) is Retry and "properties.provisioningState" in got.message
    assert type(missing(asked("PUT"), "id")) is LostAnswer


@pytest.mark.parametrize(
    ("action", "role"),
    [
        ("Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments/write", "AzureML Data Scientist"),
        ("Microsoft.MachineLearningServices/workspaces/onlineEndpoints/listKeys/action", "AzureML Data Scientist"),
        ("Microsoft.MachineLearningServices/workspaces/read", "Reader"),
        ("Microsoft.MachineLearningServices/workspaces/write", "Contributor"),
        ("Microsoft.MachineLearningServices/workspaces/delete", "Contributor"),
        ("Microsoft.MachineLearningServices/workspaces/listKeys/action", "Contributor"),
        ("Microsoft.MachineLearningServices/workspaces/computes/read", "AzureML Data Scientist"),
        ("Microsoft.MachineLearningServices/workspaces/computes/write", "AzureML Compute Operator"),
        ("Microsoft.MachineLearningServices/locations/usages/read", "Reader"),
        ("Microsoft.Authorization/roleAssignments/read", "Reader"),
        ("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", "Managed Identity Operator"),
        ("Microsoft.Storage/storageAccounts/listKeys/action", "Contributor"),
    ],
)
def test_the_least_role_that_holds_an_action(action: str, role: str) -> None:
    assert role_with(action) == role
