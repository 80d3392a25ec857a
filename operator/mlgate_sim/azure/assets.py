"""Versioned assets (models, environments, codes, data, components) and the workspace's blob datastore.

Recorded (TestModel): PUT of a version answers 201 with a Location at once, no operation; the service rewrites a
model's URI to its own copy (`ServiceReplicated/<guid>`). The content of a version cannot be changed. Asset
containers come and go with their versions.
"""

from __future__ import annotations

import re

from mlgate_sim.azure import arm_errors, workspaces
from mlgate_sim.azure.arm_message import Answer, ArmPath, ArmRequest, Json, Refusal
from mlgate_sim.azure.state import AzureState

KINDS = ("models", "environments", "codes", "data", "components")
_CONTENT = ("modelUri", "modelType", "image", "condaFile", "build", "osType", "codeUri", "dataUri", "componentSpec")
_OF_ENVIRONMENTS: Json = {"environmentType": "UserCreated", "osType": "Linux"}
_UPLOAD = re.compile(r"(azureml://subscriptions/[^/]+)/resourcegroups/(.+?/paths)/(LocalUpload/.+)", re.IGNORECASE)


def missing(request: ArmRequest) -> Refusal:
    """The 404 of an asset or datastore that is not there."""
    what = request.path.names[1][0].rstrip("s").capitalize()
    name = ":".join(name for _, name in request.path.names[1:])
    return arm_errors.not_found(what, name, request.path.named("workspaces"))


def put(state: AzureState, request: ArmRequest) -> Answer:
    """PUT a version: 201 when it is new, 200 when only its description, tags or archive flag change."""
    path = request.path
    workspaces.require(state, path)
    key = path.resource_id().lower()
    existing = state.resources.get(key)
    given = dict(request.properties)
    if given.get("modelUri"):
        given["modelUri"] = _replicated(state, str(given["modelUri"]), existing)
    if existing is not None:
        _refuse_content(existing, given, path)
    properties: Json = {
        "description": None,
        "tags": {},
        "properties": {},
        "isArchived": False,
        "isAnonymous": False,
        **({"flavors": {}, "jobName": None} if path.types[1] == "models" else {}),
        **(_OF_ENVIRONMENTS if path.types[1] == "environments" else {}),
        **given,
    }
    resource: Json = {
        "id": path.resource_id(),
        "name": path.name,
        "type": path.full_type(),
        "properties": properties,
        "systemData": _system_data(state, existing),
    }
    state.resources[key] = resource
    location = f"{state.origin}{path.resource_id()}?api-version={request.api_version}"
    return Answer(200, resource) if existing else Answer(201, resource, {"Location": location})


def delete(state: AzureState, request: ArmRequest) -> Answer:
    """DELETE a version or a container with its versions; 204 when it is not there."""
    workspaces.require(state, request.path)
    root = request.path.resource_id().lower()
    doomed = [key for key in state.resources if key == root or key.startswith(root + "/")]
    for key in doomed:
        del state.resources[key]
    return Answer(200 if doomed else 204)


def container(state: AzureState, path: ArmPath) -> Json | None:
    """The container (`…/models/{name}`) made of its versions, or None without any."""
    versions = newest_first(state.collection(path.resource_id(), "versions"))
    if not versions:
        return None
    latest = versions[0]["name"]
    following = str(int(latest) + 1) if latest.isdigit() else None
    return {
        "id": path.resource_id(),
        "name": path.name,
        "type": path.full_type(),
        "properties": {
            "description": None,
            "tags": {},
            "properties": {},
            "isArchived": False,
            "latestVersion": latest,
            "nextVersion": following,
        },
        "systemData": versions[-1]["systemData"],
    }


def newest_first(versions: list[Json]) -> list[Json]:
    """Versions as a list answers them; numbers by value where they are numbers."""

    def order(version: Json) -> tuple[str, int, str]:
        name = str(version["name"])
        return (version["systemData"]["createdAt"], int(name) if name.isdigit() else -1, name)

    return sorted(versions, key=order, reverse=True)


