"""Rollouts: how a new deployment of a model takes over from the one that answers now, step by step.

The words are those of Argo Rollouts, Flagger and KServe where they have one: steps, weight, pause, promote, abort, mirror.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from .azure import EndpointName
from .azuremlonlinedeployment import DeploymentFields, ModelSource
from .markers import Cel, FreeForm, Within
from .meta import Api, Duration, Timestamp

DeploymentName = Annotated[str, Field(max_length=32)]
Fingerprint = Annotated[str, Field(max_length=64)]
Token = Annotated[str, Field(max_length=64)]
UNTIL_PROMOTED = "UntilPromoted"
Pause = Annotated[
    str,
    Field(max_length=32, pattern=rf"^({UNTIL_PROMOTED}|([0-9]{{1,9}}(ms|s|m|h)){{1,4}})$"),
    Cel(
        f"self == '{UNTIL_PROMOTED}' || (duration(self) >= duration('0s') && duration(self) <= duration('720h'))",
        f"must be at most 720h, or {UNTIL_PROMOTED}",
    ),
]


class ModelDeployment(DeploymentFields):
    """A deployment of the model."""

    name: EndpointName
    """Its name, unique in the endpoint; `traffic` uses it. With `rollout`, the beginning of the names of its revisions."""
    model: ModelSource
    """The model it serves."""
    instance_type: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_]+$")]
    """Size of its machines, such as `Standard_DS3_v2`."""


class RolloutStep(Api):
    """How much the new deployment gets, and for how long."""

    weight: Annotated[int, Field(ge=1, le=100)]
    """Percent of the calls that the new deployment answers."""
    pause: Pause | None = None
    """How long this lasts, such as `10m`, or `UntilPromoted`. Unset: until the split is in force."""


class RolloutMirror(Api):
    """Calls that are copied to the new deployment before it answers any; its answers are dropped."""

    weight: Annotated[int, Field(ge=1, le=50)]
    """Percent of the calls that are copied."""
    pause: Pause
    """How long this lasts, such as `10m`, or `UntilPromoted`."""


class SmokeRequest(Api):
    """A request to the new deployment alone. It carries the endpoint's own credential."""

    method: Literal["POST", "GET"] = "POST"
    """Its method."""
    path: Annotated[str, Field(max_length=1024, pattern=r"^/[^\s]*$")] | None = None
    """Its path. Unset: that of the endpoint's scoring URI."""
    body: Annotated[str, Field(max_length=65536)] | None = None
    """Its body, as text."""
    content_type: Annotated[str, Field(max_length=256, pattern=r"^[^\s]+$")] = "application/json"
    """What the body is."""


class SmokeExpectation(Api):
    """What makes an answer good."""

    status: Annotated[int, Field(ge=100, le=599)] = 200
    """Its status."""
    contains: Annotated[str, Field(max_length=65536)] | None = None
    """JSON that stands in the answer: an object may have more fields than written here, a list has the same entries in
    the same order, numbers are the same to six digits."""


class SmokeGate(Api):
    """A request that the new deployment must answer well before it gets a call."""

    request: SmokeRequest
    """The request."""
    expect: SmokeExpectation = SmokeExpectation()
    """The answer."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 3
    """How many answers may be bad in a row before the deployment is refused."""
    interval: Annotated[Duration, Within("100ms", "10m")] = "5s"
    """Time between attempts."""
    timeout: Annotated[Duration, Within("1s", "30s")] = "10s"
    """How long an answer may take."""


class ProbeGate(Api):
    """Smoke requests that mlgate sends to the new deployment during every step. They are mlgate's own: callers' errors are
    not counted here."""

    requests: Annotated[int, Field(ge=1, le=100)]
    """How many are sent in each step, evenly over its pause."""
    max_error_percent: Annotated[int, Field(ge=0, le=99)] = 0
    """How many of a step's requests may be answered badly, in percent."""


class RolloutGates(Api):
    """What a new deployment must pass."""

    validations: ClassVar[tuple[Cel, ...]] = (
        Cel("!has(self.probes) || has(self.smoke)", "probes send the smoke request: write smoke too"),
    )

    smoke: SmokeGate | None = None
    """Before it gets a call."""
    probes: ProbeGate | None = None
    """While it gets some."""


