"""ARM's request budgets: token buckets per kind of call, shown in a header on every answer.

Recorded (TestOnlineDeployment, 2022): `x-ms-ratelimit-remaining-subscription-reads|writes|deletes` start one below
12 000, 1 200 and 15 000; PUT of a deployment counts in `resource-requests` of 25; POST counts as a write.
An empty bucket answers 429 `SubscriptionRequestsThrottled` with Retry-After.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from mlgate_sim.azure import arm_errors
from mlgate_sim.azure.arm_message import ArmPath
from mlgate_sim.azure.settings import Limit

HEADER = "x-ms-ratelimit-remaining-subscription-"
LONGEST_WAIT = 3600  # seconds; what a bucket that never refills tells its callers


def bucket_of(method: str, path: ArmPath) -> str:
    """Which budget a call is taken from."""
    if method in ("GET", "HEAD"):
        return "reads"
    if method == "DELETE":
        return "deletes"
    is_deployment = path.types[1:] == ("onlineendpoints", "deployments") and path.trailing is None
    return "resource-requests" if method == "PUT" and is_deployment else "writes"


class Throttle:
    """The budgets of one subscription on an injected clock (seconds)."""

    def __init__(self, limits: Mapping[str, Limit], clock: Callable[[], float]) -> None:
        self.clock = clock
        self._initial = dict(limits)
        self.reset()

    def reset(self) -> None:
        """All buckets full and of their first size."""
        self.limits = dict(self._initial)
        self._left = {name: limit.capacity for name, limit in self.limits.items()}
        self._seen = dict.fromkeys(self.limits, self.clock())

    def set(self, bucket: str, *, remaining: float, per_second: float | None = None) -> None:
        """Empty or fill a bucket. Raises KeyError for a bucket that does not exist."""
        limit = self.limits[bucket]
        if per_second is not None:
            self.limits[bucket] = Limit(max(limit.capacity, remaining), per_second)
        self._left[bucket], self._seen[bucket] = remaining, self.clock()

    def take(self, bucket: str, subscription: str) -> dict[str, str]:
        """Take one request out and return the header to show. Raises Refusal (429) when the bucket is empty."""
        limit, now = self.limits[bucket], self.clock()
        left = min(limit.capacity, self._left[bucket] + max(0.0, now - self._seen[bucket]) * limit.per_second)
        self._seen[bucket] = now
        if left < 1:
            self._left[bucket] = left
            wait = math.ceil((1 - left) / limit.per_second) if limit.per_second > 0 else LONGEST_WAIT
            raise arm_errors.throttled(bucket, subscription, wait)
        self._left[bucket] = left - 1
        return {HEADER + bucket: str(int(left - 1))}

    def header(self, bucket: str) -> dict[str, str]:
        """The header without taking anything."""
        return {HEADER + bucket: str(int(self._left[bucket]))}
