"""What all kinds are made of: the model base class, scalar types with bounds, columns, and `KindType`.

Nothing here knows a kind. Python names are snake_case, manifests camelCase. A field that the user did not write is
None and not in `model_fields_set`; "unset means unmanaged" rests on that, so kinds read `model_fields_set` or
`to_wire()` and never invent defaults for outside fields here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema

from mlgate.store.protocol import Object, Resource

from .markers import VALIDATIONS, Cel, Format

if TYPE_CHECKING:
    from .managed import ManagedSpec, ManagedStatus

GROUP = "mlgate.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

FINALIZER = f"{GROUP}/finalizer"
"""Ours on every object: held until what the object stands for outside is gone or deliberately left."""
PAUSED = f"{GROUP}/paused"
"""Annotation: any value but `false` holds every write for this object."""
RECONCILE_REQUESTED_AT = f"{GROUP}/reconcile-requested-at"
"""Annotation: a new value asks for a look right now; echoed in `status.lastHandledReconcileAt`."""
APPROVE = f"{GROUP}/approve"
"""Annotation: the hash of the plan in status that may be carried out."""
PROMOTE = f"{GROUP}/promote"
"""Annotation: `status.rollout.promote` ends this pause of a rollout, the new deployment's name ends all of them."""
ABORT = f"{GROUP}/abort"
"""Annotation: the name of the new deployment whose rollout is taken back."""
RETRY = f"{GROUP}/retry"
"""Annotation: `status.rollout.failure.retry` tries a revision again that was taken back."""


class Api(BaseModel):
    """Base of everything a manifest is made of.

    Unknown fields are ignored when reading: what the store returns was already checked and pruned by the CRD's schema.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )

    validations: ClassVar[tuple[Cel, ...]] = ()
    """CEL rules over the whole model; those of base classes come first."""
    omit: ClassVar[frozenset[str]] = frozenset()
    """Inherited fields (camelCase) that make no sense here: left out of the schema, so they keep their defaults."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler.resolve_ref_schema(handler(core))
        for name in cls.omit:
            schema.get("properties", {}).pop(name, None)
        rules = [rule.as_json() for base in reversed(cls.__mro__) for rule in base.__dict__.get("validations", ())]
        if rules:
            schema[VALIDATIONS] = rules
        return schema

    def to_wire(self) -> dict[str, Any]:
        """As a manifest says it: camelCase JSON, only what was set."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


# Scalars. Patterns keep to what Go's RE2, Rust's regex and Python's re agree on.
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
Namespace = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
SecretKey = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
Duration = Annotated[str, Field(max_length=32, pattern=r"^([0-9]{1,9}(ms|s|m|h)){1,4}$")]
Timestamp = Annotated[str, Field(max_length=64), Format("date-time")]
Host = Annotated[
    str,
    Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"),
]
HostOrWildcard = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    ),
]
HttpsUrl = Annotated[str, Field(max_length=2048, pattern=r"^https://[^\s/?#]+[^\s]*$")]
Uuid = Annotated[
    str, Field(max_length=36, pattern=r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$")
]
ArmId = Annotated[str, Field(max_length=1024, pattern=r"^/subscriptions/[^\s]+$")]
Permission = Annotated[str, Field(min_length=1, max_length=280, pattern=r"^[\x21\x23-\x5B\x5D-\x7E]+$")]
"""An Auth0 permission (scope): RFC 6749's scope-token, at most 280 characters (shared facts, auth0 section 2.2)."""
Audience = Annotated[str, Field(min_length=1, max_length=600, pattern=r"^[^\s]+$")]
"""The identifier of an Auth0 API: 1 to 600 characters, usually a URL (shared facts, auth0 section 2.2)."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> timedelta:
    """`1h30m` as a timedelta. Raises ValueError for anything the schema's pattern refuses."""
    if not re.fullmatch(r"([0-9]{1,9}(ms|s|m|h)){1,4}", text):
        raise ValueError(f"{text!r} is not a duration such as 90s, 10m or 1h30m")
    return timedelta(seconds=sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"([0-9]+)(ms|s|m|h)", text)))


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column of `kubectl get`. `priority` 1 shows it only with `-o wide`."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0
    description: str = ""

    def as_json(self) -> dict[str, Any]:
        column: dict[str, Any] = {"name": self.name, "type": self.type, "jsonPath": self.path}
        if self.priority:
            column["priority"] = self.priority
        if self.description:
            column["description"] = self.description
        return column


def _condition(kind: str, part: str) -> str:
    return f'.status.conditions[?(@.type=="{kind}")].{part}'


READY = Column("Ready", _condition("Ready", "status"), description="Usable now.")
SYNCED = Column("Synced", _condition("Synced", "status"), description="This generation is what is out there.")
REASON = Column("Reason", _condition("Ready", "reason"), description="Why Ready is as it is.")
AGE = Column("Age", ".metadata.creationTimestamp", type="date")
MESSAGE = Column("Message", _condition("Ready", "message"), priority=1, description="What, why, and what to do.")


def columns(*own: Column) -> tuple[Column, ...]:
    """The columns of a kind: its own, then what every kind shows."""
    return (*own, READY, SYNCED, REASON, AGE, MESSAGE)


@dataclass(frozen=True)
class KindType:
    """One kind of manifest: its names, its types and how kubectl shows it. The source of its CRD and of its docs."""

    kind: str
    plural: str
    short_names: tuple[str, ...]
    spec: type[ManagedSpec]
    status: type[ManagedStatus]
    description: str
    columns: tuple[Column, ...] = field(default_factory=columns)
    categories: tuple[str, ...] = ("mlgate",)
    conditions: Mapping[str, str] = field(default_factory=dict)
    """Condition types beyond Ready and Synced, each with what True means."""
    rules: tuple[Cel, ...] = ()
    """CEL rules over the whole object, where `self.metadata.name` is known too."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the CRD itself."""

    @property
    def resource(self) -> Resource:
        return Resource(GROUP, VERSION, self.kind, self.plural)

    @property
    def singular(self) -> str:
        return self.kind.lower()

    def manifest(self, namespace: str, name: str, spec: ManagedSpec, **metadata: Any) -> Object:
        """A manifest of this kind that says `spec`; `metadata` adds labels, annotations or ownerReferences."""
        return {
            "apiVersion": API_VERSION,
            "kind": self.kind,
            "metadata": {"name": name, "namespace": namespace, **metadata},
            "spec": spec.to_wire(),
        }