def asked_for(state: AzureState, request: ArmRequest, versions: list[Json]) -> list[Json]:
    """What a list of versions answers: newest first unless `$orderBy` says `asc`, of one `stage`, and archived ones only
    where `listViewType` asks for them. The filter `version` answers one whatever it is; where deployments may name
    models that are not there (`check_models` False), such a version of a model is listed as if it were."""
    query = request.query
    found = newest_first(versions)
    wanted = query.get("version")
    if wanted is not None:
        left = [version for version in found if version["name"] == wanted]
        if left or state.settings.check_models or request.path.types[-1] != "models":
            return left
        return [{"id": f"{request.path.resource_id()}/versions/{wanted}", "name": wanted, "properties": {}}]
    if query.get("$orderBy", query.get("orderBy", "")).lower().endswith(" asc"):
        found.reverse()
    view, stage = query.get("listViewType", "ActiveOnly").lower(), query.get("stage", "")
    return [version for version in found if _is_shown(version["properties"], view, stage)]


def _is_shown(properties: Json, view: str, stage: str) -> bool:
    if stage and str(properties.get("stage") or "").lower() != stage.lower():
        return False
    return view == "all" or bool(properties.get("isArchived")) == (view == "archivedonly")


def datastore(state: AzureState, path: ArmPath) -> Json | None:
    """The default datastore, which every workspace has (recorded in TestOnlineDeployment)."""
    workspace = workspaces.require(state, path)
    if path.name.lower() != "workspaceblobstore":
        return None
    guid = workspace["properties"]["workspaceId"]
    return {
        "id": path.resource_id(),
        "name": "workspaceblobstore",
        "type": path.full_type(),
        "properties": {
            "description": None,
            "tags": None,
            "properties": None,
            "isDefault": True,
            "credentials": {"credentialsType": "AccountKey"},
            "datastoreType": "AzureBlob",
            "accountName": "simulated",
            "containerName": f"azureml-blobstore-{guid}",
            "endpoint": "core.windows.net",
            "protocol": "https",
            "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity",
        },
        "systemData": {
            "createdAt": workspace["systemData"]["createdAt"],
            "createdBy": state.settings.service_principal,
            "createdByType": "Application",
        },
    }


def list_secrets(state: AzureState, request: ArmRequest) -> Answer:
    """POST listSecrets of the default datastore: a key that opens nothing."""
    if datastore(state, request.path) is None:
        raise missing(request)
    return Answer(200, {"secretsType": "AccountKey", "key": "c2ltdWxhdGVkIGFjY291bnQga2V5"})


def _replicated(state: AzureState, uri: str, existing: Json | None) -> str:
    upload = _UPLOAD.fullmatch(uri)
    if upload is None:
        return uri
    stored = str(existing["properties"].get("modelUri", "")) if existing else ""
    if stored.endswith(f"/{upload[3]}"):
        return stored
    return f"{upload[1]}/resourceGroups/{upload[2]}/ServiceReplicated/{state.new_id()}/{upload[3]}"


def _refuse_content(existing: Json, given: Json, path: ArmPath) -> None:
    for name in _CONTENT:
        if given.get(name) is not None and given[name] != existing["properties"].get(name):
            raise arm_errors.user_error(
                f"A version '{path.name}' of '{path.names[-2][1]}' exists; its {name} cannot be changed.", status=409
            )


def _system_data(state: AzureState, existing: Json | None) -> Json:
    who, now = state.settings.service_principal, state.now()
    created = existing["systemData"]["createdAt"] if existing else now
    return {
        "createdAt": created,
        "createdBy": who,
        "createdByType": "Application",
        "lastModifiedAt": now,
        "lastModifiedBy": who,
        "lastModifiedByType": "Application",
    }
