"""Calls of batch endpoints: `POST /scoring/{endpoint}.{region}/jobs` starts a job on the default deployment, or on the one
that the header `azureml-model-deployment` names, and answers 201 with it at once (recording TestBatchEndpoint).

Only the answer is simulated: the job is not kept, so nothing can be followed yet.
"""

from __future__ import annotations

from mlgate_sim.azure import arm_errors, scoring
from mlgate_sim.azure.arm_message import Answer, Json, Refusal
from mlgate_sim.azure.entra import TokenSigner
from mlgate_sim.azure.state import AzureState

JOB_API = "2020-09-01-dataplanepreview"
INPUTS = ("UriFile", "UriFolder", "Literal")


def jobs(
    state: AzureState, signer: TokenSigner, host: str, *, authorization: str | None, pinned: str | None, body: Json
) -> Answer:
    """What a call answers. Raises Refusal: 404 without endpoint or deployment, 401, 400 for inputs of no known type."""
    state.advance()
    name, region = scoring.split_host(host)
    endpoint = state.endpoint_named(name, region, "batchendpoints")
    if endpoint is None or endpoint["properties"]["scoringUri"] is None:
        raise Refusal(Answer(404, f"There is no endpoint '{name}' in region '{region}'."))
    scoring.refuse_credential(state, signer, endpoint, authorization)
    wanted = pinned or endpoint["properties"]["defaults"]["deploymentName"]
    found = {one["name"]: one for one in state.collection(endpoint["id"], "deployments")}
    if wanted is None:
        raise Refusal(Answer(404, "No default deployment is set for the endpoint, and the call names none."))
    if wanted not in found:
        raise Refusal(Answer(404, f"Specified deployment '{wanted}' could not be found."))
    _refuse_inputs(body)
    job = f"batchjob-{state.new_id()}"
    deployment = found[wanted]
    return Answer(
        201,
        {
            "id": f"{deployment['id']}/jobs/{job}",
            "name": job,
            "type": f"{deployment['type']}/jobs",
            "properties": {
                "provisioningState": "Succeeded",
                "status": "Preparing",
                "tags": {
                    "azureml.batchrun": "true",
                    "azureml.deploymentname": wanted,
                    "azureml.jobtype": "azureml.batchjob",
                },
            },
        },
        {
            scoring.DEPLOYMENT_HEADER: wanted,
            "Location": f"{state.origin}{deployment['id']}?api-version={JOB_API}",
            "x-envoy-upstream-service-time": "2",
        },
    )


def _refuse_inputs(body: Json) -> None:
    asked = body.get("properties") or {}
    inputs = asked.get("inputData") or asked.get("InputData") or {}
    for name, given in inputs.items():
        kind = str(given.get("jobInputType") or given.get("JobInputType") or "")
        if kind.lower() not in [word.lower() for word in INPUTS]:
            raise arm_errors.invalid_request("InputData", f"Input '{name}' is not of a type of {', '.join(INPUTS)}.")
