"""What versions of models and of environments have in common.

The content of a version cannot be changed; its description, tags, stage and archive flag can (shared facts, azure-ml
section 2). So another version is another object.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .azure import AssetName, ProvisioningState, Tags
from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, Immutable, fixed
from .meta import ArmId
from .references import AllowedNamespaces, ObjectRef

AssetProperties = Annotated[
    dict[str, Annotated[str, Field(max_length=1024)]],
    Field(max_length=40),
    Cel("self.all(key, size(key) <= 128)", "names of properties have at most 128 characters"),
]
StoredAt = Annotated[
    str, Field(min_length=1, max_length=2048, pattern=r"^(azureml://|https://|wasbs?://|abfss?://)[^\s]+$")
]
"""Where files are: a datastore, the outputs of a job, or a blob."""
AssetVersionName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9][-_.a-zA-Z0-9]*$")]
Stage = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z][-_a-zA-Z0-9]*$")]
ANOTHER = "cannot be changed: create another object for another version"


def content(name: str) -> Cel:
    """The rule of a field that is content of the version."""
    return fixed(name, f"{name} cannot be changed, added or removed later: create another object for another version")


class AssetSpec(ManagedSpec):
    """Desired state of a version of something that is registered in a workspace."""

    workspace_ref: Annotated[ObjectRef, Immutable(f"workspaceRef {ANOTHER}")]
    """The AzureMLWorkspace it is registered in."""
    azure_name: AssetName | None = None
    """Name in Azure; all versions share it. Unset: the object's name."""
    version: Annotated[AssetVersionName, Immutable(f"version {ANOTHER}")]
    """Its version. What a version holds cannot be changed at Azure: another version is another object."""
    description: Annotated[str, Field(max_length=1024)] | None = None
    """What it is for."""
    tags: Tags | None = None
    """Tags. Those that are not written here are left alone."""
    properties: AssetProperties | None = None
    """Properties that Azure keeps with it. Cannot be changed."""
    stage: Stage | None = None
    """How far it is, such as `Development` or `Production`."""
    archived: bool | None = None
    """True hides it from lists; what uses it goes on working."""
    allowed_namespaces: AllowedNamespaces | None = None
    """Who may refer to it. Unset: only this namespace."""


class AssetStatus(ManagedStatus):
    """How the version stands."""

    asset_id: ArmId | None = None
    """Its ARM id, for what takes ids."""
    version: AssetVersionName | None = None
    """Its version."""
    stage: Annotated[str, Field(max_length=64)] | None = None
    """How far it is."""
    archived: bool | None = None
    """Whether it is hidden from lists."""
    provisioning_state: ProvisioningState | None = None
    """What Azure says."""
