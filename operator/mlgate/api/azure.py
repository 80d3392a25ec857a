"""Field types that several Azure ML kinds share: identities, tags, names.

Names: shared facts, azure-ml section 2. ARM tags: at most 50 per resource; some carry our mark.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .markers import Cel, ListSet
from .meta import Api, ArmId

EndpointName = Annotated[str, Field(min_length=3, max_length=32, pattern=r"^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$")]
"""An endpoint or a deployment."""
WorkspaceName = Annotated[str, Field(min_length=3, max_length=33, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}$")]
AssetName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9][-_.a-zA-Z0-9]*$")]

OBJECT_NAME_IS_ENDPOINT_NAME = Cel(
    "has(self.spec.azureName) || (size(self.metadata.name) >= 3 && size(self.metadata.name) <= 32"
    " && self.metadata.name.matches('^[a-z][-a-z0-9]*$'))",
    "Azure takes names of 3 to 32 letters, digits and dashes that begin with a letter: name the object so,"
    " or write azureName",
)

Tags = Annotated[
    dict[str, Annotated[str, Field(max_length=256)]],
    Field(max_length=40),
    Cel("self.all(key, size(key) <= 512)", "keys of tags have at most 512 characters"),
    Cel("self.all(key, !key.startsWith('mlgate'))", "tags that begin with mlgate are mlgate's own"),
]
Toggle = Literal["Enabled", "Disabled"]
ProvisioningState = Annotated[str, Field(max_length=32)]


class Identity(Api):
    """As whom a resource acts inside Azure."""

    validations: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "has(self.userAssignedIdentities) == (self.type in ['UserAssigned', 'SystemAssigned,UserAssigned'])",
            "userAssignedIdentities goes with a type that includes UserAssigned, and only with it",
        ),
    )

    type: Literal["SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned", "None"]
    """`SystemAssigned`: an identity of its own. `UserAssigned`: the listed ones."""
    user_assigned_identities: Annotated[list[ArmId], Field(min_length=1, max_length=16), ListSet()] | None = None
    """ARM ids of the user-assigned identities."""
