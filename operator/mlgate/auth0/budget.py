"""The requests a tenant takes, shared out: most urgent first, never more than it takes, and nobody waits for long.

One budget per domain, whatever the credentials: the tenant counts all of them together. A request waits for a token in
every bucket it draws from (tenant-wide, its endpoint group's, and the one the headers tell of); one that is behind
others in the queue leaves a token for each of them in the buckets they share, so a less urgent class never delays a
more urgent one, and still passes where it draws from other buckets. Whoever would wait too long is sent away with a
turn of its own: those who are sent away later get later turns, so that they do not come back all at once.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from ..errors import Quota
from ..outbound import Urgency
from .access import Plan
from .ratelimit import (
    FASTEST,
    PRESETS,
    Allowed,
    Bucket,
    LearnedBucket,
    Limit,
    RateHeaders,
    pause_after_refusal,
    rate_headers,
)
from .routes import Route

AnyBucket = Bucket | LearnedBucket
_WINDOW = 10.0
"""Seconds over which the rate is counted that a tenant of unknown limits has borne."""
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
        self._refusals: dict[str, int] = {}
        self._served: deque[float] = deque(maxlen=1000)
        self._promised: dict[tuple[str, int], float] = {}
        self._buckets: dict[str, AnyBucket] = {}
        self.use(plan)

    def use(self, plan: Plan) -> None:
        """The tenant has this plan from now on. What was learned from headers stays."""
        self.plan = plan
        self._preset = PRESETS[plan]
        self._buckets = {name: bucket for name, bucket in self._buckets.items() if name.startswith(_LEARNED)}

    def allowed(self) -> list[Allowed]:
        """What the tenant is taken to allow: its plan's limits, and what refusals taught since. Nothing is asked."""
        limits = {_TENANT: self._preset.tenant, _OTHERS: self._preset.others, **self._preset.groups}
        told = {name: Allowed(name, limit, self._lowered(name)) for name, limit in limits.items() if limit}
        for name, bucket in sorted(self._buckets.items()):
            if name.startswith(_LEARNED) and isinstance(bucket, Bucket):
                group = name.removeprefix(_LEARNED)
                known = told.get(group, Allowed(group, None))
                told[group] = replace(known, learned=min(bucket.rate, known.learned or bucket.rate))
        return list(told.values())

    def _lowered(self, name: str) -> float | None:
        bucket = self._buckets.get(name)
        return bucket.rate if isinstance(bucket, Bucket) and bucket.rate < bucket.limit.rate else None

    @asynccontextmanager
    async def slot(self, route: Route, urgency: Urgency, *, tenant: str) -> AsyncIterator[None]:
        """Waits for a turn; the request leaves and ends inside the block.

        Raises Quota (without a gate: it is no answer of the service) when the turn would come later than `longest_wait`
        from now; for what runs in the background, when anybody else waits or little is left.
        """
        buckets = self._drawn_from(route)
        await self._turn(buckets, urgency, tenant=tenant)
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
            # "Global limit has been reached" is the tenant's bucket; any other refusal is the endpoint's
            closed = {_TENANT} if "global" in message.lower() and route.managed else names - {_TENANT}
            refusals = 1 + max(self._refusals.get(name, 0) for name in closed)
            pause = pause_after_refusal(told, refusals, self._random())
            for name in closed:
                self._refusals[name] = refusals
                self._refused(name, now, told.remaining, pause)
            return pause
        for name in names:
            self._refusals.pop(name, None)
        self._served.append(now)
        self._learn(names, now, told)
        return 0.0

    def _refused(self, name: str, now: float, remaining: int | None, pause: float) -> None:
        """Where neither a preset nor headers say how many there may be, the rate that was borne so far is taken."""
        bucket = self._buckets[name]
        if isinstance(bucket, LearnedBucket) and remaining is None:
            borne = sum(at > now - _WINDOW for at in self._served) / _WINDOW
            bucket = self._buckets[name] = Bucket(FASTEST, now, 2 * max(1.0, borne))  # closing it halves it
        bucket.close(now, pause)

    def _learn(self, names: frozenset[str], now: float, told: RateHeaders) -> None:
        """The headers speak of one bucket: the preset's with that burst, else one that we only know from them."""
        known = None
        for bucket in (self._buckets[name] for name in sorted(names)):
            if isinstance(bucket, Bucket) and bucket.limit.burst == told.limit and told.remaining is not None:
                known = bucket
                bucket.learn(now, told.remaining)
                break
        for name in names - {_TENANT}:
            bucket = self._buckets[name]
            if isinstance(bucket, LearnedBucket):
                if known is None and told.remaining is not None:
                    bucket.learn(now, told.remaining, told.reset_in)
                else:
                    bucket.forget()

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

    async def _turn(self, buckets: frozenset[str], urgency: Urgency, *, tenant: str) -> None:
        me = _Waiting(int(urgency), next(self._numbers), buckets)
        latest = self._clock() + self._longest_wait
        if urgency is Urgency.BACKGROUND and not self._spare(buckets):
            raise Quota(f"{tenant} has no requests to spare now.", after=self._longest_wait)
        bisect.insort(self._queue, me)
        try:
            while (wait := self._wait(me)) > 0:
                if self._clock() + wait > latest:
                    raise Quota(
                        f"The request budget of {tenant} is used up. mlgate goes on by itself when it is this "
                        "object's turn.",
                        after=self._promise(me, wait),
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

    def _promise(self, me: _Waiting, wait: float) -> float:
        """Seconds until the turn of a request that is sent away: after those of its class, or a more urgent one, that
        were sent away before it."""
        now = self._clock()
        turn, step = now + wait, 0.0
        for name in me.buckets:
            interval = self._buckets[name].interval
            step = max(step, interval)
            before = max((self._promised.get((name, level), 0.0) for level in range(me.urgency + 1)), default=0.0)
            turn = max(turn, before + interval)
        for name in me.buckets:
            self._promised[name, me.urgency] = turn
        return turn - now + step * self._random()

    def _spare(self, buckets: frozenset[str]) -> bool:
        return not self._queue and all(self._buckets[name].spare(self._clock()) for name in buckets)