class Rollout(Api):
    """How a new deployment takes over when the deployment's model or make-up changes."""

    steps: Annotated[list[RolloutStep], Field(min_length=1, max_length=20)]
    """From the first share of the calls to the last; after the last step the new deployment answers all."""
    mirror: RolloutMirror | None = None
    """Copy calls to it first. Unset: not."""
    gates: RolloutGates | None = None
    """What it must pass; what does not is taken out of traffic and not tried again until the manifest changes."""
    keep_previous: Annotated[Duration, Within("0s", "720h")] = "1h"
    """How long the deployment that it replaced stays, without calls: going back to it then takes seconds."""


class RolloutRevision(Api):
    """One make-up of the deployment, as it stands or stood in the manifest."""

    name: DeploymentName
    """Its name behind the endpoint."""
    revision: Fingerprint
    """Fingerprint of what it is made of; what can be changed in place (instances, tags) is left out."""
    deployment: Annotated[dict[str, Any], FreeForm()]
    """What it is made of, as an entry of `deployments` says it. A model version that the manifest leaves open is written
    out here."""


class RolloutTests(Api):
    """The requests that mlgate sent to the new deployment in this phase."""

    passed: bool = False
    """Whether the smoke request was answered well."""
    sent: Annotated[int, Field(ge=0)] = 0
    """Answered, well or badly."""
    failed: Annotated[int, Field(ge=0)] = 0
    """Answered badly."""
    message: Annotated[str, Field(max_length=1024)] | None = None
    """What was wrong with the last bad answer."""
    next_at: Timestamp | None = None
    """When the next one is sent."""
    silent_since: Timestamp | None = None
    """Since when nothing came back that says anything about the deployment."""


class RolloutFailure(Api):
    """Why a new deployment was taken back."""

    name: DeploymentName
    """Its name."""
    revision: Fingerprint
    """Fingerprint of what it was made of; it is not tried again."""
    gates: Fingerprint
    """Fingerprint of the gates it did not pass; other gates are a new try."""
    message: Annotated[str, Field(max_length=4096)]
    """Why."""
    attempt: Annotated[int, Field(ge=1)] = 1
    """How often it was tried."""
    retry: Token
    """Write it into the annotation `mlgate.dev/retry` to try again although nothing changed."""


class RolloutStatus(Api):
    """How the rollout stands. Everything that it needs to go on after a restart."""

    phase: Literal[
        "Deploying",
        "Testing",
        "Mirroring",
        "Shifting",
        "Pausing",
        "Finishing",
        "Complete",
        "Returning",
        "Failed",
    ]
    """What is being done: `Deploying` the new one, `Testing` it, `Mirroring` calls to it, `Shifting` traffic to a step,
    `Pausing` there, `Finishing` with all traffic, `Complete`; or `Returning` traffic to the last good one, then
    `Failed`."""
    progress: Annotated[str, Field(max_length=64)]
    """The phase in short, such as `2/4 25%`."""
    message: Annotated[str, Field(max_length=4096)] | None = None
    """What it waits for, or why it went back."""
    step: Annotated[int, Field(ge=0, le=20)] = 0
    """Which of the steps, from 1; 0 before the first."""
    weight: Annotated[int, Field(ge=0, le=100)] = 0
    """Percent of the calls that the new deployment is to answer now."""
    since: Timestamp
    """When this phase began."""
    in_force_since: Timestamp | None = None
    """Since when calls are split (or mirrored) as this phase wants them; pauses count from here."""
    attempt: Annotated[int, Field(ge=1)] = 1
    """How often this revision was tried."""
    promote: Token | None = None
    """Write it into the annotation `mlgate.dev/promote` to end this pause."""
    stable: RolloutRevision | None = None
    """The last good one, to which traffic returns."""
    canary: RolloutRevision | None = None
    """The new one."""
    previous: RolloutRevision | None = None
    """The one that was replaced last, kept for a while."""
    previous_until: Timestamp | None = None
    """How long it is kept."""
    tests: RolloutTests | None = None
    """What the new one answered to mlgate."""
    failure: RolloutFailure | None = None
    """Why the last new one was taken back."""
    ending: Annotated[str, Field(max_length=4096)] | None = None
    """While returning: why; empty when the manifest moved on to another revision."""
