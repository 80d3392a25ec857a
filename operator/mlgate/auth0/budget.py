"""The requests a tenant takes, shared out: most urgent first, never more than it takes, and nobody waits for long.

One budget per domain, whatever the credentials: the tenant counts all of them together. A request waits for a token in
every bucket it draws from (tenant-wide, its endpoint group's, and the one the headers tell of); one that is behind
others in the queue leaves a token for each of them in the buckets they share, so a less urgent class never delays a
more urgent one, and still passes where it draws from other buckets.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ..errors import Quota
from ..outbound import Urgency
from .access import Plan
from .ratelimit import PRESETS, Bucket, LearnedBucket, Limit, pause_after_refusal, rate_headers
from .routes import Route

AnyBucket = Bucket | LearnedBucket
_TENANT, _OTHERS, _LEARNED = "tenant", "others", "learned "


@dataclass(frozen=True, slots=True, order=True)
class _Waiting:
    """A request in the queue; its order there is its order as a tuple."""

    urgency: int
    number: int
    buckets: frozenset[str]


class Budget:
    """The request budget of one tenant.

    `longest_wait` is how many seconds a request may stand in the queue; where it would be more, Quota is raised, so
    that reconciles end and the engine decides. `clock` counts seconds, `wall` is UNIX time, `random` is in [0, 1).
    """

    def __init__(
        self,
        plan: Plan,
        *,
        longest_wait: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float],
    ) -> None:
        self._longest_wait = longest_wait
        self._clock = clock
        self._wall = wall
        self._sleep = sleep
        self._random = random
        self._queue: list[_Waiting] = []
        self._numbers = itertools.count()
        self._refusals = 0
        self._buckets: dict[str, AnyBucket] = {}
        self.use(plan)

    def use(self, plan: Plan) -> None:
        """The tenant has this plan from now on. What was learned from headers stays."""
        self.plan = plan
        self._preset = PRESETS[plan]
        self._buckets = {name: bucket for name, bucket in self._buckets.items() if name.startswith(_LEARNED)}

    @asynccontextmanager
    async def slot(self, route: Route, urgency: Urgency, *, gate: str, tenant: str) -> AsyncIterator[None]:
        """Waits for a turn; the request leaves and ends inside the block.

        Raises Quota when the turn would come later than `longest_wait` from now.
        """
        buckets = self._drawn_from(route)
        await self._turn(buckets, urgency, gate=gate, tenant=tenant)
        taken = [self._buckets[name] for name in buckets]
        for bucket in taken:
            bucket.take(self._clock())
        try:
            yield
        finally:
            for bucket in taken:
                bucket.ended(self._clock())

    def saw(self, route: Route, status: int, headers: Mapping[str, str], message: str = "") -> float:
        """An answer came (called inside the slot). Returns the seconds to stay away: 0 unless it is a 429."""
        told, now = rate_headers(headers, self._wall()), self._clock()
        names = self._drawn_from(route)
        if status == 429:
            self._refusals += 1
            pause = pause_after_refusal(told, self._refusals, self._random())
            # "Global limit has been reached" is the tenant's bucket; any other refusal is the endpoint's
            closed = {_TENANT} if "global" in message.lower() and route.managed else names - {_TENANT}
            for name in closed:
                self._buckets[name].close(now, pause)
            return pause
        self._refusals = 0
        if told.remaining is not None:
            self._learn(names, now, told.limit, told.remaining, told.reset_in)
        return 0.0

    def _learn(self, names: frozenset[str], now: float, limit: int | None, remaining: int, reset: float | None) -> None:
        """The headers speak of one bucket: the preset's with that burst, else one that we only know from them."""
        for bucket in (self._buckets[name] for name in sorted(names)):
            if isinstance(bucket, Bucket) and bucket.limit.burst == limit:
                bucket.learn(now, remaining)
                return
        for name in names:
            bucket = self._buckets[name]
            if isinstance(bucket, LearnedBucket) and name != _TENANT:
                bucket.learn(now, remaining, reset)

    def _drawn_from(self, route: Route) -> frozenset[str]:
        """The names of the buckets that the request draws from; those met for the first time are made."""
        limits: dict[str, Limit | None] = {f"{_LEARNED}{route.group}": None}
        if route.managed:
            limits[_TENANT] = self._preset.tenant
            if own := self._preset.groups.get(route.group):
                limits[route.group] = own
            elif self._preset.others:
                limits[_OTHERS] = self._preset.others
        for name, limit in limits.items():
            if name not in self._buckets:
                self._buckets[name] = Bucket(limit, self._clock()) if limit else LearnedBucket()
        return frozenset(limits)

    async def _turn(self, buckets: frozenset[str], urgency: Urgency, *, gate: str, tenant: str) -> None:
        me = _Waiting(int(urgency), next(self._numbers), buckets)
        latest = self._clock() + self._longest_wait
        bisect.insort(self._queue, me)
        try:
            while (wait := self._wait(me)) > 0:
                if self._clock() + wait > latest:
                    raise Quota(
                        f"The request budget of {tenant} is used up. mlgate goes on by itself in {wait:.0f} s.",
                        gate=gate,
                        after=max(wait, 0.1) * (1 + 0.2 * self._random()),
                    )
                await self._sleep(wait)
        finally:
            self._queue.remove(me)

    def _wait(self, me: _Waiting) -> float:
        now = self._clock()
        before = self._queue[: bisect.bisect_left(self._queue, me)]
        return max(
            self._buckets[name].wait(now, ahead=sum(name in other.buckets for other in before)) for name in me.buckets
        )
