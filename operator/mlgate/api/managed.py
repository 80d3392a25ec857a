"""What every kind has in common: the policies in spec and the shape of status.

The status shape is what the API server stores; the engine writes it, nobody else. Everything that survives a restart
and is needed to keep the promises (creating something once, managing only our entries of shared lists) is here,
because the API server drops what the schema does not name.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .markers import Format, ListMap, ListSet, Within
from .meta import Api, Duration, Timestamp

ExternalId = Annotated[str, Field(min_length=1, max_length=1024)]


class Import(Api):
    """Something that exists outside and becomes this object's."""

    id: ExternalId
    """Its id outside: what the service itself calls it (an Auth0 id, an ARM id)."""


class ManagedSpec(Api):
    """How this object is looked after."""

    management_policy: Literal["Manage", "Plan", "Observe"] = "Manage"
    """`Manage` keeps outside as written here. `Plan` publishes what it would do in `status.plan` and does it only when
    the annotation `mlgate.dev/approve` carries the plan's hash. `Observe` reads and never writes."""
    deletion_policy: Literal["Delete", "Orphan"] = "Delete"
    """What happens outside when this object is deleted: `Delete` removes it there too, `Orphan` leaves it."""
    drift_policy: Literal["Correct", "Report"] = "Correct"
    """What happens when someone changes outside what is written here: `Correct` sets it back, `Report` only says so."""
    resync_interval: Annotated[Duration, Within("10s", "24h")] | None = None
    """How often outside is looked at when nothing happens here, such as `10m`. Unset: the operator's default."""
    import_: Annotated[Import | None, Field(alias="import")] = None
    """Take over what already exists outside instead of creating it."""


class Condition(Api):
    """One aspect of how the object stands."""

    type: Annotated[str, Field(min_length=1, max_length=316)]
    """Which aspect."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: Annotated[str, Field(max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    """Why, as one word of a closed list."""
    message: Annotated[str, Field(max_length=32768)] = ""
    """What, why and what to do, for people."""
    last_transition_time: Timestamp
    """When `status` last changed."""
    observed_generation: Annotated[int, Field(ge=0), Format("int64")] | None = None
    """The `metadata.generation` this is about."""


class Change(Api):
    """One field that differs."""

    path: Annotated[str, Field(max_length=512)]
    """Which field, as in the manifest."""
    action: Annotated[str, Field(max_length=32)]
    """What is or would be done: `add`, `replace` or `remove`."""
    old: Annotated[str, Field(max_length=4096)] | None = None
    """The value outside, as JSON, shortened if long; `***` for a secret."""
    new: Annotated[str, Field(max_length=4096)] | None = None
    """The value asked for, as JSON, shortened if long; `***` for a secret."""


Changes = Annotated[list[Change], Field(max_length=256)]


class PlanStatus(Api):
    """What would be done."""

    hash: Annotated[str, Field(max_length=128)]
    """Write it into the annotation `mlgate.dev/approve` to have exactly this plan carried out."""
    summary: Annotated[str, Field(max_length=1024)] = ""
    """The plan in one line."""
    changes: Changes | None = None
    """Field by field; at most 256 are listed."""


class DriftStatus(Api):
    """How outside differs from the manifest because someone else changed it."""

    detected_at: Timestamp
    """When it was first seen."""
    summary: Annotated[str, Field(max_length=1024)] = ""
    """The difference in one line."""
    changes: Changes | None = None
    """Field by field; at most 256 are listed."""


class ManagedStatus(Api):
    """How the object stands. Written by mlgate only."""

    conditions: Annotated[list[Condition], Field(max_length=32), ListMap("type")] | None = None
    """How the object stands, aspect by aspect; `Ready` first."""
    observed_generation: Annotated[int, Field(ge=0), Format("int64")] | None = None
    """The `metadata.generation` that was last worked on."""
    external_id: Annotated[str, Field(max_length=1024)] | None = None
    """The id of what this object stands for outside."""
    last_sync_time: Timestamp | None = None
    """When outside was last seen to be as written here."""
    operation_since: Timestamp | None = None
    """Since when the service has been working on the last change; gone when it is through."""
    last_handled_reconcile_at: Annotated[str, Field(max_length=256)] | None = None
    """The value of the annotation `mlgate.dev/reconcile-requested-at` that was last acted on."""
    wish_hash: Annotated[str, Field(max_length=64)] | None = None
    """Fingerprint of the wish that was carried out last."""
    synced_hash: Annotated[str, Field(max_length=64)] | None = None
    """Fingerprint of the wish that was last seen to be out there: tells a change outside from a change here."""
    plan: PlanStatus | None = None
    """What would be done, with `managementPolicy: Plan` or when something holds the change back."""
    drift: DriftStatus | None = None
    """What others changed outside and was not set back."""
    managed: (
        Annotated[
            dict[str, Annotated[list[Annotated[str, Field(max_length=1024)]], Field(max_length=1024), ListSet()]],
            Field(max_length=16),
        ]
        | None
    ) = None
    """Which entries of lists that others write to as well are ours, by field; of secrets, a fingerprint of what was sent."""
