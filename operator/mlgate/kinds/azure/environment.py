"""AzureMLEnvironment: a version of an environment that is registered in a workspace.

Azure builds its image when it is first used, not when it is registered; so a wrong conda file shows in the deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...api.azuremlenvironment import AZURE_ML_ENVIRONMENT, AzureMLEnvironmentSpec
from ...azureml import AssetVersions, Session, compare
from ...engine.protocols import Owner, Wanted
from ...engine.references import Resolved
from . import arm_body
from .registered_version import RegisteredVersion, rules

CONTENT = {"image": "properties.image", "conda_file": "properties.condaFile", "os_type": "properties.osType"}
BUILD = {"context_uri": "properties.build.contextUri", "dockerfile_path": "properties.build.dockerfilePath"}
ROUTES = {f"{name}_route": f"properties.inferenceConfig.{name}Route" for name in ("liveness", "readiness", "scoring")}


class AzureMLEnvironment(RegisteredVersion[AzureMLEnvironmentSpec]):
    type = AZURE_ML_ENVIRONMENT
    content = CONTENT
    fields = rules(compare.ENVIRONMENT, *CONTENT.values(), *BUILD.values(), *ROUTES.values())

    def register(self, session: Session) -> AssetVersions:
        return session.registered_environments

    def desired(self, owner: Owner, spec: AzureMLEnvironmentSpec, refs: Resolved) -> Wanted:
        wanted = dict(super().desired(owner, spec, refs))
        for part, places in ((spec.build, BUILD), (spec.inference_config, ROUTES)):
            said = part.model_dump(by_alias=False, exclude_none=True) if part else {}
            wanted |= {places[name]: value for name, value in said.items()}
        return wanted

    def told(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        return {"image": arm_body.read(raw, CONTENT["image"])}
