"""Sessions: Azure as one AzureConnection sees it. One per set of credentials, kept for the life of the process."""

from __future__ import annotations

import random as random_module
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from mlgate.errors import Denied, Gone, Terminal
from mlgate.reasons import Reason

from . import progress as progress_module
from .access import AzureAccess, Cloud, Elsewhere
from .arm_id import Subject
from .assets import AssetVersions
from .batch_deployments import BatchDeployments
from .batch_endpoints import BatchEndpoints
from .computes import Computes
from .deployments import Deployments
from .endpoints import Endpoints
from .jobs import Jobs
from .model_versions import ModelVersions
from .preflight_reads import PreflightReads
from .progress import OperationStatus, Progress
from .resources import Aging
from .scoring import Scoring
from .tracking import Tracking
from .wire import EndpointToken, Outlets, RequestSeen, Wire, with_addresses
from .workspaces import Workspaces


class Session:
    """Azure ML in one subscription, as one identity.

    `gate` names what Quota and CredentialsRejected shut. All methods raise the errors of mlgate.errors; none waits
    for a long operation.
    """

    def __init__(
        self,
        access: AzureAccess,
        cloud: Cloud,
        wire: Wire,
        aging: Aging,
        *,
        poll_scale: float,
        listing_max_age: float,
        records: str | None = None,
    ) -> None:
        self.gate = access.gate
        self.access = access
        self.workspaces = Workspaces(wire, access.subscription_id)
        self.endpoints = Endpoints(wire, aging)
        self.deployments = Deployments(wire, aging)
        self.batch_endpoints = BatchEndpoints(wire, aging)
        self.batch_deployments = BatchDeployments(wire, aging)
        self.computes = Computes(wire)
        self.jobs = Jobs(wire)
        self.tracking = Tracking(wire, cloud.scoring_scope, records)
        self.registered_models = AssetVersions(wire, Subject.MODEL, "models")
        self.registered_environments = AssetVersions(wire, Subject.ENVIRONMENT, "environments")
        self.models = ModelVersions(wire, max_age=listing_max_age, clock=wire.now)
        self.preflight = PreflightReads(wire, access.subscription_id)
        self._cloud = cloud
        self._wire = wire
        self._poll_scale = poll_scale

    async def verify(self, resource_group: str | None = None) -> None:
        """Finds out whether the credentials are good. Raises CredentialsRejected, Terminal, Retry.

        A token proves tenant, application and secret, and costs no ARM request (it is the one that the next call
        uses). With `resource_group`, one read also proves the subscription and the group. That read may be denied to
        credentials that are good for one workspace only, so a denial is no failure here.
        """
        await self._wire.token(self._cloud.arm_scope, f"token for subscription {self.access.subscription_id}")
        if resource_group is None:
            return
        try:
            await self.workspaces.in_group(resource_group)
        except (Denied, Gone):
            return

    async def scoring_token(self) -> EndpointToken:
        """An Entra token for endpoints with authMode AADToken. Its bearer needs onlineEndpoints/score/action there."""
        return await self._wire.token(self._cloud.scoring_scope, "token for scoring", fresh=True)

    def progress(self, resource: Mapping[str, Any]) -> Progress:
        """Where a resource stands and when to look again. Raises Retry when it does not say."""
        return progress_module.progress(resource, scale=self._poll_scale, jitter=self._wire.jitter())

    def look_again(self, subject: Subject) -> float:
        """Seconds to wait after a write whose answer carried no resource (workspaces, deletions)."""
        return progress_module.look_again(subject, scale=self._poll_scale, jitter=self._wire.jitter())

    async def operation(self, uri: str) -> OperationStatus | None:
        """An operation's own account, for the error of one that failed; None when Azure has forgotten it."""
        try:
            answer = await self._wire.follow(uri, "operation of Azure ML")
        except Gone:
            return None
        return progress_module.operation_status(answer.body if isinstance(answer.body, dict) else {})

    def requests_left(self) -> dict[str, int]:
        """What the subscription has left by bucket (reads, writes, deletes, …), as last heard."""
        return self._wire.throttle.left()


class Sessions:
    """The sessions of a process.

    `endpoint_hosts` are those that a connection may name instead of its cloud's own (`AzureAccess.elsewhere`).
    `resource_manager` and `authority` replace the cloud's addresses (development, tests, private clouds; both https),
    `records` the host that workspaces name for run history and MLflow,
    `ca_file` is the CA that signs them, `scoring_ca_file` that of the scoring hosts. `listing_max_age` is how old a list
    of model versions may be, in seconds, `snapshot_max_age` how old one that answers drift checks. `poll_scale` shortens
    the waits for long operations. `clock` is UNIX seconds, `random` from 0 up to 1; `on_request` hears of every ARM
    request.
    """

    def __init__(
        self,
        *,
        endpoint_hosts: Collection[str] = (),
        resource_manager: str | None = None,
        authority: str | None = None,
        records: str | None = None,
        ca_file: str | None = None,
        scoring_ca_file: str | None = None,
        listing_max_age: float = 60.0,
        poll_scale: float = 1.0,
        snapshot_max_age: float = 60.0,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
        on_request: Callable[[RequestSeen], None] | None = None,
    ) -> None:
        self._endpoint_hosts = {host.lower() for host in endpoint_hosts}
        self._resource_manager = resource_manager
        self._authority = authority
        self._records = records
        self._poll_scale = poll_scale
        self._aging = Aging(snapshot_max_age, clock)
        self._clock = clock
        self._random = random
        self._on_request = on_request
        self._listing_max_age = listing_max_age
        self._outlets = Outlets(ca_file)
        self.scoring = Scoring(scoring_ca_file or ca_file)
        self._sessions: dict[str, tuple[tuple[str, str | None], Session]] = {}

    def session(self, access: AzureAccess) -> Session:
        """The session of these credentials; a changed Secret gives a new one. Costs nothing. Raises Terminal, ValueError."""
        key = (access.fingerprint(), access.secret_name)
        known = self._sessions.get(access.name)
        if known and known[0] == key:
            return known[1]
        self._refuse_foreign(access)
        other = access.elsewhere or Elsewhere()
        cloud = with_addresses(
            access.endpoints(),
            resource_manager=other.resource_manager or self._resource_manager,
            authority=other.authority or self._authority,
        )
        wire = Wire(
            access,
            cloud,
            self._outlets,
            clock=self._clock,
            random=self._random,
            poll_scale=self._poll_scale,
            on_request=self._on_request,
        )
        session = Session(
            access,
            cloud,
            wire,
            self._aging,
            poll_scale=self._poll_scale,
            listing_max_age=self._listing_max_age,
            records=self._records,
        )
        self._sessions[access.name] = (key, session)
        return session

    def _refuse_foreign(self, access: AzureAccess) -> None:
        """mlgate's own identity, or a Secret, would be presented there: whoever runs mlgate says where that may be."""
        foreign = [host for host in (access.elsewhere or Elsewhere()).hosts() if host not in self._endpoint_hosts]
        if foreign:
            known = ", ".join(sorted(self._endpoint_hosts)) or "none"
            raise Terminal(
                f"spec.endpoints of {access.name} names {' and '.join(sorted(set(foreign)))}, where mlgate may not sign in "
                f"(it may at: {known}). Remove it, or have it allowed by whoever runs mlgate: "
                f"mlgate run --azure-endpoint-host {foreign[0]}.",
                reason=Reason.ACCESS_DENIED,
            )

    async def close(self) -> None:
        """Closes every connection."""
        self._sessions.clear()
        await self.scoring.close()
        await self._outlets.close()
