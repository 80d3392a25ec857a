"""Model versions that a manifest leaves open: `@latest`, or a stage such as `@Production`.

They are looked up in the workspace, at most once per resync interval for all objects that ask for the same model, and
kept in status. What cannot be looked up now stays what it was: nothing is deployed because a list did not answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...api import SecuredModelEndpointSpec
from ...azureml import Sessions
from ...engine.protocols import Owner, Standing
from ...engine.references import Need, Ref, Target
from ...errors import Trouble, Wait
from ...reasons import Reason
from ...store.protocol import Key
from .. import links
from ..azure.on_azure import session


def left_open(spec: SecuredModelEndpointSpec) -> dict[str, tuple[str, str]]:
    """(model, label) by `name@label`."""
    found = {}
    for deployment in spec.deployments:
        name, version = deployment.model.name, deployment.model.version
        if name and version and version.startswith("@"):
            found[f"{name}{version}"] = (name, version[1:])
    return found


def workspace(owner: Owner, spec: SecuredModelEndpointSpec) -> Ref:
    """The workspace and how it is reached. Its absence holds nothing else up."""
    return Ref(links.key("AzureMLWorkspace", owner, spec.workspace_ref), "spec.workspaceRef", Need.MAYBE, then=_way_in)


def written_out(spec: SecuredModelEndpointSpec, versions: Mapping[str, str]) -> SecuredModelEndpointSpec:
    """The manifest with the versions that it means now."""
    if not versions:
        return spec
    deployments = []
    for deployment in spec.deployments:
        version = versions.get(f"{deployment.model.name}{deployment.model.version}")
        model = deployment.model.model_copy(update={"version": version}) if version else deployment.model
        deployments.append(deployment.model_copy(update={"model": model}))
    return spec.model_copy(update={"deployments": deployments})


async def resolved(sessions: Sessions, standing: Standing[SecuredModelEndpointSpec]) -> dict[str, str]:
    """The versions by `name@label`. Raises Trouble for one that was never known."""
    known: Mapping[str, str] = standing.status.get("modelVersions") or {}
    found: dict[str, str] = {}
    for key, (model, label) in left_open(standing.spec).items():
        try:
            found[key] = await _newest(sessions, standing, model, label)
        except Trouble:
            if key not in known:
                raise
            found[key] = known[key]
    return found


async def _newest(sessions: Sessions, standing: Standing[SecuredModelEndpointSpec], model: str, label: str) -> str:
    inside = standing.refs.targets.get(links.key("AzureMLWorkspace", standing.owner, standing.spec.workspace_ref))
    connection = next((t for key, t in standing.refs.targets.items() if key.kind == "AzureConnection"), None)
    if inside is None or inside.external_id is None or connection is None:
        raise Wait(
            f"Which version of model {model} is meant is known when its AzureMLWorkspace stands.",
            reason=Reason.DEPENDENCY_NOT_READY,
        )
    return await session(sessions, connection, standing.refs.secrets).models.newest(inside.external_id, model, label)


def _way_in(target: Target) -> Iterable[Ref]:
    named = target.spec["connectionRef"]
    key = Key("AzureConnection", named.get("namespace") or target.namespace, named["name"])
    yield Ref(key, f"spec.connectionRef of AzureMLWorkspace {target.name}", Need.MAYBE, then=_credentials)


def _credentials(target: Target) -> Iterable[Ref]:
    named = target.spec["auth"].get("secretRef")
    if named:
        path = f"spec.auth of AzureConnection {target.name}"
        yield Ref(Key("Secret", target.namespace, named["name"]), path, Need.MAYBE)
