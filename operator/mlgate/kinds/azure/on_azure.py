"""What all kinds of Azure ML share: how the session is found, and how our mark looks in tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from ...api.azureconnection import AzureConnectionSpec
from ...api.managed import ManagedSpec
from ...api.meta import RECONCILE_REQUESTED_AT
from ...azureml import (
    AzureAccess,
    ClientSecret,
    Elsewhere,
    ManagedIdentity,
    Progress,
    Session,
    Sessions,
    WorkloadIdentity,
)
from ...azureml.progress import DEADLINE, State
from ...engine.marks import Mark
from ...engine.protocols import Connection, External, Health, Seen, Wanted
from ...engine.references import Target
from ...errors import Terminal
from ...reasons import Reason
from ...sensitive import Sensitive

SpecT = TypeVar("SpecT", bound=ManagedSpec)
ConnT = TypeVar("ConnT", bound=Connection)

TAG_OWNER, TAG_UID = "mlgate-owner", "mlgate-uid"

CLOUDS = {"AzureCloud": "Public", "AzureUSGovernment": "USGovernment", "AzureChinaCloud": "China"}

TOKEN_FILE = "/var/run/secrets/azure/tokens/azure-identity-token"  # noqa: S105 (a path)
"""Where the Azure workload identity webhook mounts the projected token."""


class OnAzure(External[SpecT, ConnT]):
    """A kind that is a resource of Azure's: its name is looked at before it is made, its mark is in its tags."""

    looks_before_deleting = True
    looks_before_writing = True
    looks_first = True
    tags_at: ClassVar[str] = "tags"
    """Where its tags are in the body."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def with_mark(self, wanted: Wanted, mark: Mark) -> Wanted:
        return {**wanted, self.tags_at: {**wanted[self.tags_at], **mark_tags(mark)}}


def access(
    spec: AzureConnectionSpec, namespace: str, name: str, secrets: Mapping[str, Sensitive] | None
) -> AzureAccess:
    """How a subscription is reached. Raises Terminal CredentialsMissing naming the Secret's missing key."""
    called, secret_name = f"AzureConnection {namespace}/{name}", None
    auth: WorkloadIdentity | ManagedIdentity | ClientSecret
    match spec.auth.type:
        case "ClientSecret":
            assert spec.auth.secret_ref is not None and spec.auth.client_id is not None
            secret_name = f"{namespace}/{spec.auth.secret_ref.name}"
            value = (secrets or {}).get("clientSecret")
            if not value:
                raise Terminal(
                    f"Secret {secret_name} lacks clientSecret, which {called} signs in with. "
                    "Put it there; mlgate goes on as soon as it is.",
                    reason=Reason.CREDENTIALS_MISSING,
                )
            auth = ClientSecret(spec.auth.client_id, Sensitive(value.reveal().strip()))
        case "WorkloadIdentity":
            auth = WorkloadIdentity(spec.auth.client_id or "", TOKEN_FILE)
        case "ManagedIdentity":
            auth = ManagedIdentity(spec.auth.client_id)
    named = spec.endpoints
    elsewhere = (
        Elsewhere(named.resource_manager, named.authority, named.resource_manager_audience, named.scoring_audience)
        if named
        else None
    )
    return AzureAccess(CLOUDS[spec.cloud], spec.tenant_id, spec.subscription_id, auth, called, secret_name, elsewhere)


def session(sessions: Sessions, target: Target, secrets: Mapping[Any, Mapping[str, Sensitive]]) -> Session:
    """The session of an AzureConnection."""
    spec = AzureConnectionSpec.model_validate(target.spec)
    named = spec.auth.secret_ref.name if spec.auth.secret_ref else None
    data = next((d for key, d in secrets.items() if (key.namespace, key.name) == (target.namespace, named)), None)
    return sessions.session(access(spec, target.namespace, target.name, data))


def mark_tags(mark: Mark) -> dict[str, str]:
    """Our mark as tags."""
    return {TAG_OWNER: mark.owner, TAG_UID: mark.uid}


def whose(tags: Mapping[str, str] | None, mark: Mark) -> tuple[bool | None, str | None]:
    """Whether tags carry this object's mark (None: no mark at all), and the readable owner when it is another's."""
    found = tags or {}
    ours = mark.is_on(owner=found.get(TAG_OWNER), uid=found.get(TAG_UID))
    return ours, found.get(TAG_OWNER) if ours is False else None


def met_first(seen: Seen | None) -> list[Seen]:
    """What holds the name of an object whose id was never stored. Every request of ours that makes something carries
    the mark, so what has none is somebody else's."""
    return [replace(seen, ours=bool(seen.ours))] if seen else []


def going(progress: Progress) -> str:
    """What something says that is to be deleted and has an operation under way: Azure takes no second one."""
    if progress.state is State.DELETING:
        return "Azure removes it."
    return f"Azure is still working on it ({progress.state}); it goes when that has ended."


def health(progress: Progress, *, usable: bool, failure: str = "", may_pass: bool = False) -> Health:
    """How something whose operation stands like this is. `usable`: it answers although it is being changed;
    `may_pass`: the same request may succeed another time."""
    told = failure or _unexplained(progress, may_pass=may_pass)
    return replace(_health(progress, usable=usable, failure=told), limit=DEADLINE, may_pass=may_pass)


def _unexplained(progress: Progress, *, may_pass: bool) -> str:
    """Of a failure about which the resource says no more than its state."""
    goes_on = (
        "mlgate sends the manifest again by itself, though not at once."
        if may_pass
        else f"To have the manifest sent again, set the annotation {RECONCILE_REQUESTED_AT} to a new value."
    )
    return (
        f"Azure's last operation on it ended as {progress.state}, and its answer does not say why; the activity log in the "
        f"Azure portal may. {goes_on}"
    )


def _health(progress: Progress, *, usable: bool, failure: str) -> Health:
    match progress.state:
        case State.SUCCEEDED:
            return Health(True)
        case State.FAILED | State.CANCELED:
            return Health(False, Reason.PROVISIONING_FAILED, failure, failed=True)
        case State.CREATING:
            return Health(False, Reason.CREATING, "Azure is making it.", settled=False, again=progress.after)
        case State.DELETING | State.SOFT_DELETED:
            message = "It is being deleted outside."
            return Health(False, Reason.EXTERNAL_GONE, message, settled=False, again=progress.after)
        case _:
            message = "Azure is working on it."
            reason = Reason.UPDATING if usable else Reason.CREATING
            return Health(usable, reason, message, settled=False, again=progress.after)
