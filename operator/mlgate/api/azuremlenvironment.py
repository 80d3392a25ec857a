"""AzureMLEnvironment: a version of an environment, in which models run: a container image, what conda adds to it, or a
place with a Dockerfile to build one from."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .azuremlasset import AssetSpec, AssetStatus, StoredAt, content
from .markers import Cel, exactly_one
from .meta import Api, Column, KindType, columns


class BuildContext(Api):
    """What an image is built from."""

    context_uri: StoredAt
    """Where the files are: in a datastore or a blob. Files of this machine are not uploaded."""
    dockerfile_path: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """The Dockerfile among them. Azure's own default is `Dockerfile`."""


class Route(Api):
    """A path that the container answers."""

    path: Annotated[str, Field(min_length=1, max_length=512, pattern=r"^/[^\s]*$")]
    """The path."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """The port."""


class InferenceConfig(Api):
    """How to talk to a container of one's own."""

    liveness_route: Route
    """Says that it is alive."""
    readiness_route: Route
    """Says that it is ready."""
    scoring_route: Route
    """Scores."""


class AzureMLEnvironmentSpec(AssetSpec):
    """Desired state of a version of an environment."""

    validations: ClassVar[tuple[Cel, ...]] = (
        content("azureName"),
        content("properties"),
        content("image"),
        content("condaFile"),
        content("build"),
        content("inferenceConfig"),
        content("osType"),
        exactly_one("image", "build", message="write either image or build, not both"),
        Cel("!has(self.condaFile) || has(self.image)", "condaFile adds to an image: write image too"),
    )

    image: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^\s]+$")] | None = None
    """The container image, such as `mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04`."""
    conda_file: Annotated[str, Field(min_length=1, max_length=65536)] | None = None
    """A conda environment as YAML, which Azure builds on top of the image."""
    build: BuildContext | None = None
    """What the image is built from."""
    inference_config: InferenceConfig | None = None
    """How to talk to a container of one's own."""
    os_type: Literal["Linux", "Windows"] | None = None
    """The operating system. Azure's own default is Linux."""


class AzureMLEnvironmentStatus(AssetStatus):
    """How the version of the environment stands."""

    image: Annotated[str, Field(max_length=1024)] | None = None
    """The image it is or is built on."""


AZURE_ML_ENVIRONMENT = KindType(
    kind="AzureMLEnvironment",
    plural="azuremlenvironments",
    short_names=("amlenv",),
    spec=AzureMLEnvironmentSpec,
    status=AzureMLEnvironmentStatus,
    description="A version of an environment that is registered in an Azure ML workspace.",
    columns=columns(
        Column("Version", ".spec.version"),
        Column("Image", ".status.image", priority=1),
    ),
)
