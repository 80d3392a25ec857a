"""The Azure simulator's own routes under `/_sim/`, beside those every simulator has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from mlgate_sim.azure.failures import deployment_resource, failure_from_json
from mlgate_sim.azure.scoring_script import ScoringFault
from mlgate_sim.server import json_answer

if TYPE_CHECKING:
    from mlgate_sim.azure.simulator import AzureSimulator


def routes(azure: AzureSimulator) -> Iterable[web.RouteDef]:
    """fail-deployment, fail-operation, scoring, throttle, forbid, token."""
    control = Control(azure)
    return [
        web.post("/_sim/fail-deployment", control.fail),
        web.delete("/_sim/fail-deployment", control.heal),
        web.post("/_sim/fail-operation", control.fail),
        web.post("/_sim/scoring", control.scoring),
        web.post("/_sim/throttle", control.throttle),
        web.post("/_sim/forbid", control.forbid),
        web.post("/_sim/token", control.token),
    ]


class Control:
    """Handlers; what cannot be read is answered 400 with the reason."""

    def __init__(self, azure: AzureSimulator) -> None:
        self.azure = azure

    async def fail(self, request: web.Request) -> web.StreamResponse:
        """`{endpoint, deployment | resource, code, message, logs, times, at, shape}`."""
        try:
            failure = failure_from_json(await _object(request))
        except (TypeError, ValueError) as error:
            return json_answer(400, {"error": str(error)})
        self.azure.memory.failures.add(failure)
        return json_answer(201, failure.to_json())

    async def heal(self, request: web.Request) -> web.StreamResponse:
        """`{endpoint, deployment}`: its operations succeed again. Without a body: all do."""
        if not request.can_read_body:
            self.azure.memory.failures.failures.clear()
            return web.Response(status=204)
        try:
            body = await _object(request)
            self.azure.memory.failures.forget(deployment_resource(body["endpoint"], body["deployment"]))
        except (KeyError, ValueError) as error:
            return json_answer(400, {"error": str(error)})
        return web.Response(status=204)

    async def scoring(self, request: web.Request) -> web.StreamResponse:
        """`{endpoint, deployment, status, latency_seconds, times, events, pause_seconds}`."""
        try:
            fault = ScoringFault(**await _object(request))
        except (TypeError, ValueError) as error:
            return json_answer(400, {"error": str(error)})
        self.azure.memory.scoring.faults.append(fault)
        return web.Response(status=204)

    async def throttle(self, request: web.Request) -> web.StreamResponse:
        """`{bucket, remaining, per_second}`: reads, writes, deletes, resource-requests."""
        try:
            body = await _object(request)
            refill = body.get("per_second")
            self.azure.throttle.set(
                str(body["bucket"]),
                remaining=float(body.get("remaining", 0)),
                per_second=None if refill is None else float(refill),
            )
        except (KeyError, TypeError, ValueError) as error:
            return json_answer(400, {"error": f"not a throttle: {error}"})
        return web.Response(status=204)

    async def forbid(self, request: web.Request) -> web.StreamResponse:
        """`{actions: [...]}` replaces the list of forbidden RBAC actions."""
        try:
            actions = (await _object(request))["actions"]
        except (KeyError, ValueError) as error:
            return json_answer(400, {"error": f"not a list of actions: {error}"})
        self.azure.memory.forbidden_actions = [str(action) for action in actions]
        return web.Response(status=204)

    async def token(self, request: web.Request) -> web.StreamResponse:
        """`{claims}`: a token with these claims over those of an ordinary one for scoring."""
        try:
            claims = (await _object(request)).get("claims", {})
        except ValueError as error:
            return json_answer(400, {"error": str(error)})
        entra = self.azure.entra
        return json_answer(200, {"access_token": entra.signer.sign({**entra.claims(entra.ml_audience), **claims})})


async def _object(request: web.Request) -> dict[str, Any]:
    body = await request.json()
    if not isinstance(body, dict):
        raise ValueError("a JSON object is expected")
    return body
