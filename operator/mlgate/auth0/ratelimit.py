"""What a tenant takes: presets by plan, token buckets, and what the answers' headers say about them. Pure.

Facts (shared facts, auth0 sections 2.7 and 5; Auth0 docs, rate limit configurations, August 2026): a plan has a burst
and a sustained rate, tenant-wide or per endpoint group; `x-ratelimit-limit/-remaining/-reset` describe the endpoint's
bucket, never the tenant-wide one; `reset` is the UNIX second in which ONE token comes back; 429 may carry Retry-After.

Why no request of ours is refused while nobody else uses the tenant: what is in flight may not have been counted yet,
so a bucket is never filled beyond `burst - in flight`. Then, whatever the network delays, what the service has left
minus what is still on its way is never less than what we believe to have.

What a refusal teaches: the plan was told wrongly, or others use up what the headers never show (the tenant-wide bucket).
The rate is halved, rises again by a tenth every ten seconds, and stays under the rate that was refused for half an hour.
"""

from __future__ import annotations

import email.utils
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from .access import Plan

_ALMOST = 1e-6
"""Tokens: what floating point loses between "wait 0.5 s" and "0.5 s have passed"."""
_SHORTEST_PAUSE = 0.5
"""Seconds after a 429 at least, also where the service names a time that has passed already."""
_LONGEST_PAUSE = 300.0
"""Seconds after a 429 at most; then one request is tried again whatever the service said."""
_LONGEST_BACKOFF = 60.0


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` requests at once, `rate` requests per second sustained."""

    burst: int
    rate: float


@dataclass(frozen=True, slots=True)
class Preset:
    """A plan's limits: tenant-wide, for all groups without a limit of their own together, and by group."""

    tenant: Limit | None = None
    others: Limit | None = None
    groups: Mapping[str, Limit] = field(default_factory=dict)


def _per_minute(burst: int, minute: int) -> Limit:
    return Limit(burst, minute / 60)


_SELF_SERVICE: Mapping[str, Limit] = {
    "read clients": _per_minute(5, 100),
    "read connections": _per_minute(5, 50),
    "read users": _per_minute(40, 500),
    "write users": _per_minute(20, 200),
    "read organizations": _per_minute(5, 50),
    "read organization": _per_minute(20, 200),
    "write organizations": _per_minute(5, 25),
    "organization connections": _per_minute(5, 25),
    "organization members": _per_minute(20, 200),
    "organization member roles": _per_minute(20, 200),
}
_OTHERS = _per_minute(10, 150)
"""Of the self-service plans: "all other endpoints combined"."""
_ENTERPRISE: Mapping[str, Limit] = {
    "read organizations": _per_minute(10, 100),
    "write organizations": _per_minute(5, 150),
    "read organization client grants": _per_minute(10, 100),
    "write organization client grants": _per_minute(5, 150),
}

PRESETS: Mapping[Plan, Preset] = {
    Plan.FREE: Preset(tenant=Limit(2, 2.0)),
    Plan.ESSENTIALS: Preset(others=_OTHERS, groups=_SELF_SERVICE),
    Plan.PROFESSIONAL: Preset(others=_OTHERS, groups=_SELF_SERVICE),
    Plan.B2B: Preset(others=_OTHERS, groups=_SELF_SERVICE),
    Plan.ENTERPRISE: Preset(tenant=Limit(50, 16.0), groups=_ENTERPRISE),
    Plan.ENTERPRISE_NON_PRODUCTION: Preset(tenant=Limit(10, 2.0)),
    Plan.PRIVATE_CLOUD: Preset(tenant=Limit(50, 50.0)),
    Plan.AUTO: Preset(),
}

FASTEST = Limit(100, 100.0)
"""More than any plan takes: the bound of what is learned from refusals alone."""
_SLOWEST = 1 / 30
"""Requests per second, however often the service refuses."""
_RAISED_EVERY, _RAISED_BY = 10.0, 1.1
_REMEMBERED = 1800.0
"""Seconds for which a rate that was refused is not tried again."""


class Bucket:
    """A token bucket of the service as we believe it to be: never fuller than it is.

    `rate` is what to begin with, where it is known to be less than the limit's.
    """

    def __init__(self, limit: Limit, now: float, rate: float | None = None) -> None:
        self.limit = limit
        self.in_flight = 0
        self.rate = min(limit.rate, rate or limit.rate)
        self._tokens = self._burst
        self._at = now
        self._closed_until = now
        self._raised_at = now
        self._refused_rate = math.inf
        self._refused_at = now

    @property
    def interval(self) -> float:
        """Seconds from one request to the next in the long run."""
        return 1 / self.rate

    @property
    def _burst(self) -> float:
        return max(1.0, self.limit.burst * self.rate / self.limit.rate)

    def spare(self, now: float) -> bool:
        """Whether there is more than anybody is likely to ask for at once."""
        return self.wait(now, ahead=int(self._burst / 2)) == 0

    def wait(self, now: float, ahead: int = 0) -> float:
        """Seconds until a request may leave when `ahead` others go first; 0 when now."""
        self._fill(now)
        lacking = 1 + ahead - self._tokens
        return max(self._closed_until - now, lacking / self.rate if lacking > _ALMOST else 0.0, 0.0)

    def take(self, now: float) -> None:
        """A request leaves."""
        self._fill(now)
        self._tokens -= 1
        self.in_flight += 1

    def ended(self, now: float) -> None:
        """Its answer came, or it was given up."""
        self._fill(now)
        self.in_flight -= 1

    def learn(self, now: float, remaining: int) -> None:
        """The service says what is left (rounded down): less than we believe where others use the tenant too.

        What is in flight is not subtracted: our own count has it already, and the service may have, too.
        """
        self._fill(now)
        self._tokens = min(self._tokens, remaining + 1 - 2 * _ALMOST)

    def close(self, now: float, seconds: float) -> None:
        """The service refused: nothing leaves for so long, one token is there then, and the rate is less from now on."""
        self._fill(now)
        if now >= self._closed_until:  # later answers to what was under way teach nothing new
            self._refused_rate, self._refused_at = self.rate, now
            self.rate, self._raised_at = max(_SLOWEST, self.rate / 2), now + seconds
        self._closed_until = max(self._closed_until, now + seconds)
        self._tokens = min(self._tokens, 1 - seconds * self.rate)

    def _fill(self, now: float) -> None:
        self._recover(now)
        ceiling = self._burst - self.in_flight
        if self._tokens < ceiling:
            self._tokens = min(ceiling, self._tokens + (now - self._at) * self.rate)
        self._at = now

    def _recover(self, now: float) -> None:
        times = int((now - self._raised_at) / _RAISED_EVERY)
        if self.rate >= self.limit.rate or times < 1:
            return
        self._raised_at += times * _RAISED_EVERY
        bound = 0.9 * self._refused_rate if now - self._refused_at < _REMEMBERED else self.limit.rate
        self.rate = max(self.rate, min(self.limit.rate, bound, self.rate * _RAISED_BY ** min(times, 1000)))


class LearnedBucket:
    """An endpoint's bucket of which only the headers tell. Without headers it lets everything pass."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._left: float | None = None
        self._opens_at = 0.0
        self._interval = 0.0

    @property
    def interval(self) -> float:
        """Seconds from one request to the next in the long run; 0 where nothing is known."""
        return 0.0 if self._left is None else self._interval

    def spare(self, now: float) -> bool:
        """Whether there is more than anybody is likely to ask for at once."""
        return self.wait(now, ahead=1) == 0

    def wait(self, now: float, ahead: int = 0) -> float:
        """Seconds until a request may leave when `ahead` others go first; 0 when now."""
        if now < self._opens_at:
            return self._opens_at - now + ahead * self._interval
        if self._left is None or self._left >= 1 + ahead:
            return 0.0
        # the time named is over, so a token has come back; how many more, only the next answer tells
        free = 0 if self.in_flight else 1
        return max(0, 1 + ahead - free) * max(self._interval, 0.1)

    def take(self, now: float) -> None:
        """A request leaves."""
        self.in_flight += 1
        if self._left is not None:
            self._left = max(0.0, self._left - 1)

    def ended(self, now: float) -> None:
        """Its answer came, or it was given up."""
        self.in_flight -= 1

    def learn(self, now: float, remaining: int, reset_in: float | None) -> None:
        """The service says what is left, and in how many seconds one more comes. Called before `ended`.

        The others in flight may not have been counted yet; the next answer puts right what this one undervalues.
        """
        self._left = max(0.0, float(remaining - (self.in_flight - 1)))
        if remaining <= 0:
            self._interval = max(reset_in or 0.0, 0.1)
            self._opens_at = max(self._opens_at, now + self._interval)

    def forget(self) -> None:
        """The headers speak of another bucket now, or not at all."""
        self._left = None

    def close(self, now: float, seconds: float) -> None:
        """The service refused: nothing leaves for so long, and one request then."""
        self._left = 0.0
        self._interval = max(self._interval, 0.1)
        self._opens_at = max(self._opens_at, now + seconds)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a bucket is taken to allow: by the plan (None: it says nothing), and `learned`, in requests per second, where
    refusals taught that it is less."""

    bucket: str
    limit: Limit | None
    learned: float | None = None


@dataclass(frozen=True, slots=True)
class RateHeaders:
    """What an answer says about its endpoint's bucket; None where it says nothing we understand."""

    limit: int | None
    remaining: int | None
    reset_in: float | None
    """Seconds from the answer's own Date, so that a clock that is off does not matter."""
    retry_after: float | None


def rate_headers(headers: Mapping[str, str], wall: float) -> RateHeaders:
    """`headers` by lower-case name; `wall` is this machine's UNIX time, for answers without a Date."""
    sent = _date(headers.get("date")) or wall
    reset = _number(headers.get("x-ratelimit-reset"))
    after = headers.get("retry-after")
    seconds = _number(after)
    if seconds is None and (at := _date(after)) is not None:
        seconds = at - sent
    return RateHeaders(
        limit=_whole(headers.get("x-ratelimit-limit")),
        remaining=_whole(headers.get("x-ratelimit-remaining")),
        reset_in=None if reset is None else reset - sent,
        retry_after=seconds,
    )


def pause_after_refusal(told: RateHeaders, refusals: int, random: float) -> float:
    """Seconds to stay away after a 429: what the service named, else 1, 2, 4 ... 60 by how many came in a row.

    A fifth more at random (`random` in [0, 1)), so that not everybody returns at once; never 0.
    """
    named = next((s for s in (told.retry_after, told.reset_in) if s is not None and s > 0), None)
    seconds = named if named is not None else min(_LONGEST_BACKOFF, 2.0 ** min(max(refusals - 1, 0), 10))
    return max(_SHORTEST_PAUSE, min(_LONGEST_PAUSE, seconds)) * (1 + 0.2 * random)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def _whole(text: str | None) -> int | None:
    number = _number(text)
    return None if number is None else int(number)


def _date(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError):
        return None
