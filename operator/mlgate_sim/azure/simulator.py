"""The Azure simulator: Entra ID, Azure Resource Manager for Azure Machine Learning, and scoring, on one TLS address.

    async with AzureSimulator(operation_seconds=0.5) as azure:
        azure.url, azure.ca_file, azure.tenant, azure.client_id, azure.client_secret
        azure.subscription, azure.resource_group, azure.location
        azure.state                                   # resources by lower-cased ARM id, operations that are due settled
        azure.fail_deployment("fraud", "blue", code="ImageBuildFailure", logs=["pip: no such package"])
        azure.script_scoring("fraud", status=429, times=1)
        azure.faults.add(method="PUT", path="/onlineEndpoints/", drop="after")

Further routes under `/_sim/`: `POST fail-deployment`, `POST fail-operation`, `DELETE fail-deployment`, `POST
scoring`, `POST throttle`, `POST forbid`, `POST token` (a token with any claims, signed by this Entra).
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

from mlgate_sim.azure import arm_access, control, job_records, throttle
from mlgate_sim.azure.arm import Arm
from mlgate_sim.azure.arm_message import Answer, ArmRequest, Json, Refusal, parse_path
from mlgate_sim.azure.entra import Entra, TokenSigner
from mlgate_sim.azure.failures import deployment_resource, failure_from_json
from mlgate_sim.azure.scoring_script import ScoringFault
from mlgate_sim.azure.scoring_service import ScoringService, Sleep, fingerprint
from mlgate_sim.azure.settings import RECORDED_LIMITS, FederatedCredential, Limit, Settings
from mlgate_sim.azure.state import AzureState
from mlgate_sim.azure.throttle import Throttle
from mlgate_sim.server import Simulator, json_answer, notes

DEFAULT_API_VERSION = "2025-12-01"


def new_guid() -> str:
    """A GUID as Azure writes it."""
    return str(uuid.uuid4())


class AzureSimulator(Simulator):
    """One Azure with one tenant, one client and one subscription. Ids that are not given are made up."""

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        ca_out: Path | None = None,
        host_names: Iterable[str] = (),
        clock: Callable[[], float] = time.time,
        operation_seconds: float = 0.5,
        tenant: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        subscription: str | None = None,
        resource_group: str = "mlgate",
        location: str = "westeurope",
        cloud: str = "Public",
        seed_workspace: str | None = None,
        token_seconds: int = 3599,
        busy_status: int = 409,
        page_size: int = 100,
        check_models: bool = False,
        federated_credentials: Iterable[FederatedCredential] | None = None,
        limits: Mapping[str, Limit] | None = None,
        draw: Callable[[], float] = random.random,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        super().__init__(host=host, port=port, tls=True, ca_out=ca_out, host_names=host_names, clock=clock)
        self.settings = Settings(
            tenant=tenant or new_guid(),
            client_id=client_id or new_guid(),
            client_secret=client_secret or uuid.uuid4().hex,
            subscription=subscription or new_guid(),
            resource_group=resource_group,
            location=location,
            cloud=cloud,
            operation_seconds=operation_seconds,
            token_seconds=token_seconds,
            busy_status=busy_status,
            page_size=page_size,
            check_models=check_models,
            seed_workspace=seed_workspace,
            federated_credentials=None if federated_credentials is None else tuple(federated_credentials),
            limits={**RECORDED_LIMITS, **(limits or {})},
        )
        self.signer = TokenSigner(clock)
        self.entra = Entra(self.settings, self.signer, lambda: self.url)
        self.memory = AzureState(self.settings, clock=clock)
        self.throttle = Throttle(self.settings.limits, clock)
        self._arm = Arm(self.memory, self.signer.sign)
        self._scoring = ScoringService(self.memory, self.signer, draw=draw, sleep=sleep)

    # --- what a client needs

    @property
    def tenant(self) -> str:
        return self.settings.tenant

    @property
    def client_id(self) -> str:
        return self.settings.client_id

    @property
    def client_secret(self) -> str:
        return self.settings.client_secret

    @property
    def subscription(self) -> str:
        return self.settings.subscription

    @property
    def resource_group(self) -> str:
        return self.settings.resource_group

    @property
    def location(self) -> str:
        return self.settings.location

    @property
    def operation_seconds(self) -> float:
        """How long operations that start from now on take; may be changed at any time."""
        return self.memory.operation_seconds

    @operation_seconds.setter
    def operation_seconds(self, seconds: float) -> None:
        self.memory.operation_seconds = seconds

    # --- what a test looks at and asks for

    @property
    def state(self) -> dict[str, Json]:
        """The resources by lower-cased ARM id, as they are now. Changing them changes the simulator."""
        self.memory.advance()
        return self.memory.resources

    def resource(self, kind: str, *names: str) -> Json | None:
        """A resource by its type below the workspace and its names: `resource("onlineEndpoints", "ws", "fraud")`."""
        workspace, *rest = names
        pairs = "".join(f"/{part}/{name}" for part, name in zip(kind.split("/"), rest, strict=True)) if rest else ""
        self.memory.advance()
        return self.memory.find(self.workspace_id(workspace) + pairs)

    def workspace_id(self, name: str) -> str:
        """The ARM id of a workspace in the seeded resource group."""
        base = f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
        return f"{base}/providers/Microsoft.MachineLearningServices/workspaces/{name}"

    def fail_deployment(
        self,
        endpoint: str,
        deployment: str,
        *,
        code: str = "ResourceNotReady",
        message: str = "",
        logs: str | Sequence[str] = "",
        times: int | None = None,
        at: Literal["operation", "request"] = "operation",
    ) -> None:
        """The next `times` PUTs of the deployment (None: all) fail with this code of the reference.

        at `operation`: the PUT is accepted, its operation ends as Failed, getLogs returns `logs`. at `request`: the PUT
        itself is refused with 400.
        """
        script = {"endpoint": endpoint, "deployment": deployment, "code": code, "message": message, "logs": logs}
        self.memory.failures.add(failure_from_json({**script, "times": times, "at": at}))

    def fail_operation(
        self,
        resource: str,
        *,
        code: str,
        message: str = "",
        times: int | None = None,
        at: Literal["operation", "request"] = "operation",
    ) -> None:
        """Like `fail_deployment`, for PUTs of the resource whose ARM id ends with `resource` (`onlineEndpoints/fraud`)."""
        script = {"resource": resource, "code": code, "message": message, "times": times, "at": at}
        self.memory.failures.add(failure_from_json(script))

    def heal_deployment(self, endpoint: str, deployment: str) -> None:
        """The deployment's PUTs succeed again."""
        self.memory.failures.forget(deployment_resource(endpoint, deployment))

    def script_job(
        self,
        name: str,
        *,
        steps: Sequence[str] = (),
        metrics: Mapping[str, float] | None = None,
        error: Json | None = None,
    ) -> None:
        """What the job of this name, when it is made, has as steps and metrics, and as its error if it fails."""
        self.memory.job_scripts[name.lower()] = {"steps": list(steps), "metrics": dict(metrics or {}), "error": error}

    def script_scoring(
        self,
        endpoint: str,
        *,
        deployment: str | None = None,
        status: int | None = None,
        latency_seconds: float = 0.0,
        times: int | None = None,
        events: int = 3,
        pause_seconds: float = 0.0,
    ) -> None:
        """Scoring calls answer `status` and take `latency_seconds` longer; streams have `events` with pauses between."""
        fault = ScoringFault(endpoint, deployment, status, latency_seconds, times, events, pause_seconds)
        self.memory.scoring.faults.append(fault)

    def forbid(self, *actions: str) -> None:
        """403 AuthorizationFailed for RBAC actions that match (`Microsoft.MachineLearningServices/*/write`)."""
        self.memory.forbidden_actions.extend(actions)

    def arm(self, method: str, path: str, body: Json | None = None, query: Mapping[str, str] | None = None) -> Answer:
        """An ARM call without HTTP, token or throttling: for seeding."""
        asked = {"api-version": DEFAULT_API_VERSION, **(query or {})}
        return self._arm.answer(ArmRequest(method, parse_path(path), asked, body or {}))

    # --- the core's hooks

    async def start(self) -> None:
        """Start to listen; scoring URIs and operation URLs carry the port from now on."""
        await super().start()
        self.memory.origin = self.url
        self._seed()

    def initial_state(self) -> dict[str, Any]:
        """No workspace; the resource group."""
        return {}

    def save_state(self) -> dict[str, Any]:
        """See `AzureState.save`."""
        self.memory.advance()
        return self.memory.save()

    def load_state(self, state: Mapping[str, Any]) -> None:
        """See `AzureState.load`."""
        self.memory.load(state)

    def reset(self) -> None:
        """Back to the start: tokens given out stay good, as they would."""
        super().reset()
        self.throttle.reset()
        self._seed()

    def routes(self) -> Iterable[web.RouteDef]:
        """Entra, scoring, and ARM for everything else."""
        yield web.get("/common/discovery/instance", self._instance_discovery)
        yield web.get("/{tenant}/v2.0/.well-known/openid-configuration", self._openid_configuration)
        yield web.get("/{tenant}/discovery/v2.0/keys", self._keys)
        yield web.post("/{tenant}/oauth2/v2.0/token", self._token)
        yield web.post("/scoring/{host}/score", self._scoring.score)
        yield web.post("/scoring/{host}/jobs", self._scoring.jobs)
        yield web.get("/scoring/{host}/swagger.json", self._scoring.swagger)
        yield web.get("/history/{path:.*}", self._records)
        yield web.get("/mlflow/{path:.*}", self._records)
        yield web.route("*", "/{path:.*}", self._resource_manager)

    def sim_routes(self) -> Iterable[web.RouteDef]:
        """The script of failures, scoring and throttling."""
        return control.routes(self)

    async def before(self, request: web.Request) -> web.StreamResponse | None:
        """Puts a fingerprint of the credential into the request log."""
        authorization = request.headers.get("Authorization")
        if authorization:
            notes(request)["credential"] = fingerprint(authorization)
        return None

    def error_answer(self, request: web.Request, status: int, message: str) -> web.StreamResponse:
        """The gateway's two fields."""
        return json_answer(status, {"error": {"code": f"Http{status}", "message": message}})

    # --- handlers

    async def _instance_discovery(self, request: web.Request) -> web.StreamResponse:
        return json_answer(200, self.entra.instance_discovery())

    async def _openid_configuration(self, request: web.Request) -> web.StreamResponse:
        return _response(self.entra.openid_configuration(request.match_info["tenant"]))

    async def _keys(self, request: web.Request) -> web.StreamResponse:
        return json_answer(200, self.signer.keys())

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        return _response(self.entra.token(request.match_info["tenant"], form))

    async def _records(self, request: web.Request) -> web.StreamResponse:
        try:
            arm_access.require_token(self.entra, request.headers.get("Authorization"), (self.entra.ml_audience,))
            return _response(job_records.answer(self.memory, request.path, request.query))
        except Refusal as refusal:
            return _response(refusal.answer)

    async def _resource_manager(self, request: web.Request) -> web.StreamResponse:
        path = parse_path(request.path)
        bucket = throttle.bucket_of(request.method, path)
        headers = _gateway_headers(request)
        try:
            arm_access.require_token(self.entra, request.headers.get("Authorization"))
            headers |= self.throttle.take(bucket, self.subscription)
            body = _json_object(await request.text())
            answer = self._arm.answer(ArmRequest(request.method, path, dict(request.query), body))
        except Refusal as refusal:
            headers |= self.throttle.header(bucket)
            answer = refusal.answer
        return _response(answer, headers)

    def _seed(self) -> None:
        name, memory = self.settings.seed_workspace, self.memory
        is_untouched = not (memory.resources or memory.operations or memory.soft_deleted)
        if name is not None and is_untouched:
            self.arm("PUT", self.workspace_id(name), {"location": self.location})
            for operation in memory.operations.values():
                operation.ends = operation.started
            memory.advance()


def _response(answer: Answer, headers: Mapping[str, str] | None = None) -> web.Response:
    shown = {**(headers or {}), **answer.headers}
    if answer.body is None:
        return web.Response(status=answer.status, headers=shown)
    text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    return web.Response(
        status=answer.status, text=text, content_type="application/json", charset="utf-8", headers=shown
    )


def _gateway_headers(request: web.Request) -> dict[str, str]:
    own = new_guid()
    return {
        "Cache-Control": "no-cache",
        "Pragma": "no-cache",
        "Expires": "-1",
        "x-ms-request-id": own,
        "x-ms-correlation-request-id": request.headers.get("x-ms-correlation-request-id", own),
        "x-ms-routing-request-id": f"WESTEUROPE:{own}",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
    }


def _json_object(text: str) -> Json:
    if not text:
        return {}
    try:
        body = json.loads(text)
    except ValueError as error:
        body = error
    if not isinstance(body, dict):
        message = "The request content was invalid and could not be deserialized."
        raise Refusal(Answer(400, {"error": {"code": "InvalidRequestContent", "message": message}}))
    return body
