"""AzureMLModel: a version of a model that is registered in a workspace.

Its files are where they are already: in a datastore, in the outputs of a job, in a blob. mlgate uploads nothing.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .azuremlasset import ANOTHER, AssetSpec, AssetStatus, StoredAt, content
from .markers import Cel, Immutable
from .meta import Api, Column, KindType, columns


class Flavor(Api):
    """One way in which an MLflow model can be loaded."""

    data: (
        Annotated[
            dict[str, Annotated[str, Field(max_length=1024)]],
            Field(max_length=32),
            Cel("self.all(key, size(key) <= 128)", "names in the data of a flavor have at most 128 characters"),
        ]
        | None
    ) = None
    """What its loader needs to know."""


class AzureMLModelSpec(AssetSpec):
    """Desired state of a version of a model."""

    validations: ClassVar[tuple[Cel, ...]] = (
        content("azureName"),
        content("properties"),
        content("type"),
        content("flavors"),
        Cel(
            "!has(self.flavors) || (has(self.type) && self.type == 'mlflow_model')",
            "flavors go with type: mlflow_model",
        ),
    )

    path: Annotated[StoredAt, Immutable(f"path {ANOTHER}")]
    """Where its files are: `azureml://datastores/<name>/paths/<path>`, `azureml://jobs/<job>/outputs/artifacts/paths/<path>`,
    or the https address of a blob. Files of this machine are not uploaded."""
    type: Literal["custom_model", "mlflow_model", "triton_model"] | None = None
    """Its format. New ones get custom_model."""
    flavors: (
        Annotated[
            dict[str, Flavor],
            Field(max_length=16),
            Cel("self.all(key, size(key) <= 128)", "names of flavors have at most 128 characters"),
        ]
        | None
    ) = None
    """The flavors of an MLflow model, by name."""


class AzureMLModelStatus(AssetStatus):
    """How the version of the model stands."""

    path: Annotated[str, Field(max_length=2048)] | None = None
    """Where Azure keeps its files; uploads are copied."""


AZURE_ML_MODEL = KindType(
    kind="AzureMLModel",
    plural="azuremlmodels",
    short_names=("amlm",),
    spec=AzureMLModelSpec,
    status=AzureMLModelStatus,
    description="A version of a model that is registered in an Azure ML workspace.",
    columns=columns(
        Column("Version", ".spec.version"),
        Column("Type", ".spec.type"),
        Column("Stage", ".status.stage"),
        Column("Path", ".status.path", priority=1),
    ),
)
