"""AzureMLModel: a version of a model that is registered in a workspace.

Azure copies what was uploaded and names the copy in `modelUri` from then on (recording TestModel).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...api.azuremlmodel import AZURE_ML_MODEL, AzureMLModelSpec
from ...azureml import AssetVersions, Session, compare
from ...engine.protocols import Owner, Wanted
from . import arm_body
from .registered_version import RegisteredVersion, rules

CONTENT = {"path": "properties.modelUri", "type": "properties.modelType", "flavors": "properties.flavors"}


class AzureMLModel(RegisteredVersion[AzureMLModelSpec]):
    type = AZURE_ML_MODEL
    content = CONTENT
    fields = rules(compare.MODEL, *CONTENT.values())

    def register(self, session: Session) -> AssetVersions:
        return session.registered_models

    def defaults(self, owner: Owner, spec: AzureMLModelSpec) -> Wanted:
        return {"properties.modelType": "custom_model"}

    def told(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        return {"path": arm_body.read(raw, CONTENT["path"])}
