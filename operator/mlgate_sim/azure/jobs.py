"""Jobs: PUT starts one under a name of the caller's choice, `cancel` ends it, its record stays.

A name starts one job for ever: a PUT of a name that is taken changes what is said about the job (tags, display name,
description, archived) and starts nothing; another body is refused. Not recorded; the routes and bodies are those of the
client that azure-ai-ml carries (`jobs/{id}`, `jobs/{id}/cancel`, which may answer 200 or 202).
"""

from __future__ import annotations

from mlgate_sim.azure import arm_errors, job_course, workspaces
from mlgate_sim.azure.arm_message import Answer, ArmRequest, Json, Refusal
from mlgate_sim.azure.state import AzureState

_SAID = ("tags", "displayName", "description", "isArchived", "properties")
"""What may be changed about a job."""
_DONE = ("jobType", "componentId", "inputs", "outputs", "jobs", "settings", "computeId", "command", "environmentId")
"""What a job does."""
LONGER = 4.0
"""How much longer than an operation a job takes."""


def missing(request: ArmRequest) -> Refusal:
    """The 404 of a job that is not there."""
    return arm_errors.not_found("Job", request.path.name, request.path.named("workspaces"))


def put(state: AzureState, request: ArmRequest) -> Answer:
    """Start a job, or change what is said about one."""
    path, given = request.path, dict(request.properties)
    workspace = workspaces.require(state, path)
    existing = state.find(path.resource_id())
    if existing is not None:
        return _said(existing, given)
    if not given.get("jobType"):
        raise arm_errors.user_error("The job needs a jobType.")
    _refuse_unknown(state, path.resource_id(1), given)
    refusal = state.failures.take(path.resource_id(), "request")
    if refusal is not None:
        raise Refusal(Answer(400, {"error": refusal.error()}))
    failure = state.failures.take(path.resource_id(), "operation")
    now = state.clock()
    job: Json = {
        "id": path.resource_id(),
        "name": path.name,
        "type": path.full_type(),
        "properties": {
            "description": None,
            "tags": {},
            "displayName": path.name,
            "experimentName": "Default",
            "isArchived": False,
            "inputs": {},
            "outputs": {},
            "settings": {},
            **{name: value for name, value in given.items() if value is not None},
            "status": "NotStarted",
            "services": {"Studio": {"jobServiceType": "Studio", "endpoint": _studio(state, path.name, workspace)}},
        },
        "systemData": {
            "createdAt": state.now(),
            "createdBy": state.settings.service_principal,
            "createdByType": "Application",
        },
    }
    state.resources[path.resource_id().lower()] = job
    script = state.job_scripts.pop(path.name.lower(), {})
    state.jobs[path.resource_id().lower()] = script | job_course.course(
        now, state.operation_seconds * LONGER, ends_as="Failed" if failure else "Completed"
    )
    location = f"{state.origin}{path.resource_id()}?api-version={request.api_version}"
    return Answer(201, job, {"Location": location})


def cancel(state: AzureState, request: ArmRequest) -> Answer:
    """Ask a job to end; it does some time later."""
    workspaces.require(state, request.path)
    job = state.find(request.path.resource_id())
    if job is None:
        raise missing(request)
    course = state.jobs[request.path.resource_id().lower()]
    if job["properties"]["status"] in job_course.ENDED:
        return Answer(200)
    if course["canceled"] is None:
        course["canceled"] = state.clock()
        job["properties"]["status"] = job_course.state_at(course, state.clock())
    return Answer(200)


def delete(state: AzureState, request: ArmRequest) -> Answer:
    """Take a record away; a job under way is refused."""
    workspaces.require(state, request.path)
    key = request.path.resource_id().lower()
    job = state.resources.get(key)
    if job is None:
        return Answer(204)
    if job["properties"]["status"] not in job_course.ENDED:
        raise arm_errors.user_error(f"The job '{job['name']}' is under way: cancel it first.", status=409)
    del state.resources[key], state.jobs[key]
    return Answer(200)


def _said(existing: Json, given: Json) -> Answer:
    known = existing["properties"]
    if any(given.get(name) not in (None, known.get(name)) for name in _DONE):
        raise arm_errors.user_error(
            f"A job with the name '{existing['name']}' already exists. To submit a new job, use a different name.",
            status=409,
        )
    known |= {name: given[name] for name in _SAID if given.get(name) is not None}
    return Answer(200, existing)


def _refuse_unknown(state: AzureState, workspace_id: str, given: Json) -> None:
    steps = [step for step in (given.get("jobs") or {}).values() if isinstance(step, dict)]
    inside = f"{workspace_id}/".lower()
    for named in (given.get("componentId"), *(step.get("componentId") for step in steps)):
        if named and str(named).lower().startswith(inside) and state.find(str(named)) is None:
            raise arm_errors.user_error(f"The component '{named}' was not found.")
    compute = given.get("computeId")
    if compute and str(compute).lower().startswith(inside) and state.find(str(compute)) is None:
        raise arm_errors.user_error(f"The compute target '{str(compute).split('/')[-1]}' was not found.")


def _studio(state: AzureState, name: str, workspace: Json) -> str:
    return f"https://ml.azure.com/runs/{name}?wsid={workspace['id']}&tid={state.settings.tenant}"
