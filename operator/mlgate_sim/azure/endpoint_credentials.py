"""What opens an endpoint's scoring URI: keys and Azure ML tokens.

Recorded (TestOnlineDeployment): POST token answers accessToken, tokenType, expiryTimeUtc and refreshAfterTimeUtc;
the token lives 24 h and wants to be renewed after 12 h, it is an RS256 JWT with iss = aud = `azureml`. Documented:
listKeys works in Key mode only; regenerateKeys takes effect when its operation ends and may be given the key.
"""

from __future__ import annotations

from collections.abc import Callable

from mlgate_sim.azure import arm_errors, endpoints, operations
from mlgate_sim.azure.arm_message import Answer, ArmRequest, Json
from mlgate_sim.azure.state import AzureState

TOKEN_SECONDS = 86_400
REFRESH_BEFORE_EXPIRY = 43_200
SCORE_ACTION = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score/action"

Sign = Callable[[Json], str]


def list_keys(state: AzureState, request: ArmRequest) -> Answer:
    """POST listKeys."""
    endpoint = endpoints.require(state, request.path)
    if endpoint["properties"]["authMode"] != "Key":
        raise arm_errors.user_error("Keys are only available for an endpoint whose authMode is Key.")
    return Answer(200, dict(state.keys[endpoint["id"].lower()]))


def token(state: AzureState, request: ArmRequest, sign: Sign) -> Answer:
    """POST token, signed by `sign`."""
    endpoint = endpoints.require(state, request.path)
    if endpoint["properties"]["authMode"] != "AMLToken":
        raise arm_errors.user_error("Tokens are only available for an endpoint whose authMode is AMLToken.")
    expires = int(state.clock()) + TOKEN_SECONDS
    workspace = state.resources[request.path.resource_id(1).lower()]
    claims: Json = {
        "canRefresh": "False",
        "workspaceId": workspace["properties"]["workspaceId"],
        "tid": state.settings.tenant,
        "oid": state.settings.service_principal,
        "actions": [SCORE_ACTION],
        "endpointName": endpoint["name"],
        "serviceId": endpoint["id"].lower(),
        "exp": expires,
        "iss": "azureml",
        "aud": "azureml",
    }
    body: Json = {
        "accessToken": sign(claims),
        "tokenType": "Bearer",
        "expiryTimeUtc": expires,
        "refreshAfterTimeUtc": expires - REFRESH_BEFORE_EXPIRY,
    }
    return Answer(200, body)


def regenerate_keys(state: AzureState, request: ArmRequest) -> Answer:
    """POST regenerateKeys: the named key is another one when the operation has ended."""
    endpoint = endpoints.require(state, request.path)
    if endpoint["properties"]["authMode"] != "Key":
        raise arm_errors.user_error("Keys are only available for an endpoint whose authMode is Key.")
    name = {"primary": "primaryKey", "secondary": "secondaryKey"}.get(str(request.body.get("keyType", "")).lower())
    if name is None:
        raise arm_errors.invalid_request("KeyType", "The KeyType field is required: Primary or Secondary.")
    endpoints.refuse_busy(state, endpoint, "regenerate the keys")
    key = request.body.get("keyValue") or state.new_key()
    operation = state.start("oe", "regenerateKeys", endpoint, {name: key})
    return Answer(202, None, operations.headers(operation, state.origin, request.api_version))
