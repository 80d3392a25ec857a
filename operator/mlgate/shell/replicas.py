"""What replicas tell each other about the proxies that are connected to them.

A proxy gets its configuration from any replica, but only the leader writes status. So each replica keeps a Lease of its
own with a short report in an annotation, renewed while it lives; the leader reads them. A replica that is silent for
`SILENT` seconds is taken for gone, and its proxies with it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ..engine.clock import Clock, unix
from ..kinds.gateway.programmer import Gateways
from ..kinds.gateway.view import ReplicaReport
from ..store.protocol import LEASES, Object, Store, StoreError

log = logging.getLogger(__name__)

LABEL = "mlgate.dev/replica"
REPORT = "mlgate.dev/gateways"
LOOK_EVERY, RENEW_EVERY, SILENT = 3.0, 10.0, 35.0
"""Seconds."""


class Replicas:
    """`run` until cancelled, then `leave`."""

    def __init__(
        self,
        store: Store,
        gateways: Gateways,
        look_at: Callable[[str], None],
        *,
        namespace: str,
        lease: str,
        identity: str,
        clock: Clock,
    ) -> None:
        self._store = store
        self._gateways = gateways
        self._look_at = look_at
        self._namespace = namespace
        self._identity = identity
        self._clock = clock
        self._name = f"{lease}-replica-{hashlib.sha256(identity.encode()).hexdigest()[:10]}"
        self._label = lease
        self._said: str | None = None
        self._renewed = float("-inf")

    async def run(self) -> None:
        """Tell and listen. A store that does not answer is asked again."""
        while True:
            try:
                await self.exchange()
            except StoreError as error:
                log.info("replicas could not exchange reports: %s", error.message)
            await asyncio.sleep(LOOK_EVERY)

    async def exchange(self) -> None:
        """Write our report if it is new or due, read those of the others. Nothing is written while there is no gateway."""
        if not self._gateways.published and self._said is None:
            return
        await self._tell()
        leases = await self._store.list(LEASES, self._namespace, labels={LABEL: self._label})
        self._listen(heard(leases, but=self._name, now=self._clock.wall()))

    async def leave(self) -> None:
        """Our proxies go with us."""
        if self._said is None:
            return
        try:
            await self._store.delete(LEASES, self._namespace, self._name)
        except StoreError as error:
            log.info("the report of this replica was not removed: %s", error.message)

    async def _tell(self) -> None:
        reports = {name: self._gateways.own_report(name) for name in sorted(self._gateways.published)}
        said = json.dumps({name: [r.proxies, r.version, r.acknowledged] for name, r in reports.items()})
        now = self._clock.monotonic()
        if said == self._said and now - self._renewed < RENEW_EVERY:
            return
        await self._store.apply(LEASES, self._lease(said))
        self._said, self._renewed = said, now

    def _lease(self, said: str) -> Object:
        renewed = datetime.fromtimestamp(self._clock.wall(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": self._name,
                "namespace": self._namespace,
                "labels": {LABEL: self._label},
                "annotations": {REPORT: said},
            },
            "spec": {"holderIdentity": self._identity, "leaseDurationSeconds": int(SILENT), "renewTime": renewed},
        }

    def _listen(self, said: Mapping[str, dict[str, ReplicaReport]]) -> None:
        before, self._gateways.elsewhere = self._gateways.elsewhere, dict(said)
        for gateway in before.keys() | said.keys():
            if before.get(gateway) != said.get(gateway):
                self._look_at(gateway)


def heard(leases: list[Object], *, but: str, now: float) -> dict[str, dict[str, ReplicaReport]]:
    """The reports of the other replicas that are alive, by gateway and replica. What cannot be read is left out."""
    found: dict[str, dict[str, ReplicaReport]] = {}
    for lease in leases:
        metadata: Mapping[str, Any] = lease["metadata"]
        try:
            alive = now - unix(lease["spec"]["renewTime"]) <= SILENT
            reports = json.loads(metadata["annotations"][REPORT])
            if metadata["name"] == but or not alive:
                continue
            for gateway, (proxies, version, acknowledged) in reports.items():
                found.setdefault(gateway, {})[metadata["name"]] = ReplicaReport(int(proxies), version, acknowledged)
        except (KeyError, TypeError, ValueError):
            log.debug("the report in Lease %s cannot be read", metadata.get("name"))
    return found
