"""Auth0Action: code that Auth0 runs at a point of a flow, such as after each login.

Limits (shared facts, auth0 section 5): code at most 100 kB, 30 secrets and 10 dependencies per Action, 100 Actions per
tenant, 20 per trigger. The trigger is fixed once the Action exists (section 2.3).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .managed import ManagedSpec, ManagedStatus
from .markers import Cel, Immutable, ListMap, exactly_one
from .meta import Api, Column, KindType, ObjectName, SecretKey, columns
from .references import ObjectRef, SecretSource

Trigger = Literal[
    "post-login",
    "credentials-exchange",
    "pre-user-registration",
    "post-user-registration",
    "post-change-password",
    "send-phone-message",
    "password-reset-post-challenge",
    "custom-phone-provider",
    "custom-email-provider",
    "custom-token-exchange",
    "event-stream",
    "password-hash-migration",
    "mcp-tool",
]


class ActionTrigger(Api):
    """The point of a flow at which the code runs."""

    id: Annotated[Trigger, Immutable("trigger.id cannot be changed: create another Auth0Action")]
    """Which one, such as `post-login`."""
    version: Annotated[str, Field(max_length=8, pattern=r"^v[0-9]{1,3}$")] | None = None
    """Its version. Unset: the current one when the Action is made (post-login `v3`)."""


class ConfigMapKeyRef(Api):
    """Points at one key of a ConfigMap in the same namespace."""

    name: ObjectName
    """Name of the ConfigMap."""
    key: SecretKey
    """Key inside the ConfigMap."""


class CodeSource(Api):
    """Where the code is."""

    config_map_ref: ConfigMapKeyRef
    """A key of a ConfigMap. A change of it is picked up at the next look, at the latest after `resyncInterval`."""


class ActionDependency(Api):
    """A package of the npm registry."""

    name: Annotated[str, Field(min_length=1, max_length=214, pattern=r"^[^\s]+$")]
    """Its name."""
    version: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\s]+$")]
    """Its exact version."""


class ActionSecret(Api):
    """A value that the code sees as `event.secrets.<name>`."""

    name: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    """Its name in the code."""
    value_from: SecretSource
    """Where its value is. It is sent when the Action is made and when it changes, and never shown."""


class ActionBinding(Api):
    """The Action's place among those that run at its trigger."""

    display_name: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """What Auth0's flow editor shows. Unset: the Action's name."""
    priority: Annotated[int, Field(ge=0, le=10_000)] = 100
    """The order among the Actions that mlgate binds: lower runs first. Those bound by others keep their place."""


class Auth0ActionSpec(ManagedSpec):
    """Desired state of an Action."""

    validations: ClassVar[tuple[Cel, ...]] = (
        exactly_one("code", "codeFrom", message="write either code or codeFrom, not both and not neither"),
        Cel("!has(self.binding) || self.deploy", "only what is deployed can be bound: leave out deploy: false"),
        Cel(
            "!has(self.binding) || !(self.trigger.id in "
            "['custom-token-exchange', 'event-stream', 'password-hash-migration', 'mcp-tool'])",
            "Actions of this trigger are not bound to it but named by what uses them: leave out binding",
        ),
    )

    tenant_ref: Annotated[ObjectRef, Immutable("tenantRef cannot be changed: create another Auth0Action")]
    """The Auth0Tenant that the Action lives in."""
    name: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """Name of the Action. Unset: the object's name."""
    trigger: ActionTrigger
    """When it runs."""
    code: Annotated[str, Field(min_length=1, max_length=99_000)] | None = None
    """The code. mlgate puts one comment line before it that says whose Action it is."""
    code_from: CodeSource | None = None
    """Where the code is, instead of `code`."""
    runtime: Annotated[str, Field(max_length=32, pattern=r"^node[0-9]+(-actions)?$")] | None = None
    """What runs it. Unset: `node22` when the Action is made, not changed later."""
    dependencies: Annotated[list[ActionDependency], Field(max_length=10), ListMap("name")] | None = None
    """The packages it uses; others that it has are removed. Unset: not managed."""
    secrets: Annotated[list[ActionSecret], Field(max_length=30), ListMap("name")] | None = None
    """The values it is given; others that it has are removed. Unset: not managed."""
    deploy: bool = True
    """Whether each change is deployed. With false it stays a draft that no user meets."""
    binding: ActionBinding | None = None
    """Binds it to its trigger. Unset: mlgate does not bind it; taking it out of the manifest takes the binding away."""


class Auth0ActionStatus(ManagedStatus):
    """How the Action stands."""

    action_id: Annotated[str, Field(max_length=64)] | None = None
    """Its id at Auth0."""
    name: Annotated[str, Field(max_length=255)] | None = None
    """Its name at Auth0."""
    build_status: Annotated[str, Field(max_length=32)] | None = None
    """How far the draft is: `pending`, `building`, `built` or `failed`."""
    version_id: Annotated[str, Field(max_length=64)] | None = None
    """The id of the version that runs."""
    deployed_version: Annotated[int, Field(ge=0, le=2_000_000_000)] | None = None
    """The number of the version that runs."""
    all_changes_deployed: bool | None = None
    """Whether the draft is what runs."""
    bound: bool | None = None
    """Whether it is bound to its trigger, where `binding` is or was written."""


AUTH0_ACTION = KindType(
    kind="Auth0Action",
    plural="auth0actions",
    short_names=("a0a",),
    spec=Auth0ActionSpec,
    status=Auth0ActionStatus,
    description="Code that Auth0 runs at a point of a flow: built, deployed, and bound in its place.",
    columns=columns(
        Column("Trigger", ".spec.trigger.id"),
        Column("Version", ".status.deployedVersion", type="integer"),
        Column("Action-ID", ".status.actionId", priority=1),
    ),
)
