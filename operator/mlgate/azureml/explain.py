"""Why a deployment, an endpoint or a workspace failed, in a sentence that says what to do.

Azure ML's own words are often no help ("Operation failed or canceled": mslearn-azure-ml 100, azureml-examples 1891),
the cause is in the container's log. Codes and remedies: Azure's "troubleshoot online endpoints" page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlgate.errors import Retry, Terminal, Trouble
from mlgate.reasons import Reason

from . import refusal
from .faults import over_quota
from .masking import last_lines

LOG_LINES = 5

_FIXES: dict[str, tuple[str, str]] = {
    "ImageBuildFailure": (
        "the image of the environment could not be built",
        "Read the build log in the workspace's container registry; correct the environment's conda file or Dockerfile",
    ),
    "OutOfQuota": (
        "the subscription's quota is used up",
        "Ask for more quota, or choose a smaller instanceType or fewer instances",
    ),
    "OutOfCapacity": (
        "the region has no machine of this size free",
        "Choose another instanceType or region, or wait",
    ),
    "BadArgument": (
        "the deployment's arguments do not work",
        "Check model, environment, instanceType and the roles of the endpoint's identity (AcrPull on the container "
        "registry, Storage Blob Data Reader on the storage account)",
    ),
    "ResourceNotReady": (
        "the container starts but never becomes ready",
        "Correct the scoring script or the environment; init() must return within the probes' time",
    ),
    "ResourceNotFound": (
        "something that the deployment needs does not exist",
        "Check that model, environment and container registry exist and that the endpoint's identity may read them",
    ),
    "WorkspaceManagedNetworkNotReady": (
        "the workspace's managed network is not provisioned",
        "Provision it once (`az ml workspace provision-network`), then change or re-apply the manifest",
    ),
    "OperationCanceled": (
        "another operation of a higher priority took its place",
        "Nothing is wrong with the manifest; mlgate tries again",
    ),
    "SecretsInjectionError": (
        "a secret in the environment variables could not be read",
        "Give the endpoint's identity the role that reads it (Azure Machine Learning Workspace Connection Secrets "
        "Reader, or Key Vault Secrets User) and check the reference",
    ),
    "InternalServerError": (
        "Azure ML failed inside",
        "mlgate tries again; if it stays so, open a support request with Azure",
    ),
    "AuthorizationFailed": (
        "a role is missing",
        "Give the named identity the role, then change or re-apply the manifest",
    ),
    "ResourceOperationFailure": (
        "the container was killed or restarted",
        "Choose a larger instanceType or look at the log",
    ),
}
_KNOWN = {code.lower(): code for code in _FIXES}
_PULL = "does not have pull permission"


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed: Azure's code and one complete message."""

    code: str
    sentence: str

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed the next time."""
        return self.code in {"InternalServerError", "OperationCanceled", "OutOfCapacity"}

    def trouble(self) -> Trouble:
        """As the error that the engine reports: Retry where nobody needs to change anything, else Terminal."""
        if self.may_pass:
            return Retry(self.sentence, reason=Reason.PROVISIONING_FAILED)
        return Terminal(self.sentence, reason=Reason.PROVISIONING_FAILED)


def explain(subject: str, error: Mapping[str, Any] | None, log: str | None = None) -> Failure:
    """The failure in words.

    `subject` as in `online deployment blue of endpoint fraud in workspace ml`; `error` is the error object of an
    operation's status or of an error body; `log` is the end of the container's log. Secrets are masked.
    """
    if error is not None and isinstance(error.get("error"), Mapping):
        error = error["error"]
    if not error:
        text = f"Azure ML could not provision the {subject} and tells no reason."
        return Failure("Unknown", text + " Change the manifest to try again." + _log(log))
    said = refusal.of_error(error)
    code = _code(said)
    what, fix = _FIXES.get(code, ("", "Change the manifest accordingly"))
    if code == "OutOfQuota":
        return Failure(code, f"Azure ML could not provision the {subject} (OutOfQuota): {over_quota(said)}")
    if said.says(_PULL):
        fix = "Give the endpoint's identity the role AcrPull on the registry; a new assignment takes up to 10 minutes"
    told = re.sub(rf"^{re.escape(code)}: ", "", said.sentence)  # the field's name is often the code once more
    told = "" if told.lower() == code.lower() else told
    because = ": ".join(part for part in (what, told) if part).rstrip(".") or code
    return Failure(code, f"Azure ML could not provision the {subject} ({code}): {because}. {fix}.{_log(log)}")


def _code(said: refusal.Refusal) -> str:
    if said.says("not enough quota", "additional needed"):
        return "OutOfQuota"
    for code, name in _KNOWN.items():
        if code in said.codes:
            return name
    for code, name in _KNOWN.items():
        if f"error-{code}" in said.text.lower():  # the troubleshooting link names the code
            return name
    if said.says(_PULL):
        return "BadArgument"
    return said.code or "Unknown"


def _log(log: str | None) -> str:
    tail = last_lines(log, LOG_LINES) if log else ""
    return f" The log ends with: {tail}" if tail else ""
