"""The scoring service: who may call, which deployment answers, and what it says. Pure; the shell adds time and HTTP.

Recorded (TestOnlineDeployment): the answer names the deployment in `azureml-model-deployment`, with `X-Request-ID`,
`x-ms-run-fn-exec-ms`, `x-ms-run-function-failed` and `Server: azureml-frontdoor`. Documented: 401 for a bad
credential, 404 when no deployment has traffic, 408 beyond the request timeout, 424 when the model fails (with
`ms-azureml-model-error-statuscode` and `-reason`), 429 when too many requests wait; the request header
`azureml-model-deployment` picks a deployment without regard to traffic; a share of the live calls is copied to the
deployment in `mirrorTraffic`, whose answers are dropped.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import jwt

from mlgate_sim.azure.arm_message import Answer, Json, Refusal
from mlgate_sim.azure.entra import ML_AUDIENCES, TokenSigner
from mlgate_sim.azure.state import AzureState

DEPLOYMENT_HEADER = "azureml-model-deployment"
AMOUNT_SCALE = 5_000.0  # the amount at which the simulated fraud score reaches 1 - 1/e
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_REASONS = {
    401: "key_auth_access_denied",
    408: "upstream request timeout",
    424: "Model Error",
    429: "too many requests",
    500: "Internal Server Error",
}


def refuse_credential(state: AzureState, signer: TokenSigner, endpoint: Json, authorization: str | None) -> None:
    """Raises Refusal (401) unless the bearer credential fits the endpoint's authMode."""
    scheme, _, credential = (authorization or "").partition(" ")
    credential = credential.strip()
    mode = endpoint["properties"]["authMode"]
    if scheme.lower() == "bearer" and credential:
        if mode == "Key" and credential in state.keys.get(endpoint["id"].lower(), {}).values():
            return
        if mode != "Key" and _token_fits(state, signer, endpoint, mode, credential):
            return
    reason = "key_auth_access_denied" if mode == "Key" else "token_auth_access_denied"
    raise Refusal(Answer(401, reason, {"WWW-Authenticate": "Bearer"}))


def _token_fits(state: AzureState, signer: TokenSigner, endpoint: Json, mode: str, token: str) -> bool:
    try:
        claims = signer.claims(token)
    except jwt.InvalidTokenError:
        return False
    if signer.is_expired(claims):
        return False
    if mode == "AMLToken":
        return claims.get("iss") == claims.get("aud") == "azureml" and claims.get("serviceId") == endpoint["id"].lower()
    audience = str(claims.get("aud", "")).rstrip("/")
    return audience == ML_AUDIENCES[state.settings.cloud] and state.settings.knows_tenant(str(claims.get("tid", "")))


def choose_deployment(state: AzureState, endpoint: Json, pinned: str | None, draw: Callable[[], float]) -> Json:
    """The deployment that answers: the pinned one, else one drawn by traffic weight (`draw` gives 0 <= x < 1).

    Raises Refusal: 404 when there is none, 503 when the chosen one has never become ready.
    """
    found = {one["name"]: one for one in state.collection(endpoint["id"], "deployments")}
    name = pinned or _draw(endpoint["properties"]["traffic"], draw)
    if name is None:
        raise Refusal(Answer(404, "No valid deployments to route to. Please check that the endpoint has traffic."))
    if name not in found:
        raise Refusal(Answer(404, f"Specified deployment '{name}' could not be found."))
    if found[name]["id"].lower() not in state.serving:
        raise Refusal(Answer(503, "The deployment is not ready.", {DEPLOYMENT_HEADER: name}))
    return found[name]


def choose_mirror(state: AzureState, endpoint: Json, pinned: str | None, draw: Callable[[], float]) -> str | None:
    """The deployment that gets a copy of this call, if one does: never of a pinned one."""
    for name, share in (endpoint["properties"]["mirrorTraffic"] or {}).items():
        ready = f"{endpoint['id']}/deployments/{name}".lower() in state.serving
        if pinned is None and ready and draw() * 100 < share:
            return str(name)
    return None


def _draw(traffic: Mapping[str, int], draw: Callable[[], float]) -> str | None:
    weighted = [(name, weight) for name, weight in traffic.items() if weight > 0]
    point = draw() * sum(weight for _, weight in weighted)
    for name, weight in weighted:
        if point < weight:
            return name
        point -= weight
    return weighted[-1][0] if weighted else None


def predict(payload: Any, deployment: str) -> Json:
    """The same input always gives the same score; larger amounts give larger ones."""
    amount = payload.get("amount") if isinstance(payload, dict) else None
    if isinstance(amount, int | float) and not isinstance(amount, bool):
        score = 1 - math.exp(-max(0.0, float(amount)) / AMOUNT_SCALE)
    else:
        canonical = json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
        score = int.from_bytes(hashlib.sha256(canonical).digest()[:4]) / 0xFFFFFFFF
    return {"prediction": {"fraud_probability": round(score, 4)}, "deployment": deployment}


def events(answer: Json, count: int) -> list[str]:
    """An answer piece by piece, as server-sent events; the last one says that it is over."""
    parts = [json.dumps({"part": number, **answer}) for number in range(1, count + 1)]
    return [f"data: {part}\n\n" for part in (*parts, "[DONE]")]


def run_headers(deployment: str, milliseconds: float, *, failed: bool = False) -> dict[str, str]:
    """The headers of an answer that a deployment gave."""
    return {
        DEPLOYMENT_HEADER: deployment,
        "x-ms-run-fn-exec-ms": f"{milliseconds:.3f}",
        "x-ms-run-function-failed": str(failed),
    }


def scripted(status: int, deployment: str) -> Answer:
    """The answer of a scripted status."""
    headers = run_headers(deployment, 0.0, failed=True) if status in (424, 500) else {DEPLOYMENT_HEADER: deployment}
    if status == 424:
        headers |= {"ms-azureml-model-error-statuscode": "500", "ms-azureml-model-error-reason": "model_error"}
    return Answer(status, _REASONS.get(status, f"status {status}"), headers)


def request_timeout(deployment: Json) -> float:
    """The deployment's requestTimeout in seconds."""
    return seconds(str(deployment["properties"]["requestSettings"]["requestTimeout"])) or 5.0


def seconds(duration: str) -> float:
    """An ISO 8601 duration up to days, in seconds. Raises ValueError for anything else."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ValueError(f"{duration!r} is not an ISO 8601 duration of days, hours, minutes and seconds")
    days, hours, minutes, rest = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def swagger(endpoint: Json) -> Json:
    """The endpoint's own description of its input and output."""
    score: Json = {"type": "object", "properties": {"amount": {"type": "number"}}}
    probability: Json = {"type": "object", "properties": {"fraud_probability": {"type": "number"}}}
    answer: Json = {"type": "object", "properties": {"prediction": probability, "deployment": {"type": "string"}}}
    return {
        "swagger": "2.0",
        "info": {
            "title": endpoint["name"],
            "description": "API specification for the Azure Machine Learning service",
            "version": "1.0",
        },
        "schemes": ["https"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "securityDefinitions": {"Bearer": {"type": "apiKey", "name": "Authorization", "in": "header"}},
        "paths": {
            "/score": {
                "post": {
                    "operationId": "RunMLService",
                    "parameters": [{"name": "serviceInputPayload", "in": "body", "required": True, "schema": score}],
                    "responses": {"200": {"description": "The service processed the input.", "schema": answer}},
                }
            }
        },
    }


def split_host(label: str) -> tuple[str, str]:
    """`fraud.westeurope` as endpoint and region."""
    endpoint, _, region = label.partition(".")
    return endpoint, region
