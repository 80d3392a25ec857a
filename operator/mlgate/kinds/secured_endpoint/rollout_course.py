"""A rollout on its way: what the objects say becomes what the state machine sees, and its state becomes the manifest that
is carried out at this stage: the revisions as `deployments`, the split as `traffic`.

Nothing here decides; `rollout` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...api import SecuredModelEndpointSpec
from ...api.meta import ABORT, PROMOTE, RETRY, parse_duration
from ...api.rollout import ModelDeployment, Rollout
from ...azureml import Scoring, ScoringRequest
from ...engine import objects
from ...engine.protocols import Course, Standing
from ...reasons import Reason
from ...sensitive import Sensitive
from ...store.protocol import Object
from . import revisions, rollout_record
from .rollout import Answer, Found, Seen, Split, State, Test, Wake, advance, answered, split, standing
from .smoke import judged

NOT_ITS_FAULT = frozenset(
    str(reason)
    for reason in (Reason.CREDENTIALS_MISSING, Reason.CREDENTIALS_REJECTED, Reason.ACCESS_DENIED, Reason.PAUSED)
)
"""Why something may be stalled that says nothing about the revision that is being rolled out."""


@dataclass(frozen=True, slots=True)
class Way:
    """One SecuredModelEndpoint with a rollout, its model version written out. `child_name` names the object of a
    deployment; `credential` opens the endpoint."""

    standing: Standing[SecuredModelEndpointSpec]
    rollout: Rollout
    child_name: Callable[[str], str]
    credential: Sensitive | None

    @property
    def endpoint(self) -> Object:
        return self.standing.children.get(("AzureMLOnlineEndpoint", self.standing.owner.name)) or {}

    def deployment(self, name: str) -> Object | None:
        return self.standing.children.get(("AzureMLOnlineDeployment", self.child_name(name)))


async def course(way: Way, scoring: Scoring) -> Course[SecuredModelEndpointSpec]:
    """The next stage. Sends at most one request."""
    now, rules = way.standing.now, revisions.rules(way.rollout)
    before = rollout_record.read(way.standing.status.get("rollout"))
    if way.standing.held:
        return Course(carried(way.standing.spec, before) if before else way.standing.spec)
    seen = see(way, before)
    state, actions = advance(before, seen, now)
    for test in (action for action in actions if isinstance(action, Test)):
        answer = await _asked(way, scoring, test.name)
        state, actions = advance(answered(state, answer, rules, now), seen, now)
    event = rollout_record.event(before, state, rules)
    return Course(
        carried(way.standing.spec, state),
        status={"rollout": rollout_record.written(state, rules)},
        parts={"RolloutReady": rollout_record.health(state, rules)},
        events=(event,) if event else (),
        again=min((max(0.05, a.after) for a in actions if isinstance(a, Wake)), default=None),
    )


def carried(spec: SecuredModelEndpointSpec, state: State) -> SecuredModelEndpointSpec:
    """The manifest of this stage, as if somebody had written it without a rollout."""
    live, mirrored = split(state)
    deployments = [
        ModelDeployment.model_validate({**revision.deployment, "name": revision.name}) for revision in standing(state)
    ]
    return spec.model_copy(update={"deployments": deployments, "traffic": live, "mirror_traffic": mirrored})


def see(way: Way, state: State | None) -> Seen:
    """What is out there, as the objects say."""
    pattern, notes = way.standing.spec.deployments[0], way.standing.notes
    found = tuple(_found(way)) if state is None else ()
    names = {r.name for r in standing(state)} if state else set()
    target = revisions.revision(pattern)
    ready, broken = set(), {}
    for name in names | {target.name}:
        child = way.deployment(name)
        if child is None or objects.deleting(child):
            continue
        if objects.is_ready(child):
            ready.add(name)
        elif why := _stalled(child):
            broken[name] = why
    return Seen(
        target=target,
        rules=revisions.rules(way.rollout),
        ready=frozenset(ready),
        broken=broken,
        in_force=_in_force(way.endpoint),
        refused=_stalled(way.endpoint) if state and way.endpoint and _asked_for(way.endpoint) == split(state) else "",
        found=found,
        promote=notes.get(PROMOTE, ""),
        abort=notes.get(ABORT, ""),
        retry=notes.get(RETRY, ""),
    )


def _found(way: Way) -> list[Found]:
    """Deployments that are there before anything is known, with their shares."""
    weights = objects.status(way.endpoint).get("traffic") or objects.spec(way.endpoint).get("traffic") or {}
    found = []
    for (kind, _), child in way.standing.children.items():
        if kind != "AzureMLOnlineDeployment" or objects.deleting(child):
            continue
        spec = dict(objects.spec(child))
        name = spec.get("azureName") or child["metadata"]["name"]
        spec["model"] = _settled(spec.get("model") or {}, objects.status(child).get("modelId"))
        found.append(Found(revisions.existing(name, spec), int(weights.get(name, 0))))
    return found


def _settled(model: Mapping[str, Any], model_id: str | None) -> dict[str, Any]:
    """The model with the version that is in use where the manifest left it open."""
    if model_id and str(model.get("version", "")).startswith("@"):
        return {**model, "version": model_id.rsplit("/", 1)[-1]}
    return dict(model)


def _in_force(endpoint: Object) -> Split | None:
    """The split that the endpoint has carried out; None while it is busy with another."""
    if not endpoint or objects.deleting(endpoint) or not objects.holds(endpoint, "Synced"):
        return None
    return _given(objects.status(endpoint).get("traffic")), _given(objects.spec(endpoint).get("mirrorTraffic"))


def _asked_for(endpoint: Object) -> Split:
    spec = objects.spec(endpoint)
    return _given(spec.get("traffic")), _given(spec.get("mirrorTraffic"))


def _given(weights: Mapping[str, int] | None) -> dict[str, int]:
    return {name: weight for name, weight in (weights or {}).items() if weight}


def _stalled(child: Object) -> str:
    """Why something will not become what it should; empty when it may, or when the cause lies elsewhere."""
    if not objects.holds(child, "Stalled"):
        return ""
    stalled = objects.condition(child, "Stalled") or {}
    return "" if stalled.get("reason") in NOT_ITS_FAULT else str(stalled.get("message") or stalled.get("reason"))


async def _asked(way: Way, scoring: Scoring, name: str) -> Answer:
    smoke = way.rollout.gates.smoke if way.rollout.gates else None
    uri = objects.status(way.endpoint).get("scoringUri")
    if smoke is None:
        return Answer(True)
    if not uri or way.credential is None:
        return Answer(None, "The endpoint's credential is not there yet.")
    request = ScoringRequest(
        method=smoke.request.method,
        path=smoke.request.path,
        body=smoke.request.body,
        content_type=smoke.request.content_type,
        timeout=parse_duration(smoke.timeout).total_seconds(),
    )
    return judged(await scoring.ask(uri, way.credential, name, request), name, smoke.expect)
