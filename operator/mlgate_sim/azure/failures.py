"""Failures that a test asks for: which operation ends badly, with which error, and what its log says.

The codes are those of Azure's "troubleshoot online endpoints" page. A failed operation's error comes in two shapes,
both seen in public: the bare code and message (terraform-provider-azurerm 22150, azure-docs 107890), and a general
outer code with the cause as escaped JSON in `details[0].message` and as `InnerError` (mslearn-azure-ml 30).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from mlgate_sim.azure import arm_errors
from mlgate_sim.azure.arm_message import Json

KNOWN_CODES = {
    "ImageBuildFailure": "The image build of the environment failed: pip could not find a version that satisfies the "
    "requirements.",
    "OutOfQuota": "Not enough quota available for Standard_DS3_v2 in SubscriptionId. Current usage/limit: 0/6. "
    "Additional needed: 8",
    "BadArgument": "Endpoint identity does not have pull permission on the registry.",
    "ResourceNotReady": "User container has crashed or terminated: the scoring script raised an exception in init().",
    "ResourceNotFound": "The specified resource was not found.",
    "WorkspaceManagedNetworkNotReady": "The workspace managed network is not ready. Provision it and try again.",
    "OperationCanceled": "The operation was canceled by another operation which has a higher priority.",
    "SecretsInjectionError": "Secret retrieval and injection failed: the endpoint identity may not read the secret.",
    "InternalServerError": "InternalServerError",
}
_FLAT = {"BadArgument", "InternalServerError"}
_FIELDS = {"OutOfQuota": "VmSize", "ImageBuildFailure": "Environment", "ResourceNotReady": "Deployment"}
_PREFIX = "InferencingClient HttpRequest error, error detail: "

DEFAULT_LOG = (
    "Instance status:\nSystemSetup: Succeeded\nUserContainerImagePull: Succeeded\nModelDownload: Succeeded\n"
    "UserContainerStart: Succeeded\nContainer logs:\nAzure ML Inferencing HTTP server v1.4.0\n"
    "Init: scoring script loaded\nListening at: http://0.0.0.0:31311\n"
)


@dataclass(slots=True)
class Failure:
    """Operations on `resource` end with this error.

    resource: the end of an ARM id, lower case (`onlineendpoints/fraud/deployments/blue`). times: how many operations
    are hit, None for all. at: `operation` lets the PUT through and fails what it started, `request` refuses the PUT.
    """

    resource: str
    code: str
    message: str = ""
    logs: str = ""
    times: int | None = None
    at: Literal["operation", "request"] = "operation"
    shape: Literal["nested", "flat", "auto"] = "auto"

    def matches(self, resource_id: str) -> bool:
        """Whether an operation on this ARM id is meant."""
        return self.times != 0 and resource_id.lower().endswith("/" + self.resource)

    def error(self) -> Json:
        """The error object of the operation's status or of the refusal."""
        message = self.message or KNOWN_CODES.get(self.code, self.code)
        if self.shape == "flat" or (self.shape == "auto" and self.code in _FLAT):
            return {"code": self.code, "message": message}
        text = f"{message} Please see troubleshooting guide, available here: https://aka.ms/oe-tsg#error-{self.code.lower()}"
        cause = arm_errors.validation(
            "InferencingClientCreateDeploymentFailed", _FIELDS.get(self.code, self.code), text, prefix=_PREFIX
        )
        return arm_errors.provider_error("BadRequest", "The request is invalid.", details=[cause], inner=self.code)

    def to_json(self) -> Json:
        return asdict(self)


@dataclass(slots=True)
class FailureScript:
    """All failures asked for. The newest that matches wins."""

    failures: list[Failure] = field(default_factory=list)

    def add(self, failure: Failure) -> None:
        """Put one more on the script."""
        self.failures.append(failure)

    def take(self, resource_id: str, at: Literal["operation", "request"]) -> Failure | None:
        """The failure that hits an operation on `resource_id` now; counts it."""
        for failure in reversed(self.failures):
            if failure.at == at and failure.matches(resource_id):
                if failure.times is not None:
                    failure.times -= 1
                return failure
        return None

    def forget(self, resource: str) -> None:
        """Operations on `resource` succeed again."""
        self.failures = [failure for failure in self.failures if failure.resource != resource.lower()]


def deployment_resource(endpoint: str, deployment: str) -> str:
    """The end of the ARM id of a deployment."""
    return f"onlineendpoints/{endpoint}/deployments/{deployment}".lower()


def failure_from_json(body: Json) -> Failure:
    """Read `{resource | endpoint[, deployment], code, message, logs, times, at, shape}`. Raises ValueError."""
    given: dict[str, Any] = dict(body)
    endpoint, deployment = given.pop("endpoint", None), given.pop("deployment", None)
    if endpoint is not None:
        given["resource"] = (
            f"onlineendpoints/{endpoint}" if deployment is None else deployment_resource(endpoint, deployment)
        )
    if not given.get("resource") or not given.get("code"):
        raise ValueError("a failure needs a code and an endpoint (with its deployment) or a resource")
    given["resource"] = str(given["resource"]).lower().strip("/")
    logs = given.get("logs")
    if isinstance(logs, Sequence) and not isinstance(logs, str):
        given["logs"] = "\n".join(str(line) for line in logs)
    given["logs"] = given.get("logs") or ""
    given["message"] = given.get("message") or ""
    unknown = sorted(set(given) - set(Failure.__dataclass_fields__))
    if unknown:
        raise ValueError(f"unknown field {unknown[0]!r} in a failure")
    return Failure(**given)
