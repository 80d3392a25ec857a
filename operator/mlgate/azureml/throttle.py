"""How many requests a subscription has left, learned from its answers, and who must wait when few are left.

ARM counts reads, writes and deletes of a subscription in buckets of their own and tells what remains in
`x-ms-ratelimit-remaining-subscription-*`; deployment PUTs have one more, of 25 (recording TestOnlineDeployment). All
operators, pipelines and people in the subscription share them, so the last ones are kept for what a user is waiting
for. The bucket of deployment PUTs is small, and what a user waits for is what empties it: a PUT that would find nothing
left is not sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from mlgate.errors import Quota
from mlgate.outbound import Urgency

PREFIX = "x-ms-ratelimit-remaining-subscription-"
LOW = {"reads": 100, "writes": 20, "deletes": 20}
PAUSE = {Urgency.PROGRESS: 15.0, Urgency.DRIFT: 60.0}  # seconds
STALE = 60.0  # seconds; buckets refill, so an old figure stops nobody
DEPLOYMENTS = "resource-requests"
REFILL = 12.0  # seconds in which one more deployment PUT may leave: 25 in five minutes (recording TestOnlineDeployment)
_DEPLOYMENT = re.compile(r"/onlineendpoints/[^/]+/deployments/[^/]+$", re.IGNORECASE)
_BUCKET = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}


class Throttle:
    """The buckets of one subscription. `clock` in seconds, any origin."""

    def __init__(self, gate: str, subscription: str, clock: Callable[[], float]) -> None:
        self._gate = gate
        self._subscription = subscription
        self._clock = clock
        self._left: dict[str, tuple[int, float]] = {}

    def learn(self, headers: Mapping[str, str]) -> int | None:
        """Takes in the headers (lower-case names) of an answer; returns what is left in the bucket they speak of."""
        lowest: int | None = None
        for name, value in headers.items():
            if name.startswith(PREFIX) and value.isdigit():
                self._left[name.removeprefix(PREFIX)] = (int(value), self._clock())
                lowest = int(value) if lowest is None else min(lowest, int(value))
        return lowest

    def admit(self, method: str, path: str, urgency: Urgency, *, jitter: float) -> None:
        """Raises Quota when a request that can wait would take one of the last ones, and for a deployment's PUT when
        there is none left.

        Its gate is not the subscription's own: other requests go on.
        """
        if method == "PUT" and _DEPLOYMENT.search(path):
            self._admit_deployment(jitter)
            return
        pause = PAUSE.get(urgency)
        bucket = _BUCKET.get(method, "writes")
        left, at = self._left.get(bucket, (None, 0.0))
        if pause is None or left is None or left >= LOW[bucket] or self._clock() - at > STALE:
            return
        raise Quota(
            f"Subscription {self._subscription} has {left} {bucket} left at Azure Resource Manager; mlgate keeps "
            f"them for changes and looks again later.",
            gate=f"{self._gate}/background",
            after=pause * (1 + 0.25 * jitter),
        )

    def _admit_deployment(self, jitter: float) -> None:
        if DEPLOYMENTS not in self._left:
            return
        left, at = self._left[DEPLOYMENTS]
        wait = at + REFILL - self._clock()
        if (
            left > 0 or wait <= 0
        ):  # taken at once: others may be on their way before this one's answer tells what is left
            self._left[DEPLOYMENTS] = (max(0, left - 1), self._clock())
            return
        raise Quota(
            f"Subscription {self._subscription} has no change of a deployment left at Azure Resource Manager for now (25 in "
            "five minutes, for everybody in it); mlgate goes on by itself.",
            gate=f"{self._gate}/deployments",
            after=wait * (1 + 0.25 * jitter),
        )

    def left(self) -> dict[str, int]:
        """What remains by bucket, as last heard."""
        return {name: count for name, (count, _) in self._left.items()}
