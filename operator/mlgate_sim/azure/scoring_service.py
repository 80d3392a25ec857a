"""The scoring service over HTTP: `POST /scoring/{endpoint}.{region}/score` and `GET …/swagger.json`.

Whoever accepts `text/event-stream` gets the answer piece by piece, as chat models give theirs. Copies for
`mirrorTraffic` are only noted in the request log (`mirrored`): nobody sees their answers.

The real one gives every endpoint a host of its own (`{endpoint}.{region}.inference.ml.azure.com`); here everything
is on one address, so the host became the first part of the path.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from mlgate_sim.azure import batch_scoring, scoring
from mlgate_sim.azure.arm_message import Answer, Json, Refusal
from mlgate_sim.azure.entra import TokenSigner
from mlgate_sim.azure.scoring_script import ScoringFault
from mlgate_sim.azure.state import AzureState
from mlgate_sim.server import notes

STREAM = "text/event-stream"
Sleep = Callable[[float], Awaitable[Any]]


class ScoringService:
    """Answers scoring calls on a state. `draw` picks deployments, `sleep` passes scripted latency."""

    def __init__(
        self, state: AzureState, signer: TokenSigner, *, draw: Callable[[], float], sleep: Sleep = asyncio.sleep
    ) -> None:
        self.state = state
        self.signer = signer
        self.draw = draw
        self.sleep = sleep

    async def score(self, request: web.Request) -> web.StreamResponse:
        """POST score."""
        endpoint_name = request.match_info["host"]
        try:
            endpoint = self._endpoint(endpoint_name)
            scoring.refuse_credential(self.state, self.signer, endpoint, request.headers.get("Authorization"))
            pinned = request.headers.get(scoring.DEPLOYMENT_HEADER)
            deployment = scoring.choose_deployment(self.state, endpoint, pinned, self.draw)
            mirror = scoring.choose_mirror(self.state, endpoint, pinned, self.draw)
            if mirror is not None:
                notes(request)["mirrored"] = mirror
            fault = self.state.scoring.take(endpoint["name"], deployment["name"])
            answer = await self._run(deployment, fault, await request.text())
        except Refusal as refusal:
            answer, fault = refusal.answer, None
        notes(request)["deployment"] = answer.headers.get(scoring.DEPLOYMENT_HEADER)
        if answer.status == 200 and STREAM in request.headers.get("Accept", ""):
            return await self._stream(request, answer, fault)
        return to_response(answer, request)

    async def jobs(self, request: web.Request) -> web.StreamResponse:
        """POST jobs: a batch endpoint is called."""
        try:
            body = json.loads(await request.text() or "{}")
            answer = batch_scoring.jobs(
                self.state,
                self.signer,
                request.match_info["host"],
                authorization=request.headers.get("Authorization"),
                pinned=request.headers.get(scoring.DEPLOYMENT_HEADER),
                body=body if isinstance(body, dict) else {},
            )
        except ValueError:
            answer = Answer(400, "The body is no JSON.")
        except Refusal as refusal:
            answer = refusal.answer
        return to_response(answer, request)

    async def swagger(self, request: web.Request) -> web.StreamResponse:
        """GET swagger.json, with the same credential as score."""
        try:
            endpoint = self._endpoint(request.match_info["host"])
            scoring.refuse_credential(self.state, self.signer, endpoint, request.headers.get("Authorization"))
            answer = Answer(200, scoring.swagger(endpoint))
        except Refusal as refusal:
            answer = refusal.answer
        return to_response(answer, request)

    def _endpoint(self, host: str) -> Json:
        self.state.advance()
        name, region = scoring.split_host(host)
        endpoint = self.state.endpoint_named(name, region)
        if endpoint is None or endpoint["properties"]["scoringUri"] is None:
            raise Refusal(Answer(404, f"There is no endpoint '{name}' in region '{region}'."))
        return endpoint

    async def _stream(self, request: web.Request, answer: Answer, fault: ScoringFault | None) -> web.StreamResponse:
        assert isinstance(answer.body, dict)  # what a model said
        pause = fault.pause_seconds if fault else 0.0
        response = web.StreamResponse(headers={**front_door(answer, request), "Content-Type": STREAM})
        await response.prepare(request)
        for number, event in enumerate(scoring.events(answer.body, fault.events if fault else 3)):
            if number and pause:
                await self.sleep(pause)
            await response.write(event.encode())
        await response.write_eof()
        return response

    async def _run(self, deployment: Json, fault: ScoringFault | None, text: str) -> Answer:
        name = deployment["name"]
        latency = fault.latency_seconds if fault else 0.0
        limit = scoring.request_timeout(deployment)
        if latency > limit:
            await self.sleep(limit)
            return scoring.scripted(408, name)
        if latency:
            await self.sleep(latency)
        if fault and fault.status is not None:
            return scoring.scripted(fault.status, name)
        try:
            payload = json.loads(text)
        except ValueError:
            return scoring.scripted(424, name)  # the scoring script fails on what it cannot read
        return Answer(200, scoring.predict(payload, name), scoring.run_headers(name, 0.25 + latency * 1000))


def front_door(answer: Answer, request: web.Request) -> dict[str, str]:
    """The headers of an answer, with what the front door adds to every one."""
    # The caller's x-request-id is overwritten, as documented.
    headers = {**answer.headers, "x-request-id": str(uuid.uuid4()), "Server": "azureml-frontdoor"}
    client_request = request.headers.get("x-ms-client-request-id")
    if client_request:
        headers["x-ms-client-request-id"] = client_request
    return headers


def to_response(answer: Answer, request: web.Request) -> web.Response:
    """The answer as HTTP, whole."""
    headers = front_door(answer, request)
    if isinstance(answer.body, str):
        return web.Response(status=answer.status, text=answer.body, headers=headers)
    text = json.dumps(answer.body)
    return web.Response(status=answer.status, text=text, content_type="application/json", headers=headers)


def fingerprint(authorization: str) -> str:
    """A credential as the request log shows it: the scheme and twelve hex digits of its SHA-256."""
    scheme, _, credential = authorization.partition(" ")
    return f"{scheme} sha256:{hashlib.sha256(credential.strip().encode()).hexdigest()[:12]}"
